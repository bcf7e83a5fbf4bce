"""A camera that can be turned and switched, as ONVIF has it: it checks logins and keeps what it was told."""

import base64
import hashlib
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

from tawny.protocols.soap import ENVELOPE, local, text_at

DEVICE, PTZ, MEDIA = "/onvif/device_service", "/onvif/ptz", "/onvif/media"


@dataclass
class FakeCamera:
    """ahead: by so much its clock is. told: each request's name and what was in it, in order."""

    user: str = "admin"
    password: str = "s3cret"
    ahead: timedelta = timedelta()
    turns: bool = True
    turning_profile: str = "turning"
    """Token of the profile that turns."""
    locks_clock: bool = False
    """It wants the login for its clock, too."""
    relays: tuple[str, ...] = ("relay-1",)
    pulse: str = "PT3S"
    """How long a relay whose name ends in `pulse` stays on."""
    presets: tuple[tuple[str, str], ...] = (("1", "Gate"), ("2", "Door"))
    elsewhere: str = ""
    """The host that it says its services are at."""
    reply: bytes | None = None
    """What it answers instead."""
    told: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    challenge: str = ""
    """How it asks for HTTP's own login, and no other counts."""
    nonces: set[str] = field(default_factory=set)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.user}:{self.password}@127.0.0.1:{self.port}{DEVICE}"

    def done(self) -> list[str]:
        """What was done to it."""
        names = [name for name, _ in self.told]
        return [name for name in names if not name.startswith("Get")]

    def answer(self, path: str, body: bytes, authorization: str) -> tuple[int, str]:
        if self.challenge and not self._lets_in(path, authorization):
            return 401, ""
        root = ET.fromstring(body)
        asked = next(iter(next(one for one in root if local(one) == "Body")))
        name = local(asked)
        is_open = name == "GetSystemDateAndTime" and not self.locks_clock
        if not is_open and not self.challenge and not self._knows(root):
            return 400, fault("ter:NotAuthorized", "Sender not authorized")
        values = {local(one): (one.text or "").strip() for one in asked.iter()}
        values |= {f"{local(one)}.{key}": value for one in asked.iter() for key, value in one.attrib.items()}
        self.told.append((name, values))
        if path == PTZ and values["ProfileToken"] != self.turning_profile:
            return 400, fault("ter:NoProfile", "The requested profile token does not exist")
        return self._of(name, values, path)

    def _of(self, name: str, values: dict[str, str], path: str) -> tuple[int, str]:
        host = self.elsewhere or f"127.0.0.1:{self.port}"
        match name, path:
            case "GetSystemDateAndTime", "/onvif/device_service":
                now = datetime.now(UTC) + self.ahead
                time = f"<Time><Hour>{now.hour}</Hour><Minute>{now.minute}</Minute><Second>{now.second}</Second></Time>"
                date = f"<Date><Year>{now.year}</Year><Month>{now.month}</Month><Day>{now.day}</Day></Date>"
                return 200, f"<r><SystemDateAndTime><UTCDateTime>{time}{date}</UTCDateTime></SystemDateAndTime></r>"
            case "GetCapabilities", "/onvif/device_service":
                turning = f"<tt:PTZ><tt:XAddr>http://{host}{PTZ}</tt:XAddr></tt:PTZ>" if self.turns else ""
                turning += self.more_services(host)
                media = f"<tt:Media><tt:XAddr>http://{host}{MEDIA}</tt:XAddr></tt:Media>"
                return 200, f'<r xmlns:tt="urn:tt"><tt:Capabilities>{media}{turning}</tt:Capabilities></r>'
            case "GetProfiles", "/onvif/media":
                turning = f'<Profiles token="{self.turning_profile}"><PTZConfiguration/></Profiles>'
                return 200, f'<r><Profiles token="still"/>{turning}</r>'
            case "GetPresets", "/onvif/ptz":
                listed = "".join(
                    f'<Preset token="{token}"><Name>{escape(name)}</Name></Preset>' for token, name in self.presets
                )
                return 200, f"<r>{listed}</r>"
            case "GetRelayOutputs", "/onvif/device_service":
                return 200, f"<r>{''.join(_relay(one, self.pulse) for one in self.relays)}</r>"
            case "SetPreset", "/onvif/ptz":
                token = values.get("PresetToken") or f"new-{len(self.presets)}"
                others = tuple(one for one in self.presets if one[0] != token)
                self.presets = (*others, (token, values["PresetName"]))
                return 200, f"<r><PresetToken>{token}</PresetToken></r>"
            case "RemovePreset", "/onvif/ptz":
                self.presets = tuple(one for one in self.presets if one[0] != values["PresetToken"])
                return 200, "<r/>"
            case "ContinuousMove" | "Stop" | "GotoPreset" | "GotoHomePosition" | "SetHomePosition", "/onvif/ptz":
                return 200, "<r/>"
            case "SetRelayOutputState", _:
                return 200, "<r/>"
        return 400, fault("ter:ActionNotSupported", f"{name} is not known at {path}")

    def more_services(self, host: str) -> str:
        """What else it says that it has, as XML."""
        return f"<tt:Device><tt:XAddr>http://{host}{DEVICE}</tt:XAddr></tt:Device>"

    def _lets_in(self, path: str, authorization: str) -> bool:
        """RFC 7616 with MD5 and `auth`; or Basic, if that is what it asks for."""
        if self.challenge.startswith("Basic"):
            return authorization == "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        found: dict[str, str] = dict(re.findall(r'(\w+)="?([^",]*)"?', authorization.removeprefix("Digest ")))
        if found.get("username") != self.user or found.get("uri") != path:
            return False
        secret = hashlib.md5(f"{self.user}:camera:{self.password}".encode()).hexdigest()
        asked = hashlib.md5(f"POST:{path}".encode()).hexdigest()
        proof = f"{secret}:{found['nonce']}:{found['nc']}:{found['cnonce']}:auth:{asked}"
        return found["response"] == hashlib.md5(proof.encode()).hexdigest()

    def _knows(self, root: ET.Element) -> bool:
        nonce, made = text_at(root, "UsernameToken", "Nonce"), text_at(root, "UsernameToken", "Created")
        digest, user = text_at(root, "UsernameToken", "Password"), text_at(root, "UsernameToken", "Username")
        if not made or nonce in self.nonces:
            return False
        self.nonces.add(nonce)
        late = abs(datetime.fromisoformat(made) - (datetime.now(UTC) + self.ahead))
        right = hashlib.sha1(base64.b64decode(nonce) + made.encode() + self.password.encode()).digest()
        return user == self.user and base64.b64decode(digest) == right and late < timedelta(seconds=10)


def _relay(token: str, pulse: str) -> str:
    """One whose name ends in `pulse` switches itself off after this duration."""
    mode = "Monostable" if token.endswith("pulse") else "Bistable"
    return (
        f'<RelayOutputs token="{token}"><Properties><Mode>{mode}</Mode><DelayTime>{pulse}</DelayTime>'
        "<IdleState>open</IdleState></Properties></RelayOutputs>"
    )


def fault(code: str, text: str) -> str:
    return f"<s:Fault><s:Code><s:Value>{code}</s:Value></s:Code><s:Reason><s:Text>{text}</s:Text></s:Reason></s:Fault>"


def handler(camera: FakeCamera) -> type[BaseHTTPRequestHandler]:
    """The web server's side of a camera."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = self.path, body, self.headers.get("Authorization", "")
            status, content = (200, "") if camera.reply is not None else camera.answer(*asked)
            if status == 0:
                self.close_connection = True
                return
            whole = f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body>{content}</s:Body></s:Envelope>'.encode()
            data = whole if camera.reply is None else camera.reply
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", camera.challenge)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with suppress(ConnectionError):  # whoever asked has left
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


@contextmanager
def served(camera: FakeCamera) -> Iterator[FakeCamera]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(camera))
    camera.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield camera
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
