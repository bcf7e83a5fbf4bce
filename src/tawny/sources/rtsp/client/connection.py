"""RTSP connections with the built-in client, over TCP alone or with the media over UDP.

Over TCP nothing blocks: one thread reads many cameras. `read` processes all received data at once; fewer calls cost
less. Over UDP a keyframe burst overruns the socket buffer, so `read` blocks on the sockets and drains them at once.
Each such connection needs its own thread.
"""

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tawny.engine.descriptors import wait_readable
from tawny.model.packets import SourcePacket
from tawny.model.segments import GapEvidence
from tawny.model.times import Clock
from tawny.protocols.rtp import receiver_report
from tawny.protocols.sdp import SdpDescription
from tawny.sources.network_address import NetworkAddress
from tawny.sources.rtsp.client.rtp_receiver import TCP_WINDOW, UDP_WINDOW, RtpReceiver
from tawny.sources.rtsp.client.session import (
    ClientSession,
    Requests,
    StreamMemory,
    TrackTransport,
    handshake,
    read_reply,
)
from tawny.sources.rtsp.client.tcp_transport import InterleavedReader, TcpSocket
from tawny.sources.rtsp.client.tracks import Tracks
from tawny.sources.rtsp.client.transcript import ConversationFault
from tawny.sources.source import IdleUntil

OPEN_S = 8.0
"""Timeout for the whole handshake, from connecting to the PLAY reply, in seconds."""
LOOKUP_S = 30.0
"""Timeout for resolving the camera's name, in seconds: of several DNS servers, the first may be away."""
TICK_S = 0.173
"""Poll interval, in seconds.

A prime number of milliseconds avoids synchronism with frame rates, so that every phase is sampled; UTC is derived from
the smallest delay. Doubled after little data, halved after much: some cameras drop packets if the system's buffer
fills.
"""
_LITTLE_BYTES, _MUCH_BYTES = 200_000, 400_000
QUICK_S = 0.019
"""Poll interval during the handshake and at the start of a stream, in seconds."""
_QUICK_FOR_S = 2.0
_ROOM_BYTES = 512 * 1024
_MOST_READS = 8
_MOST_STEP_S, _FEW_BYTES = 0.1, 32 * 1024
"""A read that takes longer to process is the last of its poll, and the next ones are short: other cameras share the
thread. Usually 512 kB take 5 ms.
"""

_OURS = frozenset({"stall", "waiting-key", "no-parameters", "bad-parameters", "picture-too-big", "framing", "mixed"})
"""Faults after which the camera still considers the session open."""


class ReceiveBuffer:
    """Receive buffer shared by all connections of one thread, so that it stays in the CPU cache."""

    def __init__(self, size_bytes: int = _ROOM_BYTES) -> None:
        self.buffer = bytearray(size_bytes)
        self.view = memoryview(self.buffer)


class RoomOfThread:
    """The receive buffer of each thread that reads: those of masked cameras are read by threads of their own."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def __call__(self) -> ReceiveBuffer:
        room: ReceiveBuffer | None = getattr(self._of_thread, "room", None)
        if room is None:
            room = self._of_thread.room = ReceiveBuffer()
        return room


def always(room: ReceiveBuffer) -> Callable[[], ReceiveBuffer]:
    """Return this buffer, whichever thread reads."""
    return lambda: room


class RtspConnection:
    """One connection; starts connecting on creation.

    room: returns the buffer of the thread that reads it, which may not be the one that creates it; None: its own.
    """

    transport = "tcp"

    def __init__(
        self,
        address: NetworkAddress,
        options: Mapping[str, Any],
        clock: Clock,
        memory: StreamMemory,
        room: Callable[[], ReceiveBuffer] | None = None,
    ) -> None:
        self._where, self._clock, self._memory = address.public, clock, memory
        self._line = TcpSocket(address, options["fingerprint"])
        self._talk = ClientSession(address, memory.login)
        self._tracks = Tracks(wants_sound=options["sound"], stall_s=options["stall"], window=self._window)
        self._wire = InterleavedReader(self._report, self._message)
        self._requests: Requests[SdpDescription] | None = None
        self._room = room or always(ReceiveBuffer())
        self._came_bytes = 0  # since the last poll
        self._left = b""  # incomplete packet or message
        self._made_s = self._begun_s = self._byte_s = clock.mono_s()
        self._lookup_s = LOOKUP_S
        self._played_s: float | None = None
        self._keep_alive_s = 0.0
        self._fault: ConversationFault | None = None
        self._is_closed = self._has_heard = self._is_costly = False
        self._is_taken = False  # the last poll's packets were just consumed: another poll would find nothing yet
        self._places: dict[int, TrackTransport] = {}
        memory.transcript, memory.counted = self._talk.transcript, lambda: self.notes

    _window = TCP_WINDOW

    @property
    def is_playing(self) -> bool:
        """The handshake is complete."""
        return self._played_s is not None

    def wait_until_it_plays(self) -> None:
        """Block until the stream plays. Raises SourceError if it does not within OPEN_S, after OPEN_S for its name."""
        pause, self._lookup_s = threading.Event(), OPEN_S
        while not self.is_playing:
            self._try_step()
            if self._fault is not None:
                raise self._fault.error(self._where, self._evidence(self._fault))
            if not self.is_playing:
                pause.wait(0.005)

    def read(self) -> SourcePacket | IdleUntil:
        packets = self._tracks.packets
        if not packets and self._fault is None and not self._is_taken:
            self._try_step()
        self._is_taken = bool(packets)
        if packets:
            return packets.popleft()
        if self._fault is not None:
            raise self._fault.error(self._where, self._evidence(self._fault))
        return IdleUntil(self._wait_s())

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self.is_playing and (self._fault is None or self._fault.reason in _OURS):
            self._line.send(self._talk.teardown())
        self._line.close()
        self._fault = self._fault or ConversationFault("closed", "disconnected")
        counted = dict(self.notes)  # a copy: does not keep the connection alive
        if self._memory.transcript is self._talk.transcript:
            self._memory.counted = lambda: counted

    @property
    def notes(self) -> Mapping[str, Any]:
        notes = {"client": "own", "transport": self.transport} | self._tracks.notes
        return notes | {"rubbish_bytes": self._wire.rubbish_bytes, "unasked": self._wire.unasked}

    def _evidence(self, fault: ConversationFault) -> GapEvidence:
        """Return the evidence for a gap that begins now."""
        ago_ms = self._clock.now_ms() - self._clock.mono_s() * 1000
        tracks = self._tracks
        return GapEvidence(
            word=fault.reason,
            last_unit_ms=round(ago_ms + tracks.alive_s * 1000) if tracks.has_pictures else None,
            last_byte_ms=round(ago_ms + self._byte_s * 1000) if self._has_heard else None,
            packets_missing=tracks.missing,
            rubbish_bytes=self._wire.rubbish_bytes,
            peer_status=self._talk.last_status,
        )

    # --- polling

    def _wait_s(self) -> float:
        """Return the time until the next poll, in seconds."""
        quick = self._played_s is None or self._clock.mono_s() - self._played_s < _QUICK_FOR_S
        if quick:
            return QUICK_S
        if self._came_bytes < _LITTLE_BYTES:
            return 2 * TICK_S
        return TICK_S if self._came_bytes < _MUCH_BYTES else TICK_S / 2

    def _try_step(self) -> None:
        try:
            self._step()
        except ConversationFault as fault:
            self._over(fault)

    def _over(self, fault: ConversationFault) -> None:
        self._fault = fault
        age_s = 0.0 if self._played_s is None else self._clock.mono_s() - self._played_s
        self._memory.over(fault.reason, age_s, had_pictures=self._tracks.has_pictures)
        try:
            self._tracks.finish()
        except ConversationFault:
            return  # the first fault counts

    def _step(self) -> None:
        now_s = self._tracks.now_s = self._clock.mono_s()
        self._talk.transcript.at_s = now_s - self._made_s
        if not self.is_playing:
            self._check_time(now_s)
            if not self._line.step():
                return
            if self._requests is None:
                self._begin_to_ask()
        self._receive(now_s)
        if self.is_playing:
            self._tracks.watch(now_s - self._byte_s)
            if now_s >= self._keep_alive_s:
                self._keep_alive_s = now_s + self._pause_s
                self._line.send(self._talk.keep_alive())

    def _check_time(self, now_s: float) -> None:
        """End an attempt that takes too long. The camera's own time begins when its name is known."""
        if not self._line.is_resolved:
            self._begun_s = now_s
            if now_s - self._made_s > self._lookup_s:
                raise ConversationFault("lookup", f"no DNS server answered within {self._lookup_s:g} s")
        elif now_s - self._begun_s > OPEN_S:
            raise ConversationFault("open-timeout", f"no complete response within {OPEN_S:g} s")

    def _begin_to_ask(self) -> None:
        self._requests = handshake(self._talk, self._tracks.choose, self._placed, self._ports())
        self._line.send(next(self._requests))

    def _receive(self, now_s: float) -> None:
        """Receive and process all available data."""
        room = self._room()
        buffer, view = room.buffer, room.view
        most, self._came_bytes = len(buffer), 0
        if self._is_costly:
            most = _FEW_BYTES + len(self._left)
        for _ in range(_MOST_READS):
            begin = len(self._left)
            view[:begin] = self._left
            came = self._line.receive_into(view[begin:most])
            if came is None:
                return
            if came == 0:
                raise self._hung_up()
            self._byte_s, self._has_heard = now_s, True
            self._came_bytes += came
            end = begin + came
            taken = self._wire.feed(buffer, view, 0, end)
            self._left = bytes(view[taken:end])
            self._is_costly = self._clock.mono_s() - now_s > _MOST_STEP_S
            if self._is_costly or (end < most and not self._line.is_encrypted):
                return

    def _hung_up(self) -> ConversationFault:
        if self.is_playing:
            return ConversationFault("closed", "the connection was closed")
        return ConversationFault("unreachable", "the connection was closed during setup")

    # --- received data

    def _message(self, raw: bytes) -> None:
        self._talk.transcript.received(raw)
        if self.is_playing:
            self._line.send(self._talk.on_data(raw))
        elif not raw.startswith(b"RTSP/"):
            self._line.send(self._talk.obeyed(raw))
        elif self._requests is not None:
            try:
                reply = read_reply(raw)
                self._talk.note(reply)
                self._line.send(self._requests.send(reply))
            except StopIteration:
                self._plays()

    def _plays(self) -> None:
        now_s = self._tracks.now_s
        self._played_s = now_s
        self._keep_alive_s = now_s + self._pause_s
        self._tracks.begin(now_s)

    @property
    def _pause_s(self) -> float:
        return min(self._talk.pause_s, self._memory.pause_s)

    def _ports(self) -> Sequence[int] | None:
        """First ports of the local UDP port pairs; None for TCP."""
        return None

    def _placed(self, place: TrackTransport) -> None:
        self._places[place.channel] = place
        self._wire.add(place.channel, self._tracks.receiver_of(place.track))

    def _report(self, channel: int, data: bytes) -> None:
        self._tracks.report(data, self._clock.now_ms() / 1000, is_video=self._places[channel].track.kind == "video")


# Media over UDP: control over TCP, packets over local port pairs.

LATE_S = 0.15
"""Maximum wait for a late packet while later ones are available, in seconds."""
_WAIT_S = 0.2
_REPORT_S = 5.0
_KEPT_BYTES = 2 << 20
_LARGEST_BYTES = 1 << 16
_MOST_AT_ONCE = 2000
_PAIRS, _TRIES = 2, 200


class UdpPortPair(NamedTuple):
    """Sockets with adjacent ports, the first even: RTP on one, RTCP on the other."""

    packets: socket.socket
    reports: socket.socket
    port: int


@dataclass(slots=True)
class UdpTrack:
    """A track. late: sequence number of the missing packet, negative if none; late_s: waiting since."""

    place: TrackTransport
    pair: UdpPortPair
    receiver: RtpReceiver
    late: int = -1
    late_s: float = 0.0

    def give_up_late(self, now_s: float) -> None:
        """Give up a late packet after LATE_S.

        The time counts from when a packet was missed, with all received data processed.
        """
        late = self.receiver.waits_for
        if late != self.late:
            self.late, self.late_s = late, now_s
        elif late >= 0 and now_s - self.late_s > LATE_S:
            self.late = -1
            self.receiver.give_up()


class UdpConnection(RtspConnection):
    """One connection; starts connecting on creation."""

    transport = "udp"
    _window = UDP_WINDOW

    def __init__(self, address: NetworkAddress, options: Mapping[str, Any], clock: Clock, memory: StreamMemory) -> None:
        super().__init__(address, options, clock, memory)
        self._pairs: list[UdpPortPair] = []
        self._udp_tracks: list[UdpTrack] = []
        self._datagram = memoryview(bytearray(_LARGEST_BYTES))
        self._report_s = 0.0
        self._peer = ""

    def close(self) -> None:
        super().close()
        for pair in self._pairs:
            pair.packets.close()
            pair.reports.close()

    def _ports(self) -> Sequence[int]:
        family, host = self._line.local
        self._peer = self._line.peer
        self._pairs = [_pair(family, host) for _ in range(_PAIRS)]
        return [pair.port for pair in self._pairs]

    def _placed(self, place: TrackTransport) -> None:
        self._places[place.channel] = place
        pair = self._pairs[len(self._udp_tracks)]
        self._udp_tracks.append(UdpTrack(place, pair, self._tracks.receiver_of(place.track)))

    def _plays(self) -> None:
        super()._plays()
        self._send_receiver_reports()

    def _wait_s(self) -> float:
        return 0.0 if self.is_playing else super()._wait_s()

    def _receive(self, now_s: float) -> None:
        """Wait for packets and process them, including messages on the TCP connection."""
        if self.is_playing:
            sockets = [one.fileno() for track in self._udp_tracks for one in (track.pair.packets, track.pair.reports)]
            wait_s = LATE_S / 3 if any(track.late >= 0 for track in self._udp_tracks) else _WAIT_S
            wait_readable([*sockets, self._line.fileno()], wait_s)
            now_s = self._tracks.now_s = self._clock.mono_s()
            self._take_all(now_s)
            if now_s >= self._report_s:
                self._report_s = now_s + _REPORT_S
                self._send_receiver_reports()
        try:
            super()._receive(now_s)
        except ConversationFault:
            self._take_all(now_s)  # packets sent before the disconnect are available
            raise

    def _take_all(self, now_s: float) -> None:
        for track in self._udp_tracks:
            for _ in range(_MOST_AT_ONCE):
                count = self._from_camera(track.pair.packets)
                if count < 0:
                    break
                self._byte_s, self._has_heard = now_s, True
                track.receiver.packet(self._datagram, 0, count)
            for _ in range(_MOST_AT_ONCE):
                count = self._from_camera(track.pair.reports)
                if count < 0:
                    break
                self._report(track.place.channel, bytes(self._datagram[:count]))
            track.give_up_late(now_s)

    def _from_camera(self, by: socket.socket) -> int:
        """Receive the next datagram. Return its size, 0 for another sender's, negative if none is available."""
        try:
            count, sender = by.recvfrom_into(self._datagram)
        except BlockingIOError:
            return -1
        except OSError:  # an earlier report was rejected (ICMP)
            return 0
        return count if sender[0] == self._peer else 0

    def _send_receiver_reports(self) -> None:
        """Send receiver reports, which also open mappings in routers."""
        for track in self._udp_tracks:
            counts, receiver = track.receiver.counts, track.receiver
            report = receiver_report(max(receiver.source, 0), counts.missing, counts.packets)
            for by, port in zip((track.pair.packets, track.pair.reports), track.place.ports, strict=True):
                if port and (by is track.pair.reports or not counts.packets):
                    _send(by, report, (self._peer, port))


def _send(by: socket.socket, data: bytes, to: tuple[str, int]) -> None:
    try:
        by.sendto(data, to)
    except OSError:  # best effort
        return


def _pair(family: socket.AddressFamily, host: str) -> UdpPortPair:
    for _ in range(_TRIES):
        packets, reports = _socket(family), _socket(family)
        try:
            packets.bind((host, 0))
            port = packets.getsockname()[1]
            if port % 2 == 0:
                reports.bind((host, port + 1))
                return UdpPortPair(packets, reports, port)
        except OSError:  # the adjacent port is taken
            pass
        packets.close()
        reports.close()
    raise ConversationFault("transport", "no free pair of ports to listen on")


def _socket(family: socket.AddressFamily) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.settimeout(0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KEPT_BYTES)
    return made
