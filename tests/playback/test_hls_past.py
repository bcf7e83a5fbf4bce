"""HLS of past spans: what is listed, and that a player gets exactly the stored packets."""

import errno
import re
from pathlib import Path

import av
import pytest

from tawny.media.codec.encoder import Encoder
from tawny.model.errors import TooManyFiles
from tawny.model.times import Span, utc_from_text
from tawny.playback.hls_past import past_header, past_piece, past_pieces, past_playlist
from tests.playback.archives import MAIN, PORCH, SUB, FakeArchive
from tests.support.bad_sector import bad_sector

T_MS = utc_from_text("2026-11-20T05:00:00.250Z")
PIECE = re.compile(r"past/(\w+)/(\d+)-(\d+)-(\d+)\.m4s")


@pytest.fixture
def archive(tmp_path: Path) -> FakeArchive:
    (tmp_path / "recordings").mkdir()
    return FakeArchive(tmp_path / "recordings")


def listed(archive: FakeArchive, begin_s: float, end_s: float) -> str:
    pieces = past_pieces(archive, PORCH, MAIN, Span(T_MS + round(begin_s * 1000), T_MS + round(end_s * 1000)))
    return past_playlist(pieces) if pieces else ""


def saved(archive: FakeArchive, text: str, folder: Path) -> Path:
    """The playlist with all its files, as a player would get them."""
    known = {segment.id: segment for segment in archive.index.segments(PORCH, None, Span(0, 2 * T_MS))}
    known |= {segment.id: segment for segment in archive.still_open}
    for found in PIECE.finditer(text):
        path = folder / found[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        zero_ms, first, count = (int(one) for one in found.groups()[1:])
        path.write_bytes(past_piece(archive, known[found[1]], first, count, zero_ms))  # type: ignore[index]
    for one in re.findall(r"past/(\w+)/header\.mp4", text):
        (folder / "past" / one / "header.mp4").write_bytes(past_header(archive, known[one]))
    playlist = folder / "past.m3u8"
    playlist.write_text(text)
    return playlist


def packets(path: Path, kind: str = "video") -> list[tuple[float, bytes]]:
    with av.open(str(path)) as film:
        stream = film.streams.video[0] if kind == "video" else film.streams.audio[0]
        assert stream.time_base is not None
        return [
            (float(one.pts * stream.time_base), bytes(one))
            for one in film.demux(stream)
            if one.pts is not None and one.size
        ]


def stored(archive: FakeArchive, *names: str) -> list[bytes]:
    paths = sorted(archive.root.iterdir())
    return [data for path in paths if not names or path.name in names for _, data in packets(path)]


def lengths(text: str) -> list[float]:
    return [float(one) for one in re.findall(r"#EXTINF:([\d.]+),", text)]


def test_an_unbroken_span_is_one_timeline_with_an_end(archive: FakeArchive, tmp_path: Path) -> None:
    """SC22: each piece about 4 s; the packets are those on the disk."""
    for part in range(3):
        archive.record(T_MS + part * 10_000, 10)
    text = listed(archive, 0, 30)
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert "DISCONTINUITY" not in text
    assert text.count("#EXT-X-MAP") == 1
    assert "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T05:00:00.250Z" in text
    assert lengths(text) == [4.0, 4.0, 2.0] * 3
    found = packets(saved(archive, text, tmp_path))
    assert [data for _, data in found] == stored(archive)
    assert [at for at, _ in found] == pytest.approx([number / 10 for number in range(300)], abs=0.002)


def test_a_span_begins_and_ends_at_a_keyframe(archive: FakeArchive, tmp_path: Path) -> None:
    archive.record(T_MS, 10)
    archive.record(T_MS + 10_000, 10)
    text = listed(archive, 3.4, 12.2)
    assert sum(lengths(text)) == 10.0
    assert "DATE-TIME:2026-11-20T05:00:03.250Z" in text
    assert [data for _, data in packets(saved(archive, text, tmp_path))] == stored(archive)[30:130]


def test_a_gap_is_a_discontinuity_with_its_own_time(archive: FakeArchive, tmp_path: Path) -> None:
    archive.record(T_MS, 8)
    archive.record(T_MS + 60_000, 4)
    text = listed(archive, 0, 100)
    before, after = text.split("#EXT-X-DISCONTINUITY\n")
    assert after.startswith("#EXT-X-MAP")
    assert "DATE-TIME:2026-11-20T05:01:00.250Z" in after
    assert "DATE-TIME:2026-11-20T05:01" not in before
    assert sum(lengths(text)) == 12.0
    assert [data for _, data in packets(saved(archive, text, tmp_path))] == stored(archive)


def test_another_format_is_a_discontinuity(archive: FakeArchive) -> None:
    archive.record(T_MS, 4)
    archive.record(T_MS + 4_000, 4, size=(64, 48))
    assert listed(archive, 0, 8).count("DISCONTINUITY") == 1


def test_what_is_being_written_is_listed_as_far_as_it_goes(archive: FakeArchive, tmp_path: Path) -> None:
    archive.record(T_MS, 8)
    archive.record(T_MS + 8_000, 6, is_open=True)
    text = listed(archive, 0, 100)
    assert sum(lengths(text)) == 14.0
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert len(packets(saved(archive, text, tmp_path))) == 140


def test_aac_is_as_stored_and_g711_is_transcoded(archive: FakeArchive, tmp_path: Path) -> None:
    archive.record(T_MS, 8, audio="aac")
    archive.record(T_MS + 8_000, 8, audio="pcmu")
    text = listed(archive, 0, 16)
    assert lengths(text) == [4.0, 4.0, 8.0]
    playlist = saved(archive, text, tmp_path)
    with av.open(str(playlist)) as film:
        assert film.streams.audio[0].codec_context.name == "aac"
        assert sum(1 for one in film.demux(film.streams.audio[0]) if one.size) == pytest.approx(125 + 64, abs=3)


def test_the_sub_stream_stands_in(archive: FakeArchive) -> None:
    archive.record(T_MS, 4, stream=SUB)
    assert lengths(listed(archive, 0, 4)) == [4.0]


def test_nothing_recorded_and_numbers_of_nothing(archive: FakeArchive) -> None:
    segment = archive.record(T_MS, 4)
    assert listed(archive, 100, 200) == ""
    for first, count in ((0, 0), (9, 1), (0, 99)):
        assert past_piece(archive, segment, first, count, T_MS) == b""


def test_a_damaged_file_is_left_out(archive: FakeArchive) -> None:
    archive.record(T_MS, 4)
    broken = archive.record(T_MS + 4_000, 4)
    archive.segment_path(broken).write_bytes(b"no film")
    archive.record(T_MS + 8_000, 4)
    text = listed(archive, 0, 12)
    assert sum(lengths(text)) == 8.0
    assert text.count("DISCONTINUITY") == 1


def test_a_file_that_cannot_be_read_is_left_out(archive: FakeArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.record(T_MS, 4)
    bad = archive.record(T_MS + 4_000, 4)
    archive.record(T_MS + 8_000, 4)
    bad_sector(monkeypatch, archive.segment_path(bad))
    text = listed(archive, 0, 12)
    assert sum(lengths(text)) == 8.0
    assert text.count("DISCONTINUITY") == 1


def test_a_span_is_not_listed_in_part_because_too_many_files_are_open(
    archive: FakeArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad_sector(monkeypatch, archive.segment_path(archive.record(T_MS, 4)), errno.EMFILE)
    with pytest.raises(TooManyFiles):
        listed(archive, 0, 4)


def test_sparse_keyframes_make_long_pieces(archive: FakeArchive) -> None:
    """Duration plus or minus one keyframe."""
    import numpy as np

    encoder = Encoder(96, 64, 10, gop_s=10.0)
    frames = [one for number in range(200) for one in encoder.encode(np.full((96, 96), 99, np.uint8), number * 9000)]
    archive.record(T_MS, 20, packets=[*frames, *encoder.close()])
    assert lengths(listed(archive, 12, 15)) == [10.0]
    assert "TARGETDURATION:10" in listed(archive, 0, 20)


def test_where_only_the_other_stream_has_something_its_pieces_are_listed(archive: FakeArchive, tmp_path: Path) -> None:
    for second in range(0, 20, 4):
        archive.record(T_MS + second * 1000, 4, stream=SUB)
    archive.record(T_MS + 8000, 4)
    text = listed(archive, 0, 20)
    assert sum(lengths(text)) == pytest.approx(20, abs=0.01)
    assert text.count("#EXT-X-DISCONTINUITY\n") == 2
    found = packets(saved(archive, text, tmp_path))
    assert [at for at, _ in found] == pytest.approx([number / 10 for number in range(200)], abs=0.002)
