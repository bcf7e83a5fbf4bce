"""SQLite index of segments, gaps and events.

Past hours store one count per stream instead of about sixty rows, and their segments are read from the folders
(`storage.index.sqlite_hours`). Recorded time has one row per run and day. `storage.index.sqlite_file` manages the
connections.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar, Final

from tawny.model.damage import DamagedSpan
from tawny.model.events import Event
from tawny.model.gaps import Gap
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.protocol import EventPage, IndexTraits, SegmentCount
from tawny.storage.index.sqlite_events import EventTable, GapTable
from tawny.storage.index.sqlite_file import NameTable, SqliteFile
from tawny.storage.index.sqlite_segment_store import SqliteSegmentStore

_ROWS_AT_ONCE: Final = 1000


class SqliteIndex:
    """Index in SQLite. catalogue: lists the hour folders; None: every segment keeps a row.

    read_only: for reading while a recorder has the file open. sync: False makes nothing durable, for a file that is
    synced when it is complete.
    """

    traits: ClassVar = IndexTraits(durable=True)

    def __init__(
        self, path: Path, catalogue: Catalogue | None = None, *, read_only: bool = False, sync: bool = True
    ) -> None:
        """Open the file, creating it if necessary. Raises IndexDamaged, IndexOutdated, FolderUnwritable, DiskFull."""
        names = NameTable()
        self._file = SqliteFile(path, read_only=read_only, undone=names.forget, sync=sync)
        self._archive = SqliteSegmentStore(names, catalogue or Catalogue(None))
        self._gaps, self._events = GapTable(names), EventTable(names)
        self._may_settle = catalogue is not None

    def close(self) -> None:
        self._file.close()

    def integrity(self) -> str:
        """Run SQLite's integrity check. Return the first error, or an empty string. Takes seconds per gigabyte."""
        found = self._file.ask("PRAGMA integrity_check(1)")
        return "" if found == [("ok",)] else str(found[0][0])

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._file.changing():
            yield

    def unsynced(self) -> AbstractContextManager[None]:
        return self._file.unsynced()

    # --- segments

    def add_segment(self, segment: Segment) -> None:
        with self._file.changing() as db:
            self._archive.add(db, segment)

    def segment(self, segment_id: SegmentId) -> Segment | None:
        with self._file.reading() as db:
            return self._archive.one(db, segment_id)

    def segments(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Segment]:
        with self._file.reading() as db:
            return self._archive.overlapping(db, camera, stream, within)

    def oldest_segments(
        self,
        limit: int,
        camera: CameraId | None = None,
        *,
        stream: StreamName | None = None,
        after: Segment | None = None,
    ) -> list[Segment]:
        with self._file.reading() as db:
            return self._archive.oldest(db, limit, camera, stream, after)

    def all_segments(self) -> Iterable[Segment]:
        last: Segment | None = None
        while page := self.oldest_segments(_ROWS_AT_ONCE, after=last):
            yield from page
            last = page[-1]

    def mark_removing(self, segments: Iterable[Segment]) -> None:
        self._change_each(self._archive.mark_removing, segments)

    def removing(self) -> list[Segment]:
        with self._file.reading() as db:
            return self._archive.removing(db)

    def drop_segments(self, segments: Iterable[Segment]) -> None:
        self._change_each(self._archive.drop, segments)

    def _change_each(self, change: Callable[[sqlite3.Connection, Segment], None], segments: Iterable[Segment]) -> None:
        these = list(segments)
        if not self._file.is_changing:
            self._archive.list_ahead(self._file, these)
        with self._file.changing() as db:
            for one in these:
                change(db, one)

    def settle(self, before_ms: int) -> None:
        if self._may_settle:
            self._archive.settle(self._file, before_ms)

    def counted(self) -> Iterable[SegmentCount]:
        with self._file.reading() as db:
            return self._archive.counted(db)

    def recount(self, hour: SegmentCount) -> list[Span]:
        return self._archive.recount(self._file, hour)

    def spans(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Span]:
        with self._file.reading() as db:
            return self._archive.spans(db, camera, stream, within)

    def size_bytes(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        with self._file.reading() as db:
            return self._archive.totals(db, camera, stream)[1]

    def count(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        with self._file.reading() as db:
            return self._archive.totals(db, camera, stream)[0]

    def bounds(self, camera: CameraId) -> Span | None:
        with self._file.reading() as db:
            return self._archive.bounds(db, camera)

    # --- gaps

    def put_gap(self, gap: Gap) -> None:
        with self._file.changing() as db:
            self._gaps.put(db, gap)

    def gaps(self, camera: CameraId, within: Span) -> list[Gap]:
        with self._file.reading() as db:
            return self._gaps.overlapping(db, camera, within)

    def open_gaps(self) -> list[Gap]:
        with self._file.reading() as db:
            return self._gaps.open(db)

    # --- damage

    def add_damage(self, damage: DamagedSpan) -> None:
        with self._file.changing() as db:
            self._gaps.add_damage(db, damage)

    def damage(self, camera: CameraId | None, within: Span) -> list[DamagedSpan]:
        with self._file.reading() as db:
            return self._gaps.damage(db, camera, within)

    def drop_damage(self, damage: DamagedSpan) -> None:
        with self._file.changing() as db:
            self._gaps.drop_damage(db, damage)

    # --- events

    def put_event(self, event: Event) -> None:
        with self._file.changing() as db:
            self._events.put(db, event)

    def event(self, event_id: EventId) -> Event | None:
        with self._file.reading() as db:
            return self._events.one(db, event_id)

    def open_events(self) -> list[Event]:
        with self._file.reading() as db:
            return self._events.open(db)

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
        with self._file.reading() as db:
            return self._events.page(db, within, cameras, kinds, only, after, limit)

    def drop_event(self, event_id: EventId) -> None:
        with self._file.changing() as db:
            self._events.drop(db, event_id)
