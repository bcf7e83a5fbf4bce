"""Where one track's packets go: between the requests' bytes, or to a pair of UDP ports."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol


class Channel(Protocol):
    def send(self, data: bytes, *, is_report: bool) -> None:
        """Send one RTP packet, or a report. ConnectionError when nobody is there any more."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class TcpChannel:
    """Interleaved with the requests' connection."""

    writer: asyncio.StreamWriter
    number: int

    def send(self, data: bytes, *, is_report: bool) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError("the viewer is gone")
        self.writer.write(b"$" + bytes([self.number + is_report]) + len(data).to_bytes(2, "big") + data)

    def close(self) -> None:
        """The connection is closed by who has it."""


@dataclass(slots=True)
class UdpChannel:
    """From our socket to the viewer's pair of ports."""

    socket: socket.socket
    host: str
    port: int

    def send(self, data: bytes, *, is_report: bool) -> None:
        with suppress(BlockingIOError):  # what the line cannot take now is lost, as UDP has it
            self.socket.sendto(data, (self.host, self.port + is_report))

    def close(self) -> None:
        self.socket.close()
