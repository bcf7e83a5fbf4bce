"""Read-only access to the recordings of a folder without a running recorder."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tawny.cli.keys import Keys
from tawny.config.settings import Settings
from tawny.model.events import Event
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.model.observations import MotionFigure, ObjectPath, read_paths
from tawny.model.segments import Segment
from tawny.model.times import Span, SystemClock
from tawny.playback.decrypted import DecryptedRecordings
from tawny.sealed.key_wrapping import Identity
from tawny.service.storage_setup import archives
from tawny.storage.disk.layout import is_sealed
from tawny.storage.disk.secondary_volumes import attach_all
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import index_to_read
from tawny.storage.index.protocol import Index
from tawny.storage.segments.detection_files import MotionFigures, MotionScoreFile

NOTHING_PRIVATE: Mapping[str, tuple[Polygon, ...]] = MappingProxyType({})


class RecordingFolder:
    """A `playback.recordings.RecordingArchive` of the closed segments in a folder.

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

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        """Return no segments: only the recorder has access to segments that are still open."""
        return ()

    def segment_path(self, segment: Segment) -> Path:
        stored = self.volume.path(segment.path)
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
    `RecordingFolder`.
    """
    with index_to_read(path) as index:
        yield RecordingFolder(path, index, keys, private, settings)
