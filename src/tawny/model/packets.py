"""Packets: one compressed picture or piece of sound, with its times and what is needed to decode it."""

from dataclasses import dataclass
from typing import Literal

from tawny.model.ids import RunId

VideoCodec = Literal["h264", "h265"]
AudioCodec = Literal["aac", "pcmu", "pcma"]
VIDEO_RATE = 90_000
"""Ticks a second of every video time (RTP's)."""


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """What a decoder and a file header need. Two formats are equal exactly if one file may hold both."""

    codec: VideoCodec
    width: int
    height: int
    parameter_sets: tuple[bytes, ...]
    """NAL units without start codes or lengths: SPS, PPS; for H.265 VPS, SPS, PPS."""

    @property
    def rate(self) -> int:
        return VIDEO_RATE


@dataclass(frozen=True, slots=True)
class AudioFormat:
    codec: AudioCodec
    rate: int
    """Samples a second; also the ticks of its times."""
    channels: int
    config: bytes = b""
    """AAC's AudioSpecificConfig; empty for G.711."""


Format = VideoFormat | AudioFormat


@dataclass(frozen=True, slots=True)
class SourcePacket:
    """A packet as a source gives it.

    data: video: one access unit, each NAL unit behind its length in 4 bytes, big-endian; sound: one raw frame (AAC
    without ADTS) or any number of G.711 samples. pts: presentation time in ticks of `format.rate`; video and sound of
    one connection share their zero. Packets come in decode order.
    """

    format: Format
    data: bytes
    pts: int
    is_keyframe: bool = False
    """Video: decoding can begin here, parameter sets are in `format`. Sound: False."""
    is_damaged: bool = False
    """Something of it is missing, or may be, as far as the source can tell. Never so for a keyframe."""
    missing: int = 0
    """Of the network's packets, how many never came, of this unit or since the one before; 0 where nobody can tell."""
    after_waste: bool = False
    """The camera sent for a while before it, and what it sent made no unit."""
    waited_s: float = 0.0
    """It was complete so long before it could be known to be: what ended it was the next one's beginning."""

    @property
    def is_video(self) -> bool:
        return isinstance(self.format, VideoFormat)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet as the ring, and everything behind it, has it.

    pts: ticks of `format.rate` since the run began: never negative, never twice the same for video, no jumps.
    at_ms: UTC of its presentation. number: counts up by one a packet of this stream, over all runs of this process.
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
