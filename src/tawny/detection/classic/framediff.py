"""`framediff`: regions that became brighter since the previous frame, by the area of the boxes around their contours.

Works on 512x288. The number of a frame is the mean of its area and the previous number, so it rises over some frames.
Five frames in a row are motion.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import cv2
import numpy as np

from tawny.detection.classic.base import ClassicDetector, ClassicMeasurement, sized
from tawny.detection.detector import DetectorParameter
from tawny.model.observations import Box

WIDTH, HEIGHT = 512, 288
LEAST_BOX = 20
"""Area that a box must exceed, px."""
_CLOSING = np.ones((2, 1), np.uint8)


class FrameDiff(ClassicDetector):
    """Detects spots that became brighter since the last frame.

    - `level` (400, at 512x288): the changed area in pixels must exceed this.
    - `frames` (5): number of consecutive frames with motion that make an event.
    - `sensitivity`, `rate`, `hold`, `warm_up`, `least_light`, `light`: as in `edges`.
    """

    name: ClassVar[str] = "framediff"
    NUMBERS: ClassVar[Mapping[str, DetectorParameter]] = {
        "level": DetectorParameter(400, 0, 999_999),
        "frames": DetectorParameter(5, 1, 50, is_whole=True),
    }

    _before: Any = None
    _number = 0

    def measure(self, luma: Any) -> ClassicMeasurement:
        now = sized(luma, WIDTH, HEIGHT)
        before, self._before = self._before, now
        if before is None:
            return ClassicMeasurement(0, moves=False)
        boxes = [box for box in _boxes(cv2.subtract(now, before)) if box[2] * box[3] > LEAST_BOX]
        area = sum(width * height for _, _, width, height in boxes)
        self._number = (area + self._number) // 2 if boxes else 0
        return ClassicMeasurement(self._number, moves=self._number > self.numbers["level"], box=_around(boxes))

    def forget(self) -> None:
        self._before = None
        self._number = 0


def _boxes(brighter: Any) -> list[tuple[int, int, int, int]]:
    """Return x, y, width and height of each contour."""
    calm = cv2.medianBlur(brighter, 3)
    rims = cv2.adaptiveThreshold(calm, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, 11, 3)
    closed = cv2.morphologyEx(cv2.medianBlur(rims, 3), cv2.MORPH_CLOSE, _CLOSING)
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [(x, y, w, h) for x, y, w, h in map(cv2.boundingRect, outlines)]


def _around(boxes: list[tuple[int, int, int, int]]) -> Box | None:
    if not boxes:
        return None
    x0, y0 = min(x for x, *_ in boxes), min(y for _, y, *_ in boxes)
    x1, y1 = max(x + w for x, _, w, _ in boxes), max(y + h for _, y, _, h in boxes)
    return x0 / WIDTH, y0 / HEIGHT, x1 / WIDTH, y1 / HEIGHT
