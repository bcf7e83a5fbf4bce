"""SQLite index of segments, gaps and events.

Past hours store one count per stream instead of about sixty rows, and their segments are read from the folders
(`storage.index.sqlite_hours`). Recorded time has one row per run and day. `storage.index.sqlite_file` manages the
connections. Private methods need a connection in a transaction, or only read.
"""

import json
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from tawny.model.errors import IndexDamaged, IndexOutdated, StorageError
from tawny.model.events import RANKS, Event, Level, SeenObject, event_id, event_id_says, shown_level
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.segments import Segment, segment_id
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.storage.disk.layout import HOUR_MS, is_thinned
from tawny.storage.history.ledger import event_of, event_record
from tawny.storage.index import sqlite_hours as hours
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.damaged_files import is_unread
from tawny.storage.index.index_schema import VERSION, WITHOUT_LEVELS, other_version
from tawny.storage.index.name_table import NameTable, StreamKey, format_of
from tawny.storage.index.protocol import EventPage, SegmentCount, page_mark, page_place
from tawny.storage.index.sqlite_file import Row, SqliteFile, sqlite_errors
from tawny.storage.index.sqlite_hours import REACH_MS, GapTable, HourTable

# Table of events.

LONG_MS: Final = 3_600_000
_SELECT: Final = "SELECT start_ms, id, camera_id, kind_id, took_ms, kept, reviewed, level, record FROM events"
_SELECT_WITHOUT_LEVELS: Final = _SELECT.replace("level", "0")
_LONG_EVENT: Final = f"(took_ms IS NULL OR took_ms > {LONG_MS})"
_COUNTED: Final = "SELECT ?, count(*) FROM (SELECT 1 FROM events"
_BY_LENGTH: Final = " INDEXED BY events_long"
_LASTS: Final = "(took_ms IS NULL OR start_ms + took_ms > ? OR start_ms >= ?)"
_AMONG: Final = {
    "camera": " AND camera_id IN (SELECT value FROM json_each(?))",
    "kind": " AND shown_id IN (SELECT value FROM json_each(?))",
}
_AT_LEVEL: Final = {
    frozenset(): " AND level = 0",
    **{frozenset({rank}): f" AND level = {rank}" for rank in RANKS.values()},
    **{frozenset(RANKS.values()) - {rank}: f" AND level <> {rank}" for rank in RANKS.values()},
}
"""Conditions by the ranks that are asked for; as literals, so that a partial index fits."""
_FALSE: Final = "coalesce(json_extract(record, '$.false_alarm'), '') <> '' ELSE substr(record, 8, 2) <> x'0000'"
_NAMED: Final = "coalesce(json_array_length(record, '$.objects'), 0) > 0 ELSE substr(record, 22, 1) <> x'00'"
"""Conditions for JSON records and, after ELSE, for offsets in `_HEAD`."""
_ONLY: Final = {
    "all": "",
    "new": " AND NOT reviewed",
    "kept": " AND kept",
    "false_alarms": f" AND CASE typeof(record) WHEN 'text' THEN {_FALSE} END",
    "named": f" AND CASE typeof(record) WHEN 'text' THEN {_NAMED} END",
}
_ALERT: Final = RANKS[Level.ALERT]
_LEVELS: Final = {0: "", **{rank: level.value for level, rank in RANKS.items()}}
_HUNDREDTH: Final = 100
_SHARE: Final = 10_000
_HEAD: Final = struct.Struct("<H?iHH?4HBBB")
"""Fixed part of a record.

Score, has snapshot, snapshot offset in ms, false alarm word, `said` word, has box, box, counts of zones, objects and
suggestions. After it: one word id per zone; word id and score per object and suggestion; travel, if there is one.
"""


class EventTable:
    """Events of an index."""

    def __init__(self, file: SqliteFile, names: NameTable) -> None:
        self._file, self._names = file, names

    @property
    def _select(self) -> str:
        return _SELECT_WITHOUT_LEVELS if self._file.version == WITHOUT_LEVELS else _SELECT

    def put_event(self, event: Event) -> None:
        with self._file.changing() as db:
            self._drop(db, event.id)
            db.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    event.start_ms,
                    _key(event.id, event.start_ms),
                    self._names.word_id(db, event.camera),
                    self._names.word_id(db, event.kind),
                    self._names.word_id(db, event.shown_kind),
                    _took_ms(event),
                    event.kept,
                    event.reviewed,
                    RANKS[shown_level(event)],
                    self._record(db, event),
                ),
            )

    def drop_event(self, event_id: EventId) -> None:
        with self._file.changing() as db:
            self._drop(db, event_id)

    def event(self, event_id: EventId) -> Event | None:
        with self._file.reading() as db:
            found = self._read_events(db, f"{self._select} WHERE typeof(id) = 'text' AND id = ?", event_id)
            if not found and (place := event_id_says(event_id)) is not None:
                found = self._read_events(db, f"{self._select} WHERE start_ms = ? AND id = ?", *place)
        return found[0] if found else None

    def open_events(self) -> list[Event]:
        with self._file.reading() as db:
            found = self._read_events(
                db, f"{self._select} INDEXED BY events_long WHERE {_LONG_EVENT} AND took_ms IS NULL"
            )
        return sorted(found, key=lambda event: (event.start_ms, event.id))

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
        with self._file.reading() as db:
            which, values = self._among(db, cameras, kinds)
            wanted = set(RANKS.values()) if levels is None else {RANKS[Level(one)] for one in levels}
            if levels is not None and self._file.version == WITHOUT_LEVELS:
                raise IndexOutdated(self._file.where, other_version(WITHOUT_LEVELS, VERSION))
            which += _AT_LEVEL.get(frozenset(wanted), "") + f" AND {_LASTS}{_ONLY[only]}"
            values += [within.begin_ms, within.begin_ms]
            if after is not None:
                start_ms, named = page_place(after)
                which += " AND (start_ms, id) < (?, ?)"
                values += [start_ms, _key(EventId(named), start_ms)]
            which += " ORDER BY start_ms DESC, id DESC LIMIT ?"
            since_ms = within.begin_ms - LONG_MS
            by_level = " INDEXED BY events_alert" if wanted == {RANKS[Level.ALERT]} else ""
            short = f"{self._select}{by_level} WHERE start_ms >= ? AND start_ms < ?{which}"
            found = self._read_events(db, short, since_ms, within.end_ms, *values, limit + 1)
            if len(found) <= limit:
                long = f"{self._select} INDEXED BY events_long WHERE {_LONG_EVENT} AND start_ms < ?{which}"
                bounds = min(since_ms, within.end_ms), *values, limit + 1 - len(found)
                found += self._read_events(db, long, *bounds)
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
        if self._file.version == WITHOUT_LEVELS:
            raise IndexOutdated(self._file.where, other_version(WITHOUT_LEVELS, VERSION))
        since_ms = within.begin_ms - LONG_MS
        with self._file.reading() as db:
            among, chosen = self._among(db, cameras, kinds)
            which = f"{among} AND {_LASTS}{_ONLY[only]}"
            short = within.end_ms, *chosen, within.begin_ms, within.begin_ms, most
            long = min(since_ms, within.end_ms), *chosen, within.begin_ms, within.begin_ms, most
            parts, values = list[str](), list[Any]()
            for rank in RANKS.values():
                which_rank = f"{which}{_AT_LEVEL[frozenset({rank})]} LIMIT ?)"
                by_level = " INDEXED BY events_alert" if rank == _ALERT else ""
                parts.append(f"{_COUNTED}{by_level} WHERE start_ms >= ? AND start_ms < ?{which_rank}")
                values += [rank, since_ms, *short]
                if since_ms > 0:
                    parts.append(f"{_COUNTED}{_BY_LENGTH} WHERE {_LONG_EVENT} AND start_ms < ?{which_rank}")
                    values += [rank, *long]
            rows = db.execute(" UNION ALL ".join(parts), values).fetchall()
        found = Counter[int]()
        for rank, count in rows:
            found[rank] += count
        return {level: min(most, found[rank]) for level, rank in RANKS.items()}

    def _among(
        self, db: sqlite3.Connection, cameras: Iterable[CameraId] | None, kinds: Iterable[str] | None
    ) -> tuple[str, list[Any]]:
        """Return conditions of a query, and their values."""
        which, values = "", list[Any]()
        for column, allowed in (("camera", cameras), ("kind", kinds)):
            if allowed is not None:
                which += _AMONG[column]
                known = [self._names.known_word_id(db, word) for word in allowed]
                values.append(json.dumps([one for one in known if one is not None]))
        return which, values

    def _drop(self, db: sqlite3.Connection, event_id: EventId) -> None:
        db.execute("DELETE FROM events WHERE typeof(id) = 'text' AND id = ?", (event_id,))
        if (place := event_id_says(event_id)) is not None:
            db.execute("DELETE FROM events WHERE start_ms = ? AND id = ?", place)

    def _read_events(self, db: sqlite3.Connection, question: str, *values: Any) -> list[Event]:
        rows = db.execute(question, values).fetchall()
        try:
            words = self._names.words(db)
            return [_event(words, row) for row in rows]
        except KeyError:
            words = self._names.words(db, reload=True)
            return [_event(words, row) for row in rows]

    def _record(self, db: sqlite3.Connection, event: Event) -> bytes | str:
        word_id = self._names.word_id
        false_alarm = word_id(db, event.false_alarm) if event.false_alarm else 0
        label_id = word_id(db, event.said) if event.said else 0
        picture = 0 if event.picture_ms is None else event.picture_ms - event.start_ms
        box = [round(edge * _SHARE) for edge in event.box or (0, 0, 0, 0)]
        rest = [word_id(db, zone) for zone in event.zones]
        for one in event.objects:
            rest += [word_id(db, one.label), round(one.score * _SHARE)]
        head = (
            round(event.score * _HUNDREDTH),
            event.picture_ms is not None,
            picture,
            false_alarm,
            label_id,
            event.box is not None,
        )
        counts = len(event.zones), len(event.objects), 0
        if event.travel:
            rest.append(round(event.travel * _HUNDREDTH))
        try:
            record = _HEAD.pack(*head, *box, *counts) + struct.pack(f"<{len(rest)}H", *rest)
        except struct.error:
            return _as_record(event)
        row = event.start_ms, _key(event.id, event.start_ms), word_id(db, event.camera), word_id(db, event.kind)
        rest_of_row = _took_ms(event), event.kept, event.reviewed, RANKS[shown_level(event)], record
        again = _event(self._names.words(db, reload=True), (*row, *rest_of_row))
        return record if again == event else _as_record(event)


def _event(words: Mapping[int, str], row: Row) -> Event:
    """Decode a row of `_SELECT`. Raises KeyError if `words` lacks a word id."""
    start_ms, key, camera_id, kind_id, took_ms, kept, reviewed, level, record = row
    if isinstance(record, str):
        return event_of(json.loads(record))
    score, has_picture, picture, false_alarm, label, has_box, *box, zones, objects, guesses = _HEAD.unpack_from(record)
    seen_end = zones + 2 * (objects + guesses)
    rest = struct.unpack_from(f"<{(len(record) - _HEAD.size) // 2}H", record, _HEAD.size)
    seen = [SeenObject(words[rest[at]], rest[at + 1] / _SHARE) for at in range(zones, seen_end, 2)]
    x0, y0, x1, y1 = (edge / _SHARE for edge in box)
    return Event(
        EventId(key) if isinstance(key, str) else event_id(start_ms, key),
        CameraId(words[camera_id]),
        words[kind_id],
        start_ms,
        None if took_ms is None else start_ms + took_ms,
        score / _HUNDREDTH,
        (x0, y0, x1, y1) if has_box else None,
        tuple([words[zone] for zone in rest[:zones]]),
        tuple(seen[:objects]),
        bool(kept),
        bool(reviewed),
        words[false_alarm],
        start_ms + picture if has_picture else None,
        said=words[label],
        travel=rest[seen_end] / _HUNDREDTH if len(rest) > seen_end else 0.0,
        level=_LEVELS[level],
    )


def _took_ms(event: Event) -> int | None:
    return None if event.end_ms is None else event.end_ms - event.start_ms


def _key(named: EventId, start_ms: int) -> bytes | str:
    place = event_id_says(named)
    return place[1] if place is not None and place[0] == start_ms else named


def _as_record(event: Event) -> str:
    return json.dumps(event_record(event), separators=(",", ":"))


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
        with sqlite_errors(self._file.where), closing(self._file.connect("ro")) as db:  # whose pages are in no cache
            found = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
            db.execute("SELECT 1 FROM streams LIMIT 1")  # SQLite takes an empty file for a sound one
        return "" if found == "ok" else found

    @property
    def problem(self) -> IndexDamaged | None:
        return self._file.problem

    def is_damaged(self) -> bool:
        try:
            found = self.integrity()
        except IndexDamaged as error:
            found = error.detail
        if is_unread(found):
            raise StorageError(self._file.where, found)
        self._file.problem = IndexDamaged(self._file.where, found) if found else None
        return bool(found)

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
            format_key, thinned = format_of(segment), is_thinned(segment)
            hours.cover_span(db, self._names, stream.id, segment.span, segment.run, format_key, is_thinned=thinned)

    def is_volume_listed(self, mark: str) -> bool:
        with self._file.reading() as db:
            return self._names.known_word_id(db, f"volume {mark}") is not None

    def set_volume_listed(self, mark: str) -> None:
        with self._file.changing() as db:  # as a word: a table of its own would be another version, made again for all
            self._names.word_id(db, f"volume {mark}")

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
            values = (stream.id, segment.start_ms)
            db.execute("UPDATE segments SET removing = 1 WHERE stream_id = ? AND start_ms = ?", values)
        hours.add_to_count(db, stream, -1, -taken.size_bytes)
        format_key = format_of(taken)
        others = [
            one.span
            for one in self._overlapping(db, stream, taken.span)
            if one.run == taken.run and format_of(one).looks_as(format_key)
        ]
        hours.uncover_span(db, self._names, stream.id, taken.span, taken.run, format_key, others)

    def _drop_segment(self, db: sqlite3.Connection, segment: Segment) -> None:
        self._mark_removing(db, segment)
        stream = self._names.stream(db, segment.camera, segment.stream)
        if stream is not None:
            values = (stream.id, segment.start_ms)
            db.execute("DELETE FROM segments WHERE stream_id = ? AND start_ms = ?", values)

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
            format_key, claimed = self._names.format(db, stretch.format_id), stretch.span.cut_to(within)
            there = [one.span for one in listed if one.run == stretch.run and format_of(one).looks_as(format_key)]
            for hole in missing_spans(there, claimed) if claimed else []:
                hours.uncover_span(db, self._names, stream.id, hole, stretch.run, format_key, [])
                lost.append(hole)
        return lost


def _place(segment: Segment) -> _Place:
    return segment.end_ms, segment.id
