"""The index in SQLite: one connection writes, under a lock; others read, each for one question at a time.

WAL with `synchronous=FULL`: a change is durable when its call returned, and nobody who reads makes a writer wait.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Final

from tawny.model.damage import Damage
from tawny.model.errors import DiskFull, IndexDamaged, StorageError
from tawny.model.events import Event
from tawny.model.gaps import Gap, GapReason
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span, merged
from tawny.storage import sqlite_segments as segments
from tawny.storage.index import Page, Traits, page_mark, page_place
from tawny.storage.records import Record, event_of, event_record, evidence_of, evidence_record
from tawny.storage.sqlite_schema import prepare, sqlite_errors

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
    """read_only: for looking on while a recorder has it open."""

    traits: ClassVar = Traits(durable=True)

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Makes the file if it is not there. Raises IndexDamaged, FolderUnwritable, DiskFull."""
        self._path, self._where = path, str(path)
        self._lock = threading.RLock()
        self._depth, self._changing_thread = 0, 0
        self._idle: list[sqlite3.Connection] = []
        self._is_cut_off = False  # its disk failed: it may be another one by now, and the file is opened again
        with sqlite_errors(self._where):
            self._writer = self._connect("ro" if read_only else "rwc")
            try:
                if not read_only:
                    self._writer.execute("PRAGMA journal_mode = WAL")
                    self._writer.execute("PRAGMA synchronous = FULL")
                prepare(self._writer, self._where)
            except (sqlite3.Error, IndexDamaged):
                self._writer.close()
                raise

    def close(self) -> None:
        with self._lock, sqlite_errors(self._where):
            for connection in (*self._idle, self._writer):
                connection.close()
            self._idle.clear()

    def integrity(self) -> str:
        """What SQLite finds wrong when it reads all of its file; empty when nothing. Takes seconds a gigabyte."""
        found = self._ask("PRAGMA integrity_check(1)")
        return "" if found == [("ok",)] else str(found[0][0])

    # --- how changes and questions run

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._lock, self._noticing(), sqlite_errors(self._where):
            if self._is_cut_off and self._depth == 0:
                self._open_again()
            if self._depth == 0:
                self._writer.execute("BEGIN IMMEDIATE")
                self._changing_thread = threading.get_ident()
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    self._writer.execute("COMMIT")
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._changing_thread = 0
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Whether the disk failed under it."""
        try:
            yield
        except (DiskFull, IndexDamaged):
            raise
        except StorageError:
            self._is_cut_off = True
            raise

    def _open_again(self) -> None:
        """The old connections first: one that is closed while another is open would remove the other's WAL."""
        for old in (*self._idle, self._writer):
            with suppress(sqlite3.Error):  # its file is gone
                old.close()
        self._idle.clear()
        again = self._connect("rw")
        try:
            again.execute("PRAGMA synchronous = FULL")
            prepare(again, self._where)
        except (sqlite3.Error, IndexDamaged):
            again.close()
            raise
        self._writer, self._is_cut_off = again, False

    def _change(self, change: str, *values: Any) -> None:
        with self.together():
            self._writer.execute(change, values)

    def _ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite_errors(self._where):
            if self._changing_thread == threading.get_ident():
                return self._writer.execute(question, values).fetchall()  # sees what it has changed so far
            reader = self._idle.pop() if self._idle else self._connect("ro")
            try:
                found = reader.execute(question, values).fetchall()
            except sqlite3.Error:
                reader.close()
                raise
            self._idle.append(reader)
            return found

    def _connect(self, mode: str) -> sqlite3.Connection:
        address = f"{self._path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=10)

    # --- segments

    def add_segment(self, segment: Segment) -> None:
        with self.together():
            segments.add(self._writer, segment)

    def segment(self, segment_id: SegmentId) -> Segment | None:
        found = self._segments("WHERE segments.id = ? AND NOT removing", segments.key(segment_id))
        return found[0] if found else None

    def segments(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Segment]:
        # the stretches lead to the few runs that are worth looking at
        return self._segments(
            """WHERE run_id IN (SELECT run_id FROM stretches WHERE camera = ?1 AND end_ms > ?3 AND start_ms < ?4
                                AND (?2 IS NULL OR stream = ?2))
               AND start_ms < ?4 AND end_ms > ?3 AND NOT removing ORDER BY start_ms, stream""",
            camera,
            stream.value if stream else None,
            within.begin_ms,
            within.end_ms,
        )

    def oldest_segments(
        self,
        limit: int,
        camera: CameraId | None = None,
        *,
        stream: StreamName | None = None,
        after: Segment | None = None,
    ) -> list[Segment]:
        end_ms, last = (after.end_ms, segments.key(after.id)) if after else (-1, b"")
        return self._segments(
            """WHERE NOT removing AND (end_ms, segments.id) > (?, ?) AND camera = coalesce(?, camera)
               AND stream = coalesce(?, stream) ORDER BY end_ms, segments.id LIMIT ?""",
            end_ms,
            last,
            camera,
            stream.value if stream else None,
            limit,
        )

    def all_segments(self) -> Iterable[Segment]:
        last: Segment | None = None
        while page := self.oldest_segments(_ROWS_AT_ONCE, after=last):
            yield from page
            last = page[-1]

    def mark_removing(self, ids: Iterable[SegmentId]) -> None:
        with self.together():
            segments.mark_removing(self._writer, ids)

    def removing(self) -> list[Segment]:
        return self._segments("WHERE removing ORDER BY end_ms, segments.id")

    def drop_segments(self, ids: Iterable[SegmentId]) -> None:
        with self.together():
            segments.drop(self._writer, ids)

    def _segments(self, which: str, *values: Any) -> list[Segment]:
        return [segments.segment_of(row) for row in self._ask(f"{segments.SELECT} {which}", *values)]

    def spans(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Span]:
        found = self._ask(
            """SELECT start_ms, end_ms FROM stretches WHERE camera = ?1 AND end_ms > ?3 AND start_ms < ?4
               AND (?2 IS NULL OR stream = ?2)""",
            camera,
            stream.value if stream else None,
            within.begin_ms,
            within.end_ms,
        )
        return merged([cut for row in found if (cut := Span(*row).cut_to(within)) is not None])

    def size_bytes(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        return self._totals(camera, stream)[1]

    def count(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        return self._totals(camera, stream)[0]

    def _totals(self, camera: CameraId | None, stream: StreamName | None) -> tuple[int, int]:
        """Files and bytes."""
        found = self._ask(
            """SELECT coalesce(sum(files), 0), coalesce(sum(size_bytes), 0) FROM totals
               WHERE camera = coalesce(?, camera) AND stream = coalesce(?, stream)""",
            camera,
            stream.value if stream else None,
        )
        return int(found[0][0]), int(found[0][1])

    def bounds(self, camera: CameraId) -> Span | None:
        begin_ms, end_ms = self._ask("SELECT min(start_ms), max(end_ms) FROM stretches WHERE camera = ?", camera)[0]
        return None if begin_ms is None else Span(begin_ms, end_ms)

    # --- gaps

    def put_gap(self, gap: Gap) -> None:
        self._change(
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
        found = self._ask(f"{_GAPS} {which}", *values)
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
        self._change(
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
        found = self._ask(
            f"{_DAMAGE} WHERE {whose} AND end_ms > ?2 AND begin_ms < ?3 ORDER BY begin_ms, camera, stream",
            camera,
            within.begin_ms,
            within.end_ms,
        )
        return [Damage(CameraId(name), StreamName(stream), *figures) for name, stream, *figures in found]

    def drop_damage(self, damage: Damage) -> None:
        self._change(
            "DELETE FROM damage WHERE camera = ? AND stream = ? AND begin_ms = ?",
            damage.camera,
            damage.stream.value,
            damage.begin_ms,
        )

    # --- events

    def put_event(self, event: Event) -> None:
        self._change(
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
        self._change("DELETE FROM events WHERE id = ?", event_id)

    def _events(self, which: str, *values: Any) -> list[Event]:
        return [event_of(json.loads(row[0])) for row in self._ask(f"{_EVENTS} {which}", *values)]


def _compact(record: Record) -> str:
    return json.dumps(record, separators=(",", ":"))
