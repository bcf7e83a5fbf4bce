"""Two-way audio to a camera's speaker, over a separate connection that does not affect recording.

ONVIF Streaming Specification, 5.3: with a `Require` header, the camera describes a track that it receives
(`a=sendonly`, from the client's point of view). Only G.711, which every such camera supports.
"""

import secrets
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from tawny.media.audio import g711
from tawny.model.packets import AudioFormat
from tawny.model.times import Clock
from tawny.protocols.login_history import LoginRecord
from tawny.protocols.rtp import Packetizer
from tawny.protocols.sdp import SdpDescription, SdpTrack
from tawny.sources.network_address import NetworkAddress
from tawny.sources.rtsp.client.session import ClientSession, Requests, TrackTransport, described, handshake, read_reply
from tawny.sources.rtsp.client.tcp_transport import InterleavedReader, TcpSocket
from tawny.sources.rtsp.client.transcript import ConversationFault

REQUIRE = "www.onvif.org/ver20/backchannel"
RATE = 8000
PACKET_BYTES = 160
"""G.711 bytes per packet: 20 ms."""
OPEN_S = 8.0
_ROOM_BYTES = 64 * 1024
_NOT_UNDERSTOOD = frozenset({"refused", "sdp"})
_Result = TypeVar("_Result")


class BackChannel:
    """Implements `sources.source.Speaker`. Use from one thread at a time."""

    def __init__(
        self, address: NetworkAddress, fingerprint: str, clock: Clock, record: LoginRecord | None = None
    ) -> None:
        self._where, self._clock = address.public, clock
        self._line, self._talk = TcpSocket(address, fingerprint), ClientSession(address, record)
        self._talk.require = REQUIRE
        self._wire = InterleavedReader(self._report, self._message)
        self._room = bytearray(_ROOM_BYTES)
        self._left = 0
        self._answer: Callable[[bytes], None] | None = None
        self._place: TrackTransport | None = None
        self._rtp: Packetizer | None = None
        self._unsent, self._samples = b"", 0
        self._keep_alive_s = 0.0

    def has_one(self) -> bool:
        """Return whether the camera has a usable speaker. Blocks for at most OPEN_S. Raises SourceError."""
        try:
            found, _ = self._ask(described(self._talk))
        except ConversationFault as fault:
            if fault.reason in _NOT_UNDERSTOOD:
                return False
            raise fault.error(self._where) from fault
        return _back(found) is not None

    def open(self) -> None:
        """Open the backchannel. Blocks for at most OPEN_S. Raises SourceError."""
        try:
            self._ask(handshake(self._talk, _wanted, self._placed))
        except ConversationFault as fault:
            raise fault.error(self._where) from fault
        assert self._place is not None, "handshakes that end well have placed what was wanted"
        track = self._place.track
        sound = AudioFormat(track.audio_codec or "pcmu", RATE, 1)
        self._rtp = Packetizer(sound, track.payload_type, ssrc=secrets.randbits(32), first=secrets.randbits(16))
        self._keep_alive_s = self._clock.mono_s() + self._talk.pause_s

    def speak(self, pcm: bytes) -> None:
        """Send 16-bit samples, 8 kHz, mono, in real time. Never blocks. Raises SourceError when disconnected."""
        assert self._rtp is not None
        assert self._place is not None
        try:
            self._receive(self._talk.on_data)
        except ConversationFault as fault:
            raise fault.error(self._where) from fault
        self._unsent += g711(self._place.track.audio_codec or "pcmu", pcm)
        while len(self._unsent) >= PACKET_BYTES:
            piece, self._unsent = self._unsent[:PACKET_BYTES], self._unsent[PACKET_BYTES:]
            for packet in self._rtp.cut(piece, self._samples):
                packet.is_marked = self._samples == 0  # start of a talkspurt (RFC 3551, 4.1)
                made = packet.to_bytes()
                self._line.send(b"$" + bytes([self._place.channel]) + len(made).to_bytes(2, "big") + made)
            self._samples += PACKET_BYTES
        if self._clock.mono_s() >= self._keep_alive_s:
            self._keep_alive_s = self._clock.mono_s() + self._talk.pause_s
            self._line.send(self._talk.keep_alive())

    def close(self) -> None:
        if self._rtp is not None:
            self._line.send(self._talk.teardown())
        self._line.close()

    def _ask(self, requests: "Requests[_Result]") -> _Result:
        """Run the request sequence to its end and return its result."""
        until_s, pause = self._clock.mono_s() + OPEN_S, threading.Event()
        results: list[_Result] = []
        while not self._line.step():
            self._look_at(until_s)
            pause.wait(0.005)
        self._line.send(next(requests))

        def answer(raw: bytes) -> bytes:
            if not raw.startswith(b"RTSP/"):
                return self._talk.obeyed(raw)
            try:
                return requests.send(read_reply(raw))
            except StopIteration as end:
                results.append(end.value)
                return b""

        while not results:
            self._look_at(until_s)
            self._receive(answer)
            pause.wait(0.005)
        return results[0]

    def _look_at(self, until_s: float) -> None:
        if self._clock.mono_s() > until_s:
            raise ConversationFault("open-timeout", f"no complete response within {OPEN_S:g} s")

    def _receive(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = lambda raw: self._line.send(answer(raw))
        view = memoryview(self._room)
        came = self._line.receive_into(view[self._left :])
        if came is None:
            return
        if came == 0:
            raise ConversationFault("closed", "the connection was closed")
        end = self._left + came
        taken = self._wire.feed(self._room, view, 0, end)
        self._left = end - taken
        self._room[: self._left] = self._room[taken:end]

    def _report(self, channel: int, data: bytes) -> None:
        """Ignore the camera's receiver reports: sending is not adapted to them."""

    def _message(self, raw: bytes) -> None:
        if self._answer is not None:
            self._answer(raw)

    def _placed(self, place: TrackTransport) -> None:
        self._place = place


def _back(found: SdpDescription) -> SdpTrack | None:
    return next((track for track in found.tracks if track.is_back and track.audio_codec in ("pcmu", "pcma")), None)


def _wanted(found: SdpDescription) -> Sequence[SdpTrack]:
    track = _back(found)
    if track is None:
        raise ConversationFault("refused", "it has no speaker that supports two-way audio")
    return [track]
