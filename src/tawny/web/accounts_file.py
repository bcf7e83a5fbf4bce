"""`accounts.db`: the file that people, sessions, passes and the log of who did what are in.

Any thread may use it; one lock, because the work is small.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tawny.model.errors import StorageError

SCHEMA = """
CREATE TABLE IF NOT EXISTS people (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, role TEXT NOT NULL,
  password TEXT NOT NULL,            -- argon2id; empty: signs in by link only
  made_ms INTEGER NOT NULL,
  cameras TEXT) STRICT;              -- a JSON list of those that a viewer may see; NULL: all
CREATE TABLE IF NOT EXISTS sessions (
  hash BLOB PRIMARY KEY, person TEXT NOT NULL REFERENCES people(id) ON DELETE CASCADE,
  made_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL,
  agent TEXT NOT NULL, address TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_person ON sessions(person, seen_ms);
CREATE TABLE IF NOT EXISTS tokens (
  hash BLOB PRIMARY KEY, purpose TEXT NOT NULL, person TEXT REFERENCES people(id) ON DELETE CASCADE,
  ends_ms INTEGER NOT NULL, used_ms INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS passes (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE,
  digest TEXT NOT NULL,              -- for login by RTSP
  cameras TEXT, made_ms INTEGER NOT NULL,
  ends_ms INTEGER) STRICT;           -- NULL: when it is taken back
CREATE TABLE IF NOT EXISTS shares (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, camera TEXT NOT NULL,
  from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
  names_camera INTEGER NOT NULL, code TEXT NOT NULL,      -- argon2id; empty: none
  made_by TEXT NOT NULL,             -- a person's id
  made_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL, opened INTEGER NOT NULL,
  clip TEXT NOT NULL DEFAULT '') STRICT;   -- a saved clip's id; empty: cut from the recordings
CREATE TABLE IF NOT EXISTS walls (
  person TEXT PRIMARY KEY REFERENCES people(id) ON DELETE CASCADE,
  layout TEXT NOT NULL) STRICT;      -- JSON
CREATE TABLE IF NOT EXISTS audit (
  number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, person TEXT NOT NULL, action TEXT NOT NULL,
  detail TEXT NOT NULL, address TEXT NOT NULL) STRICT;
"""


class AccountsFile:
    """path: a file, or `:memory:`. Raises StorageError."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._lock = threading.Lock()
        with _turned_over(self._path):
            if self._path != ":memory:":
                Path(path).touch(mode=0o600)
            self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=5.0)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -256"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(SCHEMA)
            for table, column, kind in (("people", "cameras", "TEXT"), ("shares", "clip", "TEXT NOT NULL DEFAULT ''")):
                if column not in {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}:
                    self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")  # the file is an older one

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def copy_to(self, path: Path) -> None:
        """All of it, in place of what is there. Raises StorageError."""
        with self.reading() as db:
            path.touch(mode=0o600)
            copy = sqlite3.connect(path)
            try:
                db.backup(copy)
            finally:
                copy.close()

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
        raise StorageError(path, str(error)) from error
    except OSError as error:
        raise StorageError(path, error.strerror or str(error)) from error
