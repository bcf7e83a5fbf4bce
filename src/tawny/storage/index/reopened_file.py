"""A database's file on a disk that can fail, be mounted again, or be full."""

import ctypes
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tawny.model.errors import (
    DatabaseDamaged,
    DatabaseUnfit,
    DiskFull,
    IndexDamaged,
    PathUnreadable,
    StorageError,
)
from tawny.storage.disk.disk import turned
from tawny.storage.disk.volume_mark import OTHER_DISK, disk_mark
from tawny.storage.index.mapped_memory import MappedMemory


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
        if self._mapped is None or self._mapped.can_change():
            return
        if self._found() not in (None, self._identity):
            raise StorageError(str(self._file), OTHER_DISK)
        self._mapped.refuse_full()
