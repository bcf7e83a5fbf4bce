"""Audio tracks for WebRTC: G.711 unchanged; other codecs transcoded to Opus, once per stream for all viewers."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tawny.live.wakeup import share_once
from tawny.media.audio import OPUS_RATE, ToOpus
from tawny.model.ids import RunId
from tawny.model.packets import AudioFormat, Packet
from tawny.protocols.sdp import Sound
from tawny.stream.hub import Hub

PIECE_SAMPLES = 160
"""G.711 samples per packet: 20 ms."""
KEPT = 200


class AudioPayload(NamedTuple):
    """One RTP payload. time: ticks of the track's rate. at_ms: capture time, ms UTC."""

    payload: bytes
    time: int
    at_ms: int


def names(sound: AudioFormat | None) -> list[Sound]:
    """Return the codecs this audio can be sent as, preferred first."""
    if sound is None:
        return []
    if sound.codec == "aac" or sound.rate != 8000 or sound.channels != 1:
        return ["opus"]
    return ["pcmu", "opus"] if sound.codec == "pcmu" else ["pcma", "opus"]


class G711Track:
    """Splits G.711 packets without transcoding. Event loop only."""

    def __init__(self) -> None:
        self._times = _Times(8000)

    def take(self, packet: Packet) -> list[AudioPayload]:
        return [
            AudioPayload(packet.data[at : at + PIECE_SAMPLES], time, time // 8)
            for at in range(0, len(packet.data), PIECE_SAMPLES)
            for time in [self._times.of(packet, packet.pts + at)]
        ]


class OpusTrack:
    """Transcodes a stream's audio to Opus; caches the result for other viewers. Event loop only."""

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
            return []  # older than the newest transcoded packet
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
    """Maps pts to UTC ticks without packet jitter: uses a packet's arrival time only at the start of a run."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._run: RunId | None = None
        self._zero = 0

    def of(self, packet: Packet, pts: int) -> int:
        """Return UTC in ticks of `rate`. pts: ticks of `rate` since the run's start."""
        if packet.run != self._run:
            self._run = packet.run
            self._zero = (packet.at_ms - packet.pts * 1000 // packet.format.rate) * self._rate // 1000
        return self._zero + pts


def sounds_of(hub: Hub, name: str) -> "G711Track | OpusTrack":
    """Return the track that converts this stream's audio to the negotiated codec."""
    return share_once(OpusTrack, hub, OpusTrack) if name == "opus" else G711Track()


def recorded_sounds(name: str) -> "Callable[[Packet], G711Track | OpusTrack | None]":
    """Return a function that maps a recorded packet to its track for the negotiated codec.

    The function returns None if the packet would need transcoding to G.711.
    """
    made = OpusTrack() if name == "opus" else G711Track()

    def taking(packet: Packet) -> G711Track | OpusTrack | None:
        return made if name in ("opus", getattr(packet.format, "codec", "")) else None

    return taking
