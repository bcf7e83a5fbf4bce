"""All segments of the index, with rows or counted.

Functions need a connection in a transaction, or only read, except `settle` and `recount`, which open their own.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from tawny.model.ids import CameraId, SegmentId, StreamName
from tawny.model.segments import Segment, segment_id
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.storage.disk.layout import HOUR_MS, is_thinned
from tawny.storage.index import sqlite_hours as segments
from tawny.storage.index import sqlite_hours as stretches
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.protocol import SegmentCount
from tawny.storage.index.sqlite_file import NameTable, SqliteFile, StreamKey, format_of
from tawny.storage.index.sqlite_hours import REACH_MS, HourTable

_ID_BYTES: Final = 12
_MARK_BYTES: Final = 6
_EVER_MS: Final = 1 << 62
_HOURS_AT_ONCE: Final = 64

Place = tuple[int, SegmentId]
"""Sort key of a segment: end in ms, then id."""


class SqliteSegmentStore:
    """Segment queries and changes. catalogue: lists the folders. The caller opens the file's transactions."""

    def __init__(self, names: NameTable, catalogue: Catalogue) -> None:
        self._names, self._catalogue = names, catalogue
        self._hours = HourTable(names, catalogue)

    # --- queries

    def one(self, db: sqlite3.Connection, segment_id: SegmentId) -> Segment | None:
        try:
            key = bytes.fromhex(segment_id)
        except ValueError:
            return None
        stream = self._names.marked(db, key[:_MARK_BYTES]) if len(key) == _ID_BYTES else None
        return self._at(db, stream, int.from_bytes(key[_MARK_BYTES:], "big")) if stream else None

    def _at(self, db: sqlite3.Connection, stream: StreamKey, start_ms: int) -> Segment | None:
        match segments.is_removing(db, stream, start_ms):
            case None:
                return self._hours.at(db, stream, start_ms)
            case True:
                return None
            case False:
                return segments.read_segments(db, self._names, stream, "start_ms = ?", start_ms)[0]

    def overlapping(
        self, db: sqlite3.Connection, camera: CameraId, name: StreamName | None, within: Span
    ) -> list[Segment]:
        found: list[Segment] = []
        for stream in self._names.streams(db, camera, name):
            found += self._overlapping(db, stream, within)
        return sorted(found, key=lambda one: (one.start_ms, one.stream))

    def _overlapping(self, db: sqlite3.Connection, stream: StreamKey, within: Span) -> list[Segment]:
        begin_ms, end_ms = within.begin_ms, within.end_ms
        with_rows = segments.find_overlapping(db, self._names, stream, begin_ms, end_ms)
        return with_rows + self._hours.overlapping(db, stream, begin_ms, end_ms)

    def oldest(
        self,
        db: sqlite3.Connection,
        limit: int,
        camera: CameraId | None,
        name: StreamName | None,
        after: Segment | None,
    ) -> list[Segment]:
        """Return the segments that ended first.

        Proceeds by hour: a segment of a later hour ends later than any of this one.
        """
        streams = self._names.streams(db, camera, name)
        behind = _place(after) if after else (-1, SegmentId(""))
        begin_ms = behind[0]
        hour = (begin_ms - REACH_MS) // HOUR_MS - 1
        found: list[Segment] = []
        held: list[tuple[Place, Segment]] = []
        while True:
            nexts = [self._hours.next_hour(db, stream, hour) for stream in streams]
            at = min((one for one in nexts if one is not None), default=None)
            end_ms = _EVER_MS if at is None else (at + 1) * HOUR_MS
            for stream in streams:
                some = [] if at is None else self._hours.of(db, stream, at)
                some += self._that_end(db, stream, begin_ms, end_ms, behind, limit)
                held += [(_place(one), one) for one in some]
            held.sort(key=lambda one: one[0])
            found += [one for place, one in held if place[0] < end_ms and place > behind]
            if at is None or len(found) >= limit:
                return found[:limit]
            held = [one for one in held if one[0][0] >= end_ms]
            begin_ms, hour = end_ms, at + 1

    def _that_end(
        self, db: sqlite3.Connection, stream: StreamKey, begin_ms: int, end_ms: int, behind: Place, limit: int
    ) -> list[Segment]:
        """Return the first `limit` segments with rows that end in the range, after `behind`."""
        first = segment_id(stream.camera, stream.name, 0)  # a stream's ids are in order of start
        start_ms = int(behind[1], 16) - int(first, 16) if behind[1] else -1
        which = (
            "NOT removing AND end_ms >= ? AND end_ms < ? AND (end_ms, start_ms) > (?, ?) "
            "ORDER BY end_ms, start_ms LIMIT ?"
        )
        behind_ms = behind[0], max(-1, min(start_ms, _EVER_MS))
        return segments.read_segments(db, self._names, stream, which, begin_ms, end_ms, *behind_ms, limit)

    def removing(self, db: sqlite3.Connection) -> list[Segment]:
        found: list[Segment] = []
        for stream in self._names.streams(db, None, None):
            found += segments.read_segments(db, self._names, stream, "removing")
        return sorted(found, key=_place)

    def spans(self, db: sqlite3.Connection, camera: CameraId, name: StreamName | None, within: Span) -> list[Span]:
        return stretches.recorded_spans(db, [one.id for one in self._names.streams(db, camera, name)], within)

    def bounds(self, db: sqlite3.Connection, camera: CameraId) -> Span | None:
        return stretches.recorded_bounds(db, [one.id for one in self._names.streams(db, camera, None)])

    def totals(self, db: sqlite3.Connection, camera: CameraId | None, name: StreamName | None) -> tuple[int, int]:
        """Return number of files and total bytes."""
        found = db.execute(
            """SELECT coalesce(sum(files), 0), coalesce(sum(size_bytes), 0) FROM streams
               WHERE camera = coalesce(?, camera) AND stream = coalesce(?, stream)""",
            (camera, name.value if name else None),
        ).fetchone()
        return int(found[0]), int(found[1])

    # --- changes

    def add(self, db: sqlite3.Connection, segment: Segment) -> None:
        stream = self._names.stream_or_new(db, segment.camera, segment.stream)
        if segments.is_removing(db, stream, segment.start_ms) is not None:
            return
        if self._hours.at(db, stream, segment.start_ms) is not None:
            return
        segments.insert_segment(db, self._names, stream, segment, removing=False)
        segments.add_to_count(db, stream, 1, segment.size_bytes)
        said, thinned = format_of(segment), is_thinned(segment)
        stretches.cover_span(db, self._names, stream.id, segment.span, segment.run, said, is_thinned=thinned)

    def mark_removing(self, db: sqlite3.Connection, segment: Segment) -> None:
        stream = self._names.stream(db, segment.camera, segment.stream)
        has_row = segments.is_removing(db, stream, segment.start_ms) if stream else True
        if stream is None or has_row:
            return
        taken: Segment | None
        if has_row is None:
            taken = self._hours.take_out(db, stream, segment)
            if taken is None:
                return
            segments.insert_segment(db, self._names, stream, taken, removing=True)
        else:
            taken = segments.read_segments(db, self._names, stream, "start_ms = ?", segment.start_ms)[0]
            asked = (stream.id, segment.start_ms)
            db.execute("UPDATE segments SET removing = 1 WHERE stream_id = ? AND start_ms = ?", asked)
        segments.add_to_count(db, stream, -1, -taken.size_bytes)
        self._uncover(db, stream, taken)

    def _uncover(self, db: sqlite3.Connection, stream: StreamKey, segment: Segment) -> None:
        said = format_of(segment)
        others = [
            one.span
            for one in self._overlapping(db, stream, segment.span)
            if one.run == segment.run and format_of(one).looks_as(said)
        ]
        stretches.uncover_span(db, self._names, stream.id, segment.span, segment.run, said, others)

    def drop(self, db: sqlite3.Connection, segment: Segment) -> None:
        self.mark_removing(db, segment)
        stream = self._names.stream(db, segment.camera, segment.stream)
        if stream is not None:
            asked = (stream.id, segment.start_ms)
            db.execute("DELETE FROM segments WHERE stream_id = ? AND start_ms = ?", asked)

    def list_ahead(self, file: SqliteFile, these: Iterable[Segment]) -> None:
        """Fill the catalogue's cache before a transaction, so that a transaction does not wait for folder reads."""
        for camera, hour in sorted({(one.camera, one.start_ms // HOUR_MS) for one in these}):
            with file.reading() as db:
                for stream in self._names.streams(db, camera, None):
                    self._hours.of(db, stream, hour)

    # --- hours

    def settle(self, file: SqliteFile, before_ms: int) -> None:
        with file.reading() as db:
            todo = [
                (stream, hour)
                for stream in self._names.streams(db, None, None)
                for hour in self._hours.unsettled(db, stream, before_ms)
            ]
        for begin in range(0, len(todo), _HOURS_AT_ONCE):
            some = todo[begin : begin + _HOURS_AT_ONCE]
            whole = {(stream.camera, hour) for stream, hour in some}
            looks = {(camera, hour): self._catalogue.fresh(camera, hour) for camera, hour in sorted(whole)}
            with file.changing() as db:
                for stream, hour in some:
                    self._hours.settle(db, stream, hour, looks[stream.camera, hour])

    def counted(self, db: sqlite3.Connection) -> list[SegmentCount]:
        return [
            SegmentCount(stream.camera, stream.name, count.hour * HOUR_MS, count.files, count.size_bytes)
            for stream in self._names.streams(db, None, None)
            for count in self._hours.counts(db, stream)
        ]

    def recount(self, file: SqliteFile, counted: SegmentCount) -> list[Span]:
        hour = counted.begin_ms // HOUR_MS
        looks = [self._catalogue.fresh(counted.camera, one) for one in (hour, hour + 1)]
        if not all(look.is_whole for look in looks):
            return []
        lost: list[Span] = []
        with file.changing() as db:
            for stream in self._names.streams(db, counted.camera, counted.stream):
                self._hours.recount(db, stream, hour, looks[0])
                lost += self._without_files(db, stream, Span(hour * HOUR_MS, (hour + 1) * HOUR_MS + REACH_MS))
        return merge_spans(lost)

    def _without_files(self, db: sqlite3.Connection, stream: StreamKey, within: Span) -> list[Span]:
        """Remove time without a segment from the stretches. Return it."""
        lost: list[Span] = []
        listed = self._overlapping(db, stream, within)
        for stretch in stretches.read_stretches(db, stream.id, within):
            said, claimed = self._names.format(db, stretch.format_id), stretch.span.cut_to(within)
            there = [one.span for one in listed if one.run == stretch.run and format_of(one).looks_as(said)]
            for hole in missing_spans(there, claimed) if claimed else []:
                stretches.uncover_span(db, self._names, stream.id, hole, stretch.run, said, [])
                lost.append(hole)
        return lost


def _place(segment: Segment) -> Place:
    return segment.end_ms, segment.id
