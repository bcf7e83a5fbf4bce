"""Restoring of missing or damaged files from a mirror, byte for byte, with a record in the history.

A file is sound if it can be read to its end and its header and every fragment match their hashes. Thread-safe.
"""

import logging
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from tawny.media.mp4.leaf_proof import change_text, changed_fragments
from tawny.media.mp4.segment_reader import has_fragment, read_segment
from tawny.model.errors import FileDamaged, StorageError, StorageUnavailable
from tawny.sealed.file_reader import FileEnding
from tawny.sealed.header import HEADER_BYTES, MAGIC, is_other_version
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import is_sealed
from tawny.storage.disk.secondary_volumes import any_away
from tawny.storage.disk.volume import Volume, copy
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.ledger import HistoryLedger

log = logging.getLogger(__name__)

_MOST_KNOWN: Final = 4096
_LOCKS: Final = 16


def wrong_with(volume: Volume, path: str) -> str:
    """Return why this volume's copy is not sound, or an empty string. Reads the complete file.

    Raises StorageUnavailable, which says nothing about the copy.
    """
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
    except StorageUnavailable:
        raise
    except StorageError as error:
        return error.detail or error.message
    return change_text(rotten or (), len(read.fragments))


def use_of(volume: Volume, path: str) -> str:
    """Return what this volume's copy is still good for, though tawny can't read it as a whole. Empty: nothing.

    Raises StorageError.
    """
    begin = volume.disk.read(path, 0, HEADER_BYTES)
    if is_other_version(begin):
        return "another version of tawny may read it"
    if begin.startswith(MAGIC):
        try:
            return "there is video in it" if read_sealed(volume.disk, path).fragments else ""
        except FileDamaged:
            return ""  # without its header, no key opens anything in it
    return "there is video in it" if has_fragment(volume.own_path(path)) else ""


def sound_copy(volume: Volume, path: str) -> Volume | None:
    """Return a mirror with a sound copy. None if no mirror has one."""
    return next((one for one in volume.copies if not wrong_with(one, path)), None)


def heal(volume: Volume, ledger: HistoryLedger, path: str, why: str) -> bool:
    """Restore a file to its volume, or to the main volume. Return False if no mirror has a sound copy.

    Raises StorageError.
    """
    source = sound_copy(volume, path)
    if source is None:
        return False
    target, folder = volume.holding(path) or volume, parent_of(path)
    target.open_folders.enter(folder)
    copy(source, target, path)
    target.open_folders.leave(folder)
    ledger.healed(path, why, str(source.root))
    log.warning("%s was restored from the mirror at %s: %s", path, source.root, why)
    return True


class Healer:
    """Finds sound files for playback. Files found sound are not verified again."""

    def __init__(self, volume: Volume, ledger: HistoryLedger) -> None:
        self._volume, self._ledger = volume, ledger
        self._lock = threading.Lock()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._looking = tuple(threading.Lock() for _ in range(_LOCKS))
        """By path, so that a file is restored once at a time, and a disk that hangs delays few others."""

    def sound_path(self, path: str) -> Path:
        """Return the path of a closed segment, restored first if damaged.

        If no mirror has a sound copy, the path of the existing file.
        """
        if self._volume.copies and path not in self._known:
            with self._looking[hash(path) % _LOCKS]:
                if path not in self._known:  # another thread may have looked meanwhile
                    self._look(path)
        return self._volume.path(path)

    def _look(self, path: str) -> None:
        holding = self._volume.holding(path)
        if holding is not None and holding.archive is not None:
            return  # reading all of it costs; `check --deep` does
        try:
            if holding is None and any_away(self._volume):
                return  # that disk may have it, and is looked at when it is back
            why = wrong_with(holding, path) if holding is not None else "it is missing"
            if why:
                heal(self._volume, self._ledger, path, why)
        except StorageError as error:
            log.warning("cannot restore %s: %s", path, error)
            return
        with self._lock:
            self._known[path] = None
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
