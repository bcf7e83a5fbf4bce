"""Events that a camera reports by its maker's own API: one response that goes on, in parts (multipart).

Dahua (also Amcrest and Lorex): `eventManager.cgi`. Hikvision: ISAPI's `alertStream`. A part arrives as soon as
something happens, so that an event is placed at its arrival, whatever the camera's clock says.
"""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.client import HTTPResponse
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from tawny.config.lens_and_ptz import EventApiSettings
from tawny.model.errors import SourceClosed, SourceError, SourceNotFound, SourceUnreachable
from tawny.model.events import DOORBELL
from tawny.model.times import Clock
from tawny.model.validation import device_label
from tawny.protocols.http_connection import web_port
from tawny.protocols.login_history import LoginRecord
from tawny.protocols.soap import UnreadableXml, find_elements, read_xml
from tawny.sources.http import CameraHttp
from tawny.sources.network_address import NetworkAddress
from tawny.sources.onvif_events import (
    INPUT,
    LINE,
    MOTION,
    PERSON,
    PULL_S,
    TAMPER,
    VEHICLE,
    CameraReport,
    names_doorbell,
)

MOST_PART_BYTES: Final = 64_000
"""Larger parts, such as images, are skipped."""
_MOST_HEADER_BYTES: Final = 4_000
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d{1,8})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_HEADER_END: Final = re.compile(rb"\r?\n\r?\n")
_CLASSES: Final = (PERSON, VEHICLE, MOTION)


class PartReader:
    """Splits a multipart response into the bodies of its parts, whatever its pieces. boundary: as its header says."""

    def __init__(self, boundary: str) -> None:
        # some cameras name the boundary with the dashes that precede it in the body
        self._mark = b"--" + boundary.strip("-").encode("utf-8", "replace")
        self._data = bytearray()
        self._skips = 0
        """Bytes of a part that is too large, still to come."""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies that are complete. At most MOST_PART_BYTES and a header are kept for the next call."""
        self._data += data
        found: list[bytes] = []
        while (body := self._next()) is not None:
            if body:
                found.append(body)
        return found

    def _next(self) -> bytes | None:
        """Return the next body; empty for a part that is left out; None: more must come."""
        data, skipped = self._data, min(self._skips, len(self._data))
        del data[:skipped]
        self._skips -= skipped
        at = data.find(self._mark)
        if at < 0:
            del data[: max(0, len(data) - len(self._mark))]
            return None
        del data[:at]
        end = _HEADER_END.search(data, 0, _MOST_HEADER_BYTES)
        if end is None:
            return self._left_out(len(self._mark)) if len(data) >= _MOST_HEADER_BYTES else None
        length = _LENGTH.search(data, 0, end.end())
        if length is None:
            return self._unmeasured(end.end())
        size = int(length[1])
        if size > MOST_PART_BYTES:
            self._skips = size
            return self._left_out(end.end())
        return self._taken(end.end(), end.end() + size) if len(data) >= end.end() + size else None

    def _unmeasured(self, start: int) -> bytes | None:
        """As `_next`, for a part without its length: it ends where the next begins."""
        end = self._data.find(self._mark, start)
        if end >= 0:
            return self._taken(start, end)
        return self._left_out(start) if len(self._data) - start > MOST_PART_BYTES else None

    def _taken(self, start: int, end: int) -> bytes:
        body = bytes(self._data[start:end])
        del self._data[:end]
        return body

    def _left_out(self, count: int) -> bytes:
        del self._data[:count]
        return b""


# What the parts of each maker mean.

_DAHUA: Final = re.compile(r"Code=(\w{1,60});\s*action=(\w{1,20});\s*index=(\d{1,4})(?:;\s*data=(.*))?", re.DOTALL)
_DAHUA_STATES: Final[Mapping[str, bool | None]] = {"Start": True, "Stop": False, "Pulse": None}
_DAHUA_KINDS: Final[Mapping[str, str]] = {
    "VideoMotion": MOTION,
    "ProfileAlarmTransmit": MOTION,
    "SmartMotionHuman": PERSON,
    "FaceDetection": PERSON,
    "SmartMotionVehicle": VEHICLE,
    "CrossLineDetection": LINE,
    "VideoBlind": TAMPER,
    "SceneChange": TAMPER,
    "AlarmLocal": INPUT,
}
_DAHUA_CLASSES: Final[Mapping[str, str]] = {"Human": PERSON, "Vehicle": VEHICLE, "NonMotor": VEHICLE}
_DAHUA_CALLS: Final = frozenset({"CallNoAnswered", "Invite"})


def read_dahua(body: bytes, channel: int, now_ms: int) -> list[CameraReport]:
    """Return what a part of `eventManager.cgi` reports; none for a heartbeat, and for what can't be read.

    channel: of a recorder or a camera with several lenses, from 1; 0: any.
    """
    found = _DAHUA.match(body.decode("utf-8", "replace").strip())
    if found is None or (channel and int(found[3]) + 1 != channel):
        return []
    code, action, data = found[1], found[2], json_table(found[4] or "")
    source = f"{code} {int(found[3]) + 1}"
    if code == "_DoTalkAction_":
        return [CameraReport(DOORBELL, source, now_ms, None)] if "Invite" in (action, data.get("Action")) else []
    if code in _DAHUA_CALLS:
        return [CameraReport(DOORBELL, source, now_ms, None)] if action != "Stop" else []
    if action not in _DAHUA_STATES:
        return []
    state = _DAHUA_STATES[action]
    if code == "CrossRegionDetection":
        seen = data.get("Object")
        label = str((seen if isinstance(seen, dict) else data).get("ObjectType"))
        return of_class(_DAHUA_CLASSES.get(label, MOTION), CameraReport(MOTION, source, now_ms, state))
    kind = _DAHUA_KINDS.get(code, "")
    if kind == INPUT and names_doorbell(str(data.get("Name", ""))):
        kind = DOORBELL
    return [CameraReport(kind, source, now_ms, state)] if kind else []


_HIKVISION_KINDS: Final[Mapping[str, str]] = {
    "facedetection": PERSON,
    "linedetection": LINE,
    "shelteralarm": TAMPER,
    "tamperdetection": TAMPER,
    "scenechangedetection": TAMPER,
    "defocus": TAMPER,
    "io": INPUT,
}
_HIKVISION_AREAS: Final = frozenset({"vmd", "pir", "fielddetection", "regionentrance", "regionexiting"})
"""Types whose reports may name a class."""
_HIKVISION_CLASSES: Final[Mapping[str, str]] = {"human": PERSON, "vehicle": VEHICLE}
_HIKVISION_CALLS: Final = frozenset({"voicetalkevent", "videointercomevent"})
_HIKVISION_STATES: Final[Mapping[str, bool]] = {"active": True, "inactive": False}
_BELL: Final = ("5", "37")
"""Major and minor number of an access controller's event: its doorbell rings."""


def read_hikvision(body: bytes, channel: int, now_ms: int) -> list[CameraReport]:
    """Return what a part of the alert stream reports, as `read_dahua`: a heartbeat is a lost video that is inactive."""
    text = body.strip(b"\x00 \t\r\n")
    fields = _fields(json_table(text.decode("utf-8", "replace"))) if text.startswith(b"{") else _elements(text)
    kind, number = fields.get("eventtype", "").lower(), fields.get("dynchannelid") or fields.get("channelid", "")
    if (channel and number and number != str(channel)) or fields.get("currentevent", "").lower() == "false":
        return []  # another channel's, or one of the past that is sent again
    source = device_label(f"{kind} {fields.get('inputioportid') or number or 1}")[:60]
    is_bell = (fields.get("majoreventtype"), fields.get("subeventtype")) == _BELL
    if (kind in _HIKVISION_CALLS and fields.get("cmdtype") == "request") or (
        kind == "accesscontrollerevent" and is_bell
    ):
        return [CameraReport(DOORBELL, source, now_ms, None)]
    state = _HIKVISION_STATES.get(fields.get("eventstate", "").lower())
    if state is None:
        return []
    if kind in _HIKVISION_AREAS:
        label = (fields.get("detectiontarget") or fields.get("targettype", "")).lower()
        return of_class(_HIKVISION_CLASSES.get(label, MOTION), CameraReport(MOTION, source, now_ms, state))
    meant = _HIKVISION_KINDS.get(kind, "")
    return [CameraReport(meant, source, now_ms, state)] if meant else []


def of_class(kind: str, report: CameraReport) -> list[CameraReport]:
    """Return the report of a kind; the end is that of every class, because it may not name the one that began."""
    return [replace(report, kind=one) for one in (_CLASSES if report.is_on is False else (kind,))]


def json_table(text: str | bytes) -> dict[str, Any]:
    """Return a JSON object; empty if it is anything else, or can't be read."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _fields(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the plain values, also those one level below, by name in lower case."""
    below = [one for one in data.values() if isinstance(one, dict)]
    tables = [*(deeper for one in below for deeper in one.values() if isinstance(deeper, dict)), *below, data]
    return {
        name.lower(): str(value)
        for table in tables
        for name, value in table.items()
        if isinstance(value, str | int) and len(str(name)) < 60
    }


def _elements(text: bytes) -> dict[str, str]:
    try:
        root: ET.Element = read_xml(text)
    except UnreadableXml:
        return {}
    alert = next(iter(find_elements(root, "EventNotificationAlert")), None)
    found: dict[str, str] = {}
    for one in alert.iter() if alert is not None else ():
        if not len(one):
            found.setdefault(one.tag.rpartition("}")[2].lower(), (one.text or "").strip()[:200])
    return found


# The response that goes on.


class _Api(NamedTuple):
    """lasts_s: a state that is not reported again within this time is over, s; 0: the camera reports its end."""

    title: str
    path: str
    read: Callable[[bytes, int, int], list[CameraReport]]
    lasts_s: float = 0.0


REPEATS_S: Final = 10.0
"""Hikvision cameras repeat what lasts, about once a second, and often report no end."""
_APIS: Final[Mapping[str, _Api]] = {
    "dahua": _Api("Dahua", "/cgi-bin/eventManager.cgi?action=attach&codes=[All]&heartbeat=5", read_dahua),
    "hikvision": _Api("Hikvision", "/ISAPI/Event/notification/alertStream", read_hikvision, REPEATS_S),
}
SILENT_S: Final = 60.0
"""A connection that is silent for this time is lost, s: cameras send heartbeats."""
STALL_S: Final = 15.0
"""Longest wait for the rest of an answer that has begun, s."""


def web_place(url: str) -> NetworkAddress:
    """Return the address in the setting `url`, without a slash at its end."""
    parts = urlsplit(url)
    is_encrypted = parts.scheme == "https"
    return NetworkAddress(
        parts.hostname or "", web_port(parts), parts.path.rstrip("/"),
        unquote(parts.username or ""), unquote(parts.password or ""), is_encrypted, "http",
    )  # fmt: skip


class EventStream:
    """The events of one camera by its maker's API: connected when first used, and again after a failure.

    Call from one thread, `cancel` from any. record: what sign-ins the camera offered before.
    """

    def __init__(self, settings: EventApiSettings, clock: Clock, record: LoginRecord | None) -> None:
        self._api, self._channel, self._clock = _APIS[settings.maker], settings.channel, clock
        address = web_place(settings.url)
        self._where = address.public
        self._client = CameraHttp(
            replace(address, path=address.path + self._api.path), settings.fingerprint, STALL_S, record
        )
        self._open: tuple[HTTPResponse, PartReader] | None = None
        self._came_s = 0.0
        self._lasting: dict[tuple[str, str], float] = {}
        """Kind and source of what lasts, with the time of its latest report, s monotonic."""

    def pull(self, waits_s: float = PULL_S) -> list[CameraReport]:
        """Return what was reported since; waits up to this time for something. Raises SourceError."""
        try:
            if self._open is None:
                self._open = self._connected()
                self._came_s = self._clock.mono_s()
            found = self._received(*self._open, self._clock.mono_s() + waits_s)
        except SourceError:
            self.leave()
            raise
        return found + (self._ended(found) if self._api.lasts_s else [])

    def cancel(self) -> None:
        """End the request under way: `pull` raises SourceError, also later."""
        self._client.cut()

    def leave(self) -> None:
        """End the connection: cameras have room for few."""
        self._open = None
        self._client.close()

    def _connected(self) -> tuple[HTTPResponse, PartReader]:
        try:
            response = self._client.get(self._client.address.path)
        except SourceNotFound as error:
            raise SourceError(self._where, f"it has no events of {self._api.title} cameras ({error.detail})") from None
        boundary = response.headers.get_boundary("")
        if response.headers.get_content_maintype() != "multipart" or not str(boundary).strip("-"):
            detail = f"its response to the request for events of {self._api.title} cameras is no multipart stream"
            raise SourceError(self._where, detail)
        return response, PartReader(str(boundary))

    def _received(self, response: HTTPResponse, parts: PartReader, until_s: float) -> list[CameraReport]:
        due_s = min(self._lasting.values(), default=float("inf")) + self._api.lasts_s
        found: list[CameraReport] = []
        while not found:
            now_s = self._clock.mono_s()
            if now_s - self._came_s >= SILENT_S:
                raise SourceUnreachable(self._where, f"nothing came for {SILENT_S:g} s")
            left_s = max(0.0, min(until_s, due_s) - now_s)
            if not self._client.comes_within(response, left_s):
                break
            data = self._client.read(response)
            if not data:
                raise SourceClosed(self._where, "the stream of events ended")
            self._came_s = self._clock.mono_s()
            for body in parts.feed(data):
                found += self._api.read(body, self._channel, self._clock.now_ms())
            if left_s <= 0:
                break
        return found

    def _ended(self, reports: list[CameraReport]) -> list[CameraReport]:
        """Register reports, and return the ends of what is no longer repeated."""
        now_s = self._clock.mono_s()
        for one in reports:
            if one.is_on:
                self._lasting[one.kind, one.source] = now_s
            elif one.is_on is False:
                self._lasting.pop((one.kind, one.source), None)
        over = [key for key, at_s in self._lasting.items() if now_s - at_s >= self._api.lasts_s]
        for key in over:
            del self._lasting[key]
        return [CameraReport(kind, source, self._clock.now_ms(), is_on=False) for kind, source in over]
