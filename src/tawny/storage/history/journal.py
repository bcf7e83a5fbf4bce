"""History: append-only journal of gaps, damage, events, starts and stops. The index is rebuilt from it.

`history/2026-11-20.jsonl` has one line per change, in order, durable when `write` returns. Reading skips a line torn by
a power cut; the next line starts on its own. After a failed sync the file is not used again, and `2026-11-20-2.jsonl`
is started. Thread-safe.
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
    """One entry. what: `gap`, `damage`, `event`, `event_dropped`, `started`, `stopped`, `healed` or `thinned`."""

    at_ms: int
    what: str
    record: Record


class HistoryJournal:
    """Writer and reader of the journal.

    Raises the errors of the disk. Lines that could not be written are then missing or torn.
    """

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk
        self._lock = threading.Lock()
        self._path = ""
        self._file: OpenFile | None = None
        self._is_named = False
        """The open file's name is durable."""
        self._spoiled: set[str] = set()

    def write(self, lines: Iterable[HistoryLine]) -> None:
        """Append lines in one write. They are durable when this returns."""
        with self._lock:
            lines = list(lines)
            if not lines:
                return
            file = self._opened(utc_text(lines[-1].at_ms)[:10])
            good_bytes = file.size_bytes
            try:
                file.append([b"".join(_encoded(line) for line in lines)])
            except StorageError:
                with suppress(StorageError):  # reading skips a torn line
                    file.cut(good_bytes)
                self._close()
                raise
            try:
                file.sync()
                if not self._is_named:
                    self._disk.sync_folder(_FOLDER)
                    self._disk.sync_parents(_FOLDER)
                    self._is_named = True
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
            self._disk.make_folder(_FOLDER, sync=False)
            self._file = self._disk.create(path)
        else:
            self._file = self._disk.extend(path)
            if self._file.size_bytes and self._disk.read(path, self._file.size_bytes - 1) != b"\n":
                self._file.append([b"\n"])  # end the torn line
        self._path, self._is_named = path, False
        return self._file

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(StorageError):  # the disk may be gone; synced lines are safe
                file.close()

    def close(self) -> None:
        with self._lock:
            self._close()

    def lines(self, newest_files: int | None = None) -> Iterator[HistoryLine]:
        """Yield all lines, oldest first. Unreadable lines are skipped.

        newest_files: number of newest files to read. None reads all.
        """
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
