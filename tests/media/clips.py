"""Small clips made by real encoders, for holding our own code against them."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np

from tawny.media.codec.nal import join_lengths, parameter_sets, split_annexb
from tawny.media.codec.parameter_sets import video_format
from tawny.model.packets import VIDEO_RATE, VideoCodec, VideoFormat

FPS = 15


@dataclass(frozen=True)
class Unit:
    """An access unit as packets carry it; pts in 90 kHz ticks from 0."""

    data: bytes
    pts: int
    is_keyframe: bool


@dataclass(frozen=True)
class Clip:
    video: VideoFormat
    units: tuple[Unit, ...]


@lru_cache(maxsize=32)
def encoded(
    codec: VideoCodec,
    frames: int = 30,
    size: tuple[int, int] = (160, 112),
    params: str = "",
    gop: int = FPS,
    pixels: str = "yuv420p",
) -> Clip:
    """A moving square. params: the encoder's own, as `bframes=2:slices=3`."""
    encoder = av.CodecContext.create({"h264": "libx264", "h265": "libx265"}[codec], "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.gop_size = pixels, gop
    encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, FPS)
    name = {"h264": "x264-params", "h265": "x265-params"}[codec]
    quiet = "log-level=none:pools=1:frame-threads=1:" if codec == "h265" else "threads=1:"
    encoder.options = {"preset": "ultrafast", name: f"{quiet}scenecut=0:{params or 'bframes=0'}"}
    packets = [p for at in range(frames) for p in encoder.encode(_picture(at, size, pixels))] + encoder.encode(None)
    sets: tuple[bytes, ...] = ()
    units: list[Unit] = []
    for packet in packets:
        nals = split_annexb(bytes(packet))
        sets = sets or parameter_sets(codec, nals)
        kept = [nal for nal in nals if not parameter_sets(codec, [nal])]
        assert packet.pts is not None
        units.append(Unit(join_lengths(kept), packet.pts * VIDEO_RATE // FPS, packet.is_keyframe))
    return Clip(video_format(codec, sets), tuple(units))


def _picture(at: int, size: tuple[int, int], pixels: str) -> av.VideoFrame:
    width, height = size
    picture = np.full((height, width, 3), 90, np.uint8)
    picture[:, :, 1] += np.arange(width, dtype=np.uint8) // 3
    left, top = at * 5 % (width - 24), at * 3 % (height - 24)
    picture[top : top + 24, left : left + 24] = (at * 7 % 256, 200, 30)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)
    frame.pts = at
    return frame
