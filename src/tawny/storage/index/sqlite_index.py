"""SQLite index of segments, gaps and events.

Past hours store one count per stream instead of about sixty rows, and their segments are read from the folders
(`storage.index.sqlite_hours`). Recorded time has one row per run and day. Events, gaps and damage are tables of
`storage.index.sqlite_events`; `storage.index.sqlite_file` manages the connections. Private methods need a connection in
a transaction, or only read.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar, Final

from tawny.model.ids import CameraId, SegmentId, StreamName
from tawny.model.segments import Segment, segment_id
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.storage.disk.layout import HOUR_MS, is_thinned
from tawny.storage.index import sqlite_hours as hours
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.protocol import SegmentCount
from tawny.storage.index.sqlite_events import EventTable, GapTable
from tawny.storage.index.sqlite_file import NameTable, SqliteFile, StreamKey, format_of
from tawny.storage.index.sqlite_hours import REACH_MS, HourTable

_ROWS_AT_ONCE: Final = 1000
_ID_BYTES: Final = 12
_MARK_BYTES: Final = 6
_EVER_MS: Final = 1 << 62
_HOURS_AT_ONCE: Final = 64

_Place = tuple[int, SegmentId]
"""Sort key of a segment: end in ms, then id."""


class SqliteIndex(GapTable, EventTable):
    """Index in SQLite. catalogue: lists the hour folders; None: every segment keeps a row.

    read_only: for reading while a recorder has the file open. sync: False makes nothing durable, for a file that is
    synced when it is complete.
    """

    is_durable: ClassVar = True
    """Changes survive a power cut."""

    def __init__(
        self, path: Path, catalogue: Catalogue | None = None, *, read_only: bool = False, sync: bool = True
    ) -> None:
        """Open the file, creating it if necessary. Raises IndexDamaged, IndexOutdated, FolderUnwritable, DiskFull."""
        names = NameTable()
        super().__init__(SqliteFile(path, read_only=read_only, undone=names.forget, sync=sync), names)
        self._catalogue, self._may_settle = catalogue or Catalogue(None), catalogue is not None
        self._hours = HourTable(names, self._catalogue)

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

    # --- queries of segments

    def segment(self, segment_id: SegmentId) -> Segment | None:
        try:
            key = bytes.fromhex(segment_id)
        except ValueError:
            return None
        if len(key) != _ID_BYTES:
            return None
        with self._file.reading() as db:
            stream = self._names.marked(db, key[:_MARK_BYTES])
            return self._at(db, stream, int.from_bytes(key[_MARK_BYTES:], "big")) if stream else None

    def segments(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Segment]:
        found: list[Segment] = []
        with self._file.reading() as db:
            for one in self._names.streams(db, camera, stream):
                found += self._overlapping(db, one, within)
        return sorted(found, key=lambda one: (one.start_ms, one.stream))

    def oldest_segments(
        self,
        limit: int,
        camera: CameraId | None = None,
        *,
        stream: StreamName | None = None,
        after: Segment | None = None,
    ) -> list[Segment]:
        """Return the segments that ended first.

        Proceeds by hour: a segment of a later hour ends later than any of this one.
        """
        behind = _place(after) if after else (-1, SegmentId(""))
        begin_ms = behind[0]
        hour = (begin_ms - REACH_MS) // HOUR_MS - 1
        found: list[Segment] = []
        held: list[tuple[_Place, Segment]] = []
        with self._file.reading() as db:
            streams = self._names.streams(db, camera, stream)
            while True:
                nexts = [self._hours.next_hour(db, one, hour) for one in streams]
                at = min((one for one in nexts if one is not None), default=None)
                end_ms = _EVER_MS if at is None else (at + 1) * HOUR_MS
                for each in streams:
                    some = [] if at is None else self._hours.of(db, each, at)
                    some += self._that_end(db, each, (begin_ms, end_ms), behind, limit)
                    held += [(_place(one), one) for one in some]
                held.sort(key=lambda one: one[0])
                found += [one for place, one in held if place[0] < end_ms and place > behind]
                if at is None or len(found) >= limit:
                    return found[:limit]
                held = [one for one in held if one[0][0] >= end_ms]
                begin_ms, hour = end_ms, at + 1

    def all_segments(self) -> Iterable[Segment]:
        last: Segment | None = None
        while page := self.oldest_segments(_ROWS_AT_ONCE, after=last):
            yield from page
            last = page[-1]

    def removing(self) -> list[Segment]:
        found: list[Segment] = []
        with self._file.reading() as db:
            for stream in self._names.streams(db, None, None):
                found += hours.read_segments(db, self._names, stream, "removing")
        return sorted(found, key=_place)

    def spans(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Span]:
        with self._file.reading() as db:
            return hours.recorded_spans(db, [one.id for one in self._names.streams(db, camera, stream)], within)

    def bounds(self, camera: CameraId) -> Span | None:
        with self._file.reading() as db:
            return hours.recorded_bounds(db, [one.id for one in self._names.streams(db, camera, None)])

    def size_bytes(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        return self._totals(camera, stream)[1]

    def count(self, camera: CameraId | None = None, stream: StreamName | None = None) -> int:
        return self._totals(camera, stream)[0]

    def _totals(self, camera: CameraId | None, stream: StreamName | None) -> tuple[int, int]:
        """Return number of files and total bytes."""
        found = self._file.ask(
            """SELECT coalesce(sum(files), 0), coalesce(sum(size_bytes), 0) FROM streams
               WHERE camera = coalesce(?, camera) AND stream = coalesce(?, stream)""",
            camera,
            stream.value if stream else None,
        )
        return int(found[0][0]), int(found[0][1])

    def _at(self, db: sqlite3.Connection, stream: StreamKey, start_ms: int) -> Segment | None:
        match hours.is_removing(db, stream, start_ms):
            case None:
                return self._hours.at(db, stream, start_ms)
            case True:
                return None
            case False:
                return hours.read_segments(db, self._names, stream, "start_ms = ?", start_ms)[0]

    def _overlapping(self, db: sqlite3.Connection, stream: StreamKey, within: Span) -> list[Segment]:
        begin_ms, end_ms = within.begin_ms, within.end_ms
        with_rows = hours.find_overlapping(db, self._names, stream, begin_ms, end_ms)
        return with_rows + self._hours.overlapping(db, stream, begin_ms, end_ms)

    def _that_end(
        self, db: sqlite3.Connection, stream: StreamKey, between_ms: tuple[int, int], behind: _Place, limit: int
    ) -> list[Segment]:
        """Return the first `limit` segments with rows that end in the range, after `behind`."""
        first = segment_id(stream.camera, stream.name, 0)  # a stream's ids are in order of start
        start_ms = int(behind[1], 16) - int(first, 16) if behind[1] else -1
        which = (
            "NOT removing AND end_ms >= ? AND end_ms < ? AND (end_ms, start_ms) > (?, ?) "
            "ORDER BY end_ms, start_ms LIMIT ?"
        )
        values = *between_ms, behind[0], max(-1, min(start_ms, _EVER_MS)), limit
        return hours.read_segments(db, self._names, stream, which, *values)

    # --- changes of segments

    def add_segment(self, segment: Segment) -> None:
        with self._file.changing() as db:
            stream = self._names.stream_or_new(db, segment.camera, segment.stream)
            if hours.is_removing(db, stream, segment.start_ms) is not None:
                return
            if self._hours.at(db, stream, segment.start_ms) is not None:
                return
            hours.insert_segment(db, self._names, stream, segment, removing=False)
            hours.add_to_count(db, stream, 1, segment.size_bytes)
            said, thinned = format_of(segment), is_thinned(segment)
            hours.cover_span(db, self._names, stream.id, segment.span, segment.run, said, is_thinned=thinned)

    def mark_removing(self, segments: Iterable[Segment]) -> None:
        self._change_each(self._mark_removing, segments)

    def drop_segments(self, segments: Iterable[Segment]) -> None:
        self._change_each(self._drop_segment, segments)

    def _change_each(self, change: Callable[[sqlite3.Connection, Segment], None], segments: Iterable[Segment]) -> None:
        these = list(segments)
        if not self._file.is_changing:
            self._list_ahead(these)
        with self._file.changing() as db:
            for one in these:
                change(db, one)

    def _list_ahead(self, these: Iterable[Segment]) -> None:
        """Fill the catalogue's cache before a transaction, so that a transaction does not wait for folder reads."""
        for camera, hour in sorted({(one.camera, one.start_ms // HOUR_MS) for one in these}):
            with self._file.reading() as db:
                for stream in self._names.streams(db, camera, None):
                    self._hours.of(db, stream, hour)

    def _mark_removing(self, db: sqlite3.Connection, segment: Segment) -> None:
        stream = self._names.stream(db, segment.camera, segment.stream)
        has_row = hours.is_removing(db, stream, segment.start_ms) if stream else True
        if stream is None or has_row:
            return
        taken: Segment | None
        if has_row is None:
            taken = self._hours.take_out(db, stream, segment)
            if taken is None:
                return
            hours.insert_segment(db, self._names, stream, taken, removing=True)
        else:
            taken = hours.read_segments(db, self._names, stream, "start_ms = ?", segment.start_ms)[0]
            asked = (stream.id, segment.start_ms)
            db.execute("UPDATE segments SET removing = 1 WHERE stream_id = ? AND start_ms = ?", asked)
        hours.add_to_count(db, stream, -1, -taken.size_bytes)
        said = format_of(taken)
        others = [
            one.span
            for one in self._overlapping(db, stream, taken.span)
            if one.run == taken.run and format_of(one).looks_as(said)
        ]
        hours.uncover_span(db, self._names, stream.id, taken.span, taken.run, said, others)

    def _drop_segment(self, db: sqlite3.Connection, segment: Segment) -> None:
        self._mark_removing(db, segment)
        stream = self._names.stream(db, segment.camera, segment.stream)
        if stream is not None:
            asked = (stream.id, segment.start_ms)
            db.execute("DELETE FROM segments WHERE stream_id = ? AND start_ms = ?", asked)

    # --- settled hours

    def settle(self, before_ms: int) -> None:
        if not self._may_settle:
            return
        with self._file.reading() as db:
            todo = [
                (stream, hour)
                for stream in self._names.streams(db, None, None)
                for hour in self._hours.unsettled(db, stream, before_ms)
            ]
        for begin in range(0, len(todo), _HOURS_AT_ONCE):
            some = todo[begin : begin + _HOURS_AT_ONCE]
            whole = {(stream.camera, hour) for stream, hour in some}
            looks = {(camera, hour): self._catalogue.fresh(camera, hour) for camera, hour in sorted(whole)}
            with self._file.changing() as db:
                for stream, hour in some:
                    self._hours.settle(db, stream, hour, looks[stream.camera, hour])

    def counted(self) -> Iterable[SegmentCount]:
        with self._file.reading() as db:
            return [
                SegmentCount(stream.camera, stream.name, count.hour * HOUR_MS, count.files, count.size_bytes)
                for stream in self._names.streams(db, None, None)
                for count in self._hours.counts(db, stream)
            ]

    def recount(self, hour: SegmentCount) -> list[Span]:
        number = hour.begin_ms // HOUR_MS
        looks = [self._catalogue.fresh(hour.camera, one) for one in (number, number + 1)]
        if not all(look.is_whole for look in looks):
            return []
        lost: list[Span] = []
        with self._file.changing() as db:
            for stream in self._names.streams(db, hour.camera, hour.stream):
                self._hours.recount(db, stream, number, looks[0])
                lost += self._without_files(db, stream, Span(hour.begin_ms, hour.begin_ms + HOUR_MS + REACH_MS))
        return merge_spans(lost)

    def _without_files(self, db: sqlite3.Connection, stream: StreamKey, within: Span) -> list[Span]:
        """Remove time without a segment from the stretches. Return it."""
        lost: list[Span] = []
        listed = self._overlapping(db, stream, within)
        for stretch in hours.read_stretches(db, stream.id, within):
            said, claimed = self._names.format(db, stretch.format_id), stretch.span.cut_to(within)
            there = [one.span for one in listed if one.run == stretch.run and format_of(one).looks_as(said)]
            for hole in missing_spans(there, claimed) if claimed else []:
                hours.uncover_span(db, self._names, stream.id, hole, stretch.run, said, [])
                lost.append(hole)
        return lost


def _place(segment: Segment) -> _Place:
    return segment.end_ms, segment.id
