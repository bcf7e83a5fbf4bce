"""What playback needs of whoever keeps the recordings. `storage` and the recorder's open files satisfy it together."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from tawny.model.damage import DamagedSpan
from tawny.model.events import Event
from tawny.model.gaps import Gap
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.polygon import Polygon
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.storage.index.protocol import EventPage

UNKNOWN_SCORE = 255


class RecordingIndex(Protocol):
    """What is read of the index; see `storage.index.protocol.Index`, which is one."""

    def segment(self, segment_id: SegmentId) -> Segment | None: ...
    def segments(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Segment]: ...
    def spans(self, camera: CameraId, stream: StreamName | None, within: Span) -> list[Span]: ...
    def bounds(self, camera: CameraId) -> Span | None: ...
    def gaps(self, camera: CameraId, within: Span) -> list[Gap]: ...
    def damage(self, camera: CameraId | None, within: Span) -> list[DamagedSpan]: ...
    def event(self, event_id: EventId) -> Event | None: ...
    def events(
        self,
        within: Span,
        *,
        cameras: Iterable[CameraId] | None = None,
        kinds: Iterable[str] | None = None,
        only: str = "all",
        after: str | None = None,
        limit: int = 60,
    ) -> EventPage: ...


class RecordingArchive(Protocol):
    """Any thread may call; calls may wait for the disk."""

    @property
    def index(self) -> RecordingIndex: ...

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        """The segments being written now, of both streams, as the index will have them.

        `end_ms` and `size_bytes` are those of the last fragment that is durable; `path` is the open file's. One that
        has no fragment yet is left out. Called often: answer from memory.
        """
        ...

    def segment_path(self, segment: Segment) -> Path:
        """Where its file is. The file may be gone by the time it is opened (retention, or renamed when closed)."""
        ...

    def private(self, camera: CameraId) -> tuple[Polygon, ...]:
        """Parts of the camera's pictures that nobody is to see: pictures and clips made of them have them black."""
        ...

    def scores(self, camera: CameraId, within: Span) -> bytes:
        """Motion scores, one byte a second: of the seconds from `begin_ms // 1000` up to `ceil(end_ms / 1000)`.

        0..100; 255 where nothing was watched.
        """
        ...
