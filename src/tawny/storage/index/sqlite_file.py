"""SQLite files: that of the index, and small ones of other subjects.

WAL with `synchronous=FULL`: a change is durable when the call returns, and readers do not block the writer.
"""

import ctypes
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tawny.engine.descriptors import OUT_OF_DESCRIPTORS
from tawny.model.errors import (
    DatabaseDamaged,
    DatabaseNewer,
    DatabaseUnfit,
    DiskFull,
    DiskReadOnly,
    IndexDamaged,
    PathUnreadable,
    StorageError,
    TooManyFiles,
)
from tawny.model.times import ClockSteps
from tawny.storage.disk.disk import GONE, RealDisk, denied, full_by_trial, turned
from tawny.storage.disk.volume_mark import OTHER_DISK, disk_mark
from tawny.storage.index.damaged_files import keep_aside, refuse_damage
from tawny.storage.index.index_schema import other_version, prepare
from tawny.storage.index.mapped_memory import MappedMemory, connect, is_read_only

log = logging.getLogger(__name__)

# The file of the index: one connection writes under a lock, others read, each for one query at a time.

_DAMAGED: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_ERROR}
)
_DENIED: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH})
_SHARED_MEMORY_BYTES: Final = 64 * 1024
"""At most what SQLite needs on the disk for the file `-shm`, to open a database. `-wal` is another file."""


@contextmanager
def sqlite_errors(where: str, *, read_only: bool = False) -> Iterator[None]:
    """Convert SQLite errors to StorageError and its subclasses."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code == sqlite3.SQLITE_CANTOPEN and not _has_free_descriptor():
            raise TooManyFiles(where, str(error)) from error
        if full := _what_is_full(code, where):
            raise full from error
        if code == sqlite3.SQLITE_READONLY and is_read_only(where):
            raise DiskReadOnly(where, str(error)) from error
        _refuse_unreadable(where, error)
        if code in _DENIED:
            raise (PathUnreadable if read_only else denied)(where, str(error)) from error
        if code in _DAMAGED or isinstance(error, sqlite3.IntegrityError):
            raise IndexDamaged(where, str(error)) from error
        raise StorageError(where, str(error)) from error


def _refuse_unreadable(where: str, error: sqlite3.Error) -> None:
    """Raise StorageError if the disk is gone: SQLite may say that the file is damaged, or that it can't be opened.

    The disk is asked by its mark. To read the file would end SQLite's locks on it.
    """
    try:
        disk_mark(Path(where))
    except OSError as unread:
        if unread.errno in GONE:
            raise turned(unread, where) from error


def _what_is_full(code: int, where: str) -> DiskFull | None:
    """Return the error of a full disk. For `-wal` and `-shm`, and at a quota, SQLite says only that I/O failed."""
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(where)
    if code not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) or where == MEMORY:
        return None
    full = full_by_trial(RealDisk(Path(where).parent), _SHARED_MEMORY_BYTES, files=2)
    return type(full)(where) if full is not None else None


def _has_free_descriptor() -> bool:
    """Return whether a file can be opened at all: SQLite doesn't say that there are too many."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno not in OUT_OF_DESCRIPTORS
    return True


Row = tuple[Any, ...]


class ReopenedFile:
    """A file that is reopened after the disk failed: it may have been unplugged, and mounted again."""

    _is_cut_off = False
    _file = Path()
    _mark = b""
    _identity: tuple[int, int] | None = None
    _mapped: MappedMemory | None = None

    def _note_disk(self, file: Path) -> None:
        self._file, self._mapped = file, MappedMemory(file)
        with suppress(PathUnreadable):  # this user may read only the file
            self._mark = self._read_mark()

    def _read_mark(self) -> bytes:
        """Raises StorageError."""
        try:
            return disk_mark(self._file)
        except OSError as error:
            raise turned(error, error.filename or str(self._file)) from error

    def _is_on_other_disk(self) -> bool:
        """Return whether another disk, or none, is mounted there. Without a mark, none is known as another."""
        return bool(self._mark) and self._read_mark() != self._mark

    def _found(self) -> tuple[int, int] | None:
        """Return what identifies the file that is there now: another one after its disk was mounted again."""
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _let_go(self, old: sqlite3.Connection) -> None:
        """Close a connection, or leave it open for good, also at the end, if SQLite would remove another file's WAL.

        It compares only inode numbers, which files on two disks may have in common. On a full disk, closing it may kill
        the process; the next start reads the WAL.
        """
        there, own = self._found(), self._identity
        is_other = there is not None and own is not None and there[0] != own[0] and there[1] == own[1]
        if is_other or not self._can_change():
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(old))
            if self._mapped is not None and there not in (None, own):
                self._mapped.leave()
        else:
            with suppress(sqlite3.Error):  # its disk is gone
                old.close()
        if self._mapped is not None:
            self._mapped = MappedMemory(self._file)

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Record a disk failure, so that the file is reopened. On a full disk, it could not be."""
        try:
            yield
        except (DiskFull, IndexDamaged, DatabaseDamaged, DatabaseUnfit):
            raise
        except StorageError as error:
            self._is_cut_off |= not isinstance(error.__cause__, sqlite3.ProgrammingError)  # it was closed
            raise

    def _can_change(self) -> bool:
        return self._mapped is None or self._mapped.can_change()

    def _refuse_full(self) -> None:
        """Raises StorageError where SQLite's next change of its mapped memory would kill the process.

        DiskFull on a full disk. Another error if its disk failed and is mounted again, so that the file is reopened.
        """
        if self._mapped is None or self._mapped.is_copied is False or self._mapped.can_change():
            return  # on most disks without a call
        if self._found() not in (None, self._identity):
            raise StorageError(str(self._file), OTHER_DISK)
        self._mapped.refuse_full()


class SqliteFile(ReopenedFile):
    """read_only: for reading while a recorder has the file open. undone: called after a rollback.

    sync: False makes nothing durable, for a file that is synced when it is complete. It has no `-wal` and no `-shm`.
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
        self.problem: IndexDamaged | None = None
        if not read_only:
            _make_private(path)
        self._note_disk(path)
        with sqlite_errors(self.where, read_only=read_only):
            self._writer = self.connect("ro" if read_only else "rwc")
            try:
                if not read_only:
                    self._writer.execute(f"PRAGMA synchronous = {'FULL' if sync else 'OFF'}")
                    self._writer.execute(f"PRAGMA journal_mode = {'WAL' if sync else 'MEMORY'}")
                self.version = prepare(self._writer, self.where, read_only=read_only)
                self._identity = self._found()
            except (sqlite3.Error, StorageError):
                self._writer.close()
                raise

    def close(self) -> None:
        with self._lock, sqlite_errors(self.where):
            for reader in self._idle:
                reader.close()
            self._idle.clear()
            self._let_go(self._writer)

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction: changes become durable together at its end. An exception rolls them back."""
        with self._lock, self._noticing(), self._errors():
            if self._is_cut_off and self._depth == 0:
                self._open_again()
            if self._depth == 0:
                self._refuse_full()
                self._writer.execute("BEGIN IMMEDIATE")
                self._changing_thread = threading.get_ident()
            self._depth += 1
            is_committed = False
            try:
                yield self._writer
                if self._depth == 1:
                    self._refuse_full()
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
        with self._errors():
            if self._changing_thread == threading.get_ident():
                yield self._writer
                return
            self._refuse_full()
            reader, is_well = self._idle.pop() if self._idle else self._new_reader(), False
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

    def _new_reader(self) -> sqlite3.Connection:
        if self._found() != self._identity and self._is_on_other_disk():
            raise StorageError(self.where, OTHER_DISK)
        return self.connect("ro")

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
    def _errors(self) -> Iterator[None]:
        """Convert errors, and keep the last one that says that the file is damaged."""
        try:
            with sqlite_errors(self.where):
                yield
        except IndexDamaged as error:
            self.problem = error
            raise

    def _open_again(self) -> None:
        """Reopen the file. Until that succeeds, each change tries it."""
        if self._is_on_other_disk():
            raise StorageError(self.where, OTHER_DISK)
        for old in self._idle:
            with suppress(sqlite3.Error):  # its file is gone
                old.close()
        self._idle.clear()
        self._let_go(self._writer)
        again = self.connect("rw")
        try:
            again.execute("PRAGMA synchronous = FULL")
            prepare(again, self.where)
        except (sqlite3.Error, StorageError):
            again.close()
            raise
        self._writer, self._identity, self._is_cut_off = again, self._found(), False

    def connect(self, mode: str) -> sqlite3.Connection:
        return connect(self._path, mode, timeout_s=10)


def _make_private(path: Path) -> None:
    """Let only the owner read the file, and those that SQLite makes beside it, because it gives them the same mode."""
    with suppress(OSError):  # SQLite then says what is wrong
        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            if path.stat().st_mode & 0o077:
                for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                    path.with_name(name).chmod(0o600)


# Small databases of other subjects than the index.

MEMORY: Final = ":memory:"
_CHECKED_BYTES: Final = 64 * 1024**2
"""Larger files are not read whole at a start: it would take seconds."""
_TRIED_AGAIN_S: Final = 0.2


class SmallDb(ReopenedFile):
    """A database with a version, `PRAGMA user_version`. Files of earlier versions are migrated.

    path: a file, or MEMORY. schema: creates missing tables. version: that of the schema, from 1; files before versions
    were written have 0. migrate: changes the tables of an earlier version, which it gets, within a transaction; None: a
    command that only reads, for which nothing is made or migrated. drops: returns SQL that removes tables of an earlier
    version before that. renew: whether a damaged file is put aside, and an empty one made in its place (`was_renewed`).
    checked: whether all of it is read, so that damage shows now; always before `renew`.
    Raises DatabaseDamaged, DatabaseNewer, StorageError, DiskFull; to read, DatabaseUnfit for an earlier version.
    """

    def __init__(
        self,
        path: Path | str,
        schema: str,
        version: int,
        migrate: Callable[[sqlite3.Connection, int], None] | None = lambda _db, _version: None,
        *,
        drops: Callable[[int], str] = lambda _version: "",
        renew: bool = False,
        checked: bool = False,
    ) -> None:
        checked = checked or renew
        self._drops = drops
        self._path, self._version = str(path), version
        self._lock = threading.Lock()
        self._steps: ClockSteps | None = None
        """None: no times in it follow steps of the clock."""
        self._must_follow = False
        self.was_renewed = False
        if self._path != MEMORY:
            self._note_disk(Path(path))
        try:
            self._db = self._opened(schema, migrate, checked=checked)
        except DatabaseDamaged:
            # what was read may have been wrong, and the file be well; or another process is creating it
            threading.Event().wait(_TRIED_AGAIN_S)
            try:
                self._db = self._opened(schema, migrate, checked=checked)
            except DatabaseDamaged as error:
                if not renew:
                    raise
                log.error("%s It is put aside, and an empty one made.", error.message)
                with _db_errors(self._path):
                    keep_aside(Path(path))
                self._db, self.was_renewed = self._opened(schema, migrate), True

    def _opened(
        self, schema: str, migrate: Callable[[sqlite3.Connection, int], None] | None, *, checked: bool = False
    ) -> sqlite3.Connection:
        """checked: whether all of it is read, so that damage shows now."""
        path = Path(self._path)
        with _db_errors(self._path), ExitStack() as failed:
            if self._path != MEMORY and migrate is not None:
                is_new = not path.exists()
                path.touch(mode=0o600)
                if not path.stat().st_size:
                    if not is_new:  # as a power failure leaves it
                        raise DatabaseDamaged(self._path, "it is empty")
                    _create(path, schema, self._version)
            db, found = self._connected(self._version if migrate is None else 0)
            failed.callback(db.close)
            if checked and self._path != MEMORY and path.stat().st_size <= _CHECKED_BYTES:
                with closing(connect(path, "rw", timeout_s=5)) as all_of_it:  # whose pages stay in no cache
                    refuse_damage(all_of_it, self._path)
            if migrate is not None and found < self._version:
                db.executescript(f"BEGIN IMMEDIATE; {self._drops(found)} {schema}")
                migrate(db, found)
                db.execute(f"PRAGMA user_version = {self._version}")
                db.execute("COMMIT")
            failed.pop_all()
        return db

    def _connected(self, oldest: int = 0) -> tuple[sqlite3.Connection, int]:
        """Open the file, which must exist: an empty mount point gets none. Return the connection and its version.

        Raises DatabaseUnfit for a version before `oldest`.
        """
        if self._path == MEMORY:
            db = sqlite3.connect(MEMORY, check_same_thread=False, isolation_level=None)
        else:
            db = connect(Path(self._path), "rw", timeout_s=5)
        try:
            found = int(db.execute("PRAGMA user_version").fetchone()[0])
            if found > self._version:
                raise DatabaseNewer(self._path, other_version(found, self._version))
            if found < oldest:
                raise DatabaseUnfit(self._path, other_version(found, self._version))
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -256"):
                db.execute(f"PRAGMA {pragma}")
            self._identity = self._found()
        except (sqlite3.Error, StorageError):
            db.close()
            raise
        return db, found

    def _open_again(self) -> None:
        """Reopen the file. Until that succeeds, and while the disk is read-only, each use tries it."""
        if self._is_on_other_disk():
            if self._is_cut_off:
                raise StorageError(self._path, OTHER_DISK)
            return  # the file of before can still be used, as after `umount -l`
        self._is_cut_off = True
        self._let_go(self._db)
        stays_read_only = is_read_only(self._path)
        self._db, _ = self._connected(self._version)
        self._is_cut_off = stays_read_only

    def close(self) -> None:
        with self._lock:
            self._let_go(self._db)

    def copy_to(self, path: Path) -> None:
        """Copy the database to a file, replacing its content. Raises StorageError."""
        with self.reading() as db:
            _copy(db, path)

    def copy_apart(self, path: Path) -> None:
        """Copy like `copy_to`, by a connection of its own: other uses wait for no slow disk. Raises StorageError."""
        # an empty mount point gets no file
        with _db_errors(self._path), closing(connect(self._file, "rw", timeout_s=5)) as source:
            if self._found() != self._identity:
                raise StorageError(self._path, OTHER_DISK)
            _copy(source, path)

    def save_as(self, path: Path) -> None:
        """Create a file with the content of this database, complete and durable. Raises StorageError."""
        new = path.with_name(f"{path.name}.new")
        with self.reading() as db, _db_errors(str(path)):
            new.unlink(missing_ok=True)
            new.touch(mode=0o600)
            with closing(sqlite3.connect(new)) as copy:
                copy.execute("PRAGMA synchronous = OFF")
                db.backup(copy)
                copy.execute("PRAGMA journal_mode = WAL")
            _sync(new)
            new.replace(path)
            _sync(path)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._noticing(), _db_errors(self._path):
            if self._path != MEMORY and (self._is_cut_off or self._found() not in (None, self._identity)):
                self._open_again()
            self._refuse_full()
            moved_ms = self._steps.moved_ms() if self._steps is not None else 0
            if moved_ms or self._must_follow:
                self._follow_clock(self._db, moved_ms)
            yield self._db

    def _follow_clock(self, db: sqlite3.Connection, moved_ms: int) -> None:
        """Move times by a step of the clock, or by earlier ones that could not be written."""

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction: committed at the end, rolled back after any error."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                self._refuse_full()
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")


def _copy(db: sqlite3.Connection, path: Path) -> None:
    """Replace a file's content by this database. Raises StorageError, which names that file."""
    with _db_errors(str(path)):
        path.touch(mode=0o600)
        with closing(sqlite3.connect(path, timeout=5.0)) as copy:
            db.backup(copy)


def _create(path: Path, schema: str, version: int) -> None:
    """Make a complete database of an empty file, with one sync instead of one for each of its steps."""
    try:
        with closing(connect(path, "rw", timeout_s=5)) as db:
            db.execute("PRAGMA synchronous = OFF")
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {version}; COMMIT;")
    except sqlite3.Error:
        if not path.stat().st_size:  # on a full disk: the next start would take it for damaged
            path.unlink()
        raise
    _sync(path)


def _sync(path: Path) -> None:
    """Make a file and its name durable. No connection of this process may be open: its locks would be lost."""
    for each in (path, path.parent):
        fd = os.open(each, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


@contextmanager
def _db_errors(path: str) -> Iterator[None]:
    """Convert SQLite and OS errors to StorageError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if full := _what_is_full(code, path):
            raise full from error
        if code == sqlite3.SQLITE_ERROR:
            raise DatabaseUnfit(path, str(error)) from error
        if is_damaged := code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            _refuse_unreadable(path, error)
        raise (DatabaseDamaged if is_damaged else StorageError)(path, str(error)) from error
    except OSError as error:
        raise turned(error, path) from error
