"""The recordings of a folder, for commands that read them without the recorder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tawny.model.clock import SystemClock
from tawny.model.ids import CameraId
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.index import Index
from tawny.storage.opening import index_to_read
from tawny.storage.others import attach_all
from tawny.storage.scores import Scores
from tawny.storage.volume import Volume


class Folder:
    """A `playback.archive.Archive` of closed segments."""

    def __init__(self, path: Path, index: Index) -> None:
        self.volume = Volume.at(path)
        attach_all(self.volume)
        self._index = index

    @property
    def index(self) -> Index:
        return self._index

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        """None: what is being written now belongs to the recorder."""
        return ()

    def segment_path(self, segment: Segment) -> Path:
        return self.volume.path(segment.path)

    def scores(self, camera: CameraId, within: Span) -> bytes:
        return Scores(self.volume, SystemClock()).read(camera, within)


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    with index_to_read(path) as index:
        yield Folder(path, index)
