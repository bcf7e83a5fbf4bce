"""Pictures to H.264: for sources that make or take raw pictures. One thread an encoder; PyAV lets go of the GIL.

Pictures go in one by one and packets come out as sources give them. The first encoder of `CANDIDATES` that works here
is taken: x264 where PyAV has it, otherwise one in hardware.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from tawny.media.nal import is_keyframe, join_lengths, parameter_sets, split_annexb, split_lengths
from tawny.media.params import video_format
from tawny.model.errors import SourceUnusable
from tawny.model.packets import VIDEO_RATE, SourcePacket, VideoFormat

Picture = np.ndarray[Any, np.dtype[np.uint8]]
"""uint8 [height, width, 3]: RGB; or, cheaper, uint8 [height·3/2, width]: planar YUV 4:2:0 (BT.601, Y from 16 to 235),
rows of Y, then all of U, then all of V."""

CANDIDATES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "libx264": {"preset": "ultrafast", "tune": "zerolatency", "sc_threshold": "0", "forced-idr": "1"},
        "h264_v4l2m2m": {},
        "h264_videotoolbox": {"realtime": "1"},
        "h264_nvenc": {"preset": "p1", "tune": "ull", "zerolatency": "1", "forced-idr": "1"},
        "h264_qsv": {"preset": "veryfast", "async_depth": "1"},
        "h264_amf": {"usage": "ultralowlatency"},
        "libopenh264": {"allow_skip_frames": "0"},
    }
)
_BT601, _LIMITED = 6, 1
_ANNEXB_STARTS = (b"\0\0\0\1", b"\0\0\1")


class Encoder:
    """No B-frames, so packets come in order of presentation; a keyframe every `gop_s` exactly, and none between.

    crf (x264's 0 to 51, lower is better) holds the quality, bit_rate (bits a second) the size; with neither, crf 27.
    preset: x264's, for those who have time to spare. Raises SourceUnusable where no encoder works.
    """

    def __init__(
        self,
        width: int,
        height: int,
        fps: float,
        *,
        gop_s: float = 2.0,
        bit_rate: int | None = None,
        crf: float | None = None,
        preset: str = "ultrafast",
    ) -> None:
        if width % 2 or height % 2:
            raise ValueError(f"a picture of {width} x {height} cannot be encoded: both must be even")
        self._size = (width, height)
        self._gop = max(1, round(gop_s * fps))
        self._count = 0
        self._is_spent = False
        self._format: VideoFormat | None = None
        self._rate_options = {"crf": str(27 if crf is None else crf)} if bit_rate is None else {}
        self._bit_rate = bit_rate
        self._context = self._open(Fraction(fps).limit_denominator(1001), preset)

    @property
    def name(self) -> str:
        """The encoder that was taken, by FFmpeg's name."""
        return self._context.name

    def encode(self, picture: Picture, pts: int) -> list[SourcePacket]:
        """The packets that are ready: with x264 that of this picture. pts: 90 kHz, greater than the last."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24" if picture.ndim == 3 else "yuv420p")
        if frame.format.name != "yuv420p":
            frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = pts, Fraction(1, VIDEO_RATE)
        if self._count % self._gop == 0:
            frame.pict_type = av.video.frame.PictureType.I
        self._count += 1
        return list(self._packets(frame))

    def close(self) -> list[SourcePacket]:
        """What was still on its way; nothing the second time. The encoder is spent."""
        spent, self._is_spent = self._is_spent, True
        return [] if spent else list(self._packets(None))

    def _open(self, fps: Fraction, preset: str) -> VideoCodecContext:
        tried: list[str] = []
        for name, options in CANDIDATES.items():
            if name not in av.codecs_available:
                continue
            ours = {**options, **self._rate_options, "preset": preset} if name == "libx264" else dict(options)
            try:
                return self._opened(name, fps, ours)
            except (FFmpegError, ValueError) as error:
                tried.append(f"{name}: {error}")
        why = "; ".join(tried) or "PyAV has none"
        raise SourceUnusable("this computer", f"its raw pictures need an H.264 encoder, and none works here ({why})")

    def _opened(self, name: str, fps: Fraction, options: dict[str, str]) -> VideoCodecContext:
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = self._size
        context.pix_fmt = "yuv420p"
        context.time_base, context.framerate = Fraction(1, VIDEO_RATE), fps
        context.gop_size, context.max_b_frames = self._gop, 0
        context.thread_count = 1
        context.colorspace = context.color_primaries = context.color_trc = _BT601
        context.color_range = _LIMITED
        if self._bit_rate is not None or name != "libx264":
            context.bit_rate = self._bit_rate or round(self._size[0] * self._size[1] * float(fps) * 0.12)
        context.options = options | {"keyint_min": str(self._gop)}
        context.flags |= av.codec.context.Flags.global_header
        context.open()
        return context

    def _packets(self, frame: av.VideoFrame | None) -> Iterator[SourcePacket]:
        for packet in self._context.encode(frame):
            nals = _units(bytes(packet))
            if self._format is None:
                header = bytes(self._context.extradata or b"")
                self._format = video_format("h264", parameter_sets("h264", _units(header) if header else nals))
            assert packet.pts is not None
            yield SourcePacket(self._format, join_lengths(nals), packet.pts, is_keyframe("h264", nals))


def _units(data: bytes) -> list[bytes]:
    return split_annexb(data) if data.startswith(_ANNEXB_STARTS) else split_lengths(data)
