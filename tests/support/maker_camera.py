"""A camera with the event API of its maker, as it is documented, over HTTP or HTTPS.

Dahua and Hikvision: Digest sign-in, parts, heartbeats. Axis: Digest sign-in for a token, a WebSocket. Reolink: a token
for the password, states that are asked for.

with maker_camera("dahua") as camera:
    camera.begin("motion")
"""

import json
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed, InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tawny.protocols.digest_auth import challenge, digest, is_right
from tawny.testing.waiting import until

USER, PASSWORD, NONCE = "viewer", "s3cret/1", "0123456789abcdef"
PATHS = {
    "dahua": "/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat=5",
    "hikvision": "/ISAPI/Event/notification/alertStream",
}
SESSION, STREAM, API = "/axis-cgi/wssession.cgi", "/vapix/ws-data-stream", "/cgi-bin/api.cgi"
HUMAN, CAR = "<detectionTarget>human</detectionTarget>", "<detectionTarget>vehicle</detectionTarget>"
REQUEST = "<VoiceTalkEvent><cmdType>request</cmdType></VoiceTalkEvent>"
ANALYTICS = "tnsaxis:CameraApplicationPlatform/ObjectAnalytics/Device1Scenario1"
EVENTS: Mapping[str, Mapping[str, Any]] = {
    "dahua": {
        "motion": ("VideoMotion", None), "person": ("SmartMotionHuman", None), "vehicle": ("SmartMotionVehicle", None),
        "line": ("CrossLineDetection", None), "tamper": ("VideoBlind", None), "input": ("AlarmLocal", None),
        "doorbell": ("_DoTalkAction_", {"Action": "Invite"}),
    },
    "hikvision": {
        "motion": ("VMD", ""), "person": ("fielddetection", HUMAN), "vehicle": ("fielddetection", CAR),
        "line": ("linedetection", ""), "tamper": ("shelteralarm", ""), "input": ("IO", ""),
        "doorbell": ("voiceTalkEvent", REQUEST),
    },
    "axis": {
        "motion": ("tnsaxis:CameraApplicationPlatform/VMD/Camera1ProfileANY", {}, "active", {}),
        "person": (ANALYTICS, {}, "active", {"classTypes": "human", "objectId": "1"}),
        "vehicle": (ANALYTICS, {}, "active", {"classTypes": "car", "objectId": "2"}),
        "line": ("tnsaxis:CameraApplicationPlatform/FenceGuard/Camera1Profile1", {}, "active", {}),
        "tamper": ("tns1:VideoSource/tnsaxis:Tampering", {"channel": "1"}, "tampering", {}),
        "input": ("tns1:Device/tnsaxis:IO/Port", {"port": "1"}, "state", {}),
    },
    "reolink": {"motion": "md", "person": "people", "vehicle": "vehicle", "animal": "dog_cat", "doorbell": "visitor"},
}  # fmt: skip
"""How each maker's API says what it reports."""
MOMENTS = {"doorbell"}
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
    """status: its answer to a request that is signed in. is_page: it answers with a page. is_chunked: in chunks.

    is_old: a Reolink camera that tells its states by two requests. most_signed_in: how many it lets in.
    said: the answer of an Axis camera to a request for events; None: it accepts. certificate: for HTTPS.
    """

    maker: str
    status: int = 200
    is_page: bool = False
    is_chunked: bool = False
    is_old: bool = False
    most_signed_in: int = 4
    lease_s: float = 3600.0
    said: Any = None
    certificate: Path | None = None
    asked: list[str] = field(default_factory=list)
    """Requests that it answered with a stream or a token."""
    lines: list[Any] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    port: int = 0
    tokens: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    filters: list[Any] = field(default_factory=list)
    """What an Axis camera was asked to send."""
    answer: bytes | None = None
    """What a Reolink camera answers to everything."""

    @property
    def url(self) -> str:
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{USER}:s3cret%2F1@127.0.0.1:{self.port}"

    @property
    def fingerprint(self) -> str:
        if self.certificate is None:
            return ""
        text = self.certificate.read_text()
        return sha256(ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") :])).hexdigest()

    def await_connected(self) -> None:
        until(lambda: bool(self.tokens if self.maker == "reolink" else self.lines), 40, "a connection for its events")

    def await_asked(self, count: int) -> None:
        until(lambda: len(self.asked) >= count, 40, f"{count} requests for its events")

    def begin(self, what: str) -> None:
        self._reports(what, is_on=True)

    def end(self, what: str) -> None:
        self._reports(what, is_on=False)

    def _reports(self, what: str, *, is_on: bool) -> None:
        how = EVENTS[self.maker][what]
        match self.maker:
            case "dahua":
                self.dahua(how[0], "Pulse" if what in MOMENTS else "Start" if is_on else "Stop", data=how[1])
            case "hikvision":
                self.hikvision(how[0], "active" if is_on else "inactive", how[1])
            case "axis":
                self.axis(how[0], how[1], {how[2]: str(int(is_on)), **(how[3] if is_on else {})})
            case _:
                self.states[how] = int(is_on)

    def send(self, data: bytes) -> None:
        self.await_connected()
        with self.changed:
            for one in self.lines:
                with suppress(OSError, InvalidState):  # its end is under way
                    one.write(b"%x\r\n%s\r\n" % (len(data), data) if self.is_chunked else data)
                    one.flush()

    def dahua(self, code: str, action: str, index: int = 0, data: Any = None) -> None:
        more = "" if data is None else f";data={json.dumps(data, indent=2)}"
        self.send(part("myboundary", "text/plain", f"Code={code};action={action};index={index}{more}".encode()))

    def hikvision(self, kind: str, state: str, more: str = "") -> None:
        self.send(part("boundary", 'application/xml; charset="UTF-8"', alert(kind, state, more=more)))

    def axis(self, topic: str, source: Mapping[str, str], data: Mapping[str, str]) -> None:
        self.send(notification(topic, source, data))

    def heartbeat(self) -> None:
        if self.maker == "dahua":
            self.send(part("myboundary", "text/plain", b"Heartbeat"))
        elif self.maker == "hikvision":
            self.hikvision("videoloss", "inactive")

    def cut(self) -> None:
        """End every connection and session, as a camera that restarts."""
        with self.changed:
            for one in self.lines:
                one.close()
            self.lines.clear()
            self.tokens.clear()
            self.changed.notify_all()


def notification(topic: str, source: Mapping[str, str], data: Mapping[str, str]) -> bytes:
    message = {"source": dict(source), "key": {}, "data": dict(data)}
    answer = {"timestamp": 1_639_385_866_198, "topic": topic, "message": message}
    return json.dumps({"apiVersion": "1.0", "method": "events:notify", "params": {"notification": answer}}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    camera: MakerCamera


class _Parts:
    """A response that goes on."""

    def __init__(self, request: "_Request") -> None:
        self._request = request
        self.write, self.flush = request.wfile.write, request.wfile.flush

    def close(self) -> None:
        """The request ends when it is no longer among the lines."""


class _WebSocket:
    """A connection that was turned into a WebSocket."""

    def __init__(self, request: "_Request") -> None:
        self._line, self._protocol, self._lock = request.connection, ServerProtocol(), threading.Lock()
        lines = [f"GET {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
        self._protocol.receive_data(("\r\n".join(lines) + "\r\n\r\n").encode())
        asked = next(one for one in self._protocol.events_received() if isinstance(one, Request))
        self._protocol.send_response(self._protocol.accept(asked))
        self.flush()

    def write(self, data: bytes) -> None:
        with self._lock:
            self._protocol.send_text(data)

    def flush(self) -> None:
        with self._lock:
            self._line.sendall(b"".join(self._protocol.data_to_send()))

    def close(self) -> None:
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def serve(self, camera: MakerCamera) -> None:
        """Answer requests for events, and pings, until the connection ends."""
        with suppress(OSError, ConnectionClosed):
            while data := self._line.recv(4096):
                self._protocol.receive_data(data)
                for one in self._protocol.events_received():
                    if isinstance(one, Frame) and one.opcode is Opcode.TEXT:
                        camera.filters.append(json.loads(bytes(one.data)))
                        answer = {"data": {}} if camera.said is None else camera.said
                        self.write(json.dumps({"apiVersion": "1.0", "method": "events:configure", **answer}).encode())
                self.flush()


class _Request(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        camera = self.server.camera
        path = urlsplit(self.path)
        if camera.maker == "axis" and path.path == STREAM:
            self._socket(camera, parse_qs(path.query).get("wssession", [""])[0])
        elif not is_right(self.headers.get("Authorization", ""), "GET", NONCE, digest(USER, PASSWORD)):
            self._answers(401, {"WWW-Authenticate": challenge(NONCE)})
        elif camera.status != 200 or self.path not in (PATHS.get(camera.maker), SESSION):
            self._answers(camera.status if camera.status != 200 else 404, {})
        elif camera.is_page:
            self._answers(200, {"Content-Type": "text/html"})
        elif self.path == SESSION:
            camera.tokens.append(secrets.token_hex(8))
            self._answers(200, {"Content-Type": "text/plain"}, camera.tokens[-1].encode())
        else:
            self._streams(camera)

    def do_POST(self) -> None:
        camera, path = self.server.camera, urlsplit(self.path)
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        if camera.maker != "reolink" or camera.status != 200 or path.path != API:
            self._answers(camera.status if camera.status != 200 else 404, {})
            return
        page = b"<html></html>" if camera.is_page else camera.answer
        token = parse_qs(path.query).get("token", [""])[0]
        answer = page if page is not None else json.dumps([self._told(camera, one, token) for one in asked]).encode()
        self._answers(200, {"Content-Type": "text/html"}, answer)

    def _told(self, camera: MakerCamera, asked: Mapping[str, Any], token: str) -> dict[str, Any]:
        name, states = asked["cmd"], camera.states

        def state(kind: str) -> dict[str, int]:
            return {"alarm_state": states.get(kind, 0), "support": 1}

        match name:
            case "Login":
                user = asked["param"]["User"]
                if (user["userName"], user["password"]) != (USER, PASSWORD):
                    return refused(name, -7, "login failed")
                if len(camera.tokens) >= camera.most_signed_in:
                    return refused(name, -5, "max session")
                camera.tokens.append(secrets.token_hex(8))
                camera.asked.append(name)
                given = {"leaseTime": camera.lease_s, "name": camera.tokens[-1]}
                return {"cmd": name, "code": 0, "value": {"Token": given}}
            case _ if token not in camera.tokens:
                return refused(name, -6, "please login first")
            case "Logout":
                camera.tokens.remove(token)
                return {"cmd": name, "code": 0, "value": {"rspCode": 200}}
            case "GetEvents" if camera.is_old:
                return refused(name, -9, "not support")
            case "GetMdState":
                return {"cmd": name, "code": 0, "value": {"state": states.get("md", 0)}}
        ai = {kind: state(kind) for kind in ("people", "vehicle", "dog_cat")} | {
            "face": {"alarm_state": 1, "support": 0}
        }
        answer = ai if name == "GetAiState" else {"ai": ai, "md": state("md"), "visitor": state("visitor")}
        return {"cmd": name, "code": 0, "value": {"channel": asked["param"]["channel"], **answer}}

    def _answers(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _socket(self, camera: MakerCamera, token: str) -> None:
        self.close_connection = True
        if token not in camera.tokens:
            self._answers(401, {"WWW-Authenticate": challenge(NONCE)})
            return
        camera.tokens.remove(token)
        line = _WebSocket(self)
        with camera.changed:
            camera.asked.append(self.path)
            camera.lines.append(line)
        line.serve(camera)
        with camera.changed:
            if line in camera.lines:
                camera.lines.remove(line)

    def _streams(self, camera: MakerCamera) -> None:
        self.send_response(200)
        self.send_header("Content-Type", KINDS[camera.maker])
        self.send_header(*(("Transfer-Encoding", "chunked") if camera.is_chunked else ("Connection", "close")))
        self.end_headers()
        line = _Parts(self)
        with camera.changed:
            camera.asked.append(self.path)
            camera.lines.append(line)
            camera.changed.wait_for(lambda: line not in camera.lines)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def refused(command: str, code: int, detail: str) -> dict[str, Any]:
    return {"cmd": command, "code": 1, "error": {"detail": detail, "rspCode": code}}


@contextmanager
def maker_camera(maker: str, **how: Any) -> Iterator[MakerCamera]:
    camera = MakerCamera(maker, **how)
    server = _Server(("127.0.0.1", 0), _Request)
    if camera.certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(camera.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
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
