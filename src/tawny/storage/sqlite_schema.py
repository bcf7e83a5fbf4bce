"""The index's tables, and SQLite's errors as ours.

A stretch is what a run has recorded without a hole, over all its segments that are listed: a day of video is a few
stretches and thousands of segments, so that a day's spans cost a few rows.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tawny.model.errors import DiskFull, FolderUnwritable, IndexDamaged, StorageError

VERSION: Final = 3

SCHEMA: Final = """
CREATE TABLE runs (
    id      INTEGER PRIMARY KEY,
    camera  TEXT NOT NULL,
    stream  TEXT NOT NULL,
    run     TEXT NOT NULL,
    UNIQUE (camera, stream, run)
);
CREATE TABLE segments (
    id          BLOB PRIMARY KEY,
    run_id      INTEGER NOT NULL REFERENCES runs,
    start_ms    INTEGER NOT NULL,
    end_ms      INTEGER NOT NULL,
    size_bytes  INTEGER NOT NULL,
    path        TEXT,               -- NULL: as `layout` has it
    video       TEXT NOT NULL,
    width       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    audio       TEXT NOT NULL,
    removing    INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX segments_of_run ON segments (run_id, start_ms);
CREATE INDEX segments_by_end ON segments (end_ms, id) WHERE NOT removing;
CREATE INDEX segments_removing ON segments (id) WHERE removing;
CREATE TABLE stretches (
    run_id      INTEGER NOT NULL REFERENCES runs,
    camera      TEXT NOT NULL,
    stream      TEXT NOT NULL,
    start_ms    INTEGER NOT NULL,
    end_ms      INTEGER NOT NULL,
    PRIMARY KEY (run_id, start_ms)
) WITHOUT ROWID;
CREATE INDEX stretches_by_end ON stretches (camera, end_ms, start_ms, stream);
CREATE TABLE totals (
    camera      TEXT NOT NULL,
    stream      TEXT NOT NULL,
    files       INTEGER NOT NULL,
    size_bytes  INTEGER NOT NULL,
    PRIMARY KEY (camera, stream)
) WITHOUT ROWID;
CREATE TABLE gaps (
    camera      TEXT NOT NULL,
    begin_ms    INTEGER NOT NULL,
    end_ms      INTEGER,            -- NULL: lasts
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    evidence    TEXT NOT NULL,      -- as in the history; empty: none
    PRIMARY KEY (camera, begin_ms)
) WITHOUT ROWID;
CREATE INDEX gaps_open ON gaps (camera) WHERE end_ms IS NULL;
CREATE TABLE damage (
    camera      TEXT NOT NULL,
    stream      TEXT NOT NULL,
    begin_ms    INTEGER NOT NULL,
    end_ms      INTEGER NOT NULL,
    units       INTEGER NOT NULL,
    packets     INTEGER NOT NULL,
    PRIMARY KEY (camera, stream, begin_ms)
) WITHOUT ROWID;
CREATE INDEX damage_by_end ON damage (camera, end_ms);
CREATE TABLE events (
    id          TEXT PRIMARY KEY,
    camera      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    start_ms    INTEGER NOT NULL,
    end_ms      INTEGER,            -- NULL: lasts
    kept        INTEGER NOT NULL,
    reviewed    INTEGER NOT NULL,
    record      TEXT NOT NULL       -- all of it, as in the history
) WITHOUT ROWID;
CREATE INDEX events_by_start ON events (start_ms, id);
CREATE INDEX events_kept ON events (start_ms, id) WHERE kept;
CREATE INDEX events_open ON events (id) WHERE end_ms IS NULL;
"""

_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_ERROR}
)
_DENIED: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH})


@contextmanager
def sqlite_errors(where: str) -> Iterator[None]:
    """Turn SQLite's errors over to ours."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise DiskFull(where) from error
        if code in _DENIED:
            raise FolderUnwritable(where, str(error)) from error
        if code in _DAMAGED or isinstance(error, sqlite3.IntegrityError):
            raise IndexDamaged(where, str(error)) from error
        raise StorageError(where, str(error)) from error


def prepare(connection: sqlite3.Connection, where: str) -> None:
    """Make the tables in a new file. Raises IndexDamaged when the file is of another version of tawny."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        return
    if version != 0 or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise IndexDamaged(where, f"made by another version of tawny: {version}, not {VERSION}")
    connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
