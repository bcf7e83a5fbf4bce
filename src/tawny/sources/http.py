"""HTTP cameras: MJPEG, JPEG snapshots, FLV, MPEG-TS, fragmented MP4 and HLS.

The recorder itself speaks HTTP, so that a login goes to the camera's own address only: redirects are refused, and the
parts of an HLS stream must be there, too.
"""

import hashlib
import http.client
import re
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final, NamedTuple
from urllib.parse import urljoin

from tawny.config.units import seconds
from tawny.model.errors import (
    SourceClosed,
    SourceError,
    SourceLoginWeaker,
    SourceNotFound,
    SourceRedirected,
    SourceRefused,
    SourceStalled,
    SourceUnreachable,
    SourceUnusable,
)
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Clock
from tawny.model.validation import value_text
from tawny.protocols.digest_auth import ClientAuth
from tawny.protocols.login_history import LoginRecord
from tawny.protocols.rtsp_message import redirect_target
from tawny.sources.media_connection import (
    JPEG_START,
    SNIFFED_BYTES,
    WEB_PAGE,
    CaptureMemory,
    MediaConnection,
    MediaInput,
    sniff,
)
from tawny.sources.media_process import JPEG, MOST_JPEG_BYTES
from tawny.sources.network_address import NetworkAddress, parse_network, public_address, scheme_of
from tawny.sources.rtsp.client.tcp_transport import in_words
from tawny.sources.rtsp.source import fingerprint_of, stream_settings
from tawny.sources.source import CameraConnection, SourceContext, SourceLoginUnknown

CONNECT_S: Final = 8.0
_RESETS: Final = struct.pack("ii", 1, 0)
READ_BYTES: Final = 1 << 16
MOST_PLAYLIST_BYTES: Final = 1_000_000
MOST_SKIPPED_BYTES: Final = 100_000
_REFUSED, _GONE = {401, 403}, {404, 410}
_DEFAULTS: Final = {"interval": 1.0, "fingerprint": ""}
_INTERVAL_S: Final = (0.1, 4.0)
"""A camera that is silent for longer is taken for lost."""


class Http:
    """HTTP cameras: `http://[user:password@]host[:port]/path`, or `https://…`. What it sends is found out.

    A password without a user name (`http://:TOKEN@host/…`) is sent as a bearer token, as Home Assistant wants it.

    - `sound` (true): record sound.
    - `stall` ("5 s"): reconnect after this time without video, of single JPEGs after it and the interval.
    - `interval` ("1 s"): how often a camera that sends single JPEGs is asked for one: 0.1 s to 4 s.
    - `fingerprint` (""): SHA-256 fingerprint of the camera's TLS certificate.
    """

    scheme: ClassVar[str] = "http"

    def __init__(self) -> None:
        self._memories: dict[tuple[CameraId, StreamName], CaptureMemory] = {}

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        checked = stream_settings(table, _DEFAULTS)
        checked["interval"] = _interval_s(checked["interval"])
        checked["fingerprint"] = fingerprint_of(checked["fingerprint"])
        return checked

    def claims(self, address: str) -> bool:
        return scheme_of(address) in ("http", "https")

    def public(self, address: str) -> str:
        return public_address(address)

    def open(self, opening: SourceContext) -> CameraConnection:
        options = self.settings(opening.options)
        try:
            address = parse_network(opening.address)
        except ValueError as error:
            raise SourceError(self.public(opening.address), f"its address isn't {error}") from None
        record = opening.logins.record(opening.camera, address.host, address.port)
        client = CameraHttp(address, options["fingerprint"], options["stall"], record)
        memory = self._memories.setdefault((opening.camera, opening.stream), CaptureMemory())
        feeder = _Feeder(client, options, opening.clock)
        connection = MediaConnection(feeder.run, feeder.cut, address.public, opening.clock, options, memory)
        connection.wait_until_it_plays()
        return connection


def _interval_s(value: Any) -> float:
    least, most = _INTERVAL_S
    try:
        interval_s = seconds(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        interval_s = 0.0
    if not least <= interval_s <= most:
        raise ValueError(f"interval: found {value_text(value)}; allowed: {least:g} s to {most:g} s")
    return interval_s


# One host.


class CameraHttp:
    """Asks one host, one request after another, in one thread; `cut` may be called from any.

    A connection is kept for the next request where the camera allows it.
    """

    def __init__(self, address: NetworkAddress, fingerprint: str, stall_s: float, record: LoginRecord | None) -> None:
        self.address, self._fingerprint, self._stall_s = address, fingerprint, stall_s
        self._login = ClientAuth(address.user, address.password, record)
        self._connection: http.client.HTTPConnection | None = None
        self._response: http.client.HTTPResponse | None = None
        self._socket: socket.socket | None = None
        self._is_cut = False

    def get(self, path: str) -> http.client.HTTPResponse:
        """Return the response of a request, whose status is 200. Raises SourceError."""
        return self._answered(path, None)

    def post(self, path: str, body: bytes) -> http.client.HTTPResponse:
        """As `get`, with a body of JSON."""
        return self._answered(path, body)

    def connect(self) -> socket.socket:
        """Return a new connection to the host, for another protocol; `cut` and `close` end it. Raises SourceError."""
        self.close()
        try:
            self._connection = self._connected()
        except (OSError, ValueError) as error:
            raise SourceUnreachable(self.address.public, _words(error)) from None
        connected = self._socket
        assert connected is not None
        return connected

    def _answered(self, path: str, body: bytes | None) -> http.client.HTTPResponse:
        where = self.address.public
        while True:
            response = self._ask(path, body)
            if response.status == 200:
                self._login.accepted()
                return response
            if response.status == 401 and (self.address.user or not self.address.password):
                self._skip(response)
                if self._login.challenged(response.headers.get_all("WWW-Authenticate") or []):
                    continue
                if self._login.weaker:
                    raise SourceLoginWeaker(where, self._login.weaker)
                if self._login.unknown and self.address.user:  # a token alone is sent as Bearer, which it may ask for
                    raise SourceLoginUnknown(where, self._login.unknown)
            raise _refusal(where, response)

    def _skip(self, response: http.client.HTTPResponse) -> None:
        """Read an unneeded response if its length is known; otherwise end its connection."""
        if response.length is not None and response.length <= MOST_SKIPPED_BYTES:
            self.read_all(response, MOST_SKIPPED_BYTES)
        else:
            self.close()

    def read(self, response: http.client.HTTPResponse, most: int = READ_BYTES) -> bytes:
        """Return what has come; empty at the end. Raises SourceError."""
        try:
            data = response.read1(most)
            if not data:
                response.close()  # `read1` does not, and the connection would not take another request
            return data
        except TimeoutError:
            raise SourceStalled(self.address.public, f"nothing came for {self._stall_s:g} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SourceClosed(self.address.public, _words(error)) from None

    def comes_within(self, response: http.client.HTTPResponse, waits_s: float) -> bool:
        """Return whether there is something to read, or the end, within this time."""
        connected = self._socket
        if connected is None or response.isclosed():
            return True
        try:
            connected.settimeout(0.0)
            with suppress(ssl.SSLWantReadError):
                if response.fp.peek(1):  # what is in a buffer is not seen at the socket
                    return True
            with selectors.DefaultSelector() as waiting:
                waiting.register(connected, selectors.EVENT_READ)
                return bool(waiting.select(waits_s))
        except (OSError, ValueError):
            return True  # `read` says what is wrong
        finally:
            with suppress(OSError):
                connected.settimeout(self._stall_s)

    def read_all(self, response: http.client.HTTPResponse, most: int) -> bytes:
        """Return the whole response. Raises SourceError: also for more than `most` bytes."""
        data = bytearray()
        while piece := self.read(response):
            data += piece
            if len(data) > most:
                raise SourceUnusable(self.address.public, f"a response of more than {most} bytes")
        return bytes(data)

    def cut(self) -> None:
        """End everything, also a request that is waiting."""
        self._is_cut = True
        connected = self._socket
        if connected is not None:
            with suppress(OSError):
                # closing resets it: a camera that sends faster than we read would not notice for a minute
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
                connected.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for one in (self._response, self._connection, self._socket):
            if one is not None:
                one.close()
        self._response = self._connection = self._socket = None

    def _ask(self, path: str, body: bytes | None) -> http.client.HTTPResponse:
        is_kept = self._connection is not None and self._connection.sock is not None
        try:
            return self._request(path, body)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
            self.close()
            if not is_kept or self._is_cut:
                raise SourceUnreachable(self.address.public, _words(error)) from None
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: names that can't be encoded
            self.close()
            raise SourceUnreachable(self.address.public, _words(error)) from None
        return self._ask(path, body)  # the camera had closed the kept connection

    def _request(self, path: str, body: bytes | None) -> http.client.HTTPResponse:
        if self._connection is None or self._connection.sock is None:
            self.close()
            self._connection = self._connected()
        method = "GET" if body is None else "POST"
        headers = {"User-Agent": "tawny", "Accept": "*/*"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self.address.password and not self.address.user:
            headers["Authorization"] = f"Bearer {self.address.password}"
        elif login := self._login.header(method, path):
            headers["Authorization"] = login
        self._connection.request(method, path, body, headers)
        self._response = self._connection.getresponse()
        return self._response

    def _connected(self) -> http.client.HTTPConnection:
        """Raises OSError, of which ssl.SSLError."""
        if self._is_cut:
            raise ConnectionResetError
        host, port = self.address.host, self.address.port
        made = http.client.HTTPConnection(host, port)
        connected = self._socket = socket.create_connection((host, port), timeout=CONNECT_S)
        if self.address.is_encrypted:
            connected = self._socket = self._encrypted(connected)
        connected.settimeout(self._stall_s)
        made.sock = connected
        return made

    def _encrypted(self, plain: socket.socket) -> ssl.SSLSocket:
        context = ssl.create_default_context()
        if self._fingerprint:  # the fingerprint replaces CA verification
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        secured = context.wrap_socket(plain, server_hostname=self.address.host)
        found = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
        if self._fingerprint and found != self._fingerprint:
            secured.close()
            raise ssl.SSLError(f"its certificate has changed: the fingerprint is {found}")
        return secured


def _refusal(where: str, response: http.client.HTTPResponse) -> SourceError:
    reason = "".join(one for one in response.reason[:60] if one.isprintable())
    text = f"{response.status} {reason}".strip()
    if 300 <= response.status < 400:
        return SourceRedirected(where, redirect_target(response.headers.get("Location", "")))
    if response.status in _REFUSED:
        return SourceRefused(where, text)
    if response.status in _GONE:
        return SourceNotFound(where, text)
    return SourceError(where, f"it responded with {text}")


def _words(error: Exception) -> str:
    """Describe an error without the library's text, which may contain the address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return str(error.args[-1] if error.args else "encryption failed")
    if isinstance(error, TimeoutError):
        return "no response"
    if isinstance(error, socket.gaierror | UnicodeError):
        return "unknown host name"
    if isinstance(error, OSError):
        return "the connection was closed" if isinstance(error, ConnectionError) and not isinstance(
            error, ConnectionRefusedError) else in_words(error)  # fmt: skip
    return "its response isn't valid HTTP"


# What the camera sends.


_MULTIPART: Final = "multipart/x-mixed-replace"
_JPEG_TYPES: Final = frozenset({"image/jpeg", "image/jpg", "image/pjpeg"})


def _is_picture(response: http.client.HTTPResponse) -> bool:
    """Return whether a response that begins with a JPEG is only that, not a stream of JPEGs."""
    kind = response.headers.get_content_type() if response.headers.get("Content-Type") else ""
    try:
        length = int(response.headers.get("Content-Length") or "")
    except ValueError:
        return False
    return (kind in ("", "application/octet-stream") or kind.startswith("image/")) and 0 < length <= MOST_JPEG_BYTES


class _Feeder:
    """Runs in the thread of a connection."""

    def __init__(self, client: CameraHttp, options: Mapping[str, Any], clock: Clock) -> None:
        self._client, self._options, self._clock = client, options, clock
        self._where = client.address.public
        self._over = threading.Event()

    def cut(self) -> None:
        self._over.set()
        self._client.cut()

    def run(self, media: MediaInput) -> None:
        """Raises SourceError."""
        try:
            self._run(media)
        finally:
            self._client.close()

    def _run(self, media: MediaInput) -> None:
        begun_s, path = self._clock.mono_s(), self._client.address.path
        response = self._client.get(path)
        kind = response.headers.get_content_type()
        if kind == _MULTIPART:
            media.begin(JPEG)
        first = b""
        while len(first) < SNIFFED_BYTES and (piece := self._client.read(response)):
            first += piece
        if first.startswith(JPEG_START) and _is_picture(response):
            media.begin(JPEG)
            self._snapshots(media, response, begun_s, first)
            return
        found = sniff(first)
        if found == "hls":
            self._segments(media, first + self._client.read_all(response, MOST_PLAYLIST_BYTES))
            return
        if kind in _JPEG_TYPES and found in ("page", ""):
            raise SourceUnusable(self._where, "no JPEG, although it says so")
        if kind == "text/html" and found in ("page", ""):
            raise SourceNotFound(self._where, WEB_PAGE)
        media.feed(first, self._where)
        whole = bytearray(first if kind in _JPEG_TYPES and first.startswith(JPEG_START) else b"")
        while piece := self._client.read(response):
            media.feed(piece, self._where)
            if 0 < len(whole) <= MOST_JPEG_BYTES:
                whole += piece
        if len(first) < SNIFFED_BYTES and not media.kind:
            raise SourceNotFound(self._where, "the response is empty")
        if whole and not media.jpegs:
            media.picture(bytes(whole))  # its end marker is missing
        # a picture whose length was not given; by its type also one with another inside
        if (media.jpegs == 1 and kind != _MULTIPART) or 0 < len(whole) <= MOST_JPEG_BYTES:
            self._snapshots(media, None, begun_s)

    def _snapshots(
        self, media: MediaInput, response: http.client.HTTPResponse | None, due_s: float, first: bytes = b""
    ) -> None:
        """Ask for JPEGs at the interval.

        response: with the first picture; None if that was passed on. due_s: when it was asked for; first: what was
        read of it.
        """
        media.interval_s = self._options["interval"]
        while not self._over.is_set():
            if response is not None:
                data, first = first + self._client.read_all(response, MOST_JPEG_BYTES), b""
                if sniff(data) != JPEG:
                    raise SourceUnusable(self._where, "no JPEG, although it says so")
                media.picture(data)
            due_s = max(due_s + self._options["interval"], self._clock.mono_s())
            if self._over.wait(max(0.0, due_s - self._clock.mono_s())):
                return
            response = self._client.get(self._client.address.path)

    # --- HLS

    def _segments(self, media: MediaInput, text: bytes) -> None:
        """Read the newest segments as they are listed. Raises SourceError."""
        base = self._client.address
        playlist = parse_playlist(text, self._where)
        if playlist.variant:
            base = self._same_place(base, playlist.variant)
            playlist = self._playlist(base)
            if playlist.variant:
                raise SourceUnusable(self._where, "a playlist of playlists of playlists")
        media.timing, read, heading = "segments", -1, ""
        changed_s = self._clock.mono_s()
        while not self._over.is_set():
            segments = playlist.segments if read >= 0 else playlist.segments[-1:]
            if read > playlist.newest:
                raise SourceClosed(self._where, "its playlist has begun again")
            for segment in (one for one in segments if one.number > read):
                if segment.heading != heading:
                    if heading:
                        raise SourceClosed(self._where, "the format has changed")
                    heading = segment.heading
                    self._segment(media, base, heading)
                media.segment_s = max(media.segment_s, min(segment.seconds, 30.0))
                self._segment(media, base, segment.path)
                read, changed_s = segment.number, self._clock.mono_s()
            if playlist.is_over:
                raise SourceClosed(self._where, "its playlist has ended")
            if self._clock.mono_s() - changed_s > self._options["stall"] + media.segment_s:
                raise SourceStalled(self._where, "no new segment in its playlist")
            if self._over.wait(max(0.2, min(playlist.target_s / 2, 2.0))):
                return
            playlist = self._playlist(base)

    def _playlist(self, place: NetworkAddress) -> "HlsPlaylist":
        response = self._client.get(place.path)
        return parse_playlist(self._client.read_all(response, MOST_PLAYLIST_BYTES), self._where)

    def _segment(self, media: MediaInput, base: NetworkAddress, path: str) -> None:
        response = self._client.get(self._same_place(base, path).path)
        while piece := self._client.read(response):
            media.feed(piece, self._where)

    def _same_place(self, base: NetworkAddress, link: str) -> NetworkAddress:
        """Return the address that a playlist links to, if it is at the camera. Raises SourceRedirected."""
        address, url = self._client.address, link
        try:
            url = urljoin(base.url, link)
            found = parse_network(url)
        except ValueError:
            found = None
        if found is None or (found.protocol, found.is_encrypted, found.host.lower(), found.port) != (
            address.protocol, address.is_encrypted, address.host.lower(), address.port,
        ):  # fmt: skip
            raise SourceRedirected(self._where, f"its playlist points {redirect_target(url)}")
        return found


class PlaylistSegment(NamedTuple):
    """heading: what must be read before it (`EXT-X-MAP`); may be empty."""

    number: int
    path: str
    seconds: float
    heading: str


class HlsPlaylist(NamedTuple):
    """variant: the address of the best of its streams; empty for one that lists segments."""

    variant: str
    segments: tuple[PlaylistSegment, ...]
    target_s: float
    is_over: bool

    @property
    def newest(self) -> int:
        return self.segments[-1].number if self.segments else 1 << 62


_ATTRIBUTE: Final = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^",]*)')
_MOST_LINES: Final = 20_000


def parse_playlist(data: bytes, where: str) -> HlsPlaylist:
    """Parse a playlist (RFC 8216). Raises SourceUnusable."""
    lines = data.decode("utf-8", "replace").splitlines()[:_MOST_LINES]
    if not lines or not lines[0].lstrip("\ufeff").startswith("#EXTM3U"):
        raise SourceUnusable(where, "no playlist")
    variants: list[tuple[int, str]] = []
    segments: list[PlaylistSegment] = []
    number, target_s, length_s, heading, bandwidth = 0, 2.0, 0.0, "", -1
    for line in map(str.strip, lines):
        tag, _, value = line.partition(":")
        if tag == "#EXT-X-STREAM-INF":
            bandwidth = _whole(_attributes(value).get("BANDWIDTH", "0"))
        elif tag == "#EXT-X-MEDIA-SEQUENCE":
            number = _whole(value)
        elif tag == "#EXT-X-TARGETDURATION":
            target_s = min(30.0, max(0.5, _number(value)))
        elif tag == "#EXTINF":
            length_s = _number(value.partition(",")[0])
        elif tag == "#EXT-X-MAP":
            heading = _attributes(value).get("URI", "")
        elif tag == "#EXT-X-KEY" and _attributes(value).get("METHOD", "NONE") != "NONE":
            raise SourceUnusable(where, "encrypted segments")
        elif line and not line.startswith("#"):
            if bandwidth >= 0:
                variants.append((bandwidth, line))
                bandwidth = -1
            else:
                segments.append(PlaylistSegment(number, line, length_s, heading))
                number += 1
    return HlsPlaylist(max(variants)[1] if variants else "", tuple(segments), target_s, "#EXT-X-ENDLIST" in lines)


def _attributes(value: str) -> dict[str, str]:
    return {found[1]: found[2].strip('"') for found in _ATTRIBUTE.finditer(value)}


def _whole(text: str) -> int:
    return int(text) if text.strip().isascii() and text.strip().isdigit() and len(text) < 18 else 0


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0 <= found < 1e6 else 0.0
