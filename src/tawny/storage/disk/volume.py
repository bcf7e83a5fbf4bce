"""A volume: the folder of one disk that holds recordings.

Maps segments, events and scores to paths. Thread-safe.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tawny.model.errors import DiskFull, DiskReadOnly, FolderUnwritable, StorageError, StorageUnavailable
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.storage.archive.archive_disk import ArchiveDisk
from tawny.storage.disk.disk import (
    GONE,
    DiskAccess,
    DiskCapacity,
    FolderEntry,
    RealDisk,
    full_by_trial,
    parent_of,
    parts_of,
    turned,
)
from tawny.storage.disk.layout import (
    event_paths,
    is_camera,
    is_hour_folder,
    keys_path,
    loop_path,
    objects_path,
    picture_path,
    sealed_path,
)
from tawny.storage.disk.lock import VolumeLock, boot_id
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.segments.metadata import read_header

# Folders that may hold open segments, so that a start does not scan the whole volume.

_FILE: Final = "history/folders.json"
_HOUR_CHARACTERS: Final = len("2026/11/20/05")


@dataclass(frozen=True, slots=True)
class _Listed:
    """Content of the file. since: all folders of this hour and later are listed; empty: none but `folders`."""

    folders: frozenset[str] = frozenset()
    since: str = ""

    def has(self, folder: str) -> bool:
        return folder in self.folders or (bool(self.since) and _hour(folder) >= self.since)


class OpenFolders:
    """Thread-safe. Raises the errors of the disk."""

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()
        self._is_read = False
        self._listed: _Listed | None = None  # as durable; None: all folders
        self._newest = ""  # newest hour of a folder in use so far
        self._is_stale = False

    def enter(self, folder: str, *, sync: bool = True) -> None:
        """Register a new segment in the folder. Creates the folder if necessary.

        sync: False leaves a new folder's name to a later `sync_parents` of the disk.
        """
        with self._lock:
            listed = self._durable()
            self._disk.make_folder(folder, sync=sync)
            self._newest = max(self._newest, _hour(folder))
            if listed is not None and not listed.has(folder):
                self._write(_Listed(frozenset(self._used) | {folder}, self._newest))
            else:
                self._is_stale = self._is_stale or listed is None or _hour(folder) > listed.since
            self._used[folder] += 1

    def leave(self, folder: str) -> None:
        """Unregister a segment that is closed and in the index. The next `save` updates the file."""
        with self._lock:
            self._used[folder] -= 1
            if self._used[folder] <= 0:
                del self._used[folder]

    def save(self) -> None:
        """Update the file if a newer hour is in use. Call it when the index is durable."""
        with self._lock:
            if self._is_stale:
                with suppress(StorageError):  # the next call tries again
                    self._write(_Listed(frozenset(self._used), self._newest))

    def clear(self) -> None:
        """Unregister all folders, durably."""
        with self._lock:
            self._used.clear()
            self._durable()
            self._write(_Listed(frozenset(), self._newest))

    def left_over(self) -> list[str] | None:
        """Return the folders the previous recorder left. None if unknown: all folders must be scanned."""
        with self._lock:
            self._is_read = False
            listed = self._durable()
        if listed is None:
            return None
        newer = set(self._folders_since(listed.since)) if listed.since else set[str]()
        return sorted(listed.folders | newer)

    def _durable(self) -> _Listed | None:
        if not self._is_read:
            self._listed, self._is_read = self._read(), True
            self._newest = max(self._newest, self._listed.since if self._listed is not None else "")
        return self._listed

    def _read(self) -> _Listed | None:
        if self._disk.entry(_FILE) is None:
            return None
        try:
            data: Any = json.loads(self._disk.read(_FILE))
        except (ValueError, RecursionError):
            return None
        folders, since = (data.get("folders"), data.get("since")) if isinstance(data, dict) else (data, "")
        if not isinstance(folders, list) or not isinstance(since, str):
            return None
        known = frozenset(one for one in folders if isinstance(one, str) and is_hour_folder(one))
        return _Listed(known, since if is_hour_folder(f"camera/{since}") else "")

    def _folders_since(self, since: str) -> Iterator[str]:
        for camera in self._disk.entries(""):
            if camera.kind == "folder" and is_camera(camera.name):
                yield from self._below(camera.name, "", since)

    def _below(self, camera: str, part: str, since: str) -> Iterator[str]:
        """Yield hour folders below `camera/part` whose hour is `since` or later."""
        for one in self._disk.entries(f"{camera}/{part}".rstrip("/")):
            path = f"{part}/{one.name}".lstrip("/")
            if one.kind != "folder" or path < since[: len(path)]:
                continue
            if is_hour_folder(f"{camera}/{path}"):
                yield f"{camera}/{path}"
            elif len(path) < _HOUR_CHARACTERS:
                yield from self._below(camera, path, since)

    def _write(self, listed: _Listed) -> None:
        self._disk.make_folder("history")
        self._disk.unlink(f"{_FILE}.new")
        file = self._disk.create(f"{_FILE}.new")
        try:
            data = {"since": listed.since, "folders": sorted(listed.folders)}
            file.append([json.dumps(data).encode() + b"\n"])
            file.sync()
        finally:
            file.close()
        self._disk.rename(f"{_FILE}.new", _FILE)
        self._disk.sync_folder("history")
        self._listed, self._is_stale = listed, False


class _NoOpenFolders(OpenFolders):
    """Of an archive, which only ever holds closed segments."""

    def __init__(self, archive: ArchiveDisk) -> None:
        super().__init__(archive)
        self._is_new = archive.is_new

    def enter(self, folder: str, *, sync: bool = True) -> None:
        """No effect."""

    def leave(self, folder: str) -> None:
        """No effect."""

    def save(self) -> None:
        """No effect."""

    def clear(self) -> None:
        """No effect."""

    def left_over(self) -> list[str] | None:
        return None if self._is_new else []


def _hour(folder: str) -> str:
    """Return `2026/11/20/05` of an hour folder."""
    return folder[-_HOUR_CHARACTERS:]


_DIGITS: Final = (re.compile(r"\d{4}"), re.compile(r"\d\d"), re.compile(r"\d\d"), re.compile(r"\d\d"))
_TRIAL: Final = "history/trial"
FAILOVER_MARKS: Final = ("history/standing-in", "history/moving")
"""Of a spare: what it recorded is to be imported; its images are to be moved to the main volume."""


@dataclass(eq=False)
class DiskGone(StorageError):
    says = "The disk at {where} doesn't answer ({detail})."
    advice = "Unmount it, check its cable and mount it again."


def refused_folder(error: OSError, where: str) -> StorageError:
    """Convert an OSError of the first use of a folder."""
    detail = error.strerror or ""
    if error.errno in GONE:
        return DiskGone(where, detail)
    refusal = turned(error, where)
    return refusal if isinstance(refusal, DiskFull | DiskReadOnly) else FolderUnwritable(where, detail)


class Volume:
    """Access to one volume. All I/O goes through `disk`; `root` is its folder."""

    def __init__(self, disk: DiskAccess, signed: SignedHistory | None = None, mark: str | None = None) -> None:
        """signed: receives removals and thinning; None: the history is not signed. mark: id that the volume must have;
        None for the main volume.
        """
        self.disk, self.signed, self.mark = disk, signed, mark
        self.open_folders = _NoOpenFolders(disk) if isinstance(disk, ArchiveDisk) else OpenFolders(disk)
        self.refused_bytes = 0
        """Room that retention is to make on an archive disk that refused a copy, though it says that it has space."""
        self.others: tuple[Volume, ...] = ()
        """Other volumes that may hold segments (`storage.disk.secondary_volumes`)."""
        self.spares: tuple[Volume, ...] = ()
        """Those of `others` that receive recordings while this volume cannot be written."""
        self.copies: tuple[Volume, ...] = ()
        """Mirrors."""
        self.has_moving_files = False
        """Whether a failover may have left files here that belong on the main volume."""
        self.named: frozenset[str] = frozenset()
        """Paths and addresses of the other volumes in the settings."""

    @classmethod
    def at(cls, root: Path, signed: SignedHistory | None = None, mark: str | None = None) -> "Volume":
        """Open a volume, creating the folder if necessary. Raises FolderUnwritable, StorageError."""
        try:
            with suppress(FileNotFoundError):
                root.stat()  # says what is wrong with a disk that is gone: `mkdir` may say that the folder exists
            root.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            raise refused_folder(error, str(root)) from error
        return cls(RealDisk(root), signed, mark)

    def add_other(self, other: "Volume") -> None:
        """Use another volume that may hold segments."""
        if other.archive is None:
            other.has_moving_files = any(other.disk.entry(path) is not None for path in FAILOVER_MARKS)
        self.others = (*self.others, other)

    def drop_other(self, other: "Volume") -> None:
        """Stop using another volume."""
        self.others = tuple(one for one in self.others if one is not other)

    def add_copy(self, mirror: "Volume") -> None:
        """Read from a mirror what is missing here."""
        self.copies = (*self.copies, mirror)

    def drop_copy(self, mirror: "Volume") -> None:
        """Stop reading from a mirror."""
        self.copies = tuple(one for one in self.copies if one is not mirror)

    @property
    def root(self) -> Path:
        return self.disk.root

    @property
    def name(self) -> str:
        """Its folder, or the address of an archive."""
        return self.disk.name if isinstance(self.disk, ArchiveDisk) else str(self.root)

    @property
    def archive(self) -> ArchiveDisk | None:
        """The disk, if it is an archive: its files are read by requests, and it states no capacity."""
        return self.disk if isinstance(self.disk, ArchiveDisk) else None

    def lock(self, clock: Clock) -> VolumeLock:
        """Acquire the recorder's lock. Raises FolderInUse, which names the other process, and FolderUnwritable."""
        return VolumeLock.take(self.root, boot_id(), clock.now_ms())

    def check_writable(self) -> None:
        """Write and remove a test file.

        Raises FolderUnwritable, StorageError. A full disk is not an error here: retention frees space.
        """
        with suppress(DiskFull):
            self.disk.unlink(_TRIAL)
            self.disk.make_folder("history", sync=False)
            file = self.disk.create(_TRIAL)
            try:
                file.append([b"can this be written?\n"])
            finally:
                file.close()
                self.disk.unlink(_TRIAL)

    def space(self) -> DiskCapacity:
        return self.disk.space()

    @property
    def everywhere(self) -> "tuple[Volume, ...]":
        """All volumes that hold segments of this recorder, this one first."""
        return (self, *self.others)

    @property
    def disks_to_move_from(self) -> "tuple[Volume, ...]":
        """The others on which a failover left files, also one that is no spare now."""
        return tuple(one for one in self.others if one.has_moving_files)

    def holding(self, path: str) -> "Volume | None":
        """Return the first volume that has the file. Volumes that cannot be read are skipped."""
        for volume in self.everywhere:
            with suppress(StorageError):
                if volume.disk.entry(path) is not None:
                    return volume
        return None

    def path(self, path: str) -> Path:
        """Return the file's path for `open_stored`; on a mirror if no disk has it, then in an archive.

        Raises StorageError if a component of the path is a link.
        """
        if not self.others and not self.copies:
            return self.own_path(path)
        disks = [volume for volume in self.everywhere if volume.archive is None]
        for volume in (*disks, *self.copies):
            with suppress(StorageError):
                if volume.disk.entry(path) is not None:
                    return volume.own_path(path)
        for archive in (volume.archive for volume in self.others):
            if archive is not None and archive.entry(path) is not None:
                place = archive.outlined_place(path)
                place.rings = partial(self.key_rings, CameraId(path.partition("/")[0]))
                return place
        return self.own_path(path)

    def own_path(self, path: str) -> Path:
        """Return the file's path on this volume. Raises StorageError like `path`.

        In an archive, everything is read from the object itself, as for a check.
        """
        if self.archive is not None:
            return self.archive.place(path)
        names = parts_of(path)
        for depth in range(1, len(names) + 1):
            entry = self.disk.entry("/".join(names[:depth]))
            if entry is not None and entry.kind not in ("file", "folder"):
                raise StorageError(str(self.root / path), "a link is in its place, and links are not followed")
        return self.disk.place(path)

    def key_rings(self, camera: CameraId, at_ms: int) -> Iterator[bytes]:
        """Yield the key rings of a camera's day, that of this disk first. Disks that cannot be read are skipped."""
        path = keys_path(camera, at_ms)
        for volume in (*self.everywhere, *self.copies):
            with suppress(StorageError):
                if volume.disk.entry(path) is not None:
                    yield volume.disk.read(path)

    def cameras(self) -> list[CameraId]:
        """Return the cameras that have a folder on this volume or the others."""
        names: set[str] = set()
        for volume in self.everywhere:
            with suppress(*(() if volume is self else (StorageError,))):
                names |= {one.name for one in volume.disk.entries("") if one.kind == "folder" and is_camera(one.name)}
        return [CameraId(name) for name in sorted(names)]

    def hour_folders(self, camera: CameraId) -> Iterator[str]:
        """Yield hour folders in order of time."""
        yield from self._below(camera, 0, len(_DIGITS))

    def _below(self, folder: str, depth: int, deepest: int) -> Iterator[str]:
        if depth == deepest:
            yield folder
            return
        for one in self.disk.entries(folder):
            if one.kind == "folder" and _DIGITS[depth].fullmatch(one.name):
                yield from self._below(f"{folder}/{one.name}", depth + 1, deepest)

    def day_folders(self, camera: CameraId) -> Iterator[str]:
        """Yield day folders in order of time."""
        yield from self._below(camera, 0, len(_DIGITS) - 1)

    def files(self, folder: str) -> Iterator[tuple[str, FolderEntry]]:
        """Yield path and entry of each item in a folder."""
        for one in self.disk.entries(folder):
            yield f"{folder}/{one.name}" if folder else one.name, one

    def write_whole(self, path: str, data: bytes) -> str:
        """Write a file durably, replacing an earlier one. Return its path."""
        folder = path.rpartition("/")[0]
        written = f"{path}.new"
        self.disk.make_folder(folder)
        self.disk.unlink(written)
        file = self.disk.create(written)
        try:
            file.append([data])
            file.sync()
        finally:
            file.close()
        self.disk.rename(written, path)
        self.disk.sync_folder(folder)
        return path

    def read_picture(self, event: Event) -> bytes | None:
        """Return an event's snapshot as JPEG. None if missing or sealed."""
        return self._read_whole(picture_path(event))

    def read_loop(self, event: Event) -> bytes | None:
        """Return an event's preview as JPEG. None if missing or sealed."""
        return self._read_whole(loop_path(event))

    def read_objects(self, event: Event) -> bytes | None:
        """Return the paths of an event's objects (`model.observations`). None if missing or sealed."""
        return self._read_whole(objects_path(event))

    def sealed_objects(self, event: Event) -> Path | None:
        """Return the path of the sealed paths of an event's objects. None if missing."""
        path = self.path(sealed_path(objects_path(event)))
        return path if path.is_file() else None

    def sealed_picture(self, event: Event, *, is_loop: bool = False) -> Path | None:
        """Return the path of the sealed snapshot or preview. None if missing."""
        path = self.path(sealed_path(loop_path(event) if is_loop else picture_path(event)))
        return path if path.is_file() else None

    def _read_whole(self, path: str) -> bytes | None:
        """Read from this volume; if missing here, from a disk that a failover left it on, or from a mirror."""
        for volume in (self, *self.disks_to_move_from, *self.copies):
            with suppress(*((StorageError,) if self.copies or volume is not self else ())):
                entry = volume.disk.entry(path)
                if entry is not None and entry.kind == "file":
                    return volume.disk.read(path)
        return None

    def remove_picture(self, event: Event) -> None:
        self.remove_event_files(event_paths(event), "its event was removed")

    def remove_event_files(self, paths: Iterable[str], why: str) -> None:
        """Remove files of an event, also those that a failover left on another disk.

        paths: in their unsealed form. why: for the signed history.
        """
        for path in paths:
            self._remove_on(self.disk, path, why)
            for other in self.disks_to_move_from:
                with suppress(StorageError):  # it may be away
                    self._remove_on(other.disk, path, why)

    def _remove_on(self, disk: DiskAccess, path: str, why: str) -> None:
        self._state_removed(disk, sealed_path(path), why)
        for each in (path, sealed_path(path)):
            disk.unlink(each)
            disk.unlink(f"{each}.new")  # left by a power cut

    def _state_removed(self, disk: DiskAccess, path: str, why: str) -> None:
        """Record the removal of a sealed snapshot in the signed history, where it has a number."""
        if self.signed is None or disk.entry(path) is None:
            return
        header = read_header(disk, path)
        if header is not None:
            self.signed.add_removed(header, why)
            with suppress(DiskFull):  # written with the next statement
                self.signed.write_items()


# Copy of a file between volumes. The target gets its final name only when complete and durable.

NEW: Final = ".new"
_PIECE_BYTES: Final = 1 << 20


class FileUnreadable(StorageError):
    """One file can't be read. Its disk may still read others, so a loop over many files goes on with the next."""


def read_source(source: Volume, path: str, offset: int = 0, size: int | None = None) -> bytes:
    """Read a file, or size bytes from offset. Raises FileUnreadable, StorageUnavailable."""
    try:
        return source.disk.read(path, offset, size)
    except StorageUnavailable:
        raise
    except StorageError as error:
        raise FileUnreadable(str(source.root / path), error.detail) from error


def copy(source: Volume, target: Volume, path: str) -> int:
    """Copy a file, replacing an existing target. Return its size in bytes.

    Raises FileUnreadable for the source, and StorageError. The target is unchanged if copying fails.
    """
    entry = source.disk.entry(path)
    if entry is None or entry.kind != "file":
        raise FileUnreadable(str(source.root / path), "it is gone")
    folder, disk = parent_of(path), target.disk
    disk.make_folder(folder)
    disk.unlink(path + NEW)
    file = disk.create(path + NEW)
    try:
        while file.size_bytes < entry.size_bytes:
            piece = read_source(source, path, file.size_bytes, min(_PIECE_BYTES, entry.size_bytes - file.size_bytes))
            if not piece:
                raise FileUnreadable(str(source.root / path), "it became shorter while it was copied")
            file.append([piece])
        file.sync()
    except StorageError:
        file.close()
        disk.unlink(path + NEW)
        raise
    file.close()
    disk.rename(path + NEW, path)
    disk.sync_folder(folder)
    return entry.size_bytes


# Reserved disk space, released when the disk is full: removal needs space to record what it removes.

_PATH: Final = "history/reserve"
_LEAST_BYTES: Final = 256 * 1024
_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_TRIED_BYTES: Final = 1024 * 1024


class Reserve:
    """The reserve of one disk. Call from one thread at a time."""

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk

    @property
    def size_bytes(self) -> int:
        return max(_LEAST_BYTES, min(_MOST_BYTES, self._disk.space().total_bytes // 200))

    def is_disk_full(self) -> bool:
        """Return whether the disk has no space for twice this size, or takes nothing: only a trial shows a quota.

        The trial is small: others write meanwhile.
        """
        space, size_bytes = self._disk.space(), 2 * self.size_bytes
        if space.free_bytes < size_bytes or space.has_few_files:
            return True
        return full_by_trial(self._disk, min(size_bytes, _MOST_TRIED_BYTES), files=2) is not None

    def fill(self) -> None:
        """Write the reserve file if twice its size is free. Raises StorageError."""
        size_bytes = self.size_bytes
        if self._disk.entry(_PATH) is not None or self._disk.space().free_bytes < 2 * size_bytes:
            return
        self._disk.make_folder("history")
        file = self._disk.create(_PATH)
        try:
            for begin in range(0, size_bytes, _LEAST_BYTES):
                file.append([bytes(min(_LEAST_BYTES, size_bytes - begin))])
            file.sync()
        except DiskFull:
            self.give_up()  # at a quota, the disk says that there is space
        except StorageError:
            self.give_up()
            raise
        finally:
            file.close()

    def give_up(self) -> None:
        """Release the reserved space."""
        self._disk.unlink(_PATH)
