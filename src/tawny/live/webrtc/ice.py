"""ICE-lite agent of one connection (RFC 8445): answers connectivity checks; the viewer nominates the path.

A check carries the user name and a MAC keyed with the password from the SDP answer. Media is sent only to an
address with a valid check.
"""

import asyncio
import secrets
from collections.abc import Callable
from struct import pack
from typing import Literal, NamedTuple, Protocol

from aioice.stun import Class, Message, Method, parse_message
from aioice.turn import TurnTransport

from tawny.model.clock import Clock

# Datagram transports to one viewer: UDP, framed TCP (RFC 4571), or a TURN relay.

Address = tuple[str, int]
Kind = Literal["udp", "tcp", "relay"]
MOST_WAITING_BYTES = 1_000_000
"""Maximum send buffer of a TCP connection. Excess datagrams are dropped, as in a network."""


class Transport(Protocol):
    """A path to one viewer. kind: local transport type. remote: remote address as seen locally."""

    @property
    def kind(self) -> Kind: ...
    @property
    def remote(self) -> Address: ...
    def send(self, data: bytes) -> None: ...


class UdpTransport:
    kind: Kind = "udp"

    def __init__(self, transport: asyncio.DatagramTransport, remote: Address) -> None:
        self._transport, self.remote = transport, remote

    def send(self, data: bytes) -> None:
        self._transport.sendto(data, self.remote)


class RelayTransport:
    kind: Kind = "relay"

    def __init__(self, transport: TurnTransport, remote: Address) -> None:
        self._transport, self.remote = transport, remote

    def send(self, data: bytes) -> None:
        self._transport.sendto(data, self.remote)


class TcpTransport:
    kind: Kind = "tcp"

    def __init__(self, transport: asyncio.Transport, remote: Address) -> None:
        self._transport, self.remote = transport, remote

    def send(self, data: bytes) -> None:
        if not self._transport.is_closing() and self._transport.get_write_buffer_size() < MOST_WAITING_BYTES:
            self._transport.write(pack(">H", len(data)) + data)

    def close(self) -> None:
        self._transport.close()


SILENT_S = 15.0
"""Seconds without a check after which the viewer counts as disconnected."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class IceCredentials(NamedTuple):
    """ICE user fragment and password."""

    name: str
    password: str


def new_login() -> IceCredentials:
    name, password = ("".join(secrets.choice(_LETTERS) for _ in range(count)) for count in (8, 24))
    return IceCredentials(name, password)


def is_stun(data: bytes) -> bool:
    return len(data) >= 20 and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42"


def stun_username(data: bytes) -> str | None:
    """Return the local user fragment of a STUN binding request; None for other messages."""
    try:
        message = parse_message(data)
    except ValueError:
        return None
    if message.message_method is not Method.BINDING or message.message_class is not Class.REQUEST:
        return None
    name = message.attributes.get("USERNAME", "")
    return str(name).partition(":")[0] or None


class IceAgent:
    """ICE state of one connection. chosen: called when the viewer selects a path. path: None before that."""

    def __init__(self, remote: IceCredentials, clock: Clock, chosen: Callable[[], None]) -> None:
        self.login, self.remote = new_login(), remote
        self.path: Transport | None = None
        self._clock, self._chosen = clock, chosen
        self._heard_s = clock.mono_s()

    @property
    def is_silent(self) -> bool:
        return self._clock.mono_s() - self._heard_s > SILENT_S

    def send(self, data: bytes) -> None:
        """Send on the selected path. Drops the data if none is selected."""
        if self.path is not None:
            self.path.send(data)

    def check(self, data: bytes, path: Transport) -> bool:
        """Answer a STUN check received on `path`. Return False for messages of other sessions."""
        try:
            message = parse_message(data)
        except ValueError:
            return False
        if message.message_class is not Class.REQUEST or message.message_method is not Method.BINDING:
            return message.message_class in (Class.RESPONSE, Class.ERROR)
        name = str(message.attributes.get("USERNAME", ""))
        if name.partition(":")[0] != self.login.name or not message.check_message_integrity(
            self.login.password.encode()
        ):
            return False
        self._heard_s = self._clock.mono_s()
        answer = Message(Method.BINDING, Class.RESPONSE, message.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = path.remote
        answer.add_message_integrity(self.login.password.encode())
        path.send(bytes(answer))
        if path is not self.path and (self.path is None or "USE-CANDIDATE" in message.attributes):
            self.path = path
            self._chosen()
        return True

    def knock(self, path: Transport) -> None:
        """Send a binding request to open a mapping in the local NAT or firewall for the viewer's checks."""
        request = Message(Method.BINDING, Class.REQUEST)
        request.attributes["USERNAME"] = f"{self.remote.name}:{self.login.name}"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLED"] = secrets.randbits(64)
        request.add_message_integrity(self.remote.password.encode())
        path.send(bytes(request))


class Candidate(NamedTuple):
    """A local ICE candidate. kind: host, srflx (server-reflexive) or relay (TURN)."""

    transport: str
    host: str
    port: int
    kind: str

    def line(self, number: int) -> str:
        preference = {"host": 126, "srflx": 100, "relay": 10}[self.kind] - (30 if self.transport == "tcp" else 0)
        priority = (max(preference, 0) << 24) + ((65535 - number) << 8) + 255
        more = " tcptype passive" if self.transport == "tcp" else ""
        if self.kind != "host":
            more = f" raddr 0.0.0.0 rport 9{more}"
        return f"candidate:{number + 1} 1 {self.transport} {priority} {self.host} {self.port} typ {self.kind}{more}"


def candidate_of(line: str) -> Address | None:
    """Parse a viewer's UDP candidate. Return None for other transports and for mDNS names."""
    words = line.removeprefix("a=").removeprefix("candidate:").split()
    if len(words) < 8 or words[2].lower() != "udp" or words[4].endswith(".local") or not words[5].isdigit():
        return None
    port = int(words[5])
    return (words[4], port) if 0 < port < 65_536 else None
