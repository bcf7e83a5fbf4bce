"""Recordings on a camera's own card, by ONVIF Profile G: their time, and where they are replayed."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from tawny.model.errors import NotDone, SourceError
from tawny.model.times import Span
from tawny.protocols.soap import find_elements, quoted, text_at
from tawny.sources.onvif import OnvifCamera

_SEARCH, _REPLAY = "http://www.onvif.org/ver10/search/wsdl", "http://www.onvif.org/ver10/replay/wsdl"
_DEVICE, _SCHEMA = "http://www.onvif.org/ver10/device/wsdl", "http://www.onvif.org/ver10/schema"
_NAMESPACES: Final = {"Search": _SEARCH, "Replay": _REPLAY}
_MOST_RECORDINGS, _MOST_TOKEN_CHARS = 200, 200
_MOST_ASKED: Final = 10
"""Number of times that a search is asked for results until it is complete."""
_WAIT_S: Final = 3.0
_YEARS: Final = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class CardRecording:
    """A recording, by the camera's clock. lens: token of its video source; empty: not given."""

    token: str
    span: Span
    lens: str


class CameraCard:
    """The recordings of one camera. Blocking, with the limits of `OnvifCamera`; raises its errors."""

    def __init__(self, camera: OnvifCamera) -> None:
        self._camera = camera
        self._paths: dict[str, str] = {}

    def recordings(self) -> list[CardRecording]:
        """Return the recordings with video. Raises NotDone if the camera does not offer its recordings."""
        scope = "<s:Scope/><s:MaxMatches>200</s:MaxMatches><s:KeepAliveTime>PT30S</s:KeepAliveTime>"
        begun = self._ask("Search", f'<s:FindRecordings xmlns:s="{_SEARCH}">{scope}</s:FindRecordings>')
        token = text_at(begun, "SearchToken")
        found: dict[str, CardRecording] = {}
        try:
            for _ in range(_MOST_ASKED):
                answer = self._ask(
                    "Search",
                    f'<s:GetRecordingSearchResults xmlns:s="{_SEARCH}"><s:SearchToken>{quoted(token)}</s:SearchToken>'
                    f"<s:MaxResults>{_MOST_RECORDINGS}</s:MaxResults><s:WaitTime>PT{_WAIT_S:g}S</s:WaitTime>"
                    "</s:GetRecordingSearchResults>",
                    waits_s=_WAIT_S,
                )
                found |= {one.token: one for one in read_recordings(answer)}
                if text_at(answer, "SearchState") == "Completed" or len(found) >= _MOST_RECORDINGS:
                    break
        finally:
            self._end(token)
        return list(found.values())

    def replay_address(self, recording: str) -> str:
        """Return the address of a recording's replay, as the camera says it. Raises SourceError without one."""
        setup = (
            f'<r:StreamSetup><t:Stream xmlns:t="{_SCHEMA}">RTP-Unicast</t:Stream>'
            f'<t:Transport xmlns:t="{_SCHEMA}"><t:Protocol>RTSP</t:Protocol></t:Transport></r:StreamSetup>'
        )
        answer = self._ask(
            "Replay",
            f'<r:GetReplayUri xmlns:r="{_REPLAY}">{setup}<r:RecordingToken>{quoted(recording)}</r:RecordingToken>'
            "</r:GetReplayUri>",
        )
        address = text_at(answer, "Uri")
        if not address.lower().startswith("rtsp://"):
            raise SourceError("ONVIF", "it names no usable address for the replay of its recordings")
        return address

    def _end(self, token: str) -> None:
        """End the search; the camera ends it by itself otherwise."""
        try:
            ended = f"<s:SearchToken>{quoted(token)}</s:SearchToken>"
            self._ask("Search", f'<s:EndSearch xmlns:s="{_SEARCH}">{ended}</s:EndSearch>')
        except SourceError:
            return

    def _ask(self, service: str, body: str, *, waits_s: float = 0.0) -> ET.Element:
        if service not in self._paths:
            self._paths[service] = self._find(service)
        return self._camera.ask(service, body, path=self._paths[service], waits_s=waits_s)

    def _find(self, service: str) -> str:
        """Return the path of a service, which newer cameras say in another list."""
        try:
            return self._camera.path_of(service)
        except NotDone:
            wanted = "<d:IncludeCapability>false</d:IncludeCapability>"
            asked = f'<d:GetServices xmlns:d="{_DEVICE}">{wanted}</d:GetServices>'
        try:
            answer = self._camera.ask("", asked)
        except SourceError:
            answer = ET.Element("none")
        for one in find_elements(answer, "Service"):
            if text_at(one, "Namespace").rstrip("/") == _NAMESPACES[service]:
                return self._camera.client.path_at(text_at(one, "XAddr"))
        raise NotDone(
            "This camera doesn't offer what it has recorded itself.", "It reports no search and replay by ONVIF."
        )


def read_recordings(answer: ET.Element) -> list[CardRecording]:
    """Return the recordings in search results that have video and a time. Others are skipped."""
    found = []
    for one in find_elements(answer, "RecordingInformation")[:_MOST_RECORDINGS]:
        token = text_at(one, "RecordingToken")
        tracks = find_elements(one, "Track")
        videos = [track for track in tracks if text_at(track, "TrackType").lower() == "video"]
        if not 0 < len(token) <= _MOST_TOKEN_CHARS or (tracks and not videos):
            continue
        begins = [camera_instant_ms(text_at(track, "DataFrom")) for track in videos]
        ends = [camera_instant_ms(text_at(track, "DataTo")) for track in videos]
        begins += [camera_instant_ms(text_at(one, "EarliestRecording"))]
        ends += [camera_instant_ms(text_at(one, "LatestRecording"))]
        known_begins, known_ends = [at for at in begins if at is not None], [at for at in ends if at is not None]
        if known_begins and known_ends and min(known_begins) <= max(known_ends):
            lens = text_at(one, "Source", "SourceId")[:_MOST_TOKEN_CHARS]
            found.append(CardRecording(token, Span(min(known_begins), max(known_ends)), lens))
    return found


def camera_instant_ms(text: str) -> int | None:
    """Parse a time of XML Schema to ms UTC. A time without an offset is UTC. None for another text."""
    try:
        at = datetime.fromisoformat(text.strip())
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        return round(at.timestamp() * 1000) if at.year in _YEARS else None
    except (ValueError, OverflowError):
        return None


def replay_place(address: str) -> tuple[int, str]:
    """Return port and path of a replay's address. Its host and sign-in are not used: those of the settings are.

    Raises ValueError for an unusable address.
    """
    parts = urlsplit(address)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or any(one.isspace() or not one.isprintable() for one in path):
        raise ValueError("a path with other characters")
    return parts.port or 554, path
