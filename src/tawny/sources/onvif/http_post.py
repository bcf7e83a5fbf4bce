"""One HTTP POST to a camera, with a total deadline and a total size.

The timeouts of `http.client` apply to each read: a camera that sends a byte now and then would hold the caller for
ever, and so would one that repeats `100 Continue` or never ends its trailers.
"""

import http.client
import io
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

MAX_HEADER_BYTES: Final = 32_000
_READ_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class HttpPlace:
    """Host and port of a camera's web server."""

    is_secure: bool
    host: str
    port: int | None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    challenges: tuple[str, ...]
    """Values of `WWW-Authenticate`."""
    data: bytes


def post(
    place: HttpPlace, path: str, headers: Mapping[str, str], body: bytes, get_left_s: Callable[[], float], most: int
) -> HttpAnswer:
    """Send a request and return the response. get_left_s: seconds until the deadline. most: size limit of the body.

    Raises OSError, of which TimeoutError at the deadline, and http.client.HTTPException, also above the size limit.
    """
    left_s = max(0.001, get_left_s())
    line = _connection(place, left_s)
    line.connect()
    connected = line.sock
    try:
        line.sock = _BoundedSocket(connected, get_left_s, most + MAX_HEADER_BYTES)
        line.request("POST", path, body, {name: value.encode() for name, value in headers.items()})
        answer = line.getresponse()
        data = answer.read(most + 1)
        if len(data) > most:
            raise http.client.HTTPException(f"more than {most} bytes")
        return HttpAnswer(answer.status, tuple(answer.headers.get_all("WWW-Authenticate", [])), data)
    finally:
        connected.close()


def _connection(place: HttpPlace, timeout_s: float) -> Any:
    if place.is_secure:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(place.host, place.port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(place.host, place.port, timeout=timeout_s)


class _BoundedSocket:
    """A connected socket as `http.client` uses it: everything together ends at the deadline and the size limit."""

    def __init__(self, connected: socket.socket, get_left_s: Callable[[], float], most: int) -> None:
        self._socket, self._get_left_s, self._left_bytes = connected, get_left_s, most

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._left_s())
        self._socket.sendall(data)

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self), _READ_BYTES)

    def close(self) -> None:
        """Do nothing: `http.client` closes before it has read the response. `post` closes the socket."""

    def receive_into(self, buffer: memoryview) -> int:
        if self._left_bytes <= 0:
            raise http.client.HTTPException("the response is too long")
        self._socket.settimeout(self._left_s())
        came = self._socket.recv_into(buffer[: self._left_bytes])
        self._left_bytes -= came
        return came

    def _left_s(self) -> float:
        left_s = self._get_left_s()
        if left_s <= 0:
            raise TimeoutError
        return left_s


class _BoundedReader(io.RawIOBase):
    def __init__(self, source: _BoundedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(memoryview(buffer))
