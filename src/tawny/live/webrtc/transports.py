"""Datagram transports to one viewer: UDP, framed TCP (RFC 4571), or a TURN relay."""

import asyncio
from struct import pack
from typing import Literal, Protocol

from aioice.turn import TurnTransport

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
