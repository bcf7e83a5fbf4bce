"""Tables of the index, and conversion of SQLite errors.

A stretch is the uninterrupted time of one run in one format over its listed segments. It ends at midnight UTC at the
latest and continues in the next stretch, so that a query for a day reads a bounded range.

A segment has its own row until its hour is settled. Then one row per hour holds the count.

Invariant: a listed segment has a row or is counted, never both. A counted segment's file is in the hour's folder.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from tawny.model.errors import DiskFull, FolderUnwritable, IndexDamaged, IndexOutdated, StorageError

VERSION: Final = 6

SCHEMA: Final = """
CREATE TABLE streams (
    id          INTEGER PRIMARY KEY,
    camera      TEXT NOT NULL,
    stream      TEXT NOT NULL,
    mark        BLOB NOT NULL,      -- its segments' ids begin with it
    files       INTEGER NOT NULL,   -- of all that is listed
    size_bytes  INTEGER NOT NULL,
    UNIQUE (camera, stream)
);
CREATE TABLE formats (
    id          INTEGER PRIMARY KEY,
    video       TEXT NOT NULL,
    width       INTEGER NOT NULL,
    height      INTEGER NOT NULL,
    audio       TEXT NOT NULL,
    UNIQUE (video, width, height, audio)
);
CREATE TABLE stretches (
    stream_id   INTEGER NOT NULL REFERENCES streams,
    start_ms    INTEGER NOT NULL,
    run         TEXT NOT NULL,
    format_id   INTEGER NOT NULL REFERENCES formats,
    end_ms      INTEGER NOT NULL,
    PRIMARY KEY (stream_id, start_ms, run, format_id)
) WITHOUT ROWID;
CREATE TABLE hours (                -- settled: only counted here; listed from its folder
    stream_id   INTEGER NOT NULL REFERENCES streams,
    hour        INTEGER NOT NULL,   -- since 1970
    files       INTEGER NOT NULL,
    size_bytes  INTEGER NOT NULL,
    PRIMARY KEY (stream_id, hour)
) WITHOUT ROWID;
CREATE TABLE segments (             -- all others, and those that are being removed
    stream_id   INTEGER NOT NULL REFERENCES streams,
    start_ms    INTEGER NOT NULL,
    end_ms      INTEGER NOT NULL,
    size_bytes  INTEGER NOT NULL,
    run         TEXT NOT NULL,
    format_id   INTEGER NOT NULL REFERENCES formats,
    path        TEXT,               -- NULL: as `layout` has it
    removing    INTEGER NOT NULL,
    PRIMARY KEY (stream_id, start_ms)
) WITHOUT ROWID;
CREATE INDEX segments_removing ON segments (stream_id) WHERE removing;
CREATE TABLE words (
    id          INTEGER PRIMARY KEY,
    word        TEXT NOT NULL UNIQUE
);
CREATE TABLE gaps (
    camera_id   INTEGER NOT NULL REFERENCES words,
    begin_ms    INTEGER NOT NULL,
    end_ms      INTEGER,            -- NULL: lasts
    reason_id   INTEGER NOT NULL REFERENCES words,
    detail      TEXT NOT NULL,
    evidence    TEXT NOT NULL,      -- empty: none
    PRIMARY KEY (camera_id, begin_ms)
) WITHOUT ROWID;
CREATE INDEX gaps_long ON gaps (camera_id, begin_ms) WHERE end_ms IS NULL OR end_ms - begin_ms > 86400000;
CREATE TABLE damage (
    stream_id   INTEGER NOT NULL REFERENCES streams,
    begin_ms    INTEGER NOT NULL,
    took_ms     INTEGER NOT NULL,
    units       INTEGER NOT NULL,
    packets     INTEGER NOT NULL,
    PRIMARY KEY (stream_id, begin_ms)
) WITHOUT ROWID;
CREATE TABLE events (
    start_ms    INTEGER NOT NULL,
    id          BLOB NOT NULL,      -- a blob: difference to the begin of ours; or the whole, as text
    camera_id   INTEGER NOT NULL REFERENCES words,
    kind_id     INTEGER NOT NULL REFERENCES words,
    shown_id    INTEGER NOT NULL REFERENCES words,  -- the kind it is sorted by
    took_ms     INTEGER,            -- NULL: lasts
    kept        INTEGER NOT NULL,
    reviewed    INTEGER NOT NULL,
    record      BLOB NOT NULL,      -- a blob of numbers; or all of it as in the history, as text
    PRIMARY KEY (start_ms, id)
) WITHOUT ROWID;
CREATE INDEX events_of_others ON events (id) WHERE typeof(id) = 'text';
CREATE INDEX events_kept ON events (start_ms, id) WHERE kept;
CREATE INDEX events_long ON events (start_ms, id) WHERE took_ms IS NULL OR took_ms > 3600000;
"""

_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_ERROR}
)
_DENIED: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH})


@contextmanager
def sqlite_errors(where: str) -> Iterator[None]:
    """Convert SQLite errors to StorageError and its subclasses."""
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


def other_version(version: int, known: int) -> str:
    """Return how a file of this version is called in errors; empty if it is of the known version."""
    if version == known:
        return ""
    return f"from {'an earlier' if version < known else 'a newer'} version of tawny (format {version}, not {known})"


def outdated(path: Path) -> str:
    """Return that an index is of another version. Empty if not, or if unreadable: opening it reports that."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as there:
            version = int(there.execute("PRAGMA user_version").fetchone()[0])
            return other_version(version, VERSION) if version else ""
    except sqlite3.Error:
        return ""


def prepare(connection: sqlite3.Connection, where: str) -> None:
    """Create the tables in a new file. Raises IndexOutdated for another version, IndexDamaged for another database."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        return
    if version != 0:
        raise IndexOutdated(where, other_version(version, VERSION))
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise IndexDamaged(where, "it has other tables than an index")
    connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
