"""Ledger: writes gaps, damage and events to the history first, then to the index.

Invariant: the history contains every gap, damage and event of the index. A change that cannot be written, for example
on a full disk, is queued and written first next time. Of a gap or event only the newest state is queued. Thread-safe.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from tawny.model.damage import DamagedSpan
from tawny.model.errors import StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.segments import Gap, Segment
from tawny.model.times import Clock
from tawny.storage.history.journal import (
    HistoryJournal,
    HistoryLine,
    damage_of,
    damage_record,
    event_of,
    event_record,
    gap_of,
    gap_record,
)
from tawny.storage.index.protocol import Index

log = logging.getLogger(__name__)

_MOST_WAITING: Final = 10_000


_Change = Gap | DamagedSpan | Event | EventId
"""A state to be stored, or the id of an event that is dropped."""
_Key = tuple[CameraId, int] | tuple[CameraId, StreamName, int] | EventId


class HistoryLedger:
    """Single writer of gaps, damage and events.

    Never raises on disk errors: changes are queued, and `problem` has the cause.
    """

    def __init__(self, history: HistoryJournal, index: Index, clock: Clock) -> None:
        self.history, self._index, self._clock = history, index, clock
        self._lock = threading.RLock()
        self._waiting: dict[_Key, _Change] = {}
        self._marks: list[HistoryLine] = []
        """Lines without a state in the index, to be written after the queued changes."""
        self._is_held = False  # within `together`
        self.problem: StorageError | None = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write all changes of this thread with one sync of the history, at the end. Until then none is durable."""
        with self._lock:
            if self._is_held:
                yield
                return
            self._is_held = True
            try:
                yield
            finally:
                self._is_held = False
                self._write()

    def put_gap(self, gap: Gap) -> bool:
        """Store a gap, keyed by camera and begin. Return whether it is durable."""
        return self._put([gap])

    def put_damage(self, damage: Iterable[DamagedSpan]) -> bool:
        """Store damaged spans at once, each keyed by camera, stream and begin. Return whether they are durable."""
        return self._put(damage)

    def put_event(self, event: Event) -> bool:
        """Store an event, keyed by its id. Return whether it is durable."""
        return self._put([event])

    def drop_event(self, event_id: EventId) -> bool:
        return self._put([event_id])

    def started(self, boot: str, *, later: bool = False, **about: Any) -> bool:
        """Record a start.

        boot: the kernel's boot id, by which the next start distinguishes a power cut from a crash. later: queue it.
        """
        record = {"boot": boot, **about}
        if later:
            self._marks.append(HistoryLine(self._clock.now_ms(), "started", record))
            return False
        return self._mark("started", record)

    def stopped(self, cause: str, by: str = "") -> bool:
        """Record a planned stop. cause: a key of `model.segments.OFF_WORDS`. by: who asked for it, if known."""
        return self._mark("stopped", {"cause": cause, "by": by} if by else {"cause": cause})

    def healed(self, path: str, why: str, source: str) -> bool:
        """Record that a missing or damaged file was restored from a mirror."""
        return self._mark("healed", {"path": path, "why": why, "from": source})

    def thinned(self, segments: Iterable[Segment], why: str) -> bool:
        """Record segments reduced to keyframes. segments: as they are now."""
        stated = [{"path": one.path, "begin_ms": one.start_ms, "end_ms": one.end_ms} for one in segments]
        return self._mark("thinned", {"segments": stated, "why": why}) if stated else True

    def flush(self) -> bool:
        """Retry queued changes. Return whether the queue is empty."""
        with self._lock:
            return self._write()

    @property
    def waiting(self) -> int:
        return len(self._waiting) + len(self._marks)

    def _put(self, changes: Iterable[_Change]) -> bool:
        with self._lock:
            for change in changes:
                self._waiting.pop(_key(change), None)  # newest state last
                self._waiting[_key(change)] = change
            while len(self._waiting) > _MOST_WAITING:
                log.error(
                    "the disk accepts no writes; dropped from the queue: %s",
                    self._waiting.pop(next(iter(self._waiting))),
                )
            return self._write()

    def _write(self) -> bool:
        if self._is_held or not self.waiting:
            return not self._is_held
        changes, marks = list(self._waiting.values()), list(self._marks)
        at_ms = self._clock.now_ms()
        try:
            self.history.write([*(_line(change, at_ms) for change in changes), *marks])
            with self._index.together() if changes else nullcontext():
                for change in changes:
                    _apply(change, self._index)
        except StorageError as error:
            if self.problem is None:
                log.warning("gaps, damage and events are queued until the disk can be written: %s", error)
            self.problem = error
            return False
        self._waiting.clear()
        self._marks.clear()
        self.problem = None
        return True

    def _mark(self, what: str, record: Mapping[str, Any]) -> bool:
        line = HistoryLine(self._clock.now_ms(), what, record)
        with self._lock:
            if self._is_held:
                self._marks.append(line)
                return False
            self._write()
            try:
                self.history.write([line])
            except StorageError as error:
                log.warning("cannot write %s to the history: %s", what, error)
                self.problem = error
                return False
            return True


def replay(lines: list[HistoryLine], index: Index) -> None:
    """Apply history lines to the index. Idempotent."""
    changes: dict[_Key, _Change] = {}
    for line in lines:
        change = _change(line)
        if change is not None:
            changes[_key(change)] = change
    with index.together():
        for change in changes.values():
            _apply(change, index)


def _key(change: _Change) -> _Key:
    match change:
        case Gap():
            return change.camera, change.begin_ms
        case DamagedSpan():
            return change.camera, change.stream, change.begin_ms
        case Event():
            return change.id
        case str():
            return change


def _line(change: _Change, at_ms: int) -> HistoryLine:
    match change:
        case Gap():
            return HistoryLine(at_ms, "gap", gap_record(change))
        case DamagedSpan():
            return HistoryLine(at_ms, "damage", damage_record(change))
        case Event():
            return HistoryLine(at_ms, "event", event_record(change))
        case str():
            return HistoryLine(at_ms, "event_dropped", {"id": change})


def _change(line: HistoryLine) -> _Change | None:
    try:
        match line.what:
            case "gap":
                return gap_of(line.record)
            case "damage":
                return damage_of(line.record)
            case "event":
                return event_of(line.record)
            case "event_dropped":
                return EventId(str(line.record["id"]))
            case _:
                return None
    except (ValueError, KeyError):
        return None


def _apply(change: _Change, index: Index) -> None:
    match change:
        case Gap():
            index.put_gap(change)
        case DamagedSpan():
            index.add_damage(change)
        case Event():
            index.put_event(change)
        case str():
            index.drop_event(change)
