"""`likeness`: number of changed cells of the frame reduced to 8x8 black and white."""

from collections.abc import Mapping
from typing import Any, ClassVar

import cv2

from tawny.detection.classic.base import ClassicDetector, ClassicMeasurement, box_of
from tawny.detection.detector import DetectorParameter

SIDE = 8


class Likeness(ClassicDetector):
    """Detects a change in the image reduced to 8x8 black-and-white cells.

    - `level` (4): the number of changed cells, of 64, must exceed this.
    - `frames` (1), `within` (1), `sensitivity`, `rate`, `hold`, `warm_up`, `least_light`, `light`: as in `edges`.
    """

    name: ClassVar[str] = "likeness"
    NUMBERS: ClassVar[Mapping[str, DetectorParameter]] = {
        "level": DetectorParameter(4, 0, 64),
        "frames": DetectorParameter(1, 1, 600, is_whole=True),
        "within": DetectorParameter(1, 1, 6000, is_whole=True),
    }

    _before: Any = None

    def measure(self, luma: Any) -> ClassicMeasurement:
        small = cv2.resize(luma, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        now = small > small.mean()
        before, self._before = self._before, now
        if before is None:
            return ClassicMeasurement(0, moves=False)
        count = int((now != before).sum())
        return ClassicMeasurement(count, moves=count > self.numbers["level"], box=box_of(now != before))

    def forget(self) -> None:
        self._before = None
