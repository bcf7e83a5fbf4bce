"""Settled hours: the index stores counts and reads their segments from the hour's folder.

Listed are files without a row that a stretch of the index covers, with the stretch's run and format. If there are more
files than counted, file headers are read. Functions need a transaction, or only read; listing reads the disk.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple, replace
from typing import Any, Final, NamedTuple

from tawny.model.damage import DamagedSpan
from tawny.model.ids import CameraId, RunId
from tawny.model.segments import Gap, GapEvidence, GapReason, Segment
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.storage.disk.layout import DAY_MS, HOUR_MS, LONGEST_MS, SegmentName
from tawny.storage.index import catalogue
from tawny.storage.index.catalogue import Catalogue, CatalogueHour, ListedSegment
from tawny.storage.index.name_table import FormatKey, NameTable, StreamKey, format_of
from tawny.storage.index.sqlite_file import Row, SqliteFile

# SQLite table of segments that have their own row. Functions need a connection in a transaction, or only read.

_SELECT: Final = "SELECT start_ms, end_ms, size_bytes, run, format_id, path FROM segments"


def segment_as(
    stream: StreamKey, start_ms: int, end_ms: int, size_bytes: int, run: RunId, path: str, format_key: FormatKey
) -> Segment:
    return Segment(
        camera=stream.camera,
        stream=stream.name,
        run=run,
        start_ms=start_ms,
        end_ms=end_ms,
        size_bytes=size_bytes,
        path=path,
        video=format_key.video,
        width=format_key.width,
        height=format_key.height,
        audio=format_key.audio,
    )


def read_segments(
    db: sqlite3.Connection, names: NameTable, stream: StreamKey, which: str, *values: Any
) -> list[Segment]:
    """Return segments of the stream that match an SQL condition. which: the condition and its order."""
    found = db.execute(f"{_SELECT} WHERE stream_id = ? AND {which}", (stream.id, *values))
    return [
        segment_as(
            stream,
            start_ms,
            end_ms,
            size_bytes,
            RunId(run),
            path or SegmentName(stream.camera, stream.name, start_ms, end_ms).path,
            names.format(db, format_id),
        )
        for start_ms, end_ms, size_bytes, run, format_id, path in found
    ]


def find_overlapping(
    db: sqlite3.Connection, names: NameTable, stream: StreamKey, begin_ms: int, end_ms: int
) -> list[Segment]:
    """Return listed segments that overlap the range."""
    which = "start_ms > ? AND start_ms < ? AND end_ms > ? AND NOT removing"
    return read_segments(db, names, stream, which, begin_ms - LONGEST_MS - 1, end_ms, begin_ms)


def is_removing(db: sqlite3.Connection, stream: StreamKey, start_ms: int) -> bool | None:
    """Return whether the segment is being removed. None if it has no row."""
    values = (stream.id, start_ms)
    found = db.execute("SELECT removing FROM segments WHERE stream_id = ? AND start_ms = ?", values).fetchone()
    return None if found is None else bool(found[0])


def insert_segment(
    db: sqlite3.Connection, names: NameTable, stream: StreamKey, segment: Segment, *, removing: bool
) -> None:
    usual = SegmentName(segment.camera, segment.stream, segment.start_ms, segment.end_ms).path
    db.execute(
        "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stream.id,
            segment.start_ms,
            segment.end_ms,
            segment.size_bytes,
            segment.run,
            names.format_id(db, format_of(segment)),
            None if segment.path == usual else segment.path,
            removing,
        ),
    )


def add_to_count(db: sqlite3.Connection, stream: StreamKey, files: int, size_bytes: int) -> None:
    """Add to the stream's totals of listed files and bytes."""
    values = (files, size_bytes, stream.id)
    db.execute("UPDATE streams SET files = files + ?, size_bytes = size_bytes + ? WHERE id = ?", values)


# SQLite table of stretches: recorded time. Functions need a connection in a transaction, or only read.

_SELECT_STRETCHES: Final = "SELECT start_ms, end_ms, run, format_id FROM stretches WHERE stream_id = ?"


class RecordedStretch(NamedTuple):
    span: Span
    run: RunId
    format_id: int


def read_stretches(db: sqlite3.Connection, stream_id: int, within: Span) -> list[RecordedStretch]:
    """Return stretches that overlap or touch `within`, in order."""
    found = db.execute(
        f"{_SELECT_STRETCHES} AND start_ms BETWEEN ? AND ? AND end_ms >= ? ORDER BY start_ms",
        (stream_id, _midnight_ms(within.begin_ms - 1), within.end_ms, within.begin_ms),
    )
    return [
        RecordedStretch(Span(start_ms, end_ms), RunId(run), format_id) for start_ms, end_ms, run, format_id in found
    ]


def recorded_spans(db: sqlite3.Connection, stream_ids: Iterable[int], within: Span) -> list[Span]:
    """Return the recorded time of these streams, cut to `within`."""
    begin_ms, end_ms = within.begin_ms, within.end_ms
    found: list[Span] = []
    for stream_id in stream_ids:
        rows = db.execute(
            "SELECT max(start_ms, ?2), min(end_ms, ?3) FROM stretches "
            "WHERE stream_id = ?1 AND start_ms >= ?4 AND start_ms < ?3 AND end_ms > ?2",
            (stream_id, begin_ms, end_ms, _midnight_ms(begin_ms)),
        )
        found += [Span(*row) for row in rows]
    return merge_spans(found)


def recorded_bounds(db: sqlite3.Connection, stream_ids: Iterable[int]) -> Span | None:
    """Return the span from the first to the last recorded instant of these streams."""
    begins, ends = [], []
    for stream_id in stream_ids:
        first, last = db.execute(
            "SELECT (SELECT min(start_ms) FROM stretches WHERE stream_id = ?1), "
            "(SELECT max(start_ms) FROM stretches WHERE stream_id = ?1)",
            (stream_id,),
        ).fetchone()
        if first is not None:
            begins.append(first)
            ends += [one.span.end_ms for one in read_stretches(db, stream_id, Span(_midnight_ms(last), last))]
    return Span(min(begins), max(ends)) if begins else None


def cover_span(
    db: sqlite3.Connection,
    names: NameTable,
    stream_id: int,
    span: Span,
    run: RunId,
    format_key: FormatKey,
    *,
    is_thinned: bool,
) -> None:
    """Add a segment's span, merged with the stretches it touches."""
    if span.begin_ms == span.end_ms:
        return
    touched = [one for one in read_stretches(db, stream_id, span) if one.run == run]
    format_id = names.format_id(db, format_key)
    if is_thinned:
        fitting = {one.format_id for one in touched if names.format(db, one.format_id).looks_as(format_key)}
        format_id = max(fitting, key=lambda one: names.format(db, one).audio, default=format_id)
    same = [one.span for one in touched if one.format_id == format_id]
    _replace(db, stream_id, run, format_id, same, merge_spans([span, *same]))


def uncover_span(
    db: sqlite3.Connection,
    names: NameTable,
    stream_id: int,
    span: Span,
    run: RunId,
    format_key: FormatKey,
    others: Iterable[Span],
) -> None:
    """Remove a span. others: spans of the run's segments that cover part of it too."""
    gone = missing_spans(list(others), span)
    for one in read_stretches(db, stream_id, span):
        if one.run == run and names.format(db, one.format_id).looks_as(format_key):
            left = [piece for piece in missing_spans(gone, one.span) if piece.begin_ms < piece.end_ms]
            _replace(db, stream_id, run, one.format_id, [one.span], left)


def _replace(
    db: sqlite3.Connection, stream_id: int, run: RunId, format_id: int, before: list[Span], after: list[Span]
) -> None:
    pieces = {piece for span in after for piece in _by_day(span)}
    for span in set(before) - pieces:
        db.execute(
            "DELETE FROM stretches WHERE stream_id = ? AND start_ms = ? AND run = ? AND format_id = ?",
            (stream_id, span.begin_ms, run, format_id),
        )
    db.executemany(
        "INSERT INTO stretches VALUES (?, ?, ?, ?, ?)",
        [(stream_id, span.begin_ms, run, format_id, span.end_ms) for span in pieces - set(before)],
    )


def _by_day(span: Span) -> list[Span]:
    pieces: list[Span] = []
    while _midnight_ms(span.begin_ms) + DAY_MS < span.end_ms:
        midnight_ms = _midnight_ms(span.begin_ms) + DAY_MS
        pieces.append(Span(span.begin_ms, midnight_ms))
        span = Span(midnight_ms, span.end_ms)
    return [*pieces, span]


def _midnight_ms(at_ms: int) -> int:
    return at_ms // DAY_MS * DAY_MS


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
        values = (stream.id, hour)
        found = db.execute("SELECT min(hour) FROM hours WHERE stream_id = ? AND hour >= ?", values).fetchone()
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
                metadata = self._says(one.path)
                fitting = [key for key in fitting if key[0] == metadata][:1]
            if fitting:
                (run, format_id) = fitting[0]
                segment = segment_as(
                    stream, one.start_ms, one.end_ms, one.size_bytes, run, one.path, self._names.format(db, format_id)
                )
                found.append(replace(segment, audio="") if one.is_thinned else segment)
        return found

    def _says(self, path: str) -> RunId | None:
        metadata = self._catalogue.about(path)
        return metadata.run if metadata is not None else None

    def _with_rows(self, db: sqlite3.Connection, stream: StreamKey, hour: int) -> set[int]:
        values = (stream.id, hour * HOUR_MS, (hour + 1) * HOUR_MS)
        found = db.execute(
            "SELECT start_ms FROM segments WHERE stream_id = ? AND start_ms >= ? AND start_ms < ?", values
        )
        return {start_ms for (start_ms,) in found}

    def _runs(self, db: sqlite3.Connection, stream: StreamKey, hour: int) -> Runs:
        runs: defaultdict[tuple[RunId, int], list[Span]] = defaultdict(list)
        within = Span(hour * HOUR_MS, (hour + 1) * HOUR_MS + REACH_MS)
        for one in read_stretches(db, stream.id, within):
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
            add_to_count(db, stream, -files, -size_bytes)
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
        rows = read_segments(db, self._names, stream, which, begin_ms, end_ms, end_ms + REACH_MS)
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
            add_to_count(db, stream, len(found) - count.files, size_bytes - count.size_bytes)
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


# Tables of gaps and damage of the SQLite index.

_GAPS: Final = "SELECT camera_id, begin_ms, end_ms, reason_id, detail, evidence FROM gaps"
_DAY_MS: Final = 86_400_000
_LONG_GAP: Final = f"(end_ms IS NULL OR end_ms - begin_ms > {_DAY_MS})"


class GapTable:
    """Gaps and damage of an index."""

    def __init__(self, file: SqliteFile, names: NameTable) -> None:
        self._file, self._names = file, names

    def put_gap(self, gap: Gap) -> None:
        with self._file.changing() as db:
            db.execute(
                "INSERT OR REPLACE INTO gaps VALUES (?, ?, ?, ?, ?, ?)",
                (
                    self._names.word_id(db, gap.camera),
                    gap.begin_ms,
                    gap.end_ms,
                    self._names.word_id(db, gap.reason.value),
                    gap.detail,
                    json.dumps(astuple(gap.evidence), separators=(",", ":")) if gap.evidence else "",
                ),
            )

    def gaps(self, camera: CameraId, within: Span) -> list[Gap]:
        since_ms, begin_ms, end_ms = within.begin_ms - _DAY_MS, within.begin_ms, within.end_ms
        long = f"{_GAPS} INDEXED BY gaps_long WHERE {_LONG_GAP} AND camera_id = ? AND begin_ms < ? AND begin_ms < ?"
        long += " AND (end_ms IS NULL OR end_ms > ?) ORDER BY begin_ms"
        short = f"{_GAPS} WHERE camera_id = ? AND begin_ms >= ? AND begin_ms < ?"
        short += " AND (end_ms IS NULL OR end_ms > ? OR begin_ms >= ?) ORDER BY begin_ms"
        with self._file.reading() as db:
            camera_id = self._names.known_word_id(db, camera)
            found = self._read_gaps(db, long, camera_id, since_ms, end_ms, begin_ms)
            return found + self._read_gaps(db, short, camera_id, since_ms, end_ms, begin_ms, begin_ms)

    def open_gaps(self) -> list[Gap]:
        with self._file.reading() as db:
            found = self._read_gaps(db, f"{_GAPS} INDEXED BY gaps_long WHERE {_LONG_GAP} AND end_ms IS NULL")
        return sorted(found, key=lambda gap: (gap.begin_ms, gap.camera))

    def _read_gaps(self, db: sqlite3.Connection, question: str, *values: Any) -> list[Gap]:
        rows = db.execute(question, values).fetchall()
        try:
            return [_gap(self._names.words(db), row) for row in rows]
        except KeyError:
            return [_gap(self._names.words(db, reload=True), row) for row in rows]

    # --- damage

    def add_damage(self, damage: DamagedSpan) -> None:
        with self._file.changing() as db:
            stream = self._names.stream_or_new(db, damage.camera, damage.stream)
            took_ms = damage.end_ms - damage.begin_ms
            row = (stream.id, damage.begin_ms, took_ms, damage.units, damage.packets)
            db.execute("INSERT OR REPLACE INTO damage VALUES (?, ?, ?, ?, ?)", row)

    def drop_damage(self, damage: DamagedSpan) -> None:
        with self._file.changing() as db:
            stream = self._names.stream(db, damage.camera, damage.stream)
            if stream is not None:
                db.execute("DELETE FROM damage WHERE stream_id = ? AND begin_ms = ?", (stream.id, damage.begin_ms))

    def damage(self, camera: CameraId | None, within: Span) -> list[DamagedSpan]:
        """Return damage that overlaps `within`. A damaged span never exceeds the length of a segment."""
        with self._file.reading() as db:
            streams = self._names.streams(db, camera, None)
            found = [one for stream in streams for one in _damage_of(db, stream, within)]
        return sorted(found, key=lambda one: (one.begin_ms, one.camera, one.stream))


def _damage_of(db: sqlite3.Connection, stream: StreamKey, within: Span) -> list[DamagedSpan]:
    rows = db.execute(
        "SELECT begin_ms, took_ms, units, packets FROM damage "
        "WHERE stream_id = ? AND begin_ms > ? AND begin_ms < ? AND begin_ms + took_ms > ?",
        (stream.id, within.begin_ms - LONGEST_MS, within.end_ms, within.begin_ms),
    )
    return [
        DamagedSpan(stream.camera, stream.name, begin_ms, begin_ms + took_ms, units, packets)
        for begin_ms, took_ms, units, packets in rows.fetchall()
    ]


def _gap(words: Mapping[int, str], row: Row) -> Gap:
    """Decode a row of `_GAPS`. Raises KeyError if `words` lacks a word id."""
    camera_id, begin_ms, end_ms, reason_id, detail, evidence = row
    seen = GapEvidence(*json.loads(evidence)) if evidence else None
    return Gap(CameraId(words[camera_id]), begin_ms, end_ms, GapReason(words[reason_id]), detail, seen)
