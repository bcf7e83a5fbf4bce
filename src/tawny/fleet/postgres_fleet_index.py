"""The hub's index in PostgreSQL, for more recorders than one file serves: boxes, invitations, cursors and pictures.

What boxes say of their past is in `postgres_history`. Only these two import `psycopg`.
"""

import json
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any, Final

import psycopg
from psycopg import Connection, errors, sql
from psycopg.conninfo import conninfo_to_dict

from tawny.fleet import fleet_index as limits
from tawny.fleet import postgres_history
from tawny.fleet.fleet_index import (
    ENDED_KEPT_MS,
    EVER,
    INVITATION_MS,
    MOST_INVITATIONS,
    MOST_LINE_HASHES,
    MOST_PICTURE_BYTES,
    MOST_PICTURES,
    Box,
    BoxDay,
    BoxEvent,
    EventQuestion,
    FleetLane,
    JoinCodes,
    PlacedCamera,
    box_of_row,
    cameras_to_show,
    deleted_time,
    free_id,
    hash_of,
    hash_of_use,
    is_whole,
    new_code,
    without_name,
)
from tawny.fleet.history_reader import HistoryPiece, line_hash
from tawny.fleet.history_rows import DAY_MS, Row, rows_of
from tawny.model.errors import DatabaseNewer, DatabaseUnavailable, DiskFull
from tawny.model.ids import CameraId
from tawny.model.times import Clock, ClockSteps, Span
from tawny.storage.index.index_schema import other_version

log = logging.getLogger(__name__)
VERSION: Final = 2
_SCHEMA: Final = """
CREATE TABLE version (number integer NOT NULL);
INSERT INTO version VALUES (2);
CREATE TABLE boxes (
  id text COLLATE "C" PRIMARY KEY, name text NOT NULL, key bytea NOT NULL UNIQUE, words text NOT NULL,
  joined_ms bigint NOT NULL, seen_ms bigint NOT NULL, book text NOT NULL, version text NOT NULL, allow text NOT NULL,
  status text NOT NULL, events bigint NOT NULL DEFAULT 0, event_bytes bigint NOT NULL DEFAULT 0,
  gaps bigint NOT NULL DEFAULT 0, damage bigint NOT NULL DEFAULT 0);
CREATE TABLE invitations (hash bytea PRIMARY KEY, ends_ms bigint NOT NULL);
CREATE TABLE pictures (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL,
  at_ms bigint NOT NULL, jpeg bytea NOT NULL, PRIMARY KEY (box, camera));
CREATE TABLE cursors (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, file text NOT NULL, "offset" bigint NOT NULL,
  PRIMARY KEY (box, file));
CREATE TABLE recorded_days (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, day integer NOT NULL, until_ms bigint NOT NULL,
  PRIMARY KEY (box, day));
CREATE TABLE recorded_from (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL, first_ms bigint,
  PRIMARY KEY (box, camera));
"""
# Added without a new version: earlier versions don't read it, and their cursors then differ from "offset".
_LINE_HASHES: Final = """
CREATE TABLE marks (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, file text COLLATE "C" NOT NULL,
  "offset" bigint NOT NULL, mark text NOT NULL, PRIMARY KEY (box, file));
"""
_FROM_VERSION_1: Final = """
ALTER TABLE boxes ADD events bigint NOT NULL DEFAULT 0, ADD gaps bigint NOT NULL DEFAULT 0,
  ADD damage bigint NOT NULL DEFAULT 0;
UPDATE boxes SET event_bytes = 0;
UPDATE version SET number = 2;
ALTER TABLE events RENAME TO former_events;
ALTER TABLE gaps RENAME TO former_gaps;
ALTER TABLE damage RENAME TO former_damage;
ALTER TABLE recorded RENAME TO former_recorded;
"""
_FORMER: Final = (
    ("events", "SELECT * FROM former_events ORDER BY box, camera, start_ms"),
    ("gaps", "SELECT * FROM former_gaps ORDER BY box, camera, begin_ms"),
    ("damage", "SELECT * FROM former_damage ORDER BY box, camera, begin_ms"),
    ("recorded", "SELECT * FROM former_recorded ORDER BY box, day"),
)
"""Tables of version 1 that became `postgres_history`'s, in an order in which each of its rows is written once."""
_BOXES: Final = "SELECT id, name, key, words, joined_ms, seen_ms, version, allow, status FROM boxes"
_DROP_DELETED_PICTURE: Final = "DELETE FROM pictures WHERE box = %s AND camera = %s AND at_ms BETWEEN %s AND %s"
# Only of time that recordings reached back to: a camera may be only watched, or record its first event later.
_DROP_OLD_PICTURE: Final = """
DELETE FROM pictures WHERE box = %(box)s AND camera = %(camera)s AND at_ms < %(first)s
AND at_ms >= (SELECT first_ms FROM recorded_from WHERE box = %(box)s AND camera = %(camera)s)"""
_SETUP_LOCK: Final = 6_240_118
"""The number of the lock under which the tables are created."""


_NO_ADDRESS: Final = "its address isn't valid; a password has %25 for %, %2F for /, %40 for @ and %20 for a space"
MOST_STATEMENT_S = 30.0
"""Time in s after which the server gives up a statement."""
_MOST_LONG_S: Final = 3600.0
"""Of a statement that stores or deletes all about boxes, and of a table's conversion from version 1."""
_ROWS_AT_ONCE: Final = 5_000
MOST_WAIT_S = 10.0
"""Time in s for which a caller waits for others. A server that hangs must not hold every thread of the hub."""


def _allow(db: Connection[Row], seconds: float, *, local: bool = False) -> None:
    """Say how long a statement may take. local: until the end of the transaction."""
    db.execute("SELECT set_config('statement_timeout', %s, %s)", (f"{round(seconds * 1000)}ms", local))


def _is_address(address: str) -> bool:
    """Return whether an address is understood as it was meant: not as one with a piece of its password elsewhere."""
    try:
        parts = conninfo_to_dict(address)
    except psycopg.Error:
        return False
    ports = str(parts.get("port", "")).replace(",", "")
    server, _, database = address.partition("://")[2].partition("?")[0].partition("/")
    is_torn = "@" in str(parts.get("host", ""))[1:] or ("@" in database and "@" not in server)
    return not is_torn and (not ports or ports.isdigit())


class DatabaseFull(DiskFull):
    """The disk of the database server: neither retention nor another data folder makes room there."""

    says = "The disk of the hub's database ({where}) is full."
    advice = "Free up space on the disk of the database server."


class PostgresFleetIndex:
    """A `FleetIndex` in a PostgreSQL database; one connection reads, another one writes. Both are opened again.

    Raises DatabaseUnavailable where the server doesn't answer; the next call connects again.
    """

    def __init__(self, address: str, clock: Clock) -> None:
        """address: `postgresql:///tawny`. Nothing is asked of the server before the first use."""
        self._address, self._clock = address, clock
        self._steps, self._codes, self._must_follow = ClockSteps(clock), JoinCodes(clock), False
        self._locks = {"read": Lock(), "write": Lock()}
        self._open: dict[str, Connection[Row]] = {}

    def _connect(self) -> Connection[Row]:
        """Raises DatabaseNewer, DatabaseUnavailable."""
        if not _is_address(self._address):  # psycopg's errors repeat it, and with it the password
            raise DatabaseUnavailable(self.where, _NO_ADDRESS)
        db = psycopg.connect(
            self._address, autocommit=True, connect_timeout=10, tcp_user_timeout=15_000, keepalives=1,
            keepalives_idle=10, keepalives_interval=5, keepalives_count=3,
        )  # fmt: skip
        with ExitStack() as undone:
            undone.callback(db.close)
            _allow(db, MOST_STATEMENT_S)
            self._prepare(db)
            undone.pop_all()
        return db

    def _prepare(self, db: Connection[Row]) -> None:
        """Create the tables where there are none, and convert those of version 1. Raises DatabaseNewer."""
        with db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", (_SETUP_LOCK,))
            _allow(db, _MOST_LONG_S, local=True)
            if db.execute("SELECT to_regclass('version')").fetchone() == (None,):
                db.execute(_SCHEMA)
                db.execute(postgres_history.SCHEMA)
            [[found]] = db.execute("SELECT number FROM version").fetchall()
            if found > VERSION:
                raise DatabaseNewer(self.where, other_version(found, VERSION))
            if found == 1:
                self._convert(db)
            if db.execute("SELECT to_regclass('marks')").fetchone() == (None,):
                db.execute(_LINE_HASHES)

    def _convert(self, db: Connection[Row]) -> None:
        """Change the tables of version 1 to those of this one: about a minute for a million events."""
        log.info("the hub's database is converted to version %d", VERSION)
        db.execute(_FROM_VERSION_1)
        db.execute(postgres_history.SCHEMA)
        for table, query in _FORMER:
            with db.cursor(f"former_{table}") as rows:
                rows.itersize = _ROWS_AT_ONCE
                postgres_history.fill(db, table, rows.execute(query), self._today)
            db.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(f"former_{table}")))

    def fill(self, tables: Iterable[tuple[str, Sequence[str], Iterable[Row]]]) -> dict[str, int]:
        """Store tables of an index in SQLite in one commit; return the rows of each."""
        counts = dict[str, int]()
        with self.writing() as db, db.cursor() as cursor:
            _allow(db, _MOST_LONG_S, local=True)
            for name, columns, rows in tables:
                if name in postgres_history.FILLED:
                    counts[name] = postgres_history.fill(db, name, rows, self._today)
                    continue
                listed = sql.SQL(", ").join(map(sql.Identifier, columns))
                counts[name] = 0
                with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(name), listed)) as copy:
                    for row in rows:
                        copy.write_row(row)
                        counts[name] += 1
            cursor.execute("ANALYZE")
        return counts

    @property
    def _today(self) -> int:
        """The day in UTC, since 1970."""
        return self._clock.now_ms() // DAY_MS

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
        with self._used("write") as db:
            self._must_follow |= self._steps.moved_ms() != 0
            with db.transaction():
                if self._must_follow:
                    db.cursor().executemany("UPDATE invitations SET ends_ms = %s WHERE hash = %s", self._codes.rows())
                yield db
            self._must_follow = False

    @contextmanager
    def _used(self, name: str) -> Iterator[Connection[Row]]:
        if not self._locks[name].acquire(timeout=MOST_WAIT_S):
            raise DatabaseUnavailable(self.where, "the server takes too long to answer")
        try:
            db = self._open.get(name)
            if db is None or db.closed:
                db = self._open[name] = self._connect()
            yield db
        except errors.DiskFull as error:
            raise DatabaseFull(self.where) from error
        except psycopg.Error as error:
            raise DatabaseUnavailable(self.where, " ".join(str(error).split()).rstrip(".")) from error
        finally:
            self._locks[name].release()

    # --- joining

    def invite(self) -> tuple[str, int]:
        code, now_ms = new_code(), self._clock.now_ms()
        with self.writing() as db:
            db.execute("DELETE FROM invitations WHERE ends_ms <= %s", (now_ms - ENDED_KEPT_MS,))
            db.execute(
                "DELETE FROM invitations WHERE hash NOT IN "
                "(SELECT hash FROM invitations ORDER BY ends_ms DESC LIMIT %s)",
                (MOST_INVITATIONS - 1,),
            )
            db.execute("INSERT INTO invitations VALUES (%s, %s)", (hash_of(code), now_ms + INVITATION_MS))
            self._codes.keep(hash_of(code))
        return code, now_ms + INVITATION_MS

    def join(self, code: str, name: str, key: bytes, words: str) -> Box | None:
        now_ms, use = self._clock.now_ms(), hash_of_use(code, key)
        with self.writing() as db:
            row = db.execute("SELECT id, status FROM boxes WHERE key = %s", (key,)).fetchone()
            used = db.execute(
                "UPDATE invitations SET hash = %s WHERE hash IN (%s, %s) AND ends_ms > %s",
                (use, hash_of(code), hash_of(code) if row is None else use, now_ms),
            )
            if used.rowcount != 1:
                return None
            self._codes.use(hash_of(code), use)
            if row is None:
                db.execute("LOCK TABLE boxes IN EXCLUSIVE MODE")
                taken = {str(one) for (one,) in db.execute("SELECT id FROM boxes")}
                db.execute(
                    "INSERT INTO boxes VALUES (%s, %s, %s, %s, %s, %s, '', '', '[]', '')",
                    (free_id(name, taken), name, key, words, now_ms, now_ms),
                )
            else:
                change = "UPDATE boxes SET name = %s, status = %s WHERE id = %s"
                db.execute(change, (name, without_name(row[1]), row[0]))
        return self.box_of(key)

    def boxes(self) -> list[Box]:
        with self.reading() as db:
            return [box_of_row(row) for row in db.execute(f"{_BOXES} ORDER BY lower(name), id")]

    def knows(self, box: str) -> bool:
        with self.reading() as db:
            return db.execute("SELECT 1 FROM boxes WHERE id = %s", (box,)).fetchone() is not None

    def box_of(self, key: bytes) -> Box | None:
        with self.reading() as db:
            row = db.execute(f"{_BOXES} WHERE key = %s", (key,)).fetchone()
        return box_of_row(row) if row else None

    def rename(self, box: str, name: str) -> None:
        with self.writing() as db:
            db.execute("UPDATE boxes SET name = %s WHERE id = %s", (name, box))

    def revoke(self, box: str) -> bool:
        with self.writing() as db:
            _clear(db, box)
            return db.execute("DELETE FROM boxes WHERE id = %s", (box,)).rowcount == 1

    def note(self, box: str, version: str, allow: Collection[str], status: Mapping[str, Any]) -> None:
        row = (self._clock.now_ms(), version, json.dumps(list(allow)), json.dumps(status) if status else "", box)
        with self.writing() as db:
            db.execute("UPDATE boxes SET seen_ms = %s, version = %s, allow = %s, status = %s WHERE id = %s", row)
            postgres_history.bound(db, box)
            shown = list(cameras_to_show(status, allow))
            db.execute("DELETE FROM pictures WHERE box = %s AND camera <> ALL(%s)", (box, shown))

    # --- history

    def cursors(self, box: str, book: str) -> dict[str, int]:
        with self.writing() as db:
            row = db.execute("SELECT book FROM boxes WHERE id = %s FOR UPDATE", (box,)).fetchone()
            if row is None:
                return {}
            if row[0] != book:
                _clear(db, box)
                db.execute("UPDATE boxes SET book = %s WHERE id = %s", (book, box))
            return _pairs(db.execute('SELECT file, "offset" FROM cursors WHERE box = %s', (box,)).fetchall())

    def line_hashes(self, box: str) -> dict[str, tuple[int, str]]:
        query = (
            'SELECT file, "offset", mark FROM marks JOIN cursors USING (box, file, "offset") WHERE box = %s '
            "ORDER BY file DESC LIMIT %s"
        )
        with self.reading() as db:
            found = db.execute(query, (box, MOST_LINE_HASHES))
            return {str(file): (int(offset), str(line)) for file, offset, line in found}

    def refill(self, box: str) -> None:
        with self.writing() as db:
            _clear(db, box)

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
            postgres_history.store(db, box, rows, self._today)
            with db.cursor() as drops:
                drops.executemany(_DROP_DELETED_PICTURE, [(box, *one) for one in deleted_time(rows.gaps)])
            db.execute(
                "INSERT INTO cursors VALUES (%s, %s, %s) ON CONFLICT (box, file) "
                'DO UPDATE SET "offset" = excluded."offset"',
                (box, piece.file, piece.end),
            )
            if piece.data:
                db.execute(
                    "INSERT INTO marks VALUES (%s, %s, %s, %s) ON CONFLICT (box, file) "
                    'DO UPDATE SET "offset" = excluded."offset", mark = excluded.mark',
                    (box, piece.file, piece.end, line_hash(piece.data)),
                )
            return piece.end

    def put_recorded(self, box: str, book: str, day: BoxDay) -> None:
        with self.writing() as db:
            known = db.execute("SELECT 1 FROM boxes WHERE id = %s AND book = %s FOR UPDATE", (box, book)).fetchone()
            if known is not None:
                asked = [
                    {"box": box, "camera": camera, "first": EVER.end_ms if first_ms is None else first_ms}
                    for camera, first_ms in day.first_ms.items()
                ]
                with db.cursor() as cursor:
                    cursor.executemany(_DROP_OLD_PICTURE, asked)
                postgres_history.put_recorded(db, box, day, self._today)

    def recorded_days(self, box: str, book: str) -> dict[int, int]:
        query = "SELECT day, until_ms FROM recorded_days WHERE box = (SELECT id FROM boxes WHERE id = %s AND book = %s)"
        with self.reading() as db:
            return _pairs(db.execute(query, (box, book)).fetchall())

    # --- what people ask for

    def lanes(self, cameras: Sequence[PlacedCamera], within: Span) -> list[FleetLane]:
        with self.reading() as db:
            return postgres_history.read_lanes(db, cameras, within)

    def find(self, asked: EventQuestion) -> list[BoxEvent]:
        with self.reading() as db:
            return postgres_history.find_events(db, asked)

    # --- last pictures

    def keep_picture(self, box: str, camera: CameraId, jpeg: bytes, at_ms: int | None = None) -> None:
        if len(jpeg) > MOST_PICTURE_BYTES:
            return
        at_ms = self._clock.now_ms() if at_ms is None else at_ms
        with self.writing() as db:
            db.execute(
                "INSERT INTO pictures SELECT id, %(camera)s, %(at)s, %(jpeg)s FROM boxes WHERE id = %(box)s "
                "AND (SELECT count(*) FROM pictures WHERE box = %(box)s AND camera != %(camera)s) < %(most)s "
                "ON CONFLICT (box, camera) DO UPDATE SET at_ms = excluded.at_ms, jpeg = excluded.jpeg",
                {"box": box, "camera": camera, "at": at_ms, "jpeg": jpeg, "most": MOST_PICTURES},
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


def _clear(db: Connection[Row], box: str) -> None:
    """Delete a box's reports, the cursors and the last pictures."""
    _allow(db, _MOST_LONG_S, local=True)
    db.execute("SELECT 1 FROM boxes WHERE id = %s FOR UPDATE", (box,))  # first, as all that changes its rows does
    postgres_history.clear(db, box)
    db.execute("DELETE FROM pictures WHERE box = %s", (box,))


def _pairs(rows: Iterable[Row]) -> dict[Any, int]:
    return {key: int(value) for key, value in rows}
