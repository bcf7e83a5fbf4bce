"""ICE-lite (RFC 8445): the agent of each connection, and the port that all connections share.

The agent answers connectivity checks; the viewer nominates the path. A check carries the user name and a MAC keyed with
the password from the SDP answer. Media is sent only to an address with a valid check.

The port is open for UDP, and for TCP on the same number for networks without UDP. It routes each datagram to its
connection. The first STUN check on a new path identifies the connection; later datagrams on the path follow it.

The recorder's public addresses are determined through STUN and TURN servers, which are announced to browsers, too.
"""

import asyncio
import ipaddress
import logging
import re
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from struct import error as struct_error
from struct import pack
from typing import Any, Literal, cast

import ifaddr
from aioice.stun import Class, Message, Method, TransactionError, parse_message
from aioice.turn import TurnTransport, create_turn_endpoint

from tawny.config.settings import LiveSettings, TurnServerSettings
from tawny.live.webrtc.ice_servers import login_at
from tawny.model.times import Clock
from tawny.protocols.sdp import Candidate, IceCredentials

Address = tuple[str, int]
Kind = Literal["udp", "tcp", "relay"]
MOST_WAITING_BYTES = 1_000_000
"""Maximum send buffer of a socket, enough for a large keyframe. Excess datagrams are dropped, as in a network."""
MOST_PATHS = 2000
_TO_SERVER = "_TurnTransport__inner_protocol"
"""aioice has no public way to the send buffer of a relay."""
FRAME_HEAD_BYTES = 2
TCP_UNCLAIMED_S = 10.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class IcePath:
    """A path to one viewer: UDP, framed TCP (RFC 4571), or a TURN relay. remote: its address as seen locally."""

    kind: Kind
    remote: Address
    send: Callable[[bytes], None]
    close: Callable[[], None] = lambda: None


def _datagram_path(kind: Kind, transport: asyncio.DatagramTransport | TurnTransport, remote: Address) -> IcePath:
    return IcePath(kind, remote, partial(_send_datagram, transport, remote))


def _send_datagram(transport: asyncio.DatagramTransport | TurnTransport, remote: Address, data: bytes) -> None:
    """Send to `remote`. Checks pass a full buffer: without answers the browsers would end their connections."""
    if is_stun(data) or _waiting_bytes(transport) < MOST_WAITING_BYTES:
        transport.sendto(data, remote)


def _waiting_bytes(transport: asyncio.DatagramTransport | TurnTransport) -> int:
    socket_transport: Any = transport
    if isinstance(transport, TurnTransport):
        socket_transport = getattr(transport, _TO_SERVER).transport
    return int(socket_transport.get_write_buffer_size())


def _send_framed(transport: asyncio.Transport, data: bytes) -> None:
    if not transport.is_closing() and transport.get_write_buffer_size() < MOST_WAITING_BYTES:
        transport.write(pack(">H", len(data)) + data)


SILENT_S = 15.0
"""Seconds without a check after which the viewer counts as disconnected."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def new_login() -> IceCredentials:
    name, password = ("".join(secrets.choice(_LETTERS) for _ in range(count)) for count in (8, 24))
    return IceCredentials(name, password)


def is_stun(data: bytes) -> bool:
    return len(data) >= 20 and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42"


def _read_stun(data: bytes) -> Message:
    """Parse a STUN message. Raises ValueError if it is malformed."""
    try:
        return parse_message(data)
    except (struct_error, IndexError) as error:  # aioice: an attribute is too short
        raise ValueError(str(error)) from error


def stun_username(data: bytes) -> str | None:
    """Return the local user fragment of a STUN binding request; None for other messages."""
    try:
        message = _read_stun(data)
    except ValueError:
        return None
    if message.message_method is not Method.BINDING or message.message_class is not Class.REQUEST:
        return None
    name = message.attributes.get("USERNAME", "")
    return str(name).partition(":")[0] or None


class IceAgent:
    """ICE state of one connection. path: None before the viewer selects one.

    chosen: called when the viewer selects a path. take: processes a datagram that is not STUN.
    """

    def __init__(
        self, remote: IceCredentials, clock: Clock, chosen: Callable[[], None], take: Callable[[bytes], None]
    ) -> None:
        self.login, self.remote, self.take = new_login(), remote, take
        self.path: IcePath | None = None
        self._clock, self._chosen = clock, chosen
        self._received_s = clock.mono_s()

    @property
    def is_silent(self) -> bool:
        return self._clock.mono_s() - self._received_s > SILENT_S

    def send(self, data: bytes) -> None:
        """Send on the selected path. Drops the data if none is selected."""
        if self.path is not None:
            self.path.send(data)

    def check(self, data: bytes, path: IcePath) -> bool:
        """Answer a STUN check received on `path`. Return False for messages of other sessions."""
        try:
            message = _read_stun(data)
        except ValueError:
            return False
        if message.message_class is not Class.REQUEST or message.message_method is not Method.BINDING:
            return message.message_class in (Class.RESPONSE, Class.ERROR)
        name = str(message.attributes.get("USERNAME", ""))
        if name.partition(":")[0] != self.login.name or not message.check_message_integrity(
            self.login.password.encode()
        ):
            return False
        self._received_s = self._clock.mono_s()
        answer = Message(Method.BINDING, Class.RESPONSE, message.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = path.remote
        answer.add_message_integrity(self.login.password.encode())
        path.send(bytes(answer))
        if path is not self.path and (self.path is None or "USE-CANDIDATE" in message.attributes):
            self.path = path
            self._chosen()
        return True

    def knock(self, path: IcePath) -> None:
        """Send a binding request to open a mapping in the local NAT or firewall for the viewer's checks."""
        request = Message(Method.BINDING, Class.REQUEST)
        request.attributes["USERNAME"] = f"{self.remote.name}:{self.login.name}"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLED"] = secrets.randbits(64)
        request.add_message_integrity(self.remote.password.encode())
        path.send(bytes(request))


class UdpMux:
    """Demultiplexer. hosts: addresses to listen on, `0.0.0.0` or `::` for all. outside: further public addresses."""

    def __init__(self, hosts: Sequence[str], number: int, outside: Sequence[str] = ()) -> None:
        self._hosts, self.number, self._outside = hosts, number, outside
        self._udp: list[asyncio.DatagramTransport] = []
        self._tcp: list[asyncio.Server] = []
        self._agents: dict[str, IceAgent] = {}
        self._paths: dict[tuple[object, Address], tuple[IceAgent, IcePath]] = {}
        self.extra: list[Candidate] = []
        """Server-reflexive and relay candidates from STUN and TURN servers."""
        self.relays: list[TurnTransport] = []
        self._asked: dict[Address, asyncio.Future[bytes]] = {}

    async def open(self) -> None:
        """Open the UDP and TCP ports. Raises OSError if the UDP port is in use."""
        loop = asyncio.get_running_loop()
        for host in self._hosts:
            udp, _ = await loop.create_datagram_endpoint(
                lambda: DatagramReceiver(self, "udp"), sock=_bound(host, self.number)
            )
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
            path.close()
        self._paths.clear()

    def candidates(self) -> list[Candidate]:
        """Return the local candidates, preferred first."""
        hosts = [*_addresses(self._hosts), *self._outside]
        transports = ["udp", "tcp"] if self._tcp else ["udp"]
        own = [Candidate(transport, host, self.number, "host") for transport in transports for host in hosts]
        return [*own, *self.extra]

    def add(self, agent: IceAgent) -> None:
        self._agents[agent.login.name] = agent

    def forget(self, agent: IceAgent) -> None:
        self._agents.pop(agent.login.name, None)
        for key, (whose, path) in list(self._paths.items()):
            if whose is agent:
                del self._paths[key]
                path.close()

    def knock(self, agent: IceAgent, at: Address) -> None:
        """Send binding requests to this address to open mappings in the local NAT or firewall."""
        try:
            version = ipaddress.ip_address(at[0]).version
        except ValueError:
            return
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        for udp in self._udp:
            if udp.get_extra_info("socket").family == family:
                agent.knock(_datagram_path("udp", udp, at))
        for relay in self.relays:
            agent.knock(_datagram_path("relay", relay, at))

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

    def on_datagram(self, way: object, remote: Address, data: bytes, make: Callable[[], IcePath]) -> None:
        """Route a datagram. way: local endpoint that received it. make: creates a new path."""
        known = self._paths.get((way, remote))
        request = self._asked.get(remote)
        if request is not None and not request.done() and is_stun(data):
            request.set_result(data)
        elif is_stun(data):
            agent = known[0] if known else self._agents.get(stun_username(data) or "")
            if agent is None:
                return
            path = known[1] if known else make()
            if agent.check(data, path) and not known and len(self._paths) < MOST_PATHS:
                self._paths[way, remote] = agent, path
        elif known:
            known[0].take(data)

    def lost(self, way: object, remote: Address) -> None:
        """Forget a closed path."""
        self._paths.pop((way, remote), None)


class DatagramReceiver(asyncio.DatagramProtocol):
    """Receives datagrams from a UDP socket or through a TURN allocation. lost: called when it is closed."""

    def __init__(self, port: UdpMux, kind: Kind, lost: Callable[[], None] = lambda: None) -> None:
        self._port, self._kind, self._lost = port, kind, lost
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # asyncio's and aioice's are no subclasses of it

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        transport, remote = self._transport, (addr[0], addr[1])
        if transport is not None:
            self._port.on_datagram(self, remote, data, lambda: _datagram_path(self._kind, transport, remote))


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
            self._port.on_datagram(self, remote, datagram, lambda: self._claim(transport, remote))

    def _claim(self, transport: asyncio.Transport, remote: Address) -> IcePath:
        self._claimed()
        return IcePath("tcp", remote, partial(_send_framed, transport), transport.close)

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


# The public addresses that STUN and TURN servers report.

ASK_S = 3.0
"""Maximum time that the first viewer waits for the servers."""
AGAIN_WAIT_S = 0.3
"""Maximum time that later viewers wait: those at home need no server."""
AGAIN_S = 30.0
"""A server that failed is asked again after this time."""
LASTS_S = 300.0
"""After this time a STUN server is asked again: the router may have got another address."""
_URL = re.compile(r"(stuns?|turns?):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(udp|tcp))?")


class PublicAddress:
    """Public addresses: asked for when viewers come. TURN allocations stay open until `close`. Event loop only."""

    def __init__(self, live: LiveSettings, port: UdpMux, clock: Clock) -> None:
        self._live, self._port, self._clock = live, port, clock
        self._servers = list(dict.fromkeys([*(turn.url for turn in live.turn), *live.stun]))
        self._found: dict[str, Candidate] = {}  # by server
        self._relays: dict[str, TurnTransport] = {}
        self._asked_s = -LASTS_S
        self._asking: asyncio.Task[None] | None = None
        self._wait_s: float | None = None

    async def ask(self) -> None:
        """Bring the port's `extra` candidates and `relays` up to date for a viewer.

        Servers that do not respond are skipped, and asked again for a later viewer. What is answered after the wait is
        for the next viewer.
        """
        age_s = self._clock.mono_s() - self._asked_s
        is_due = age_s >= (LASTS_S if len(self._found) == len(self._servers) else AGAIN_S)
        if is_due and self._servers and (self._asking is None or self._asking.done()):
            self._asked_s = self._clock.mono_s()
            self._asking = asyncio.create_task(self._ask_all())
        if self._asking is not None:
            await asyncio.wait([self._asking], timeout=self._wait_s)

    def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        for relay in self._relays.values():
            relay.close()

    async def _ask_all(self) -> None:
        without = {turn.url: turn for turn in self._live.turn if turn.url not in self._relays}
        await asyncio.gather(*map(self._allocate, without.values()), *map(self._ask_stun, set(self._live.stun)))
        self._wait_s = AGAIN_WAIT_S

    async def _ask_stun(self, url: str) -> None:
        self._note(url, await self._seen_by(url))

    async def _allocate(self, turn: TurnServerSettings) -> None:
        made = await self._relay(turn)
        if made is not None:
            self._relays[turn.url] = made
            at = made.get_extra_info("sockname")
            self._note(turn.url, Candidate("udp", at[0], at[1], "relay"))

    def _lost(self, url: str) -> None:
        """Forget a relay: the server no longer refreshes its allocation."""
        self._relays.pop(url, None)
        self._note(url, None)

    def _note(self, url: str, seen: Candidate | None) -> None:
        if seen is None:
            self._found.pop(url, None)
        else:
            self._found[url] = seen
        self._port.extra = [self._found[one] for one in self._servers if one in self._found]
        self._port.relays = list(self._relays.values())

    async def _relay(self, turn: TurnServerSettings) -> TurnTransport | None:
        scheme, host, port, transport = _parts(turn.url)
        name, password = login_at(turn, "recorder", self._clock)
        try:
            async with asyncio.timeout(ASK_S):
                made, _ = await create_turn_endpoint(
                    lambda: DatagramReceiver(self._port, "relay", partial(self._lost, turn.url)),
                    (host, port),
                    name,
                    password,
                    ssl=scheme == "turns" or None,
                    transport=transport,
                )
        except (OSError, TransactionError, ValueError) as error:
            log.warning("TURN server %s rejected the allocation: %s", turn.url, error or type(error).__name__)
            return None
        return made

    async def _seen_by(self, url: str) -> Candidate | None:
        """Return the port's address as seen by a STUN server."""
        _, host, port, _ = _parts(url)
        try:
            async with asyncio.timeout(ASK_S):
                loop = asyncio.get_running_loop()
                places = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
                at = (str(places[0][4][0]), port)
                answer = _read_stun(await self._port.ask(bytes(Message(Method.BINDING, Class.REQUEST)), at))
        except (OSError, ValueError) as error:
            log.warning("STUN server %s does not respond: %s", url, error or type(error).__name__)
            return None
        seen = answer.attributes.get("XOR-MAPPED-ADDRESS")
        return Candidate("udp", seen[0], seen[1], "srflx") if seen else None


def _parts(url: str) -> tuple[str, str, int, str]:
    """Split a server URL into scheme, host, port and transport."""
    found = _URL.fullmatch(url)
    assert found is not None, url
    scheme, host, port, transport = found.groups()
    usual = 5349 if scheme.endswith("s") else 3478
    return scheme, host.strip("[]"), int(port or usual), transport or ("tcp" if scheme == "turns" else "udp")
