"""Packets: one compressed video frame or audio block, with timestamps and decoding parameters."""

from dataclasses import dataclass
from typing import Literal

from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import RunId

VideoCodec = Literal["h264", "h265"]
AudioCodec = Literal["aac", "pcmu", "pcma"]
VIDEO_RATE = 90_000
"""Ticks per second of all video timestamps (RTP)."""


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """Parameters for decoders and file headers. Two formats are equal exactly if one file may hold both."""

    codec: VideoCodec
    width: int
    """As sent, px; so is `height`."""
    height: int
    parameter_sets: tuple[bytes, ...]
    """NAL units without start codes or lengths: SPS, PPS; for H.265 VPS, SPS, PPS."""
    orientation: Orientation = UPRIGHT
    """How it is shown. Decoders turn their frames so, and file headers state it; the packets stay as they are."""

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height as people see it, px."""
        return self.orientation.size(self.width, self.height)

    @property
    def rate(self) -> int:
        return VIDEO_RATE


@dataclass(frozen=True, slots=True)
class AudioFormat:
    codec: AudioCodec
    rate: int
    """Samples per second; also the tick rate of its timestamps."""
    channels: int
    config: bytes = b""
    """AudioSpecificConfig of AAC; empty for G.711."""


Format = VideoFormat | AudioFormat


@dataclass(frozen=True, slots=True)
class SourcePacket:
    """A packet from a source.

    data: video: one access unit, each NAL unit after its 4-byte big-endian length; audio: one raw AAC frame without
    ADTS, or any number of G.711 samples. pts: presentation time in ticks of `format.rate`; video and audio of one
    connection share their zero. Packets are in decode order.
    """

    format: Format
    data: bytes
    pts: int
    is_keyframe: bool = False
    """Video: decoding can begin here, and `format` has the parameter sets. Audio: False."""
    is_damaged: bool = False
    """Data is missing, or may be, as far as the source knows. Never True for a keyframe."""
    missing: int = 0
    """Number of lost network packets in this unit or since the previous one; 0 if unknown."""
    after_waste: bool = False
    """Before it, the camera sent data for some time that formed no access unit."""
    waited_s: float = 0.0
    """Time in s between its completion and now: detecting its end needs the start of the next unit."""
    dropped: str = ""
    """Why the recorder dropped frames before it; empty: it did not."""

    @property
    def is_video(self) -> bool:
        return isinstance(self.format, VideoFormat)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet in the ring buffer and all later stages.

    pts: ticks of `format.rate` since the run's start: never negative, unique for video, without jumps. at_ms: UTC of
    presentation. number: consecutive per stream, over all runs of this process.
    """

    run: RunId
    number: int
    format: Format
    data: bytes
    pts: int
    at_ms: int
    is_keyframe: bool
    is_damaged: bool = False

    @property
    def is_video(self) -> bool:
        return isinstance(self.format, VideoFormat)

    @property
    def pts_s(self) -> float:
        return self.pts / self.format.rate
