"""Protocols of the archive for playback, implemented by `storage` and the recorder's open files."""

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
    """The read methods of the index; see `storage.index.protocol.Index`."""

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
    """Access to recordings. Thread-safe; calls may block on the disk."""

    @property
    def index(self) -> RecordingIndex: ...

    def open_segments(self, camera: CameraId) -> Sequence[Segment]:
        """Return the segments being written now, of both streams, as the index will have them.

        `end_ms` and `size_bytes` are those of the last durable fragment; `path` is the open file's. A segment without
        fragments is omitted. Called often; answer from memory.
        """
        ...

    def segment_path(self, segment: Segment) -> Path:
        """Return the path of its file. The file may be gone when opened (retention, or renamed on closing)."""
        ...

    def private(self, camera: CameraId) -> tuple[Polygon, ...]:
        """Return the camera's privacy masks, which are black in all derived images and clips."""
        ...

    def scores(self, camera: CameraId, within: Span) -> bytes:
        """Return motion scores, one byte per second from `begin_ms // 1000` up to `ceil(end_ms / 1000)`.

        0..100; 255 without detection.
        """
        ...
