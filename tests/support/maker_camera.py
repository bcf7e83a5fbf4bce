"""A camera with the event API of Dahua or Hikvision, as it is documented: Digest sign-in, parts, heartbeats.

with maker_camera("dahua") as camera:
    camera.dahua("VideoMotion", "Start")
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tawny.protocols.digest_auth import challenge, digest, is_right
from tawny.testing.waiting import until

USER, PASSWORD, NONCE = "viewer", "s3cret/1", "0123456789abcdef"
PATHS = {
    "dahua": "/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat=5",
    "hikvision": "/ISAPI/Event/notification/alertStream",
}
KINDS = {"dahua": "multipart/x-mixed-replace; boundary=myboundary", "hikvision": "multipart/mixed; boundary=boundary"}
ALERT = (
    '<EventNotificationAlert version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema"><ipAddress>10.0.0.7'
    "</ipAddress><portNo>80</portNo><protocol>HTTP</protocol>{channel}<dateTime>2026-01-01T00:00:00+08:00</dateTime>"
    "<activePostCount>1</activePostCount><eventType>{kind}</eventType><eventState>{state}</eventState>"
    "<eventDescription>alarm</eventDescription>{more}</EventNotificationAlert>"
)


def alert(kind: str, state: str, *, channel: int = 1, more: str = "", named: str = "channelID") -> bytes:
    return ALERT.format(kind=kind, state=state, channel=f"<{named}>{channel}</{named}>", more=more).encode()


def part(mark: str, kind: str, body: bytes) -> bytes:
    return f"--{mark}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


@dataclass
class MakerCamera:
    """status: its answer to a request that is signed in. is_page: it answers with a page. is_chunked: in chunks."""

    maker: str
    status: int = 200
    is_page: bool = False
    is_chunked: bool = False
    asked: list[str] = field(default_factory=list)
    """Requests that it answered with a stream."""
    lines: list[Any] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://{USER}:s3cret%2F1@127.0.0.1:{self.port}"

    def await_connected(self) -> None:
        until(lambda: bool(self.lines), 40, "a connection for its events")

    def send(self, data: bytes) -> None:
        self.await_connected()
        with self.changed:
            for one in self.lines:
                one.write(b"%x\r\n%s\r\n" % (len(data), data) if self.is_chunked else data)
                one.flush()

    def dahua(self, code: str, action: str, index: int = 0, data: Any = None) -> None:
        more = "" if data is None else f";data={json.dumps(data, indent=2)}"
        self.send(part("myboundary", "text/plain", f"Code={code};action={action};index={index}{more}".encode()))

    def hikvision(self, kind: str, state: str, more: str = "") -> None:
        self.send(part("boundary", 'application/xml; charset="UTF-8"', alert(kind, state, more=more)))

    def heartbeat(self) -> None:
        if self.maker == "dahua":
            self.send(part("myboundary", "text/plain", b"Heartbeat"))
        else:
            self.hikvision("videoloss", "inactive")

    def cut(self) -> None:
        """End every connection, as a camera that restarts."""
        with self.changed:
            self.lines.clear()
            self.changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    camera: MakerCamera


class _Request(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        camera = self.server.camera
        if not is_right(self.headers.get("Authorization", ""), "GET", NONCE, digest(USER, PASSWORD)):
            self._answers(401, {"WWW-Authenticate": challenge(NONCE)})
        elif camera.status != 200 or self.path != PATHS[camera.maker]:
            self._answers(camera.status if camera.status != 200 else 404, {})
        elif camera.is_page:
            self._answers(200, {"Content-Type": "text/html"})
        else:
            self._streams(camera)

    def _answers(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def _streams(self, camera: MakerCamera) -> None:
        self.send_response(200)
        self.send_header("Content-Type", KINDS[camera.maker])
        self.send_header(*(("Transfer-Encoding", "chunked") if camera.is_chunked else ("Connection", "close")))
        self.end_headers()
        with camera.changed:
            camera.asked.append(self.path)
            camera.lines.append(self.wfile)
            camera.changed.wait_for(lambda: self.wfile not in camera.lines)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def maker_camera(maker: str, **how: Any) -> Iterator[MakerCamera]:
    camera = MakerCamera(maker, **how)
    server = _Server(("127.0.0.1", 0), _Request)
    server.camera, camera.port = camera, server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield camera
    finally:
        with suppress(OSError):
            camera.cut()
        server.shutdown()
        server.server_close()
        thread.join(10)
