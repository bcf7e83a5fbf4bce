"""Demuxing of files and cameras by FFmpeg: compressed units with timestamps, without decoding.

One thread at a time reads a `Demuxer`. FFmpeg errors contain the full URL with its password. They are converted to
SourceErrors here and never chained.
"""

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple, Protocol

import av
import av.error
from av.container import InputContainer
from av.packet import Packet as AvPacket
from av.stream import Stream as AvStream
from av.video.codeccontext import VideoCodecContext

from tawny.media.codec.encoder import Encoder, Picture, planes
from tawny.media.codec.nal import split_annexb
from tawny.model.errors import (
    NoSuchDevice,
    SourceClosed,
    SourceError,
    SourceNotFound,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.packets import VIDEO_RATE, AudioCodec, SourcePacket, VideoCodec

# Codec configuration in containers: parameter sets and NAL unit framing of H.264 and H.265.


class CodecSetup(NamedTuple):
    """sets: NAL units. length_bytes: size of the length prefix of NAL units, 1, 2 or 4; 0: start codes."""

    sets: tuple[bytes, ...]
    length_bytes: int


def read_extradata(codec: VideoCodec, extradata: bytes) -> CodecSetup:
    """Parse avcC (ISO/IEC 14496-15, 5.3.3), hvcC (8.3.3) or Annex B. Raises ValueError for anything else."""
    if not extradata or extradata.startswith((b"\0\0\1", b"\0\0\0\1")):
        return CodecSetup(tuple(split_annexb(extradata)), 0)
    try:
        return _avcc(extradata) if codec == "h264" else _hvcc(extradata)
    except IndexError:
        raise ValueError("the track's configuration is cut short") from None


def _avcc(data: bytes) -> CodecSetup:
    at, sets = 5, list[bytes]()
    for mask in (31, 255):  # the SPS count shares its byte with reserved bits
        count = data[at] & mask
        at += 1
        for _ in range(count):
            nal, at = _sized(data, at)
            sets.append(nal)
    return CodecSetup(tuple(sets), (data[4] & 3) + 1)


def _hvcc(data: bytes) -> CodecSetup:
    at, sets = 23, list[bytes]()
    for _ in range(data[22]):
        count = int.from_bytes(data[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            nal, at = _sized(data, at)
            sets.append(nal)
    return CodecSetup(tuple(sets), (data[21] & 3) + 1)


def _sized(data: bytes, at: int) -> tuple[bytes, int]:
    """Return a NAL unit with a two-byte length prefix, and the offset behind it."""
    begin = at + 2
    end = begin + (data[at] << 8 | data[at + 1])
    if end > len(data) or end == begin:
        raise IndexError
    return data[begin:end], end


_VIDEO: dict[str, VideoCodec] = {"h264": "h264", "hevc": "h265"}
AUDIO_CODECS: dict[str, AudioCodec] = {"aac": "aac", "pcm_mulaw": "pcmu", "pcm_alaw": "pcma"}
FILE_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,avi,mpegts,mpeg,flv,h264,hevc",
}
"""Restricts files to formats that cannot reference other files."""


@dataclass(frozen=True, slots=True)
class DemuxTrack:
    """One elementary stream. codec: FFmpeg's name; video_codec and audio_codec: tawny's names, None if unsupported."""

    index: int
    kind: Literal["video", "audio", "other"]
    codec: str
    rate: int
    """Timestamp ticks per second: 90,000 for video, the sample rate for audio."""
    channels: int
    extradata: bytes
    """Parameter sets (avcC, hvcC or Annex B) or the AAC AudioSpecificConfig."""
    fps: float | None

    @property
    def video_codec(self) -> VideoCodec | None:
        return _VIDEO.get(self.codec) if self.kind == "video" else None

    @property
    def audio_codec(self) -> AudioCodec | None:
        return AUDIO_CODECS.get(self.codec) if self.kind == "audio" else None


class CompressedUnit(NamedTuple):
    """Compressed data of one track. From a file: one access unit. From a camera: the payload of one RTP packet."""

    track: int
    data: bytes
    pts: int | None
    """Ticks of the track's rate."""
    dts: int | None


def open_rtsp(address: str, *, udp: bool, sound: bool, open_s: float, read_s: float, where: str) -> "Demuxer":
    """Connect to a camera and start playing. where: the address without credentials, for errors.

    Units are RTP packet payloads, with start codes before each NAL unit's first part. FFmpeg's parser would buffer,
    split and merge access units heuristically. Without probing, opening takes one RTSP handshake and the first packet.
    A read without data raises SourceStalled after read_s.
    """
    options = {
        "rtsp_transport": "udp" if udp else "tcp",
        "allowed_media_types": "video+audio" if sound else "video",
        "fflags": "noparse+nofillin",
        "probesize": "32",
        "analyzeduration": "1",
        "user_agent": "tawny",
    }
    if udp:
        options["buffer_size"] = "2000000"  # a keyframe arrives in one burst
    return _open(address, "rtsp", options, (open_s, read_s), where)


def open_file(path: str, where: str) -> "Demuxer":
    """Open a video file of a format that cannot reference other files."""
    return _open(f"file:{path}", None, FILE_OPTIONS, None, where)


LIVE_FORMATS = ("flv", "mpegts", "mov", "matroska")
_LIVE_OPTIONS = {"protocol_whitelist": "pipe", "analyzeduration": "1500000", "probesize": "2000000"}


class Readable(Protocol):
    def read(self, size: int) -> bytes:
        """Return what has arrived, at most `size`; empty at the end."""
        ...


def open_stream(data: Readable, form: str, where: str) -> "Demuxer":
    """Open a live stream of one of LIVE_FORMATS. Waits for 1.5 s of it, because their headers may name no tracks."""
    if form not in LIVE_FORMATS:
        raise SourceUnusable(where, f"a stream of the format {form}")
    try:
        container = av.open(data, "r", format=form, options=dict(_LIVE_OPTIONS), metadata_errors="replace")
    except av.error.FFmpegError as error:
        failed = source_error(error, where, 0.0)
    else:
        return Demuxer(container, 0.0, where)
    raise failed


class JpegTranscoder:
    """Decodes JPEGs and encodes them as H.264, with a keyframe every KEYFRAME_S. One thread."""

    KEYFRAME_S = 2.0

    def __init__(self) -> None:
        self._decoder = self._new_decoder()
        self._encoder: Encoder | None = None
        self._size = 0, 0
        self._newest = self._keyframe = -1 << 62

    @property
    def encoder(self) -> str:
        """FFmpeg's name of the encoder; empty before the first frame."""
        return self._encoder.name if self._encoder is not None else ""

    def feed(self, jpeg: bytes, ticks: int) -> list[SourcePacket]:
        """Return the frame as H.264; nothing for a damaged one or a time that does not go on. ticks: 90 kHz."""
        if ticks <= self._newest:
            return []
        try:
            frames = self._decoder.decode(AvPacket(jpeg))
        except av.error.FFmpegError:
            self._decoder = self._new_decoder()
            return []
        packets: list[SourcePacket] = []
        for frame in frames:
            if not isinstance(frame, av.VideoFrame) or frame.is_corrupt:
                continue
            self._newest = ticks
            packets += self._encoded(frame, ticks)
        return packets

    def _encoded(self, frame: av.VideoFrame, ticks: int) -> list[SourcePacket]:
        size = frame.width & ~1, frame.height & ~1
        if self._encoder is None or size != self._size:
            self._encoder, self._size = Encoder(*size, 25.0, gop_s=40.0), size
            self._keyframe = -1 << 62
        as_keyframe = ticks - self._keyframe >= self.KEYFRAME_S * VIDEO_RATE
        if as_keyframe:
            self._keyframe = ticks
        return self._encoder.encode(planes(frame, *size), ticks, as_keyframe=as_keyframe)

    @staticmethod
    def _new_decoder() -> VideoCodecContext:
        context = av.CodecContext.create("mjpeg", "r")
        assert isinstance(context, VideoCodecContext)
        context.thread_count = 1
        return context


class Demuxer:
    """An open input."""

    def __init__(self, container: InputContainer, read_s: float, where: str) -> None:
        self._container, self._read_s, self._where = container, read_s, where
        self._packets: Iterator[AvPacket[AvStream]] | None = None
        self._streams = [stream for stream in container.streams if stream.type in ("video", "audio")]
        self.tracks = tuple(_track(stream) for stream in self._streams)
        self._bases = {stream.index: _ticks(stream) for stream in self._streams}

    def read(self) -> CompressedUnit | None:
        """Return the next unit of any track. None at the end, also when a camera closes the connection."""
        if self._packets is None:
            self._packets = self._container.demux(self._streams)
        try:
            packet = next((packet for packet in self._packets if packet.size), None)
        except av.error.FFmpegError as error:
            failed = source_error(error, self._where, self._read_s, reading=True)
        else:
            return self._piece(packet) if packet is not None else None
        raise failed

    def close(self) -> None:
        """Close the input without waiting for a camera's reply. No thread may be reading."""
        self._packets = None
        self._container.close()

    def _piece(self, packet: "AvPacket[AvStream]") -> CompressedUnit:
        base = self._bases[packet.stream_index]
        pts, dts = packet.pts, packet.dts
        if base is not None:
            pts = pts if pts is None else round(pts * base)
            dts = dts if dts is None else round(dts * base)
        return CompressedUnit(packet.stream_index, bytes(packet), pts, dts)


def _open(
    address: str, form: str | None, options: Mapping[str, str], timeout: tuple[float, float] | None, where: str
) -> Demuxer:
    open_s, read_s = timeout or (0.0, 0.0)
    try:
        container = av.open(
            address, format=form, options=dict(options), timeout=timeout, metadata_errors="replace"
        )  # names are not always UTF-8
    except av.error.FFmpegError as error:
        failed = source_error(error, where, open_s)
    else:
        return Demuxer(container, read_s, where)
    raise failed


def _track(stream: AvStream) -> DemuxTrack:
    context = stream.codec_context
    kind: Literal["video", "audio", "other"] = (
        "video" if stream.type == "video" else "audio" if stream.type == "audio" else "other"
    )
    codec = context.name if context is not None else "unknown"
    extradata = bytes(context.extradata or b"") if context is not None else b""
    if kind == "video":
        rate = getattr(stream, "average_rate", None)
        return DemuxTrack(stream.index, kind, codec, VIDEO_RATE, 0, extradata, float(rate) if rate else None)
    sample_rate = int(getattr(context, "sample_rate", 0) or 0)
    channels = int(getattr(context, "channels", 0) or 0)
    return DemuxTrack(stream.index, kind, codec, sample_rate, channels, extradata, None)


def _ticks(stream: AvStream) -> Fraction | None:
    """Return tawny's ticks per FFmpeg tick; None if equal."""
    rate = VIDEO_RATE if stream.type == "video" else int(getattr(stream.codec_context, "sample_rate", 0) or 0)
    base = stream.time_base * rate if stream.time_base and rate else Fraction(1)
    return None if base == 1 else base


def source_error(error: av.error.FFmpegError, where: str, limit_s: float, *, reading: bool = False) -> SourceError:
    """Convert an FFmpeg error to a SourceError without its text, which contains the address.

    limit_s: the timeout, in seconds. reading: the input was already open.
    """
    text = (error.strerror or "no reason given").lower()
    kinds: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], type[SourceError]], ...] = (
        ((av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError), SourceRefused),
        (av.error.HTTPNotFoundError, SourceNotFound),
        ((FileNotFoundError, PermissionError, IsADirectoryError), NoSuchDevice),
        (ConnectionRefusedError, SourceUnreachable),
    )
    if isinstance(error, av.error.HTTPOtherClientError):
        text = "it didn't start playing; perhaps it doesn't accept more connections (4xx)"
    elif isinstance(error, av.error.HTTPServerError):
        text = "it would not play, by a fault of its own (5xx)"
    for known, ours in kinds:
        if isinstance(error, known):
            return ours(where, text)
    if error.errno == errno.EBUSY:
        return SourceError(where, "another program is using it")
    if isinstance(error, av.error.ExitError):
        return SourceStalled(where, f"nothing came for {limit_s:g} s")
    if isinstance(error, OSError):
        return SourceClosed(where, text) if reading else SourceUnreachable(where, text)
    if isinstance(error, av.error.InvalidDataError | av.error.ArgumentError) and not reading:
        return SourceUnusable(where, "something whose form is not understood")
    return SourceError(where, text)


# Local cameras (V4L2): compressed access units, or decoded frames. Use a `Capture` from one thread. No call blocks.

_CAPTURE_OPEN_S = 8.0
_CAPTURE_FPS = 15.0


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
            self._container: InputContainer = av.open(path, format=form, options=dict(options), timeout=_CAPTURE_OPEN_S)
        except av.error.FFmpegError as error:
            raise source_error(error, where, _CAPTURE_OPEN_S) from error
        if not self._container.streams.video:
            self._container.close()
            raise SourceUnusable(where, "it has no pictures")
        self._stream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1

    @property
    def fps(self) -> float:
        """Frame rate reported by the device; a default otherwise."""
        return float(self._stream.average_rate or 0) or _CAPTURE_FPS

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
            pts = _capture_ticks(packet.pts, packet.time_base)
            if not self._decode:
                return [CapturedUnit(pts, bytes(packet), None)]
            return [
                CapturedUnit(pts, b"", planes(frame, *self.size))
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


def _capture_ticks(pts: int | None, base: Fraction | None) -> int:
    return round((pts or 0) * (base or Fraction(1, VIDEO_RATE)) * VIDEO_RATE)
