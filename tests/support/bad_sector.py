"""A file on a bad sector of a disk that works otherwise, and one that is cut off."""

import errno
import os
from pathlib import Path

import pytest

from tawny.media.mp4.segment_reader import read_segment


class _Held:
    """An open file, so that no other one gets its inode."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self.descriptor)


def bad_sector(
    monkeypatch: pytest.MonkeyPatch, path: Path, number: int = errno.EIO, *, within: tuple[int, int] = (0, 1 << 62)
) -> None:
    """Let every read of the content of this file fail with this error. within: begin and end of the bad bytes."""
    read, bad = os.pread, _Held(path)

    def reading(fd: int, size: int, offset: int) -> bytes:
        if offset < within[1] and within[0] < offset + size and os.path.sameopenfile(fd, bad.descriptor):
            raise OSError(number, os.strerror(number))
        return read(fd, size, offset)

    monkeypatch.setattr(os, "pread", reading)


def cut_off(path: Path, fragments: int) -> None:
    """Leave so many whole fragments of a closed file, and a piece of the next."""
    os.truncate(path, read_segment(path).fragments[fragments].offset + 100)
