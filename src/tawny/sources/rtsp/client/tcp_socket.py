"""The connection's own bytes: found by name, connected, encrypted if wanted, all without waiting.

Threads: a name that is not an address is looked up in a short-lived thread, as the system offers no other way; all else
is done by the thread that steps.
"""

import hashlib
import socket
import ssl
import threading
from errno import EALREADY, EINPROGRESS
from typing import Any

from tawny.sources.rtsp.address import RtspAddress
from tawny.sources.rtsp.client.fault import ConversationFault

_Found = list[tuple[socket.AddressFamily, Any]]


class TcpSocket:
    """Begins to connect when made. fingerprint: of the certificate that alone is accepted (SHA-256, hexadecimal);
    without one it must be signed by somebody this machine trusts."""

    def __init__(self, address: RtspAddress, fingerprint: str = "") -> None:
        self._address, self._fingerprint = address, fingerprint
        self._lookup = _Lookup(address.host, address.port)
        self._found: _Found | None = None
        self._socket: socket.socket | None = None
        self._is_connected = self._is_open = False
        self._unsent = bytearray()
        self._why = "no response"

    @property
    def peer(self) -> str:
        """The camera's address, once connected."""
        return str(self._open_socket.getpeername()[0])

    @property
    def local(self) -> tuple[socket.AddressFamily, str]:
        """Our own address towards the camera, once connected."""
        return self._open_socket.family, str(self._open_socket.getsockname()[0])

    @property
    def is_encrypted(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket)

    def fileno(self) -> int:
        """For `select`."""
        return self._open_socket.fileno()

    def step(self) -> bool:
        """Go on connecting as far as that does not wait. True once it is open. Fault if it cannot be."""
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
        """How many bytes came; 0 at the end, None if there is nothing now. Fault if the connection broke."""
        try:
            return self._open_socket.recv_into(view)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return 0
        except OSError as error:
            raise ConversationFault("reset", in_words(error)) from error

    def send(self, data: bytes) -> None:
        """Send now, or as soon as the connection takes it. What is wrong with it shows when receiving."""
        self._unsent += data
        try:
            while self._unsent:
                del self._unsent[: self._open_socket.send(self._unsent)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self._unsent.clear()

    def close(self) -> None:
        """What was sent goes out; the other side sees an end, not a break."""
        self._lookup.is_wanted = False
        if self._socket is None:
            return
        waste = bytearray(1 << 16)
        try:
            for _ in range(100):
                if not self._is_open or not self._socket.recv_into(waste):
                    break
        except OSError:  # nothing more to read
            pass
        self._socket.close()
        self._socket = None

    @property
    def _open_socket(self) -> socket.socket:
        assert self._socket is not None, "it is open"
        return self._socket

    def _connect(self, found: _Found) -> bool:
        """Try one address after the other."""
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
        """Agree on encryption. True when that is done."""
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
    """Addresses of a name."""

    def __init__(self, host: str, port: int) -> None:
        self.is_wanted = True
        self._host, self._port = host, port
        self._result: _Found | ConversationFault | None = None
        if _is_address(host):
            self._run()
        else:
            threading.Thread(target=self._run, name="lookup", daemon=True).start()

    def found(self) -> _Found | None:
        """None while it is not known yet."""
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
    if fingerprint:  # checked by ourselves, whoever signed it
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def in_words(error: OSError) -> str:
    """A network's fault; never what the system quotes of the address."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the connection was reset"
    if isinstance(error, TimeoutError):
        return "it stopped responding"
    return (error.strerror or "network error").lower()
