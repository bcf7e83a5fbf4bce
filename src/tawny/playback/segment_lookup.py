"""Finding segments, those that are still being written included. All calls wait for the disk; run them in a thread."""

from dataclasses import dataclass
from pathlib import Path

from tawny.model.gaps import Gap
from tawny.model.ids import CameraId, SegmentId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.recordings import RecordingArchive

MOST_IN_A_RUN = 20
JOIN_MS = 500
"""Neighbours at most so far apart are played as one."""
RUN_MS = 3_600_000
LOOK_MS = 3_600_000
"""How far ahead is looked at first for the next recording; each further look is twice as far."""


@dataclass(frozen=True, slots=True)
class PlayableRun:
    """What can be played from an instant on."""

    segments: list[Segment]
    next_ms: int | None
    """Where something is recorded after these; None when nothing is yet."""
    gap: Gap | None
    """What explains it when nothing is recorded at the instant."""


def segments(archive: RecordingArchive, camera: CameraId, stream: StreamName | None, within: Span) -> list[Segment]:
    """All that overlap a span, in order, each once: one that closes in between is taken as closed."""
    still_open = [
        one
        for one in archive.open_segments(camera)  # first: what closes after this is in the index then
        if stream in (None, one.stream) and one.span.overlaps(within)
    ]
    closed = archive.index.segments(camera, stream, within)
    known = {segment.id for segment in closed}
    found = closed + [segment for segment in still_open if segment.id not in known]
    return sorted(found, key=lambda segment: (segment.start_ms, segment.stream))


def segment(archive: RecordingArchive, cameras: list[CameraId], segment_id: SegmentId) -> Segment | None:
    """By id; cameras: whose open segments are looked through."""
    still_open = [one for camera in cameras for one in archive.open_segments(camera) if one.id == segment_id]
    return archive.index.segment(segment_id) or next(iter(still_open), None)


def closed_since(archive: RecordingArchive, segment: Segment) -> Path | None:
    """Where the file of a segment lies that was still being written when it was looked up. None: it is gone.

    The index learns of a new name a moment after the file has it: the folder is asked as well.
    """
    known = archive.index.segment(segment.id)
    if known is not None and known.path != segment.path:
        return archive.segment_path(known)
    path = archive.segment_path(segment)
    start, _, stream = path.name.partition(".open.")[0].rpartition(".")
    return next(path.parent.glob(f"{start}-*.{stream}{path.suffix}"), None) if start else None


def run_from(archive: RecordingArchive, camera: CameraId, stream: StreamName, at_ms: int) -> PlayableRun:
    """The unbroken recording from the segment at an instant on, of the other stream where this one has none there."""
    found: list[Segment] = []
    for name in (stream, *(other for other in StreamName if other is not stream)):
        found = _unbroken(segments(archive, camera, name, Span(at_ms, at_ms + RUN_MS)), at_ms)
        if found:
            return PlayableRun(found, next_after(archive, camera, found[-1].end_ms, name), None)
    gaps = archive.index.gaps(camera, Span(at_ms, at_ms + 1))
    return PlayableRun([], next_after(archive, camera, at_ms, None), gaps[0] if gaps else None)


def at(archive: RecordingArchive, camera: CameraId, stream: StreamName, at_ms: int) -> Segment | None:
    """The segment of an instant, of the other stream where this one has none there."""
    for name in (stream, *(other for other in StreamName if other is not stream)):
        if found := segments(archive, camera, name, Span(at_ms, at_ms + 1)):
            return found[0]
    return None


def next_after(archive: RecordingArchive, camera: CameraId, at_ms: int, stream: StreamName | None) -> int | None:
    """When the first recording begins that begins at or after an instant (or a moment before it, at a join)."""
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


def _first_recorded_ms(
    archive: RecordingArchive, camera: CameraId, stream: StreamName | None, within: Span
) -> int | None:
    """Without looking at single segments."""
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
