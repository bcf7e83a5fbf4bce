"""ONVIF services of a camera that tawny uses: PTZ and relay outputs.

Service addresses reported by a camera are not trusted. Only their path is used, so that credentials never go to another
host. XML names match regardless of namespace.
"""

import threading
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

from tawny.model.clock import Clock
from tawny.model.errors import NotDone, SourceUnreachable
from tawny.model.labels import clean_label
from tawny.protocols.login_history import LoginRecord
from tawny.sources.onvif.soap import OnvifService, SoapClient, quoted
from tawny.sources.onvif.xml_reader import find_elements, text_at

OPERATION_S: Final = 10.0
"""Limit of one operation with all its requests, in seconds."""
_MAX_NAMES, _MAX_NAME_CHARS, _MAX_NAMED = 500, 100, 50
"""Presets or relays used of one camera, which has up to 300; their length; how many an error names."""
_YEARS = range(1970, 2100)
_PATH_SAFE = "/%!$&'()*+,;=:@?-._~"

_DEVICE, _MEDIA = "http://www.onvif.org/ver10/device/wsdl", "http://www.onvif.org/ver10/media/wsdl"
_PTZ, _SCHEMA = "http://www.onvif.org/ver20/ptz/wsdl", "http://www.onvif.org/ver10/schema"


@dataclass(frozen=True, slots=True)
class PtzPreset:
    token: str
    name: str


@dataclass(frozen=True, slots=True)
class _Known:
    ahead_ms: int
    """Camera clock minus local clock, in ms."""
    ptz_path: str
    """Empty: no PTZ."""
    profile: str


class OnvifCamera:
    """ONVIF client of one camera.

    Thread-safe; each method blocks for at most OPERATION_S. Raises SourceError on failure, NotDone for missing
    functions. record: what sign-in the camera offered before.
    """

    def __init__(self, url: str, clock: Clock, record: LoginRecord | None = None) -> None:
        self._service, self._clock = OnvifService.of(url), clock
        self._client = SoapClient(self._service, clock, record)
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def move(self, pan: float, tilt: float, zoom: float, lasts_s: float) -> None:
        """Start a continuous move.

        Speeds from -1 to 1. Always call `stop`: not all cameras honor the timeout `lasts_s`.
        """
        speed = (f'<t:PanTilt xmlns:t="{_SCHEMA}" x="{pan:g}" y="{tilt:g}"/>' if pan or tilt else "") + (
            f'<t:Zoom xmlns:t="{_SCHEMA}" x="{zoom:g}"/>' if zoom else ""
        )
        self._ptz(
            "ContinuousMove", f"<p:Velocity>{speed}</p:Velocity><p:Timeout>PT{lasts_s:g}S</p:Timeout>", self._until_s()
        )

    def stop(self) -> None:
        self._ptz("Stop", "<p:PanTilt>true</p:PanTilt><p:Zoom>true</p:Zoom>", self._until_s())

    def presets(self) -> list[PtzPreset]:
        return self._presets(self._until_s())

    def go_to(self, preset: str) -> None:
        """Move to a preset, given by name or token. Raises NotDone for an unknown one."""
        until_s = self._until_s()
        there = self._presets(until_s)
        token = next((one.token for one in there if preset in (one.name, one.token)), None)
        if token is None:
            names = ", ".join(one.name or one.token for one in there[:_MAX_NAMED]) or "none"
            raise NotDone(f"The camera has no preset {preset}.", f"Presets: {names}.")
        self._ptz("GotoPreset", f"<p:PresetToken>{quoted(token)}</p:PresetToken>", until_s)

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

    # --- internal ----------------------------------------------------------------------------------------------------

    def _until_s(self) -> float:
        return self._clock.mono_s() + OPERATION_S

    def _presets(self, until_s: float) -> list[PtzPreset]:
        known = self._ready(until_s)
        answer = self._ask(
            known.ptz_path,
            f'<p:GetPresets xmlns:p="{_PTZ}"><p:ProfileToken>{quoted(known.profile)}</p:ProfileToken></p:GetPresets>',
            until_s,
        )
        found = [
            PtzPreset(one.get("token", ""), clean_label(text_at(one, "Name")))
            for one in find_elements(answer, "Preset")
        ]
        return [one for one in found[:_MAX_NAMES] if max(len(one.token), len(one.name)) <= _MAX_NAME_CHARS]

    def _outputs(self, until_s: float) -> list[str]:
        answer = self._ask(self._service.path, f'<d:GetRelayOutputs xmlns:d="{_DEVICE}"/>', until_s)
        tokens = [one.get("token", "") for one in find_elements(answer, "RelayOutputs")]
        return [token for token in tokens[:_MAX_NAMES] if 0 < len(token) <= _MAX_NAME_CHARS]

    def _ptz(self, what: str, content: str, until_s: float) -> None:
        known = self._ready(until_s)
        token = f"<p:ProfileToken>{quoted(known.profile)}</p:ProfileToken>"
        self._ask(known.ptz_path, f'<p:{what} xmlns:p="{_PTZ}">{token}{content}</p:{what}>', until_s)

    def _ready(self, until_s: float) -> _Known:
        known = self._learned(until_s)
        if not known.ptz_path or not known.profile:
            raise NotDone("This camera doesn't support pan and tilt.", "It reports no PTZ motors.")
        return known

    def _ask(self, path: str, body: str, until_s: float) -> ET.Element:
        known = self._learned(until_s)
        return self._client.send(path, body, self._clock.now_ms() + known.ahead_ms, until_s)

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
        answer = self._client.send(device, f'<d:GetSystemDateAndTime xmlns:d="{_DEVICE}"/>', 0, until_s)
        ahead_ms = _told_ms(answer, self._clock.now_ms()) - self._clock.now_ms()
        asked = f'<d:GetCapabilities xmlns:d="{_DEVICE}"><d:Category>All</d:Category></d:GetCapabilities>'
        can = self._client.send(device, asked, self._clock.now_ms() + ahead_ms, until_s)
        ptz, media = text_at(can, "PTZ", "XAddr"), text_at(can, "Media", "XAddr")
        profile = ""
        if ptz and media:
            asked, at_ms = f'<m:GetProfiles xmlns:m="{_MEDIA}"/>', self._clock.now_ms() + ahead_ms
            profiles = find_elements(self._client.send(_path(media), asked, at_ms, until_s), "Profiles")
            turning = [one for one in profiles if find_elements(one, "PTZConfiguration")] or profiles
            profile = turning[0].get("token", "") if turning else ""
        return _Known(ahead_ms, _path(ptz) if ptz else "", profile)


def _path(address: str) -> str:
    """Return the path of a service address, fit for a request; `/` if it has none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    return quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_PATH_SAFE)


def _told_ms(answer: ET.Element, otherwise_ms: int) -> int:
    """Return the camera's UTC time in ms, or `otherwise_ms` if it reports none."""
    try:
        date = [int(text_at(answer, "UTCDateTime", "Date", name)) for name in ("Year", "Month", "Day")]
        time = [int(text_at(answer, "UTCDateTime", "Time", name)) for name in ("Hour", "Minute", "Second")]
        if date[0] not in _YEARS:
            return otherwise_ms
        return round(
            datetime(date[0], date[1], date[2], time[0], time[1], min(time[2], 59), tzinfo=UTC).timestamp() * 1000
        )
    except (ValueError, OverflowError):
        return otherwise_ms
