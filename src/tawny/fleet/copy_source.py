"""What a box gives a hub that copies its recordings: closed files as they lie, by name and in parts.

Files keep their names and bytes on the hub, so that their proofs hold there too. Encrypted ones stay encrypted. What
has another name is neither listed nor read: open segments, accounts, keys and settings never leave the box.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Final, NamedTuple

from tawny.fleet.history_reader import FOLDER as HISTORY
from tawny.fleet.history_reader import NAME as HISTORY_NAME
from tawny.model.errors import NotDone, StorageError
from tawny.model.ids import CameraId
from tawny.model.times import Span, stamp_ms
from tawny.storage.disk.disk import DiskAccess, parent_of
from tawny.storage.disk.layout import (
    DAY_MS,
    HOUR_MS,
    day_folder,
    hour_folder,
    is_hour_folder,
    is_of_day,
    picture_event,
    segment_name,
)
from tawny.storage.disk.volume import Volume
from tawny.storage.history.chains import chains_on
from tawny.storage.history.file_signing import skipping_unreadable
from tawny.storage.history.signed_files import FOLDER as SIGNED
from tawny.storage.history.signed_files import is_public, public_files

MOST_SPAN_MS: Final = DAY_MS
"""Time of one list of files."""
MOST_PART_BYTES: Final = 1024 * 1024
"""Of a file in one answer."""
MOST_DAY_FILE_BYTES: Final = 4 * 1024 * 1024
_END_BYTES: Final = 256
"""The end of a picture, sealed or not: another one of the same size has another end."""
_DAY: Final = re.compile(r"\d{4}/\d\d/\d\d")


class SourceFile(NamedTuple):
    """A file of a box.

    digest: of files that change: motion scores and key rings of a day, and the end of files of an event; else empty.
    """

    path: str
    size_bytes: int
    digest: str = ""


def is_recording(path: str) -> bool:
    """Return whether it is the path of a closed segment, which doesn't change, or of a file of an event."""
    name = segment_name(path)
    if name is not None:
        return name.end_ms is not None
    return picture_event(path) is not None and hour_ms(parent_of(path)) is not None


def hour_ms(folder: str) -> int | None:
    """Return when the hour of a folder begins, ms UTC; None: it is no folder of an hour that exists."""
    if not is_hour_folder(folder):
        return None
    year, month, day, hour = folder.split("/")[1:]
    try:
        begin_ms = stamp_ms(f"{year}{month}{day}T{hour}0000.000Z")
    except ValueError:
        return None
    return begin_ms if begin_ms >= 0 else None


def is_day_file(path: str) -> bool:
    """Return whether it is the path of a file of a day, such as its motion scores and its key ring."""
    folder, _, name = path.rpartition("/")
    camera, _, day = folder.partition("/")
    return _DAY.fullmatch(day) is not None and hour_ms(f"{camera}/{day}/00") is not None and is_of_day(name)


def is_history(path: str) -> bool:
    """Return whether it is the path of a file of the history or of its signed statements. They only grow."""
    folder, _, name = path.rpartition("/")
    if folder == HISTORY:
        return HISTORY_NAME.fullmatch(name) is not None
    return is_signed_history(path)


def is_signed_history(path: str) -> bool:
    """Return whether it is the path of signed statements, also of those that were put aside."""
    folder, _, name = path.rpartition("/")
    return folder == SIGNED and is_public(name.removeprefix("before-"))


def digest_of_content(content: bytes) -> str:
    return sha256(content).hexdigest()[:32]


def digest_of_end(disk: DiskAccess, path: str, size_bytes: int) -> str:
    """Return what distinguishes a file of an event from another one of its name and size. Raises StorageError."""
    return digest_of_content(disk.read(path, max(0, size_bytes - _END_BYTES), _END_BYTES))


def digest_of_list(files: list[SourceFile]) -> str:
    """Return what identifies a list, so that an unchanged one isn't sent again."""
    return sha256("\n".join(f"{one.path} {one.size_bytes} {one.digest}" for one in files).encode()).hexdigest()[:32]


class CopySource:
    """The files of a box. Waits for the disk; raises StorageError. Call from any thread.

    is_busy: whether recording is behind at the moment; reading then waits for better times.
    """

    def __init__(self, volume: Volume, is_busy: Callable[[], bool]) -> None:
        self._volume, self._is_busy = volume, is_busy

    def genesis(self) -> str:
        """Return the fingerprint of the box's signed history; empty: it has none."""
        chain = next((one for one in chains_on(self._volume) if not one.prefix), None)
        return chain.genesis if chain is not None else ""

    def recordings(self, camera: CameraId, within: Span) -> list[SourceFile]:
        """Return the recordings in the hours of a span, at most MOST_SPAN_MS, sorted by path."""
        hours = range(within.begin_ms // HOUR_MS, -(-min(within.end_ms, within.begin_ms + MOST_SPAN_MS) // HOUR_MS))
        found = {
            path: SourceFile(path, size, self._end_digest(path, size))
            for hour in hours
            for path, size in self._files(hour_folder(camera, hour * HOUR_MS))
            if is_recording(path)
        }
        return [found[path] for path in sorted(found)]

    def day_files(self, camera: CameraId, within: Span) -> list[SourceFile]:
        """Return the files of the days of a span, at most MOST_SPAN_MS, sorted by path."""
        days = range(within.begin_ms // DAY_MS, -(-min(within.end_ms, within.begin_ms + MOST_SPAN_MS) // DAY_MS))
        found = {}
        for day in days:
            for path, size in self._files(day_folder(camera, day * DAY_MS)):
                if is_day_file(path) and size <= MOST_DAY_FILE_BYTES:
                    with skipping_unreadable(path):
                        data = self._read(path, 0, size)
                        found[path] = SourceFile(path, len(data), digest_of_content(data))
        return [found[path] for path in sorted(found)]

    def history(self) -> list[SourceFile]:
        """Return the files of the history, the signed ones last, so that they explain what lies before them."""
        disk = self._volume.disk
        plain = [
            SourceFile(f"{HISTORY}/{one.name}", one.size_bytes)
            for one in disk.entries(HISTORY)
            if one.kind == "file" and is_history(f"{HISTORY}/{one.name}")
        ]
        signed = [(path, disk.entry(path)) for path in public_files(disk)]
        return plain + [SourceFile(path, entry.size_bytes) for path, entry in signed if entry is not None]

    def read(self, path: str, at: int, count: int) -> bytes | None:
        """Return a part of a file, at most MOST_PART_BYTES; None if it is gone, or none that is copied.

        Raises NotDone: recording is behind.
        """
        if not (is_recording(path) or is_day_file(path) or is_history(path)):
            return None
        if self._is_busy():
            raise NotDone("The recorder is busy recording.", "Copying goes on by itself.")
        return self._read(path, at, min(count, MOST_PART_BYTES)) if self._volume.holding(path) is not None else None

    def _end_digest(self, path: str, size_bytes: int) -> str:
        """Return the digest of a file of an event, which may be replaced; empty for a segment or an unreadable file."""
        holding = self._volume.holding(path) if segment_name(path) is None else None
        if holding is not None:
            with suppress(StorageError):
                return digest_of_end(holding.disk, path, size_bytes)
        return ""

    def _read(self, path: str, at: int, count: int) -> bytes:
        holding = self._volume.holding(path)
        if holding is None:
            raise StorageError(str(self._volume.root / path), "it is gone")
        return holding.disk.read(path, at, count)

    def _files(self, folder: str) -> Iterator[tuple[str, int]]:
        for volume in self._volume.everywhere:
            for path, entry in volume.files(folder):
                if entry.kind == "file":
                    yield path, entry.size_bytes
