"""ONVIF services of a camera that tawny uses: PTZ and relay outputs.

Service addresses reported by a camera are not trusted. Only their path is used, so that credentials never go to another
host. XML names match regardless of namespace.
"""

import secrets
import threading
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.labels import clean_label
from tawny.sources.onvif.soap import OnvifService, find_elements, quoted, send_request, text_at

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

    Thread-safe; blocking. Raises SourceError on failure, NotDone for missing functions.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._service, self._clock = OnvifService.of(url), clock
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def move(self, pan: float, tilt: float, zoom: float, lasts_s: float) -> None:
        """Start a continuous move.

        Speeds from -1 to 1. Always call `stop`: not all cameras honor the timeout `lasts_s`.
        """
        speed = (f'<t:PanTilt xmlns:t="{_SCHEMA}" x="{pan:g}" y="{tilt:g}"/>' if pan or tilt else "") + (
            f'<t:Zoom xmlns:t="{_SCHEMA}" x="{zoom:g}"/>' if zoom else ""
        )
        self._ptz("ContinuousMove", f"<p:Velocity>{speed}</p:Velocity><p:Timeout>PT{lasts_s:g}S</p:Timeout>")

    def stop(self) -> None:
        self._ptz("Stop", "<p:PanTilt>true</p:PanTilt><p:Zoom>true</p:Zoom>")

    def presets(self) -> list[PtzPreset]:
        known = self._ready()
        answer = self._ask(
            known.ptz_path,
            f'<p:GetPresets xmlns:p="{_PTZ}"><p:ProfileToken>{quoted(known.profile)}</p:ProfileToken></p:GetPresets>',
        )
        return [
            PtzPreset(one.get("token", ""), clean_label(text_at(one, "Name")))
            for one in find_elements(answer, "Preset")
        ]

    def go_to(self, preset: str) -> None:
        """Move to a preset, given by name or token. Raises NotDone for an unknown one."""
        there = self.presets()
        token = next((one.token for one in there if preset in (one.name, one.token)), None)
        if token is None:
            names = ", ".join(one.name or one.token for one in there) or "none"
            raise NotDone(f"The camera has no preset {preset}.", f"Presets: {names}.")
        self._ptz("GotoPreset", f"<p:PresetToken>{quoted(token)}</p:PresetToken>")

    def outputs(self) -> list[str]:
        """Return the tokens of the relay outputs."""
        answer = self._ask(self._service.path, f'<d:GetRelayOutputs xmlns:d="{_DEVICE}"/>')
        return [token for one in find_elements(answer, "RelayOutputs") if (token := one.get("token"))]

    def switch(self, output: str, *, on: bool) -> None:
        """Switch a relay output. output: its token; empty: the first one."""
        there = self.outputs()
        if not there or (output and output not in there):
            raise NotDone(f"The camera has no relay {output}".rstrip() + ".", f"Relays: {', '.join(there) or 'none'}.")
        state = "active" if on else "inactive"
        self._ask(
            self._service.path,
            f'<d:SetRelayOutputState xmlns:d="{_DEVICE}"><d:RelayOutputToken>{quoted(output or there[0])}'
            f"</d:RelayOutputToken><d:LogicalState>{state}</d:LogicalState></d:SetRelayOutputState>",
        )

    # --- internal ----------------------------------------------------------------------------------------------------

    def _ptz(self, what: str, content: str) -> None:
        known = self._ready()
        token = f"<p:ProfileToken>{quoted(known.profile)}</p:ProfileToken>"
        self._ask(known.ptz_path, f'<p:{what} xmlns:p="{_PTZ}">{token}{content}</p:{what}>')

    def _ready(self) -> _Known:
        known = self._learned()
        if not known.ptz_path or not known.profile:
            raise NotDone("This camera doesn't support pan and tilt.", "It reports no PTZ motors.")
        return known

    def _ask(self, path: str, body: str) -> ET.Element:
        known = self._learned()
        return send_request(self._service, path, body, secrets.token_bytes(16), self._clock.now_ms() + known.ahead_ms)

    def _learned(self) -> _Known:
        """Return clock offset and capabilities; queries the camera once."""
        with self._lock:
            if self._known is None:
                self._known = self._learn()
            return self._known

    def _learn(self) -> _Known:
        device, nonce = self._service.path, secrets.token_bytes(16)
        answer = send_request(self._service, device, f'<d:GetSystemDateAndTime xmlns:d="{_DEVICE}"/>', nonce, 0)
        ahead_ms = _told_ms(answer, self._clock.now_ms()) - self._clock.now_ms()
        asked = f'<d:GetCapabilities xmlns:d="{_DEVICE}"><d:Category>All</d:Category></d:GetCapabilities>'
        can = self._answer(device, asked, ahead_ms)
        ptz, media = text_at(can, "PTZ", "XAddr"), text_at(can, "Media", "XAddr")
        profile = ""
        if ptz and media:
            profiles = find_elements(
                self._answer(_path(media), f'<m:GetProfiles xmlns:m="{_MEDIA}"/>', ahead_ms), "Profiles"
            )
            turning = [one for one in profiles if find_elements(one, "PTZConfiguration")] or profiles
            profile = turning[0].get("token", "") if turning else ""
        return _Known(ahead_ms, _path(ptz) if ptz else "", profile)

    def _answer(self, path: str, body: str, ahead_ms: int) -> ET.Element:
        return send_request(self._service, path, body, secrets.token_bytes(16), self._clock.now_ms() + ahead_ms)


def _path(address: str) -> str:
    parts = urlsplit(address)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _told_ms(answer: ET.Element, otherwise_ms: int) -> int:
    """Return the camera's UTC time in ms, or `otherwise_ms` if it reports none."""
    try:
        date = [int(text_at(answer, "UTCDateTime", "Date", name)) for name in ("Year", "Month", "Day")]
        time = [int(text_at(answer, "UTCDateTime", "Time", name)) for name in ("Hour", "Minute", "Second")]
        return round(
            datetime(date[0], date[1], date[2], time[0], time[1], min(time[2], 59), tzinfo=UTC).timestamp() * 1000
        )
    except (ValueError, OverflowError):
        return otherwise_ms
