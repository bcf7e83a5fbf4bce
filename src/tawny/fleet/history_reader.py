"""The box's history as the hub reads it: complete lines by file and byte. The files themselves are the queue."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tawny.storage.disk.disk import DiskAccess

FOLDER: Final = "history"
NAME: Final = re.compile(r"\d{4}-\d\d-\d\d(-\d{1,6})?\.jsonl")
MOST_BYTES: Final = 128 * 1024
"""Of lines in one message."""
LEAST_BYTES: Final = 4 * 1024
"""The smallest useful piece; a line that is longer is sent alone."""
HASHED_BYTES: Final = 4 * 1024
"""Highest number of bytes of a line, at its end, that its hash is of."""


@dataclass(frozen=True, slots=True)
class HistoryPiece:
    """Complete lines of one file, from `offset` to `end`. A line longer than MOST_BYTES is left out: data is empty."""

    file: str
    offset: int
    end: int
    data: bytes


def line_hash(lines: bytes) -> str:
    """Return the hash of the last line, of a long one of its end. lines: at least HASHED_BYTES, or from its begin."""
    begin = lines.rfind(b"\n", 0, -1) + 1
    return sha256(lines[begin:][-HASHED_BYTES:]).hexdigest()[:32]


class HistoryReader:
    """Reads what a hub does not have yet. Waits for the disk; raises StorageError. One thread at a time."""

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk

    def book(self) -> str:
        """Return the identity of this history, which another one doesn't have: the hash of its first line."""
        for name in sorted(self._sizes(), key=_order):
            first = self._disk.read(f"{FOLDER}/{name}", 0, MOST_BYTES).partition(b"\n")[0]
            return sha256(name.encode() + first).hexdigest()[:32]
        return ""

    def check(self, cursors: Mapping[str, int], line_hashes: Mapping[str, str]) -> None:
        """Raises ValueError: the line before a cursor has another hash, so that the cursor is of another history.

        A history that was restored from a backup may be longer than the cursors again. A line of an event that was
        deleted since is blank.
        """
        sizes = self._sizes()
        for name in line_hashes.keys() & cursors.keys():
            offset = cursors[name]
            begin = max(0, offset - HASHED_BYTES)
            lines = self._disk.read(f"{FOLDER}/{name}", begin, offset - begin) if offset <= sizes.get(name, 0) else b""
            if not lines.endswith(b" \n") and line_hashes[name] != line_hash(lines):
                raise ValueError("another line is before a cursor")

    def next_piece(self, cursors: Mapping[str, int], most_bytes: int = MOST_BYTES) -> HistoryPiece | None:
        """Return lines after the cursors, of the newest file first; None if there are none. At least one whole line.

        Raises ValueError: a cursor is beyond its file, so that it belongs to another history.
        """
        sizes = self._sizes()
        if any(offset > sizes.get(name, 0) for name, offset in cursors.items()):
            raise ValueError("a cursor is beyond the end of its file")
        for name in sorted(sizes, key=_order, reverse=True):
            offset = cursors.get(name, 0)
            if sizes[name] > offset and (piece := self._piece(name, offset, sizes[name], most_bytes)) is not None:
                return piece
        return None

    def _piece(self, name: str, offset: int, size: int, most_bytes: int) -> HistoryPiece | None:
        data = self._disk.read(f"{FOLDER}/{name}", offset, min(most_bytes, size - offset))
        if most_bytes < MOST_BYTES and b"\n" not in data:
            data = self._disk.read(f"{FOLDER}/{name}", offset, min(MOST_BYTES, size - offset))
            data = data[: data.find(b"\n") + 1] or data  # one long line
        end = data.rfind(b"\n") + 1
        if end:
            return HistoryPiece(name, offset, offset + end, data[:end])
        if len(data) < MOST_BYTES:
            return None  # a line that is being written, or was torn by a power cut
        position = offset + len(data)
        while position < size:
            more = self._disk.read(f"{FOLDER}/{name}", position, min(MOST_BYTES, size - position))
            found = more.find(b"\n") + 1
            if found:
                return HistoryPiece(name, offset, position + found, b"")
            position += len(more)
        return None

    def _sizes(self) -> dict[str, int]:
        return {
            one.name: one.size_bytes
            for one in self._disk.entries(FOLDER)
            if one.kind == "file" and NAME.fullmatch(one.name)
        }


def _order(name: str) -> tuple[str, int]:
    day, number = name[:10], name[11:].removesuffix(".jsonl")
    return day, int(number) if number.isdigit() else 1
