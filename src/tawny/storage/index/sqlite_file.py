"""One SQLite file: one connection writes under a lock, others read, each for one query at a time.

WAL with `synchronous=FULL`: a change is durable when the call returns, and readers do not block the writer.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from tawny.model.errors import DiskFull, IndexDamaged, IndexOutdated, PathUnreadable, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Segment, stream_mark
from tawny.storage.disk.disk import denied

# Tables of the index, and conversion of SQLite errors.

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

_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_ERROR}
)
_DENIED: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH})


@contextmanager
def sqlite_errors(where: str, *, read_only: bool = False) -> Iterator[None]:
    """Convert SQLite errors to StorageError and its subclasses."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise DiskFull(where) from error
        if code in _DENIED:
            raise (PathUnreadable if read_only else denied)(where, str(error)) from error
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


# Ids of repeated values in the index: streams, formats and words. Ids are never deleted.

_STREAMS: Final = "SELECT id, camera, stream FROM streams"
_FORMATS: Final = "SELECT id, video, width, height, audio FROM formats"


class StreamKey(NamedTuple):
    id: int
    camera: CameraId
    name: StreamName


class FormatKey(NamedTuple):
    video: str
    width: int
    height: int
    audio: str

    def looks_as(self, other: "FormatKey") -> bool:
        """Return whether video codec and size are equal; audio may differ."""
        return self[:3] == other[:3]


def format_of(segment: Segment) -> FormatKey:
    return FormatKey(segment.video, segment.width, segment.height, segment.audio)


class NameTable:
    def __init__(self) -> None:
        self._streams: dict[tuple[CameraId, StreamName], StreamKey] = {}
        self._formats: dict[int, FormatKey] = {}
        self._format_ids: dict[FormatKey, int] = {}
        self._words: Mapping[int, str] = {}
        self._word_ids: dict[str, int] = {}

    def forget(self) -> None:
        """Clear the cache after a rollback."""
        self._streams, self._formats, self._format_ids = {}, {}, {}
        self._words, self._word_ids = {}, {}

    def stream(self, db: sqlite3.Connection, camera: CameraId, name: StreamName) -> StreamKey | None:
        if (camera, name) not in self._streams:
            self._load_streams(db)
        return self._streams.get((camera, name))

    def stream_or_new(self, db: sqlite3.Connection, camera: CameraId, name: StreamName) -> StreamKey:
        found = self.stream(db, camera, name)
        if found is None:
            made = db.execute(
                "INSERT INTO streams (camera, stream, mark, files, size_bytes) VALUES (?, ?, ?, 0, 0) RETURNING id",
                (camera, name.value, stream_mark(camera, name)),
            ).fetchone()
            found = self._streams[camera, name] = StreamKey(made[0], camera, name)
        return found

    def streams(self, db: sqlite3.Connection, camera: CameraId | None, name: StreamName | None) -> list[StreamKey]:
        """Return streams. camera: None for all. name: None for both."""
        if camera is None:
            self._load_streams(db)
            known = list(self._streams.values())
        else:
            both = [self.stream(db, camera, one) for one in StreamName]
            known = [one for one in both if one is not None]
        return [one for one in known if camera in (None, one.camera) and name in (None, one.name)]

    def marked(self, db: sqlite3.Connection, mark: bytes) -> StreamKey | None:
        """Return the stream whose segment ids start with `mark`."""
        found = db.execute(f"{_STREAMS} WHERE mark = ?", (mark,)).fetchone()
        return _stream(*found) if found else None

    def format(self, db: sqlite3.Connection, format_id: int) -> FormatKey:
        if format_id not in self._formats:
            self._formats.update({number: FormatKey(*said) for number, *said in db.execute(_FORMATS)})
        return self._formats[format_id]

    def format_id(self, db: sqlite3.Connection, said: FormatKey) -> int:
        """Return the id of a format, inserting it if necessary."""
        known = self._format_ids.get(said)
        if known is None:
            found = db.execute(f"{_FORMATS} WHERE (video, width, height, audio) = (?, ?, ?, ?)", said).fetchone()
            if found is None:
                make = "INSERT INTO formats (video, width, height, audio) VALUES (?, ?, ?, ?) RETURNING id"
                found = db.execute(make, said).fetchone()
            known = self._format_ids[said] = int(found[0])
        return known

    def words(self, db: sqlite3.Connection, *, reload: bool = False) -> Mapping[int, str]:
        """Return words by id; 0 is the empty word. reload: the cache lacks an id."""
        if reload or not self._words:
            self._words = {0: "", **dict(db.execute("SELECT id, word FROM words"))}
        return self._words

    def known_word_id(self, db: sqlite3.Connection, word: str) -> int | None:
        known = self._word_ids.get(word)
        if known is None:
            found = db.execute("SELECT id FROM words WHERE word = ?", (word,)).fetchone()
            known = int(found[0]) if found else None
        return known

    def word_id(self, db: sqlite3.Connection, word: str) -> int:
        """Return the id of a word, inserting it if necessary.

        For values from small sets, such as cameras, types, zones and labels.
        """
        known = self.known_word_id(db, word)
        if known is None:
            known = int(db.execute("INSERT INTO words (word) VALUES (?) RETURNING id", (word,)).fetchone()[0])
        self._word_ids[word] = known
        return known

    def _load_streams(self, db: sqlite3.Connection) -> None:
        self._streams = {(one.camera, one.name): one for row in db.execute(_STREAMS) for one in [_stream(*row)]}


def _stream(number: int, camera: str, name: str) -> StreamKey:
    return StreamKey(number, CameraId(camera), StreamName(name))


Row = tuple[Any, ...]


class SqliteFile:
    """read_only: for reading while a recorder has the file open. undone: called after a rollback.

    sync: False makes nothing durable, for a file that is synced when it is complete.
    """

    def __init__(self, path: Path, *, read_only: bool, undone: Callable[[], None], sync: bool = True) -> None:
        """Open the file, creating it if necessary. Raises IndexDamaged, IndexOutdated, FolderUnwritable,
        PathUnreadable, DiskFull.
        """
        self._path, self.where, self._undone = path, str(path), undone
        self._lock = threading.RLock()
        self._depth, self._changing_thread = 0, 0
        self._idle: list[sqlite3.Connection] = []
        self._is_unsynced = False
        self._is_cut_off = False  # the disk failed and may have been replaced: reopen the file
        if not read_only:
            _make_private(path)
        with sqlite_errors(self.where, read_only=read_only):
            self._writer = self._connect("ro" if read_only else "rwc")
            try:
                if not read_only:
                    self._writer.execute(f"PRAGMA synchronous = {'FULL' if sync else 'OFF'}")
                    self._writer.execute("PRAGMA journal_mode = WAL")
                self.version = prepare(self._writer, self.where, read_only=read_only)
            except (sqlite3.Error, StorageError):
                self._writer.close()
                raise

    def close(self) -> None:
        with self._lock, sqlite_errors(self.where):
            for connection in (*self._idle, self._writer):
                connection.close()
            self._idle.clear()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction: changes become durable together at its end. An exception rolls them back."""
        with self._lock, self._noticing(), sqlite_errors(self.where):
            if self._is_cut_off and self._depth == 0:
                self._open_again()
            if self._depth == 0:
                self._writer.execute("BEGIN IMMEDIATE")
                self._changing_thread = threading.get_ident()
            self._depth += 1
            is_committed = False
            try:
                yield self._writer
                if self._depth == 1:
                    self._writer.execute("COMMIT")
                    is_committed = True
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._changing_thread = 0
                    if not is_committed:
                        self._undone()
                        if self._writer.in_transaction:  # on a full disk, SQLite has rolled back already
                            self._writer.execute("ROLLBACK")

    @contextmanager
    def unsynced(self) -> Iterator[None]:
        """Make changes within durable only with the next one outside, whose sync covers the whole WAL."""
        with self._lock, sqlite_errors(self.where):
            if self._is_unsynced:
                yield
                return
            self._is_unsynced = True
            self._writer.execute("PRAGMA wal_autocheckpoint = 0")  # a checkpoint without sync could damage the file
            self._writer.execute("PRAGMA synchronous = OFF")
            try:
                yield
            finally:
                self._is_unsynced = False
                self._writer.execute("PRAGMA synchronous = FULL")
                self._writer.execute("PRAGMA wal_autocheckpoint = 1000")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a read transaction with one consistent snapshot. Within `changing`, it sees the changes made so far."""
        with sqlite_errors(self.where):
            if self._changing_thread == threading.get_ident():
                yield self._writer
                return
            reader, is_well = self._idle.pop() if self._idle else self._connect("ro"), False
            try:
                reader.execute("BEGIN")
                yield reader
                reader.execute("COMMIT")
                is_well = True
            finally:
                if is_well:
                    self._idle.append(reader)
                else:
                    reader.close()

    def change(self, change: str, *values: Any) -> None:
        with self.changing() as db:
            db.execute(change, values)

    def ask(self, question: str, *values: Any) -> list[Row]:
        with self.reading() as db:
            return db.execute(question, values).fetchall()

    @property
    def is_changing(self) -> bool:
        """Return whether this thread is within `changing`."""
        return self._changing_thread == threading.get_ident()

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Record a disk failure, so that the file is reopened."""
        try:
            yield
        except (DiskFull, IndexDamaged):
            raise
        except StorageError:
            self._is_cut_off = True
            raise

    def _open_again(self) -> None:
        """Reopen the file.

        Old connections are closed first: closing one while another is open would remove the other's WAL.
        """
        for old in (*self._idle, self._writer):
            with suppress(sqlite3.Error):  # its file is gone
                old.close()
        self._idle.clear()
        again = self._connect("rw")
        try:
            again.execute("PRAGMA synchronous = FULL")
            prepare(again, self.where)
        except (sqlite3.Error, StorageError):
            again.close()
            raise
        self._writer, self._is_cut_off = again, False

    def _connect(self, mode: str) -> sqlite3.Connection:
        address = f"{self._path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=10)


def _make_private(path: Path) -> None:
    """Let only the owner read the file, and those that SQLite makes beside it, because it gives them the same mode."""
    with suppress(OSError):  # SQLite then says what is wrong
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            if path.stat().st_mode & 0o077:
                for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                    path.with_name(name).chmod(0o600)
