"""Video encoder: frames to H.264 or H.265. Use one thread per encoder; PyAV releases the GIL.

Takes single frames and returns packets as sources produce them. Uses the first working encoder of `CANDIDATES`: x264 if
PyAV includes it, otherwise hardware; the other way round where `EncodingQuality.hardware_first` says so. H.265 is only
for output that must match a camera's own recordings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple

import av
import numpy as np
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from tawny.media.codec.decoder import DecodedFrame, converted
from tawny.media.codec.nal import is_keyframe, join_lengths, parameter_sets, split_annexb, split_lengths
from tawny.media.codec.parameter_sets import video_format
from tawny.model.errors import SourceUnusable
from tawny.model.packets import VIDEO_RATE, SourcePacket, VideoCodec, VideoFormat

Picture = np.ndarray[Any, np.dtype[np.uint8]]


def limited(
    frame: av.VideoFrame, width: int | None = None, height: int | None = None, interpolation: str | None = None
) -> av.VideoFrame:
    """Return a frame as YUV 4:2:0 in limited range, which the encoder states; JPEGs have full range."""
    size = {"width": width, "height": height, "interpolation": interpolation}
    return converted(frame, format="yuv420p", dst_color_range="MPEG", **size)


def planes(
    frame: av.VideoFrame, width: int | None = None, height: int | None = None, interpolation: str | None = None
) -> Picture:
    """Return the planes of `limited`, as `Encoder` takes them."""
    return np.asarray(limited(frame, width, height, interpolation).to_ndarray(), np.uint8)


"""uint8 [height, width, 3], RGB; or, cheaper, uint8 [height·3/2, width], planar YUV 4:2:0 (BT.601, Y 16 to 235).

Planar order: rows of Y, then all of U, then all of V.
"""

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
H265_CANDIDATES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"libx265": {"tune": "zerolatency", "x265-params": "log-level=none:pools=none:frame-threads=1"}}
)
_BT601, _LIMITED, _WHOLE = 6, 1, 2
_OURS = ("libx264", "libx265")
"""Encoders that support CRF and presets."""
SOFTWARE = (*_OURS, "libopenh264")
_ANNEXB_STARTS = (b"\0\0\0\1", b"\0\0\1")


class Colours(NamedTuple):
    """Colour description as FFmpeg constants. The output must have the description of its source."""

    space: int = _BT601
    primaries: int = _BT601
    transfer: int = _BT601
    range: int = _LIMITED

    @classmethod
    def of(cls, frame: DecodedFrame) -> "Colours":
        video = frame.raw
        is_whole = video.format.name.startswith("yuvj") or int(video.color_range) == _WHOLE
        space, primaries, transfer = (int(one) for one in (video.colorspace, video.color_primaries, video.color_trc))
        return cls(space, primaries, transfer, _WHOLE if is_whole else _LIMITED)

    @property
    def planes(self) -> str:
        """FFmpeg's name of the planar 4:2:0 format."""
        return "yuvj420p" if self.range == _WHOLE else "yuv420p"


@dataclass(frozen=True, slots=True)
class EncodingQuality:
    """crf (x264's 0 to 51, lower is better) fixes the quality, bit_rate (bits per second) the size.

    qp: the same quantizer for all frames instead; x264 then analyses no frames of half size (3 MB less for 720p).
    preset: of x264. most_bit_rate: limit of the size at a fixed quality. threads: for one frame, by x264.
    hardware_first: use x264 only where no hardware encoder works; hardware has its own idea of quality.
    """

    crf: float = 27
    bit_rate: int | None = None
    qp: int | None = None
    preset: str = "ultrafast"
    most_bit_rate: int | None = None
    threads: int = 1
    hardware_first: bool = False

    @property
    def options(self) -> dict[str, str]:
        """Options of encoders that support CRF and presets."""
        if self.bit_rate is not None:
            return {"preset": self.preset}
        limit = {"crf": str(self.crf)} if self.qp is None else {"qp": str(self.qp)}
        if self.most_bit_rate is not None:
            limit |= {"maxrate": str(self.most_bit_rate), "bufsize": str(self.most_bit_rate)}
        return limit | {"preset": self.preset}


class Encoder:
    """Encoder without B-frames: packets come in presentation order. Keyframes exactly every `gop_s`.

    colours: of the input planes. Raises SourceUnusable if no encoder works.
    """

    def __init__(
        self,
        width: int,
        height: int,
        fps: float,
        *,
        gop_s: float = 2.0,
        quality: EncodingQuality | None = None,
        codec: VideoCodec = "h264",
        colours: Colours | None = None,
    ) -> None:
        if width % 2 or height % 2:
            raise ValueError(f"a picture of {width} x {height} cannot be encoded: both must be even")
        self._size, self._codec, self._colours = (width, height), codec, colours or Colours()
        self._gop = max(1, round(gop_s * fps))
        self._count = 0
        self._is_spent = False
        self._format: VideoFormat | None = None
        self._quality = quality or EncodingQuality()
        self._fps = Fraction(fps).limit_denominator(1001)
        self._tried: dict[str, str] = {}
        """Why the encoders that don't work here don't, by name."""
        self._context = self._open()

    @property
    def name(self) -> str:
        """FFmpeg's name of the encoder in use."""
        return self._context.name

    def encode(self, picture: Picture, pts: int, *, as_keyframe: bool = False) -> list[SourcePacket]:
        """Encode a frame and return the packets that are ready.

        With x264 that is this frame's packet. pts: 90 kHz ticks, increasing. picture: not copied; do not change it
        before its packet is ready; one of another size is scaled. as_keyframe: also where none is due. An encoder that
        fails before its first packet is replaced by the next one, with the loss of the frames before this one. Raises
        SourceUnusable if none is left.
        """
        planes = self._colours.planes
        layout = "rgb24" if picture.ndim == 3 else planes
        frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(picture), format=layout)
        if frame.format.name != planes or (frame.width, frame.height) != self._size:
            frame = converted(frame, width=self._size[0], height=self._size[1], format=planes)
        frame.pts, frame.time_base = pts, Fraction(1, VIDEO_RATE)
        if self._count % self._gop == 0 or as_keyframe:
            frame.pict_type = av.video.frame.PictureType.I
        self._count += 1
        while True:
            try:
                return list(self._packets(frame))
            except (FFmpegError, ValueError) as error:
                if self._format is not None:
                    raise
                self._tried[self.name] = str(error)  # it opens, but encodes nothing
                self._context = self._open()

    def close(self) -> list[SourcePacket]:
        """Return the remaining packets and close the encoder. Returns nothing on a second call."""
        spent, self._is_spent = self._is_spent, True
        return [] if spent else list(self._packets(None))

    def _open(self) -> VideoCodecContext:
        """Open the first encoder that works and was not tried. Raises SourceUnusable."""
        candidates = CANDIDATES if self._codec == "h264" else H265_CANDIDATES
        for name in sorted(candidates, key=lambda one: self._quality.hardware_first and one in SOFTWARE):
            options = candidates[name]
            if name not in av.codecs_available or name in self._tried:
                continue
            ours = {**options, **self._quality.options} if name in _OURS else dict(options)
            try:
                return self._opened(name, self._fps, ours)
            except (FFmpegError, ValueError) as error:
                self._tried[name] = str(error)
        why = "; ".join(f"{name}: {error}" for name, error in self._tried.items()) or "PyAV has none"
        kind = "H.264" if self._codec == "h264" else "H.265"
        raise SourceUnusable("this computer", f"its raw pictures need an {kind} encoder, and none works here ({why})")

    def _opened(self, name: str, fps: Fraction, options: dict[str, str]) -> VideoCodecContext:
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = self._size
        context.pix_fmt = self._colours.planes
        context.time_base, context.framerate = Fraction(1, VIDEO_RATE), fps
        context.gop_size, context.max_b_frames = self._gop, 0
        context.thread_count = self._quality.threads
        context.colorspace, context.color_primaries = self._colours.space, self._colours.primaries
        context.color_trc, context.color_range = self._colours.transfer, self._colours.range
        if self._quality.bit_rate is not None or name not in _OURS:
            context.bit_rate = self._quality.bit_rate or round(self._size[0] * self._size[1] * float(fps) * 0.12)
        context.options = options | {"keyint_min": str(self._gop)}
        context.flags |= av.codec.context.Flags.global_header
        context.open()
        return context

    def _packets(self, frame: av.VideoFrame | None) -> Iterator[SourcePacket]:
        for packet in self._context.encode(frame):
            nals = _units(bytes(packet))
            if self._format is None:
                header = bytes(self._context.extradata or b"")
                sets = parameter_sets(self._codec, _units(header) if header else nals)
                self._format = video_format(self._codec, sets)
            assert packet.pts is not None
            yield SourcePacket(self._format, join_lengths(nals), packet.pts, is_keyframe(self._codec, nals))


def _units(data: bytes) -> list[bytes]:
    return split_annexb(data) if data.startswith(_ANNEXB_STARTS) else split_lengths(data)
