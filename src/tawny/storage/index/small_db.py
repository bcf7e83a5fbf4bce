"""Small databases of other subjects than the index, and what is damaged put aside."""

import logging
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from tawny.model.errors import DatabaseDamaged, DatabaseNewer, DiskFull, StorageError
from tawny.model.times import SystemClock
from tawny.storage.disk.disk import turned
from tawny.storage.index.sqlite_file import other_version

log = logging.getLogger(__name__)

SUFFIXES: Final = ("-wal", "-shm", "")
"""Of the files of a database. The main file is last, so that an incomplete set is not opened."""
_CHECKED_BYTES: Final = 64 * 1024**2
"""Larger files are not read whole at a start: it would take seconds."""
_TRIED_AGAIN_S: Final = 0.2
_MOST_ASIDE: Final = 10
_ASIDE: Final = re.compile(r"(\w+\.db)\.damaged-(\d{13})")
_REPORTED_MS: Final = 2 * 86_400_000
_NO_PAGE: Final = re.compile(r"unable to get the page\. error code=(\d+)")


def put_aside(path: Path, mark: str = ".damaged") -> None:
    """Rename a damaged database, so that one can be made in its place. Raises OSError."""
    for suffix in SUFFIXES:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{path.name}{mark}{suffix}"))


def recently_put_aside(folder: Path, now_ms: int) -> list[str]:
    """Return the names of the databases that `SmallDb` put aside in the last two days. Raises OSError."""
    found = [named for one in sorted(folder.iterdir()) if (named := _ASIDE.fullmatch(one.name))]
    return list(dict.fromkeys(one[1] for one in found if now_ms - int(one[2]) < _REPORTED_MS))


def forget_put_aside(folder: Path, name: str) -> None:
    """Delete what was put aside of a database that was restored. Raises OSError."""
    for old in folder.glob(f"{name}.damaged-*"):
        old.unlink(missing_ok=True)


def _keep_aside(path: Path) -> None:
    """Put a database aside under a name of its own, and forget the oldest of many. Raises OSError."""
    put_aside(path, f".damaged-{SystemClock().now_ms():013}")
    kept = sorted(one for one in path.parent.glob(f"{path.name}.damaged-*") if _ASIDE.fullmatch(one.name))
    for old in kept[:-_MOST_ASIDE]:
        for suffix in SUFFIXES:
            old.with_name(old.name + suffix).unlink(missing_ok=True)


MEMORY = ":memory:"


class SmallDb:
    """A database with a version, `PRAGMA user_version`. Files of earlier versions are migrated.

    path: a file, or MEMORY. schema: creates missing tables. version: that of the schema, from 1; files before versions
    were written have 0. migrate: changes the tables of an earlier version, which it gets, within a transaction. renew:
    whether a damaged file is put aside, and an empty one made in its place (`was_renewed`). Raises DatabaseDamaged,
    DatabaseNewer, StorageError, DiskFull.
    """

    def __init__(
        self,
        path: Path | str,
        schema: str,
        version: int,
        migrate: Callable[[sqlite3.Connection, int], None] = lambda _db, _version: None,
        *,
        renew: bool = False,
    ) -> None:
        self._path = str(path)
        self._lock = threading.Lock()
        self.was_renewed = False
        try:
            self._db = self._opened(schema, version, migrate, checked=renew)
        except DatabaseDamaged:
            if not renew:
                raise
            threading.Event().wait(_TRIED_AGAIN_S)  # what was read may have been wrong, and the file be well
            try:
                self._db = self._opened(schema, version, migrate, checked=True)
            except DatabaseDamaged as error:
                log.error("%s It is put aside, and an empty one made.", error.message)
                with _turned_over(self._path):
                    _keep_aside(Path(path))
                self._db, self.was_renewed = self._opened(schema, version, migrate), True

    def _opened(
        self, schema: str, version: int, migrate: Callable[[sqlite3.Connection, int], None], *, checked: bool = False
    ) -> sqlite3.Connection:
        """checked: whether all of it is read, so that damage shows now."""
        path = Path(self._path)
        with _turned_over(self._path), ExitStack() as failed:
            if self._path != MEMORY:
                path.touch(mode=0o600)
                if not path.stat().st_size:
                    _create(path, schema, version)
            db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=5.0)
            failed.callback(db.close)
            found = int(db.execute("PRAGMA user_version").fetchone()[0])
            if found > version:
                raise DatabaseNewer(self._path, other_version(found, version))
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -256"):
                db.execute(f"PRAGMA {pragma}")
            if checked and self._path != MEMORY and path.stat().st_size <= _CHECKED_BYTES:
                with closing(sqlite3.connect(self._path, timeout=5.0)) as all_of_it:  # whose pages stay in no cache
                    refuse_damage(all_of_it, self._path)
            if found < version:
                db.executescript(f"BEGIN IMMEDIATE; {schema}")
                migrate(db, found)
                db.execute(f"PRAGMA user_version = {version}")
                db.execute("COMMIT")
            failed.pop_all()
        return db

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


def refuse_damage(db: sqlite3.Connection, path: str) -> None:
    """Read all of a database. Raises DatabaseDamaged; StorageError if the disk can't read it: it may be well."""
    wrong = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    if wrong == "ok":
        return
    codes = [int(code) & 0xFF for code in _NO_PAGE.findall(wrong)]
    if any(code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) for code in codes):
        raise StorageError(path, wrong)
    raise DatabaseDamaged(path, wrong)


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
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise DiskFull(path) from error
        is_damaged = code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        raise (DatabaseDamaged if is_damaged else StorageError)(path, str(error)) from error
    except OSError as error:
        raise turned(error, path) from error
