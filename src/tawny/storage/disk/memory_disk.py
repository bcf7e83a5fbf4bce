"""RAM disk: files in memory with a size limit, removed with the process.

Each file is anonymous (`memfd_create`), so that readers open it by a path such as `/proc/self/fd/17`. A removed file is
truncated at once. Its descriptor stays open for a time, and its number is reused last: a late reader would otherwise
open another file's video. Thread-safe.
"""

import fcntl
import os
import resource
import threading
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tawny.model.errors import DiskFull, FileMissing, StorageError
from tawny.model.times import Clock
from tawny.storage.disk.disk import Bytes, DiskCapacity, FolderEntry, OpenFile, parent_of, parts_of, turned

_PAGE_BYTES: Final = 4096
_FILE_BYTES: Final = 8192
"""Fixed overhead of a file, in addition to its pages."""
_LATE_S: Final = 300.0
"""Seconds after removal until no reader uses the file any more."""
_MOST_PARTS: Final = 1024
_FIRST_NUMBER: Final = 256
"""Descriptors below this number belong to the rest of the process."""


class _File:
    """An anonymous file. The descriptor is closed with the last reference to the object."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor, self.size_bytes = descriptor, 0
        weakref.finalize(self, os.close, descriptor)

    @property
    def used_bytes(self) -> int:
        return _used(self.size_bytes)


class RamDisk:
    """An in-memory `DiskAccess`. size_bytes: capacity, including the overhead of files."""

    def __init__(self, size_bytes: int, clock: Clock) -> None:
        self._size_bytes, self._clock = size_bytes, clock
        self._lock = threading.RLock()
        self._folders: dict[str, dict[str, _File | None]] = {"": {}}  # None: a folder
        self._removed: deque[tuple[float, _File]] = deque()
        self._used_bytes = 0
        self._number = _FIRST_NUMBER

    @property
    def root(self) -> Path:
        return Path("/nowhere")

    def create(self, path: str) -> OpenFile:
        with self._at(path) as (folder, name):
            if name in folder:
                raise StorageError(self.where(path), "File exists")
            if self._size_bytes - self._used_bytes < _used(0):
                raise DiskFull(self.where(path))
            self._forget_removed()
            try:
                file = folder[name] = _File(self._descriptor(name))
            except OSError as error:
                raise turned(error, self.where(path)) from error
            self._used_bytes += file.used_bytes
            return _OpenRamFile(self, path, file)

    def extend(self, path: str) -> OpenFile:
        return _OpenRamFile(self, path, self._file(path))

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        with self._lock:
            file = self._file(path)
            left = max(0, file.size_bytes - offset)
            return os.pread(file.descriptor, left if size is None else min(size, left), offset)

    def write_at(self, path: str, offset: int, data: Bytes) -> None:
        with self._lock:
            file = self._file(path)
            self._grow(path, file, max(file.size_bytes, offset + len(data)))
            os.pwrite(file.descriptor, data, offset)

    def rename(self, old: str, new: str) -> None:
        with self._at(old) as (folder, name):
            file = self._file(old)
            self.unlink(new)
            del folder[name]
            folder[parts_of(new)[-1]] = file

    def unlink(self, path: str) -> None:
        with self._at(path, must_be=False) as (folder, name):
            file = folder.get(name)
            if file is None:
                return
            del folder[name]
            os.ftruncate(file.descriptor, 0)
            self._used_bytes -= file.used_bytes
            self._removed.append((self._clock.mono_s(), file))
            self._forget_removed()

    def make_folder(self, folder: str, *, sync: bool = True) -> None:
        with self._lock:
            names = parts_of(folder)
            for depth in range(1, len(names) + 1):
                path = "/".join(names[:depth])
                if path not in self._folders:
                    self._folders[parent_of(path)][names[depth - 1]] = None
                    self._folders[path] = {}

    def remove_folder(self, folder: str) -> bool:
        with self._lock:
            if folder not in self._folders or self._folders[folder] or not folder:
                return False
            del self._folders[folder]
            del self._folders[parent_of(folder)][parts_of(folder)[-1]]
            return True

    def sync_folder(self, folder: str) -> None:
        """No effect: nothing outlives the process."""

    def sync_parents(self, folder: str) -> None:
        """No effect: nothing outlives the process."""

    def entries(self, folder: str) -> list[FolderEntry]:
        with self._lock:
            return sorted(_entry(name, file) for name, file in self._folders.get(folder, {}).items())

    def entry(self, path: str) -> FolderEntry | None:
        with self._lock:
            folder, name = self._folders.get(parent_of(path), {}), path.rpartition("/")[2]
            return _entry(name, folder[name]) if name in folder else None

    def space(self) -> DiskCapacity:
        return DiskCapacity(max(0, self._size_bytes - self._used_bytes), self._size_bytes, is_exact=True)

    def place(self, path: str) -> Path:
        with self._lock:
            file = self._folders.get(parent_of(path), {}).get(path.rpartition("/")[2])
            return self.root / path if file is None else Path(f"/proc/self/fd/{file.descriptor}")

    def where(self, path: str) -> str:
        """Return a path for messages."""
        return f"memory/{path}"

    # --- used by open files

    def append(self, path: str, file: _File, parts: Sequence[Bytes]) -> None:
        """Append all parts or none."""
        with self._lock:
            at = file.size_bytes
            self._grow(path, file, at + sum(len(part) for part in parts))
            left = [part for part in parts if len(part)]
            for begin in range(0, len(left), _MOST_PARTS):
                at += os.pwritev(file.descriptor, left[begin : begin + _MOST_PARTS], at)

    def cut(self, file: _File, size_bytes: int) -> None:
        with self._lock:
            os.ftruncate(file.descriptor, size_bytes)
            self._used_bytes += _used(size_bytes) - file.used_bytes
            file.size_bytes = size_bytes

    def _grow(self, path: str, file: _File, size_bytes: int) -> None:
        more_bytes = _used(size_bytes) - file.used_bytes
        if self._used_bytes + more_bytes > self._size_bytes:
            raise DiskFull(self.where(path))
        self._used_bytes += more_bytes
        file.size_bytes = size_bytes

    def _descriptor(self, name: str) -> int:
        """Create an empty file on the descriptor number that was unused for the longest time."""
        made = os.memfd_create(name, os.MFD_CLOEXEC)
        try:
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            if self._number >= limit - 1:
                self._number = _FIRST_NUMBER
            self._number = fcntl.fcntl(made, fcntl.F_DUPFD_CLOEXEC, self._number + 1)
        finally:
            os.close(made)
        return self._number

    def _forget_removed(self) -> None:
        while self._removed and self._removed[0][0] < self._clock.mono_s() - _LATE_S:
            self._removed.popleft()

    def _file(self, path: str) -> _File:
        with self._at(path) as (folder, name):
            file = folder.get(name)
            if file is None:
                raise FileMissing(self.where(path))
            return file

    @contextmanager
    def _at(self, path: str, *, must_be: bool = True) -> Iterator[tuple[dict[str, _File | None], str]]:
        names = parts_of(path)
        with self._lock:
            folder = self._folders.get(parent_of(path))
            if folder is None and must_be:
                raise FileMissing(self.where(path))
            yield folder if folder is not None else {}, names[-1]


class _OpenRamFile:
    def __init__(self, disk: RamDisk, path: str, file: _File) -> None:
        self._disk, self._path, self._file = disk, path, file

    @property
    def size_bytes(self) -> int:
        return self._file.size_bytes

    def append(self, parts: Sequence[Bytes]) -> None:
        self._disk.append(self._path, self._file, parts)

    def sync(self) -> None:
        """No effect: nothing outlives the process."""

    def cut(self, size_bytes: int) -> None:
        self._disk.cut(self._file, size_bytes)

    def close(self) -> None:
        """No effect: the disk owns the file."""


def _used(size_bytes: int) -> int:
    return _FILE_BYTES + -(-size_bytes // _PAGE_BYTES) * _PAGE_BYTES


def _entry(name: str, file: _File | None) -> FolderEntry:
    return FolderEntry(name, "folder", 0) if file is None else FolderEntry(name, "file", file.size_bytes)
