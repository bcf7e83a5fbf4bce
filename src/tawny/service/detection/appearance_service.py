"""Measures what objects of ended events looked like, and searches by it. One actor, behind all else.

New events come first. Those of earlier versions and of interrupted runs follow while the computer has nothing to do.
Encrypted cameras have no appearances: they would be stored unencrypted next to their recordings.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tawny.detection.appearance import Appearance, appearance_of
from tawny.engine import Engine, Handle
from tawny.model.errors import StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged, Message
from tawny.model.times import Clock, Span
from tawny.playback.search.event_search import LookSearch
from tawny.storage.index.appearance_db import AppearanceDb, StoredAppearance, stored_appearance
from tawny.storage.index.protocol import Index

log = logging.getLogger(__name__)

MOST_WAITING: Final = 500
"""Ended events that wait; older ones are measured with those of earlier versions."""
PAUSE_S, BUSY_S, IDLE_S, FAILED_S = 0.1, 20.0, 600.0, 60.0
BUSY_LOAD: Final = 0.7
"""Load per CPU from which older events wait."""
_PAGE: Final = 100
_NOT_SEEN: Final = frozenset({"sound", "tamper"})


@dataclass(frozen=True, slots=True)
class AppearanceSource:
    """picture: returns an event's snapshot as JPEG; None if there is none or it is encrypted."""

    index: Index
    picture: Callable[[Event], bytes | None]
    is_sealed: Callable[[CameraId], bool]
    load: Callable[[], float] = lambda: os.getloadavg()[0] / (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class AppearanceProgress:
    """done, total: events. is_complete: none is left."""

    done: int
    total: int
    is_complete: bool

    @property
    def left(self) -> int:
        return self.total - self.done


class AppearanceService:
    """Call `heard`, `forget`, `search` and `progress` from any thread.

    open_db: called when it is needed first, because each sync before the first frame delays recording.
    """

    name = "appearance"

    def __init__(self, open_db: Callable[[], AppearanceDb], source: AppearanceSource, clock: Clock) -> None:
        self._open_db, self._source, self._clock = open_db, source, clock
        self._lock = threading.Lock()
        self._opened: AppearanceDb | None = None
        self._ended: deque[EventId] = deque(maxlen=MOST_WAITING)
        self._gone: deque[EventId] = deque()
        self._older: Iterator[list[Event]] | None = None
        self._pending: list[Event] = []
        self._done = self._total = 0
        self._is_complete = False
        self._handle: Handle | None = None

    def start(self, engine: Engine) -> None:
        self._handle = engine.start(self.name, lambda: self)

    def heard(self, message: Message) -> None:
        """Take an ended event from the bus."""
        if isinstance(message, EventChanged) and message.what == "ended":
            self._ended.append(message.event.id)
            self._wake()

    def forget(self, event: EventId) -> None:
        """Delete what is stored of a deleted event."""
        self._gone.append(event)
        self._wake()

    @property
    def progress(self) -> AppearanceProgress:
        with self._lock:
            return AppearanceProgress(self._done, max(self._done, self._total), self._is_complete)

    def search(self, like: Event | None = None, since_ms: int | None = None) -> LookSearch:
        """Return what the search needs. like: an event that the results shall resemble."""
        return LookSearch(lambda within: stored_looks(self._db, within), like, since_ms)

    def step(self) -> float:
        try:
            return self._step()
        except StorageError as error:
            log.warning("what objects looked like can't be stored: %s", error)
            return FAILED_S

    def close(self) -> None:
        """Nothing to release: pages may still search."""

    def finish(self) -> None:
        """Close the database."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    @property
    def _db(self) -> AppearanceDb:
        with self._lock:
            if self._opened is None:
                self._opened = self._open_db()
            return self._opened

    def _step(self) -> float:
        if self._gone:
            self._db.forget([self._gone.popleft() for _ in range(len(self._gone))])
        if self._ended:
            event = self._source.index.event(self._ended.popleft())
            if event is not None:
                self._measure([event])
            return PAUSE_S
        if self._source.load() > BUSY_LOAD:
            return BUSY_S
        return self._measure_older()

    def _measure_older(self) -> float:
        """Measure some older events. Return the time until the next."""
        if self._is_complete:
            return IDLE_S
        if self._older is None:
            self._forget_orphans()
            self._older = self._pages()
        if not self._pending:
            page = next(self._older, None)
            if page is None:
                self._older = None
                with self._lock:
                    self._is_complete, self._total = True, self._done
                return IDLE_S
            there = self._db.pictures([event.id for event in page])
            self._pending = [event for event in page if event.id not in there]
            with self._lock:
                self._done += len(page) - len(self._pending)
                self._total = max(self._total, self._done + len(self._pending))
            return PAUSE_S
        self._measure([self._pending.pop()])
        with self._lock:
            self._done += 1
        return PAUSE_S

    def _pages(self) -> Iterator[list[Event]]:
        """Yield ended events, newest first."""
        after: str | None = None
        ever = Span(0, self._clock.now_ms() + 1)
        while True:
            page = self._source.index.events(ever, after=after, limit=_PAGE)
            yield [event for event in page.events if event.end_ms is not None]
            after = page.next
            if after is None:
                return

    def _forget_orphans(self) -> None:
        """Delete what is stored of events that a command deleted."""
        for events in self._db.events():
            gone = [event for event in events if self._source.index.event(event) is None]
            if gone:
                self._db.forget(gone)

    def _measure(self, events: list[Event]) -> None:
        self._db.put([self._measured(event) for event in events])

    def _measured(self, event: Event) -> StoredAppearance:
        if event.box is None or event.kind in _NOT_SEEN or self._source.is_sealed(event.camera):
            return stored_appearance(event, "")
        rgb = decoded(self._source.picture(event))
        looks = "" if rgb is None else appearance_of(rgb, event.box, event.shown_kind).text()
        return stored_appearance(event, looks)

    def _wake(self) -> None:
        if self._handle is not None:
            self._handle.wake()


def stored_looks(db: AppearanceDb, within: Span) -> Mapping[EventId, Appearance]:
    """Return what objects of events that start in this time looked like."""
    return {event: Appearance.of_text(looks) for event, looks in db.looks(within)}


def decoded(jpeg: bytes | None) -> Any:
    """Return a JPEG as uint8 [height, width, 3], RGB; None if there is none, or it is damaged."""
    import cv2  # local: recording works without the vision library

    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    return None if picture is None else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
