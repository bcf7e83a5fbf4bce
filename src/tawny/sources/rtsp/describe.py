"""Probes an RTSP camera before FFmpeg opens it: OPTIONS and DESCRIBE over one short connection.

FFmpeg follows redirects with the password and accepts any length. So the camera must first answer here: within a
deadline, within size limits, and without a redirect.
"""

import socket
from urllib.parse import urlsplit

from tawny.model.clock import Clock
from tawny.model.errors import (
    SourceError,
    SourceLoginWeaker,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.protocols.digest_auth import ClientAuth
from tawny.protocols.login_history import LoginRecord
from tawny.protocols.rtsp_message import MOST_HEADER_BYTES, MalformedRtspResponse, RtspResponse, read_head, request
from tawny.protocols.sdp import MOST_TRACKS, SdpDescription, read_sdp
from tawny.sources.rtsp.address import RtspAddress

DEADLINE_S = 8.0
_REFUSED, _GONE = {401, 403}, {404, 410}


def describe(
    address: RtspAddress, clock: Clock, deadline_s: float = DEADLINE_S, record: LoginRecord | None = None
) -> SdpDescription:
    """Return the camera's SDP, which contains H.264 or H.265 video. Blocks for at most deadline_s.

    record: what sign-in the camera offered before. Raises SourceUnreachable (refused, no route, timeout,
    disconnected), SourceRefused, SourceLoginWeaker, SourceNotFound, SourceRedirected (the target is not contacted),
    SourceUnusable (no H.264 or H.265), and SourceError for any other response.
    """
    until_s = clock.mono_s() + deadline_s
    try:
        with socket.create_connection((address.host, address.port), timeout=deadline_s) as connection:
            login = ClientAuth(address.user, address.password, record)
            described = _Conversation(connection, address, login, clock, until_s).describe()
    except OSError as error:
        raise SourceUnreachable(address.public, _why(error, deadline_s)) from error
    except MalformedRtspResponse as error:
        raise SourceError(address.public, str(error)) from error
    if described.more_tracks:
        raise SourceUnusable(address.public, f"it offers more than {MOST_TRACKS} streams")
    if described.video is None:
        offered = ", ".join(described.encodings[:6]) or "no streams"
        raise SourceUnusable(address.public, f"it offers {offered}")
    return described


class _Conversation:
    """Requests and responses over one connection, all before until_s."""

    def __init__(
        self, connection: socket.socket, address: RtspAddress, login: ClientAuth, clock: Clock, until_s: float
    ) -> None:
        self._socket, self._address, self._login = connection, address, login
        self._clock, self._until_s = clock, until_s
        self._sequence = 0
        self._came = bytearray()

    def describe(self) -> SdpDescription:
        self._ask("OPTIONS", ())  # some cameras require OPTIONS first; the reply is not used
        answer, body = self._ask("DESCRIBE", (("Accept", "application/sdp"),))
        self._check(answer)
        if not 200 <= answer.status < 300:
            raise SourceError(self._address.public, f"it responded with {answer.says}")
        described = read_sdp(body)
        described.login = self._login.form
        return described

    def _ask(self, method: str, headers: tuple[tuple[str, str], ...]) -> tuple[RtspResponse, bytes]:
        """Send a request, authenticating on demand. Return the response. Raises SourceRedirected, SourceRefused."""
        while True:
            self._sequence += 1
            login = ("Authorization", self._login.header(method, self._address.url))
            self._socket.settimeout(self._left_s())
            self._socket.sendall(request(method, self._address.url, self._sequence, (login, *headers)))
            answer = read_head(self._head())
            body = self._exactly(answer.body_bytes)
            if 300 <= answer.status < 400:
                raise SourceRedirected(self._address.public, _target(answer.header("location")))
            if answer.status != 401:
                return answer, body
            if not self._login.challenged(answer.headers.get("www-authenticate", [])):
                if self._login.weaker:
                    raise SourceLoginWeaker(self._address.public, self._login.weaker)
                raise SourceRefused(self._address.public, answer.says)

    def _check(self, answer: RtspResponse) -> None:
        if answer.status in _REFUSED:
            raise SourceRefused(self._address.public, answer.says)
        if answer.status in _GONE:
            raise SourceNotFound(self._address.public, answer.says)

    def _head(self) -> bytes:
        """Read the next header block, without the empty line that ends it."""
        searched = 0
        while True:
            end = self._came.find(b"\r\n\r\n", max(0, searched - 3))
            if end >= 0:
                head = bytes(self._came[:end])
                del self._came[: end + 4]
                return head.lstrip(b"\r\n")
            searched = len(self._came)
            if searched > MOST_HEADER_BYTES:
                raise MalformedRtspResponse(f"its answer has more than {MOST_HEADER_BYTES} bytes of header")
            self._more()

    def _exactly(self, count: int) -> bytes:
        while len(self._came) < count:
            self._more()
        body = bytes(self._came[:count])
        del self._came[:count]
        return body

    def _more(self) -> None:
        self._socket.settimeout(self._left_s())
        came = self._socket.recv(16_384)
        if not came:
            raise ConnectionResetError("the connection was closed")
        self._came += came

    def _left_s(self) -> float:
        left_s = self._until_s - self._clock.mono_s()
        if left_s <= 0:
            raise TimeoutError
        return left_s


def _target(location: str) -> str:
    """Return a redirect's target for display: scheme, host and port, without credentials."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "to an address that cannot be read"
    shown = "".join(c for c in f"{parts.scheme}://{host}" if c.isascii() and c.isprintable())[:120]
    return f"to {shown}:{port}" if port else f"to {shown}"


def _why(error: OSError, deadline_s: float) -> str:
    """Describe the error without the system's text, which may contain the address."""
    if isinstance(error, TimeoutError):
        return f"no complete response within {deadline_s:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "unknown host name"
    if isinstance(error, ConnectionError):
        return "the connection was closed during setup"
    return (error.strerror or "network error").lower()
