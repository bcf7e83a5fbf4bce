"""What is left of other recorders' cameras that this one has recorded in their place: names and privacy masks.

It lies with the history of their recordings: a restart and commands have it, and no restore sets it back.
"""

import json
import logging
import threading
from collections.abc import Collection, Mapping
from typing import Final

from tawny.config.settings import RemovedCameraSettings, Settings
from tawny.model.errors import NotDone, StorageError
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.volume import Volume

BORROWED: Final = "history/borrowed-cameras.json"
log = logging.getLogger(__name__)


class BorrowedCameras:
    """Thread-safe. left: by ID, also of cameras that are recorded at the moment; replaced by each change."""

    def __init__(self, volume: Volume) -> None:
        self._volume, self._changing, self._writing = volume, threading.Lock(), threading.Lock()
        self.left: Mapping[str, RemovedCameraSettings] = {}
        try:
            self.left = left_of_borrowed(volume.disk)
        except (NotDone, StorageError) as error:
            log.error("recordings for other recorders have no privacy masks: %s", error)
        self._written: Mapping[str, RemovedCameraSettings] = self.left

    def put(self, left: Mapping[str, RemovedCameraSettings]) -> None:
        """Keep these, too. Call `write` afterwards."""
        with self._changing:
            if any(self.left.get(camera) != one for camera, one in left.items()):
                self.left = {**self.left, **left}

    def forget(self, cameras: Collection[str]) -> None:
        """Keep these no longer. Call `write` afterwards."""
        with self._changing:
            if any(camera in self.left for camera in cameras):
                self.left = {camera: one for camera, one in self.left.items() if camera not in cameras}

    def write(self) -> None:
        """Make changes durable. It may wait for the disk; where that fails, call it again."""
        with self._writing:
            left = self.left
            if left is self._written:
                return
            said = {camera: one.model_dump(mode="json", exclude_defaults=True) for camera, one in left.items()}
            try:
                self._volume.write_whole(BORROWED, json.dumps(said).encode())
            except StorageError as error:
                log.warning("a restart would forget privacy masks of cameras of other recorders: %s", error)
            else:
                self._written = left


def left_of_borrowed(disk: DiskAccess) -> dict[str, RemovedCameraSettings]:
    """Return what is left of these cameras, by ID. Raises StorageError; NotDone: it is damaged."""
    if disk.entry(BORROWED) is None:
        return {}
    try:
        said = dict(json.loads(disk.read(BORROWED)))
        return {str(camera): RemovedCameraSettings.model_validate(one) for camera, one in said.items()}
    except (TypeError, ValueError):
        raise NotDone(
            f"{BORROWED} is damaged: it has the privacy masks of cameras of other recorders.",
            "Take it from a backup. To do without these masks, delete it.",
        ) from None


def with_borrowed(settings: Settings, left: Mapping[str, RemovedCameraSettings]) -> Settings:
    """Return settings in which these cameras are removed ones."""
    return settings.model_copy(update={"removed_cameras": {**settings.removed_cameras, **left}}) if left else settings
