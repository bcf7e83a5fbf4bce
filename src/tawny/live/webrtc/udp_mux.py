"""The shared port of all connections: UDP, and TCP on the same number for networks without UDP.

Routes each datagram to its connection. The first STUN check on a new path identifies the connection; later datagrams on
the path follow it.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import ifaddr
from aioice.turn import TurnTransport

from tawny.live.webrtc.ice import (
    Address,
    Candidate,
    IceAgent,
    RelayTransport,
    TcpTransport,
    Transport,
    UdpTransport,
    is_stun,
    stun_username,
)

MOST_PATHS = 2000
FRAME_HEAD_BYTES = 2
TCP_UNCLAIMED_S = 10.0
log = logging.getLogger(__name__)


class IceViewer(Protocol):
    """A connection with an IceAgent."""

    ice: IceAgent

    def take(self, data: bytes) -> None:
        """Process a datagram that is not STUN."""
        ...


class UdpMux:
    """Demultiplexer. hosts: addresses to listen on, `0.0.0.0` or `::` for all. outside: further public addresses."""

    def __init__(self, hosts: Sequence[str], number: int, outside: Sequence[str] = ()) -> None:
        self._hosts, self.number, self._outside = hosts, number, outside
        self._udp: list[asyncio.DatagramTransport] = []
        self._tcp: list[asyncio.Server] = []
        self._viewers: dict[str, IceViewer] = {}
        self._paths: dict[tuple[object, Address], tuple[IceViewer, Transport]] = {}
        self.extra: list[Candidate] = []
        """Server-reflexive and relay candidates from STUN and TURN servers."""
        self.relays: list[TurnTransport] = []
        self._asked: dict[Address, asyncio.Future[bytes]] = {}

    async def open(self) -> None:
        """Open the UDP and TCP ports. Raises OSError if the UDP port is in use."""
        loop = asyncio.get_running_loop()
        for host in self._hosts:
            udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), sock=_bound(host, self.number))
            self._udp.append(udp)
            self.number = udp.get_extra_info("sockname")[1]
        for host in self._hosts:
            try:
                made = await loop.create_server(lambda: _Tcp(self), host, self.number, backlog=64)
            except OSError as error:
                log.info("WebRTC over TCP is unavailable on port %d: %s", self.number, error.strerror)
                continue
            self._tcp.append(made)

    def close(self) -> None:
        for udp in self._udp:
            udp.close()
        for server in self._tcp:
            server.close()
        for _, path in self._paths.values():
            if isinstance(path, TcpTransport):
                path.close()
        self._paths.clear()

    def candidates(self) -> list[Candidate]:
        """Return the local candidates, preferred first."""
        hosts = [*_addresses(self._hosts), *self._outside]
        transports = ["udp", "tcp"] if self._tcp else ["udp"]
        own = [Candidate(transport, host, self.number, "host") for transport in transports for host in hosts]
        return [*own, *self.extra]

    def add(self, viewer: IceViewer) -> None:
        self._viewers[viewer.ice.login.name] = viewer

    def forget(self, viewer: IceViewer) -> None:
        self._viewers.pop(viewer.ice.login.name, None)
        for key, (whose, path) in list(self._paths.items()):
            if whose is viewer:
                del self._paths[key]
                if isinstance(path, TcpTransport):
                    path.close()

    def knock(self, viewer: IceViewer, at: Address) -> None:
        """Send binding requests to this address to open mappings in the local NAT or firewall."""
        try:
            version = ipaddress.ip_address(at[0]).version
        except ValueError:
            return
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        for udp in self._udp:
            if udp.get_extra_info("socket").family == family:
                viewer.ice.knock(UdpTransport(udp, at))
        for relay in self.relays:
            viewer.ice.knock(RelayTransport(relay, at))

    async def ask(self, question: bytes, at: Address) -> bytes:
        """Send a STUN request every 0.3 s until answered; return the response. The caller sets the timeout."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[at] = answer
        try:
            while True:
                for udp in self._udp:
                    udp.sendto(question, at)
                done, _ = await asyncio.wait([answer], timeout=0.3)
                if done:
                    return answer.result()
        finally:
            del self._asked[at]

    def heard(self, way: object, remote: Address, data: bytes, make: Callable[[], Transport]) -> None:
        """Route a datagram. way: local endpoint that received it. make: creates the transport for a new path."""
        known = self._paths.get((way, remote))
        asked = self._asked.get(remote)
        if asked is not None and not asked.done() and is_stun(data):
            asked.set_result(data)
        elif is_stun(data):
            viewer = known[0] if known else self._viewers.get(stun_username(data) or "")
            if viewer is None:
                return
            path = known[1] if known else make()
            if viewer.ice.check(data, path) and not known and len(self._paths) < MOST_PATHS:
                self._paths[way, remote] = viewer, path
        elif known:
            known[0].take(data)

    def lost(self, way: object, remote: Address) -> None:
        """Forget a closed path."""
        self._paths.pop((way, remote), None)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, port: UdpMux) -> None:
        self._port = port
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # asyncio's class is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        transport, remote = self._transport, (addr[0], addr[1])
        if transport is not None:
            self._port.heard(self, remote, data, lambda: UdpTransport(transport, remote))


class TurnRelayed(asyncio.DatagramProtocol):
    """Receives datagrams through a TURN allocation."""

    def __init__(self, port: UdpMux, path: Callable[[Address], RelayTransport]) -> None:
        self._port, self._path = port, path

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        remote = (addr[0], addr[1])
        self._port.heard(self, remote, data, lambda: self._path(remote))


class _Tcp(asyncio.Protocol):
    """TCP framing: each datagram follows its length in 2 bytes."""

    def __init__(self, port: UdpMux) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._remote: Address = ("", 0)
        self._waiting = b""
        self._unclaimed: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._remote = (peer[0], peer[1])
        self._unclaimed = asyncio.get_running_loop().call_later(TCP_UNCLAIMED_S, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._claimed()
        self._port.lost(self, self._remote)

    def data_received(self, data: bytes) -> None:
        transport, remote = self._transport, self._remote
        assert transport is not None
        self._waiting += data
        while len(self._waiting) >= FRAME_HEAD_BYTES:
            end = FRAME_HEAD_BYTES + int.from_bytes(self._waiting[:FRAME_HEAD_BYTES], "big")
            if len(self._waiting) < end:
                return
            datagram, self._waiting = self._waiting[FRAME_HEAD_BYTES:end], self._waiting[end:]
            self._port.heard(self, remote, datagram, lambda: self._claim(TcpTransport(transport, remote)))

    def _claim(self, path: TcpTransport) -> TcpTransport:
        self._claimed()
        return path

    def _claimed(self) -> None:
        if self._unclaimed:
            self._unclaimed.cancel()
            self._unclaimed = None


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
        made.settimeout(0)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def _addresses(hosts: Sequence[str]) -> list[str]:
    """Return addresses to announce; wildcards expand to the interfaces' addresses, loopback only as a fallback."""
    found: list[str] = []
    for host in hosts:
        if not ipaddress.ip_address(host).is_unspecified:
            found.append(host)
            continue
        version = 6 if ":" in host else 4
        every = [
            ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
            for adapter in ifaddr.get_adapters()
            for ip in adapter.ips
        ]
        usable = [str(ip) for ip in every if ip.version == version and not ip.is_loopback and not ip.is_link_local]
        found += usable or ["127.0.0.1" if version == 4 else "::1"]
    return list(dict.fromkeys(found))
