"""What playback needs of whoever keeps the recordings. `storage` and the recorder's open files satisfy it together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tawny.model.ids import CameraId
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.index import Index

OPEN_SUFFIX = ".open.mp4"
UNKNOWN_SCORE = 255


class Archive(Protocol):
    """Any thread may call; calls may wait for the disk."""

    @property
    def index(self) -> Index: ...

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        """The segments being written now, of both streams, as the index will have them.

        `end_ms` and `size_bytes` are those of the last fragment that is durable; `path` ends in `.open.mp4`. One that
        has no fragment yet is left out. Called often: answer from memory.
        """
        ...

    def segment_path(self, segment: Segment) -> Path:
        """Where its file is. The file may be gone by the time it is opened (retention, or renamed when closed)."""
        ...

    def scores(self, camera: CameraId, within: Span) -> bytes:
        """Motion scores, one byte a second: of the seconds from `begin_ms // 1000` up to `ceil(end_ms / 1000)`.

        0..100; 255 where nothing was watched.
        """
        ...


def is_open(segment: Segment) -> bool:
    """Whether it is still being written."""
    return segment.path.endswith(OPEN_SUFFIX)
