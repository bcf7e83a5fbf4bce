"""Deletes the recordings of one camera because an owner said so: half a minute later, so that it can be undone.

A removed camera of which nothing is stored any more is forgotten.
"""

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from tawny.config.settings import Settings
from tawny.config.units import size_text
from tawny.engine import Engine, Handle
from tawny.model.errors import TawnyError
from tawny.model.ids import CameraId
from tawny.model.times import Clock, Span
from tawny.service.retention.retention_service import StoredRecordings
from tawny.storage.retention.runner import CameraDeletion

UNDO_S: Final = 30.0
_EVERY_S: Final = 5.0
EMPTY_S: Final = 3600.0
"""How long nothing must be stored of a removed camera before it is forgotten. An index made again is full sooner."""
_EVER: Final = Span(0, 1 << 45)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredOfCamera:
    """What is stored of a camera. kept: number of its kept events, at most 100. oldest_ms: None without any."""

    size_bytes: int
    kept: int
    oldest_ms: int | None


class RecordingDeletion:
    """Actor that deletes what is due. Thread-safe.

    Deletions of removed cameras are in the settings, so a restart does not forget them. Those of a camera that stays
    are not: after a restart within half a minute nothing is deleted.
    """

    name = "deletion of recordings"

    def __init__(
        self,
        stored: StoredRecordings,
        clock: Clock,
        settings: Callable[[], Settings],
        forget: Callable[[Collection[CameraId]], None],
    ) -> None:
        """forget: removes removed cameras from the settings. May raise TawnyError: tried again later."""
        self._stored, self._clock, self._settings, self._forget = stored, clock, settings, forget
        self._empty_since_s: dict[CameraId, float] = {}
        self._lock = threading.Lock()
        self._pending: dict[CameraId, tuple[int, CameraDeletion]] = {}
        self._done: set[tuple[str, int]] = set()
        self._handle: Handle | None = None

    def start(self, engine: Engine) -> None:
        self._handle = engine.start(self.name, lambda: self)

    def stored(self, camera: CameraId) -> StoredOfCamera:
        """Return what is stored of a camera, configured or removed. Waits for the index."""
        index = self._stored.index
        bounds, kept = index.bounds(camera), index.events(_EVER, cameras=[camera], only="kept", limit=100)
        return StoredOfCamera(index.size_bytes(camera), len(kept.events), bounds.begin_ms if bounds else None)

    def ask(self, camera: CameraId, by: str, *, with_kept: bool) -> int:
        """Delete what is recorded until now, in UNDO_S. Return when, ms UTC. by: for the signed history."""
        now_ms = self._clock.now_ms()
        due_ms = now_ms + round(UNDO_S * 1000)
        with self._lock:
            self._pending[camera] = due_ms, CameraDeletion(camera, now_ms, f"deleted by {by}", with_kept)
        self._wake()
        return due_ms

    def cancel(self, camera: CameraId) -> bool:
        """Return whether there was something to cancel."""
        with self._lock:
            return self._pending.pop(camera, None) is not None

    def step(self) -> float:
        now_ms = self._clock.now_ms()
        with self._lock:
            due = [one for due_ms, one in self._pending.values() if due_ms <= now_ms]
            for one in due:
                del self._pending[one.camera]
        for one in due:
            self._delete(one)
        for one in self._of_removed(now_ms):
            self._delete(one)
            self._done.add((one.camera, one.until_ms))
        self._forget_empty()
        return _EVERY_S if not self._pending else 1.0

    def close(self) -> None:
        """Nothing to release."""

    def _of_removed(self, now_ms: int) -> list[CameraDeletion]:
        settings, found = self._settings(), []
        for name, one in settings.removed_cameras.items():
            if name in settings.cameras or one.delete_after is None:
                continue
            until_ms = round(one.delete_after.timestamp() * 1000)
            if until_ms <= now_ms and (name, until_ms) not in self._done:
                why = f"deleted by {one.deleted_by or 'its owner'}, with its camera"
                found.append(CameraDeletion(CameraId(name), until_ms, why, one.delete_kept, is_gone=True))
        return found

    def _forget_empty(self) -> None:
        settings, now_s = self._settings(), self._clock.mono_s()
        removed = [CameraId(name) for name in settings.removed_cameras if name not in settings.cameras]
        self._empty_since_s = {
            camera: self._empty_since_s.get(camera, now_s) for camera in removed if self._is_empty(camera)
        }
        due = [camera for camera, since_s in self._empty_since_s.items() if now_s - since_s >= EMPTY_S]
        if not due:
            return
        try:
            self._forget(due)
        except TawnyError as error:
            log.warning("cannot forget the removed cameras %s: %s", ", ".join(due), error)
            self._empty_since_s = {}

    def _is_empty(self, camera: CameraId) -> bool:
        index = self._stored.index
        return index.bounds(camera) is None and not index.events(_EVER, cameras=[camera], limit=1).events

    def _delete(self, wanted: CameraDeletion) -> None:
        index = self._stored.index
        before_bytes = index.size_bytes(wanted.camera)
        while self._stored.retention.delete_camera(wanted):
            pass
        if self._stored.mirror is not None:
            self._stored.mirror.delete_camera(wanted)
        gone_bytes = before_bytes - index.size_bytes(wanted.camera)
        log.info("%s: recordings of %s %s", wanted.camera, size_text(gone_bytes), wanted.why)

    def _wake(self) -> None:
        if self._handle is not None:
            self._handle.wake()
