"""What we write, judged by FFmpeg's reader."""

import io
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import av
import pytest
from av.container import InputContainer
from av.stream import Stream

from tawny.media.codec.nal import split_lengths
from tawny.media.mp4.fragment_writer import Sample, end_box, fragment, init_segment
from tawny.model.packets import VideoCodec
from tests.media.clips import Clip, encoded
from tests.media.segments import AAC, ALAW, ULAW, g711, written

KINDS: list[tuple[VideoCodec, str]] = [
    ("h264", "bframes=0"),
    ("h264", "bframes=0:slices=3"),
    ("h264", "bframes=2:slices=3"),
    ("h264", "bframes=3:b-pyramid=normal"),
    ("h265", "bframes=0:slices=2"),
    ("h265", "bframes=3"),
]
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def complaints(path: Path, *options: str) -> str:
    """What ffmpeg says while it decodes all of a file."""
    command = ["ffmpeg", "-v", "warning", *options, "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr


def opened(data: bytes) -> InputContainer:
    return av.open(io.BytesIO(data), "r")


def packets(data: bytes, kind: str = "video") -> "list[av.Packet[Stream]]":
    with opened(data) as file:
        return [packet for packet in file.demux(getattr(file.streams, kind)[0]) if packet.size]


@pytest.mark.parametrize(("codec", "params"), KINDS)
@pytest.mark.parametrize("per_fragment", [1, 4, 15, 100])
def test_units_come_back_byte_for_byte_in_order_with_their_times(
    codec: VideoCodec, params: str, per_fragment: int
) -> None:
    clip = encoded(codec, params=params)
    read = packets(written(clip.video, clip.units, per_fragment=per_fragment))
    assert [bytes(packet) for packet in read] == [unit.data for unit in clip.units]
    assert [packet.is_keyframe for packet in read] == [unit.is_keyframe for unit in clip.units]
    times = [packet.pts or 0 for packet in read]
    delay = times[0]  # FFmpeg shows all later by as much as a picture is decoded after it is shown
    assert delay == 0 or per_fragment == 1  # one picture doesn't say what comes
    assert [time - delay for time in times] == [unit.pts - clip.units[0].pts for unit in clip.units]
    decode = [packet.dts or 0 for packet in read]
    assert all(later > earlier for earlier, later in pairwise(decode))


_BEGIN = 3
"""The decode times of reordered pictures would be before the file's beginning."""


@pytest.mark.parametrize(("codec", "params"), KINDS)
def test_durations_are_even(codec: VideoCodec, params: str) -> None:
    clip = encoded(codec, params=params)
    durations = [packet.duration for packet in packets(written(clip.video, clip.units))]
    assert set(durations[_BEGIN:]) == {6000}


@pytest.mark.parametrize(("codec", "params"), KINDS)
def test_all_pictures_are_decoded(codec: VideoCodec, params: str) -> None:
    clip = encoded(codec, params=params)
    with opened(written(clip.video, clip.units)) as file:
        pictures = list(file.decode(video=0))
    assert len(pictures) == len(clip.units)
    assert (pictures[0].width, pictures[0].height) == (160, 112)


@needs_ffmpeg
@pytest.mark.parametrize(("codec", "params"), KINDS)
def test_ffmpeg_reads_it_without_a_word(codec: VideoCodec, params: str, tmp_path: Path) -> None:
    clip = encoded(codec, params=params)
    path = tmp_path / "segment.mp4"
    path.write_bytes(written(clip.video, clip.units, per_fragment=7, end={"why": "full"}))
    assert complaints(path) == ""


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv422p", "yuv444p"])
def test_high_profiles_are_described_right(pixels: str) -> None:
    clip = encoded("h264", frames=3, pixels=pixels)
    with opened(written(clip.video, clip.units)) as file:
        assert [picture.format.name for picture in file.decode(video=0)] == [pixels] * 3


def test_several_picture_sets_stand_in_the_header() -> None:
    clip = encoded("h264", frames=3)
    sps, pps = clip.video.parameter_sets
    more = type(clip.video)("h264", 160, 112, (sps, pps, b"\x68\x53\x80"))
    with opened(written(more, clip.units)) as file:
        extradata = bytes(file.streams.video[0].codec_context.extradata or b"")
    assert extradata[extradata.index(sps) + len(sps)] == 2


def test_g711_is_stored_as_it_is() -> None:
    clip, sound = encoded("h264"), g711(2)
    for audio, name in ((ULAW, "pcm_mulaw"), (ALAW, "pcm_alaw")):
        data = written(clip.video, clip.units, audio=audio, sound=sound)
        read = packets(data, "audio")
        with opened(data) as file:
            stream = file.streams.audio[0]
            assert (stream.codec_context.name, stream.rate, stream.channels) == (name, 8000, 1)
        assert [bytes(packet) for packet in read] == [unit.data for unit in sound]
        assert [packet.pts for packet in read] == [unit.pts for unit in sound]
        assert {packet.duration for packet in read} == {160}


def test_aac_is_described_right() -> None:
    clip = encoded("h264", frames=2)
    with opened(written(clip.video, clip.units, audio=AAC)) as file:
        sound = file.streams.audio[0].codec_context
        assert (sound.name, sound.rate, sound.channels) == ("aac", 16_000, 1)
        assert bytes(sound.extradata or b"") == AAC.config


def test_a_file_is_readable_however_many_fragments_it_has() -> None:
    clip = encoded("h264", params="bframes=2:slices=3")
    for fragments in (1, 2):
        data = written(clip.video, clip.units[: 15 * fragments])
        assert len(packets(data)) == 15 * fragments


def test_the_header_and_one_fragment_play_alone() -> None:
    clip = encoded("h264")
    later = clip.units[15:]
    samples = [Sample(unit.data, unit.pts, 6000, unit.is_keyframe) for unit in later]
    data = init_segment(clip.video) + b"".join(fragment(2, samples, (), 90_000))
    with opened(data) as file:
        assert [picture.pts for picture in file.decode(video=0)] == [unit.pts for unit in later]


def test_samples_are_not_copied() -> None:
    data = [bytearray(b"abc"), bytearray(b"de")]
    head, *rest = fragment(1, [Sample(data[0], 0, 1, True), Sample(data[1], 1, 1, False)])
    assert rest[0] is data[0]
    assert rest[1] is data[1]
    assert int.from_bytes(head[-8:-4], "big") == 8 + 5


def test_a_picture_shown_before_its_decode_time_has_a_negative_offset() -> None:
    samples = [Sample(b"i", 0, 10, True), Sample(b"p", 30, 10, False), Sample(b"b", 10, 10, False)]
    head = bytes(fragment(1, samples, (), 0)[0])
    run = head.index(b"trun")
    assert head[run + 4] == 1, "version 1: signed"
    rows = head[run + 16 : -8]
    assert [int.from_bytes(rows[k * 16 + 12 : k * 16 + 16], "big", signed=True) for k in range(3)] == [0, 20, -10]


def test_nothing_makes_no_fragment() -> None:
    assert fragment(1, [], []) == []


@pytest.mark.parametrize(("pts", "duration", "base"), [(0, -1, 0), (0, 1 << 32, 0), (1 << 40, 1, 0), (0, 1, -1)])
def test_times_that_do_not_fit_are_refused(pts: int, duration: int, base: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        fragment(1, [Sample(b"x", pts, duration, True)], (), base)


def test_the_end_box_does_not_disturb_players() -> None:
    clip = encoded("h264")
    data = written(clip.video, clip.units) + end_box({"end_ms": 5, "why": "crépuscule"})
    assert len(packets(data)) == len(clip.units)


def test_a_clip_has_slices_as_it_was_asked_to() -> None:
    clip: Clip = encoded("h264", params="bframes=2:slices=3")
    assert {len([nal for nal in split_lengths(unit.data) if nal[0] & 31 in (1, 5)]) for unit in clip.units} == {3}
