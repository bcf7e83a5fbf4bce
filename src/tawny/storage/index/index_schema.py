"""Tables of the index, their version, and how a file of another version is recognized."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from tawny.model.errors import IndexDamaged, IndexOutdated
from tawny.storage.index.mapped_memory import connect

VERSION: Final = 7
WITHOUT_LEVELS: Final = 6
"""The version before, in which events had no level. It can still be read."""

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
    level       INTEGER NOT NULL,   -- 1 motion, 2 detection, 3 alert
    record      BLOB NOT NULL,      -- a blob of numbers; or all of it as in the history, as text
    PRIMARY KEY (start_ms, id)
) WITHOUT ROWID;
CREATE INDEX events_of_others ON events (id) WHERE typeof(id) = 'text';
CREATE INDEX events_alert ON events (start_ms, id) WHERE level = 3;
CREATE INDEX events_kept ON events (start_ms, id) WHERE kept;
CREATE INDEX events_long ON events (start_ms, id) WHERE took_ms IS NULL OR took_ms > 3600000;
"""


def other_version(version: int, known: int) -> str:
    """Return how a file of this version is called in errors; empty if it is of the known version."""
    if version == known:
        return ""
    return f"from {'an earlier' if version < known else 'a newer'} version of tawny (format {version}, not {known})"


def outdated(path: Path) -> str:
    """Return that an index is of another version. Empty if not, or if unreadable: opening it reports that."""
    try:
        with closing(connect(path, "ro", timeout_s=5)) as there:
            version = int(there.execute("PRAGMA user_version").fetchone()[0])
            return other_version(version, VERSION) if version else ""
    except sqlite3.Error:
        return ""


def prepare(connection: sqlite3.Connection, where: str, *, read_only: bool = False) -> int:
    """Create the tables in a new file, and return the file's version.

    Raises IndexOutdated for another version, IndexDamaged for another database.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION or (read_only and version == WITHOUT_LEVELS):
        return version
    if version != 0:
        raise IndexOutdated(where, other_version(version, VERSION))
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise IndexDamaged(where, "it has other tables than an index")
    connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    return VERSION
