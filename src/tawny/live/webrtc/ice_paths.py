"""Paths to WebRTC viewers: UDP, framed TCP (RFC 4571), and TURN relays.

A datagram that a path cannot take is dropped, as in a network. STUN and DTLS pass where media does not: without answers
to their checks, browsers end their connections.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from struct import pack
from typing import Any, Literal, Protocol, cast

from aioice.turn import TurnTransport

from tawny.engine.acceptor import BACKLOG
from tawny.engine.connections import ClientConnection, Phase

Address = tuple[str, int]
Kind = Literal["udp", "tcp", "relay"]
MOST_WAITING_BYTES = 1_000_000
"""Maximum send buffer of a UDP socket. Excess media is dropped."""
MOST_TCP_WAITING_BYTES = 4_000_000
"""The same of a TCP connection, enough for a large keyframe: senders wait between frames, not within one."""
FULL_BYTES = 64 * 1024
"""Send buffer of a TCP connection from which its sender waits: what is behind it is outdated when it arrives."""
MOST_UNSENT_BYTES = 32 * 1024
"""The same in the kernel, where even answers to checks wait their turn."""
FRAME_HEAD_BYTES = 2
MOST_UNCLAIMED_BYTES = 2048
"""Limit of a datagram on a TCP connection that belongs to no viewer yet: checks are shorter."""
_FIRST_MEDIA_BYTE = 128
"""First bytes below it are of STUN and DTLS (RFC 7983)."""
_TO_SERVER = "_TurnTransport__inner_protocol"
"""aioice has no public way to the send buffer of a relay."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, eq=False)
class IcePath:
    """A path to one viewer. remote: its address as seen locally. is_full: whether its sender should wait."""

    kind: Kind
    remote: Address
    send: Callable[[bytes], None]
    close: Callable[[], None] = lambda: None
    is_full: Callable[[], bool] = _never


class DatagramRouter(Protocol):
    """Receives what arrives on the paths. way: the local endpoint."""

    def on_datagram(self, way: object, remote: Address, data: bytes, make: Callable[[], IcePath]) -> bool:
        """Route a datagram. make: creates a new path. Return whether the path belongs to a connection now."""
        ...

    def lost(self, way: object, remote: Address) -> None:
        """Forget a closed path."""
        ...


def is_stun(data: bytes) -> bool:
    return len(data) >= 20 and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42"


def bound_socket(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """Return a UDP socket, or a TCP socket that listens. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.settimeout(0)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_UNSENT_BYTES)
            made.bind((host, port))
            made.listen(BACKLOG)
        else:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
            made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


# UDP sockets and relays.


def datagram_path(kind: Kind, transport: asyncio.DatagramTransport | TurnTransport, remote: Address) -> IcePath:
    return IcePath(kind, remote, partial(_send_datagram, transport, remote))


def _send_datagram(transport: asyncio.DatagramTransport | TurnTransport, remote: Address, data: bytes) -> None:
    if is_stun(data) or _waiting_bytes(transport) < MOST_WAITING_BYTES:
        transport.sendto(data, remote)


def _waiting_bytes(transport: asyncio.DatagramTransport | TurnTransport) -> int:
    socket_transport: Any = transport
    if isinstance(transport, TurnTransport):
        socket_transport = getattr(transport, _TO_SERVER).transport
    return int(socket_transport.get_write_buffer_size())


class DatagramReceiver(asyncio.DatagramProtocol):
    """Receives datagrams from a UDP socket or through a TURN allocation. lost: called when it is closed."""

    def __init__(self, router: DatagramRouter, kind: Kind, lost: Callable[[], None] = lambda: None) -> None:
        self._router, self._kind, self._lost = router, kind, lost
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # asyncio's and aioice's are no subclasses of it

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        transport, remote = self._transport, (addr[0], addr[1])
        if transport is not None:
            self._router.on_datagram(self, remote, data, lambda: datagram_path(self._kind, transport, remote))


# TCP: each datagram follows its length in 2 bytes.


class TcpPath(asyncio.Protocol):
    """A viewer's TCP connection. The manager closes it after 10 s, as any silent one, unless a valid check arrives."""

    def __init__(self, router: DatagramRouter, connection: ClientConnection) -> None:
        self._router, self._connection = router, connection
        self._transport: asyncio.Transport | None = None
        self._remote: Address = ("", 0)
        self._waiting = b""
        self._is_claimed = self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connection.close_with(transport.abort)
        if self._connection.is_closing:
            transport.abort()
        transport.set_write_buffer_limits(FULL_BYTES)
        peer = transport.get_extra_info("peername")
        self._remote = (peer[0], peer[1])

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.release()
        self._router.lost(self, self._remote)

    def pause_writing(self) -> None:
        self._is_full = True
        self._connection.enter(Phase.STALLED)

    def resume_writing(self) -> None:
        self._is_full = False
        self._connection.enter(Phase.ACTIVE)

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while len(self._waiting) >= FRAME_HEAD_BYTES:
            end = FRAME_HEAD_BYTES + int.from_bytes(self._waiting[:FRAME_HEAD_BYTES], "big")
            if end > MOST_UNCLAIMED_BYTES and not self._is_claimed:
                self.close()
                return
            if len(self._waiting) < end:
                return
            datagram, self._waiting = self._waiting[FRAME_HEAD_BYTES:end], self._waiting[end:]
            if self._router.on_datagram(self, self._remote, datagram, self._path) and not self._is_claimed:
                self._is_claimed = True
                self._connection.sign_in()  # its check is keyed with the password of a signed-in viewer's answer
                self._connection.enter(Phase.ACTIVE)

    def close(self) -> None:
        """Close the connection at once, without what is unsent: the viewer may read nothing any more."""
        if self._transport is not None:
            self._transport.abort()

    def _path(self) -> IcePath:
        return IcePath("tcp", self._remote, self._send, self.close, lambda: self._is_full)

    def _send(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        waiting_bytes = transport.get_write_buffer_size()
        if waiting_bytes < MOST_TCP_WAITING_BYTES or data[0] < _FIRST_MEDIA_BYTE:
            transport.write(pack(">H", len(data)) + data)
        if waiting_bytes > 2 * MOST_TCP_WAITING_BYTES:  # it sends checks, and reads no answers
            self.close()
