"""The hub's index in PostgreSQL, for more recorders than one file serves. The only importer of `psycopg`.

Day queries read nothing but `events_of_camera`, which holds all that a timeline draws; a summary of 64 cameras is one
statement. Rows come in by `COPY` into a temporary table, and are merged in the commit that moves the cursor.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any, Final, LiteralString

import psycopg
from psycopg import Connection, errors, sql

from tawny.fleet import fleet_index as limits
from tawny.fleet.fleet_index import (
    EVENT_MARKS,
    INVITATION_MS,
    MOST_INVITATIONS,
    MOST_PICTURE_BYTES,
    MOST_PICTURES,
    MOST_SHOWN,
    Box,
    BoxDay,
    BoxEvent,
    EventQuestion,
    FleetLane,
    PlacedCamera,
    box_of_row,
    days_of,
    free_id,
    hash_of,
    is_whole,
    lane_event,
    lane_of,
    new_code,
    oldest_day,
    spans_text,
    without_deleted,
)
from tawny.fleet.history_reader import HistoryPiece
from tawny.fleet.history_rows import Row, damage_in, event_in, gap_in, rows_of
from tawny.model.errors import DatabaseNewer, DiskFull, StorageError
from tawny.model.ids import CameraId
from tawny.model.times import Clock, Span
from tawny.storage.index.sqlite_file import other_version

VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE version (number integer NOT NULL);
INSERT INTO version VALUES (1);
CREATE TABLE boxes (
  id text COLLATE "C" PRIMARY KEY, name text NOT NULL, key bytea NOT NULL UNIQUE, words text NOT NULL,
  joined_ms bigint NOT NULL, seen_ms bigint NOT NULL, book text NOT NULL, version text NOT NULL, allow text NOT NULL,
  status text NOT NULL, event_bytes bigint NOT NULL DEFAULT 0);
CREATE TABLE invitations (hash bytea PRIMARY KEY, ends_ms bigint NOT NULL);
CREATE TABLE pictures (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL,
  at_ms bigint NOT NULL, jpeg bytea NOT NULL, PRIMARY KEY (box, camera));
CREATE TABLE cursors (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, file text NOT NULL, "offset" bigint NOT NULL,
  PRIMARY KEY (box, file));
CREATE TABLE events (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, id text COLLATE "C" NOT NULL,
  camera text COLLATE "C" NOT NULL, start_ms bigint NOT NULL, end_ms bigint, kind text NOT NULL, title text NOT NULL,
  level smallint NOT NULL, marks smallint NOT NULL, record text NOT NULL, file bigint NOT NULL,
  "offset" bigint NOT NULL, PRIMARY KEY (box, id));
CREATE INDEX events_of_camera ON events (box, camera, start_ms) INCLUDE (end_ms, kind, title, marks, id);
CREATE INDEX events_of_box ON events (box, start_ms, id) INCLUDE (kind, marks);
CREATE INDEX events_by_kind ON events (kind, start_ms, box, id);
CREATE INDEX events_by_start ON events (start_ms, box, id);
CREATE INDEX events_lasting ON events (box, camera, start_ms) WHERE end_ms IS NULL OR end_ms - start_ms > 3600000;
CREATE TABLE gaps (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL,
  begin_ms bigint NOT NULL, end_ms bigint, reason text NOT NULL, detail text NOT NULL, file bigint NOT NULL,
  "offset" bigint NOT NULL, PRIMARY KEY (box, camera, begin_ms));
CREATE INDEX gaps_lasting ON gaps (box, camera, begin_ms) WHERE end_ms IS NULL OR end_ms - begin_ms > 86400000;
CREATE TABLE damage (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL,
  stream text COLLATE "C" NOT NULL, begin_ms bigint NOT NULL, end_ms bigint NOT NULL, units bigint NOT NULL,
  packets bigint NOT NULL, file bigint NOT NULL, "offset" bigint NOT NULL,
  PRIMARY KEY (box, camera, begin_ms, stream));
CREATE TABLE recorded_days (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, day integer NOT NULL, until_ms bigint NOT NULL,
  PRIMARY KEY (box, day));
CREATE TABLE recorded (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL,
  day integer NOT NULL, until_ms bigint NOT NULL, spans text NOT NULL, PRIMARY KEY (box, camera, day));
CREATE TABLE recorded_from (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL, first_ms bigint,
  PRIMARY KEY (box, camera));
"""
_HISTORY: Final[tuple[LiteralString, ...]] = (
    "events", "gaps", "damage", "cursors", "recorded", "recorded_days", "recorded_from",
)  # fmt: skip
_BOXES: Final = "SELECT id, name, key, words, joined_ms, seen_ms, version, allow, status FROM boxes"
_MERGES: Final[tuple[tuple[LiteralString, LiteralString, LiteralString], ...]] = (
    (
        "events",
        'box, id, camera, start_ms, end_ms, kind, title, level, marks, record, file, "offset"',
        "(box, id) DO UPDATE SET camera = excluded.camera, start_ms = excluded.start_ms, end_ms = excluded.end_ms, "
        "kind = excluded.kind, title = excluded.title, level = excluded.level, marks = excluded.marks, "
        "record = excluded.record",
    ),
    (
        "gaps",
        'box, camera, begin_ms, end_ms, reason, detail, file, "offset"',
        "(box, camera, begin_ms) DO UPDATE SET end_ms = excluded.end_ms, reason = excluded.reason, "
        "detail = excluded.detail",
    ),
    (
        "damage",
        'box, camera, stream, begin_ms, end_ms, units, packets, file, "offset"',
        "(box, camera, begin_ms, stream) DO UPDATE SET end_ms = excluded.end_ms, units = excluded.units, "
        "packets = excluded.packets",
    ),
)
"""Table, columns in the order of `HistoryRows`, and what happens to a row that is there."""
_ASKED: Final = "unnest(%(boxes)s::text[], %(cameras)s::text[]) WITH ORDINALITY AS asked (box, camera, n)"
_LANE_EVENTS: Final = f"""
SELECT n, found.* FROM {_ASKED}, LATERAL (
  SELECT * FROM (
    SELECT id, kind, title, start_ms, end_ms, marks FROM events
    WHERE box = asked.box AND camera = asked.camera AND start_ms >= %(begin)s - 3600000 AND start_ms < %(end)s
    AND (end_ms IS NULL OR end_ms >= %(begin)s)
    UNION
    SELECT id, kind, title, start_ms, end_ms, marks FROM events
    WHERE box = asked.box AND camera = asked.camera AND start_ms BETWEEN 0 AND %(begin)s - 3600000
    AND (end_ms IS NULL OR end_ms >= %(begin)s) AND (end_ms IS NULL OR end_ms - start_ms > 3600000)
  ) AS every ORDER BY start_ms DESC LIMIT %(most)s) AS found ORDER BY n, start_ms, id"""  # noqa: S608
_LANE_GAPS: Final = f"""
SELECT n, found.* FROM {_ASKED}, LATERAL (
  SELECT * FROM (
    SELECT begin_ms, end_ms, reason, detail FROM gaps WHERE box = asked.box AND camera = asked.camera
    AND begin_ms >= %(begin)s - 86400000 AND begin_ms < %(end)s AND (end_ms IS NULL OR end_ms > %(begin)s)
    UNION
    SELECT begin_ms, end_ms, reason, detail FROM gaps WHERE box = asked.box AND camera = asked.camera
    AND begin_ms < %(begin)s - 86400000 AND (end_ms IS NULL OR end_ms > %(begin)s)
    AND (end_ms IS NULL OR end_ms - begin_ms > 86400000)
  ) AS every ORDER BY begin_ms LIMIT %(most)s) AS found ORDER BY n, begin_ms"""  # noqa: S608
_LANE_DAMAGE: Final = f"""
SELECT n, found.* FROM {_ASKED}, LATERAL (
  SELECT stream, begin_ms, end_ms, units, packets FROM damage WHERE box = asked.box AND camera = asked.camera
  AND begin_ms >= %(begin)s - 86400000 AND begin_ms < %(end)s AND end_ms > %(begin)s
  ORDER BY begin_ms LIMIT %(most)s) AS found ORDER BY n, begin_ms"""  # noqa: S608
_LANE_DAYS: Final = f"""
SELECT n, day, until_ms, spans FROM {_ASKED} JOIN recorded USING (box, camera)
WHERE day BETWEEN %(first)s AND %(last)s"""  # noqa: S608
_LANE_FIRST: Final = f"""
SELECT n, first_ms, (SELECT min(first_ms) FROM recorded_from WHERE box = asked.box),
(SELECT min(day) FROM recorded_days WHERE box = asked.box) FROM {_ASKED} JOIN recorded_from USING (box, camera)"""  # noqa: S608
_SETUP_LOCK: Final = 6_240_118
"""The number of the lock under which the tables are created."""


MOST_STATEMENT_S = 30.0
"""Time in s after which the server gives up a statement."""
_MOST_LONG_S: Final = 3600.0
"""Of a statement that stores or deletes all about boxes."""
MOST_WAIT_S = 10.0
"""Time in s for which a caller waits for others. A server that hangs must not hold every thread of the hub."""


def _allow(db: Connection[Row], seconds: float, *, local: bool = False) -> None:
    """Say how long a statement may take. local: until the end of the transaction."""
    db.execute("SELECT set_config('statement_timeout', %s, %s)", (f"{round(seconds * 1000)}ms", local))


class PostgresFleetIndex:
    """A `FleetIndex` in a PostgreSQL database; one connection reads, another one writes. Both are opened again.

    Raises StorageError where the server doesn't answer; the next call connects again.
    """

    def __init__(self, address: str, clock: Clock) -> None:
        """address: `postgresql:///tawny`. Nothing is asked of the server before the first use."""
        self._address, self._clock = address, clock
        self._locks = {"read": Lock(), "write": Lock()}
        self._open: dict[str, Connection[Row]] = {}

    def _connect(self) -> Connection[Row]:
        """Connect, and create the tables where there are none. Raises DatabaseNewer."""
        db = psycopg.connect(
            self._address, autocommit=True, connect_timeout=10, tcp_user_timeout=15_000, keepalives=1,
            keepalives_idle=10, keepalives_interval=5, keepalives_count=3,
        )  # fmt: skip
        _allow(db, MOST_STATEMENT_S)
        with db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", (_SETUP_LOCK,))
            if db.execute("SELECT to_regclass('version')").fetchone() == (None,):
                db.execute(_SCHEMA)
            [[found]] = db.execute("SELECT number FROM version").fetchall()
        if found > VERSION:
            db.close()
            raise DatabaseNewer(self.where, other_version(found, VERSION))
        return db

    def fill(self, tables: Iterable[tuple[str, Sequence[str], Iterable[Row]]]) -> dict[str, int]:
        """Store tables of another index in one commit; return the rows of each."""
        counts = dict[str, int]()
        with self.writing() as db, db.cursor() as cursor:
            _allow(db, _MOST_LONG_S, local=True)
            for name, columns, rows in tables:
                listed = sql.SQL(", ").join(map(sql.Identifier, columns))
                counts[name] = 0
                with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(name), listed)) as copy:
                    for row in rows:
                        copy.write_row(row)
                        counts[name] += 1
            cursor.execute(
                "UPDATE boxes SET event_bytes = coalesce("
                "(SELECT sum(length(record)) FROM events WHERE events.box = boxes.id), 0)"
            )
            cursor.execute("ANALYZE")
        return counts

    @property
    def where(self) -> str:
        return "PostgreSQL"

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    @contextmanager
    def reading(self) -> Iterator[Connection[Row]]:
        with self._used("read") as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Connection[Row]]:
        """Open a transaction: committed at the end, rolled back after any error."""
        with self._used("write") as db, db.transaction():
            yield db

    @contextmanager
    def _used(self, name: str) -> Iterator[Connection[Row]]:
        if not self._locks[name].acquire(timeout=MOST_WAIT_S):
            raise StorageError(self.where, "the server takes too long to answer")
        try:
            db = self._open.get(name)
            if db is None or db.closed:
                db = self._open[name] = self._connect()
            yield db
        except errors.DiskFull as error:
            raise DiskFull(self.where) from error
        except psycopg.Error as error:
            raise StorageError(self.where, " ".join(str(error).split())) from error
        finally:
            self._locks[name].release()

    # --- joining

    def invite(self) -> tuple[str, int]:
        code, now_ms = new_code(), self._clock.now_ms()
        with self.writing() as db:
            db.execute("DELETE FROM invitations WHERE ends_ms <= %s", (now_ms,))
            db.execute(
                "DELETE FROM invitations WHERE hash NOT IN "
                "(SELECT hash FROM invitations ORDER BY ends_ms DESC LIMIT %s)",
                (MOST_INVITATIONS - 1,),
            )
            db.execute("INSERT INTO invitations VALUES (%s, %s)", (hash_of(code), now_ms + INVITATION_MS))
        return code, now_ms + INVITATION_MS

    def join(self, code: str, name: str, key: bytes, words: str) -> Box | None:
        now_ms = self._clock.now_ms()
        with self.writing() as db:
            used = db.execute("DELETE FROM invitations WHERE hash = %s AND ends_ms > %s", (hash_of(code), now_ms))
            if used.rowcount != 1:
                return None
            if db.execute("SELECT id FROM boxes WHERE key = %s", (key,)).fetchone() is None:
                db.execute("LOCK TABLE boxes IN EXCLUSIVE MODE")
                taken = {str(one) for (one,) in db.execute("SELECT id FROM boxes")}
                db.execute(
                    "INSERT INTO boxes VALUES (%s, %s, %s, %s, %s, %s, '', '', '[]', '')",
                    (free_id(name, taken), name, key, words, now_ms, now_ms),
                )
        return self.box_of(key)

    def boxes(self) -> list[Box]:
        with self.reading() as db:
            return [box_of_row(row) for row in db.execute(f"{_BOXES} ORDER BY lower(name), id")]

    def box_of(self, key: bytes) -> Box | None:
        with self.reading() as db:
            row = db.execute(f"{_BOXES} WHERE key = %s", (key,)).fetchone()
        return box_of_row(row) if row else None

    def revoke(self, box: str) -> bool:
        with self.writing() as db:
            _allow(db, _MOST_LONG_S, local=True)
            return db.execute("DELETE FROM boxes WHERE id = %s", (box,)).rowcount == 1

    def note(self, box: str, version: str, allow: Iterable[str], status: Mapping[str, Any]) -> None:
        row = (self._clock.now_ms(), version, json.dumps(list(allow)), json.dumps(status) if status else "", box)
        oldest: tuple[tuple[LiteralString, LiteralString, int], ...] = (
            ("events", "start_ms", limits.MOST_EVENTS),
            ("gaps", "begin_ms", limits.MOST_GAPS),
            ("damage", "begin_ms", limits.MOST_GAPS),
        )
        with self.writing() as db:
            db.execute("UPDATE boxes SET seen_ms = %s, version = %s, allow = %s, status = %s WHERE id = %s", row)
            for table, column, most in oldest:
                db.execute(
                    f"DELETE FROM {table} WHERE box = %s AND {column} <= "  # noqa: S608
                    f"(SELECT {column} FROM {table} WHERE box = %s ORDER BY {column} DESC LIMIT 1 OFFSET %s)",
                    (box, box, most),
                )
            _bound_bytes(db, box)

    # --- history

    def cursors(self, box: str, book: str) -> dict[str, int]:
        with self.writing() as db:
            row = db.execute("SELECT book FROM boxes WHERE id = %s FOR UPDATE", (box,)).fetchone()
            if row is None:
                return {}
            if row[0] != book:
                _clear_history(db, box)
                db.execute("UPDATE boxes SET book = %s WHERE id = %s", (book, box))
            return _pairs(db.execute('SELECT file, "offset" FROM cursors WHERE box = %s', (box,)).fetchall())

    def refill(self, box: str) -> None:
        with self.writing() as db:
            _clear_history(db, box)

    def add(self, box: str, piece: HistoryPiece) -> int:
        with self.writing() as db:
            known = db.execute("SELECT 1 FROM boxes WHERE id = %s FOR UPDATE", (box,)).fetchone()
            row = db.execute('SELECT "offset" FROM cursors WHERE box = %s AND file = %s', (box, piece.file)).fetchone()
            cursor = int(row[0]) if row else 0
            files = db.execute("SELECT count(*) FROM cursors WHERE box = %s", (box,)).fetchone()
            is_new = row is None and files is not None and files[0] >= limits.MOST_FILES
            if known is None or is_new or not is_whole(piece) or piece.offset != cursor:
                return cursor
            rows = rows_of(piece.file, piece.offset, piece.data)
            merge(db, "events", [(box, *one) for one in rows.events])
            merge(db, "gaps", [(box, *one) for one in rows.gaps])
            merge(db, "damage", [(box, *one) for one in rows.damage])
            db.execute("UPDATE boxes SET event_bytes = event_bytes + %s WHERE id = %s", (rows.event_bytes, box))
            db.execute(
                "INSERT INTO cursors VALUES (%s, %s, %s) ON CONFLICT (box, file) "
                'DO UPDATE SET "offset" = excluded."offset"',
                (box, piece.file, piece.end),
            )
            return piece.end

    def put_recorded(self, box: str, book: str, said: BoxDay) -> None:
        with self.writing() as db:
            known = db.execute("SELECT 1 FROM boxes WHERE id = %s AND book = %s FOR UPDATE", (box, book)).fetchone()
            if known is None:
                return
            with db.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO recorded VALUES (%s, %s, %s, %s, %s) ON CONFLICT (box, camera, day) DO UPDATE "
                    "SET until_ms = excluded.until_ms, spans = excluded.spans",
                    [
                        (box, camera, said.day, one.until_ms, spans_text(one.recorded, said.day))
                        for camera, one in said.cameras.items()
                    ],
                )
                cursor.execute("DELETE FROM recorded_from WHERE box = %s", (box,))
                cursor.executemany(
                    "INSERT INTO recorded_from VALUES (%s, %s, %s)",
                    [(box, camera, first_ms) for camera, first_ms in said.first_ms.items()],
                )
            db.execute(
                "INSERT INTO recorded_days VALUES (%s, %s, %s) ON CONFLICT (box, day) DO UPDATE "
                "SET until_ms = excluded.until_ms",
                (box, said.day, said.until_ms),
            )
            if (oldest := oldest_day(said)) is not None:
                db.execute("DELETE FROM recorded WHERE box = %s AND day < %s", (box, oldest))
                db.execute("DELETE FROM recorded_days WHERE box = %s AND day < %s", (box, oldest))

    def recorded_days(self, box: str, book: str) -> dict[int, int]:
        query = "SELECT day, until_ms FROM recorded_days WHERE box = (SELECT id FROM boxes WHERE id = %s AND book = %s)"
        with self.reading() as db:
            return _pairs(db.execute(query, (box, book)).fetchall())

    # --- what people ask for

    def lanes(self, cameras: Sequence[PlacedCamera], within: Span) -> list[FleetLane]:
        days = days_of(within)
        asked = {
            "boxes": [one.box for one in cameras], "cameras": [one.camera for one in cameras],
            "begin": within.begin_ms, "end": within.end_ms, "most": MOST_SHOWN,
            "first": days.start, "last": days.stop - 1,
        }  # fmt: skip
        with self.reading() as db:
            events, gaps, damage, told, first = (
                _by_number(db.execute(query, asked))
                for query in (_LANE_EVENTS, _LANE_GAPS, _LANE_DAMAGE, _LANE_DAYS, _LANE_FIRST)
            )
        made = []
        for number, of in enumerate(cameras, 1):
            days_told = [(int(day), int(until), str(spans)) for day, until, spans in told.get(number, ())]
            lane = lane_of(of, within, days_told, next(iter(first.get(number, ())), None))
            lane = replace(
                lane,
                gaps=[gap_in(of.camera, row) for row in gaps.get(number, ())],
                damage=[damage_in(of.camera, row) for row in damage.get(number, ())],
                events=[lane_event(row) for row in events.get(number, ())],
            )
            made.append(without_deleted(lane))
        return made

    def find(self, asked: EventQuestion) -> list[BoxEvent]:
        mask, marks = EVENT_MARKS[asked.only]
        where: list[LiteralString] = ["box = ANY(%(boxes)s)", "start_ms >= %(begin)s", "start_ms < %(end)s"]
        if mask:
            where.append("marks & %(mask)s = %(marks)s")
        if asked.after is not None:
            where.append("(start_ms, box, id) < (%(at)s::bigint, %(last_box)s::text, %(last)s::text)")
        if asked.kinds:
            where.append("kind = ANY(%(kinds)s)")
        if asked.cameras:
            where.append("(box, camera) IN (SELECT * FROM unnest(%(in)s::text[], %(cameras)s::text[]))")
        at_ms, last_box, last = asked.after or (0, "", "")
        values = {
            "boxes": list(asked.boxes), "begin": max(0, asked.within.begin_ms), "end": asked.within.end_ms,
            "mask": mask, "marks": marks, "at": at_ms, "last_box": last_box, "last": last, "kinds": list(asked.kinds),
            "in": [one.box for one in asked.cameras], "cameras": [one.camera for one in asked.cameras],
            "most": asked.limit,
        }  # fmt: skip
        if len(asked.boxes) == 1:
            values["boxes"], where[0] = asked.boxes[0], "box = %(boxes)s"  # in the order of its index
        query = (
            f"SELECT box, record FROM events WHERE {' AND '.join(where)} "  # noqa: S608
            "ORDER BY start_ms DESC, box DESC, id DESC LIMIT %(most)s"
        )
        with self.reading() as db:
            return [BoxEvent(str(box), event_in(str(record))) for box, record in db.execute(query, values)]

    # --- last pictures

    def keep_picture(self, box: str, camera: CameraId, jpeg: bytes) -> None:
        if len(jpeg) > MOST_PICTURE_BYTES:
            return
        with self.writing() as db:
            db.execute(
                "INSERT INTO pictures SELECT id, %(camera)s, %(at)s, %(jpeg)s FROM boxes WHERE id = %(box)s "
                "AND (SELECT count(*) FROM pictures WHERE box = %(box)s AND camera != %(camera)s) < %(most)s "
                "ON CONFLICT (box, camera) DO UPDATE SET at_ms = excluded.at_ms, jpeg = excluded.jpeg",
                {"box": box, "camera": camera, "at": self._clock.now_ms(), "jpeg": jpeg, "most": MOST_PICTURES},
            )

    def picture(self, box: str, camera: CameraId) -> tuple[int, bytes] | None:
        query = "SELECT at_ms, jpeg FROM pictures WHERE box = %s AND camera = %s"
        with self.reading() as db:
            found = db.execute(query, (box, camera)).fetchone()
        return (int(found[0]), bytes(found[1])) if found else None

    def picture_times(self) -> dict[tuple[str, str], int]:
        with self.reading() as db:
            return {
                (str(box), str(camera)): int(at)
                for box, camera, at in db.execute("SELECT box, camera, at_ms FROM pictures")
            }


def merge(db: Connection[Row], table: str, rows: Sequence[Row]) -> None:
    """Store rows of history by COPY, each unless a later line about the same is stored."""
    if not rows:
        return
    name, columns, conflict = next(one for one in _MERGES if one[0] == table)
    db.execute(f"CREATE TEMP TABLE IF NOT EXISTS new_{name} (LIKE {name}) ON COMMIT DELETE ROWS")
    with db.cursor() as cursor:
        with cursor.copy(f"COPY new_{name} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f"INSERT INTO {name} ({columns}) SELECT {columns} FROM new_{name} ON CONFLICT {conflict}, "  # noqa: S608
            f'file = excluded.file, "offset" = excluded."offset" '
            f'WHERE (excluded.file, excluded."offset") > ({name}.file, {name}."offset")'
        )
        cursor.execute(f"DELETE FROM new_{name}")  # noqa: S608


def _clear_history(db: Connection[Row], box: str) -> None:
    _allow(db, _MOST_LONG_S, local=True)
    for table in _HISTORY:
        db.execute(f"DELETE FROM {table} WHERE box = %s", (box,))  # noqa: S608
    db.execute("UPDATE boxes SET event_bytes = 0 WHERE id = %s", (box,))


def _bound_bytes(db: Connection[Row], box: str) -> None:
    """Delete the oldest events beyond MOST_EVENT_BYTES. They are only counted when as much was added."""
    added = db.execute("SELECT event_bytes FROM boxes WHERE id = %s", (box,)).fetchone()
    if added is None or added[0] <= limits.MOST_EVENT_BYTES:
        return
    most = limits.MOST_EVENT_BYTES * 9 // 10  # so that they aren't counted again at the next event
    db.execute(
        "DELETE FROM events WHERE box = %(box)s AND start_ms <= (SELECT max(start_ms) FROM (SELECT start_ms, "
        "sum(length(record)) OVER (ORDER BY start_ms DESC ROWS UNBOUNDED PRECEDING) AS sum FROM events "
        "WHERE box = %(box)s) AS newest WHERE sum > %(most)s)",
        {"box": box, "most": most},
    )
    db.execute(
        "UPDATE boxes SET event_bytes = (SELECT coalesce(sum(length(record)), 0) FROM events WHERE box = %(box)s) "
        "WHERE id = %(box)s",
        {"box": box},
    )


def _pairs(rows: Iterable[Row]) -> dict[Any, int]:
    return {key: int(value) for key, value in rows}


def _by_number(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Return rows without their first column, by it."""
    found: dict[int, list[Row]] = {}
    for number, *row in rows:
        found.setdefault(int(number), []).append(tuple(row))
    return found
