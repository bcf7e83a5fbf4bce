"""A camera's sound as WebRTC takes it: G.711 as it comes, anything else turned into Opus once for all who hear it."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tawny.live.shared import share_once
from tawny.live.webrtc.sdp import Sound
from tawny.media.audio.opus import OPUS_RATE, ToOpus
from tawny.model.ids import RunId
from tawny.model.packets import AudioFormat, Packet
from tawny.stream.hub import Hub

PIECE_SAMPLES = 160
"""Of G.711 in one packet: 20 ms."""
KEPT = 200


class AudioPayload(NamedTuple):
    """time: ticks of the track's rate. at_ms: the instant it stands for."""

    payload: bytes
    time: int
    at_ms: int


def names(sound: AudioFormat | None) -> list[Sound]:
    """What this sound can be sent as, the best first."""
    if sound is None:
        return []
    if sound.codec == "aac" or sound.rate != 8000 or sound.channels != 1:
        return ["opus"]
    return ["pcmu", "opus"] if sound.codec == "pcmu" else ["pcma", "opus"]


class G711Track:
    """As it is, in pieces. In the event loop."""

    def __init__(self) -> None:
        self._times = _Times(8000)

    def take(self, packet: Packet) -> list[AudioPayload]:
        return [
            AudioPayload(packet.data[at : at + PIECE_SAMPLES], time, time // 8)
            for at in range(0, len(packet.data), PIECE_SAMPLES)
            for time in [self._times.of(packet, packet.pts + at)]
        ]


class OpusTrack:
    """Turned once: who asks for a packet first has it made. In the event loop."""

    def __init__(self) -> None:
        self._made: OrderedDict[int, list[AudioPayload]] = OrderedDict()
        self._to_opus: ToOpus | None = None
        self._source: AudioFormat | None = None
        self._times = _Times(OPUS_RATE)
        self._newest = -1

    def take(self, packet: Packet) -> list[AudioPayload]:
        if packet.number in self._made:
            return self._made[packet.number]
        if packet.number < self._newest:
            return []  # older than what was made already
        self._newest = packet.number
        self._made[packet.number] = pieces = list(self._turned(packet))
        while len(self._made) > KEPT:
            self._made.popitem(last=False)
        return pieces

    def _turned(self, packet: Packet) -> Iterator[AudioPayload]:
        assert isinstance(packet.format, AudioFormat)
        if packet.format != self._source:
            self._source = packet.format
            try:
                self._to_opus = ToOpus(packet.format)
            except ValueError:
                self._to_opus = None
        if self._to_opus is None:
            return
        for frame in self._to_opus.encode(packet.data, packet.pts):
            time = self._times.of(packet, frame.pts)
            yield AudioPayload(frame.data, time, time * 1000 // OPUS_RATE)


class _Times:
    """UTC in ticks, without the unevenness of the packets' own instants: they only tell where a run begins."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._run: RunId | None = None
        self._zero = 0

    def of(self, packet: Packet, pts: int) -> int:
        """pts: ticks of our rate since the run began."""
        if packet.run != self._run:
            self._run = packet.run
            self._zero = (packet.at_ms - packet.pts * 1000 // packet.format.rate) * self._rate // 1000
        return self._zero + pts


def sounds_of(hub: Hub, name: str) -> "G711Track | OpusTrack":
    """What turns this stream's sound into what was agreed on."""
    return share_once(OpusTrack, hub, OpusTrack) if name == "opus" else G711Track()


def recorded_sounds(name: str) -> "Callable[[Packet], G711Track | OpusTrack | None]":
    """For what was agreed on: what takes a recorded piece, None where it would have to be turned into that."""
    made = OpusTrack() if name == "opus" else G711Track()

    def taking(packet: Packet) -> G711Track | OpusTrack | None:
        return made if name in ("opus", getattr(packet.format, "codec", "")) else None

    return taking
