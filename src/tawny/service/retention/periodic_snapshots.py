"""Periodic snapshots: an image of each camera at even intervals, also where nothing moves, kept for a time of its own.

They are files (`snapshots/CAMERA/YYYY/MM/DD/…Z.jpg`) with privacy masks applied. Cameras that are encrypted have none,
and neither has one that is off, paused or private; one that waits for an event has them: its camera is watched.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from tawny.config.settings import Settings
from tawny.engine import Engine
from tawny.media.image.jpeg import keyframe_jpeg
from tawny.model.errors import StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.states import RECORDED, CameraState
from tawny.model.times import Clock, Span, stamp, stamp_ms
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import is_camera
from tawny.storage.disk.volume import Volume
from tawny.storage.retention.runner import AgeClock
from tawny.stream.hub import Hub

FOLDER: Final = "snapshots"
_LOOK_S, _SWEEP_S = 10.0, 3600.0
_RECENT_S: Final = 12.0
"""Maximum age of the keyframe."""
log = logging.getLogger(__name__)


class PeriodicSnapshot(NamedTuple):
    """A stored image."""

    path: str
    at_ms: int
    size_bytes: int


class PeriodicSnapshots:
    """Actor. hub: returns a camera's hub, None if it has none. state: of a camera, None if it is unknown."""

    name = "periodic snapshots"

    def __init__(
        self,
        volume: Volume,
        settings: Callable[[], Settings],
        hub: Callable[[CameraId, StreamName], Hub | None],
        state: Callable[[CameraId], CameraState | None],
        clock: Clock,
    ) -> None:
        self._volume, self._settings, self._hub, self._state, self._clock = volume, settings, hub, state, clock
        self._saved_ms: dict[CameraId, int] = {}
        self._sweep_s = clock.mono_s()
        self._ages: AgeClock | None = None

    def start(self, engine: Engine) -> None:
        engine.start(self.name, lambda: self)

    def step(self) -> float:
        settings = self._settings()
        wanted, now_ms = settings.storage.snapshots, self._clock.now_ms()
        if self._clock.mono_s() >= self._sweep_s:  # first, so that a new image doesn't vouch for the clock
            self._sweep_s = self._clock.mono_s() + _SWEEP_S
            self._sweep(now_ms, round(wanted.retention * 1000), is_saving=bool(wanted.interval))
        if wanted.interval and settings.storage.mode == "disk":
            number = now_ms // round(wanted.interval * 1000)
            for camera in map(CameraId, settings.cameras):
                if camera not in self._saved_ms:
                    self._saved_ms[camera] = _newest_ms(_below(self._volume, f"{FOLDER}/{camera}"), now_ms) or 0
                before = self._saved_ms[camera] // round(wanted.interval * 1000)
                if before != number and not settings.is_sealed(camera):
                    self._save(camera, now_ms)
        return _LOOK_S

    def close(self) -> None:
        """Nothing to release."""

    def _save(self, camera: CameraId, now_ms: int) -> None:
        hub = self._hub(camera, StreamName.MAIN)
        if hub is None or self._state(camera) not in RECORDED:
            return
        keyframes = [one for one in hub.recent(_RECENT_S) if one.is_keyframe]
        jpeg = keyframe_jpeg(keyframes[-1], None, hub.private) if keyframes else None
        if jpeg is None:
            return
        at = stamp(now_ms)
        try:
            self._volume.write_whole(f"{FOLDER}/{camera}/{at[0:4]}/{at[4:6]}/{at[6:8]}/{at}.jpg", jpeg)
        except StorageError as error:
            log.warning("%s: cannot save a periodic snapshot: %s", camera, error)
        self._saved_ms[camera] = now_ms

    def _sweep(self, now_ms: int, retention_ms: int, *, is_saving: bool) -> None:
        found = list(_below(self._volume, FOLDER))
        if self._ages is None:  # the clock may be wrong from the start
            self._ages = AgeClock(self._clock, _newest_ms(found, now_ms) if is_saving else None)
        before_ms = now_ms - self._ages.ahead_ms() - retention_ms
        for one in found:
            if one.at_ms < before_ms:
                _remove(self._volume, one.path)


def _newest_ms(images: Iterable[PeriodicSnapshot], now_ms: int) -> int | None:
    """Return when the newest image was saved; None if there is none. Those of the future have a wrong time."""
    return max((one.at_ms for one in images if one.at_ms <= now_ms), default=None)


def cameras_with_snapshots(volume: Volume) -> list[CameraId]:
    """Return the cameras that have a folder for images, also where a failover left it. Raises StorageError."""
    found = [one.name for one in volume.disk.entries(FOLDER) if one.kind == "folder" and is_camera(one.name)]
    for other in volume.disks_to_move_from:
        with suppress(StorageError):  # it may be away
            found += cameras_with_snapshots(other)
    return [CameraId(name) for name in found]


def has_snapshots(volume: Volume, camera: CameraId) -> bool:
    """Return whether an image of a camera is stored. Raises StorageError."""
    return any(True for _ in snapshots_of(volume, camera))


def snapshots_of(volume: Volume, camera: CameraId, within: Sequence[Span] | None = None) -> Iterator[PeriodicSnapshot]:
    """Yield a camera's images of some times, each once, also those that a failover left on another disk.

    Raises StorageError.
    """
    yield from _below(volume, f"{FOLDER}/{camera}", within)
    for other in volume.disks_to_move_from:
        with suppress(StorageError):
            yield from snapshots_of(other, camera, within)


def delete_snapshots(volume: Volume, camera: CameraId, within: Span) -> None:
    """Delete a camera's images of a time, also those that a failover left on another disk. Raises StorageError."""
    for other in volume.disks_to_move_from:
        with suppress(StorageError):
            delete_snapshots(other, camera, within)
    for one in list(_below(volume, f"{FOLDER}/{camera}", [within])):
        _remove(volume, one.path)


def _remove(volume: Volume, path: str) -> None:
    """Remove an image, and the folders that are empty without it."""
    volume.disk.unlink(path)
    folder = parent_of(path)
    while folder != FOLDER and volume.disk.remove_folder(folder):
        folder = parent_of(folder)


def _below(volume: Volume, folder: str, within: Sequence[Span] | None = None) -> Iterator[PeriodicSnapshot]:
    """Yield our files below a folder; within: of a camera's folder, only of these times. Other files are left alone."""
    for entry in volume.disk.entries(folder):
        path = f"{folder}/{entry.name}"
        if entry.kind == "folder":
            here = None if within is None else [span for span in within if _may_hold(path, span)]
            if here is None or here:
                yield from _below(volume, path, here)
        elif entry.kind == "file" and path.endswith(".jpg"):
            try:
                found = PeriodicSnapshot(path, stamp_ms(PurePosixPath(path).stem), entry.size_bytes)
            except ValueError:
                continue
            if within is None or any(span.begin_ms <= found.at_ms < span.end_ms for span in within):
                yield found


def _may_hold(folder: str, span: Span) -> bool:
    """Return whether a year, month or day of a camera may have images of a time: not all of them need be listed."""
    time = "".join(folder.split("/")[2:])
    return stamp(span.begin_ms)[: len(time)] <= time <= stamp(span.end_ms)[: len(time)]
