"""Decrypted recordings for users who have unlocked them. Thread-safe. Blocking.

Each recording is decrypted and verified as a whole into an anonymous memory file; the newest are cached. Invariant:
decrypted data has no name in any file system.
"""

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PosixPath
from typing import Final

from tawny.media.mp4.byte_reader import StoredFile, read_exactly
from tawny.media.mp4.byte_reader import open_stored as opened_file
from tawny.media.mp4.fragment_writer import end_box
from tawny.media.mp4.segment_reader import read_video_format
from tawny.model.errors import FileDamaged, FileSealed
from tawny.model.ids import SegmentId
from tawny.model.packets import VideoFormat
from tawny.model.segments import Segment
from tawny.sealed.broken import SealedFileBroken, WrongKey
from tawny.sealed.file_reader import FileScan, SealedFileReader, open_sealed, scan_file
from tawny.sealed.header import HEADER_BYTES
from tawny.sealed.key_wrapping import KeyUnwrapper
from tawny.sealed.records import BLOB, FRAGMENTS, INIT
from tawny.sealed.sealer import read_compact
from tawny.storage.sealing.epoch_keys import from_ring

log = logging.getLogger(__name__)

MOST_BYTES: Final = 192_000_000
"""Maximum size of decrypted recordings per unlocked user, bytes; what a reader has open is not counted."""
_LEAST: Final = 4
"""Number of the newest copies that are kept at any size: readers may be about to open them, by descriptor."""


@dataclass(eq=False)
class SealedForOtherKey(FileSealed):
    """The caller has unlocked recordings with a key that isn't this file's."""


class _Memory:
    """An anonymous memory file. Its descriptor is closed with the last reference."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("unsealed", os.MFD_CLOEXEC)
        self.size_bytes = 0

    def __del__(self) -> None:
        os.close(self.descriptor)

    def append(self, data: bytes) -> None:
        self.size_bytes += os.pwrite(self.descriptor, data, self.size_bytes)

    def empty(self) -> None:
        """Truncate the file: readers get no more data."""
        os.ftruncate(self.descriptor, 0)


@dataclass(slots=True)
class _Copy:
    """Decrypted copy of one segment. taken: number of processed records."""

    memory: _Memory = field(default_factory=_Memory)
    lock: threading.Lock = field(default_factory=threading.Lock)
    taken: int = 0
    is_whole: bool = False


class _OnDemand(PosixPath):
    """Path of a sealed file that decrypts on opening."""

    opens: Callable[[], str]

    def __fspath__(self) -> str:
        return self.opens()


class DecryptedRecordings:
    """Decrypted recordings for one key. used: called on every use.

    After `close` nothing can be opened any more, and cached copies are empty: only an evicted one that a reader has
    open is read to its end.
    """

    def __init__(
        self, key: KeyUnwrapper, used: Callable[[], None] = lambda: None, most_bytes: int = MOST_BYTES
    ) -> None:
        self._key, self._used, self._most_bytes = key, used, most_bytes
        self._lock = threading.Lock()
        self._copies: OrderedDict[SegmentId, _Copy] = OrderedDict()
        self._is_closed = False

    def path(self, segment: Segment, stored: Path) -> Path:
        """Return a path to the content of a sealed segment stored at `stored`.

        Opening it raises FileSealed: if it is sealed for other keys; FileDamaged; StorageError.
        """
        made = _OnDemand(stored)
        made.opens = lambda: self._place(segment, stored)
        return made

    def video_format(self, stored: Path) -> VideoFormat:
        """Return the format of a sealed recording; nothing else of it is decrypted. Raises as opening a path does."""
        memory = _Memory()
        memory.append(self._content_of(INIT, stored))
        return read_video_format(Path(f"/proc/self/fd/{memory.descriptor}"))

    def content(self, stored: Path) -> bytes:
        """Return the content of a sealed image or of an event's objects. Raises the same errors as opening a path."""
        return self._content_of(BLOB, stored)

    def _content_of(self, type_: int, stored: Path) -> bytes:
        self._used()
        with opened_file(stored) as file:
            found = _walked(stored, file)
            one = self._opened(stored, found)
            try:
                kept = (record for record in found.records if record.type == type_ and not record.is_emptied)
                parts = [one.content(record) for record in kept]
            except SealedFileBroken:
                parts = []
            if not parts:
                raise FileDamaged(str(stored), "its content was changed")
            return b"".join(parts)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            for one in self._copies.values():
                one.memory.empty()
            self._copies.clear()

    def _place(self, segment: Segment, stored: Path) -> str:
        self._used()
        with self._lock:
            self._check_open(stored)
            copy = self._copies.pop(segment.id, None) or _Copy()
            self._copies[segment.id] = copy
        with copy.lock:
            if not copy.is_whole:
                self._fill(copy, stored)
        with self._lock:
            if self._is_closed:  # closed meanwhile
                copy.memory.empty()
            self._check_open(stored)
            self._copies[segment.id] = copy  # others may have evicted it meanwhile
            self._copies.move_to_end(segment.id)
            while len(self._copies) > _LEAST and self._held_bytes() > self._most_bytes:
                self._copies.popitem(last=False)
        return f"/proc/self/fd/{copy.memory.descriptor}"

    def _check_open(self, stored: Path) -> None:
        if self._is_closed:
            raise FileSealed(str(stored))

    def _held_bytes(self) -> int:
        return sum(one.memory.size_bytes for one in self._copies.values())

    def _fill(self, copy: _Copy, stored: Path) -> None:
        """Decrypt the records available so far. A modified record ends the copy."""
        with opened_file(stored) as file:
            found = _walked(stored, file)
            one = self._opened(stored, found)
            for record in found.records[copy.taken :]:
                copy.taken += 1
                if record.is_emptied or (record.type not in (INIT, *FRAGMENTS) and not record.is_end):
                    continue
                try:
                    content = one.content(record)
                except SealedFileBroken as problem:
                    log.warning("%s: %s. Playback ends before the damaged part.", stored, problem)
                    copy.is_whole = True
                    return
                copy.memory.append(end_box(read_compact(content)) if record.is_end else content)
                copy.is_whole = copy.is_whole or record.is_end

    def _opened(self, stored: Path, file: FileScan) -> SealedFileReader:
        try:
            return open_sealed(file, [self._key], from_ring(stored, file))
        except WrongKey:
            raise SealedForOtherKey(str(stored)) from None
        except SealedFileBroken as problem:
            raise FileDamaged(str(stored), str(problem)) from None


def ring_key(stored: Path) -> bytes:
    """Return the wrapped key of a sealed file from the key ring of its day; empty if it has none."""
    with opened_file(stored) as file:
        return from_ring(stored, _walked(stored, file))


def picture_part(stored: Path, at_ms: int) -> bytes:
    """Return the parts of a sealed file needed for the frame of an instant: header with wrapped key, init segment, and
    the fragment with the keyframe at or before it, all still sealed. Empty if none exists yet."""
    with opened_file(stored) as file:
        found = _walked(stored, file)
        init, record = found.init, found.begin_for(at_ms - found.header.start_ms)
        if init is None or record is None:
            return b""
        head = HEADER_BYTES + found.header.wrap_bytes
        places = ((0, head), (init.at, init.end), (record.at, record.end))
        return b"".join(read_exactly(stored, file, end - begin, begin) for begin, end in places)


@dataclass(frozen=True, slots=True)
class _Reading:
    """`sealed.file_reader.ByteSource` of an open file."""

    file: StoredFile
    size: int

    def read(self, offset: int, size: int) -> bytes:
        data = self.file.read(offset, size)
        while data and len(data) < size and (more := self.file.read(offset + len(data), size - len(data))):
            data += more
        return data


def _walked(stored: Path, file: StoredFile) -> FileScan:
    try:
        return scan_file(_Reading(file, file.size), deep=False)
    except SealedFileBroken as problem:
        raise FileDamaged(str(stored), str(problem)) from None
