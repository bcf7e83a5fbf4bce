"""Basic notification: a camera without pull points sends its events to this computer (WS-BaseNotification).

Its subscription names an address that exists only as long: a port that the settings name, and a path that no one can
guess. Only requests from the camera's own IP address are read, one at a time, with limits.
"""

import hmac
import secrets
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final

from tawny.model.errors import NotDone, SourceError, SourceLoginWeaker, SourceRefused, SourceUnreachable
from tawny.model.times import Clock
from tawny.protocols.soap import MAX_BYTES, UnreadableXml, quoted, read_xml
from tawny.sources.onvif import OnvifCamera
from tawny.sources.onvif_events import (
    ADDRESSING,
    LASTS_S,
    NOTIFY,
    PULL_S,
    CameraReport,
    EventSubscription,
    PullPoint,
    read_reports,
)

_SLICE_S: Final = 0.25
"""Longest wait before a cancellation is seen, s."""
_REQUEST_S: Final = 3.0
"""How long the camera may need for each part of a request, s."""
_MOST_TOGETHER: Final = 64
"""Requests, also of others, that are read before the events are handed on: the subscription must be renewed."""
_PRODUCER: Final = "http://docs.oasis-open.org/wsn/bw-2/NotificationProducer"


class NotificationPoint(EventSubscription):
    """The camera sends its events. place: host and port of its ONVIF services. port: where it is listened to.

    As `EventSubscription`; also raises SourceUnreachable if the port is taken.
    """

    def __init__(self, camera: OnvifCamera, clock: Clock, place: tuple[str, int], port: int) -> None:
        super().__init__(camera, clock)
        self._place, self._port = place, port
        self._server: _Receiver | None = None

    def leave(self) -> None:
        super().leave()
        self._close()

    def _request(self) -> tuple[str, str]:
        self._close()
        here, there = _addresses(self._place)
        try:
            self._server = _Receiver((here, self._port), there)
        except OSError as error:
            detail = f"tawny can't listen at port {self._port}: {error.strerror or type(error).__name__}"
            raise SourceUnreachable(here, detail) from None
        host = f"[{here}]" if ":" in here else here
        address = quoted(f"http://{host}:{self._server.server_port}/{self._server.token}")
        body = (
            f'<n:Subscribe xmlns:n="{NOTIFY}"><n:ConsumerReference><a:Address xmlns:a="{ADDRESSING}">{address}'
            f"</a:Address></n:ConsumerReference><n:InitialTerminationTime>PT{LASTS_S:g}S</n:InitialTerminationTime>"
            "</n:Subscribe>"
        )
        return f"{_PRODUCER}/SubscribeRequest", body

    def _received(self, made: object, waits_s: float) -> list[CameraReport]:
        server, until_s = self._server, self._clock.mono_s() + waits_s
        assert server is not None, "it listens while it is subscribed"
        found: list[CameraReport] = []
        first = server.requests
        while not self._camera.client.is_cancelled:
            left_s = until_s - self._clock.mono_s()
            server.timeout = 0.0 if found else max(0.0, min(_SLICE_S, left_s))
            before = server.requests
            server.handle_request()
            found += [one for data in server.take() for one in self._read(data)]
            is_quiet = server.requests == before
            if (is_quiet and (found or left_s <= 0)) or server.requests - first >= _MOST_TOGETHER:
                break
        return found

    def _read(self, data: bytes) -> list[CameraReport]:
        try:
            return read_reports(read_xml(data), self._clock.now_ms(), self._at_rest)
        except UnreadableXml:
            return []

    def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.server_close()


def _addresses(place: tuple[str, int]) -> tuple[str, str]:
    """Return this computer's IP address as the camera sees it, and the camera's. Raises SourceUnreachable."""
    try:
        family, kind, _, _, there = socket.getaddrinfo(*place, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(there)  # sends nothing
            return str(probe.getsockname()[0]), str(there[0])
    except OSError as error:
        raise SourceUnreachable(place[0], error.strerror or type(error).__name__) from None


class _Receiver(HTTPServer):
    """Takes requests of one IP address. requests: how many came, whatever became of them."""

    allow_reuse_address = True
    request_queue_size = 8

    def __init__(self, at: tuple[str, int], peer: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in at[0] else socket.AF_INET
        self.token, self.peer, self.requests = secrets.token_urlsafe(32), peer, 0
        self._bodies: list[bytes] = []
        super().__init__(at, _Request)

    def server_bind(self) -> None:
        """As HTTPServer, without asking a name server for our name."""
        socket_server_bind = HTTPServer.__mro__[1].server_bind  # type: ignore[attr-defined]
        socket_server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def verify_request(self, request: Any, client_address: Any) -> bool:
        self.requests += 1
        return bool(client_address[0] == self.peer)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing: a request that ends early is the camera's matter, and it sends again."""

    def put(self, data: bytes) -> None:
        self._bodies.append(data)

    def take(self) -> list[bytes]:
        taken, self._bodies = self._bodies, []
        return taken


class _Request(BaseHTTPRequestHandler):
    server: _Receiver
    timeout = _REQUEST_S
    server_version, sys_version = "tawny", ""

    def do_POST(self) -> None:
        if not hmac.compare_digest(self.path.encode(), f"/{self.server.token}".encode()):
            return self._answer(404)
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            return self._answer(411)
        if int(length[:9]) > MAX_BYTES or len(length) > 9:
            return self._answer(413)
        self.server.put(self.rfile.read(int(length)))
        return self._answer(202)

    def _answer(self, status: int) -> None:
        self.close_connection = True
        self.send_response_only(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing: the path is a secret."""


class CameraEvents:
    """The camera's events by a pull point, or sent by it where it has none and the settings name a port.

    A way that has worked is kept: a camera that has only restarted is not asked for the other one. As
    `EventSubscription`. port: 0: it may not send any.
    """

    def __init__(self, camera: OnvifCamera, clock: Clock, place: tuple[str, int], port: int) -> None:
        self._point: EventSubscription = PullPoint(camera, clock)
        self._other: EventSubscription | None = NotificationPoint(camera, clock, place, port) if port else None

    def pull(self, waits_s: float = PULL_S) -> list[CameraReport]:
        try:
            found = self._point.pull(waits_s)
        except (NotDone, SourceRefused, SourceLoginWeaker, SourceUnreachable):
            raise
        except SourceError:
            if self._other is None:
                raise
            self._point.leave()
            self._point, self._other = self._other, self._point
            found = self._point.pull(waits_s)
        self._other = None
        return found

    def cancel(self) -> None:
        self._point.cancel()

    def leave(self) -> None:
        self._point.leave()
