"""Decoders in hardware, as far as the installed PyAV can reach any: found by opening them, not by believing a list."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import av
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.video.codeccontext import VideoCodecContext

from tawny.model.packets import VideoCodec, VideoFormat

FFMPEG_NAMES: dict[VideoCodec, str] = {"h264": "h264", "h265": "hevc"}
PREFERRED = ("videotoolbox", "vaapi", "d3d11va", "cuda", "qsv")
"""Kinds of devices, the one to try first first; a list of FFmpeg's that is not here is tried after them."""
_OWN_DECODERS = {"h264": ("h264_v4l2m2m",), "h265": ("hevc_v4l2m2m",)}
"""Decoders with a name of their own: small computers such as the Raspberry Pi."""
LEAST_PIXELS = 500_000
"""Fetching a smaller picture from the device costs more than decoding it here."""


@dataclass(frozen=True, slots=True)
class HardwareDecoder:
    """open: a context for a stream of this codec; raises FFmpegError, ValueError or RuntimeError where it cannot."""

    name: str
    open: Callable[[VideoCodec], VideoCodecContext]


def devices(video: VideoFormat) -> Iterator[HardwareDecoder]:
    """What could decode such pictures in hardware, the one to try first first."""
    if video.width * video.height < LEAST_PIXELS:
        return
    there = hwdevices_available()
    for name in sorted(there, key=lambda kind: PREFERRED.index(kind) if kind in PREFERRED else len(PREFERRED)):
        yield HardwareDecoder(name, partial(_on, name))
    for name in _OWN_DECODERS[video.codec]:
        yield HardwareDecoder(name, partial(_by_its_own, name))


def _on(kind: str, codec: VideoCodec) -> VideoCodecContext:
    """A device that is there but cannot decode this codec opens as well, and then does nothing."""
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
