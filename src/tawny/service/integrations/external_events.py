"""External events: events reported by clients such as a doorbell, an alarm panel, a script or a person.

Any number may be open at a time. Each ends when reported or after its timeout, so a lost end does no harm.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from tawny.engine import ActorHandle
from tawny.events.event_builder import WIDTH, SavePicture
from tawny.media.image.jpeg import keyframe_jpeg
from tawny.model.errors import StorageError
from tawny.model.events import DOORBELL, Event, SeenObject, new_event_id, rounded
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.messages import CameraTurned, EventChanged, Message
from tawny.model.times import Clock
from tawny.service.detection.camera_reports import MOMENT_S
from tawny.service.detection.event_marks import EventMarks
from tawny.stream.hub import Hub

IDLE_S = 30.0
RECENT_S = 12.0
"""Maximum age, s, of a keyframe that still shows the event's begin."""
AGAIN_S, LATE_MS = 1.0, 15_000
"""Retry interval, s, and time limit, ms, for an event without a snapshot."""
MOST_OPEN = 200
SLOW_S = 0.5
"""Time a camera has for its answer before a movement is reported a second time."""
log = logging.getLogger(__name__)


class EventKey(NamedTuple):
    """What a sender calls its event: two programs may use the same key. sender: empty: tawny itself; None: any."""

    sender: str | None
    key: str


@dataclass(slots=True)
class _Open:
    event: Event
    key: EventKey
    until_s: float

    def is_bare(self, now_ms: int) -> bool:
        """Return whether it has no snapshot but may still get one, as its camera was just switched on."""
        return self.event.picture_ms is None and now_ms - self.event.start_ms < LATE_MS

    def rings_again(self, now_ms: int) -> bool:
        """Return whether another press of the button is a ring of its own, as of a camera's button."""
        return self.event.kind == DOORBELL and now_ms - self.event.start_ms >= MOMENT_S * 1000


class ExternalEvents:
    """Manages external events; as an actor it ends overdue ones. The other methods are thread-safe.

    hub: returns a camera's hub, None if it has none.
    """

    name = "external events"

    def __init__(
        self,
        marks: EventMarks,
        save_picture: SavePicture,
        hub: Callable[[CameraId, StreamName], Hub | None],
        publish: Callable[[Message], None],
        clock: Clock,
    ) -> None:
        self._marks, self._save_picture, self._hub, self._publish, self._clock = (
            marks,
            save_picture,
            hub,
            publish,
            clock,
        )
        self._open: dict[EventId, _Open] = {}
        self._lock = threading.Lock()
        self.handle = ActorHandle()

    def open(
        self,
        camera: CameraId,
        kind: str,
        key: EventKey,
        label: str,
        score: float,
        lasts_s: float,
        *,
        kept: bool = False,
    ) -> tuple[Event, bool] | None:
        """Open an event, or extend the open event of the same key, which ends no earlier; a doorbell rings again.

        Return it and whether it is new; None if too many are open.
        """
        with self._lock:
            self._end_overdue()
            found = next(self._found(key, (camera,)), None)
            if found is not None and kind == DOORBELL and found.rings_again(self._clock.now_ms()):
                self._end(found)
                found = None
            if found is not None:
                left_s = found.until_s - self._clock.mono_s()
                return self._grow(found, label, score, max(left_s, lasts_s)), False
            if len(self._open) >= MOST_OPEN:
                return None
            now_ms = self._clock.now_ms()
            what = (SeenObject(label, 1.0),) if label else ()
            event = rounded(Event(new_event_id(now_ms), camera, kind, now_ms, None, score, objects=what, kept=kept))
            event = self._with_picture(event)
            self._open[event.id] = _Open(event, key, self._clock.mono_s() + lasts_s)
            self._put("started", event)
        self.handle.wake()
        return event, True

    @contextmanager
    def turning(self, camera: CameraId, lasts_s: float, *, is_patrol: bool = False) -> Iterator[None]:
        """Report that a command, or a patrol, moves the camera: before it is asked to, since it may answer late.

        Who answers late may move only then, so that lasts_s counts from its answer as well.
        """
        self._turned(camera, lasts_s, is_patrol=is_patrol)
        asked_s = self._clock.mono_s()
        yield
        if self._clock.mono_s() - asked_s > SLOW_S:
            self._turned(camera, lasts_s, is_patrol=is_patrol)

    def _turned(self, camera: CameraId, lasts_s: float, *, is_patrol: bool) -> None:
        now_ms = self._clock.now_ms()
        self._publish(CameraTurned(camera, now_ms, now_ms + max(1, round(lasts_s * 1000)), is_patrol))

    def find(self, event: EventKey, cameras: Collection[str] | None = None) -> list[Event]:
        """Return the open events of this key, or whose ID the key is. cameras: only these; None: all."""
        with self._lock:
            self._end_overdue()
            return [one.event for one in self._found(event, cameras)]

    def update(self, event: EventId, label: str, score: float | None, lasts_s: float | None) -> Event | None:
        """Update an open event; return None if it is not open."""
        with self._lock:
            self._end_overdue()
            found = self._open.get(event)
            return None if found is None else self._grow(found, label, score, lasts_s)

    def end(self, event: EventId) -> Event | None:
        """End an open event; return None if it is not open."""
        with self._lock:
            found = self._open.get(event)
            return None if found is None else self._end(found)

    def keep_only(self, cameras: Collection[str]) -> None:
        """End the open events of other cameras: removed ones can't be named in a command that ends them."""
        with self._lock:
            for one in list(self._open.values()):
                if one.event.camera not in cameras:
                    self._end(one)

    def step(self) -> float:
        with self._lock:
            now_s = self._end_overdue()
            for one in list(self._open.values()):
                if one.is_bare(self._clock.now_ms()):
                    self._look_again(one)
            bare = any(one.is_bare(self._clock.now_ms()) for one in self._open.values())
            wait_s = min((one.until_s - now_s for one in self._open.values()), default=IDLE_S)
            return min(wait_s, AGAIN_S) if bare else wait_s

    def close(self) -> None:
        """End all open events."""
        with self._lock:
            for one in list(self._open.values()):
                self._end(one)

    # --- with the lock held ------------------------------------------------------------------------------------------

    def _found(self, event: EventKey, cameras: Collection[str] | None) -> Iterator[_Open]:
        for one in self._open.values():
            is_key = event.key and event.key == one.key.key and event.sender in (None, one.key.sender)
            is_meant = is_key or event.key == one.event.id
            if is_meant and (cameras is None or one.event.camera in cameras):
                yield one

    def _grow(self, found: _Open, label: str, score: float | None, lasts_s: float | None) -> Event:
        before = found.event
        objects = before.objects
        if label and all(one.label != label for one in objects):
            objects += (SeenObject(label, 1.0),)
        more = before.score if score is None else max(score, before.score)
        found.event = rounded(replace(before, objects=objects, score=more))
        if lasts_s is not None:
            found.until_s = self._clock.mono_s() + lasts_s
            self.handle.wake()
        if found.event != before:
            self._put("updated", found.event)
        return found.event

    def _end_overdue(self) -> float:
        """Return the time until which this was done, s monotonic."""
        now_s = self._clock.mono_s()
        for one in list(self._open.values()):
            if one.until_s <= now_s:
                self._end(one)
        return now_s

    def _end(self, found: _Open) -> Event:
        del self._open[found.event.id]
        late_s = max(0.0, self._clock.mono_s() - found.until_s)  # long if the computer was suspended meanwhile
        event = found.event.ended(self._clock.now_ms() - round(late_s * 1000))
        self._put("ended", event)
        return event

    def _look_again(self, found: _Open) -> None:
        pictured = self._with_picture(found.event)
        if pictured is not found.event:
            found.event = pictured
            self._put("updated", pictured)

    def _with_picture(self, event: Event) -> Event:
        """Return the event with a snapshot of the newest keyframe, from the main stream if possible."""
        for stream in StreamName:
            hub = self._hub(event.camera, stream)
            keyframes = [one for one in hub.recent(RECENT_S) if one.is_keyframe] if hub is not None else []
            jpeg = keyframe_jpeg(keyframes[-1], WIDTH, hub.private) if hub is not None and keyframes else None
            if jpeg is None:
                continue
            pictured = replace(event, picture_ms=keyframes[-1].at_ms)
            try:
                self._save_picture(pictured, jpeg)
            except StorageError as error:
                log.warning("%s: cannot save the snapshot of an event: %s", event.camera, error)
                return event
            return pictured
        return event

    def _put(self, what: str, event: Event) -> None:
        self._marks.put_event(event)
        self._publish(self._marks.shown(EventChanged(what, event)))
