"""Protocols of the archive for playback, implemented by `storage` and the recorder's open files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from tawny.model.damage import DamagedSpan
from tawny.model.events import Event, Level
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, EventId, SegmentId, StreamName
from tawny.model.segments import Gap, Segment
from tawny.model.times import Span
from tawny.storage.disk.layout import is_open, is_thinned
from tawny.storage.index.protocol import EventPage, all_events

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
        levels: Iterable[str] | None = None,
        only: str = "all",
        after: str | None = None,
        limit: int = 60,
    ) -> EventPage: ...
    def event_counts(
        self,
        within: Span,
        *,
        cameras: Iterable[CameraId] | None = None,
        kinds: Iterable[str] | None = None,
        only: str = "all",
        most: int,
    ) -> Mapping[Level, int]: ...


def events_within(index: RecordingIndex, camera: CameraId, span: Span, most: int) -> list[Event]:
    """Return the newest `most` events of a camera in the span, newest first; one that goes on ends with it."""
    found = all_events(lambda after: index.events(span, cameras=[camera], limit=500, after=after))
    return [one if one.end_ms is not None else one.ended(span.end_ms) for one in islice(found, most)]


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


# Segment lookup including segments still being written. All calls block on the disk; run them in a thread.

MOST_IN_A_RUN = 20
JOIN_MS = 500
"""Maximum distance, ms, of segments played as one."""
SEAM_MS = 1500
"""Distance, ms, up to which playback waits for the asked stream instead of showing the other one."""
EDGE_MS = 6_000
"""Maximum time, ms, by which a stream that is being recorded is behind the other one."""
OVERLAP_MS = 50
"""Overlap of segments, ms, up to which their times are only rounded."""
RUN_MS = 3_600_000
LOOK_MS = 3_600_000
"""Initial range of the search for the next recording, ms; doubled with each step."""


@dataclass(frozen=True, slots=True)
class PlayableRun:
    """The segments playable from an instant on."""

    segments: list[Segment]
    next_ms: int | None
    """Start of the next recording after these, ms UTC; None if there is none yet."""
    gap: Gap | None
    """Explanation if nothing is recorded at the instant."""


def segments(archive: RecordingArchive, camera: CameraId, stream: StreamName | None, within: Span) -> list[Segment]:
    """Return all segments that overlap a span, in order and without duplicates.

    One that closes meanwhile counts as closed.
    """
    still_open = [
        one
        for one in archive.open_segments(camera)  # first: a segment that closes later is then in the index
        if stream in (None, one.stream) and one.span.overlaps(within)
    ]
    closed = archive.index.segments(camera, stream, within)
    known = {segment.id for segment in closed}
    found = closed + [segment for segment in still_open if segment.id not in known]
    return sorted(found, key=lambda segment: (segment.start_ms, segment.stream))


def lasts_ticks(segment: Segment) -> int:
    """Return how long a segment's file lasts by its name; 0 if it is still being written, or has only keyframes."""
    return 0 if is_open(segment) or is_thinned(segment) else (segment.end_ms - segment.start_ms) * 90


def in_run_order(found: Sequence[Segment]) -> list[Segment]:
    """Return segments of one stream, given in order of time, so that a run is not interrupted by another one.

    Runs overlap where the clock was set back. Others keep their order: reconnections, and gaps that were filled later.
    """
    left, ordered = list(found), list[Segment]()
    while left:
        number = _continues(ordered[-1], left) if ordered else 0
        ordered.append(left.pop(number))
    return ordered


def _continues(last: Segment, left: Sequence[Segment]) -> int:
    """Return the number of the segment to play after another one."""
    for number, one in enumerate(left):
        if one.start_ms > last.end_ms + JOIN_MS:
            break
        if one.run == last.run:
            overlaps = left[0].start_ms < last.end_ms - OVERLAP_MS or left[0].end_ms > one.start_ms + OVERLAP_MS
            return number if overlaps else 0
    return 0


def segment(archive: RecordingArchive, cameras: list[CameraId], segment_id: SegmentId) -> Segment | None:
    """Return a segment by id, or None. cameras: their open segments are searched too."""
    still_open = [one for camera in cameras for one in archive.open_segments(camera) if one.id == segment_id]
    return archive.index.segment(segment_id) or next(iter(still_open), None)


def closed_since(archive: RecordingArchive, segment: Segment) -> Path | None:
    """Return the current path of a segment that was open when looked up, or None if it is gone.

    The index learns of a rename slightly later than the file system, so the folder is searched too.
    """
    known = archive.index.segment(segment.id)
    if known is not None and known.path != segment.path:
        return archive.segment_path(known)
    return closed_path(archive.segment_path(segment))


def closed_path(path: Path) -> Path | None:
    """Return where a file is that was open at this path, or None if it is gone."""
    start, _, stream = path.name.partition(".open.")[0].rpartition(".")
    return next(path.parent.glob(f"{start}-*.{stream}{path.suffix}"), None) if start else None


def run_from(archive: RecordingArchive, camera: CameraId, stream: StreamName, at_ms: int) -> PlayableRun:
    """Return the continuous recording from an instant on, of the other stream if this one has none there.

    At the edge that is being recorded, where one stream is always a little behind, it is not of the other one.
    """
    for name, begin_ms in _ways(archive, camera, stream, at_ms):
        found = _unbroken(segments(archive, camera, name, Span(begin_ms, begin_ms + RUN_MS)), begin_ms)
        if found and name is not stream:  # up to the file in which the asked one begins
            own = segments(archive, camera, stream, Span(begin_ms, found[-1].end_ms))
            found = [one for one in found if not own or one.start_ms < own[0].start_ms]
        if found:
            return PlayableRun(found, next_after(archive, camera, found[-1].end_ms, name), None)
    if _is_behind(archive, camera, stream, at_ms):
        return PlayableRun([], None, None)
    gaps = archive.index.gaps(camera, Span(at_ms, at_ms + 1))
    next_ms = next_after(archive, camera, at_ms, None)
    if next_ms is not None:
        next_ms = _soon_ms(archive, camera, stream, next_ms) or next_ms
    return PlayableRun([], next_ms, gaps[0] if gaps else None)


def at(archive: RecordingArchive, camera: CameraId, stream: StreamName, at_ms: int) -> Segment | None:
    """Return the segment of an instant, of the other stream as in `run_from`."""
    for name, begin_ms in _ways(archive, camera, stream, at_ms):
        if found := segments(archive, camera, name, Span(begin_ms, begin_ms + 1)):
            return found[0]
    return None


def _ways(
    archive: RecordingArchive, camera: CameraId, stream: StreamName, at_ms: int
) -> Iterator[tuple[StreamName, int]]:
    """Yield where to look for a recording of an instant: streams, and from when on."""
    yield stream, at_ms
    soon_ms = _soon_ms(archive, camera, stream, at_ms)
    for other in StreamName:
        if other is stream or not segments(archive, camera, other, Span(at_ms, at_ms + 1)):
            continue
        if soon_ms is not None:
            yield stream, soon_ms
        elif not _is_behind(archive, camera, stream, at_ms):
            yield other, at_ms


def _soon_ms(archive: RecordingArchive, camera: CameraId, stream: StreamName, at_ms: int) -> int | None:
    """Return when a stream begins that begins at once: of two streams one is always a little later."""
    found = segments(archive, camera, stream, Span(at_ms, at_ms + SEAM_MS))
    return max(at_ms, found[0].start_ms) if found else None


def _is_behind(archive: RecordingArchive, camera: CameraId, stream: StreamName, at_ms: int) -> bool:
    """Return whether a stream will have this instant in a moment: what is recorded now of the other is only newer."""
    if archive.index.gaps(camera, Span(at_ms, at_ms + 1)):
        return False
    newest_ms = max((one.end_ms for one in archive.open_segments(camera)), default=0)
    recent = Span(max(0, newest_ms - EDGE_MS), newest_ms)
    ends_ms = [one.end_ms for one in segments(archive, camera, stream, recent)]
    return max(ends_ms, default=at_ms + 1) <= at_ms


def next_after(archive: RecordingArchive, camera: CameraId, at_ms: int, stream: StreamName | None) -> int | None:
    """Return the start of the first recording at or after an instant (or up to JOIN_MS before it), ms UTC, or None."""
    bounds = archive.index.bounds(camera)
    ends_ms = [one.end_ms for one in archive.open_segments(camera)] + ([bounds.end_ms] if bounds else [])
    last_ms = max(ends_ms, default=at_ms)
    begin_ms, look_ms = at_ms, LOOK_MS
    while begin_ms < last_ms:
        ahead = Span(begin_ms, begin_ms + look_ms)
        first_ms = _first_recorded_ms(archive, camera, stream, ahead)
        if first_ms is None:
            begin_ms, look_ms = ahead.end_ms, look_ms * 2
            continue
        found = segments(archive, camera, stream, Span(first_ms, first_ms + LOOK_MS))
        later = [one.start_ms for one in found if one.start_ms >= at_ms - JOIN_MS and one.end_ms > at_ms]
        if later:
            return later[0]
        begin_ms = first_ms + LOOK_MS
    return None


def recorded_until_ms(archive: RecordingArchive, camera: CameraId, now_ms: int) -> int:
    """Return up to when a camera's main stream is recorded, so that it would survive a power failure; 0 if never.

    It is the end of what began last by now: recordings of a clock that was ahead end later.
    """
    begun = [one for one in archive.open_segments(camera) if one.stream is StreamName.MAIN and one.start_ms <= now_ms]
    if not begun and (end_ms := last_before(archive, camera, now_ms + 1, StreamName.MAIN)) is not None:
        begun = segments(archive, camera, StreamName.MAIN, Span(end_ms - EDGE_MS, end_ms))
    return max((one.start_ms, one.end_ms) for one in begun)[1] if begun else 0


def last_before(
    archive: RecordingArchive, camera: CameraId, at_ms: int, stream: StreamName | None = None
) -> int | None:
    """Return up to when something is recorded before an instant, ms UTC, or None. stream: None for any."""
    still_open = [one.span for one in archive.open_segments(camera) if stream in (None, one.stream)]
    bounds = archive.index.bounds(camera)
    begins_ms = [span.begin_ms for span in still_open] + ([bounds.begin_ms] if bounds else [])
    first_ms = min(begins_ms, default=at_ms)
    end_ms, look_ms = at_ms, LOOK_MS
    while end_ms > first_ms:
        behind = Span(end_ms - look_ms, end_ms)
        recorded = archive.index.spans(camera, stream, behind)
        recorded += [cut for span in still_open if (cut := span.cut_to(behind)) is not None]
        if recorded:
            return max(span.end_ms for span in recorded)
        end_ms, look_ms = behind.begin_ms, look_ms * 2
    return None


def _first_recorded_ms(
    archive: RecordingArchive, camera: CameraId, stream: StreamName | None, within: Span
) -> int | None:
    """Return the first recorded instant without reading segments, ms UTC, or None."""
    still_open = [one.span for one in archive.open_segments(camera) if stream in (None, one.stream)]
    recorded = archive.index.spans(camera, stream, within)
    recorded += [cut for span in still_open if (cut := span.cut_to(within)) is not None]
    return min((span.begin_ms for span in recorded), default=None)


def _unbroken(found: list[Segment], at_ms: int) -> list[Segment]:
    run: list[Segment] = []
    for one in found:
        reaches = run[-1].end_ms if run else at_ms
        if one.start_ms > reaches + JOIN_MS or len(run) == MOST_IN_A_RUN:
            break
        run.append(one)
    return run
