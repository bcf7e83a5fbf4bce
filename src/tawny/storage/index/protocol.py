"""Protocol of the index: locations of segments, gaps, damage and events.

The index can be deleted and rebuilt (`storage.index.opening`): files describe themselves, and `history/` has gaps and
events.

Invariant: the file of a listed segment is complete on disk, so listing is the last step.

An index may store only the number of segments of a settled hour, and read them from the hour's folder. Callers
therefore pass complete segments and report every change to a file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tawny.model.damage import DamagedSpan
from tawny.model.errors import IndexDamaged
from tawny.model.events import Event, Level
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.segments import Gap, Segment
from tawny.model.times import Span


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, newest first. next: continues the list; None at its end."""

    events: list[Event]
    next: str | None


def all_events(read: Callable[[str | None], EventPage]) -> Iterator[Event]:
    """Yield the events of all pages. read: returns the page after this `next`; None: the first page."""
    page = read(None)
    yield from page.events
    while page.next is not None:
        page = read(page.next)
        yield from page.events


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """Number and total size of a stream's listed segments that start in one hour."""

    camera: CameraId
    stream: StreamName
    begin_ms: int
    files: int
    size_bytes: int


class Index(Protocol):
    """Index of segments, gaps, damage and events. Thread-safe.

    Every change is durable when the call returns. Raises IndexDamaged, DiskFull, StorageError. Adding an existing entry
    has no effect. Spans are half-open. Lists are in order of time unless stated otherwise.
    """

    def together(self) -> AbstractContextManager[None]:
        """Group this thread's changes into one transaction: all become durable at the end, or none on an exception."""
        ...

    def unsynced(self) -> AbstractContextManager[None]:
        """Make no change within durable: the next change outside does. A power cut before loses whole transactions.

        Other threads' changes wait.
        """
        ...

    def add_segment(self, segment: Segment) -> None: ...
    def segment(self, segment_id: SegmentId) -> Segment | None: ...
    def segments(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Segment]:
        """Return segments that overlap `within`. stream: None for both."""
        ...

    def oldest_segments(
        self,
        limit: int,
        camera: CameraId | None = None,
        *,
        stream: StreamName | None = None,
        after: Segment | None = None,
    ) -> list[Segment]:
        """Return the segments that ended first, in that order, for retention. after: continue after this segment."""
        ...

    def all_segments(self) -> Iterable[Segment]: ...
    def mark_removing(self, segments: Iterable[Segment]) -> None:
        """First step of a deletion: unlist the segments. The next start completes an interrupted deletion."""
        ...

    def removing(self) -> list[Segment]: ...
    def drop_segments(self, segments: Iterable[Segment]) -> None:
        """Last step of a deletion."""
        ...

    def settle(self, before_ms: int) -> None:
        """Compact hours that ended before `before_ms`. The listed segments stay the same. Call at intervals."""
        ...

    def counted(self) -> Iterable[SegmentCount]:
        """Return the hours of which only counts are stored."""
        ...

    def recount(self, hour: SegmentCount) -> list[Span]:
        """Recount an hour from its files.

        Return recorded time without a file; it is no longer listed. No effect while a volume that may hold the files is
        missing.
        """
        ...

    def spans(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Span]:
        """Return recorded time cut to `within`; adjacent segments of a run are merged. stream: None for either."""
        ...

    def size_bytes(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        """Return the total size of listed segments, of a camera or stream if given."""
        ...

    def count(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        """Return the number of listed segments, of a camera or stream if given."""
        ...

    def bounds(self, camera: CameraId) -> Span | None:
        """Return the span from the oldest to the newest recorded instant."""
        ...

    def is_volume_listed(self, mark: str) -> bool:
        """Return whether all files of the volume with this id were listed once, so that none is missing here."""
        ...

    def set_volume_listed(self, mark: str) -> None: ...

    def put_gap(self, gap: Gap) -> None:
        """Store a gap, keyed by camera and begin. An open gap is stored again when it ends."""
        ...

    def gaps(self, camera: CameraId, within: Span) -> list[Gap]: ...
    def open_gaps(self) -> list[Gap]: ...

    def add_damage(self, damage: DamagedSpan) -> None:
        """Store damage, keyed by camera, stream and begin. A longer span replaces its earlier version."""
        ...

    def damage(self, camera: CameraId | None, within: Span) -> list[DamagedSpan]:
        """Return damage that overlaps `within`, not cut to it. camera: None for all."""
        ...

    def drop_damage(self, damage: DamagedSpan) -> None:
        """Remove damage whose recording no longer exists."""
        ...

    def put_event(self, event: Event) -> None:
        """Insert an event or replace the one with its id."""
        ...

    def event(self, event_id: EventId) -> Event | None: ...
    def open_events(self) -> list[Event]: ...
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
        """Return events, newest first.

        levels: those of `model.events`; None for all.
        only: `all`, `new` (not reviewed), `kept`, `false_alarms` or `named` (with objects). after: `next` of a page.
        """
        ...

    def event_counts(
        self,
        within: Span,
        *,
        cameras: Iterable[CameraId] | None = None,
        kinds: Iterable[str] | None = None,
        only: str = "all",
        most: int,
    ) -> Mapping[Level, int]:
        """Return the number of events of each level, at most `most` each. only: as in `events`."""
        ...

    def drop_event(self, event_id: EventId) -> None: ...

    @property
    def problem(self) -> IndexDamaged | None:
        """The last error that says that the file is damaged, until `is_damaged` finds it whole. From memory."""
        ...

    def is_damaged(self) -> bool:
        """Read all of the file, for seconds per gigabyte. Raises StorageError: the disk can't."""
        ...

    def close(self) -> None: ...


def page_mark(last: Event) -> str:
    """Return the value of `next`: the position of the page's last event."""
    return f"{last.start_ms}~{last.id}"


def page_place(mark: str) -> tuple[int, str]:
    """Parse a value of `next`. Raises ValueError if invalid."""
    start_ms, _, event_id = mark.partition("~")
    return int(start_ms), event_id
