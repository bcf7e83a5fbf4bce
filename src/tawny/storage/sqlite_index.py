"""The index in SQLite. Its file is `storage.sqlite_file`; here is what is asked and told of segments, gaps and events.

Segments of hours past are only counted, and listed from their folders (`storage.sqlite_hours`): one row for an hour of
a stream instead of sixty, and one for what a run has recorded in a day.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from tawny.model.damage import Damage
from tawny.model.events import Event
from tawny.model.gaps import Gap, GapReason
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.catalogue import Catalogue
from tawny.storage.index import Counted, Page, Traits, page_mark, page_place
from tawny.storage.records import Record, event_of, event_record, evidence_of, evidence_record
from tawny.storage.sqlite_archive import Archive
from tawny.storage.sqlite_file import SqliteFile
from tawny.storage.sqlite_names import Names

_ROWS_AT_ONCE: Final = 1000
_OVERLAPS: Final = "start_ms < ? AND (end_ms IS NULL OR end_ms > ? OR start_ms >= ?)"
_GAPS: Final = "SELECT camera, begin_ms, end_ms, reason, detail, evidence FROM gaps"
_DAMAGE: Final = "SELECT camera, stream, begin_ms, end_ms, units, packets FROM damage"
_EVENTS: Final = "SELECT record FROM events"
_AMONG: Final = {
    "camera": " AND camera IN (SELECT value FROM json_each(?))",
    "kind": " AND kind IN (SELECT value FROM json_each(?))",
}
_ONLY: Final = {"all": "", "new": " AND NOT reviewed", "kept": " AND kept"}


class SqliteIndex:
    """catalogue: lists the hours' folders; None: every segment keeps a row. read_only: for looking on while a recorder
    has it open."""

    traits: ClassVar = Traits(durable=True)

    def __init__(self, path: Path, catalogue: Catalogue | None = None, *, read_only: bool = False) -> None:
        """Makes the file if it is not there. Raises IndexDamaged, FolderUnwritable, DiskFull."""
        names = Names()
        self._file = SqliteFile(path, read_only=read_only, undone=names.forget)
        self._archive = Archive(names, catalogue or Catalogue(None))
        self._may_settle = catalogue is not None

    def close(self) -> None:
        self._file.close()

    def integrity(self) -> str:
        """What SQLite finds wrong when it reads all of its file; empty when nothing. Takes seconds a gigabyte."""
        found = self._file.ask("PRAGMA integrity_check(1)")
        return "" if found == [("ok",)] else str(found[0][0])

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._file.changing():
            yield

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

    def counted(self) -> Iterable[Counted]:
        with self._file.reading() as db:
            return self._archive.counted(db)

    def recount(self, hour: Counted) -> list[Span]:
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
        self._file.change(
            "INSERT OR REPLACE INTO gaps VALUES (?, ?, ?, ?, ?, ?)",
            gap.camera,
            gap.begin_ms,
            gap.end_ms,
            gap.reason.value,
            gap.detail,
            _compact(evidence_record(gap.evidence)) if gap.evidence else "",
        )

    def gaps(self, camera: CameraId, within: Span) -> list[Gap]:
        return self._gaps(
            f"WHERE camera = ? AND {_OVERLAPS.replace('start_ms', 'begin_ms')} ORDER BY begin_ms",
            camera,
            within.end_ms,
            within.begin_ms,
            within.begin_ms,
        )

    def open_gaps(self) -> list[Gap]:
        return self._gaps("WHERE end_ms IS NULL ORDER BY begin_ms, camera")

    def _gaps(self, which: str, *values: Any) -> list[Gap]:
        found = self._file.ask(f"{_GAPS} {which}", *values)
        return [
            Gap(
                CameraId(camera),
                begin_ms,
                end_ms,
                GapReason(reason),
                detail,
                evidence_of(json.loads(evidence)) if evidence else None,
            )
            for camera, begin_ms, end_ms, reason, detail, evidence in found
        ]

    # --- damage

    def add_damage(self, damage: Damage) -> None:
        self._file.change(
            "INSERT OR REPLACE INTO damage VALUES (?, ?, ?, ?, ?, ?)",
            damage.camera,
            damage.stream.value,
            damage.begin_ms,
            damage.end_ms,
            damage.units,
            damage.packets,
        )

    def damage(self, camera: CameraId | None, within: Span) -> list[Damage]:
        whose = "camera = ?1" if camera else "?1 IS NULL"
        found = self._file.ask(
            f"{_DAMAGE} WHERE {whose} AND end_ms > ?2 AND begin_ms < ?3 ORDER BY begin_ms, camera, stream",
            camera,
            within.begin_ms,
            within.end_ms,
        )
        return [Damage(CameraId(name), StreamName(stream), *figures) for name, stream, *figures in found]

    def drop_damage(self, damage: Damage) -> None:
        self._file.change(
            "DELETE FROM damage WHERE camera = ? AND stream = ? AND begin_ms = ?",
            damage.camera,
            damage.stream.value,
            damage.begin_ms,
        )

    # --- events

    def put_event(self, event: Event) -> None:
        self._file.change(
            "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            event.id,
            event.camera,
            event.kind,
            event.start_ms,
            event.end_ms,
            event.kept,
            event.reviewed,
            _compact(event_record(event)),
        )

    def event(self, event_id: EventId) -> Event | None:
        found = self._events("WHERE id = ?", event_id)
        return found[0] if found else None

    def open_events(self) -> list[Event]:
        return self._events("WHERE end_ms IS NULL ORDER BY start_ms, id")

    def events(
        self,
        within: Span,
        *,
        cameras: Iterable[CameraId] | None = None,
        kinds: Iterable[str] | None = None,
        only: str = "all",
        after: str | None = None,
        limit: int = 60,
    ) -> Page:
        which = f"WHERE {_OVERLAPS}{_ONLY[only]}"
        values: list[Any] = [within.end_ms, within.begin_ms, within.begin_ms]
        for column, allowed in (("camera", cameras), ("kind", kinds)):
            if allowed is not None:
                which += _AMONG[column]
                values.append(json.dumps(list(allowed)))
        if after is not None:
            which += " AND (start_ms, id) < (?, ?)"
            values += page_place(after)
        found = self._events(f"{which} ORDER BY start_ms DESC, id DESC LIMIT ?", *values, limit + 1)
        return Page(found[:limit], page_mark(found[limit - 1]) if len(found) > limit else None)

    def drop_event(self, event_id: EventId) -> None:
        self._file.change("DELETE FROM events WHERE id = ?", event_id)

    def _events(self, which: str, *values: Any) -> list[Event]:
        return [event_of(json.loads(row[0])) for row in self._file.ask(f"{_EVENTS} {which}", *values)]


def _compact(record: Record) -> str:
    return json.dumps(record, separators=(",", ":"))
