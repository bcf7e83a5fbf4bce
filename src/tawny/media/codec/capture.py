"""Local cameras (V4L2) through FFmpeg: compressed access units, or decoded frames.

Use a `Capture` from one thread. No call blocks on the camera.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

import av
import av.error
import numpy as np
from av.container import InputContainer

from tawny.media.codec.demuxer import source_error
from tawny.media.codec.encoder import Picture
from tawny.model.errors import SourceClosed, SourceUnusable
from tawny.model.packets import VIDEO_RATE

_OPEN_S = 8.0
_FPS = 15.0


class CapturedUnit(NamedTuple):
    """One access unit (Annex B), or one decoded frame in `picture`. pts: 90 kHz ticks."""

    pts: int
    data: bytes
    picture: Picture | None


def open_capture(path: str, pixels: str, size: tuple[int, int], fps: float, where: str) -> "Capture":
    """Open a V4L2 device. pixels: FFmpeg's name of a device format (`h264`, `mjpeg`, `yuyv422`)."""
    options = {"input_format": pixels, "video_size": f"{size[0]}x{size[1]}", "framerate": f"{fps:g}"}
    return Capture(path, "v4l2", options | {"fflags": "nonblock"}, where, decode=pixels not in ("h264", "hevc"))


class Capture:
    """An open device. decode: decode frames to planar YUV 4:2:0 with even width and height."""

    def __init__(self, path: str, form: str, options: Mapping[str, str], where: str, *, decode: bool) -> None:
        self._where, self._decode = where, decode
        try:
            self._container: InputContainer = av.open(path, format=form, options=dict(options), timeout=_OPEN_S)
        except av.error.FFmpegError as error:
            raise source_error(error, where, _OPEN_S) from error
        if not self._container.streams.video:
            self._container.close()
            raise SourceUnusable(where, "it has no pictures")
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1

    @property
    def fps(self) -> float:
        """Frame rate reported by the device; a default otherwise."""
        return float(self._stream.average_rate or 0) or _FPS

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of decoded frames, px."""
        return self._stream.width & ~1, self._stream.height & ~1

    def read(self) -> list[CapturedUnit] | None:
        """Return the available units; None if none is available yet. Raises SourceClosed when the device is gone."""
        try:
            packet = next((packet for packet in self._container.demux(self._stream) if packet.size), None)
            if packet is None:
                raise SourceClosed(self._where, "it ended")
            pts = _ticks(packet.pts, packet.time_base)
            if not self._decode:
                return [CapturedUnit(pts, bytes(packet), None)]
            return [
                CapturedUnit(pts, b"", self._planar(frame))
                for frame in packet.decode()
                if isinstance(frame, av.VideoFrame)
            ]
        except BlockingIOError:
            return None
        except av.error.InvalidDataError:
            return []  # one damaged frame: USB cameras send them
        except av.error.FFmpegError as error:
            raise source_error(error, self._where, 0.0, reading=True) from error

    def close(self) -> None:
        self._container.close()

    def _planar(self, frame: av.VideoFrame) -> Picture:
        width, height = self.size
        return frame.reformat(width, height, "yuv420p").to_ndarray().astype(np.uint8, copy=False)


def _ticks(pts: int | None, base: Fraction | None) -> int:
    return round((pts or 0) * (base or Fraction(1, VIDEO_RATE)) * VIDEO_RATE)
