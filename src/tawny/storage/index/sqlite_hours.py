"""Settled hours: the index stores counts and reads their segments from the hour's folder.

Listed are files without a row that a stretch of the index covers, with the stretch's run and format. If there are more
files than counted, file headers are read. Functions need a transaction, or only read; listing reads the disk.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from tawny.model.ids import RunId
from tawny.model.segments import Segment
from tawny.model.times import Span, merge_spans
from tawny.storage.disk.layout import HOUR_MS
from tawny.storage.index import catalogue
from tawny.storage.index import sqlite_segments as segments
from tawny.storage.index import sqlite_stretches as stretches
from tawny.storage.index.catalogue import Catalogue, CatalogueHour, ListedSegment
from tawny.storage.index.sqlite_names import NameTable, StreamKey

Runs = dict[tuple[RunId, int], list[Span]]
"""Recorded time by run and format."""

_FIRST: Final = -1
_LAST: Final = 1 << 48

REACH_MS: Final = HOUR_MS
"""A segment that ends later than this after its hour keeps its row, so queries include the previous hour."""


class HourCount(NamedTuple):
    hour: int
    files: int
    size_bytes: int


class HourTable:
    def __init__(self, names: NameTable, listing: Catalogue) -> None:
        self._names, self._catalogue = names, listing

    def overlapping(self, db: sqlite3.Connection, stream: StreamKey, begin_ms: int, end_ms: int) -> list[Segment]:
        first, last = begin_ms // HOUR_MS - 1, (end_ms - 1) // HOUR_MS
        found = [one for count in self._counts(db, stream, first, last) for one in self.listed(db, stream, count)]
        return [one for one in found if one.start_ms < end_ms and one.end_ms > begin_ms]

    def at(self, db: sqlite3.Connection, stream: StreamKey, start_ms: int) -> Segment | None:
        for count in self._counts(db, stream, start_ms // HOUR_MS, start_ms // HOUR_MS):
            return next((one for one in self.listed(db, stream, count) if one.start_ms == start_ms), None)
        return None

    def of(self, db: sqlite3.Connection, stream: StreamKey, hour: int) -> list[Segment]:
        return [one for count in self._counts(db, stream, hour, hour) for one in self.listed(db, stream, count)]

    def next_hour(self, db: sqlite3.Connection, stream: StreamKey, hour: int) -> int | None:
        """Return the first settled hour at or after `hour`."""
        asked = (stream.id, hour)
        found = db.execute("SELECT min(hour) FROM hours WHERE stream_id = ? AND hour >= ?", asked).fetchone()
        return None if found[0] is None else int(found[0])

    def counts(self, db: sqlite3.Connection, stream: StreamKey) -> list[HourCount]:
        """Return counts of settled hours, including segments that have rows again."""
        counted = {count.hour: count for count in self._counts(db, stream, _FIRST, _LAST)}
        with_rows = db.execute(
            "SELECT start_ms / ?1 AS hour, count(*), sum(size_bytes) FROM segments "
            "WHERE stream_id = ?2 AND NOT removing GROUP BY hour",
            (HOUR_MS, stream.id),
        )
        for hour, files, size_bytes in with_rows:
            if hour in counted:
                counted[hour] = HourCount(hour, counted[hour].files + files, counted[hour].size_bytes + size_bytes)
        return list(counted.values())

    def _counts(self, db: sqlite3.Connection, stream: StreamKey, first: int, last: int) -> list[HourCount]:
        found = db.execute(
            "SELECT hour, files, size_bytes FROM hours WHERE stream_id = ? AND hour BETWEEN ? AND ?",
            (stream.id, first, last),
        )
        return [HourCount(*row) for row in found]

    # --- listing

    def listed(self, db: sqlite3.Connection, stream: StreamKey, count: HourCount) -> list[Segment]:
        """Return the hour's counted segments in order of time."""
        with_rows, runs = self._with_rows(db, stream, count.hour), self._runs(db, stream, count.hour)
        found: list[Segment] = []
        for look in (self._catalogue.hour, self._catalogue.fresh):
            found = self._segments(db, stream, _without(look(stream.camera, count.hour), stream, with_rows), runs)
            if (len(found), sum(one.size_bytes for one in found)) == count[1:]:
                return found
        if len(found) > count.files:
            found = [one for one in found if self._says(one.path) == one.run]
        return found

    def _segments(
        self, db: sqlite3.Connection, stream: StreamKey, files: Iterable[ListedSegment], runs: Runs
    ) -> list[Segment]:
        found: list[Segment] = []
        for one in files:
            fitting = [key for key, spans in runs.items() if _has(spans, one)]
            if len(fitting) > 1:
                said = self._says(one.path)
                fitting = [key for key in fitting if key[0] == said][:1]
            if fitting:
                (run, format_id) = fitting[0]
                segment = segments.segment_as(
                    stream,
                    one.start_ms,
                    one.end_ms,
                    one.size_bytes,
                    run,
                    one.path,
                    self._names.format(db, format_id),
                )
                found.append(replace(segment, audio="") if one.is_thinned else segment)
        return found

    def _says(self, path: str) -> RunId | None:
        said = self._catalogue.about(path)
        return said.run if said is not None else None

    def _with_rows(self, db: sqlite3.Connection, stream: StreamKey, hour: int) -> set[int]:
        asked = (stream.id, hour * HOUR_MS, (hour + 1) * HOUR_MS)
        found = db.execute(
            "SELECT start_ms FROM segments WHERE stream_id = ? AND start_ms >= ? AND start_ms < ?", asked
        )
        return {start_ms for (start_ms,) in found}

    def _runs(self, db: sqlite3.Connection, stream: StreamKey, hour: int) -> Runs:
        runs: defaultdict[tuple[RunId, int], list[Span]] = defaultdict(list)
        within = Span(hour * HOUR_MS, (hour + 1) * HOUR_MS + REACH_MS)
        for one in stretches.between(db, stream.id, within):
            runs[one.run, one.format_id].append(one.span)
        return {key: merge_spans(spans) for key, spans in runs.items()}

    # --- changes

    def take_out(self, db: sqlite3.Connection, stream: StreamKey, segment: Segment) -> Segment | None:
        """Remove a counted segment from the count, because it gets a row. Return None if it is not counted.

        A missing file is assumed to be counted while fewer files exist than were counted.
        """
        for count in self._counts(db, stream, segment.start_ms // HOUR_MS, segment.start_ms // HOUR_MS):
            listed = self.listed(db, stream, count)
            found = next((one for one in listed if one.start_ms == segment.start_ms), None)
            if found is None and len(listed) < count.files:
                found = segment
            if found is not None:
                self._count(db, stream, count, count.files - 1, count.size_bytes - found.size_bytes)
            return found
        return None

    def _count(self, db: sqlite3.Connection, stream: StreamKey, before: HourCount, files: int, size_bytes: int) -> None:
        """Set the count of an hour. A remaining negative count is removed from the totals."""
        if files <= 0:
            db.execute("DELETE FROM hours WHERE stream_id = ? AND hour = ?", (stream.id, before.hour))
            segments.count(db, stream, -files, -size_bytes)
        else:
            db.execute("INSERT OR REPLACE INTO hours VALUES (?, ?, ?, ?)", (stream.id, before.hour, files, size_bytes))

    def unsettled(self, db: sqlite3.Connection, stream: StreamKey, before_ms: int) -> list[int]:
        """Return hours that ended before `before_ms` and have rows, none of them being removed."""
        found = db.execute(
            "SELECT start_ms / ?1 AS hour FROM segments WHERE stream_id = ?2 AND start_ms < ?3 "
            "GROUP BY hour HAVING NOT max(removing) ORDER BY hour",
            (HOUR_MS, stream.id, before_ms // HOUR_MS * HOUR_MS),
        )
        return [hour for (hour,) in found]

    def settle(self, db: sqlite3.Connection, stream: StreamKey, hour: int, look: CatalogueHour) -> bool:
        """Replace an hour's rows by a count if its folder contains exactly these segments.

        look: current content of the folder. Return whether the hour was settled.
        """
        begin_ms, end_ms = hour * HOUR_MS, (hour + 1) * HOUR_MS
        which = "start_ms >= ? AND start_ms < ? AND end_ms <= ? AND NOT removing ORDER BY start_ms"
        rows = segments.rows(db, self._names, stream, which, begin_ms, end_ms, end_ms + REACH_MS)
        before = next(iter(self._counts(db, stream, hour, hour)), HourCount(hour, 0, 0))
        if len(rows) != len(self._with_rows(db, stream, hour)) or not rows or len(look.files) > catalogue.MOST_FILES:
            return False
        files = [one for one in look.files if one.stream is stream.name]
        sum_bytes = before.size_bytes + sum(one.size_bytes for one in rows)
        if (len(files), sum(one.size_bytes for one in files)) != (before.files + len(rows), sum_bytes):
            return False
        starts = {one.start_ms for one in rows}
        theirs = self._segments(db, stream, files, self._runs(db, stream, hour))
        if [one for one in theirs if one.start_ms in starts] != rows or len(theirs) != len(files):
            return False
        db.execute(
            "DELETE FROM segments WHERE stream_id = ? AND start_ms >= ? AND start_ms < ?", (stream.id, begin_ms, end_ms)
        )
        db.execute("INSERT OR REPLACE INTO hours VALUES (?, ?, ?, ?)", (stream.id, hour, len(files), sum_bytes))
        return True

    def recount(self, db: sqlite3.Connection, stream: StreamKey, hour: int, look: CatalogueHour) -> None:
        """Count the segments in the hour's folder. look: its current content."""
        for count in self._counts(db, stream, hour, hour):
            files = _without(look, stream, self._with_rows(db, stream, hour))
            found = self._segments(db, stream, files, self._runs(db, stream, hour))
            size_bytes = sum(one.size_bytes for one in found)
            segments.count(db, stream, len(found) - count.files, size_bytes - count.size_bytes)
            self._count(db, stream, count, len(found), size_bytes)


def _without(look: CatalogueHour, stream: StreamKey, with_rows: set[int]) -> list[ListedSegment]:
    """Return the stream's files without rows. Of two files with one start, the full file wins over the thinned one."""
    found: dict[int, ListedSegment] = {}
    for one in look.files:
        if one.stream is stream.name and one.start_ms not in with_rows:
            known = found.get(one.start_ms)
            if known is None or known.is_thinned:
                found[one.start_ms] = one
    return list(found.values())


def _has(spans: list[Span], one: ListedSegment) -> bool:
    return any(span.begin_ms <= one.start_ms and one.end_ms <= span.end_ms for span in spans)
