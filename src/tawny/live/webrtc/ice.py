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
from functools import partial
from struct import error as struct_error

import ifaddr
from aioice.stun import Class, Message, Method, TransactionError, parse_message
from aioice.turn import TurnTransport, create_turn_endpoint

from tawny.config.settings import LiveSettings, TurnServerSettings
from tawny.engine.acceptor import ConnectionAcceptor
from tawny.engine.connections import ClientConnection, ConnectionManager, ConnectionRules
from tawny.live.webrtc.ice_paths import (
    Address,
    DatagramReceiver,
    IcePath,
    TcpPath,
    bound_socket,
    datagram_path,
    is_stun,
)
from tawny.live.webrtc.ice_servers import login_at
from tawny.model.times import Clock
from tawny.protocols.sdp import Candidate, IceCredentials

MOST_PATHS = 2000
log = logging.getLogger(__name__)
SILENT_S = 15.0
"""Seconds without a check after which the viewer counts as disconnected."""
_TRANSACTION = slice(8, 20)
"""Place of the transaction ID in a STUN message."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def new_login() -> IceCredentials:
    name, password = ("".join(secrets.choice(_LETTERS) for _ in range(count)) for count in (8, 24))
    return IceCredentials(name, password)


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
    """Demultiplexer. hosts: addresses to listen on, `0.0.0.0` or `::` for all. outside: further public addresses.

    connections: admits those over TCP.
    """

    def __init__(
        self, hosts: Sequence[str], number: int, connections: ConnectionManager, outside: Sequence[str] = ()
    ) -> None:
        self._hosts, self.number, self._connections, self._outside = hosts, number, connections, outside
        self._udp: list[asyncio.DatagramTransport] = []
        self._acceptors: list[ConnectionAcceptor] = []
        self._tcp: set[TcpPath] = set()
        self._agents: dict[str, IceAgent] = {}
        self._paths: dict[tuple[object, Address], tuple[IceAgent, IcePath]] = {}
        self.extra: list[Candidate] = []
        """Server-reflexive and relay candidates from STUN and TURN servers."""
        self.relays: list[TurnTransport] = []
        self._asked: dict[bytes, asyncio.Future[bytes]] = {}  # by transaction ID

    async def open(self) -> None:
        """Open the UDP and TCP ports. Raises OSError if the UDP port is in use."""
        loop = asyncio.get_running_loop()
        for host in self._hosts:
            udp, _ = await loop.create_datagram_endpoint(
                lambda: DatagramReceiver(self, "udp"), sock=bound_socket(host, self.number, socket.SOCK_DGRAM)
            )
            self._udp.append(udp)
            self.number = udp.get_extra_info("sockname")[1]
        for host in self._hosts:
            try:
                listening = bound_socket(host, self.number, socket.SOCK_STREAM)
            except OSError as error:
                log.info("WebRTC over TCP is unavailable on port %d: %s", self.number, error.strerror)
                continue
            self._acceptors.append(ConnectionAcceptor(listening, self._connections, ConnectionRules(), self._make_tcp))
            self._acceptors[-1].start()

    def _make_tcp(self, connection: ClientConnection) -> TcpPath:
        made = TcpPath(self, connection)
        self._tcp.add(made)
        return made

    def close(self) -> None:
        for udp in self._udp:
            udp.close()
        for acceptor in self._acceptors:
            acceptor.stop()
        for tcp in list(self._tcp):
            tcp.close()
        self._paths.clear()

    def candidates(self) -> list[Candidate]:
        """Return the local candidates, preferred first."""
        hosts = [*_addresses(self._hosts), *self._outside]
        transports = ["udp", "tcp"] if self._acceptors else ["udp"]
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
                agent.knock(datagram_path("udp", udp, at))
        for relay in self.relays:
            agent.knock(datagram_path("relay", relay, at))

    async def ask(self, question: bytes, at: Address) -> bytes:
        """Send a STUN request every 0.3 s until answered; return the response. The caller sets the timeout."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        asked = question[_TRANSACTION]
        self._asked[asked] = answer
        try:
            while True:
                for udp in self._udp:
                    udp.sendto(question, at)
                done, _ = await asyncio.wait([answer], timeout=0.3)
                if done:
                    return answer.result()
        finally:
            del self._asked[asked]

    def on_datagram(self, way: object, remote: Address, data: bytes, make: Callable[[], IcePath]) -> bool:
        """Route a datagram. way: local endpoint that received it. make: creates a new path.

        A valid check gives the path to its connection: a client may make another one from the same port. Return whether
        the path belongs to a connection now.
        """
        key = (way, remote)
        known = self._paths.get(key)
        if not is_stun(data):
            if known:
                known[0].take(data)
            return known is not None
        answer = self._asked.get(data[_TRANSACTION])
        if answer is not None:
            if not answer.done():
                answer.set_result(data)
            return known is not None
        agent = self._agents.get(stun_username(data) or "") or (known[0] if known else None)
        if agent is None:
            return False
        path = known[1] if known else make()
        if agent.check(data, path) and (known or len(self._paths) < MOST_PATHS):
            self._paths[key] = agent, path
        return key in self._paths

    def lost(self, way: object, remote: Address) -> None:
        """Forget a closed path."""
        self._paths.pop((way, remote), None)
        self._tcp.discard(way)


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
        self._port.extra = list(dict.fromkeys(self._found[one] for one in self._servers if one in self._found))
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
