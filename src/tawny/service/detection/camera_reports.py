"""What a camera itself reports, by ONVIF or its maker's API: reads it, and reports when each kind begins and ends."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Final, Protocol

from tawny.config.lens_and_ptz import EventApiSettings
from tawny.config.settings import CameraSettings
from tawny.engine.backoff import Backoff
from tawny.model.errors import NotDone, SourceError, SourceRefused
from tawny.model.events import DOORBELL
from tawny.model.ids import CameraId
from tawny.model.observations import MOTION, REPORTED, WHOLE, Box, Frame, Look, Observation, kind_of
from tawny.model.times import Clock
from tawny.protocols.login_history import LoginHistory, LoginRecord
from tawny.sources.axis_events import AxisEvents
from tawny.sources.event_stream import EventStream, web_place
from tawny.sources.onvif import OnvifCamera, OnvifService
from tawny.sources.onvif_events import PULL_S, CameraReport
from tawny.sources.onvif_notifications import CameraEvents
from tawny.sources.reolink_events import ReolinkEvents

log = logging.getLogger(__name__)

MOMENT_S: Final = 10.0
"""Length of what a camera reports as a moment, such as a line that was crossed or a button that was pressed."""
LONGEST_S: Final = 1800.0
"""After this time without another message a report counts as over: its end was lost."""
LEAST_S: Final = 0.5
"""Shortest time between two requests."""
HOLDS_S: Final = 2.0
"""Motion that ends and begins again within this time goes on."""
UNABLE_S: Final = 3600.0
REFUSED_S: Final = 900.0
"""Pause after a refused sign-in: cameras lock an account after a few."""
LOST_S: Final = 60.0
"""Time without a connection after which what was reported counts as over."""
AWAKE_S: Final = 5.0
"""Longest pause before a camera that sleeps is asked again: it is awake for some seconds only."""
NONE: Final = "This camera reports no events of its own by ONVIF. Set `camera_events` to `auto` or `off`."

READ_BY: Final = ("onvif", "camera_events", "events_port", "event_api")
"""Settings of a camera that say how it is read."""


def wants_reports(settings: CameraSettings) -> bool:
    return bool(settings.onvif or settings.event_api) and settings.camera_events != "off"


class EventPoint(Protocol):
    """Where a camera's events are read: CameraEvents, or those of EVENT_APIS."""

    def pull(self, waits_s: float) -> list[CameraReport]: ...
    def cancel(self) -> None: ...
    def leave(self) -> None: ...


EVENT_APIS: Final[Mapping[str, Callable[[EventApiSettings, Clock, LoginRecord | None], EventPoint]]] = {
    "axis": AxisEvents, "dahua": EventStream, "hikvision": EventStream, "reolink": ReolinkEvents,
}  # fmt: skip


def _event_point(camera: CameraId, settings: CameraSettings, clock: Clock, logins: LoginHistory) -> EventPoint:
    api = settings.event_api
    if api is not None:
        address = web_place(api.url)
        is_sleeping_reolink = settings.sleeps and api.maker == "reolink"
        read = partial(ReolinkEvents, sleeps=True) if is_sleeping_reolink else EVENT_APIS[api.maker]
        return read(api, clock, logins.record(camera, address.host, address.port))
    place = OnvifService.of(settings.onvif)
    request = OnvifCamera(settings.onvif, clock, logins.record(camera, place.host, place.port_used))
    return CameraEvents(request, clock, (place.host, place.port_used), settings.events_port)


class CameraReports:
    """Reads the reports of one camera, as an actor. changed: is called when a kind begins or ends.

    A camera that reports nothing is a problem only if the settings ask for its reports.
    """

    def __init__(
        self, camera: CameraId, settings: CameraSettings, changed: Callable[[CameraReport], None], clock: Clock,
        logins: LoginHistory,
    ) -> None:  # fmt: skip
        self.name = f"reports {camera}"
        self._camera, self._changed, self._clock = camera, changed, clock
        self._is_chosen = settings.camera_events == "all" or settings.event_api is not None
        self._point = _event_point(camera, settings, clock, logins)
        self._sleeps = settings.sleeps
        self._backoff = Backoff(first_s=2.0, most_s=AWAKE_S if settings.sleeps else 120.0)
        self._lasting: dict[str, dict[str, float]] = {}
        """What reports each kind now, with its end at the latest, s monotonic."""
        self._begun_s = self._received_s = clock.mono_s()
        self._is_over = False
        self.trouble = ""
        """Why nothing is read although the settings ask for it, with the remedy; empty if all is well."""

    def step(self) -> float:
        if self._is_over:
            return UNABLE_S
        asked_s = self._clock.mono_s()
        try:
            reports = self._point.pull(self._until_due_s())
        except NotDone:
            return self._waits(NONE, UNABLE_S)
        except SourceRefused as error:
            return self._waits(f"{error.message} {error.do}", REFUSED_S)
        except SourceError as error:
            return self._waits(f"{error.message} {error.do}", self._backoff.next_s(self._received_s - self._begun_s))
        self.trouble, self._received_s = "", self._clock.mono_s()
        for report in reports:
            self._take(report)
        self._end_overdue()
        waited_s = self._clock.mono_s() - asked_s
        return max(0.1, LEAST_S - waited_s)  # a camera that answers without waiting would keep both busy

    def cancel(self) -> None:
        """Make a step that waits for the camera end soon. Call from any thread, before the actor is stopped."""
        self._is_over = True
        self._point.cancel()

    def close(self) -> None:
        self._end_all()
        self._point.leave()

    def _waits(self, why: str, pause_s: float) -> float:
        if self._is_over:
            return UNABLE_S
        is_asleep = self._sleeps and pause_s < REFUSED_S
        self.trouble = why if self._is_chosen and not is_asleep else ""
        log.log(logging.DEBUG if is_asleep else logging.INFO, "%s: its own events can't be read: %s", self._camera, why)
        if pause_s >= REFUSED_S or self._clock.mono_s() - self._received_s >= LOST_S:
            self._end_all()
        self._end_overdue()
        self._begun_s = now_s = self._clock.mono_s()
        ends_s = (until_s for found in self._lasting.values() for until_s in found.values())
        due_s = min((self._received_s + LOST_S, *ends_s))
        return min(pause_s, max(LEAST_S, due_s - now_s)) if self._lasting else pause_s

    def _take(self, report: CameraReport) -> None:
        now_s = self._clock.mono_s()
        found = self._lasting.get(report.kind)
        if report.is_on is False:
            if found is not None and report.source in found:
                found[report.source] = min(found[report.source], now_s + HOLDS_S)
            return
        is_moment = report.is_on is None or report.kind == DOORBELL
        if found is None:
            found = self._lasting[report.kind] = {}
            self._changed(CameraReport(report.kind, report.source, report.at_ms))
        found[report.source] = now_s + (MOMENT_S if is_moment else LONGEST_S)

    def _end_overdue(self) -> None:
        now_s = self._clock.mono_s()
        for kind, found in list(self._lasting.items()):
            for source in [source for source, until_s in found.items() if until_s <= now_s]:
                del found[source]
            if not found:
                self._end(kind)

    def _until_due_s(self) -> float:
        """Return how long to wait for the camera: until the next end at most."""
        due_s = min((until_s for found in self._lasting.values() for until_s in found.values()), default=float("inf"))
        return max(1.0, min(PULL_S, due_s - self._clock.mono_s()))

    def _end_all(self) -> None:
        for kind in list(self._lasting):
            self._end(kind)

    def _end(self, kind: str) -> None:
        del self._lasting[kind]
        self._changed(CameraReport(kind, "", self._clock.now_ms(), is_on=False))


# What is reported now, for the detection of the camera.

REPORTED_SURE = 0.75
"""Confidence of what the camera itself reports."""
FIRST_TRACK = 1_000_000
"""Number of the first object that the camera itself reports; detectors count from 1."""
MOTION_SCORE: Final = 50
"""Score from which a frame counts as motion, whatever the threshold of events."""


class ReportedObjects:
    """What the camera itself reports, as observations: it names what the detector sees, or is seen itself.

    `put` from any thread, `look` on the watcher's. It has no place of its own: its box is the whole frame.
    """

    def __init__(self) -> None:
        self._now: dict[str, Observation] = {}
        self._tracks = count(FIRST_TRACK)

    @property
    def is_called(self) -> bool:
        return bool(self._now)

    def put(self, kind: str, at_ms: int | None, *, is_event: bool) -> None:
        """Register that the camera reports a kind since at_ms, ms UTC; None: no longer. is_event: or it only wakes."""
        others = {one: made for one, made in self._now.items() if one != kind}
        if at_ms is not None:
            sure = REPORTED_SURE if kind != MOTION else 0.0
            score = REPORTED_SURE if is_event else 0.0
            made = Observation(kind, score, WHOLE, next(self._tracks), at_ms, signs=(REPORTED,), sure=sure)
            others[kind] = made
        self._now = others

    def look(self, frame: Frame, look: Look) -> Look:
        reported = [
            one for one in self._now.values() if one.score and (one.since_ms is None or one.since_ms <= frame.at_ms)
        ]
        if not reported:
            return look
        seen = list(look.seen)
        unnamed = [at for at, one in enumerate(seen) if not one.sure]
        for made in reported:
            if made.label == MOTION and seen:
                continue  # the detector has seen it, too
            if any(one.sure and made.label in (one.label, kind_of(one.label)) for one in seen):
                continue  # a model has named it: what else moves is something else
            if unnamed and made.label != MOTION:
                at = max(unnamed, key=lambda at: _area(seen[at].box))
                unnamed.remove(at)
                seen[at] = replace(seen[at], label=made.label, sure=made.sure, signs=(*seen[at].signs, REPORTED))
            elif all(one.label != made.label for one in seen):
                seen.append(made)
        return replace(look, score=max(look.score, MOTION_SCORE), seen=tuple(seen))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
