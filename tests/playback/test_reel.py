from itertools import pairwise

import pytest

from tawny.model.packets import Packet
from tawny.model.segments import Gap, GapReason, NotCarried, ReelPiece
from tawny.model.times import Span, utc_from_text
from tawny.playback.packet_reel import PacketReel
from tests.playback.archives import MAIN, PORCH, SUB, FakeArchive

START_MS = utc_from_text("2026-11-20T05:00:00Z")


def reel(archive: FakeArchive, at_ms: int, *, sparse_ms: int = 0) -> PacketReel:
    return PacketReel(archive, PORCH, MAIN, at_ms, codec="h264", sparse_ms=sparse_ms)


def rest(of: PacketReel) -> list[ReelPiece]:
    pieces: list[ReelPiece] = []
    while (piece := of.next()) is not None:
        pieces.append(piece)
        assert len(pieces) < 200
    return pieces


def shown(pieces: list[ReelPiece]) -> list[Packet]:
    return [packet for piece in pieces for packet in piece.packets if packet.is_video]


def offsets(pieces: list[ReelPiece]) -> list[int]:
    return [packet.at_ms - START_MS for packet in shown(pieces)]


def test_it_begins_with_the_keyframe_at_or_before_and_gives_everything_from_there(archive: FakeArchive) -> None:
    archive.record(START_MS, 4)
    pieces = rest(reel(archive, START_MS + 1_250))
    assert offsets(pieces) == list(range(1_000, 4_000, 100))
    assert shown(pieces)[0].is_keyframe
    assert [packet.number for packet in shown(pieces)] == sorted({packet.number for packet in shown(pieces)})


def test_what_it_gives_is_what_is_stored(archive: FakeArchive) -> None:
    segment = archive.record(START_MS, 2)
    data = archive.segment_path(segment).read_bytes()
    assert all(packet.data in data for packet in shown(rest(reel(archive, START_MS))))


def test_it_goes_on_from_file_to_file_without_a_word(archive: FakeArchive) -> None:
    archive.record(START_MS, 2)
    archive.record(START_MS + 2_000, 2, run="another")
    pieces = rest(reel(archive, START_MS))
    assert offsets(pieces) == list(range(0, 4_000, 100))
    assert [piece.skipped for piece in pieces] == [None] * 4


def test_it_passes_over_what_is_not_recorded_and_says_why(archive: FakeArchive) -> None:
    archive.record(START_MS, 2)
    archive.record(START_MS + 7_000_000, 1)
    archive.index.put_gap(Gap(PORCH, START_MS + 2_000, START_MS + 7_000_000, GapReason.WIFI))
    pieces = rest(reel(archive, START_MS + 1_000))
    skipped = [piece.skipped for piece in pieces]
    assert skipped[0] is None
    assert skipped[1] is not None
    assert skipped[1].span == Span(START_MS + 2_000, START_MS + 7_000_000)
    assert skipped[1].reason is GapReason.WIFI
    assert offsets(pieces)[10] == 7_000_000


def test_before_everything_it_begins_with_the_first_and_behind_everything_there_is_nothing(
    archive: FakeArchive,
) -> None:
    archive.record(START_MS, 2)
    first = reel(archive, START_MS - 90_000_000).next()
    assert first
    assert first.skipped
    assert first.skipped.span == Span(START_MS - 90_000_000, START_MS)
    assert first.packets[0].at_ms == START_MS
    assert reel(archive, START_MS + 5_000).next() is None


def test_it_reads_on_in_a_file_that_is_written_and_in_the_next_one(archive: FakeArchive) -> None:
    segment = archive.record(START_MS, 4, is_open=True)
    path = archive.segment_path(segment)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    of = reel(archive, START_MS)
    before = rest(of)
    assert 0 < len(before) < 4
    assert of.next() is None
    path.write_bytes(whole)
    after = rest(of)
    assert offsets(before + after) == list(range(0, 4_000, 100))
    archive.close(segment)
    archive.record(START_MS + 4_000, 1)
    assert offsets(rest(of)) == list(range(4_000, 5_000, 100))


def test_keyframes_alone_are_given_as_far_apart_as_asked_for(archive: FakeArchive) -> None:
    archive.record(START_MS, 10)
    archive.record(START_MS + 10_000, 10)
    pieces = rest(reel(archive, START_MS, sparse_ms=2_000))
    assert all(packet.is_keyframe for packet in shown(pieces))
    assert {b - a for a, b in pairwise(offsets(pieces))} == {2_000}
    assert offsets(pieces)[-1] == 18_000


def test_sound_lies_between_the_pictures(archive: FakeArchive) -> None:
    archive.record(START_MS, 2, audio="pcmu")
    packets = [packet for piece in rest(reel(archive, START_MS)) for packet in piece.packets]
    assert [packet.at_ms for packet in packets] == sorted(packet.at_ms for packet in packets)
    assert sum(not packet.is_video for packet in packets) == 20


def test_a_file_that_cannot_be_read_is_passed_over(archive: FakeArchive) -> None:
    archive.record(START_MS, 2)
    broken = archive.record(START_MS + 2_000, 2)
    archive.record(START_MS + 4_000, 2)
    archive.segment_path(broken).write_bytes(b"not a film")
    assert offsets(rest(reel(archive, START_MS))) == [*range(0, 2_000, 100), *range(4_000, 6_000, 100)]


def test_the_small_stream_is_taken_where_the_large_one_is_missing(archive: FakeArchive) -> None:
    archive.record(START_MS, 2, stream=SUB)
    assert offsets(rest(reel(archive, START_MS))) == list(range(0, 2_000, 100))


def test_what_is_recorded_otherwise_is_refused_with_words_each_time(archive: FakeArchive) -> None:
    archive.record(START_MS, 2)
    of = PacketReel(archive, PORCH, MAIN, START_MS, codec="h265")
    for _ in range(2):
        with pytest.raises(NotCarried, match="H264"):
            of.next()
