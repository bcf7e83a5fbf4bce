"""What objects of scanned events looked like: colours and size and, with a search model, a vector. For the search.

Both are measured in an event's best frame, as live detection does in its snapshot.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import numpy as np

from tawny.detection.appearance import appearance_of
from tawny.detection.embedding import square_around
from tawny.detection.scan.scan import ENOUGH_FPS, ScannedEvent
from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.video_file import FileVideo
from tawny.media.image.jpeg import scaled_size
from tawny.media.image.mask import mask_picture
from tawny.model.geometry import Polygon

SCENE_S: Final = 20.0
"""Time in s before and after the best frame whose keyframes show the scene without the object."""
LEAST_FRAMES, MOST_FRAMES = 3, 5
"""Keyframes that the scene is computed from: with fewer, the object may be in most of them."""
PICTURE_WIDTH: Final = 1280
"""Maximum width of the best frame, px; as that of an event's image."""
SCENE_WIDTH: Final = 320
"""Maximum width of the scene, px."""
FULL_IMAGE: Final = (0.0, 0.0, 1.0, 1.0)
"""Box of an event whose detector says no place."""


@dataclass(frozen=True)
class LookMeter:
    """Measures what objects looked like. Any thread.

    model, embed: ID of the search model, and what returns the packed vector of an image (uint8 [height, width, 3]);
    empty, None: without one. private: privacy masks, in the image as sent.
    """

    colours: bool = True
    model: str = ""
    embed: Callable[[Any], bytes] | None = None
    private: tuple[Polygon, ...] = ()

    def measured(self, video: FileVideo, events: Sequence[ScannedEvent]) -> list[ScannedEvent]:
        """Return the events with their looks. Raises SourceError."""
        found = list(events)
        order = sorted(
            (n for n, one in enumerate(found) if one.box != FULL_IMAGE and not one.looks), key=lambda n: found[n].best_s
        )
        for n, frame in zip(order, _frames_at(video, [found[n].best_s for n in order]), strict=False):
            if frame is not None:
                found[n] = self._one(video, found[n], frame)
        return found

    def _one(self, video: FileVideo, event: ScannedEvent, frame: DecodedFrame) -> ScannedEvent:
        rgb, looks, vector = self._rgb(frame, PICTURE_WIDTH), b"", b""
        if self.colours:
            scene = self._scene(video, event.best_s)
            looks = appearance_of(rgb, event.box, event.kind, scene).packed()
        if self.embed is not None:
            vector = self.embed(square_around(rgb, event.box))
        return replace(event, looks=looks, vector=vector)

    def _rgb(self, frame: DecodedFrame, width: int) -> Any:
        """Return a frame as an event's image has it, at most this many px wide."""
        return scaled_size(mask_picture(frame, self.private), width)[..., ::-1]

    def _scene(self, video: FileVideo, at_s: float) -> Any:
        """Return the median of keyframes around an instant, uint8 [height, width, 3]; None if there are too few."""
        if not video.has_times:
            return None
        groups = list(video.keyframes(max(0.0, at_s - SCENE_S), at_s + SCENE_S))
        chosen = sorted({round(n) for n in np.linspace(0, len(groups) - 1, min(MOST_FRAMES, len(groups)))})
        frames = [frame for n in chosen if (frame := groups[n].picture()) is not None]
        small = [self._rgb(frame, SCENE_WIDTH) for frame in frames]
        alike = [one for one in small if one.shape == small[0].shape]
        return np.median(alike, axis=0).astype(np.uint8) if len(alike) >= LEAST_FRAMES else None


def _frames_at(video: FileVideo, times_s: Sequence[float]) -> Iterator[DecodedFrame | None]:
    """Yield the frame at each time, in order of time; None: it can't be decoded. Raises SourceError."""
    if video.has_times:
        is_fast = video.fps >= ENOUGH_FPS  # then the detector has seen reference frames only, too
        for at_s in times_s:
            yield next(_from(video.pictures(at_s, at_s + 0.001, only_referenced=is_fast), at_s), None)
        return
    frames = video.pictures()  # there is nothing to seek by
    frame: DecodedFrame | None = None
    for at_s in times_s:
        if frame is None or frame.at_ms < round(at_s * 1000):
            frame = next(_from(frames, at_s), None)
        yield frame


def _from(frames: Iterator[DecodedFrame], at_s: float) -> Iterator[DecodedFrame]:
    """Yield the first frame at a time or later, else the last one."""
    last: DecodedFrame | None = None
    for last in frames:
        if last.at_ms >= round(at_s * 1000) - 1:
            break
    yield from islice([] if last is None else [last], 1)
