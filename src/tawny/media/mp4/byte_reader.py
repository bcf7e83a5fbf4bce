"""Reads from files that may be truncated, deleted or fail during the read. Thread-safe."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tawny.model.errors import FileDamaged, StorageError

_PIECE_BYTES = 1 << 18


@contextmanager
def open_stored(path: Path) -> Iterator[int]:
    """Open the file for `os.pread`. Raises StorageError for any OSError, also of the with block."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield file
        finally:
            os.close(file)
    except OSError as problem:
        raise StorageError(str(path), problem.strerror or str(problem)) from problem


def read_exactly(path: Path, file: int, size: int, offset: int) -> bytes:
    """Read `size` bytes. Raises FileDamaged if the file ends before."""
    data = os.pread(file, size, offset)
    while len(data) < size:
        more = os.pread(file, size - len(data), offset + len(data))
        if not more:
            raise FileDamaged(str(path), f"it ends at {offset + len(data)} bytes, inside a fragment")
        data += more
    return data


def read_bytes(path: Path, begin: int, end: int) -> Iterator[bytes]:
    """Yield the file's bytes from `begin` up to `end` in chunks. Init segment and fragments can be sent unchanged."""
    with open_stored(path) as file:
        yield from read_chunks(path, file, begin, end)


def read_chunks(path: Path, file: int, begin: int, end: int) -> Iterator[bytes]:
    """Yield bytes of an open file in chunks. path: for error messages."""
    while begin < end:
        piece = read_exactly(path, file, min(_PIECE_BYTES, end - begin), begin)
        begin += len(piece)
        yield piece
