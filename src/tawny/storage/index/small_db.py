"""A small SQLite file with one connection under one lock. Thread-safe.

Every change is durable when the call returns.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tawny.model.errors import DatabaseNewer, DiskFull, StorageError
from tawny.storage.index.sqlite_file import other_version

MEMORY = ":memory:"


class SmallDb:
    """A database with a version, `PRAGMA user_version`. Files of earlier versions are migrated.

    path: a file, or MEMORY. schema: creates missing tables. version: that of the schema, from 1; files before versions
    were written have 0. migrate: changes the tables of an earlier version, which it gets, within a transaction. Raises
    DatabaseNewer, StorageError, DiskFull.
    """

    def __init__(
        self,
        path: Path | str,
        schema: str,
        version: int,
        migrate: Callable[[sqlite3.Connection, int], None] = lambda _db, _version: None,
    ) -> None:
        self._path = str(path)
        self._lock = threading.Lock()
        with _turned_over(self._path):
            if self._path != MEMORY:
                Path(path).touch(mode=0o600)
                if not Path(path).stat().st_size:
                    _create(Path(path), schema, version)
            self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=5.0)
            found = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            if found > version:
                self._db.close()
                raise DatabaseNewer(self._path, other_version(found, version))
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -256"):
                self._db.execute(f"PRAGMA {pragma}")
            if found < version:
                self._db.executescript(f"BEGIN IMMEDIATE; {schema}")
                migrate(self._db, found)
                self._db.execute(f"PRAGMA user_version = {version}")
                self._db.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def copy_to(self, path: Path) -> None:
        """Copy the database to a file, replacing its content. Raises StorageError."""
        with self.reading() as db:
            path.touch(mode=0o600)
            with closing(sqlite3.connect(path)) as copy:
                db.backup(copy)

    def save_as(self, path: Path) -> None:
        """Create a file with the content of this database, complete and durable. Raises StorageError."""
        new = path.with_name(f"{path.name}.new")
        with self.reading() as db:
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
        with self._lock, _turned_over(self._path):
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction: committed at the end, rolled back after any error."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")


def _create(path: Path, schema: str, version: int) -> None:
    """Make a complete database of an empty file, with one sync instead of one for each of its steps."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=5.0)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {version}; COMMIT;")
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
def _turned_over(path: str) -> Iterator[None]:
    """Convert SQLite and OS errors to StorageError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        raise DiskFull(path) if full else StorageError(path, str(error)) from error
    except OSError as error:
        raise StorageError(path, error.strerror or str(error)) from error
