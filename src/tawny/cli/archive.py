"""Read-only access to the recordings of a folder without a running recorder."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from tawny.cli.keys import Keys, other_key
from tawny.config.settings import Settings
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FileSealed, StorageError, StorageUnavailable
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.model.observations import MotionFigure, ObjectPath, read_paths
from tawny.model.segments import Segment
from tawny.model.times import Span, SystemClock
from tawny.playback.decrypted import DecryptedRecordings
from tawny.playback.recordings import closed_path
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.file_reader import InMemorySource, scan_file
from tawny.sealed.key_wrapping import Identity
from tawny.service.storage_setup import archives
from tawny.storage.disk.layout import hour_folder, is_sealed, segment_name
from tawny.storage.disk.secondary_volumes import attach_all
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import index_to_read
from tawny.storage.index.protocol import Index
from tawny.storage.segments.detection_files import MotionFigures, MotionScoreFile
from tawny.storage.segments.metadata import read_about

log = logging.getLogger(__name__)
NOTHING_PRIVATE: Mapping[str, tuple[Polygon, ...]] = MappingProxyType({})
_LONGEST_OPEN_MS = 660_000
"""A file is closed after this time at the latest."""


class RecordingFolder:
    """A `playback.recordings.RecordingArchive` of the segments in a folder.

    keys: identities that decrypt encrypted segments; without keys, opening one raises FileSealed.
    private: privacy masks by camera. settings: give access to archives; None: their recordings can't be read.
    """

    def __init__(
        self,
        path: Path,
        index: Index,
        keys: Sequence[Identity] = (),
        private: Mapping[str, tuple[Polygon, ...]] = NOTHING_PRIVATE,
        settings: Settings | None = None,
    ) -> None:
        self._unsealed, self._private = DecryptedRecordings(Keys(keys)) if keys else None, private
        self.volume = Volume.at(path)
        attach_all(self.volume, archives(settings or Settings(), SystemClock()))
        self.index = index
        self._open: dict[CameraId, list[Segment]] = {}

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        """Return the segments that a recorder was writing at the first call, as far as they were on the disk then."""
        if camera not in self._open:
            self._open[camera] = []
            now_ms = SystemClock().now_ms()
            folders = sorted({hour_folder(camera, at_ms) for at_ms in (now_ms - _LONGEST_OPEN_MS, now_ms)})
            paths = [f"{each}/{entry.name}" for each in folders for entry in self.volume.disk.entries(each)]
            self._open[camera] = [one for path in paths if (one := self._open_segment(path)) is not None]
        return self._open[camera]

    def _open_segment(self, path: str) -> Segment | None:
        """Return the segment of an open file; None for other files, and if nothing of it can be shown."""
        name = segment_name(path)
        if name is None or name.end_ms is not None or (name.is_sealed and self._unsealed is None):
            return None
        disk = self.volume.disk
        try:
            if name.is_sealed:
                data = disk.read(path)
                size_bytes, end_ms = len(data), scan_file(InMemorySource(data)).last_ms
            else:
                file = read_segment(self.volume.path(path))
                size_bytes, end_ms = file.intact_bytes, name.start_ms + file.duration_ticks // 90
            about = read_about(disk, path)
        except StorageUnavailable:
            raise
        except (StorageError, SealedFileBroken) as error:  # mostly because it is being closed, or only begun
            log.info("%s is left out: %s", path, error)
            return None
        if about is None or end_ms <= name.start_ms:
            return None
        return replace(about.segment(name.closed(end_ms), size_bytes), path=path)

    def segment_path(self, segment: Segment) -> Path:
        stored = self.volume.path(segment.path)
        if segment in self._open.get(segment.camera, ()) and not stored.exists():
            stored = closed_path(stored) or stored
        return self._unsealed.path(segment, stored) if self._unsealed and is_sealed(segment.path) else stored

    def private(self, camera: CameraId) -> tuple[Polygon, ...]:
        return self._private.get(camera, ())

    def figures(self, camera: CameraId, within: Span) -> list[MotionFigure]:
        return MotionFigures(self.volume, SystemClock()).read(camera, within)

    def event_objects(self, event: Event) -> tuple[ObjectPath, ...]:
        """Return an event's objects; of an encrypted camera with a key."""
        lines, stored = self.volume.read_objects(event), self.volume.sealed_objects(event)
        if lines is None and stored is not None and self._unsealed is not None:
            lines = self._unsealed.content(stored)
        return read_paths(lines or b"", event.start_ms)

    def scores(self, camera: CameraId, within: Span) -> bytes:
        return MotionScoreFile(self.volume, SystemClock()).read(camera, within)


@contextmanager
def open_folder(
    path: Path,
    keys: Sequence[Identity] = (),
    private: Mapping[str, tuple[Polygon, ...]] = NOTHING_PRIVATE,
    settings: Settings | None = None,
) -> Iterator[RecordingFolder]:
    """Open the folder's index and recordings read-only.

    private: privacy masks by camera, blacked out in everything derived from the recordings. settings: see
    `RecordingFolder`. Raises NotDone: when none of the keys fits.
    """
    with index_to_read(path) as index:
        try:
            yield RecordingFolder(path, index, keys, private, settings)
        except FileSealed as error:
            if not keys:
                raise
            raise other_key(error.where) from None
