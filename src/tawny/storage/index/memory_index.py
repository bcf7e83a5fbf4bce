"""In-memory index, lost with the process. For tests and for recorders that do not write to a disk."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import ClassVar

from tawny.model.damage import DamagedSpan
from tawny.model.events import Event, Level, shown_level
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.segments import Gap, Segment
from tawny.model.times import Span, merge_spans
from tawny.storage.index.protocol import EventPage, SegmentCount, page_mark, page_place

_ONLY: Mapping[str, Callable[[Event], object]] = {
    "all": lambda _one: True,
    "new": lambda one: not one.reviewed,
    "kept": lambda one: one.kept,
    "false_alarms": lambda one: one.false_alarm,
    "named": lambda one: one.objects,
}


class MemoryIndex:
    """Dictionaries under one lock."""

    is_durable: ClassVar = False
    """Changes survive a power cut."""
    problem: ClassVar[None] = None

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._listed: dict[SegmentId, Segment] = {}
        self._removing: dict[SegmentId, Segment] = {}
        self._gaps: dict[tuple[CameraId, int], Gap] = {}
        self._damage: dict[tuple[CameraId, StreamName, int], DamagedSpan] = {}
        self._events: dict[EventId, Event] = {}
        self._volumes: set[str] = set()

    def unsynced(self) -> AbstractContextManager[None]:
        """No effect: nothing in memory is durable."""
        return nullcontext()

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._lock:
            before = self._listed, self._removing, self._gaps, self._events, self._damage
            self._listed, self._removing = dict(self._listed), dict(self._removing)
            self._gaps, self._events, self._damage = dict(self._gaps), dict(self._events), dict(self._damage)
            is_whole = False
            try:
                yield
                is_whole = True
            finally:
                if not is_whole:
                    self._listed, self._removing, self._gaps, self._events, self._damage = before

    def is_damaged(self) -> bool:
        return False

    def close(self) -> None:
        """No effect."""

    def add_segment(self, segment: Segment) -> None:
        with self._lock:
            if segment.id not in self._removing:
                self._listed.setdefault(segment.id, segment)

    def segment(self, segment_id: SegmentId) -> Segment | None:
        return self._listed.get(segment_id)

    def segments(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Segment]:
        found = [one for one in self._of(camera, stream) if one.span.overlaps(within)]
        return sorted(found, key=lambda one: (one.start_ms, one.stream))

    def oldest_segments(
        self,
        limit: int,
        camera: CameraId | None = None,
        *,
        stream: StreamName | None = None,
        after: Segment | None = None,
    ) -> list[Segment]:
        behind = _by_end(after) if after else (-1, SegmentId(""))
        found = sorted((one for one in self._of(camera, stream) if _by_end(one) > behind), key=_by_end)
        return found[:limit]

    def all_segments(self) -> Iterable[Segment]:
        return self.oldest_segments(len(self._listed))

    def mark_removing(self, segments: Iterable[Segment]) -> None:
        with self._lock:
            for one in segments:
                if segment := self._listed.pop(one.id, None):
                    self._removing[one.id] = segment

    def is_volume_listed(self, mark: str) -> bool:
        return mark in self._volumes

    def set_volume_listed(self, mark: str) -> None:
        self._volumes.add(mark)

    def removing(self) -> list[Segment]:
        with self._lock:
            return sorted(self._removing.values(), key=_by_end)

    def drop_segments(self, segments: Iterable[Segment]) -> None:
        with self._lock:
            for one in segments:
                self._listed.pop(one.id, None)
                self._removing.pop(one.id, None)

    def settle(self, before_ms: int) -> None:
        """No effect: this index stores every segment."""

    def counted(self) -> Iterable[SegmentCount]:
        return ()

    def recount(self, hour: SegmentCount) -> list[Span]:
        return []

    def spans(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Span]:
        return merge_spans([cut for one in self._of(camera, stream) if (cut := one.span.cut_to(within)) is not None])

    def size_bytes(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        return sum(one.size_bytes for one in self._of(camera, stream))

    def count(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        return len(self._of(camera, stream))

    def bounds(self, camera: CameraId) -> Span | None:
        found = self._of(camera, None)
        return Span(min(one.start_ms for one in found), max(one.end_ms for one in found)) if found else None

    def _of(self, camera: CameraId | None, stream: StreamName | None) -> list[Segment]:
        with self._lock:
            return [
                one
                for one in self._listed.values()
                if (camera is None or one.camera == camera) and (stream is None or one.stream == stream)
            ]

    def put_gap(self, gap: Gap) -> None:
        with self._lock:
            self._gaps[gap.camera, gap.begin_ms] = gap

    def gaps(self, camera: CameraId, within: Span) -> list[Gap]:
        with self._lock:
            found = [gap for gap in self._gaps.values() if gap.camera == camera]
        return sorted(
            (gap for gap in found if _touches(gap.begin_ms, gap.end_ms, within)), key=lambda gap: gap.begin_ms
        )

    def open_gaps(self) -> list[Gap]:
        with self._lock:
            found = [gap for gap in self._gaps.values() if gap.end_ms is None]
        return sorted(found, key=lambda gap: (gap.begin_ms, gap.camera))

    def add_damage(self, damage: DamagedSpan) -> None:
        with self._lock:
            self._damage[damage.camera, damage.stream, damage.begin_ms] = damage

    def damage(self, camera: CameraId | None, within: Span) -> list[DamagedSpan]:
        with self._lock:
            found = [one for one in self._damage.values() if camera in (None, one.camera) and one.span.overlaps(within)]
        return sorted(found, key=lambda one: (one.begin_ms, one.camera, one.stream))

    def drop_damage(self, damage: DamagedSpan) -> None:
        with self._lock:
            self._damage.pop((damage.camera, damage.stream, damage.begin_ms), None)

    def put_event(self, event: Event) -> None:
        with self._lock:
            self._events[event.id] = event

    def event(self, event_id: EventId) -> Event | None:
        return self._events.get(event_id)

    def open_events(self) -> list[Event]:
        with self._lock:
            return sorted((one for one in self._events.values() if one.end_ms is None), key=_by_start)

    def events(
        self,
        within: Span,
        *,
        cameras: Iterable[CameraId] | None = None,
        kinds: Iterable[str] | None = None,
        levels: Iterable[str] | None = None,
        only: str = "all",
        after: str | None = None,
        limit: int = 60,
    ) -> EventPage:
        found = self._events_in(within, cameras, kinds, levels, only)
        found = [one for one in found if after is None or _by_start(one) < page_place(after)]
        found.sort(key=_by_start, reverse=True)
        return EventPage(found[:limit], page_mark(found[limit - 1]) if len(found) > limit else None)

    def event_counts(
        self,
        within: Span,
        *,
        cameras: Iterable[CameraId] | None = None,
        kinds: Iterable[str] | None = None,
        only: str = "all",
        most: int,
    ) -> Mapping[Level, int]:
        found = Counter(map(shown_level, self._events_in(within, cameras, kinds, None, only)))
        return {level: min(most, found[level]) for level in Level}

    def _events_in(
        self,
        within: Span,
        cameras: Iterable[CameraId] | None,
        kinds: Iterable[str] | None,
        levels: Iterable[str] | None,
        only: str,
    ) -> list[Event]:
        here = None if cameras is None else set(cameras)
        wanted = None if kinds is None else set(kinds)
        at = None if levels is None else set(levels)
        with self._lock:
            return [
                one
                for one in self._events.values()
                if _touches(one.start_ms, one.end_ms, within)
                and (here is None or one.camera in here)
                and (wanted is None or one.shown_kind in wanted)
                and (at is None or shown_level(one) in at)
                and _ONLY[only](one)
            ]

    def drop_event(self, event_id: EventId) -> None:
        with self._lock:
            self._events.pop(event_id, None)


def _by_end(segment: Segment) -> tuple[int, SegmentId]:
    return segment.end_ms, segment.id


def _by_start(event: Event) -> tuple[int, str]:
    return event.start_ms, event.id


def _touches(begin_ms: int, end_ms: int | None, within: Span) -> bool:
    return begin_ms < within.end_ms and (end_ms is None or end_ms > within.begin_ms or begin_ms >= within.begin_ms)
