"""Non-blocking TCP socket: name resolution, connection, optional TLS.

Threads: host names are resolved in a short-lived thread, because the system offers no asynchronous resolver. All other
work happens in the thread that calls `step`.
"""

import hashlib
import socket
import ssl
from errno import EALREADY, EINPROGRESS
from typing import Any

from tawny.engine.threads import start_thread
from tawny.sources.network_address import NetworkAddress
from tawny.sources.rtsp.client.transcript import ConversationFault

_Found = list[tuple[socket.AddressFamily, Any]]


MAX_UNSENT_BYTES = 1_000_000
"""Two-way audio needs 17 kB per second."""


class TcpSocket:
    """Starts connecting on creation. fingerprint: SHA-256 of the only accepted certificate, hexadecimal.

    Without a fingerprint, the certificate must be signed by a CA that the system trusts.
    """

    def __init__(self, address: NetworkAddress, fingerprint: str = "") -> None:
        self._address, self._fingerprint = address, fingerprint
        self._lookup = _Lookup(address.host, address.port)
        self._found: _Found | None = None
        self._socket: socket.socket | None = None
        self._is_connected = self._is_open = False
        self.unsent = bytearray()
        self._why = "no response"

    @property
    def peer(self) -> str:
        """The camera's IP address, once connected."""
        return str(self._open_socket.getpeername()[0])

    @property
    def local(self) -> tuple[socket.AddressFamily, str]:
        """Family and local IP address, once connected."""
        return self._open_socket.family, str(self._open_socket.getsockname()[0])

    @property
    def is_encrypted(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket)

    def fileno(self) -> int:
        """File descriptor for `select`."""
        return self._open_socket.fileno()

    def step(self) -> bool:
        """Continue connecting without blocking. Return True once open. Raises ConversationFault on failure."""
        if self._is_open:
            return True
        if self._found is None:
            self._found = self._lookup.found()
            if self._found is None:
                return False
        if not self._is_connected and not self._connect(self._found):
            return False
        self._is_open = self._encrypt() if self._address.is_encrypted else True
        return self._is_open

    def receive_into(self, view: memoryview) -> int | None:
        """Receive available data. Return the byte count, 0 at the end, None if no data is available.

        Raises ConversationFault if the connection broke.
        """
        if len(self.unsent) > MAX_UNSENT_BYTES:
            raise ConversationFault("reset", "it doesn't read what is sent to it")
        try:
            return self._open_socket.recv_into(view)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return 0
        except OSError as error:
            raise ConversationFault("reset", in_words(error)) from error

    def send(self, data: bytes) -> None:
        """Send now or buffer. Errors are reported by `receive_into`."""
        if len(self.unsent) > MAX_UNSENT_BYTES:  # it sends requests but reads no replies
            return
        self.unsent += data
        try:
            while self.unsent:
                del self.unsent[: self._open_socket.send(self.unsent)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self.unsent.clear()

    def close(self) -> None:
        """Close after reading pending data, so that the peer receives all sent data and FIN instead of RST."""
        self._lookup.is_wanted = False
        if self._socket is None:
            return
        waste = bytearray(1 << 16)
        try:
            for _ in range(100):
                if not self._is_open or not self._socket.recv_into(waste):
                    break
        except OSError:  # no more data
            pass
        self._socket.close()
        self._socket = None

    @property
    def _open_socket(self) -> socket.socket:
        assert self._socket is not None, "it is open"
        return self._socket

    def _connect(self, found: _Found) -> bool:
        """Try the resolved addresses one after the other."""
        while True:
            if self._socket is None:
                if not found:
                    raise ConversationFault("unreachable", self._why)
                family, place = found.pop(0)
                self._socket = socket.socket(family, socket.SOCK_STREAM)
                self._socket.settimeout(0)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._place = place
            error = self._socket.connect_ex(self._place)
            if error == 0:
                self._is_connected = True
                return True
            if error in (EINPROGRESS, EALREADY):
                return False
            self._why = in_words(OSError(error, ""))
            self._socket.close()
            self._socket = None

    def _encrypt(self) -> bool:
        """Continue the TLS handshake. Return True when complete."""
        try:
            if not isinstance(self._socket, ssl.SSLSocket):
                self._socket = _context(self._fingerprint).wrap_socket(
                    self._open_socket, server_hostname=self._address.host, do_handshake_on_connect=False
                )
            self._socket.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except ssl.SSLCertVerificationError as error:
            raise ConversationFault("certificate", f"its certificate isn't trusted ({error.verify_message})") from error
        except OSError as error:
            raise ConversationFault("unreachable", f"encryption couldn't be set up: {in_words(error)}") from error
        self._check(self._socket.getpeercert(binary_form=True) or b"")
        return True

    def _check(self, certificate: bytes) -> None:
        found = hashlib.sha256(certificate).hexdigest()
        if self._fingerprint and found != self._fingerprint:
            raise ConversationFault("certificate", f"its certificate has changed: the fingerprint is {found}")


class _Lookup:
    """Name resolution, in a thread if `host` is no IP address."""

    def __init__(self, host: str, port: int) -> None:
        self.is_wanted = True
        self._host, self._port = host, port
        self._result: _Found | ConversationFault | None = None
        if _is_address(host):
            self._run()
        else:
            start_thread("lookup", self._run)

    def found(self) -> _Found | None:
        """Return the addresses; None while resolving. Raises ConversationFault on failure."""
        if isinstance(self._result, ConversationFault):
            raise self._result
        return self._result

    def _run(self) -> None:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError:
            self._result = ConversationFault("unreachable", "unknown host name")
        else:
            self._result = [(family, place) for family, _, _, _, place in found]


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False


def _context(fingerprint: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if fingerprint:  # the fingerprint replaces CA verification
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def in_words(error: OSError) -> str:
    """Describe a network error without the system's text, which may contain the address."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the connection was reset"
    if isinstance(error, TimeoutError):
        return "it stopped responding"
    return (error.strerror or "network error").lower()
