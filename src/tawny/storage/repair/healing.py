"""Files that a disk has lost or let rot are put back from the mirror, byte for byte, and that is written down.

A file is sound if it can be read to its end and every fragment is what its hashes say. Any thread may call.
"""

import logging
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from tawny.media.mp4.fragment_hashes import changed_fragments
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FileDamaged, StorageError
from tawny.sealed.file_scanner import FileEnding
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.file_copy import copy
from tawny.storage.disk.layout import is_sealed
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.ledger import HistoryLedger

log = logging.getLogger(__name__)

_MOST_KNOWN: Final = 4096


def wrong_with(volume: Volume, path: str) -> str:
    """Why the file on this volume alone is not sound; empty if it is. Reads all of it."""
    try:
        if volume.disk.entry(path) is None:
            return "it is missing"
        if is_sealed(path):
            ends = read_sealed(volume.disk, path, deep=True).ends
            return "it doesn't match what was encrypted" if ends in (FileEnding.DAMAGED, FileEnding.TORN) else ""
        read = read_segment(volume.own_path(path))
        if read.torn:
            return read.reason
        rotten = changed_fragments(read)
    except (FileDamaged, StorageError) as error:
        return error.detail
    return f"{len(rotten)} of {len(read.fragments)} fragments don't match what was written" if rotten else ""


def sound_copy(volume: Volume, path: str) -> Volume | None:
    """The mirror that has it whole."""
    return next((one for one in volume.copies if not wrong_with(one, path)), None)


def heal(volume: Volume, ledger: HistoryLedger, path: str, why: str) -> bool:
    """Put it back where it was, or onto the first volume. False when no mirror has it whole. Raises StorageError."""
    source = sound_copy(volume, path)
    if source is None:
        return False
    target, folder = volume.holding(path) or volume, parent_of(path)
    target.open_folders.enter(folder)
    copy(source, target, path)
    target.open_folders.leave(folder)
    ledger.healed(path, why, str(source.root))
    log.warning("%s was mended from the mirror at %s: %s", path, source.root, why)
    return True


class Healer:
    """For whoever plays recordings: where each can be read whole. What was found sound once is not read again."""

    def __init__(self, volume: Volume, ledger: HistoryLedger) -> None:
        self._volume, self._ledger = volume, ledger
        self._lock = threading.Lock()
        self._known: OrderedDict[str, None] = OrderedDict()

    def sound_path(self, path: str) -> Path:
        """A closed segment's file; mended first if it needs to be and a mirror has it. As it is, if nothing helps."""
        if self._volume.copies and path not in self._known:
            self._look(path)
        return self._volume.path(path)

    def _look(self, path: str) -> None:
        holding = self._volume.holding(path)
        why = wrong_with(holding, path) if holding is not None else "it is missing"
        if why:
            try:
                heal(self._volume, self._ledger, path, why)
            except StorageError as error:
                log.warning("%s cannot be mended now: %s", path, error)
                return
        with self._lock:
            self._known[path] = None
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
