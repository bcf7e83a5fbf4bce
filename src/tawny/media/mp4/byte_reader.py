"""Reads from files that may be truncated, deleted or fail during the read, here or in an archive. Thread-safe."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PosixPath
from typing import Protocol

from tawny.model.errors import FileDamaged, FileMissing, PathUnreadable, StorageError, TooManyFiles

_PIECE_BYTES = 1 << 18


class StoredFile(Protocol):
    """An open file. Raises OSError, StorageError."""

    @property
    def size(self) -> int: ...
    @property
    def again(self) -> Path:
        """Path that opens the same file while this one is open, even if it was renamed."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """Return 1 to `size` bytes from `offset` on; empty at the end."""
        ...


class _LocalFile:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    @property
    def again(self) -> Path:
        return Path(f"/dev/fd/{self._descriptor}")

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, offset)


class ArchivedPath(PosixPath):
    """Path of a file in an archive, which only `open_stored` can open, by `opens`.

    rings: returns the key rings of its camera's day, from all volumes. The day is that of a time, ms UTC.
    """

    opens: Callable[[], AbstractContextManager[StoredFile]]
    rings: Callable[[int], Iterable[bytes]] = staticmethod(lambda _at_ms: ())


@contextmanager
def open_stored(path: Path) -> Iterator[StoredFile]:
    """Open the file. Raises StorageError for any OSError, also of the with block."""
    if isinstance(path, ArchivedPath):
        with path.opens() as archived:
            yield archived
        return
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield _LocalFile(file)
        finally:
            os.close(file)
    except FileNotFoundError as problem:
        raise FileMissing(str(path)) from problem
    except PermissionError as problem:
        raise PathUnreadable(str(path), problem.strerror or "") from problem
    except OSError as problem:
        if problem.errno in (errno.EMFILE, errno.ENFILE):
            raise TooManyFiles(str(path), os.strerror(problem.errno)) from problem
        raise StorageError(str(path), problem.strerror or str(problem)) from problem


def read_exactly(path: Path, file: StoredFile, size: int, offset: int) -> bytes:
    """Read `size` bytes. Raises FileDamaged if the file ends before."""
    data = file.read(offset, size)
    while len(data) < size:
        more = file.read(offset + len(data), size - len(data))
        if not more:
            raise FileDamaged(str(path), f"it ends at {offset + len(data)} bytes, inside a fragment")
        data += more
    return data


def read_bytes(path: Path, begin: int, end: int) -> Iterator[bytes]:
    """Yield the file's bytes from `begin` up to `end` in chunks. Init segment and fragments can be sent unchanged."""
    with open_stored(path) as file:
        yield from read_chunks(path, file, begin, end)


def read_chunks(path: Path, file: StoredFile, begin: int, end: int) -> Iterator[bytes]:
    """Yield bytes of an open file in chunks. path: for error messages."""
    while begin < end:
        piece = read_exactly(path, file, min(_PIECE_BYTES, end - begin), begin)
        begin += len(piece)
        yield piece
