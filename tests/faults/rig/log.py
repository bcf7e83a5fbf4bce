"""The log of a disk: writes, flushes, and what the program said meanwhile, in one order, in one file."""

import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HEAD: Final = struct.Struct("<BQI")  # kind, offset, length
_WRITE, _FLUSH, _LINE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Write:
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Flush:
    """Everything before it is durable."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the program had said by now."""

    text: str


Entry = Write | Flush | Line


class Log:
    """Any thread may add."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._lock = threading.Lock()

    def add(self, entry: Entry) -> None:
        match entry:
            case Write(offset, data):
                head, body = _HEAD.pack(_WRITE, offset, len(data)), data
            case Flush():
                head, body = _HEAD.pack(_FLUSH, 0, 0), b""
            case Line(text):
                body = text.encode()
                head = _HEAD.pack(_LINE, 0, len(body))
        with self._lock:
            if not self._file.closed:
                self._file.write(head + body)

    def close(self) -> None:
        with self._lock:
            self._file.close()


def read_log(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            kind, offset, length = _HEAD.unpack(head)
            data = file.read(length)
            if kind == _WRITE:
                yield Write(offset, data)
            elif kind == _FLUSH:
                yield Flush()
            else:
                yield Line(data.decode())
