"""ONVIF client: PTZ, relays and the clock of a camera. Requests, answers and times are limited."""

import http.client
import io
import ipaddress
import math
import re
import secrets
import socket
import ssl
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from tawny.model.errors import NotDone, SourceError, SourceLoginWeaker, SourceRefused, SourceUnreachable
from tawny.model.times import Clock
from tawny.model.validation import clean_label
from tawny.protocols.digest_auth import ClientAuth
from tawny.protocols.login_history import LoginHistory, LoginRecord, SignIn
from tawny.protocols.soap import (
    MAX_BYTES,
    find_elements,
    login_header,
    quoted,
    read_response,
    text_at,
    with_address,
    write_request,
)
from tawny.sources.onvif_times import camera_time_ms, duration_s
from tawny.sources.source import SourceLoginUnknown

# One HTTP POST to a camera, with a total deadline and a total size.

MAX_HEADER_BYTES: Final = 32_000
_READ_BYTES: Final = 65_536
_SLICE_S: Final = 0.25
"""Longest wait for data before the deadline is looked at again."""


@dataclass(frozen=True, slots=True)
class OnvifService:
    """ONVIF endpoint of a camera. public: host and port without credentials."""

    is_secure: bool
    host: str
    port: int | None
    path: str
    user: str
    password: str

    @classmethod
    def of(cls, url: str) -> "OnvifService":
        parts = urlsplit(url)
        return cls(
            parts.scheme == "https", parts.hostname or "", parts.port, parts.path or "/onvif/device_service",
            unquote(parts.username or ""), unquote(parts.password or ""),
        )  # fmt: skip

    @property
    def port_used(self) -> int:
        return self.port or (443 if self.is_secure else 80)

    @property
    def public(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class OnvifResponse:
    status: int
    challenges: tuple[str, ...]
    """Values of `WWW-Authenticate`."""
    data: bytes


def post(
    place: OnvifService, path: str, headers: Mapping[str, str], body: bytes, get_left_s: Callable[[], float], most: int
) -> OnvifResponse:
    """Send a request and return the response. get_left_s: seconds until the deadline. most: size limit of the body.

    Raises OSError, of which TimeoutError at the deadline, and http.client.HTTPException, also above the size limit.
    """
    left_s = max(0.001, get_left_s())
    line = _connection(place, min(left_s, TIMEOUT_S))
    line.connect()
    connected = line.sock
    try:
        line.sock = _BoundedSocket(connected, get_left_s, most + MAX_HEADER_BYTES)
        line.request("POST", path, body, {name: value.encode() for name, value in headers.items()})
        answer = line.getresponse()
        data = answer.read(most + 1)
        if len(data) > most:
            raise http.client.HTTPException(f"more than {most} bytes")
        return OnvifResponse(answer.status, tuple(answer.headers.get_all("WWW-Authenticate", [])), data)
    finally:
        connected.close()


def _connection(place: OnvifService, timeout_s: float) -> Any:
    if place.is_secure:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(place.host, place.port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(place.host, place.port, timeout=timeout_s)


class _BoundedSocket:
    """A connected socket as `http.client` uses it: everything together ends at the deadline and the size limit."""

    def __init__(self, connected: socket.socket, get_left_s: Callable[[], float], most: int) -> None:
        self._socket, self._get_left_s, self._left_bytes = connected, get_left_s, most

    def sendall(self, data: bytes) -> None:
        self._socket.settimeout(self._left_s())
        self._socket.sendall(data)

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self), _READ_BYTES)

    def close(self) -> None:
        """Do nothing: `http.client` closes before it has read the response. `post` closes the socket."""

    def receive_into(self, buffer: memoryview) -> int:
        if self._left_bytes <= 0:
            raise http.client.HTTPException("the response is too long")
        while True:
            self._socket.settimeout(min(self._left_s(), _SLICE_S))
            try:
                came = self._socket.recv_into(buffer[: self._left_bytes])
            except TimeoutError:
                continue  # the deadline may have been brought forward meanwhile
            self._left_bytes -= came
            return came

    def _left_s(self) -> float:
        left_s = self._get_left_s()
        if left_s <= 0:
            raise TimeoutError
        return left_s


class _BoundedReader(io.RawIOBase):
    def __init__(self, source: _BoundedSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(memoryview(buffer))


# SOAP client for cameras: one request, one response, digest authentication, limits on size and total time.

TIMEOUT_S = 5.0
"""Limit of one exchange, from connecting to the last byte, in seconds."""


class UnansweredClose(SourceUnreachable):
    says = "The camera at {where} closed the connection without a response ({detail})."


class SoapClient:
    """Sends requests to one camera. record: what sign-in the camera offered before. Thread-safe; blocking."""

    def __init__(self, service: OnvifService, clock: Clock, record: LoginRecord | None = None) -> None:
        self._service, self._clock = service, clock
        self._record = record or LoginHistory().record("", service.host, 0)
        self.is_cancelled = False
        """Ends the request that is under way, and refuses all further ones."""
        self._named: dict[str, int] = {}
        self._ports: dict[str, int] = {}
        """Ports of services by path, where not the device's: that the camera names, and where a service answered."""

    def port_named(self, address: str) -> int | None:
        """Return the port that the camera names for a part of a service; None: that of its own address.

        None as well if the address names another host, such as the one behind a router that forwards ports, or no
        encryption where the camera's own address has it.
        """
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            return None
        own = self._service
        if port == own.port_used or parts.scheme != ("https" if own.is_secure else "http"):
            return None
        return port if _is_same_host(host, own.host) else None

    def path_at(self, address: str) -> str:
        """Return the path of a service, and note its port for `send`. address: as the camera names it."""
        path, port = request_path(address), self.port_named(address)
        self._named.pop(path, None)
        if port is None:
            self._ports.pop(path, None)
        elif path != self._service.path and port != self._ports.get(path):
            self._named[path] = port
        return path

    def send(
        self,
        path: str,
        body: str,
        at_ms: int,
        until_s: float,
        *,
        address: str = "",
        waits_s: float = 0.0,
        port: int | None = None,
    ) -> ET.Element:
        """Send a request; return the first child of the response body.

        body: XML. at_ms: camera time; 0: unauthenticated. until_s: deadline of the operation, s monotonic. address:
        headers of WS-Addressing. waits_s: how long the camera may wait before it answers. port: another one than that
        of its address. Raises SourceUnreachable, of it UnansweredClose, SourceRefused, SourceLoginWeaker, SourceError.
        """
        named = self._named.get(path) if port is None else None
        port = self._ports.get(path) if port is None else port
        try:
            answer = self._send(path, body, at_ms, until_s, address, waits_s, port)
        except SourceError as error:
            if named is None or isinstance(error, (SourceRefused, SourceLoginWeaker, SourceUnreachable)):
                raise
            try:  # second, as behind a router the camera may name a port of another device
                answer = self._send(path, body, at_ms, until_s, address, waits_s, named)
            except SourceError as second:
                if not isinstance(second, SourceUnreachable):
                    self._named.pop(path, None)
                raise error from None
            self._ports[path] = named
        self._named.pop(path, None)
        return answer

    def _send(
        self, path: str, body: str, at_ms: int, until_s: float, address: str, waits_s: float, port: int | None
    ) -> ET.Element:
        service = self._service if port is None else replace(self._service, port=port)
        head = (
            login_header(service.user, service.password, secrets.token_bytes(16), at_ms)
            if service.user and at_ms
            else ""
        )
        answer = self._post(service, path, write_request(with_address(head, address), body), "", until_s, waits_s)
        login = ClientAuth(service.user, service.password, self._record)
        while answer.status == 401:
            if not login.challenged(answer.challenges):
                if login.weaker:
                    raise SourceLoginWeaker(service.public, login.weaker)
                if login.unknown:
                    raise SourceLoginUnknown(service.public, login.unknown)
                raise SourceRefused(service.public)
            data, authorization = write_request(with_address("", address), body), login.header("POST", path)
            answer = self._post(service, path, data, authorization, until_s, waits_s)
        try:
            content = read_response(service.public, answer.status, answer.data)
        except SourceRefused:
            if at_ms or not service.user or login.form:
                raise
            # it wants to know who asks even for its clock: it may run like ours
            return self._send(path, body, self._clock.now_ms(), until_s, address, waits_s, port)
        if head and not login.form:
            self._record.offered(SignIn.MD5)  # the digest of a UsernameToken sufficed: Basic would be weaker
        return content

    def _post(
        self, service: OnvifService, path: str, data: bytes, authorization: str, until_s: float, waits_s: float
    ) -> OnvifResponse:
        headers = {"Content-Type": "application/soap+xml; charset=utf-8"}
        if authorization:
            headers["Authorization"] = authorization
        until_s = min(until_s, self._clock.mono_s() + TIMEOUT_S + waits_s)

        def left_s() -> float:
            return 0.0 if self.is_cancelled else until_s - self._clock.mono_s()

        try:
            return post(service, path, headers, data, left_s, MAX_BYTES)
        except ConnectionResetError as error:  # of which http.client.RemoteDisconnected
            raise UnansweredClose(service.public, error.strerror or type(error).__name__) from None
        except (OSError, http.client.HTTPException) as error:
            why = "no response in time" if isinstance(error, TimeoutError) else getattr(error, "strerror", None)
            raise SourceUnreachable(service.public, why or type(error).__name__) from None


# ONVIF services of a camera that tawny uses: PTZ and relay outputs.

OPERATION_S: Final = 10.0
"""Limit of one operation with all its requests, in seconds."""
_MAX_NAMES, _MAX_NAME_CHARS, _MAX_NAMED = 500, 100, 50
"""Presets or relays used of one camera, which has up to 300; their length; how many an error names."""
_FARTHEST: Final = 1000.0
"""Greatest number that can be a position: degrees, or shares."""
_CLOCK_SET_MS: Final = 2_000
"""Change of the camera's clock from which a refused sign-in is tried again."""
_PATH_SAFE = "/%!$&'()*+,;=:@?-._~"

_DEVICE, _MEDIA = "http://www.onvif.org/ver10/device/wsdl", "http://www.onvif.org/ver10/media/wsdl"
_SERVICES: Final = ("PTZ", "Media", "Events", "Imaging", "Search", "Replay")
_PTZ, _SCHEMA = "http://www.onvif.org/ver20/ptz/wsdl", "http://www.onvif.org/ver10/schema"


@dataclass(frozen=True, slots=True)
class PtzPreset:
    token: str
    name: str


def preset_token(preset: str, there: list[PtzPreset]) -> str:
    """Return the token of a preset that is given by name or token. Raises NotDone for an unknown one."""
    tokens = [one.token for one in there if one.name == preset] + [one.token for one in there if one.token == preset]
    if not tokens:
        names = ", ".join(one.name or one.token for one in there[:_MAX_NAMED]) or "none"
        raise NotDone(f"The camera has no preset {preset}.", f"Presets: {names}.")
    return tokens[0]


@dataclass(frozen=True, slots=True)
class OnvifRelay:
    """A relay output. pulse_s: how long it stays on by itself; None: until it is switched off."""

    token: str
    pulse_s: float | None


@dataclass(frozen=True, slots=True)
class _Known:
    ahead_ms: int
    """Camera clock minus local clock, in ms."""
    paths: Mapping[str, str]
    """Of the services that the camera has, by their names in `_SERVICES`."""
    profile: str
    lens: str
    """Token of the video source of the profile; empty: not given."""


class OnvifCamera:
    """ONVIF client of one camera.

    Thread-safe; each method blocks for at most OPERATION_S. Raises SourceError on failure, NotDone for missing
    functions. record: what sign-in the camera offered before.
    """

    def __init__(self, url: str, clock: Clock, record: LoginRecord | None = None) -> None:
        self._service, self._clock = OnvifService.of(url), clock
        self.client = SoapClient(self._service, clock, record)
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._turns = self._zooms = False
        """What moves since the last command: what a command leaves out goes on as it is."""

    def move(self, pan: float, tilt: float, zoom: float, lasts_s: float) -> None:
        """Start a continuous move.

        Speeds from -1 to 1. Always call `stop`: not all cameras honor the timeout `lasts_s`.
        """
        turns, zooms = bool(pan or tilt), bool(zoom)
        speed = ""
        if turns or self._turns:
            speed += f'<t:PanTilt xmlns:t="{_SCHEMA}" x="{pan:g}" y="{tilt:g}"/>'
        if zooms or self._zooms:
            speed += f'<t:Zoom xmlns:t="{_SCHEMA}" x="{zoom:g}"/>'
        self._turns, self._zooms = turns or self._turns, zooms or self._zooms
        self._ptz(
            "ContinuousMove", f"<p:Velocity>{speed}</p:Velocity><p:Timeout>PT{lasts_s:g}S</p:Timeout>", self._until_s()
        )
        self._turns, self._zooms = turns, zooms

    def stop(self) -> None:
        self._ptz("Stop", "<p:PanTilt>true</p:PanTilt><p:Zoom>true</p:Zoom>", self._until_s())
        self._turns = self._zooms = False

    def position(self) -> tuple[float | None, float | None, float | None]:
        """Return pan, tilt and zoom in the camera's own numbers; None for what it doesn't report."""
        answer = self._ptz("GetStatus", "", self._until_s())
        turned, zoomed = (next(iter(find_elements(answer, name)), None) for name in ("PanTilt", "Zoom"))
        return _number(turned, "x"), _number(turned, "y"), _number(zoomed, "x")

    def presets(self) -> list[PtzPreset]:
        return self._presets(self._until_s())

    def go_to(self, preset: str) -> None:
        """Move to a preset, given by name or token. Raises NotDone for an unknown one."""
        until_s = self._until_s()
        token = preset_token(preset, self._presets(until_s))
        self._ptz("GotoPreset", f"<p:PresetToken>{quoted(token)}</p:PresetToken>", until_s)

    def save_preset(self, name: str) -> None:
        """Store the present position under a name, instead of the one that has it. Raises NotDone if the camera can't.

        A camera that stores no name keeps its own.
        """
        until_s = self._until_s()
        there = self._presets(until_s)
        token = next((one.token for one in there if one.name == name), "")
        replaced = f"<p:PresetToken>{quoted(token)}</p:PresetToken>" if token else ""
        self._ptz("SetPreset", f"<p:PresetName>{quoted(name)}</p:PresetName>{replaced}", until_s)

    def remove_preset(self, preset: str) -> None:
        """Remove a preset, given by name or token. Raises NotDone for an unknown one."""
        until_s = self._until_s()
        token = preset_token(preset, self._presets(until_s))
        self._ptz("RemovePreset", f"<p:PresetToken>{quoted(token)}</p:PresetToken>", until_s)

    def go_home(self) -> None:
        """Move to the camera's own home position."""
        self._ptz("GotoHomePosition", "", self._until_s())

    def save_home(self) -> None:
        """Make the present position the camera's home position."""
        self._ptz("SetHomePosition", "", self._until_s())

    def relays(self) -> list[OnvifRelay]:
        """Return the relay outputs."""
        answer = self._ask(self._service.path, f'<d:GetRelayOutputs xmlns:d="{_DEVICE}"/>', self._until_s())
        found = []
        for one in find_elements(answer, "RelayOutputs")[:_MAX_NAMES]:
            token, is_pulse = one.get("token", ""), text_at(one, "Properties", "Mode") == "Monostable"
            pulse_s = duration_s(text_at(one, "Properties", "DelayTime")) if is_pulse else None
            if 0 < len(token) <= _MAX_NAME_CHARS:
                found.append(OnvifRelay(token, pulse_s))
        return found

    def outputs(self) -> list[str]:
        """Return the tokens of the relay outputs."""
        return self._outputs(self._until_s())

    def switch(self, output: str, *, on: bool) -> None:
        """Switch a relay output. output: its token; empty: the first one."""
        until_s = self._until_s()
        there = self._outputs(until_s)
        if not there or (output and output not in there):
            names = ", ".join(there[:_MAX_NAMED]) or "none"
            raise NotDone(f"The camera has no relay {output}".rstrip() + ".", f"Relays: {names}.")
        state = "active" if on else "inactive"
        self._ask(
            self._service.path,
            f'<d:SetRelayOutputState xmlns:d="{_DEVICE}"><d:RelayOutputToken>{quoted(output or there[0])}'
            f"</d:RelayOutputToken><d:LogicalState>{state}</d:LogicalState></d:SetRelayOutputState>",
            until_s,
        )

    def ask(
        self,
        service: str,
        body: str,
        *,
        path: str = "",
        address: str = "",
        waits_s: float = 0.0,
        port: int | None = None,
    ) -> ET.Element:
        """Send a request to one of the camera's services, named as in `_SERVICES`; empty: its device.

        path: of a part of the service, such as a subscription. address, waits_s, port: as `SoapClient.send`. Raises
        NotDone for a service that the camera lacks.
        """
        until_s = self._until_s() + waits_s
        path = path or (self.path_of(service, until_s) if service else self._service.path)
        return self._ask(path, body, until_s, address=address, waits_s=waits_s, port=port)

    def path_of(self, service: str, until_s: float | None = None) -> str:
        """Return the path of a service. Raises NotDone if the camera lacks it."""
        path = self._learned(until_s or self._until_s()).paths.get(service, "")
        if not path:
            raise NotDone(f"This camera has no {service} service.", "It doesn't report one by ONVIF.")
        return path

    @property
    def lens(self) -> str:
        """Token of the video source, for imaging; empty if the camera names none."""
        return self._learned(self._until_s()).lens

    @property
    def ahead_ms(self) -> int:
        """Camera clock minus local clock, in ms, when it was compared last."""
        return self._learned(self._until_s()).ahead_ms

    def forget(self) -> None:
        """Ask for the clock and the capabilities again before the next request: the camera may have restarted."""
        self._known = None

    # --- internal ----------------------------------------------------------------------------------------------------

    def _until_s(self) -> float:
        return self._clock.mono_s() + OPERATION_S

    def _presets(self, until_s: float) -> list[PtzPreset]:
        found = [
            PtzPreset(one.get("token", ""), clean_label(text_at(one, "Name")))
            for one in find_elements(self._ptz("GetPresets", "", until_s), "Preset")
        ]
        return [one for one in found[:_MAX_NAMES] if max(len(one.token), len(one.name)) <= _MAX_NAME_CHARS]

    def _outputs(self, until_s: float) -> list[str]:
        answer = self._ask(self._service.path, f'<d:GetRelayOutputs xmlns:d="{_DEVICE}"/>', until_s)
        tokens = [one.get("token", "") for one in find_elements(answer, "RelayOutputs")]
        return [token for token in tokens[:_MAX_NAMES] if 0 < len(token) <= _MAX_NAME_CHARS]

    def _ptz(self, what: str, content: str, until_s: float) -> ET.Element:
        path, profile = self._ready(until_s)
        try:
            return self._ask_ptz(path, profile, what, content, until_s)
        except (SourceRefused, SourceLoginWeaker, SourceUnreachable):
            raise
        except SourceError as error:
            if not re.search("profile|token", error.detail, re.IGNORECASE):
                raise
            self.forget()  # its profiles have other names since an update
            now = self._ready(until_s)
            if now == (path, profile):
                raise
            return self._ask_ptz(*now, what, content, until_s)

    def _ask_ptz(self, path: str, profile: str, what: str, content: str, until_s: float) -> ET.Element:
        token = f"<p:ProfileToken>{quoted(profile)}</p:ProfileToken>"
        return self._ask(path, f'<p:{what} xmlns:p="{_PTZ}">{token}{content}</p:{what}>', until_s)

    def _ready(self, until_s: float) -> tuple[str, str]:
        """Return the path of the PTZ service and the profile. Raises NotDone if the camera has none."""
        known = self._learned(until_s)
        if not known.paths.get("PTZ") or not known.profile:
            raise NotDone("This camera doesn't support pan and tilt.", "It reports no PTZ motors.")
        return known.paths["PTZ"], known.profile

    def _ask(
        self, path: str, body: str, until_s: float, *, address: str = "", waits_s: float = 0.0, port: int | None = None
    ) -> ET.Element:
        known = self._learned(until_s)
        try:
            at_ms = self._clock.now_ms() + known.ahead_ms
            return self.client.send(path, body, at_ms, until_s, address=address, waits_s=waits_s, port=port)
        except SourceLoginWeaker:
            raise
        except SourceRefused:
            self.forget()  # the camera's clock may have been set since, and a sign-in is valid for seconds
            again = self._learned(until_s)
            if abs(again.ahead_ms - known.ahead_ms) < _CLOCK_SET_MS:
                raise
            at_ms = self._clock.now_ms() + again.ahead_ms
            return self.client.send(path, body, at_ms, until_s, address=address, waits_s=waits_s, port=port)

    def _learned(self, until_s: float) -> _Known:
        """Return clock offset and capabilities; queries the camera once."""
        if not self._lock.acquire(timeout=max(0.0, until_s - self._clock.mono_s())):
            raise SourceUnreachable(self._service.public, "no response in time")
        try:
            if self._known is None:
                self._known = self._learn(until_s)
            return self._known
        finally:
            self._lock.release()

    def _learn(self, until_s: float) -> _Known:
        device = self._service.path
        answer = self.client.send(device, f'<d:GetSystemDateAndTime xmlns:d="{_DEVICE}"/>', 0, until_s)
        ahead_ms = camera_time_ms(answer, self._clock.now_ms()) - self._clock.now_ms()
        asked = f'<d:GetCapabilities xmlns:d="{_DEVICE}"><d:Category>All</d:Category></d:GetCapabilities>'
        can = self.client.send(device, asked, self._clock.now_ms() + ahead_ms, until_s)
        paths = {one: self.client.path_at(place) for one in _SERVICES if (place := text_at(can, one, "XAddr"))}
        profile = lens = ""
        if "Media" in paths and ("PTZ" in paths or "Imaging" in paths):
            asked, at_ms = f'<m:GetProfiles xmlns:m="{_MEDIA}"/>', self._clock.now_ms() + ahead_ms
            profiles = find_elements(self.client.send(paths["Media"], asked, at_ms, until_s), "Profiles")
            turning = [one for one in profiles if find_elements(one, "PTZConfiguration")] or profiles
            if turning:
                profile, lens = turning[0].get("token", ""), text_at(turning[0], "SourceToken")[:_MAX_NAME_CHARS]
        return _Known(ahead_ms, paths, profile, lens)


def _number(element: ET.Element | None, key: str) -> float | None:
    """Return a number of an element; None if there is none, or none that can be a position."""
    try:
        number = float(element.get(key, "")) if element is not None else math.nan
    except ValueError:
        return None
    return number if abs(number) <= _FARTHEST else None


def _is_same_host(named: str, own: str) -> bool:
    """Return whether a host that the camera names is the one of its address, which may be a name."""
    if named == own.casefold():
        return True
    try:
        ipaddress.ip_address(named)
        return named in {str(found[4][0]) for found in socket.getaddrinfo(own, None)}
    except (ValueError, OSError):
        return False


def request_path(address: str) -> str:
    """Return the path of a service address, fit for a request; `/` if it has none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    return quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_PATH_SAFE)
