"""HTTP connections to an address: its port, and TLS with certificates checked. Bodies that are sent over slow lines."""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from smtplib import SMTPServerDisconnected
from typing import Final
from urllib.parse import SplitResult

from tawny.model.times import SystemClock

MOST_TRIED = 2
"""Maximum number of addresses of a name that are tried, of IPv6 and of IPv4 each."""

PORTION_BYTES: Final = 16 * 1024
UPLOAD_S: Final = 60.0
"""Maximum time of a body in portions and of the response to it, in s: what is to be sent next waits for it."""
_UNSENT_BYTES: Final = 64 * 1024
"""What the system holds unsent; by itself it takes megabytes, which would all be sent after the limit, too."""

_CLOSED: Final = (EOFError, ConnectionResetError, BrokenPipeError, http.client.IncompleteRead, SMTPServerDisconnected)


class UploadTooSlow(TimeoutError):
    """The body wasn't sent in time, though it was on its way, or nothing responded to it in time."""


def send_timed(connected: socket.socket, body: bytes) -> None:
    """Send a body in portions. What is left of UPLOAD_S then limits the wait for the response, if that is longer.

    Raises UploadTooSlow.
    """
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT_BYTES)
    clock, response_s = SystemClock(), connected.gettimeout() or 0.0
    end_s = clock.mono_s() + UPLOAD_S
    for begin in range(0, len(body), PORTION_BYTES):
        left_s = end_s - clock.mono_s()
        if left_s <= 0:
            raise UploadTooSlow
        connected.settimeout(left_s)
        try:
            connected.sendall(body[begin : begin + PORTION_BYTES])
        except TimeoutError:
            raise UploadTooSlow from None
    connected.settimeout(max(response_s, end_s - clock.mono_s()))


def web_port(parts: SplitResult) -> int:
    """Return the port of an http or https address: its own or that of its scheme. Raises ValueError if it has none."""
    return parts.port or (http.client.HTTPS_PORT if parts.scheme == "https" else http.client.HTTP_PORT)


def http_connection(parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    """Return a connection to the host of an http or https address; it connects with its first request."""
    # with the port: without one the library takes the end of an IPv6 address for it
    host, port = parts.hostname or "", web_port(parts)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


def response_to(
    line: http.client.HTTPConnection, method: str, target: str, body: bytes, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    """Send a request and return its response. Raises UploadTooSlow only if it is large."""
    is_large = len(body) > PORTION_BYTES
    try:
        if is_large:
            line.request(method, target, headers={**headers, "Content-Length": str(len(body))})
            send_timed(line.sock, body)
        else:
            line.request(method, target, body, headers)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
        if line.sock is not None:  # it may have answered before it had the whole body, and closed the connection
            with suppress(OSError, http.client.HTTPException):
                return line.getresponse()
        raise
    try:
        return line.getresponse()
    except TimeoutError:
        if is_large:
            raise UploadTooSlow from None
        raise


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the internet, not of a home network or this computer."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.is_global and not found.is_multicast


class PublicHttpsConnection(http.client.HTTPSConnection):
    """Connects only to public addresses: those that the name has when it connects."""

    def __init__(self, parts: SplitResult, timeout_s: float) -> None:
        self._tls, self._timeout_s = ssl.create_default_context(), timeout_s
        super().__init__(parts.hostname or "", web_port(parts), timeout=timeout_s, context=self._tls)

    def connect(self) -> None:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(row[4][0]) for row in found]
        if not all(map(is_public, addresses)):
            raise OSError(0, "it is in the home network")
        # by the addresses that were checked: another lookup may have another answer
        tried = [one for six in (True, False) for one in [one for one in addresses if (":" in one) is six][:MOST_TRIED]]
        self.sock = self._tls.wrap_socket(self._connected(tried), server_hostname=self.host)

    def _connected(self, addresses: Sequence[str]) -> socket.socket:
        for address in addresses[:-1]:
            with suppress(OSError):
                return socket.create_connection((address, self.port), self._timeout_s)
        return socket.create_connection((addresses[-1], self.port), self._timeout_s)


def failure_reason(error: Exception) -> str:
    """Return why a connection failed, without the address: it may contain secrets."""
    if isinstance(error, TimeoutError):
        return "no response in time"
    if isinstance(error, ssl.SSLError) and getattr(error, "reason", "") == "WRONG_VERSION_NUMBER":
        return "it doesn't speak TLS"
    if isinstance(error, _CLOSED):
        return "the connection was closed"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
