"""What users say of events: marks, which later updates of watchers keep, and mutings of events like false alarms.

Every event gets its level here: by the camera's settings when it is written, and again when a user says what it was.
Mutings are applied to watchers' events as well, with each update: an event may turn out to be a person.

After ENOUGH false alarms of one type at one place, the recorder offers to mute similar ones. A muted event is recorded,
kept and found like any other. A muting has the type, the places, the sizes and the motion cells of its false alarms,
and the time of day if all happened by day or all at night, so someone who walks through the place is not muted. It
ends after LASTS_MS, and users may renew it.
"""

import json
import logging
import secrets
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from tawny.config.settings import Settings
from tawny.config.week import SUNRISE, SUNSET, TimeOfDay, WeekSpan
from tawny.detection.classification import ClassificationQueue
from tawny.events.rule_engine import Calendar
from tawny.model.errors import NotDone, StorageError
from tawny.model.events import ANYWHERE, AlertRules, Event, SeenObject, level_of
from tawny.model.geometry import COLUMNS, ROWS, grid_of
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.observations import Box, RecognisedText
from tawny.model.times import Clock, Span
from tawny.storage.disk.private_files import write_private
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.protocol import Index

log = logging.getLogger(__name__)

ENOUGH: Final = 5
"""Number of similar false alarms from which muting is offered."""
DAY_MS: Final = 86_400_000
WITHIN_MS: Final = 30 * DAY_MS
"""Age, ms, of the oldest false alarm that counts."""
LASTS_MS: Final = 90 * DAY_MS
OVERLAP: Final = 0.3
"""Minimum overlap of two boxes at the same place: intersection over union."""
SIZES: Final = 2.0
"""Maximum ratio of the areas of similar boxes."""
OUTSIDE: Final = 0.2
"""Maximum share of an event's motion cells outside of the place."""
CELLS_S: Final = 2.0
"""How long, s, the motion cells of an event are not read again."""
SOUND: Final = "sound"
MUTABLE: Final = frozenset({"motion", "person", "vehicle", "animal", "object", SOUND})
"""Types that can be muted. Camera tampering, for example, is never muted."""
FILE: Final = "mutings.json"
MOST: Final = 200
_MOST_BOXES: Final = 20
_MOST_EVENTS: Final = 500
_ALL: Final = (1 << COLUMNS * ROWS) - 1
_LEFTMOST: Final = sum(1 << (COLUMNS * row + COLUMNS - 1) for row in range(ROWS))
_RIGHTMOST: Final = sum(1 << (COLUMNS * row) for row in range(ROWS))
TimeOfDayKind = Literal["any", "day", "night"]
MUTED: Final = "A user muted events like this one after false alarms at this place."
"""Why it does not notify."""


@dataclass(frozen=True, slots=True)
class Muting:
    """A muting. kind: event type. label: class of a sound. boxes: of its false alarms; empty for sounds."""

    id: str
    camera: CameraId
    kind: str
    label: str
    when: TimeOfDayKind
    boxes: tuple[Box, ...]
    cells: int
    """Motion cells of the place; 0: unknown."""
    events: tuple[EventId, ...]
    """Its false alarms, newest first."""
    by: str
    made_ms: int
    until_ms: int
    count: int = 0
    """Number of events that it has muted."""
    last_ms: int | None = None
    """Begin of the last one, ms UTC."""


@dataclass(frozen=True, slots=True)
class MutingOffer:
    """Similar false alarms, newest first, that can be muted."""

    events: tuple[Event, ...]
    when: TimeOfDayKind


# What is similar. Pure.


def label_of(event: Event) -> str:
    """Return the class of a sound; empty for other events."""
    return event.objects[0].label if event.kind == SOUND and event.objects else ""


def is_near(one: Box, two: Box) -> bool:
    """Return whether two boxes have the same place and a similar size."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    both = max(0.0, width) * max(0.0, height)
    small, large = sorted((_area(one), _area(two)))
    return small > 0 and large <= SIZES * small and both >= OVERLAP * (small + large - both)


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def is_similar(one: Event, two: Event) -> bool:
    """Return whether two events have the same camera, type, place and size; sounds: the same class."""
    if (one.camera, one.shown_kind, label_of(one)) != (two.camera, two.shown_kind, label_of(two)):
        return False
    if one.kind == SOUND:
        return True
    return one.box is not None and two.box is not None and is_near(one.box, two.box)


def mutes(muting: Muting, event: Event, cells: int, *, is_day: bool) -> bool:
    """Return whether a muting applies to an event. cells: with motion during the event; 0: unknown."""
    if (muting.camera, muting.kind, muting.label) != (event.camera, event.shown_kind, label_of(event)):
        return False
    if event.start_ms >= muting.until_ms or muting.when == ("night" if is_day else "day"):
        return False
    if muting.kind == SOUND:
        return True
    box = event.box
    if box is None or not any(is_near(box, one) for one in muting.boxes):
        return False
    outside = cells & ~grown(muting.cells) if muting.cells else 0
    return outside.bit_count() <= OUTSIDE * cells.bit_count()


def grown(cells: int) -> int:
    """Return the cells and their neighbors (`model.geometry.grid_of`)."""
    wide = cells | (cells & ~_LEFTMOST) << 1 | (cells & ~_RIGHTMOST) >> 1
    return (wide | wide << COLUMNS | wide >> COLUMNS) & _ALL


def offers_among(events: Sequence[Event], is_day: Callable[[int], bool]) -> list[MutingOffer]:
    """Return the groups of at least ENOUGH similar ones. events: false alarms, newest first."""
    left, found = [one for one in events if one.shown_kind in MUTABLE], list[MutingOffer]()
    while left:
        alike = tuple(one for one in left if is_similar(left[0], one))
        if len(alike) >= ENOUGH:
            found.append(MutingOffer(alike, time_of_day(alike, is_day)))
            left = [one for one in left if one not in alike]
        else:
            left = left[1:]
    return found


def time_of_day(events: Sequence[Event], is_day: Callable[[int], bool]) -> TimeOfDayKind:
    by_day = sum(is_day(one.start_ms) for one in events)
    return "any" if 0 < by_day < len(events) else "day" if by_day else "night"


def is_day(settings: Settings, zone: ZoneInfo, at_ms: int) -> bool:
    """Return whether it is day: from sunrise to sunset if the location is set, else from 7:00 to 19:00."""
    place = settings.modes.location
    edges = (TimeOfDay(0, SUNRISE), TimeOfDay(0, SUNSET)) if place else (TimeOfDay(7 * 60), TimeOfDay(19 * 60))
    return Calendar(zone, place or None).is_within([WeekSpan(*edges)], at_ms)


class Mutings:
    """All mutings, in one small file of the data folder. Thread-safe.

    folder: None: in memory only. cells: returns the seconds with motion and their grids. is_day: of an instant.
    """

    def __init__(
        self,
        folder: Path | None,
        index: Index,
        clock: Clock,
        cells: Callable[[CameraId, Span], Sequence[tuple[int, int]]],
        is_day: Callable[[int], bool],
    ) -> None:
        self._file = folder / FILE if folder is not None else None
        self._index, self._clock, self._cells, self._is_day = index, clock, cells, is_day
        self._lock = threading.Lock()
        self._known_cells: dict[CameraId, tuple[EventId, float, int]] = {}
        """The event whose motion cells were read last, when, and the cells."""
        self._all: dict[str, Muting] = self._load()

    # --- for events

    def of(self, event: Event) -> str:
        """Return the ID of the muting that applies to an event; empty if none. May wait for the disk."""
        with self._lock:
            known = [one for one in self._all.values() if one.camera == event.camera]
        if event.end_ms is not None:  # what was over when similar events were muted stays as it was
            known = [one for one in known if one.made_ms <= event.end_ms]
        if not known:
            return ""
        is_day = self._is_day(event.start_ms)
        if event.kind == SOUND:  # glass is not muted because voices are
            parts = [replace(event, objects=(one,)) for one in event.objects] or [event]
            found = [next((one.id for one in known if mutes(one, part, 0, is_day=is_day)), "") for part in parts]
            return found[0] if all(found) else ""
        known = [one for one in known if mutes(one, event, 0, is_day=is_day)]
        if not known:
            return ""
        cells = self._recent_cells(event)
        return next((one.id for one in known if mutes(one, event, cells, is_day=is_day)), "")

    def counts(self, muting: str, event: Event) -> None:
        """Count an event that has ended and was muted."""
        with self._lock:
            found = self._all.get(muting)
            if found is None:
                return
            self._all[muting] = replace(found, count=found.count + 1, last_ms=event.start_ms)
            try:
                self._save(self._all)
            except OSError as error:
                log.warning("cannot save the count of muted events: %s", error)

    # --- for people

    def all(self, camera: CameraId) -> list[Muting]:
        """Return the mutings of a camera, newest first, also those that have ended."""
        with self._lock:
            found = [one for one in self._all.values() if one.camera == camera]
        return sorted(found, key=lambda one: one.made_ms, reverse=True)

    def offers(self, camera: CameraId) -> list[MutingOffer]:
        """Return what can be muted: false alarms that no active muting covers. May wait for the disk."""
        now_ms = self._clock.now_ms()
        span = Span(now_ms - WITHIN_MS, now_ms + DAY_MS)
        page = self._index.events(span, cameras=[camera], only="false_alarms", limit=_MOST_EVENTS)
        active = [one for one in self.all(camera) if one.until_ms > now_ms]

        def is_muted(event: Event) -> bool:
            return any(mutes(one, event, 0, is_day=self._is_day(event.start_ms)) for one in active)

        return offers_among([one for one in page.events if not is_muted(one)], self._is_day)

    def mute(self, camera: CameraId, event: EventId, by: str) -> Muting:
        """Mute what is like this false alarm. Raises NotDone: if there are too few like it, or too many mutings."""
        offer = next((one for one in self.offers(camera) if event in [each.id for each in one.events]), None)
        if offer is None:
            raise NotDone(
                f"There are fewer than {ENOUGH} false alarms like this one, or they are muted already.",
                "Mark similar events as false alarms first.",
            )
        first, now_ms = offer.events[0], self._clock.now_ms()
        boxes = tuple(one.box for one in offer.events if one.box is not None)[:_MOST_BOXES]
        made = Muting(
            secrets.token_hex(4), camera, first.shown_kind, label_of(first), offer.when, boxes,
            self._place(offer.events) if first.kind != SOUND else 0,
            tuple(one.id for one in offer.events[:_MOST_BOXES]), by, now_ms, now_ms + LASTS_MS,
        )  # fmt: skip
        with self._lock:
            if len(self._all) >= MOST:
                raise NotDone(f"You already have {MOST} mutings.", "Remove some first.")
            self._change({**self._all, made.id: made})
        return made

    def unmute(self, camera: CameraId, muting: str) -> bool:
        """Remove a muting. Return False if the camera has none of this ID."""
        with self._lock:
            if muting not in self._all or self._all[muting].camera != camera:
                return False
            self._change({key: one for key, one in self._all.items() if key != muting})
        return True

    def renew(self, camera: CameraId, muting: str) -> bool:
        """Let a muting last LASTS_MS from now. Return False if the camera has none of this ID."""
        with self._lock:
            found = self._all.get(muting)
            if found is None or found.camera != camera:
                return False
            self._change({**self._all, muting: replace(found, until_ms=self._clock.now_ms() + LASTS_MS)})
        return True

    def forget_cameras(self, cameras: Collection[CameraId]) -> None:
        """Remove the mutings of removed cameras: new ones may get their IDs. Raises NotDone."""
        with self._lock:
            left = {key: one for key, one in self._all.items() if one.camera not in cameras}
            if len(left) < len(self._all):
                self._change(left)

    # --- inside

    def _recent_cells(self, event: Event) -> int:
        """Return the event's motion cells. An event that lasts asks at each update, and the file is large."""
        now_s = self._clock.mono_s()
        last, at_s, cells = self._known_cells.get(event.camera, (EventId(""), 0.0, 0))
        if last != event.id or now_s - at_s >= CELLS_S:
            cells = self._cells_of(event)
            self._known_cells[event.camera] = event.id, now_s, cells
        return cells

    def _cells_of(self, event: Event) -> int:
        end_ms = self._clock.now_ms() if event.end_ms is None else event.end_ms
        found = 0
        try:
            for _, grid in self._cells(event.camera, Span(event.start_ms, max(end_ms, event.start_ms) + 1)):
                found |= grid
        except StorageError as error:
            log.warning("%s: cannot read where there was motion: %s", event.camera, error)
        return found

    def _place(self, events: Sequence[Event]) -> int:
        """Return the cells of the boxes, and those with motion in two events or more; 0 if no motion is stored."""
        once = twice = boxes = 0
        for event in events[:_MOST_BOXES]:
            cells = self._cells_of(event)
            once, twice = once | cells, twice | once & cells
            boxes |= grid_of(event.box) if event.box else 0
        return twice | boxes if once else 0

    def _change(self, new: dict[str, Muting]) -> None:
        """Raises NotDone, and then nothing has changed."""
        try:
            self._save(new)
        except OSError as error:
            raise NotDone(f"The muting can't be saved: {error.strerror}.", "Check the disk's free space.") from None
        self._all = new

    def _save(self, mutings: Mapping[str, Muting]) -> None:
        if self._file is None:
            return
        rows = [{**asdict(one), "cells": f"{one.cells:x}"} for one in mutings.values()]
        write_private(self._file, json.dumps({"format": 1, "mutings": rows}, indent=1).encode())

    def _load(self) -> dict[str, Muting]:
        if self._file is None or not self._file.exists():
            return {}
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            made = [_muting(one) for one in content["mutings"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            aside = self._file.with_suffix(".json.unreadable")
            log.warning("%s can't be read (%s). It is kept as %s; nothing is muted.", self._file, error, aside.name)
            self._file.replace(aside)
            return {}
        return {one.id: one for one in made}


def _muting(values: Mapping[str, Any]) -> Muting:
    """Raises KeyError, TypeError, ValueError."""
    if values["when"] not in ("any", "day", "night"):
        raise ValueError(f"unknown time of day {values['when']!r}")
    boxes = []
    for box in values["boxes"]:
        x0, y0, x1, y1 = (float(edge) for edge in box)
        boxes.append((x0, y0, x1, y1))
    return Muting(
        str(values["id"]), CameraId(str(values["camera"])), str(values["kind"]), str(values["label"]), values["when"],
        tuple(boxes), int(values["cells"], 16), tuple(EventId(str(one)) for one in values["events"]), str(values["by"]),
        int(values["made_ms"]), int(values["until_ms"]), int(values["count"]),
        None if values["last_ms"] is None else int(values["last_ms"]),
    )  # fmt: skip


# Event marks: users' marks (kept, reviewed, false alarm, actual type), applied to later updates of watchers.

_Marked = tuple[bool, bool, str, str, tuple[RecognisedText, ...]]
"""kept, reviewed, false_alarm, said, and the identities that users named."""


class ClassifiedCameras:
    """The cameras whose objects are classified now. queue: of the model, open while there is one."""

    def __init__(self, settings: Callable[[], Settings], queue: ClassificationQueue) -> None:
        self._settings, self.queue = settings, queue

    def has(self, camera: CameraId) -> bool:
        settings = self._settings().cameras.get(camera)
        return self.queue.is_open and settings is not None and bool(settings.detection.notify_types)

    def alerts(self, camera: CameraId) -> AlertRules:
        """Return what is an alert at a camera."""
        settings = self._settings().cameras.get(camera)
        return ANYWHERE if settings is None else settings.detection.alert_rules(is_named=self.has(camera))


class EventMarks:
    """Ledger for events that preserves users' marks when a watcher updates an event. Thread-safe.

    alerts: returns what is an alert at a camera. mutings: None: nothing is muted. publish: called for what is published
    here, with the lock held. A watcher stores the end of an event before it publishes it, and storing takes the lock,
    so no state without an end is published after the end.
    """

    def __init__(
        self,
        ledger: HistoryLedger,
        alerts: Callable[[CameraId], AlertRules] = lambda _camera: ANYWHERE,
        mutings: Mutings | None = None,
        publish: Callable[[EventChanged], None] = lambda _message: None,
    ) -> None:
        self._ledger, self._alerts, self._mutings, self._publish = ledger, alerts, mutings, publish
        self._lock = threading.Lock()
        self._of_open: dict[EventId, _Marked] = {}
        """Marks of running events, until their end is published."""

    def put_event(self, event: Event) -> bool:
        """Write a watcher's event with the users' marks. Return the ledger's result."""
        muted = self._muted(event)
        with self._lock:
            is_durable = self._ledger.put_event(self._laid_over(muted))
        if self._mutings is not None and muted.muted and event.end_ms is not None:
            self._mutings.counts(muted.muted, event)
        return is_durable

    def mark(
        self,
        event_id: EventId,
        *,
        kept: bool | None,
        reviewed: bool | None,
        false_alarm: str | None = None,
        said: str | None = None,
        known: RecognisedText | None = None,
    ) -> Event | None:
        """Set marks of an event, and publish it; None: unchanged. Return the event, or None if it does not exist.

        known: an identity that a user named in it, in place of what its recognizer didn't know.
        """
        is_verdict = false_alarm is not None or said is not None
        muted = self._muting_of(event_id, said=said) if is_verdict else ""
        with self._lock:
            event = self._ledger.event(event_id)
            if event is None:
                return None
            event = replace(
                event,
                kept=event.kept if kept is None else kept,
                reviewed=event.reviewed if reviewed is None else reviewed,
                false_alarm=event.false_alarm if false_alarm is None else false_alarm,
                said=event.said if said is None else said,
                reads=event.reads if known is None else _with_known(event.reads, known),
            )
            if is_verdict:
                event = self._with_level(replace(event, muted=muted))
            if event.end_ms is None or event_id in self._of_open:
                named = self._of_open.get(event_id, _marked(event))[4]
                self._of_open[event_id] = _marked(event, named if known is None else (*named, known))
            self._ledger.put_event(event)
            self._publish(EventChanged("updated", event))
            return event

    def publish_again(self, event_id: EventId) -> None:
        """Publish an event as it is now, if it still lasts. Raises StorageError."""
        with self._lock:
            event = self._ledger.event(event_id)
            if event is not None and event.end_ms is None:
                self._publish(EventChanged("updated", event))

    def classify(self, event_id: EventId, kind: str, objects: Sequence[SeenObject]) -> Event | None:
        """Set type and labels of an event that is over. None: it is gone, lasts, or a user has set its type."""
        muted = self._muting_of(event_id, kind=kind, objects=tuple(objects))
        with self._lock:
            event = self._ledger.event(event_id)
            if event is None or event.end_ms is None or event.said or event.false_alarm:
                return None
            event = self._with_level(replace(event, kind=kind, objects=tuple(objects), muted=muted))
            self._ledger.put_event(event)
            return event

    def shown(self, message: EventChanged) -> EventChanged:
        """Return a watcher's message with the users' marks. Call once for each message, after storing its event."""
        event = self._muted(message.event)
        with self._lock:
            marked = self._laid_over(event)
            if event.end_ms is not None:
                self._of_open.pop(event.id, None)
        return replace(message, event=marked)

    def _muted(self, event: Event) -> Event:
        if self._mutings is None:
            return event
        with self._lock:
            label = self._of_open.get(event.id, _marked(event))[3]  # a muting applies to the type that a user has set
        return replace(event, muted=self._mutings.of(replace(event, said=label)))

    def _muting_of(self, event_id: EventId, **changes: Any) -> str:
        """Return the muting of a stored event with these changes; None: unchanged. May wait for the disk."""
        event = self._ledger.event(event_id)
        if event is None or self._mutings is None:
            return "" if event is None else event.muted
        return self._mutings.of(replace(event, **{name: one for name, one in changes.items() if one is not None}))

    def _laid_over(self, event: Event) -> Event:
        kept, reviewed, false_alarm, label, named = self._of_open.get(event.id, _marked(event))
        reads = reduce(_with_known, named, event.reads)
        marked = replace(event, kept=kept, reviewed=reviewed, false_alarm=false_alarm, said=label, reads=reads)
        return self._with_level(marked)

    def _with_level(self, event: Event) -> Event:
        return replace(event, level=level_of(event, self._alerts(event.camera)).value)


def _with_known(reads: tuple[RecognisedText, ...], known: RecognisedText) -> tuple[RecognisedText, ...]:
    return *(one for one in reads if one.by != known.by or one.who not in ("", known.who)), known


def _marked(event: Event, named: tuple[RecognisedText, ...] = ()) -> _Marked:
    return event.kept, event.reviewed, event.false_alarm, event.said, named
