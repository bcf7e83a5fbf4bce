"""Database of what objects of events looked like (`appearance.db`).

It can be deleted: everything in it is computed from the snapshots of the events again. Thread-safe; several processes
may read.
"""

import logging
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tawny.model.errors import DatabaseDamaged, DatabaseNewer, StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span
from tawny.storage.index.sqlite_file import MEMORY, SmallDb

log = logging.getLogger(__name__)

FILE: Final = "appearance.db"
VERSION: Final = 4
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS appearances (
    event       TEXT PRIMARY KEY,
    camera      TEXT NOT NULL,
    start_ms    INTEGER NOT NULL,
    picture_ms  INTEGER NOT NULL,
    looks       BLOB NOT NULL       -- empty: nothing to see, or not to be stored
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS appearances_by_time ON appearances (start_ms);
CREATE TABLE IF NOT EXISTS vectors (
    event       TEXT PRIMARY KEY,
    start_ms    INTEGER NOT NULL,
    model       TEXT NOT NULL,      -- an id: vectors of another model can't be compared
    vector      BLOB NOT NULL       -- empty: there is nothing to see
) WITHOUT ROWID;
"""
_AT_ONCE: Final = 500
"""Values in one query."""


@dataclass(frozen=True, slots=True)
class StoredAppearance:
    """looks: `detection.appearance.Appearance`, packed; empty: nothing to see, or not to be stored."""

    event: EventId
    camera: CameraId
    start_ms: int
    picture_ms: int
    looks: bytes


def stored_appearance(event: Event, looks: bytes) -> StoredAppearance:
    return StoredAppearance(event.id, event.camera, event.start_ms, event.picture_ms or 0, looks)


class AppearanceDb:
    """Appearances by event. Raises StorageError, DiskFull."""

    def __init__(self, folder: Path | None, *, reads: bool = False) -> None:
        """folder: the data folder; None: memory. A damaged file, or one of a newer version, is made again.

        reads: see `to_read`.
        """
        if folder is not None and reads:
            self._db = SmallDb(folder / FILE, SCHEMA, VERSION, None)
            return
        try:
            self._db = self._opened(folder)
        except StorageError as error:
            if folder is None or not isinstance(error, DatabaseNewer | DatabaseDamaged):
                raise
            log.warning("it is made again from the snapshots of the events: %s", error)
            for end in ("", "-wal", "-shm"):
                (folder / f"{FILE}{end}").unlink(missing_ok=True)
            self._db = self._opened(folder)

    @staticmethod
    def _opened(folder: Path | None) -> SmallDb:
        place = MEMORY if folder is None else folder / FILE
        return SmallDb(place, SCHEMA, VERSION, _forget_earlier, checked=True)

    @classmethod
    def to_read(cls, folder: Path) -> "AppearanceDb | None":
        """Return the database of a folder; None if it has none. Only its recorder migrates it or makes it again.

        Raises DatabaseNewer, DatabaseUnfit: it is of an earlier version, DatabaseDamaged, StorageError.
        """
        return cls(folder, reads=True) if (folder / FILE).is_file() else None

    def close(self) -> None:
        self._db.close()

    def put(self, stored: Sequence[StoredAppearance]) -> None:
        rows = [(one.event, one.camera, one.start_ms, one.picture_ms, one.looks) for one in stored]
        with self._db.writing() as db:
            db.executemany("INSERT OR REPLACE INTO appearances VALUES (?, ?, ?, ?, ?)", rows)

    def count(self) -> int:
        with self._db.reading() as db:
            return int(db.execute("SELECT count(*) FROM appearances").fetchone()[0])

    def pictures(self, events: Collection[EventId]) -> Mapping[EventId, int]:
        """Return the times of the snapshots from which these were computed; without those that are missing."""
        ids, found = list(events), dict[EventId, int]()
        with self._db.reading() as db:
            for first in range(0, len(ids), _AT_ONCE):
                some = ids[first : first + _AT_ONCE]
                marks = ",".join("?" * len(some))
                query = f"SELECT event, picture_ms FROM appearances WHERE event IN ({marks})"  # noqa: S608
                found |= {EventId(event): at_ms for event, at_ms in db.execute(query, some)}
        return found

    def look(self, event: EventId) -> bytes:
        """Return the packed appearance of an event; empty: it is not measured, or there is nothing to see."""
        with self._db.reading() as db:
            found = db.execute("SELECT looks FROM appearances WHERE event = ?", (event,)).fetchone()
        return b"" if found is None else bytes(found[0])

    def looks(self, within: Span) -> list[tuple[EventId, int, bytes]]:
        """Return the events that start in this time and have something to see: event, its start, packed appearance."""
        with self._db.reading() as db:
            query = (
                "SELECT event, start_ms, looks FROM appearances WHERE start_ms >= ? AND start_ms < ? AND looks != x''"
            )
            return db.execute(query, (within.begin_ms, within.end_ms)).fetchall()

    def events(self) -> Iterator[list[EventId]]:
        """Yield all events in parts, to find those that no longer exist."""
        after = ""
        while True:
            with self._db.reading() as db:
                query = "SELECT event FROM appearances WHERE event > ? ORDER BY event LIMIT ?"
                part = [EventId(event) for (event,) in db.execute(query, (after, _AT_ONCE))]
            if not part:
                return
            yield part
            after = part[-1]

    def forget(self, events: Collection[EventId]) -> None:
        with self._db.writing() as db:
            for table in ("appearances", "vectors"):
                db.executemany(f"DELETE FROM {table} WHERE event = ?", [(event,) for event in events])  # noqa: S608

    def forget_looks(self, event: EventId) -> None:
        """Delete the appearance of an event, which then counts as not measured. Its vector stays."""
        with self._db.writing() as db:
            db.execute("DELETE FROM appearances WHERE event = ?", (event,))

    def put_vector(self, event: Event, model: str, vector: bytes) -> None:
        """Store the vector of an event, and delete that of another model."""
        with self._db.writing() as db:
            row = (event.id, event.start_ms, model, vector)
            db.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", row)

    def embedded(self, events: Collection[EventId], model: str) -> set[EventId]:
        """Return those that have a vector of this model, or nothing to see."""
        marks = ",".join("?" * len(events))
        query = f"SELECT event FROM vectors WHERE model = ? AND event IN ({marks})"  # noqa: S608
        with self._db.reading() as db:
            return {EventId(event) for (event,) in db.execute(query, (model, *events))}

    def vectors(self, model: str) -> list[tuple[EventId, int, bytes]]:
        """Return all vectors of this model: event, its start, and the vector."""
        with self._db.reading() as db:
            query = "SELECT event, start_ms, vector FROM vectors WHERE model = ? AND vector != x''"
            return [(EventId(event), start_ms, vector) for event, start_ms, vector in db.execute(query, (model,))]


def _forget_earlier(db: sqlite3.Connection, version: int) -> None:
    """Forget what an earlier version measured, of version 3 what it skipped, maybe for colours off: it is measured."""
    db.execute("DELETE FROM appearances" if version < 3 else "DELETE FROM appearances WHERE looks = x''")
