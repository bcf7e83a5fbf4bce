"""Real cameras' clips through our own writer, reader and clips. Skipped where there are none."""

import os
from pathlib import Path

import av
import pytest
from av.bitstream import BitStreamFilterContext

from tawny.media.codec.nal import join_lengths, parameter_sets, split_annexb
from tawny.media.codec.parameter_sets import codec_string, sps_of, video_format
from tawny.media.mp4.progressive import ProgressiveMp4, SegmentPart, cut_clip
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.packets import VIDEO_RATE, VideoCodec
from tests.media.clips import Clip, Unit
from tests.media.segments import written

FOLDER = Path(os.environ.get("TAWNY_FOOTAGE", Path(__file__).parents[2].parent / "shared" / "footage"))
FILES = sorted(path for path in FOLDER.glob("*.mp4") if not path.name.startswith("long-"))
CODECS: dict[str, VideoCodec] = {"h264": "h264", "hevc": "h265"}

pytestmark = pytest.mark.skipif(not FILES, reason="there is no footage")


def demuxed(path: Path, seconds: float = 8.0) -> tuple[Clip, tuple[int, int]]:
    """The first seconds of a file as FFmpeg reads it, from pts 0 on, and the size that it tells."""
    units: list[Unit] = []
    with av.open(str(path), "r") as file:
        stream = file.streams.video[0]
        codec = CODECS[stream.codec_context.name]
        annexb = BitStreamFilterContext("hevc_mp4toannexb" if codec == "h265" else "h264_mp4toannexb", stream)
        sets: tuple[bytes, ...] = ()
        for packet in file.demux(stream):
            for whole in annexb.filter(packet) if packet.size else ():
                assert whole.pts is not None
                nals = split_annexb(bytes(whole))
                sets = sets or parameter_sets(codec, nals)
                pts = round(whole.pts * whole.time_base * VIDEO_RATE)
                units.append(Unit(join_lengths(nals), pts, whole.is_keyframe))
            if units and units[-1].pts - units[0].pts > seconds * VIDEO_RATE:
                break
        size = stream.width, stream.height
    first = units[0].pts
    moved = tuple(Unit(unit.data, unit.pts - first, unit.is_keyframe) for unit in units)
    return Clip(video_format(codec, sets), moved), size


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_real_clips_survive(path: Path, tmp_path: Path) -> None:
    clip, size = demuxed(path)
    assert (clip.video.width, clip.video.height) == size
    assert codec_string(clip.video)[:4] in ("avc1", "hvc1")
    assert sps_of(clip.video).chroma == 1

    stored = tmp_path / "segment.mp4"
    stored.write_bytes(written(clip.video, clip.units, per_fragment=11, end={}))
    segment = read_segment(stored)
    assert (segment.video, segment.torn) == (clip.video, False)
    read = [(sample.data, sample.pts, sample.is_keyframe) for sample in samples(segment, segment.fragments)]
    assert read == [(unit.data, unit.pts, unit.is_keyframe) for unit in clip.units]

    ordinary = tmp_path / "clip.mp4"
    times = sorted(unit.pts for unit in clip.units)
    begin = times[len(times) // 3]
    made = ProgressiveMp4(cut_clip([SegmentPart(stored, 0, begin_ticks=begin + 100)]))
    ordinary.write_bytes(b"".join(made.read()))
    with av.open(str(ordinary), "r") as file:
        shown = [picture.time or 0.0 for picture in file.decode(video=0)]
    wanted = [(pts - begin) / VIDEO_RATE for pts in times if pts >= begin]
    assert shown == pytest.approx(wanted, abs=0.001)
