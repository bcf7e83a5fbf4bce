"""The hub's index in SQLite: `hub.db` in the hub's data folder. For about ten boxes, or two hundred cameras."""

import json
import logging
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tawny.fleet import fleet_index as limits
from tawny.fleet.fleet_index import (
    ENDED_KEPT_MS,
    EVENT_MARKS,
    EVER,
    INVITATION_MS,
    MOST_INVITATIONS,
    MOST_LINE_HASHES,
    MOST_PICTURE_BYTES,
    MOST_PICTURES,
    MOST_SHOWN,
    Box,
    BoxDay,
    BoxEvent,
    EventQuestion,
    FleetLane,
    JoinCodes,
    PlacedCamera,
    box_of_row,
    cameras_to_show,
    days_of,
    deleted_time,
    free_id,
    hash_of,
    hash_of_use,
    is_whole,
    lane_event,
    lane_of,
    new_code,
    oldest_day,
    spans_text,
    without_deleted,
    without_name,
)
from tawny.fleet.history_reader import HistoryPiece, line_hash
from tawny.fleet.history_rows import (
    HistoryRows,
    Row,
    damage_in,
    event_in,
    gap_in,
    rows_of,
)
from tawny.model.ids import CameraId
from tawny.model.times import Clock, ClockSteps, Span
from tawny.storage.index.sqlite_file import SmallDb

log = logging.getLogger(__name__)
HUB_FILE: Final = "hub.db"
VERSION: Final = 3
_SAME_HISTORY: Final = 2
"""The version since which the tables of the history are the same."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS boxes (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, key BLOB NOT NULL UNIQUE, words TEXT NOT NULL,
  joined_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL,
  book TEXT NOT NULL,                -- its history; with another one, rows and cursors begin again
  version TEXT NOT NULL, allow TEXT NOT NULL,
  status TEXT NOT NULL) STRICT;      -- its health when last seen, JSON; empty: unknown
CREATE TABLE IF NOT EXISTS invitations (
  hash BLOB PRIMARY KEY, ends_ms INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS pictures (
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, camera TEXT NOT NULL,
  at_ms INTEGER NOT NULL, jpeg BLOB NOT NULL, PRIMARY KEY (box, camera)) STRICT;
CREATE TABLE IF NOT EXISTS cursors (
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, file TEXT NOT NULL, offset INTEGER NOT NULL,
  PRIMARY KEY (box, file)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (                 -- hash of the line before a cursor
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, file TEXT NOT NULL, offset INTEGER NOT NULL,
  mark TEXT NOT NULL, PRIMARY KEY (box, file)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, id TEXT NOT NULL,
  camera TEXT NOT NULL,
  start_ms INTEGER NOT NULL,         -- below 0: the event was deleted
  end_ms INTEGER,                    -- NULL: lasts
  kind TEXT NOT NULL, title TEXT NOT NULL, level INTEGER NOT NULL, marks INTEGER NOT NULL,
  record TEXT NOT NULL,              -- JSON as in the history; empty: the event was deleted
  file INTEGER NOT NULL, offset INTEGER NOT NULL,  -- place of the newest line about it
  PRIMARY KEY (box, id)) STRICT, WITHOUT ROWID;
-- All that a timeline draws: rows arrive in order of time, so that a camera's day lies on many pages.
CREATE INDEX IF NOT EXISTS events_of_camera ON events (box, camera, start_ms, end_ms, kind, title, marks, id);
CREATE INDEX IF NOT EXISTS events_of_box ON events (box, start_ms, id, kind, marks);
CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind, start_ms, box, id, marks);
CREATE INDEX IF NOT EXISTS events_by_start ON events (start_ms, box, id, kind, marks);
CREATE INDEX IF NOT EXISTS events_lasting ON events (box, camera, start_ms)
  WHERE end_ms IS NULL OR end_ms - start_ms > 3600000;
CREATE TABLE IF NOT EXISTS gaps (
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, camera TEXT NOT NULL, begin_ms INTEGER NOT NULL,
  end_ms INTEGER, reason TEXT NOT NULL, detail TEXT NOT NULL, file INTEGER NOT NULL, offset INTEGER NOT NULL,
  PRIMARY KEY (box, camera, begin_ms)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS gaps_lasting ON gaps (box, camera, begin_ms)
  WHERE end_ms IS NULL OR end_ms - begin_ms > 86400000;
CREATE TABLE IF NOT EXISTS damage (
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, camera TEXT NOT NULL, stream TEXT NOT NULL,
  begin_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, units INTEGER NOT NULL, packets INTEGER NOT NULL,
  file INTEGER NOT NULL, offset INTEGER NOT NULL,
  PRIMARY KEY (box, camera, begin_ms, stream)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recorded_days (         -- of which a box has said what it recorded
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, day INTEGER NOT NULL, until_ms INTEGER NOT NULL,
  PRIMARY KEY (box, day)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recorded (
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, camera TEXT NOT NULL, day INTEGER NOT NULL,
  until_ms INTEGER NOT NULL,
  spans TEXT NOT NULL,               -- `begin-end …`, ms since the day's begin
  PRIMARY KEY (box, camera, day)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recorded_from (         -- oldest recording of a camera; NULL: none
  box TEXT NOT NULL REFERENCES boxes(id) ON DELETE CASCADE, camera TEXT NOT NULL, first_ms INTEGER,
  PRIMARY KEY (box, camera)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event_bytes (           -- stored at most, since they were counted last
  box TEXT PRIMARY KEY REFERENCES boxes(id) ON DELETE CASCADE, bytes INTEGER NOT NULL) STRICT;
"""
HISTORY_TABLES: Final = ("events", "gaps", "damage", "cursors", "marks", "recorded", "recorded_days", "recorded_from")
_BOXES: Final = "SELECT id, name, key, words, joined_ms, seen_ms, version, allow, status FROM boxes"
_PUT_EVENT: Final = """
INSERT INTO events (box, id, camera, start_ms, end_ms, kind, title, level, marks, record, file, offset)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET camera = excluded.camera,
start_ms = excluded.start_ms, end_ms = excluded.end_ms, kind = excluded.kind, title = excluded.title,
level = excluded.level, marks = excluded.marks, record = excluded.record, file = excluded.file,
offset = excluded.offset WHERE (excluded.file, excluded.offset) > (file, offset)"""
_PUT_GAP: Final = """
INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET end_ms = excluded.end_ms,
reason = excluded.reason, detail = excluded.detail, file = excluded.file, offset = excluded.offset
WHERE (excluded.file, excluded.offset) > (file, offset)"""
_PUT_DAMAGE: Final = """
INSERT INTO damage (box, camera, stream, begin_ms, end_ms, units, packets, file, offset)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET end_ms = excluded.end_ms, units = excluded.units,
packets = excluded.packets, file = excluded.file, offset = excluded.offset
WHERE (excluded.file, excluded.offset) > (file, offset)"""
_LANE_EVENTS: Final = """
SELECT id, kind, title, start_ms, end_ms, marks FROM events
WHERE box = ?1 AND camera = ?2 AND start_ms >= ?3 - 3600000 AND start_ms < ?4 AND (end_ms IS NULL OR end_ms >= ?3)
UNION
SELECT id, kind, title, start_ms, end_ms, marks FROM events INDEXED BY events_lasting
WHERE box = ?1 AND camera = ?2 AND start_ms BETWEEN 0 AND ?3 - 3600000 AND (end_ms IS NULL OR end_ms >= ?3)
AND (end_ms IS NULL OR end_ms - start_ms > 3600000)
ORDER BY start_ms DESC LIMIT ?5"""
_LANE_GAPS: Final = """
SELECT begin_ms, end_ms, reason, detail FROM gaps
WHERE box = ?1 AND camera = ?2 AND begin_ms >= ?3 - 86400000 AND begin_ms < ?4 AND (end_ms IS NULL OR end_ms > ?3)
UNION
SELECT begin_ms, end_ms, reason, detail FROM gaps INDEXED BY gaps_lasting
WHERE box = ?1 AND camera = ?2 AND begin_ms < ?3 - 86400000 AND (end_ms IS NULL OR end_ms > ?3)
AND (end_ms IS NULL OR end_ms - begin_ms > 86400000)
ORDER BY begin_ms LIMIT ?5"""
_LANE_DAMAGE: Final = """
SELECT stream, begin_ms, end_ms, units, packets FROM damage WHERE box = ?1 AND camera = ?2
AND begin_ms >= ?3 - 86400000 AND begin_ms < ?4 AND end_ms > ?3 ORDER BY begin_ms LIMIT ?5"""
_FIRST: Final = (
    "SELECT first_ms, (SELECT min(first_ms) FROM recorded_from WHERE box = ?1), "
    "(SELECT min(day) FROM recorded_days WHERE box = ?1) FROM recorded_from WHERE box = ?1 AND camera = ?2"
)


_DROP_DELETED_PICTURE: Final = "DELETE FROM pictures WHERE box = ? AND camera = ? AND at_ms BETWEEN ? AND ?"
# Only of time that recordings reached back to: a camera may be only watched, or record its first event later.
_DROP_OLD_PICTURE: Final = """
DELETE FROM pictures WHERE box = ?1 AND camera = ?2 AND at_ms < ?3
AND at_ms >= (SELECT first_ms FROM recorded_from WHERE box = ?1 AND camera = ?2)"""


class SqliteFleetIndex(SmallDb):
    """A `FleetIndex` in one file, or in memory. renew: as in SmallDb."""

    def __init__(self, path: Path | str, clock: Clock, *, renew: bool = False) -> None:
        super().__init__(path, _SCHEMA, VERSION, drops=_drops, renew=renew)
        self._clock, self._steps, self._codes = clock, ClockSteps(clock), JoinCodes(clock)

    @contextmanager
    def tables(self) -> Iterator[Iterator[tuple[str, Sequence[str], Iterator[Row]]]]:
        """Return all but invitations as of one moment: name, columns and rows of each table, boxes first."""
        with self.reading() as db:
            db.execute("BEGIN")
            try:
                yield (_table(db, name) for name in ("boxes", "pictures", *HISTORY_TABLES))
            finally:
                db.execute("ROLLBACK")

    # --- joining

    def _follow_clock(self, db: sqlite3.Connection, moved_ms: int) -> None:
        """Write when codes end after a step of the clock. While the disk takes no writes, again at the next call."""
        rows = self._codes.rows()
        self._must_follow = bool(rows)
        if not rows:
            return
        try:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("UPDATE invitations SET ends_ms = ? WHERE hash = ?", rows)
            db.execute("COMMIT")
            self._must_follow = False
        except sqlite3.Error as error:
            log.debug("the ends of links aren't written yet: %s", error)
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")

    def invite(self) -> tuple[str, int]:
        code, now_ms = new_code(), self._clock.now_ms()
        with self.writing() as db:
            db.execute("DELETE FROM invitations WHERE ends_ms <= ?", (now_ms - ENDED_KEPT_MS,))
            db.execute(
                "DELETE FROM invitations WHERE hash NOT IN "
                "(SELECT hash FROM invitations ORDER BY ends_ms DESC LIMIT ?)",
                (MOST_INVITATIONS - 1,),
            )
            db.execute("INSERT INTO invitations VALUES (?, ?)", (hash_of(code), now_ms + INVITATION_MS))
            self._codes.keep(hash_of(code))
        return code, now_ms + INVITATION_MS

    def join(self, code: str, name: str, key: bytes, words: str) -> Box | None:
        now_ms, use = self._clock.now_ms(), hash_of_use(code, key)
        with self.writing() as db:
            row = db.execute("SELECT id, status FROM boxes WHERE key = ?", (key,)).fetchone()
            used = db.execute(
                "UPDATE invitations SET hash = ? WHERE hash IN (?, ?) AND ends_ms > ?",
                (use, hash_of(code), hash_of(code) if row is None else use, now_ms),
            )
            if used.rowcount != 1:
                return None
            self._codes.use(hash_of(code), use)
            if row is None:
                taken = {one for (one,) in db.execute("SELECT id FROM boxes")}
                db.execute(
                    "INSERT INTO boxes VALUES (?, ?, ?, ?, ?, ?, '', '', '[]', '')",
                    (free_id(name, taken), name, key, words, now_ms, now_ms),
                )
            else:
                change = "UPDATE boxes SET name = ?, status = ? WHERE id = ?"
                db.execute(change, (name, without_name(row[1]), row[0]))
        return self.box_of(key)

    def boxes(self) -> list[Box]:
        with self.reading() as db:
            return [box_of_row(row) for row in db.execute(f"{_BOXES} ORDER BY name COLLATE NOCASE, id")]

    def knows(self, box: str) -> bool:
        with self.reading() as db:
            return db.execute("SELECT 1 FROM boxes WHERE id = ?", (box,)).fetchone() is not None

    def box_of(self, key: bytes) -> Box | None:
        with self.reading() as db:
            row = db.execute(f"{_BOXES} WHERE key = ?", (key,)).fetchone()
        return box_of_row(row) if row else None

    def rename(self, box: str, name: str) -> None:
        with self.writing() as db:
            db.execute("UPDATE boxes SET name = ? WHERE id = ?", (name, box))

    def revoke(self, box: str) -> bool:
        with self.writing() as db:
            return db.execute("DELETE FROM boxes WHERE id = ?", (box,)).rowcount == 1

    def note(self, box: str, version: str, allow: Collection[str], status: Mapping[str, Any]) -> None:
        row = (self._clock.now_ms(), version, json.dumps(list(allow)), json.dumps(status) if status else "", box)
        with self.writing() as db:
            db.execute("UPDATE boxes SET seen_ms = ?, version = ?, allow = ?, status = ? WHERE id = ?", row)
            for table, column, most in (
                ("events", "start_ms", limits.MOST_EVENTS),
                ("gaps", "begin_ms", limits.MOST_GAPS),
                ("damage", "begin_ms", limits.MOST_GAPS),
            ):
                db.execute(
                    f"DELETE FROM {table} WHERE box = ?1 AND {column} <= "  # noqa: S608
                    f"(SELECT {column} FROM {table} WHERE box = ?1 ORDER BY {column} DESC LIMIT 1 OFFSET ?2)",
                    (box, most),
                )
            _bound_bytes(db, box)
            db.execute(
                "DELETE FROM pictures WHERE box = ? AND camera NOT IN (SELECT value FROM json_each(?))",
                (box, json.dumps(list(cameras_to_show(status, allow)))),
            )

    # --- history

    def cursors(self, box: str, book: str) -> dict[str, int]:
        with self.writing() as db:
            row = db.execute("SELECT book FROM boxes WHERE id = ?", (box,)).fetchone()
            if row is None:
                return {}
            if row[0] != book:
                _clear_history(db, box)
                db.execute("UPDATE boxes SET book = ? WHERE id = ?", (book, box))
            return dict(db.execute("SELECT file, offset FROM cursors WHERE box = ?", (box,)).fetchall())

    def line_hashes(self, box: str) -> dict[str, tuple[int, str]]:
        query = (
            "SELECT file, offset, mark FROM marks JOIN cursors USING (box, file, offset) WHERE box = ? "
            "ORDER BY file DESC LIMIT ?"
        )
        with self.reading() as db:
            found = db.execute(query, (box, MOST_LINE_HASHES)).fetchall()
            return {file: (offset, line) for file, offset, line in found}

    def refill(self, box: str) -> None:
        with self.writing() as db:
            _clear_history(db, box)

    def add(self, box: str, piece: HistoryPiece) -> int:
        with self.writing() as db:
            row = db.execute("SELECT offset FROM cursors WHERE box = ? AND file = ?", (box, piece.file)).fetchone()
            cursor = int(row[0]) if row else 0
            known = db.execute(
                "SELECT (SELECT count(*) FROM cursors WHERE box = ?1) FROM boxes WHERE id = ?1", (box,)
            ).fetchone()
            is_new = row is None and known is not None and known[0] >= limits.MOST_FILES
            if known is None or is_new or not is_whole(piece) or piece.offset != cursor:
                return cursor
            rows = rows_of(piece.file, piece.offset, piece.data)
            _store(db, box, rows)
            db.executemany(_DROP_DELETED_PICTURE, [(box, *one) for one in deleted_time(rows.gaps)])
            db.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?)", (box, piece.file, piece.end))
            if piece.data:
                hashed = (box, piece.file, piece.end, line_hash(piece.data))
                db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", hashed)
            return piece.end

    def put_recorded(self, box: str, book: str, day: BoxDay) -> None:
        with self.writing() as db:
            if db.execute("SELECT 1 FROM boxes WHERE id = ? AND book = ?", (box, book)).fetchone() is None:
                return
            db.executemany(
                "INSERT INTO recorded VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
                "SET until_ms = excluded.until_ms, spans = excluded.spans",
                [
                    (box, camera, day.day, one.until_ms, spans_text(one.recorded, day.day))
                    for camera, one in day.cameras.items()
                ],
            )
            db.executemany(
                _DROP_OLD_PICTURE,
                [
                    (box, camera, EVER.end_ms if first_ms is None else first_ms)
                    for camera, first_ms in day.first_ms.items()
                ],
            )
            db.execute("DELETE FROM recorded_from WHERE box = ?", (box,))
            db.executemany(
                "INSERT INTO recorded_from VALUES (?, ?, ?)",
                [(box, camera, first_ms) for camera, first_ms in day.first_ms.items()],
            )
            db.execute("INSERT OR REPLACE INTO recorded_days VALUES (?, ?, ?)", (box, day.day, day.until_ms))
            if (oldest := oldest_day(day)) is not None:
                for table in ("recorded", "recorded_days"):
                    db.execute(f"DELETE FROM {table} WHERE box = ? AND day < ?", (box, oldest))  # noqa: S608

    def recorded_days(self, box: str, book: str) -> dict[int, int]:
        with self.reading() as db:
            return dict(
                db.execute(
                    "SELECT day, until_ms FROM recorded_days WHERE box = "
                    "(SELECT id FROM boxes WHERE id = ? AND book = ?)",
                    (box, book),
                ).fetchall()
            )

    # --- what people ask for

    def lanes(self, cameras: Sequence[PlacedCamera], within: Span) -> list[FleetLane]:
        with self.reading() as db:
            return [_lane(db, one, within) for one in cameras]

    def find(self, asked: EventQuestion) -> list[BoxEvent]:
        mask, marks = EVENT_MARKS[asked.only]
        where = ["start_ms >= ?", "start_ms < ?", "marks & ? = ?"]
        values: list[Any] = [max(0, asked.within.begin_ms), asked.within.end_ms, mask, marks]
        if asked.after is not None:
            where.append("(start_ms, box, id) < (?, ?, ?)")
            values += asked.after
        for column, wanted in (("box", asked.boxes), ("kind", asked.kinds)):
            if wanted or column == "box":
                where.append(f"{column} IN ({','.join('?' * len(wanted))})")
                values += wanted
        if asked.cameras:
            where.append(f"(box, camera) IN (VALUES {','.join(['(?, ?)'] * len(asked.cameras))})")
            values += [part for one in asked.cameras for part in (one.box, one.camera)]
        query = (
            f"SELECT box, record FROM events WHERE {' AND '.join(where)} "  # noqa: S608
            "ORDER BY start_ms DESC, box DESC, id DESC LIMIT ?"
        )
        with self.reading() as db:
            rows = db.execute(query, (*values, asked.limit)).fetchall()
        return [BoxEvent(box, event_in(record)) for box, record in rows]

    # --- last pictures

    def keep_picture(self, box: str, camera: CameraId, jpeg: bytes, at_ms: int | None = None) -> None:
        if len(jpeg) > MOST_PICTURE_BYTES:
            return
        with self.writing() as db:
            (count,) = db.execute(
                "SELECT count(*) FROM pictures WHERE box = ? AND camera != ?", (box, camera)
            ).fetchone()
            if count < MOST_PICTURES and db.execute("SELECT 1 FROM boxes WHERE id = ?", (box,)).fetchone():
                row = (box, camera, self._clock.now_ms() if at_ms is None else at_ms, jpeg)
                db.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?)", row)

    def picture(self, box: str, camera: CameraId) -> tuple[int, bytes] | None:
        with self.reading() as db:
            found = db.execute(
                "SELECT at_ms, jpeg FROM pictures WHERE box = ? AND camera = ?", (box, camera)
            ).fetchone()
        return (int(found[0]), bytes(found[1])) if found else None

    def picture_times(self) -> dict[tuple[str, str], int]:
        with self.reading() as db:
            return {(box, camera): at for box, camera, at in db.execute("SELECT box, camera, at_ms FROM pictures")}


def _table(db: sqlite3.Connection, name: str) -> tuple[str, Sequence[str], Iterator[Row]]:
    """Return a table's rows by box, camera and time."""
    order = {"events": "ORDER BY box, camera, start_ms", "recorded": "ORDER BY box, day"}.get(name, "")
    rows = db.execute(f"SELECT * FROM {name} {order}")  # noqa: S608
    return name, [column[0] for column in rows.description], rows


def _clear_history(db: sqlite3.Connection, box: str) -> None:
    for table in (*HISTORY_TABLES, "event_bytes", "pictures"):
        db.execute(f"DELETE FROM {table} WHERE box = ?", (box,))  # noqa: S608


def _store(db: sqlite3.Connection, box: str, rows: HistoryRows) -> None:
    """Store rows, unless later lines about the same are stored: newer files come first."""
    db.executemany(_PUT_EVENT, [(box, *row) for row in rows.events])
    db.executemany(_PUT_GAP, [(box, *row) for row in rows.gaps])
    db.executemany(_PUT_DAMAGE, [(box, *row) for row in rows.damage])
    db.execute(
        "INSERT INTO event_bytes VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
        (box, rows.event_bytes),
    )


def _bound_bytes(db: sqlite3.Connection, box: str) -> None:
    """Delete the oldest events beyond MOST_EVENT_BYTES. They are only counted when as much was added."""
    (added,) = db.execute("SELECT coalesce(sum(bytes), 0) FROM event_bytes WHERE box = ?", (box,)).fetchone()
    if added <= limits.MOST_EVENT_BYTES:
        return
    kept, most = 0, limits.MOST_EVENT_BYTES * 9 // 10  # so that they aren't counted again at the next event
    newest = "SELECT start_ms, length(record) FROM events WHERE box = ? ORDER BY start_ms DESC"
    for start_ms, size in db.execute(newest, (box,)):
        if kept + size > most:
            db.execute("DELETE FROM events WHERE box = ? AND start_ms <= ?", (box, start_ms))
            break
        kept += size
    db.execute("UPDATE event_bytes SET bytes = ? WHERE box = ?", (kept, box))


def _lane(db: sqlite3.Connection, of: PlacedCamera, within: Span) -> FleetLane:
    asked = (of.box, of.camera, within.begin_ms, within.end_ms, MOST_SHOWN)
    gaps = [gap_in(of.camera, row) for row in db.execute(_LANE_GAPS, asked)]
    damage = [damage_in(of.camera, row) for row in db.execute(_LANE_DAMAGE, asked)]
    events = [lane_event(row) for row in db.execute(_LANE_EVENTS, asked)]
    days = days_of(within)
    rows = db.execute(
        "SELECT day, until_ms, spans FROM recorded WHERE box = ? AND camera = ? AND day BETWEEN ? AND ?",
        (of.box, of.camera, days.start, days.stop - 1),
    ).fetchall()
    first = db.execute(_FIRST, (of.box, of.camera)).fetchone()
    lane = lane_of(of, within, rows, first)
    return without_deleted(replace(lane, gaps=gaps, damage=damage, events=events[::-1]))


def _drops(version: int) -> str:
    """Remove the history of the first version, whose tables differ: boxes send theirs again."""
    tables = (*HISTORY_TABLES, "event_bytes") if version < _SAME_HISTORY else ()
    return " ".join(f"DROP TABLE IF EXISTS {table};" for table in tables)
