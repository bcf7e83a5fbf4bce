"""Sealed export: data of sealed cameras that may be uploaded or sent.

Sealed files leave the recorder unchanged under opaque names. Unsealed snapshots for messages are kept in memory only,
and only if the settings allow them.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from tawny.model.clock import Clock
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.sealed.witness import Witness
from tawny.storage.disk.layout import picture_path, sealed_path
from tawny.storage.disk.volume import Volume
from tawny.storage.sealing.epoch_keys import EpochKeys

MOST_BYTES: Final = 16 << 20
LASTS_S: Final = 600.0


class SealedExportApi(Protocol):
    """Provides data of sealed cameras. Thread-safe."""

    def seals(self, camera: CameraId) -> bool: ...
    def object_name(self, path: str, day: str) -> str:
        """Return the name of this file at destinations: no information about its camera. day: `20261120`."""
        ...

    def sealed_picture(self, event: Event) -> bytes | None:
        """Return the sealed file of an event's snapshot; None if not available. Raises StorageError."""
        ...

    def picture_in_memory(self, event: Event) -> bytes | None:
        """Return the event's JPEG while it is in memory; None otherwise."""
        ...

    def witness(self) -> Witness | None:
        """Return the newest witness of the signed history, from memory; None if there is none to give away."""
        ...


class NoSealedExport:
    def seals(self, camera: CameraId) -> bool:
        return False

    def object_name(self, path: str, day: str) -> str:
        return path

    def sealed_picture(self, event: Event) -> bytes | None:
        return None

    def picture_in_memory(self, event: Event) -> bytes | None:
        return None

    def witness(self) -> Witness | None:
        return None


class UnsealedPictures:
    """Unsealed snapshots of sealed cameras in memory: the newest, for LASTS_S and up to MOST_BYTES."""

    def __init__(self, clock: Clock, wanted: Callable[[CameraId], bool]) -> None:
        """wanted: whether a message may contain snapshots of this sealed camera."""
        self._clock, self._wanted = clock, wanted
        self._lock = threading.Lock()
        self._held: OrderedDict[EventId, tuple[float, bytes]] = OrderedDict()

    def put(self, event: Event, jpeg: bytes) -> None:
        with self._lock:
            self._held.pop(event.id, None)
            if self._wanted(event.camera):
                self._held[event.id] = self._clock.mono_s(), jpeg
            while self._held and (self._is_old() or sum(len(one) for _, one in self._held.values()) > MOST_BYTES):
                self._held.popitem(last=False)

    def get(self, event: EventId) -> bytes | None:
        with self._lock:
            while self._held and self._is_old():
                self._held.popitem(last=False)
            return self._held[event][1] if event in self._held else None

    def _is_old(self) -> bool:
        return next(iter(self._held.values()))[0] < self._clock.mono_s() - LASTS_S


class SealedExport:
    """Sealed export of a recorder with a disk. is_standby: records to the fallback disk, whose history is another."""

    def __init__(
        self, volume: Volume, seals: EpochKeys, pictures: UnsealedPictures, *, is_standby: bool = False
    ) -> None:
        self._volume, self._seals, self._pictures, self._is_standby = volume, seals, pictures, is_standby

    def seals(self, camera: CameraId) -> bool:
        return self._seals.seals(camera)

    def object_name(self, path: str, day: str) -> str:
        return self._seals.history.object_name(path, day)

    def sealed_picture(self, event: Event) -> bytes | None:
        path = sealed_path(picture_path(event))
        return self._volume.disk.read(path) if self._volume.disk.entry(path) is not None else None

    def picture_in_memory(self, event: Event) -> bytes | None:
        return self._pictures.get(event.id)

    def witness(self) -> Witness | None:
        return None if self._is_standby else self._seals.history.head
