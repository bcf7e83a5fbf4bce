"""What is left of the cameras that were recorded here: their names and privacy masks.

It is for cameras that an edit of the settings file removed, and for those of other recorders, which this one recorded
in their place. It lies with the history of their recordings: a restart and commands have it, and no restore sets it
back.
"""

import json
import logging
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Final

from tawny.config.changes import retention_to_table
from tawny.config.settings import RemovedCameraSettings, Settings
from tawny.model.errors import NotDone, StorageError, TawnyError
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.volume import Volume

LEFT: Final = "history/borrowed-cameras.json"
"""At first, only cameras of other recorders were in it."""
DAMAGED: Final = f"{LEFT}.damaged"
"""What could not be understood. While it is there, masks may be missing."""
_BLACK: Final = RemovedCameraSettings(privacy_masks=(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),))
_TURNED: Final = frozenset({"rotate", "mirror"})
log = logging.getLogger(__name__)


class LeftCameras:
    """Thread-safe. left: by ID, also of cameras that are recorded at the moment; replaced by each change.

    trouble: why masks may be missing.
    """

    def __init__(self, volume: Volume) -> None:
        self._volume, self._changing, self._writing = volume, threading.Lock(), threading.Lock()
        self.left: Mapping[str, RemovedCameraSettings] = {}
        self._written: Mapping[str, RemovedCameraSettings] = {}
        self._is_read = False
        self.trouble: TawnyError | None = None
        self._look()

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
            if self.trouble is not None:
                self._look()
            left = self.left
            if left is self._written or not self._is_read:  # what couldn't be read must not be replaced
                return
            try:
                self._volume.write_whole(LEFT, _packed(left))
            except StorageError as error:
                log.warning("a restart would forget privacy masks of removed cameras: %s", error)
            else:
                self._written = left

    def masking(self, settings: Settings, camera: str) -> Settings:
        """Return settings with the camera's masks. While masks may be missing, an unknown camera is black."""
        if camera in settings.cameras:
            return settings
        if (one := self.left.get(camera)) is not None:
            return with_left(settings, {camera: one})
        noted = settings.removed_cameras.get(camera)
        if self.trouble is None or (noted is not None and not noted.model_fields_set <= {"recipients"}):
            return settings  # an entry with keys alone was made for a change of keys, and knows no masks
        return with_left(settings, {camera: _BLACK})

    def _look(self) -> None:
        """Read what hasn't been read yet, and find out whether masks may be missing."""
        before, disk = self.trouble, self._volume.disk
        try:
            if not self._is_read:
                self._read()
            self.trouble = _damaged(DAMAGED) if disk.entry(DAMAGED) is not None else None
        except StorageError as error:
            self.trouble = NotDone("The privacy masks of removed cameras can't be read.", error.do)
            if before is None:
                log.error("%s", error)
        if before is None and self.trouble is not None:
            log.error("recordings of removed cameras may be black: %s", self.trouble)

    def _read(self) -> None:
        """Raises StorageError. A damaged file is put aside: the next change would replace it."""
        try:
            found = _stored(self._volume.disk)
        except NotDone:
            self._volume.disk.rename(LEFT, DAMAGED)
            found = {}
        with self._changing:
            self.left = {**found, **self.left} if self.left else found
            self._written, self._is_read = found, True


def stored_left(disk: DiskAccess) -> dict[str, RemovedCameraSettings]:
    """Return what is left of these cameras, by ID. Raises StorageError; NotDone: some of it is damaged."""
    if disk.entry(DAMAGED) is not None:
        raise _damaged(DAMAGED)
    return _stored(disk)


def table_of_left(disk: DiskAccess, camera: str) -> dict[str, Any]:
    """Return what is left of a camera, as in the settings file; empty if nothing is. Raises as `stored_left`."""
    left = stored_left(disk).get(camera)
    return {} if left is None else _table(left)


def regained(disk: DiskAccess, saved: bytes) -> bytes | None:
    """Return the file with what a backup has of it, if some is lost here. None: nothing is, or it hasn't more."""
    here: dict[str, RemovedCameraSettings] = {}
    is_whole = False
    with suppress(NotDone, StorageError):
        here = _stored(disk)
        is_whole = bool(stored_left(disk))
    with suppress(NotDone, StorageError):
        lost = {camera: one for camera, one in _parsed(saved).items() if camera not in here}
        if is_whole:  # others were forgotten, as nothing of them was left
            lost = {camera: one for camera, one in lost.items() if disk.entry(camera) is not None}
        return _packed({**here, **lost}) if lost else None
    return None


def with_left(settings: Settings, left: Mapping[str, RemovedCameraSettings]) -> Settings:
    """Return settings in which these cameras are removed ones, but for those that are there.

    What the settings file says of them stays.
    """
    gone = {camera: one for camera, one in left.items() if camera not in settings.cameras}
    if not gone:
        return settings
    removed = settings.removed_cameras
    merged = {camera: _merged(removed.get(camera, RemovedCameraSettings()), one) for camera, one in gone.items()}
    return settings.model_copy(update={"removed_cameras": {**removed, **merged}})


def _merged(noted: RemovedCameraSettings, left: RemovedCameraSettings) -> RemovedCameraSettings:
    """Only what the file says counts as set: the next takeover replaces the rest."""
    own = noted.model_fields_set
    own = own | _TURNED if "privacy_masks" in own else own - _TURNED  # masks lie in an image turned like this
    values = {**dict(left), **{name: getattr(noted, name) for name in own}}
    return RemovedCameraSettings.model_construct(_fields_set=set(noted.model_fields_set), **values)


def _stored(disk: DiskAccess) -> dict[str, RemovedCameraSettings]:
    return {} if disk.entry(LEFT) is None else _parsed(disk.read(LEFT))


def _parsed(data: bytes) -> dict[str, RemovedCameraSettings]:
    try:
        found = dict(json.loads(data))
        return {str(camera): _understood(camera, one) for camera, one in found.items()}
    except (TypeError, ValueError):
        raise _damaged(LEFT) from None


def _understood(camera: str, table: Any) -> RemovedCameraSettings:
    """Raises ValueError. An earlier version writes retention as numbers: without it, the masks still apply."""
    try:
        return RemovedCameraSettings.model_validate(table)
    except ValueError:
        made = RemovedCameraSettings.model_validate({key: table[key] for key in table if key != "retention"})
        log.warning("%s: can't read the retention of %s: if it is removed, the general one applies", LEFT, camera)
        return made


def _packed(left: Mapping[str, RemovedCameraSettings]) -> bytes:
    return json.dumps({camera: _table(one) for camera, one in left.items()}).encode()


def _table(left: RemovedCameraSettings) -> dict[str, Any]:
    """Return the table as in the settings file."""
    table = left.model_dump(mode="json", exclude_defaults=True)
    return table | ({"retention": retention_to_table(left.retention)} if left.retention is not None else {})


def _damaged(where: str) -> NotDone:
    return NotDone(
        f"{where} is damaged: it has the privacy masks of removed cameras.",
        "Restore a backup. To do without these masks, delete this file.",
    )
