"""HTTP client: one persistent connection to a server, with optional certificate pinning."""

import hashlib
import http.client
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from tawny.model.errors import DeliveryError, StrangeTarget, TargetFull, TargetRefused, TargetUnreachable

TIMEOUT_S = 15.0
Body = bytes | Iterator[bytes] | None


class HttpClient:
    """A connection. headers: sent with every request. fingerprint: SHA-256 of a self-signed certificate, hex."""

    def __init__(
        self, host: str, port: int, *, tls: bool, fingerprint: str, headers: Mapping[str, str], public: str
    ) -> None:
        self._host, self._port, self._tls, self._fingerprint = host, port, tls, fingerprint
        self._headers, self._public = {"User-Agent": "tawny", **headers}, public
        self._line: http.client.HTTPConnection | None = None

    def sent(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Send a request and return the response. Use inside `worded`."""
        whole = {**self._headers, **headers}
        line = self._line = self._line or self._connected()
        try:
            line.request(method, path, body, whole)
            return line.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if body is not None and not isinstance(body, bytes):
                with suppress(OSError, http.client.HTTPException):
                    return line.getresponse()  # refused before reading the whole body; the response may give the reason
                self.close()
                raise
            self.close()
            line = self._line = self._connected()  # the server closed an idle connection
            line.request(method, path, body, whole)
            return line.getresponse()

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def expect(self, status: int, *good: int) -> None:
        """Raise the error that matches a status other than the expected ones."""
        if status in good:
            return
        self.close()
        detail = f"it responded with {status} {http.client.responses.get(status, '')}".strip()
        if status in (401, 403):
            raise TargetRefused(self._public, detail)
        if status in (507, 413):
            raise TargetFull(self._public, detail)
        if status in (408, 429, 502, 503, 504):
            raise TargetUnreachable(self._public, detail)
        raise DeliveryError(self._public, detail)

    @contextmanager
    def worded(self) -> Iterator[None]:
        """Convert connection errors to DeliveryError and close the connection."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise StrangeTarget(self._public, f"its certificate isn't valid: {error.verify_message}") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise TargetUnreachable(self._public, str(error) or type(error).__name__) from error

    def _connected(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        context = ssl.create_default_context()
        if self._fingerprint:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        line = http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=context)
        line.connect()
        shown = hashlib.sha256(line.sock.getpeercert(binary_form=True) or b"").hexdigest()
        if self._fingerprint and shown != self._fingerprint:
            line.close()
            raise StrangeTarget(self._public, f"its certificate has a different fingerprint: {shown}")
        return line
