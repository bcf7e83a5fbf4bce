"""A clip as RTP packets in a list, to be changed at will, and the units that come out of such a list."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from tawny.media.codec.nal import join_lengths, split_lengths
from tawny.model.packets import SourcePacket, VideoCodec
from tawny.protocols.rtp import Packetizer, RtpPacket
from tawny.sources.rtsp.client.rtp_receiver import RtpCounts, RtpReceiver
from tawny.sources.rtsp.client.tcp_transport import InterleavedReader
from tawny.sources.rtsp.client.video_depacketizer import DepacketizedUnit, VideoDepacketizer
from tawny.testing.clips import ClipSpec, SampleClip, made_clip

Raw = tuple[int, bytes]
"""Channel and RTP packet."""


@lru_cache
def clip(codec: VideoCodec = "h264", slices: int = 1, b_frames: int = 0) -> SampleClip:
    return made_clip(ClipSpec(codec, slices=slices, b_frames=b_frames, seconds=4.0, detail=20))


@lru_cache
def served(codec: VideoCodec = "h264", slices: int = 1, b_frames: int = 0) -> tuple[SourcePacket, ...]:
    """The clip's pictures, keyframes with their parameter sets."""
    shot = clip(codec, slices, b_frames)
    sets = b"".join(join_lengths([nal]) for nal in shot.video.parameter_sets)
    return tuple(replace(p, data=(sets if p.is_keyframe else b"") + p.data) for p in shot.packets if p.is_video)


@lru_cache
def cut(codec: VideoCodec = "h264", slices: int = 1, b_frames: int = 0, *, aggregate: bool = False) -> list[RtpPacket]:
    """A clip's packets; what a test does to them must not change them."""
    shot = clip(codec, slices, b_frames)
    packetizer = Packetizer(shot.video, 96, ssrc=0x1111, first=65_400, aggregate=aggregate)
    return [made for packet in served(codec, slices, b_frames) for made in packetizer.cut(packet.data, packet.pts)]


def renumbered(packets: Iterable[RtpPacket], first: int = 65_400) -> list[RtpPacket]:
    return [replace(packet, sequence=first + number) for number, packet in enumerate(packets)]


def raw(packets: Iterable[RtpPacket]) -> list[Raw]:
    return [(0, packet.to_bytes()) for packet in packets]


def interleaved(packets: Iterable[Raw]) -> bytes:
    return b"".join(b"$" + bytes([channel]) + len(data).to_bytes(2, "big") + data for channel, data in packets)


@dataclass
class Came:
    """What came out."""

    units: list[DepacketizedUnit]
    counts: RtpCounts
    wire: InterleavedReader
    odd: int
    messages: list[bytes] = field(default_factory=list)
    reports: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def data(self) -> list[bytes]:
        return [unit.data for unit in self.units]

    @property
    def good(self) -> list[bytes]:
        """Of the units that nothing is said against."""
        return [unit.data for unit in self.units if not unit.is_damaged]

    @property
    def damaged(self) -> int:
        return sum(unit.is_damaged for unit in self.units)


def through(
    data: bytes, codec: VideoCodec = "h264", *, step: int = 0, most_bytes: int = 8_000_000, window: int = 16
) -> Came:
    """Everything at once, or `step` bytes at a time."""
    units: list[DepacketizedUnit] = []
    gathered = VideoDepacketizer(codec, units.append, most_bytes)
    receiver = RtpReceiver(96, gathered, window)
    came = Came(units, receiver.counts, InterleavedReader(lambda *_: None, lambda *_: None), 0)
    wire = came.wire = InterleavedReader(
        lambda channel, report: came.reports.append((channel, report)), came.messages.append
    )
    wire.add(0, receiver)
    feed(wire, data, step)
    receiver.give_up()
    gathered.finish()
    came.odd = gathered.odd
    return came


def feed(wire: InterleavedReader, data: bytes, step: int = 0) -> int:
    """Returns how much was taken."""
    buffer = bytearray(data)
    view = memoryview(buffer)
    at = 0
    for end in range(step or len(data), len(data) + (step or 1), step or len(data) or 1):
        at = wire.feed(buffer, view, at, min(end, len(data)))
    return at


def sent(codec: VideoCodec = "h264", slices: int = 1, b_frames: int = 0) -> list[bytes]:
    return [packet.data for packet in served(codec, slices, b_frames)]


def pictures(units: Iterable[bytes], codec: VideoCodec = "h264") -> list[list[bytes]]:
    """Only the slices, for tests that change what is around them."""
    return [[nal for nal in split_lengths(data) if is_slice(codec, nal)] for data in units]


def is_slice(codec: VideoCodec, nal: bytes) -> bool:
    return nal[0] & 31 in (1, 5) if codec == "h264" else nal[0] >> 1 & 63 < 32


def kind(codec: VideoCodec, payload: bytes) -> int:
    return payload[0] & 31 if codec == "h264" else payload[0] >> 1 & 63


def is_piece(codec: VideoCodec, payload: bytes) -> bool:
    return kind(codec, payload) == (28 if codec == "h264" else 49)


def flags_at(codec: VideoCodec) -> int:
    """Where a fragment's own header is."""
    return 1 if codec == "h264" else 2


Change = Callable[[VideoCodec, Sequence[RtpPacket]], list[Raw]]
