"""The protocol of the index: what is where on the disk, and what happened when.

The index is a convenience: files describe themselves, and `history/` tells gaps and events, so that it can be deleted
and rebuilt (`storage.repair.rebuild`). Always true: a listed segment has its whole file on disk, so listing is the
last step.

An index may keep less than that: of an hour that is settled it may only count the segments, and list them from the
hour's folder, where their names and sizes say the rest. So it is told of whole segments, and of each change to a file.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tawny.model.damage import DamagedSpan
from tawny.model.events import Event
from tawny.model.gaps import Gap
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span


@dataclass(frozen=True, slots=True)
class IndexTraits:
    """What an implementation can and cannot do; the contract suite holds it to that."""

    durable: bool
    """What was changed is still there after a power cut."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, newest first; `next` continues the list, None at its end."""

    events: list[Event]
    next: str | None


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """How many segments of a stream are listed that begin in an hour, and their size."""

    camera: CameraId
    stream: StreamName
    begin_ms: int
    files: int
    size_bytes: int


class Index(Protocol):
    """Any thread may call. Every change is durable when the call returns. Raises IndexDamaged, DiskFull, StorageError.

    Adding what is there already changes nothing; spans are half open; lists are in order of time unless said otherwise.
    """

    def together(self) -> AbstractContextManager[None]:
        """Changes of this thread within it become durable all at once at its end, and none of them if it raises."""
        ...

    def add_segment(self, segment: Segment) -> None: ...
    def segment(self, segment_id: SegmentId) -> Segment | None: ...
    def segments(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Segment]:
        """Those that overlap `within`; stream None: of both."""
        ...

    def oldest_segments(
        self,
        limit: int,
        camera: CameraId | None = None,
        *,
        stream: StreamName | None = None,
        after: Segment | None = None,
    ) -> list[Segment]:
        """For retention: those that ended first, in that order. after: go on behind this one."""
        ...

    def all_segments(self) -> Iterable[Segment]: ...
    def mark_removing(self, segments: Iterable[Segment]) -> None:
        """First step of a deletion: these are no longer listed, and are finished off at the next start if need be."""
        ...

    def removing(self) -> list[Segment]: ...
    def drop_segments(self, segments: Iterable[Segment]) -> None:
        """Last step of a deletion."""
        ...

    def settle(self, before_ms: int) -> None:
        """Of hours that ended before, it may keep as little as it can: what is listed stays the same. Now and then."""
        ...

    def counted(self) -> Iterable[SegmentCount]:
        """Hours of which it only knows how much is there."""
        ...

    def recount(self, hour: SegmentCount) -> list[Span]:
        """List what such an hour has now. Returns the time that was recorded and has no file any more; None of it is
        listed then. Nothing happens while a volume is away that may have the files."""
        ...

    def spans(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Span]:
        """Recorded time cut to `within`, neighbours of one run as one; stream None: either."""
        ...

    def size_bytes(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        """Of all that is listed; of a camera, of a stream."""
        ...

    def count(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        """How many segments are listed; of a camera, of a stream."""
        ...

    def bounds(self, camera: CameraId) -> Span | None:
        """From the oldest to the newest recorded instant."""
        ...

    def put_gap(self, gap: Gap) -> None:
        """Keyed by camera and begin: an open gap is put again when it ends."""
        ...

    def gaps(self, camera: CameraId, within: Span) -> list[Gap]: ...
    def open_gaps(self) -> list[Gap]: ...

    def add_damage(self, damage: DamagedSpan) -> None:
        """Keyed by camera, stream and begin: one that goes on is added again, and takes its own place."""
        ...

    def damage(self, camera: CameraId | None, within: Span) -> list[DamagedSpan]:
        """Those that overlap `within`, not cut to it; camera None: of all."""
        ...

    def drop_damage(self, damage: DamagedSpan) -> None:
        """What was damaged is not there any more."""
        ...

    def put_event(self, event: Event) -> None:
        """New, or in place of the one with its id."""
        ...

    def event(self, event_id: EventId) -> Event | None: ...
    def open_events(self) -> list[Event]: ...
    def events(
        self,
        within: Span,
        *,
        cameras: Iterable[CameraId] | None = None,
        kinds: Iterable[str] | None = None,
        only: str = "all",
        after: str | None = None,
        limit: int = 60,
    ) -> EventPage:
        """Newest first. only: all, new (not reviewed), kept, false_alarms, or named (with objects). after: a page's
        `next`."""
        ...

    def drop_event(self, event_id: EventId) -> None: ...
    def close(self) -> None: ...


def page_mark(last: Event) -> str:
    """What a page's `next` says: where its last event stands."""
    return f"{last.start_ms}~{last.id}"


def page_place(mark: str) -> tuple[int, str]:
    """ValueError when it is no `next` of ours."""
    start_ms, _, event_id = mark.partition("~")
    return int(start_ms), event_id
