"""A volume: a folder on a disk that holds the recordings. Knows where things stand; any thread may call."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from tawny.model.clock import Clock
from tawny.model.errors import DiskFull, FolderUnwritable, StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.storage.disk.disk import DiskAccess, DiskCapacity, FolderEntry, RealDisk, parts_of, turned
from tawny.storage.disk.layout import is_camera, loop_path, picture_path, sealed_path
from tawny.storage.disk.lock import VolumeLock, boot_id
from tawny.storage.disk.open_folders import OpenFolders
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.segments.metadata import read_header

_DIGITS: Final = (re.compile(r"\d{4}"), re.compile(r"\d\d"), re.compile(r"\d\d"), re.compile(r"\d\d"))
_TRIAL: Final = "history/trial"

SealPicture = Callable[["Volume", CameraId, int, bytes], bytes | None]


class Volume:
    """`disk` is where everything goes through; `root` its folder."""

    def __init__(self, disk: DiskAccess) -> None:
        self.disk = disk
        self.open_folders = OpenFolders(disk)
        self.others: tuple[Volume, ...] = ()
        """Where segments may be instead (`storage.disk.secondary_volumes`)."""
        self.spares: tuple[Volume, ...] = ()
        """Those of them on which recording goes on while this one cannot be written."""
        self.copies: tuple[Volume, ...] = ()
        """Where they are a second time."""
        self.signed: SignedHistory | None = None
        """What is removed and thinned here is stated there; None where nothing is signed."""
        self.seal_picture: SealPicture = lambda _volume, _camera, _at_ms, _jpeg: None
        """A picture of a sealed camera as it is stored; None when the camera is not sealed."""
        self.picture_made: Callable[[Event, bytes], None] = lambda _event, _jpeg: None
        """Told of each event's picture before it is stored."""
        self.mark: str | None = None
        """What it says of itself that it is; None for the first volume."""

    @classmethod
    def at(cls, root: Path) -> "Volume":
        """The folder is made if need be. Raises FolderUnwritable, StorageError."""
        try:
            root.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            told = turned(error, str(root))
            raise told if isinstance(told, DiskFull) else FolderUnwritable(str(root), error.strerror or "") from error
        return cls(RealDisk(root))

    @property
    def root(self) -> Path:
        return self.disk.root

    def lock(self, clock: Clock) -> VolumeLock:
        """Be the one recorder here. Raises FolderInUse (naming the other), FolderUnwritable."""
        return VolumeLock.take(self.root, boot_id(), clock.now_ms())

    def check_writable(self) -> None:
        """Write, sync and remove a file. Raises FolderUnwritable, StorageError; a full disk is retention's business."""
        with suppress(DiskFull):
            self.disk.unlink(_TRIAL)
            self.disk.make_folder("history")
            file = self.disk.create(_TRIAL)
            try:
                file.append([b"can this be written?\n"])
                file.sync()
            finally:
                file.close()
                self.disk.unlink(_TRIAL)

    def space(self) -> DiskCapacity:
        return self.disk.space()

    @property
    def everywhere(self) -> "tuple[Volume, ...]":
        """All volumes that hold segments of this recorder, this one first."""
        return (self, *self.others)

    def holding(self, path: str) -> "Volume | None":
        """The first of them that has the file; one that cannot be read has none."""
        for volume in self.everywhere:
            with suppress(StorageError):
                if volume.disk.entry(path) is not None:
                    return volume
        return None

    def path(self, path: str) -> Path:
        """Where it is in the file system, for reading; on the mirror if nowhere else. Raises StorageError if a link
        stands anywhere on the way."""
        if not self.others and not self.copies:
            return self.own_path(path)
        for volume in (*self.everywhere, *self.copies):
            with suppress(StorageError):
                if volume.disk.entry(path) is not None:
                    return volume.own_path(path)
        return self.own_path(path)

    def own_path(self, path: str) -> Path:
        """The same on this volume alone."""
        names = parts_of(path)
        for depth in range(1, len(names) + 1):
            entry = self.disk.entry("/".join(names[:depth]))
            if entry is not None and entry.kind not in ("file", "folder"):
                raise StorageError(str(self.root / path), "a link is in its place, and links are not followed")
        return self.disk.place(path)

    def cameras(self) -> list[CameraId]:
        """Those that have a folder here, or on another volume of ours."""
        names: set[str] = set()
        for volume in self.everywhere:
            with suppress(*(() if volume is self else (StorageError,))):
                names |= {one.name for one in volume.disk.entries("") if one.kind == "folder" and is_camera(one.name)}
        return [CameraId(name) for name in sorted(names)]

    def hour_folders(self, camera: CameraId) -> Iterator[str]:
        """In order of time."""
        yield from self._below(camera, 0, len(_DIGITS))

    def _below(self, folder: str, depth: int, deepest: int) -> Iterator[str]:
        if depth == deepest:
            yield folder
            return
        for one in self.disk.entries(folder):
            if one.kind == "folder" and _DIGITS[depth].fullmatch(one.name):
                yield from self._below(f"{folder}/{one.name}", depth + 1, deepest)

    def day_folders(self, camera: CameraId) -> Iterator[str]:
        """In order of time."""
        yield from self._below(camera, 0, len(_DIGITS) - 1)

    def files(self, folder: str) -> Iterator[tuple[str, FolderEntry]]:
        """What stands in a folder, with its path."""
        for one in self.disk.entries(folder):
            yield f"{folder}/{one.name}" if folder else one.name, one

    def write_picture(self, event: Event, jpeg: bytes) -> str:
        """Store an event's picture, in place of an earlier one, durably. Returns its path."""
        self.picture_made(event, jpeg)
        return self._write_picture(event.camera, picture_path(event), event.start_ms, jpeg)

    def write_loop(self, event: Event, jpeg: bytes) -> str:
        """Store a few small pictures of an event, side by side in one JPEG. Returns its path."""
        return self._write_picture(event.camera, loop_path(event), event.start_ms, jpeg)

    def _write_picture(self, camera: CameraId, path: str, at_ms: int, jpeg: bytes) -> str:
        sealed = self.seal_picture(self, camera, at_ms, jpeg)
        if sealed is None:
            return self._write_whole(path, jpeg)
        self._state_gone(sealed_path(path), "a better one took its place")
        return self._write_whole(sealed_path(path), sealed)

    def _state_gone(self, path: str, why: str) -> None:
        """Of a sealed picture, in the signed history, before it goes: it has a number there."""
        if self.signed is None or self.disk.entry(path) is None:
            return
        header = read_header(self.disk, path)
        if header is not None:
            number = header.number
            self.signed.add(["removed", header.camera.hex(), header.kind, header.stream, number, number, why])
            with suppress(DiskFull):  # it is stated later
                self.signed.write_items()

    def _write_whole(self, path: str, data: bytes) -> str:
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
        """None when there is none, or it is sealed."""
        return self._read_jpeg(picture_path(event))

    def read_loop(self, event: Event) -> bytes | None:
        """None when there is none, or it is sealed."""
        return self._read_jpeg(loop_path(event))

    def sealed_picture(self, event: Event, *, is_loop: bool = False) -> Path | None:
        """Where its picture, or its loop, stands sealed; None when there is none."""
        path = self.path(sealed_path(loop_path(event) if is_loop else picture_path(event)))
        return path if path.is_file() else None

    def _read_jpeg(self, path: str) -> bytes | None:
        """From the mirror if it is not here."""
        for volume in (self, *self.copies):
            with suppress(*((StorageError,) if self.copies else ())):
                entry = volume.disk.entry(path)
                if entry is not None and entry.kind == "file":
                    return volume.disk.read(path)
        return None

    def remove_picture(self, event: Event) -> None:
        for path in (picture_path(event), loop_path(event)):
            self.disk.unlink(path)
            self._state_gone(sealed_path(path), "its event was removed")
            self.disk.unlink(sealed_path(path))
