"""Bytes of files that may shrink, vanish or fail while they are read. Any thread."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tawny.model.errors import FileDamaged, StorageError

_PIECE_BYTES = 1 << 18


@contextmanager
def open_stored(path: Path) -> Iterator[int]:
    """The file for `os.pread`. Whatever the system says against it becomes a StorageError."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield file
        finally:
            os.close(file)
    except OSError as problem:
        raise StorageError(str(path), problem.strerror or str(problem)) from problem


def read_exactly(path: Path, file: int, size: int, offset: int) -> bytes:
    """FileDamaged if the file ends before."""
    data = os.pread(file, size, offset)
    while len(data) < size:
        more = os.pread(file, size - len(data), offset + len(data))
        if not more:
            raise FileDamaged(str(path), f"it ends at {offset + len(data)} bytes, inside a fragment")
        data += more
    return data


def read_bytes(path: Path, begin: int, end: int) -> Iterator[bytes]:
    """The file's bytes from `begin` up to `end`, in pieces: `init_bytes` and fragments can be sent as they are."""
    with open_stored(path) as file:
        yield from read_chunks(path, file, begin, end)


def read_chunks(path: Path, file: int, begin: int, end: int) -> Iterator[bytes]:
    """The same of a file that is open. path: what errors call it."""
    while begin < end:
        piece = read_exactly(path, file, min(_PIECE_BYTES, end - begin), begin)
        begin += len(piece)
        yield piece
