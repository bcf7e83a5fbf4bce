"""A virtual MP4 (`media.mp4.progressive`) as a file object. Not thread-safe."""

import io
import os
from collections.abc import Iterator
from typing import Any, Protocol

PIECE_BYTES = 1 << 18


class Ranges(Protocol):
    @property
    def size_bytes(self) -> int: ...
    def read(self, begin: int, end: int) -> Iterator[bytes]: ...


class VirtualFile(io.RawIOBase):
    """Read-only, seekable file. Reads ahead in chunks, because callers read in small pieces."""

    def __init__(self, source: Ranges) -> None:
        self._source, self._at = source, 0
        self._piece, self._piece_at = b"", 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._source.size_bytes}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        begin = self._at - self._piece_at
        if not 0 <= begin < len(self._piece):
            end = min(self._source.size_bytes, self._at + max(PIECE_BYTES, len(buffer)))
            self._piece, self._piece_at, begin = b"".join(self._source.read(self._at, end)), self._at, 0
        part = self._piece[begin : begin + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
