"""Classifies the events of the last days again after a model was added, by their snapshots, while nothing else waits.

The progress is stored in the data folder: after a restart it goes on where it was. What a user labeled stays.
"""

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from tawny.detection.classification import how_well
from tawny.detection.models.object_model import DetectedObject
from tawny.media.image.jpeg import decode_jpeg
from tawny.model.events import Event, SeenObject
from tawny.model.messages import EventChanged, Message
from tawny.model.observations import ANIMAL, MOTION, PERSON, VEHICLE, kind_of, kind_of_all
from tawny.model.times import Clock, Span
from tawny.service.detection.event_marks import EventMarks
from tawny.storage.disk.private_files import write_private
from tawny.storage.index.protocol import Index, all_events

log = logging.getLogger(__name__)

DAYS: Final = 7
FILE: Final = "again.json"
PAGE: Final = 50
STORED_EVERY: Final = 20
"""Events between two writes of the progress."""
REST: Final = 9.0
"""Pause after each event, as a multiple of the time it took: at most a tenth of a processor core."""
LEAST_REST_S: Final = 0.02
KINDS: Final = frozenset({MOTION, PERSON, VEHICLE, ANIMAL})
"""Types that may change. Sounds, objects left behind and the like aren't classified by snapshots."""
NAMED: Final = KINDS - {MOTION}
FITS: Final = 0.3
"""Minimum intersection over union with what moved: a parked car behind it is not it."""
CONTRADICTS: Final = 0.6
"""Minimum score of a snapshot that replaces another type. More frames determined that one."""


@dataclass(frozen=True, slots=True)
class ReclassificationInfo:
    """Progress. model: name of the added model. skipped: without a snapshot, encrypted, or labeled by a user."""

    model: str
    total: int
    done: int
    changed: int
    skipped: int
    is_over: bool


@dataclass
class _Job:
    """Stored progress. after: `next` of the index; empty: from the newest on."""

    model: str
    sha256: str
    begin_ms: int
    end_ms: int
    total: int = 0
    done: int = 0
    changed: int = 0
    skipped: int = 0
    after: str = ""
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class EventArchive:
    """Where events and their snapshots are. picture: returns the snapshot of an event; None if missing or encrypted."""

    index: Index
    marks: EventMarks
    picture: Callable[[Event], bytes | None]
    publish: Callable[[Message], None]


class EventReclassifier:
    """Call `use` and `step` from one thread. folder: of the models."""

    def __init__(self, folder: Path, archive: EventArchive, clock: Clock) -> None:
        self._file, self._archive, self._clock = folder / FILE, archive, clock
        self._job = _read(self._file)
        self._page: list[Event] = []
        self._due_s = 0.0

    @property
    def info(self) -> ReclassificationInfo | None:
        """The progress; None before the first model was added."""
        job = self._job
        if job is None:
            return None
        return ReclassificationInfo(job.model, job.total, job.done, job.changed, job.skipped, job.is_over)

    def use(self, model: str, sha256: str) -> None:
        """Begin with this model, or go on if it is the one of the stored progress."""
        if self._job is not None and self._job.sha256 == sha256:
            return
        now_ms = self._clock.now_ms()
        self._job = _Job(model, sha256, now_ms - DAYS * 86_400_000, now_ms)
        self._page = []
        self._job.total = self._count(self._job)
        self._store()

    def step(self, look: Callable[[Any], Sequence[DetectedObject]]) -> float:
        """Classify one event. Return the delay until the next, s. look: runs the model on uint8 RGB."""
        job = self._job
        if job is None or job.is_over:
            return float("inf")
        begun_s = self._clock.mono_s()
        if begun_s < self._due_s:
            return self._due_s - begun_s
        event = self._next(job)
        if event is None:
            job.is_over = True
            job.total = job.done
            self._store()
            log.info("%s: %d events of the last %d days classified, %d changed", job.model, job.done, DAYS, job.changed)
            return float("inf")
        self._classify(job, event, look)
        job.done += 1
        if job.done % STORED_EVERY == 0:
            self._store()
        rest_s = max(LEAST_REST_S, REST * (self._clock.mono_s() - begun_s))
        self._due_s = begun_s + rest_s
        return rest_s

    def close(self) -> None:
        if self._job is not None and not self._job.is_over:
            self._store()

    def _next(self, job: _Job) -> Event | None:
        if not self._page:
            found = self._archive.index.events(Span(job.begin_ms, job.end_ms), after=job.after or None, limit=PAGE)
            self._page = found.events[::-1]
        if not self._page:
            return None
        event = self._page.pop()
        job.after = f"{event.start_ms}~{event.id}"
        return event

    def _classify(self, job: _Job, event: Event, look: Callable[[Any], Sequence[DetectedObject]]) -> None:
        jpeg = self._archive.picture(event) if may_change(event) else None
        rgb = decode_jpeg(jpeg)
        if rgb is None:
            job.skipped += 1
            return
        found = what_moved(event, look(rgb))
        if found is None:
            return
        kind, objects = found
        changed = self._archive.marks.classify(event.id, kind, objects)
        if changed is not None:
            job.changed += 1
            self._archive.publish(EventChanged("updated", changed))

    def _count(self, job: _Job) -> int:
        index, span = self._archive.index, Span(job.begin_ms, job.end_ms)
        return sum(1 for _ in all_events(lambda after: index.events(span, after=after, limit=1000)))

    def _store(self) -> None:
        """Write the progress. It isn't needed for anything but going on, so a full disk only costs repetition."""
        assert self._job is not None
        try:
            write_private(self._file, f"{json.dumps(asdict(self._job))}\n".encode())
        except OSError as error:
            log.warning("progress of the classification could not be stored: %s", error)


def may_change(event: Event) -> bool:
    """Return whether a model may set the event's type: it is over, and no user has set it."""
    is_left = event.said or event.false_alarm
    return event.kind in KINDS and not is_left and event.end_ms is not None and event.picture_ms is not None


def what_moved(event: Event, seen: Sequence[DetectedObject]) -> tuple[str, tuple[SeenObject, ...]] | None:
    """Return type and labels by what the model saw where the event moved; None: nothing new."""
    named: dict[str, float] = {}
    for thing in seen:
        is_it = event.box is None or how_well(thing.box, event.box) >= FITS
        if is_it and kind_of(thing.label) in NAMED:
            named[thing.label] = max(thing.score, named.get(thing.label, 0.0))
    kind = kind_of_all(named)
    if kind in (MOTION, event.kind):
        return None
    best = max(score for label, score in named.items() if kind_of(label) == kind)
    if event.kind != MOTION and best < CONTRADICTS:
        return None
    mine = [SeenObject(label, round(score, 4)) for label, score in sorted(named.items(), key=lambda one: -one[1])]
    signs = [one for one in event.objects if kind_of(one.label) not in NAMED]
    return kind, (*mine, *signs)


def _read(file: Path) -> _Job | None:
    """Return the stored progress; None if there is none, or it is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        values = json.loads(file.read_text(encoding="utf-8"))
        return _Job(**{one.name: values[one.name] for one in fields(_Job)})
    return None
