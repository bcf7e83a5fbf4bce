"""The history: an append-only journal of gaps, damage, events, starts and stops; the index's part is made from it.

`history/2026-11-20.jsonl`: a line a change, in the order it happened, durable when `write` returned. A line that a
power cut tore is skipped when reading, and the next one begins on a line of its own. After a failed sync nothing more
goes into that file; a new one, `2026-11-20-2.jsonl`, is begun. Any thread may call.
"""

import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tawny.model.errors import StorageError
from tawny.model.times import utc_text
from tawny.storage.disk.disk import DiskAccess, OpenFile
from tawny.storage.history.records import Record

_FOLDER: Final = "history"
_NAME: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:-(\d{1,6}))?\.jsonl")


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """what: `gap`, `damage`, `event`, `event_dropped`, `started` or `stopped`."""

    at_ms: int
    what: str
    record: Record


class HistoryJournal:
    """Raises what the disk raises; then what was to be written is not there, or only a torn line of it."""

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk
        self._lock = threading.Lock()
        self._path = ""
        self._file: OpenFile | None = None
        self._spoiled: set[str] = set()

    def write(self, lines: Iterable[HistoryLine]) -> None:
        """Add lines in one go; they are durable when this returns."""
        with self._lock:
            lines = list(lines)
            if not lines:
                return
            file = self._opened(utc_text(lines[-1].at_ms)[:10])
            good_bytes = file.size_bytes
            try:
                file.append([b"".join(_encoded(line) for line in lines)])
            except StorageError:
                with suppress(StorageError):  # a torn line is skipped when it is read
                    file.cut(good_bytes)
                self._close()
                raise
            try:
                file.sync()
            except StorageError:
                self._spoiled.add(self._path)
                self._close()
                raise

    def _opened(self, day: str) -> OpenFile:
        path = next(path for path in _paths(day) if path not in self._spoiled)
        if self._file is not None and self._path == path:
            return self._file
        self._close()
        if self._disk.entry(path) is None:
            self._disk.make_folder(_FOLDER)
            self._file = self._disk.create(path)
        else:
            self._file = self._disk.extend(path)
            if self._file.size_bytes and self._disk.read(path, self._file.size_bytes - 1) != b"\n":
                self._file.append([b"\n"])  # a torn line ends here
        self._disk.sync_folder(_FOLDER)
        self._path = path
        return self._file

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(StorageError):  # the disk may be gone; what was synced is there
                file.close()

    def close(self) -> None:
        with self._lock:
            self._close()

    def lines(self, newest_files: int | None = None) -> Iterator[HistoryLine]:
        """All that was written, oldest first; of the newest files only, if told so. What cannot be read is skipped."""
        names = sorted(
            (found[1], int(found[2] or 1), one.name)
            for one in self._disk.entries(_FOLDER)
            if one.kind == "file" and (found := _NAME.fullmatch(one.name))
        )
        for _, _, name in names if newest_files is None else names[-newest_files:]:
            for text in self._disk.read(f"{_FOLDER}/{name}").split(b"\n"):
                if (line := _decoded(text)) is not None:
                    yield line


def _paths(day: str) -> Iterator[str]:
    yield f"{_FOLDER}/{day}.jsonl"
    number = 2
    while True:
        yield f"{_FOLDER}/{day}-{number}.jsonl"
        number += 1


def _encoded(line: HistoryLine) -> bytes:
    text = json.dumps({"at_ms": line.at_ms, "what": line.what, line.what: line.record}, separators=(",", ":"))
    return text.encode() + b"\n"


def _decoded(text: bytes) -> HistoryLine | None:
    try:
        said = json.loads(text)
        return HistoryLine(int(said["at_ms"]), str(said["what"]), dict(said[said["what"]]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
