"""SQLite tables of events, about 40 bytes each, and of gaps and damage. `sqlite_index.SqliteIndex` is made of them.

An id that contains the event's start is stored without it. The other fields are packed into a binary record. An event
that the record cannot reproduce is stored as JSON, as in the history.

Queries for a span do not scan all older events: those longer than an hour have their own index.
"""

import json
import sqlite3
import struct
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any, Final

from tawny.model.damage import DamagedSpan
from tawny.model.events import Event, SeenObject, event_id, event_id_says
from tawny.model.ids import CameraId, EventId
from tawny.model.segments import Gap, GapEvidence, GapReason
from tawny.model.times import Span
from tawny.storage.disk.layout import LONGEST_MS
from tawny.storage.history.journal import event_of, event_record
from tawny.storage.index.protocol import EventPage, page_mark, page_place
from tawny.storage.index.sqlite_file import NameTable, Row, SqliteFile, StreamKey

# Gaps and damage.

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


# Events.

LONG_MS: Final = 3_600_000
_SELECT: Final = "SELECT start_ms, id, camera_id, kind_id, took_ms, kept, reviewed, record FROM events"
_LONG_EVENT: Final = f"(took_ms IS NULL OR took_ms > {LONG_MS})"
_LASTS: Final = "(took_ms IS NULL OR start_ms + took_ms > ? OR start_ms >= ?)"
_AMONG: Final = {
    "camera": " AND camera_id IN (SELECT value FROM json_each(?))",
    "kind": " AND shown_id IN (SELECT value FROM json_each(?))",
}
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
_HUNDREDTH: Final = 100
_SHARE: Final = 10_000
_HEAD: Final = struct.Struct("<H?iHH?4HBBB")
"""Fixed part of a record.

Score, has snapshot, snapshot offset in ms, false alarm word, `said` word, has box, box, counts of zones, objects and
suggestions. After it: one word id per zone; word id and score per object and suggestion.
"""


class EventTable:
    """Events of an index."""

    def __init__(self, file: SqliteFile, names: NameTable) -> None:
        self._file, self._names = file, names

    def put_event(self, event: Event) -> None:
        with self._file.changing() as db:
            self._drop(db, event.id)
            db.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    event.start_ms,
                    _key(event.id, event.start_ms),
                    self._names.word_id(db, event.camera),
                    self._names.word_id(db, event.kind),
                    self._names.word_id(db, event.shown_kind),
                    _took_ms(event),
                    event.kept,
                    event.reviewed,
                    self._record(db, event),
                ),
            )

    def drop_event(self, event_id: EventId) -> None:
        with self._file.changing() as db:
            self._drop(db, event_id)

    def event(self, event_id: EventId) -> Event | None:
        with self._file.reading() as db:
            found = self._read_events(db, f"{_SELECT} WHERE typeof(id) = 'text' AND id = ?", event_id)
            if not found and (place := event_id_says(event_id)) is not None:
                found = self._read_events(db, f"{_SELECT} WHERE start_ms = ? AND id = ?", *place)
        return found[0] if found else None

    def open_events(self) -> list[Event]:
        with self._file.reading() as db:
            found = self._read_events(db, f"{_SELECT} INDEXED BY events_long WHERE {_LONG_EVENT} AND took_ms IS NULL")
        return sorted(found, key=lambda event: (event.start_ms, event.id))

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
            which, values = "", list[Any]()
            for column, allowed in (("camera", cameras), ("kind", kinds)):
                if allowed is not None:
                    which += _AMONG[column]
                    known = [self._names.known_word_id(db, word) for word in allowed]
                    values.append(json.dumps([one for one in known if one is not None]))
            which += f" AND {_LASTS}{_ONLY[only]}"
            values += [within.begin_ms, within.begin_ms]
            if after is not None:
                start_ms, named = page_place(after)
                which += " AND (start_ms, id) < (?, ?)"
                values += [start_ms, _key(EventId(named), start_ms)]
            which += " ORDER BY start_ms DESC, id DESC LIMIT ?"
            since_ms = within.begin_ms - LONG_MS
            short = f"{_SELECT} WHERE start_ms >= ? AND start_ms < ?{which}"
            found = self._read_events(db, short, since_ms, within.end_ms, *values, limit + 1)
            if len(found) <= limit:
                long = f"{_SELECT} INDEXED BY events_long WHERE {_LONG_EVENT} AND start_ms < ?{which}"
                bounds = min(since_ms, within.end_ms), *values, limit + 1 - len(found)
                found += self._read_events(db, long, *bounds)
        return EventPage(found[:limit], page_mark(found[limit - 1]) if len(found) > limit else None)

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
        said = word_id(db, event.said) if event.said else 0
        picture = 0 if event.picture_ms is None else event.picture_ms - event.start_ms
        box = [round(edge * _SHARE) for edge in event.box or (0, 0, 0, 0)]
        rest = [word_id(db, zone) for zone in event.zones]
        for one in (*event.objects, *event.perhaps):
            rest += [word_id(db, one.label), round(one.score * _SHARE)]
        head = (
            round(event.score * _HUNDREDTH),
            event.picture_ms is not None,
            picture,
            false_alarm,
            said,
            event.box is not None,
        )
        counts = len(event.zones), len(event.objects), len(event.perhaps)
        try:
            record = _HEAD.pack(*head, *box, *counts) + struct.pack(f"<{len(rest)}H", *rest)
        except struct.error:
            return _as_told(event)
        row = event.start_ms, _key(event.id, event.start_ms), word_id(db, event.camera), word_id(db, event.kind)
        rest_of_row = _took_ms(event), event.kept, event.reviewed, record
        again = _event(self._names.words(db, reload=True), (*row, *rest_of_row))
        return record if again == event else _as_told(event)


def _event(words: Mapping[int, str], row: Row) -> Event:
    """Decode a row of `_SELECT`. Raises KeyError if `words` lacks a word id."""
    start_ms, key, camera_id, kind_id, took_ms, kept, reviewed, record = row
    if isinstance(record, str):
        return event_of(json.loads(record))
    score, has_picture, picture, false_alarm, said, has_box, *box, zones, objects, perhaps = _HEAD.unpack_from(record)
    rest = struct.unpack_from(f"<{zones + 2 * (objects + perhaps)}H", record, _HEAD.size)
    seen = [SeenObject(words[rest[at]], rest[at + 1] / _SHARE) for at in range(zones, len(rest), 2)]
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
        perhaps=tuple(seen[objects:]),
        said=words[said],
    )


def _took_ms(event: Event) -> int | None:
    return None if event.end_ms is None else event.end_ms - event.start_ms


def _key(named: EventId, start_ms: int) -> bytes | str:
    said = event_id_says(named)
    return said[1] if said is not None and said[0] == start_ms else named


def _as_told(event: Event) -> str:
    return json.dumps(event_record(event), separators=(",", ":"))
