"""RTP channels of one track: interleaved in the RTSP connection, or a UDP port pair."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol


class Channel(Protocol):
    def send(self, data: bytes, *, is_report: bool) -> None:
        """Send one RTP or RTCP packet. Raises ConnectionError when the player has disconnected."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class TcpChannel:
    """Interleaved in the RTSP connection."""

    writer: asyncio.StreamWriter
    number: int

    def send(self, data: bytes, *, is_report: bool) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError("the viewer is gone")
        self.writer.write(b"$" + bytes([self.number + is_report]) + len(data).to_bytes(2, "big") + data)

    def close(self) -> None:
        """Do nothing; the session closes the connection."""


@dataclass(slots=True)
class UdpChannel:
    """From a local UDP socket to the player's port pair."""

    socket: socket.socket
    host: str
    port: int

    def send(self, data: bytes, *, is_report: bool) -> None:
        with suppress(BlockingIOError):  # UDP: packets that the socket buffer cannot take are dropped
            self.socket.sendto(data, (self.host, self.port + is_report))

    def close(self) -> None:
        self.socket.close()
