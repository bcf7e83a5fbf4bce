"""Orientation in which the past was seen: what is stored of it is not turned when the camera's image is.

Recordings say their own, so it is read from those of that time. Blocking; thread-safe.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, Protocol

from tawny.media.image.jpeg import masked_jpeg
from tawny.media.mp4.segment_reader import read_video_format
from tawny.model.errors import StorageError
from tawny.model.events import Event
from tawny.model.geometry import ORIENTATIONS, Orientation, turned_grid
from tawny.model.ids import CameraId
from tawny.model.packets import VideoFormat
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.recordings import RecordingArchive, segments

_MOST_KNOWN: Final = 4096
"""Number of recordings whose format is remembered."""
_LOOKS: Final = 16
"""Number of instants at which turns are looked for; between two with different orientations, the turn is searched."""
_NEAR_MS: Final = 3_600_000
"""Where something was seen, but not recorded: how far the next recording may be, ms."""
_TRIES: Final = 2
"""Number of recordings before and after an instant that are tried: locked ones can't be read."""


class OrientedArchive(RecordingArchive, Protocol):
    def orientation(self, camera: CameraId) -> Orientation:
        """Return how a camera's image is shown now; of a removed one, how it was last."""
        ...


class PastOrientation:
    """read: returns a recording's format, by its header alone; without it, the archive's file is read."""

    def __init__(self, archive: OrientedArchive, read: Callable[[Segment], VideoFormat] | None = None) -> None:
        self._archive = archive
        self._format = lru_cache(_MOST_KNOWN)(read or (lambda one: read_video_format(archive.segment_path(one))))

    def masked(self, event: Event, stored: bytes | None, *, is_strip: bool = False) -> bytes | None:
        """Return a stored JPEG of an event with the privacy masks of now, on the same things as in recordings.

        Unless recordings of that time say how it was turned, they are black in each orientation. is_strip: thumbnails.
        """
        private = self._archive.private(event.camera)
        if not stored or not private:
            return stored
        seen = self._formats(event, is_strip=is_strip)
        then = {one.orientation for one in seen}
        sizes = [one.shown_size for one in seen]
        shapes = [width / height for width, height in sizes] if is_strip else None
        if not then:
            now = self._archive.orientation(event.camera)
            if masked_jpeg(stored, [now.polygon_shown(one) for one in private], shapes) is stored:
                return stored
            then = set(ORIENTATIONS)
        masks = {orientation.polygon_shown(one) for orientation in then for one in private}
        return masked_jpeg(stored, sorted(masks), shapes)

    def grids_now(self, camera: CameraId, grids: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int]]:
        """Return seconds, ms UTC, with their motion grids as the image is shown now.

        grids: in order, as the image was shown then. A turn that was soon turned back may be missed.
        """
        now = self._archive.orientation(camera)
        shown = list[tuple[int, int]]()
        for part, then in self._parts(camera, grids):
            shown += part if then in (None, now) else [(at_ms, turned_grid(grid, then, now)) for at_ms, grid in part]
        return shown

    def _parts(
        self, camera: CameraId, grids: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[Sequence[tuple[int, int]], Orientation | None]]:
        """Yield them by the orientation of their time; None: nothing was recorded near it."""
        if not grids:
            return
        looked = sorted({*range(0, len(grids), -(-len(grids) // _LOOKS)), len(grids) - 1})
        begin, then = 0, self._orientation_at(camera, grids[0][0])
        for last, first in pairwise(looked):
            low, high, later = last, first, self._orientation_at(camera, grids[first][0])
            if later == then:
                continue
            while high - low > 1:
                middle = (low + high) // 2
                is_before = self._orientation_at(camera, grids[middle][0]) == then
                low, high = (middle, high) if is_before else (low, middle)
            yield grids[begin:high], then
            begin, then = high, later
        yield grids[begin:], then

    def _orientation_at(self, camera: CameraId, at_ms: int) -> Orientation | None:
        """Return that of the recording of an instant, else of the nearest before it, else of the first after it."""
        return next((video.orientation for video in self._near(camera, at_ms, at_ms) if video is not None), None)

    def _near(self, camera: CameraId, begin_ms: int, end_ms: int) -> Iterator[VideoFormat | None]:
        """Yield the formats of the last recording until `begin_ms` and of the first one from `end_ms`, if known."""
        before = segments(self._archive, camera, None, Span(begin_ms - _NEAR_MS, begin_ms + 1))
        yield self._first(before[: -_TRIES - 1 : -1])
        yield self._first(segments(self._archive, camera, None, Span(end_ms, end_ms + _NEAR_MS))[:_TRIES])

    def _first(self, found: Sequence[Segment]) -> VideoFormat | None:
        return next((video for one in found if (video := self._of(one)) is not None), None)

    def _formats(self, event: Event, *, is_strip: bool) -> list[VideoFormat]:
        """Return the formats of the recordings of an event's image, or of its begin and end; empty if unknown.

        Where they aren't recorded, those of the nearest before and after them, if these agree.
        """
        end_ms = event.end_ms or event.picture_ms or event.start_ms
        whole = Span(event.start_ms, max(end_ms, event.start_ms + 1))
        at_ms = None if is_strip else event.picture_ms
        within = whole if at_ms is None else Span(at_ms, at_ms + 1)
        try:
            found = segments(self._archive, event.camera, None, within)
            if len(found) > 4:  # two streams at its begin, and at its end
                found = found[:2] + found[-2:]
            formats = [self._of(one) for one in found]
            is_known = any(formats[:2]) and any(formats[-2:])
            if not found:  # one that is there but can't be read may be of any orientation
                formats = list(self._near(event.camera, within.begin_ms, within.end_ms))
                is_known = all(formats) and len({video.orientation for video in formats if video}) == 1
        except StorageError:  # of the index: an image is shown all the same
            return []
        return [video for video in formats if video] if is_known else []

    def _of(self, segment: Segment) -> VideoFormat | None:
        try:
            return self._format(segment)
        except StorageError:
            return None  # `tawny check` reports it; a sealed one may be opened elsewhere
