"""Frames that do not come directly from a decoder, the part of a frame that is inspected, and sampling."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tawny.media.image.jpeg import keyframe_picture
from tawny.model.ids import CameraId
from tawny.model.observations import Frame
from tawny.model.packets import VIDEO_RATE, Packet
from tawny.model.polygon import Polygon

# The region of the frame that is evaluated. Pixels outside get the mean brightness of the region.

_SHIFT = 4
"""Fixed-point bits of the polygon corners."""


class Region:
    """polygons: the evaluated area; empty means the whole frame. outside: evaluate everything except the polygons."""

    def __init__(self, polygons: Sequence[Polygon] = (), *, outside: bool = False) -> None:
        self._polygons, self._outside = tuple(polygons), outside
        self._counts: Any = None

    def of(self, picture: Any) -> Any:
        """Return the frame with ignored pixels painted over, uint8 [height, width].

        The input is returned if nothing changes.
        """
        if not self._polygons:
            return picture
        if self._counts is None or self._counts.shape != picture.shape:
            self._counts = self._drawn(*picture.shape)
        counts = self._counts > 0
        level = round(float(picture[counts].mean())) if counts.any() else 0
        return np.where(counts, picture, np.uint8(level))

    @property
    def hidden(self) -> Any:
        """Ignored pixels of the last frame, bool [height, width]."""
        return self._counts == 0

    def _drawn(self, height: int, width: int) -> Any:
        import cv2  # not at module level: settings import this module even where OpenCV is not installed

        drawn = np.zeros((height, width), np.uint8)
        for polygon in self._polygons:
            scale = np.array([width, height], np.float64) * (1 << _SHIFT)
            corners = np.round(np.array(polygon.points) * scale - (1 << _SHIFT) / 2).astype(np.int32)
            cv2.fillPoly(drawn, [corners], (255,), shift=_SHIFT)
        return ~drawn if self._outside else drawn


NO_CAMERA = CameraId("")
BLACK = (360, 640)


@dataclass(frozen=True)
class GreyFrame:
    """A frame from a luma array, uint8 [height, width]."""

    luma: Any
    at_ms: int
    camera: CameraId = NO_CAMERA

    @property
    def rgb(self) -> Any:
        return np.repeat(self.luma[:, :, None], 3, axis=2)


@dataclass(frozen=True)
class MaskedFrame:
    """Another frame with some pixels hidden. hidden: bool [height, width]."""

    frame: Frame
    luma: Any
    hidden: Any

    @property
    def camera(self) -> CameraId:
        return self.frame.camera

    @property
    def at_ms(self) -> int:
        return self.frame.at_ms

    @property
    def rgb(self) -> Any:
        """The frame in RGB; hidden pixels are black."""
        rgb = self.frame.rgb.copy()
        rgb[self.hidden] = 0
        return rgb


class UndecodedFrame:
    """A moment without a decoded frame. Decodes the preceding keyframe on first access, for example for an event.

    keyframe: None, or one that cannot be decoded, gives a black frame.
    """

    def __init__(self, camera: CameraId, at_ms: int, keyframe: Packet | None, private: Sequence[Polygon] = ()) -> None:
        self.camera, self.at_ms = camera, at_ms
        self._keyframe, self._private = keyframe, private

    @property
    def luma(self) -> Any:
        return self._pictures[0]

    @property
    def rgb(self) -> Any:
        return self._pictures[1]

    @cached_property
    def _pictures(self) -> tuple[Any, Any]:
        picture = keyframe_picture(self._keyframe, self._private) if self._keyframe is not None else None
        if picture is None:
            return np.zeros(BLACK, np.uint8), np.zeros((*BLACK, 3), np.uint8)
        return picture.luma.copy(), picture.rgb


# Frame sampling: selects evenly spaced frames, five a second by default, at any camera frame rate.

LOOKS_A_SECOND = 5.0
_PICTURES = 30
"""Number of packets over which the frame rate is measured."""


class FrameSampler:
    """Selects frames to process. Call `packet` for every video packet and `is_due` for every decoded frame."""

    def __init__(self, looks_a_second: float = LOOKS_A_SECOND) -> None:
        self._apart_ms = 1000 / looks_a_second
        self._pts: deque[int] = deque(maxlen=_PICTURES)
        self._due_ms: float | None = None
        self._last_ms = 0

    def packet(self, packet: Packet) -> None:
        if self._pts and not 0 <= packet.pts - self._pts[0] <= 60 * VIDEO_RATE:
            self._pts.clear()  # another run
        self._pts.append(packet.pts)

    @property
    def fps(self) -> float | None:
        """Recent frame rate; None until enough packets arrived."""
        if len(self._pts) < _PICTURES // 2:
            return None
        ticks = max(self._pts) - min(self._pts)
        return (len(self._pts) - 1) * VIDEO_RATE / ticks if ticks else None

    def is_due(self, at_ms: int) -> bool:
        """Return whether to process the frame at this time. Up to half a frame interval early counts as in time."""
        due_ms = self._due_ms
        if due_ms is None or at_ms < self._last_ms or at_ms > due_ms + 1000:
            due_ms = at_ms  # start, or restart after a pause or a backward step
        self._last_ms = at_ms
        slack_ms = 500 / (self.fps or 25.0)
        if at_ms < due_ms - slack_ms:
            self._due_ms = due_ms
            return False
        self._due_ms = max(due_ms + self._apart_ms, at_ms + self._apart_ms / 2)
        return True
