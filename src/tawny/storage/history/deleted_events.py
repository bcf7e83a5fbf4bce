"""What the history says about events is deleted after them: their lines become blank.

Of a deleted event, the line that says so stays, with its id and the time. Lines keep their place and their size, by
which hubs know them; reading skips a blank one. Only a deletion that the history itself lists counts, neither the index
nor a clock, so that a lost index or a wrong clock blanks nothing, and an index that is rebuilt is the same as before.
"""

import logging
import re
import threading
from collections.abc import Callable, Collection, Container, Iterator
from typing import Final

from tawny.engine import Engine
from tawny.model.errors import StorageError, StorageUnavailable
from tawny.model.ids import EventId
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import skipping_unreadable
from tawny.storage.history.ledger import HistoryJournal

log = logging.getLogger(__name__)

EVERY_S: Final = 3600.0
_WHOLE_AFTER: Final = 24
"""Passes until everything is read again, if a file could not be read or written."""
_SOON_S: Final = 0.5
_LINE: Final = re.compile(
    rb'^\{"at_ms":-?\d+,"what":'
    rb'(?:"event_dropped","event_dropped":\{"id":"(?P<dropped>[A-Za-z0-9-]+)"\}\}|"event","event":\{"id":"(?P<event>[A-Za-z0-9-]+)".*)$',
    re.MULTILINE,
)


class DeletedEvents:
    """Actor that blanks the lines of deleted events. The first pass reads the whole history, one file a step.

    Later ones, once an hour, read the newest file, and the others if it lists new deletions. If a file can't be read or
    written, everything is read again after a day, because the deletions of its events may be in any later file.
    """

    name = "history of deleted events"

    def __init__(
        self, volume: Volume, history: HistoryJournal, is_gone: Callable[[EventId], bool] = lambda _event: True
    ) -> None:
        """is_gone: whether an event whose deletion is listed is deleted here, too. May raise StorageError."""
        self._volume, self._history, self._is_gone = volume, history, is_gone
        self._left: list[str] = []
        """Files that this pass has still to read, the newest last, because a deletion follows its event."""
        self._dropped: set[bytes] = set()
        """Events whose deletion the files read so far list."""
        self._done = self._end = (0, 0)
        """Number of a file, and byte: deletions before are carried out; those before the end are by this pass."""
        self._until_whole = 0
        """Passes until everything is read again; 0: no file was left out."""

    def start(self, engine: Engine) -> None:
        engine.start(self.name, lambda: self)

    def step(self) -> float:
        try:
            if not self._left:
                self._left, self._dropped = self._history.files(), set()
                self._end = (max(0, len(self._left) - 1), 0)
                if self._until_whole == 1:
                    self._done = (0, 0)
                self._until_whole = max(0, self._until_whole - 1)
            if self._left:
                self._read(self._left.pop())
        except StorageError as error:
            if not self._until_whole:  # once a day
                log.warning("what the history says of deleted events stays for now, trying again in a day: %s", error)
                self._until_whole = _WHOLE_AFTER
            if isinstance(error, StorageUnavailable):
                self._left.clear()
        if self._left and (self._dropped or len(self._left) > self._done[0]):
            return _SOON_S
        self._left.clear()
        self._dropped.clear()
        self._done = self._end
        return EVERY_S

    def close(self) -> None:
        """No effect."""

    def _read(self, path: str) -> None:
        number, content = len(self._left), self._volume.disk.read(path)
        if number == self._end[0]:
            self._end = number, len(content)
        dropped, blanked = self._blanked(number, content)
        if blanked != content:
            with self._history.closed():
                dropped, blanked = self._blanked(number, self._volume.disk.read(path))  # it may have grown
                self._volume.write_whole(path, blanked)
        self._dropped |= dropped

    def _blanked(self, number: int, content: bytes) -> tuple[set[bytes], bytes]:
        """Return the deletions that a file lists, and the file with blank lines for events that are deleted later.

        number: of the file, counted from the oldest.
        """
        found, blanked = set[bytes](), bytearray(content)
        for line in reversed(list(_LINE.finditer(content))):
            event = line["event"]
            if event is None:
                dropped = line["dropped"]
                if (number, line.start()) >= self._done and self._is_gone(EventId(dropped.decode())):
                    found.add(dropped)
            elif event in found or event in self._dropped:
                blanked[line.start() : line.end()] = b" " * (line.end() - line.start())
        return found, bytes(blanked)


def deleted_events(volume: Volume, history: HistoryJournal) -> Iterator[EventId]:
    """Yield the events whose deletion the history lists, the newest first. An unreadable file is passed over.

    Raises StorageError.
    """
    for path in reversed(history.files()):
        lines: list[re.Match[bytes]] = []
        with skipping_unreadable(path):
            lines = list(_LINE.finditer(volume.disk.read(path)))
        for line in reversed(lines):
            if line["dropped"] is not None:
                yield EventId(line["dropped"].decode())


def blank_events(
    volume: Volume, history: HistoryJournal, events: Collection[EventId], from_day: str, lock: threading.Lock
) -> None:
    """Blank the lines of these events, from the file of a day on. A file that can't be read is passed over.

    For copies on a hub, which are deleted without a line in the history. All files are read: call it once for many
    events. lock: held while a file is replaced. Raises StorageUnavailable.
    """
    named = {event.encode() for event in events}
    for path in history.files():
        if path.rpartition("/")[2] >= from_day:
            with skipping_unreadable(path):
                content = volume.disk.read(path)
                if _without(content, named) != content:
                    with lock:
                        volume.write_whole(path, _without(volume.disk.read(path), named))  # it may have grown


def _without(content: bytes, events: Container[bytes]) -> bytes:
    blanked = bytearray(content)
    for line in _LINE.finditer(content):
        if line["event"] in events:
            blanked[line.start() : line.end()] = b" " * (line.end() - line.start())
    return bytes(blanked)
