"""Clips as ordinary MP4 files, judged by FFmpeg's reader."""

import io
import shutil
import subprocess
from array import array
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av.container import InputContainer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tawny.media.codec.nal import parameter_sets, split_lengths
from tawny.media.mp4.fragment_writer import Sample
from tawny.media.mp4.progressive import (
    ClipSamples,
    ClipSoundtrack,
    ProgressiveMp4,
    SampleChunk,
    SegmentPart,
    cut_clip,
    write_mp4,
)
from tawny.model.errors import StorageError
from tawny.model.packets import AudioFormat, VideoCodec
from tests.media.clips import Clip as Encoded
from tests.media.clips import encoded
from tests.media.segments import AAC, ALAW, ULAW, g711, written

START_MS = 1_700_000_000_000
GOP_TICKS = 90_000
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def segments(
    folder: Path, clip: Encoded, *, per_segment: int = 30, audio: AudioFormat | None = None, hole_ms: int = 0
) -> list[SegmentPart]:
    """The clip in files of `per_segment` pictures; between them `hole_ms` of wall time with nothing."""
    pieces = []
    for number, at in enumerate(range(0, len(clip.units), per_segment)):
        part = clip.units[at : at + per_segment]
        path = folder / f"{clip.video.codec}-{number}-{len(list(folder.iterdir()))}.mp4"
        path.write_bytes(written(clip.video, part, audio=audio, sound=g711(len(part) / 15) if audio else (), end={}))
        pieces.append(SegmentPart(path, START_MS + round(part[0].pts / 90) + number * hole_ms))
    return pieces


def whole(mp4: ProgressiveMp4) -> bytes:
    return b"".join(mp4.read())


def opened(data: bytes) -> InputContainer:
    return av.open(io.BytesIO(data), "r")


def shown(data: bytes) -> list[float]:
    """When FFmpeg shows each picture, in seconds."""
    with opened(data) as file:
        return [round(picture.time or 0.0, 4) for picture in file.decode(video=0)]


def units(data: bytes, kind: str = "video") -> list[bytes]:
    with opened(data) as file:
        return [bytes(packet) for packet in file.demux(getattr(file.streams, kind)[0]) if packet.size]


def evenly(count: int, first: int = 0) -> list[float]:
    return [round((first + k) / 15, 4) for k in range(count)]


KINDS: list[tuple[VideoCodec, str]] = [
    ("h264", "bframes=0"),
    ("h264", "bframes=2:slices=3"),
    ("h265", "bframes=0"),
    ("h265", "bframes=2:no-open-gop=1"),
]


@pytest.mark.parametrize(("codec", "params"), KINDS)
def test_segments_are_joined_byte_for_byte(tmp_path: Path, codec: VideoCodec, params: str) -> None:
    clip = encoded(codec, frames=90, params=params, gop=15)
    data = whole(ProgressiveMp4(cut_clip(segments(tmp_path, clip))))
    assert units(data) == [unit.data for unit in clip.units]
    assert shown(data) == evenly(90)


@pytest.mark.parametrize(("codec", "params"), KINDS)
@needs_ffmpeg
def test_ffmpeg_reads_it_without_a_word(tmp_path: Path, codec: VideoCodec, params: str) -> None:
    clip = encoded(codec, frames=90, params=params, gop=15)
    pieces = segments(tmp_path, clip)
    pieces[0] = SegmentPart(pieces[0].path, pieces[0].start_ms, begin_ticks=50_000)
    path = tmp_path / "clip.mp4"
    with path.open("wb") as out:
        write_mp4(out, pieces)
    command = ["ffmpeg", "-v", "warning", "-i", str(path), "-f", "null", "-"]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr == ""


@pytest.mark.parametrize(("codec", "params"), KINDS)
def test_a_clip_begins_where_it_was_told_to_though_no_keyframe_is_there(
    tmp_path: Path, codec: VideoCodec, params: str
) -> None:
    clip = encoded(codec, frames=60, params=params, gop=15)
    (piece,) = segments(tmp_path, clip, per_segment=60)
    made = cut_clip([SegmentPart(piece.path, piece.start_ms, begin_ticks=20 * 6000, end_ticks=40 * 6000)])
    data = whole(ProgressiveMp4(made))
    assert made.begin_ms == START_MS + 1333
    assert shown(data) == evenly(20)
    keyframe = clip.units[15]
    assert keyframe.is_keyframe
    assert units(data)[0] == keyframe.data


def test_pictures_needed_to_decode_others_are_kept_though_not_shown(tmp_path: Path) -> None:
    clip = encoded("h264", frames=30, params="bframes=2", gop=30)
    (piece,) = segments(tmp_path, clip)
    made = cut_clip([SegmentPart(piece.path, piece.start_ms, end_ticks=2 * 6000)])
    assert [unit.pts // 6000 for unit in clip.units[:3]] == [0, 3, 1]
    assert units(whole(ProgressiveMp4(made))) == [unit.data for unit in clip.units[:3]]
    assert made.end_ticks == 12_000


def test_a_gap_is_kept_as_time(tmp_path: Path) -> None:
    clip = encoded("h264", frames=60, params="bframes=2", gop=15)
    data = whole(ProgressiveMp4(cut_clip(segments(tmp_path, clip, hole_ms=7000))))
    assert shown(data) == evenly(30) + evenly(30, first=30 + 7 * 15)


@pytest.mark.parametrize("hole_ms", [-20, -1, 1, 20])
def test_starts_that_are_rounded_make_no_jumps(tmp_path: Path, hole_ms: int) -> None:
    clip = encoded("h264", frames=90, gop=15)
    assert shown(whole(ProgressiveMp4(cut_clip(segments(tmp_path, clip, hole_ms=hole_ms))))) == evenly(90)


def test_a_piece_that_overlaps_comes_after_what_is_there(tmp_path: Path) -> None:
    clip = encoded("h264", frames=60, gop=15)
    times = shown(whole(ProgressiveMp4(cut_clip(segments(tmp_path, clip, hole_ms=-900)))))
    assert len(times) == 60
    assert all(later > earlier for earlier, later in pairwise(times))


def test_a_later_piece_begins_at_its_next_keyframe(tmp_path: Path) -> None:
    clip = encoded("h264", frames=90, gop=15)
    first, second, _ = segments(tmp_path, clip)
    data = whole(ProgressiveMp4(cut_clip([first, SegmentPart(second.path, second.start_ms, begin_ticks=1000)])))
    assert shown(data) == evenly(30) + evenly(15, first=45)


def test_nothing_to_show_is_an_error(tmp_path: Path) -> None:
    (piece,) = segments(tmp_path, encoded("h264"))
    for nothing in (
        [],
        [SegmentPart(piece.path, START_MS, begin_ticks=10**7)],
        [SegmentPart(piece.path, START_MS, 0, 0)],
    ):
        with pytest.raises(ValueError, match="nothing"):
            cut_clip(nothing)


# --- what cannot be in one file --------------------------------------------------------------------------------------


def test_a_clip_ends_where_the_picture_changes_and_says_so(tmp_path: Path) -> None:
    before, after = encoded("h264"), encoded("h264", size=(176, 112))
    pieces = segments(tmp_path, before) + segments(tmp_path, after)
    made = cut_clip(pieces)
    assert made.left_out == (pieces[1],)
    assert shown(whole(ProgressiveMp4(made))) == evenly(30)


def test_a_clip_ends_where_the_sound_changes_and_says_so(tmp_path: Path) -> None:
    clip = encoded("h264")
    pieces = segments(tmp_path, clip, audio=ULAW) + segments(tmp_path, clip) + segments(tmp_path, clip, audio=ALAW)
    assert cut_clip(pieces).left_out == (pieces[2],)


def test_other_parameter_sets_for_the_same_picture_stand_in_every_keyframe(tmp_path: Path) -> None:
    grey = encoded("h264", frames=15, params="bframes=0:colormatrix=bt709")
    other = encoded("h264", frames=15)
    pieces = segments(tmp_path, other) + segments(tmp_path, grey)
    pieces[1] = SegmentPart(pieces[1].path, START_MS + 1000)
    made = cut_clip(pieces)
    data = whole(ProgressiveMp4(made))
    keyframes = [unit for unit in units(data) if parameter_sets("h264", split_lengths(unit))]
    assert made.left_out == ()
    assert [parameter_sets("h264", split_lengths(unit)) for unit in keyframes] == [
        other.video.parameter_sets,
        grey.video.parameter_sets,
    ]
    assert shown(data) == evenly(30)


# --- sound -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("audio", [ULAW, ALAW])
def test_stored_sound_is_copied(tmp_path: Path, audio: AudioFormat) -> None:
    clip = encoded("h264", frames=60, gop=15)
    data = whole(ProgressiveMp4(cut_clip(segments(tmp_path, clip, audio=audio))))
    assert units(data, "audio") == [unit.data for unit in g711(2)] * 2
    with opened(data) as file:
        stream = file.streams.audio[0]
        times = [float((packet.pts or 0) * packet.time_base) for packet in file.demux(stream) if packet.size]
    assert times == pytest.approx([k * 0.02 for k in range(200)], abs=0.001)


def test_sound_keeps_its_place_when_a_clip_begins_between_keyframes(tmp_path: Path) -> None:
    (piece,) = segments(tmp_path, encoded("h264", frames=60, gop=15), per_segment=60, audio=ULAW)
    data = whole(ProgressiveMp4(cut_clip([SegmentPart(piece.path, START_MS, begin_ticks=117_000, end_ticks=207_000)])))
    heard = units(data, "audio")
    assert heard[0] == g711(4)[63].data  # picture 19 is shown at 117,000, from 114,000 on: 1.2667 s
    assert len(heard) == 52
    assert shown(data) == evenly(16)


def test_sound_that_begins_later_waits(tmp_path: Path) -> None:
    clip = encoded("h264")
    path = tmp_path / "late.mp4"
    path.write_bytes(written(clip.video, clip.units, audio=ULAW, sound=g711(2)[25:], end={}))
    data = whole(ProgressiveMp4(cut_clip([SegmentPart(path, START_MS)])))
    with opened(data) as file:
        first = next(packet for packet in file.demux(file.streams.audio[0]))
        assert first.pts is not None
        assert float(first.pts * first.time_base) == pytest.approx(0.5, abs=0.001)


def test_the_stored_sound_can_be_had_for_making_another(tmp_path: Path) -> None:
    (piece,) = segments(tmp_path, encoded("h264", frames=60, gop=15), per_segment=60, audio=ULAW)
    sound = list(
        cut_clip([SegmentPart(piece.path, START_MS, begin_ticks=115_000)]).sound(lambda error: pytest.fail(str(error)))
    )
    assert [(sample.data, sample.pts) for sample in sound[:2]] == [
        (g711(4)[63].data, -53),
        (g711(4)[64].data, 107),
    ]


def test_made_sound_stands_in_for_the_stored(tmp_path: Path) -> None:
    clip = encoded("h264", frames=60, gop=15)
    made = [Sample(bytes([k]) * 10, k * 1024, 1024, False) for k in range(62)]
    data = whole(ProgressiveMp4(cut_clip(segments(tmp_path, clip, audio=ULAW)), ClipSoundtrack(AAC, made)))
    assert units(data, "audio") == [bytes(sample.data) for sample in made]
    assert shown(data) == evenly(60)


@pytest.mark.parametrize("sound", [None, ClipSoundtrack(AAC, [])])
def test_a_clip_can_be_silent(tmp_path: Path, sound: ClipSoundtrack | None) -> None:
    made = cut_clip(segments(tmp_path, encoded("h264"), audio=ULAW))
    with opened(whole(ProgressiveMp4(made, sound, is_silent=sound is None))) as file:
        assert len(file.streams.audio) == 0


# --- serving ---------------------------------------------------------------------------------------------------------


@pytest.fixture(name="mp4", scope="module")
def mp4_of_two_segments(tmp_path_factory: pytest.TempPathFactory) -> ProgressiveMp4:
    clip = encoded("h264", frames=60, params="bframes=2", gop=15)
    return ProgressiveMp4(cut_clip(segments(tmp_path_factory.mktemp("mp4"), clip, audio=ULAW)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ends=st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)))
def test_any_range_of_bytes_is_what_the_whole_has_there(mp4: ProgressiveMp4, ends: tuple[int, int]) -> None:
    begin, end = sorted(ends)
    assert b"".join(mp4.read(begin, end)) == whole(mp4)[begin:end]


def test_the_size_is_known_before_anything_is_read(mp4: ProgressiveMp4) -> None:
    assert mp4.size_bytes == len(whole(mp4))
    assert whole(mp4).startswith(mp4.header)


def test_a_segment_that_is_gone_is_reported(tmp_path: Path) -> None:
    pieces = segments(tmp_path, encoded("h264"))
    mp4 = ProgressiveMp4(cut_clip(pieces))
    pieces[0].path.unlink()
    with pytest.raises(StorageError):
        whole(mp4)


def test_more_than_four_gigabytes_are_told_in_64_bits(tmp_path: Path) -> None:
    path = tmp_path / "large"
    size = 64 << 20
    with path.open("wb") as large:
        large.truncate(size)
    video = encoded("h264").video
    chunks = [
        SampleChunk(True, path, 0, array("I", [size]), array("q", [k * 6000]), bytearray([1]), 6000, video)
        for k in range(65)
    ]
    mp4 = ProgressiveMp4(ClipSamples(video, None, START_MS, 65 * 6000, chunks, ()))
    assert mp4.size_bytes > 1 << 32
    assert b"co64" in mp4.header
    assert mp4.header[-16:-8] == b"\0\0\0\1mdat"
    assert int.from_bytes(mp4.header[-8:], "big") == mp4.size_bytes - len(mp4.header) + 16
    at = mp4.header.index(b"co64") + 12
    assert int.from_bytes(mp4.header[at : at + 8], "big") == len(mp4.header)
    assert int.from_bytes(mp4.header[at + 64 * 8 : at + 65 * 8], "big") == len(mp4.header) + 64 * size
