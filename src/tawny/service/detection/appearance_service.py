"""Measures what objects of ended events looked like, and searches by it. One actor, behind all else.

Colours of new events come first. Those of earlier versions and of interrupted runs, and the search model, follow while
the computer has nothing to do.
Encrypted cameras have no appearances: they would be stored unencrypted next to their recordings.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from tawny.config.recognition import SearchSettings
from tawny.detection.appearance import UPPER, WHOLE, Appearance, appearance_of, empty_scene
from tawny.detection.embedding import square_around
from tawny.engine import ActorHandle, Engine
from tawny.media.image.jpeg import decode_jpeg
from tawny.model.errors import StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.observations import PERSON
from tawny.model.times import Clock, Span
from tawny.playback.search.event_search import LookedEvents, LookSearch
from tawny.service.detection.embedding_search import SearchModel, VectorSearch
from tawny.storage.index.appearance_db import AppearanceDb, stored_appearance
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
    """picture, strip: return an event's snapshot, and its thumbnails side by side, as JPEG; None if there are none, or
    they are encrypted.
    """

    index: Index
    picture: Callable[[Event], bytes | None]
    is_sealed: Callable[[CameraId], bool]
    load: Callable[[], float] = lambda: os.getloadavg()[0] / (os.cpu_count() or 1)
    settings: Callable[[], SearchSettings] = SearchSettings
    strip: Callable[[Event], bytes | None] = lambda _event: None


@dataclass(slots=True)
class _Backlog:
    """Ended events that something was not done for yet, newest first, in parts. missing: returns these of a part."""

    index: Index
    clock: Clock
    missing: Callable[[list[Event]], list[Event]]
    is_complete: bool = False
    reached_ms: int = 1 << 62
    """Start of the last event of which it is known that it and all newer ones are done."""
    _pages: Iterator[list[Event]] | None = None
    _events: list[Event] = field(default_factory=list)

    def next(self) -> Event | None:
        """Return the next event; None if this part has no more, or all are done."""
        if self.is_complete:
            return None
        if not self._events:
            self._pages = self._pages or self._ended()
            page = next(self._pages, None)
            if page is None:
                self._pages, self.is_complete = None, True
                return None
            self._events = self.missing(page)[::-1]
            if page and not self._events:
                self.reached_ms = page[-1].start_ms
        found = self._events.pop() if self._events else None
        if found is not None:
            self.reached_ms = found.start_ms
        return found

    def restart(self) -> None:
        self._pages, self._events, self.is_complete, self.reached_ms = None, [], False, 1 << 62

    def _ended(self) -> Iterator[list[Event]]:
        after: str | None = None
        ever = Span(0, self.clock.now_ms() + 1)
        while True:
            page = self.index.events(ever, after=after, limit=_PAGE)
            yield [event for event in page.events if event.end_ms is not None]
            after = page.next
            if after is None:
                return


class AppearanceService:
    """Call `heard`, `forget`, `search` and `progress` from any thread.

    open_db: called when it is needed first, because each sync before the first frame delays recording.
    """

    name = "appearance"

    def __init__(
        self, open_db: Callable[[], AppearanceDb], source: AppearanceSource, model: SearchModel, clock: Clock
    ) -> None:
        self._open_db, self._source, self._clock = open_db, source, clock
        self._lock = threading.Lock()
        self._opened: AppearanceDb | None = None
        self._ended: deque[EventId] = deque(maxlen=MOST_WAITING)
        self._marked: deque[EventId] = deque(maxlen=MOST_WAITING)
        """Ended events that were updated: their type may be another one."""
        self._unseen: deque[Event] = deque(maxlen=MOST_WAITING)
        """New events that the model has not seen."""
        self._gone: deque[EventId] = deque()
        self._colours = _Backlog(source.index, clock, self._without_colours)
        self._vectors = _Backlog(source.index, clock, self._without_vector)
        self._has_colours = True
        """Whether colours are measured."""
        self._has_cleaned = False
        self._model, self._model_id = model, ""
        self._search = VectorSearch(lambda: self._db, model, clock)
        self._handle = ActorHandle()

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    def on_event(self, message: EventChanged) -> None:
        """Take an event from the bus that has ended, or that a user or a model has classified."""
        if message.what == "ended":
            if len(self._ended) == MOST_WAITING:
                self._colours.restart()
                self._vectors.restart()
            self._ended.append(message.event.id)
            self.wake()
        elif message.what == "updated" and message.event.end_ms is not None:
            self._marked.append(message.event.id)
            self.wake()

    def forget(self, event: EventId) -> None:
        """Delete what is stored of a deleted event."""
        self._gone.append(event)
        self.wake()

    @property
    def reached_ms(self) -> int | None:
        """Return the start of the events that were measured last; older ones follow. None: all are measured."""
        backlogs = ((self._colours, self._has_colours), (self._vectors, bool(self._model_id)))
        left = [one.reached_ms for one, is_on in backlogs if is_on and not one.is_complete]
        return min(max(left), self._clock.now_ms()) if left else None

    @property
    def trouble(self) -> str:
        return self._model.trouble

    def search(self, like: Event | None = None, since_ms: int | None = None, until_ms: int | None = None) -> LookSearch:
        """Return what the search needs. like: an event that the results shall resemble."""
        return LookSearch(lambda within: stored_looks(self._db, within), like, since_ms, self._search.similar, until_ms)

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
        self._model.close()

    @property
    def _db(self) -> AppearanceDb:
        with self._lock:
            if self._opened is None:
                self._opened = self._open_db()
            return self._opened

    def _step(self) -> float:
        self._search.release()
        self._note_settings()
        if self._gone:
            self._db.forget([self._gone.popleft() for _ in range(len(self._gone))])
            self._search.version += 1
        if self._ended:
            event = self._source.index.event(self._ended.popleft())
            if event is not None:
                self._measure(event)
                if len(self._unseen) == MOST_WAITING:  # the model has had no time: it looks for them later
                    self._unseen.clear()
                    self._vectors.restart()
                self._unseen.append(event)
            return PAUSE_S
        if self._marked:
            self._measure_renamed(self._marked.popleft())
            return PAUSE_S
        if self._source.load() > BUSY_LOAD:
            return BUSY_S
        if not self._has_cleaned:
            self._forget_orphans()
        older = self._colours.next() if self._has_colours else None
        if older is not None:
            self._measure(older)
        elif self._colours.is_complete or not self._has_colours:
            return self._embed_next()
        return PAUSE_S

    def _note_settings(self) -> None:
        """Look for what was skipped, once colours are on again."""
        if self._source.settings().colours != self._has_colours:
            self._has_colours = not self._has_colours
            self._colours.restart()

    def _embed_next(self) -> float:
        """Let the model see one event. Return the time until the next."""
        model = self._model.id
        if model != self._model_id:
            self._model_id = model
            self._vectors.restart()
        if not model or (self._vectors.is_complete and not self._unseen):
            return IDLE_S
        event = self._unseen.popleft() if self._unseen else self._vectors.next()
        if event is not None:
            rgb = self._picture(event)
            vector = b"" if rgb is None or event.box is None else self._model.image(square_around(rgb, event.box))
            if self._model.trouble:  # the event is tried again after the next start
                return FAILED_S
            self._db.put_vector(event, model, vector)
            self._search.version += 1
        return PAUSE_S

    def _without_colours(self, events: list[Event]) -> list[Event]:
        there = self._db.pictures([event.id for event in events])
        return [event for event in events if event.id not in there]

    def _without_vector(self, events: list[Event]) -> list[Event]:
        there = self._db.embedded([event.id for event in events], self._model_id)
        return [event for event in events if event.id not in there]

    def _forget_orphans(self) -> None:
        """Delete what is stored of events that a command deleted."""
        for events in self._db.events():
            gone = [event for event in events if self._source.index.event(event) is None]
            if gone:
                self._db.forget(gone)
        self._has_cleaned = True

    def _measure(self, event: Event) -> None:
        if self._has_colours:  # else it must not count as measured
            self._db.put([stored_appearance(event, self._looks(event))])

    def _measure_renamed(self, event_id: EventId) -> None:
        """Measure an event again if it has become a person, or is none any more: only people have parts."""
        event, stored = self._source.index.event(event_id), self._db.look(event_id)
        parts = Appearance.unpacked(stored).parts if stored else {}
        if event is None or WHOLE not in parts or (UPPER in parts) == (event.shown_kind == PERSON):
            return
        if not self._has_colours:
            if self._picture(event) is not None:
                self._db.forget_looks(event_id)  # to be measured once colours are on again
            return
        if looks := self._looks(event):  # without its snapshot, what is stored stays
            self._db.put([stored_appearance(event, looks)])

    def _looks(self, event: Event) -> bytes:
        """Return the packed appearance of an event; empty if there is nothing to see, or not to be stored."""
        rgb = self._picture(event) if self._has_colours else None
        if rgb is None or event.box is None:
            return b""
        strip = decode_jpeg(self._source.strip(event))
        scene = None if strip is None else empty_scene(strip, rgb.shape[:2])
        return appearance_of(rgb, event.box, event.shown_kind, scene).packed()

    def _picture(self, event: Event) -> Any:
        """Return the image of an event; None if it shows no object, or must not be read."""
        if event.box is None or event.kind in _NOT_SEEN or self._source.is_sealed(event.camera):
            return None
        return decode_jpeg(self._source.picture(event))

    def wake(self) -> None:
        """Look for work now, because the settings changed."""
        self._handle.wake()


def stored_looks(db: AppearanceDb, within: Span) -> LookedEvents:
    """Return what objects of events that start in this time looked like."""
    rows = db.looks(within)
    return LookedEvents(
        [EventId(event) for event, _, _ in rows], [start_ms for _, start_ms, _ in rows], [looks for _, _, looks in rows]
    )
