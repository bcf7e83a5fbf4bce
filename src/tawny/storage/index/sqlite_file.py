"""One SQLite file: one connection writes under a lock, others read, each for one query at a time.

WAL with `synchronous=FULL`: a change is durable when the call returns, and readers do not block the writer.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tawny.model.errors import DiskFull, IndexDamaged, StorageError
from tawny.storage.index.sqlite_schema import prepare, sqlite_errors

Row = tuple[Any, ...]


class SqliteFile:
    """read_only: for reading while a recorder has the file open. undone: called after a rollback.

    sync: False makes nothing durable, for a file that is synced when it is complete.
    """

    def __init__(self, path: Path, *, read_only: bool, undone: Callable[[], None], sync: bool = True) -> None:
        """Open the file, creating it if necessary. Raises IndexDamaged, IndexOutdated, FolderUnwritable,
        DiskFull.
        """
        self._path, self._where, self._undone = path, str(path), undone
        self._lock = threading.RLock()
        self._depth, self._changing_thread = 0, 0
        self._idle: list[sqlite3.Connection] = []
        self._is_unsynced = False
        self._is_cut_off = False  # the disk failed and may have been replaced: reopen the file
        if not read_only:
            _make_private(path)
        with sqlite_errors(self._where):
            self._writer = self._connect("ro" if read_only else "rwc")
            try:
                if not read_only:
                    self._writer.execute(f"PRAGMA synchronous = {'FULL' if sync else 'OFF'}")
                    self._writer.execute("PRAGMA journal_mode = WAL")
                prepare(self._writer, self._where)
            except (sqlite3.Error, StorageError):
                self._writer.close()
                raise

    def close(self) -> None:
        with self._lock, sqlite_errors(self._where):
            for connection in (*self._idle, self._writer):
                connection.close()
            self._idle.clear()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction: changes become durable together at its end. An exception rolls them back."""
        with self._lock, self._noticing(), sqlite_errors(self._where):
            if self._is_cut_off and self._depth == 0:
                self._open_again()
            if self._depth == 0:
                self._writer.execute("BEGIN IMMEDIATE")
                self._changing_thread = threading.get_ident()
            self._depth += 1
            try:
                yield self._writer
                if self._depth == 1:
                    self._writer.execute("COMMIT")
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._changing_thread = 0
                    if self._writer.in_transaction:
                        self._undone()
                        self._writer.execute("ROLLBACK")

    @contextmanager
    def unsynced(self) -> Iterator[None]:
        """Make changes within durable only with the next one outside, whose sync covers the whole WAL."""
        with self._lock, sqlite_errors(self._where):
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
        with sqlite_errors(self._where):
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
            prepare(again, self._where)
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
