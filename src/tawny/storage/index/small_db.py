"""A small SQLite file beside the index: one connection under one lock, because the work is little. Any thread.

Every change is durable when its call returned.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tawny.model.errors import DiskFull, StorageError

MEMORY = ":memory:"


class SmallDb:
    """path: a file, or MEMORY. schema: makes what is not there yet. Raises StorageError, DiskFull."""

    def __init__(self, path: Path | str, schema: str) -> None:
        self._path = str(path)
        self._lock = threading.Lock()
        with _turned_over(self._path):
            if self._path != MEMORY:
                Path(path).touch(mode=0o600)
            self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=5.0)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -256"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(schema)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def copy_to(self, path: Path) -> None:
        """All of it, in place of what is there. Raises StorageError."""
        with self.reading() as db:
            path.touch(mode=0o600)
            with closing(sqlite3.connect(path)) as copy:
                db.backup(copy)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _turned_over(self._path):
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or, after any error, nothing."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")


@contextmanager
def _turned_over(path: str) -> Iterator[None]:
    """SQLite's and the system's errors as ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        raise DiskFull(path) if full else StorageError(path, str(error)) from error
    except OSError as error:
        raise StorageError(path, error.strerror or str(error)) from error
