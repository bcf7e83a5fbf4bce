"""RTSP connection over UDP with the built-in client: control over TCP, media over local UDP port pairs.

A keyframe burst overruns the socket buffer, so `read` blocks on the sockets and drains them at once. Each connection
needs its own thread.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tawny.engine.descriptors import wait_readable
from tawny.model.clock import Clock
from tawny.protocols.rtp import receiver_report
from tawny.sources.rtsp.address import RtspAddress
from tawny.sources.rtsp.client.handshake import TrackTransport
from tawny.sources.rtsp.client.rtp_receiver import UDP_WINDOW, RtpReceiver
from tawny.sources.rtsp.client.session import StreamMemory
from tawny.sources.rtsp.client.tcp_connection import RtspConnection
from tawny.sources.rtsp.client.transcript import ConversationFault

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
class _Heard:
    """A track. late: sequence number of the missing packet, negative if none; late_s: waiting since."""

    place: TrackTransport
    pair: UdpPortPair
    receiver: RtpReceiver
    late: int = -1
    late_s: float = 0.0


class UdpConnection(RtspConnection):
    """One connection; starts connecting on creation."""

    transport = "udp"
    _window = UDP_WINDOW

    def __init__(self, address: RtspAddress, options: Mapping[str, Any], clock: Clock, memory: StreamMemory) -> None:
        super().__init__(address, options, clock, memory)
        self._pairs: list[UdpPortPair] = []
        self._heard: list[_Heard] = []
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
        pair = self._pairs[len(self._heard)]
        self._heard.append(_Heard(place, pair, self._tracks.receiver_of(place.track)))

    def _plays(self) -> None:
        super()._plays()
        self._say_that_we_listen()

    def _wait_s(self) -> float:
        return 0.0 if self.is_playing else super()._wait_s()

    def _receive(self, now_s: float) -> None:
        """Wait for packets and process them, including messages on the TCP connection."""
        if self.is_playing:
            sockets = [one.fileno() for heard in self._heard for one in (heard.pair.packets, heard.pair.reports)]
            wait_s = LATE_S / 3 if any(heard.late >= 0 for heard in self._heard) else _WAIT_S
            wait_readable([*sockets, self._line.fileno()], wait_s)
            now_s = self._tracks.now_s = self._clock.mono_s()
            self._take_all(now_s)
            if now_s >= self._report_s:
                self._report_s = now_s + _REPORT_S
                self._say_that_we_listen()
        try:
            super()._receive(now_s)
        except ConversationFault:
            self._take_all(now_s)  # packets sent before the disconnect are available
            raise

    def _take_all(self, now_s: float) -> None:
        for heard in self._heard:
            for _ in range(_MOST_AT_ONCE):
                count = self._from_camera(heard.pair.packets)
                if count < 0:
                    break
                self._byte_s, self._has_heard = now_s, True
                heard.receiver.packet(self._datagram, 0, count)
            for _ in range(_MOST_AT_ONCE):
                count = self._from_camera(heard.pair.reports)
                if count < 0:
                    break
                self._report(heard.place.channel, bytes(self._datagram[:count]))
        self._wait_no_longer(now_s)

    def _wait_no_longer(self, now_s: float) -> None:
        """Give up late packets after LATE_S.

        The time counts from when a packet was missed, with all received data processed.
        """
        for heard in self._heard:
            late = heard.receiver.waits_for
            if late != heard.late:
                heard.late, heard.late_s = late, now_s
            elif late >= 0 and now_s - heard.late_s > LATE_S:
                heard.late = -1
                heard.receiver.give_up()

    def _from_camera(self, by: socket.socket) -> int:
        """Receive the next datagram. Return its size, 0 for another sender's, negative if none is available."""
        try:
            count, sender = by.recvfrom_into(self._datagram)
        except BlockingIOError:
            return -1
        except OSError:  # an earlier report was rejected (ICMP)
            return 0
        return count if sender[0] == self._peer else 0

    def _say_that_we_listen(self) -> None:
        """Send receiver reports, which also open mappings in routers."""
        for heard in self._heard:
            counts, receiver = heard.receiver.counts, heard.receiver
            report = receiver_report(max(receiver.source, 0), counts.missing, counts.packets)
            for by, port in zip((heard.pair.packets, heard.pair.reports), heard.place.ports, strict=True):
                if port and (by is heard.pair.reports or not counts.packets):
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
