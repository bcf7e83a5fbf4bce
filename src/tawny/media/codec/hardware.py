"""Hardware decoders available to the installed PyAV. Determined by opening them, not from FFmpeg's lists."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import av
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.video.codeccontext import VideoCodecContext

from tawny.model.packets import VideoCodec, VideoFormat

FFMPEG_NAMES: dict[VideoCodec, str] = {"h264": "h264", "h265": "hevc"}
PREFERRED = ("videotoolbox", "vaapi", "d3d11va", "cuda", "qsv")
"""Device types in order of preference. Types that FFmpeg lists and this tuple lacks come last."""
_OWN_DECODERS = {"h264": ("h264_v4l2m2m",), "h265": ("hevc_v4l2m2m",)}
"""Decoders with their own codec name: single-board computers such as the Raspberry Pi."""
LEAST_PIXELS = 500_000
"""Below this frame size, transfer from the device costs more than decoding in software."""


@dataclass(frozen=True, slots=True)
class HardwareDecoder:
    """open: creates a context for a codec. Raises FFmpegError, ValueError or RuntimeError if unsupported."""

    name: str
    open: Callable[[VideoCodec], VideoCodecContext]


def devices(video: VideoFormat) -> Iterator[HardwareDecoder]:
    """Yield the hardware decoders to try for this video, preferred first."""
    if video.width * video.height < LEAST_PIXELS:
        return
    there = hwdevices_available()
    for name in sorted(there, key=lambda kind: PREFERRED.index(kind) if kind in PREFERRED else len(PREFERRED)):
        yield HardwareDecoder(name, partial(_on, name))
    for name in _OWN_DECODERS[video.codec]:
        yield HardwareDecoder(name, partial(_by_its_own, name))


def _on(kind: str, codec: VideoCodec) -> VideoCodecContext:
    """Open a device. Raises ValueError if it does not support the codec: opening alone succeeds even then."""
    context = _created(FFMPEG_NAMES[codec], HWAccel(kind, allow_software_fallback=False))
    if not context.is_hwaccel:
        raise ValueError(f"{kind} does not decode {codec}")
    return context


def _by_its_own(name: str, _codec: VideoCodec) -> VideoCodecContext:
    return _created(name)


def _created(name: str, hardware: HWAccel | None = None) -> VideoCodecContext:
    context = av.CodecContext.create(name, "r", hardware)
    assert isinstance(context, VideoCodecContext)
    return context
