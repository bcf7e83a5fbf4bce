"""What stands between FFmpeg and an RTSP camera, because FFmpeg would send the password to whatever the camera asks.

Before: OPTIONS and DESCRIBE over one short connection. FFmpeg follows redirects with the password and accepts any
length. So the camera must first answer here: within a deadline, within size limits, and without a redirect.

Meanwhile: a gate on loopback. FFmpeg answers Basic although the camera offered a digest before, and follows redirects.
The gate makes an offer of Basic unreadable, so that FFmpeg uses a digest or none, and ends the connection at a
redirect. It looks at the bytes without regard to packets, because FFmpeg may see their borders elsewhere; in video, the
words it looks for do not occur by chance.
"""

import re
import socket
from dataclasses import replace
from typing import Final

from tawny.engine.actor import start_thread
from tawny.engine.descriptors import wait_readable
from tawny.model.errors import (
    SourceError,
    SourceLoginWeaker,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.times import Clock
from tawny.protocols.digest_auth import ClientAuth
from tawny.protocols.login_history import LoginRecord
from tawny.protocols.rtsp_message import (
    MOST_HEADER_BYTES,
    MalformedRtsp,
    RtspResponse,
    read_head,
    redirect_target,
    request,
)
from tawny.protocols.sdp import MOST_TRACKS, SdpDescription, read_sdp
from tawny.sources.network_address import NetworkAddress
from tawny.sources.source import SourceLoginUnknown

DEADLINE_S = 8.0
_REFUSED, _GONE = {401, 403}, {404, 410}


def describe(
    address: NetworkAddress, clock: Clock, deadline_s: float = DEADLINE_S, record: LoginRecord | None = None
) -> SdpDescription:
    """Return the camera's SDP, which contains H.264 or H.265 video. Blocks for at most deadline_s.

    record: what sign-in the camera offered before. Raises SourceUnreachable (refused, no route, timeout,
    disconnected), SourceRefused, SourceLoginWeaker, SourceNotFound, SourceRedirected (the target is not contacted),
    SourceUnusable (no H.264 or H.265), and SourceError for any other response.
    """
    until_s = clock.mono_s() + deadline_s
    try:
        with _connected(address, deadline_s) as connection:
            login = ClientAuth(address.user, address.password, record)
            described = _Conversation(connection, address, login, clock, until_s).describe()
    except OSError as error:
        raise SourceUnreachable(address.public, _why(error, deadline_s)) from error
    except MalformedRtsp as error:
        raise SourceError(address.public, str(error)) from error
    if described.more_tracks:
        raise SourceUnusable(address.public, f"it offers more than {MOST_TRACKS} streams")
    if described.video is None:
        offered = ", ".join(described.encodings[:6]) or "no streams"
        raise SourceUnusable(address.public, f"it offers {offered}")
    return described


def _connected(address: NetworkAddress, timeout_s: float) -> socket.socket:
    try:
        return socket.create_connection((address.host, address.port), timeout=timeout_s)
    except UnicodeError as error:  # of a name with a label that is empty or too long
        raise SourceUnreachable(address.public, "unknown host name") from error


class _Conversation:
    """Requests and responses over one connection, all before until_s."""

    def __init__(
        self, connection: socket.socket, address: NetworkAddress, login: ClientAuth, clock: Clock, until_s: float
    ) -> None:
        self._socket, self._address, self._login = connection, address, login
        self._clock, self._until_s = clock, until_s
        self._sequence = 0
        self._came = bytearray()

    def describe(self) -> SdpDescription:
        self._ask("OPTIONS", ())  # some cameras require OPTIONS first; the reply is not used
        answer = self._ask("DESCRIBE", (("Accept", "application/sdp"),))
        self._check(answer)
        if not 200 <= answer.status < 300:
            raise SourceError(self._address.public, f"it responded with {answer.says}")
        described = read_sdp(answer.body)
        described.login = self._login.form
        return described

    def _ask(self, method: str, headers: tuple[tuple[str, str], ...]) -> RtspResponse:
        """Send a request, authenticating on demand. Return the response. Raises SourceRedirected, SourceRefused."""
        while True:
            self._sequence += 1
            login = ("Authorization", self._login.header(method, self._address.url))
            self._socket.settimeout(self._left_s())
            self._socket.sendall(request(method, self._address.url, self._sequence, (login, *headers)))
            head = read_head(self._head())
            answer = replace(head, body=self._exactly(head.body_bytes))
            if 300 <= answer.status < 400:
                raise SourceRedirected(self._address.public, redirect_target(answer.header("location")))
            if answer.status != 401:
                return answer
            if not self._login.challenged(answer.headers.get("www-authenticate", [])):
                if self._login.weaker:
                    raise SourceLoginWeaker(self._address.public, self._login.weaker)
                if self._login.unknown:
                    raise SourceLoginUnknown(self._address.public, self._login.unknown)
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
                raise MalformedRtsp(f"its answer has more than {MOST_HEADER_BYTES} bytes of header")
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


# The gate.

_OPEN_S: Final = 10.0
_LOOK_S: Final = 0.5
_READ_BYTES: Final = 1 << 17
_LONGEST: Final = 256
"""Bytes before a piece that are examined with it."""
_MAX_OFFERS: Final = 16
_BASIC: Final = re.compile(rb"www-authenticate:[ \t]{0,99}basic", re.IGNORECASE)
_REDIRECT: Final = re.compile(rb"rtsp/[^ \n]{0,99} {1,99}3\d\d", re.IGNORECASE)


class FfmpegGate:
    """Accepts one connection and connects it to the camera. address: where FFmpeg connects to, with the login."""

    def __init__(self, address: NetworkAddress) -> None:
        self._camera = address.host, address.port
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listening.settimeout(_OPEN_S)
        self.address = replace(address, host="127.0.0.1", port=self._listening.getsockname()[1])
        self.offers = 0
        """Number of offers of Basic."""
        self.is_redirected = False
        self._is_closed = False
        start_thread(f"gate {address.host}", self._run)

    def close(self) -> None:
        """End the connection within _LOOK_S."""
        self._is_closed = True
        self._listening.close()

    def _run(self) -> None:
        try:
            with self._listening:
                player, _ = self._listening.accept()
            with player, socket.create_connection(self._camera, timeout=_OPEN_S) as camera:
                self._pass(player, camera)
        except (OSError, UnicodeError):  # either side has left, none came, or the camera's name can be none
            return

    def _pass(self, player: socket.socket, camera: socket.socket) -> None:
        before = b""
        for line in (player, camera):
            line.settimeout(_OPEN_S)
        while not self._is_closed:
            ready = wait_readable([player, camera], _LOOK_S)
            for line in (line for line in (player, camera) if line in ready):
                piece = line.recv(_READ_BYTES)
                if not piece:
                    return
                if line is player:
                    camera.sendall(piece)
                    continue
                examined = before + piece.replace(b"\r", b"")  # FFmpeg ignores CR, also within words
                self.is_redirected = _REDIRECT.search(examined) is not None
                passed = self.without_basic(piece, examined, len(before))
                if self.is_redirected or self.offers > _MAX_OFFERS:
                    return
                before = examined[-_LONGEST:]
                player.sendall(passed)

    def without_basic(self, piece: bytes, examined: bytes, before: int) -> bytes:
        """Return the piece with the last letter of each `Basic` replaced. before: bytes examined with earlier ones."""
        changed = bytearray(piece)
        for found in _BASIC.finditer(examined):
            last = found.end() - 1 - before
            if last < 0:
                continue  # changed with the piece before
            self.offers += 1
            if self.offers > _MAX_OFFERS:
                break
            kept = [at for at, byte in enumerate(piece) if byte != 0x0D]
            changed[kept[last]] = ord("?")
        return bytes(changed)
