"""`pixels`: edge pixels that were not set in the two previous frames, counted on 640x480."""

from collections.abc import Mapping
from typing import Any, ClassVar

import cv2
import numpy as np

from tawny.detection.classic.base import ClassicMeasurement, box_of
from tawny.detection.classic.canny import DENOISE, LineDetector
from tawny.detection.detector import DetectorParameter

_AROUND = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)


class Pixels(LineDetector):
    """Detects edge pixels that were not in the two previous frames.

    - `level` (1000, at 640x480): the number of new pixels must exceed this.
    - `company` (0): 1: ignore single pixels without a neighbor.
    - `frames` (1), `within` (1), `denoise`, `sensitivity`, `rate`, `hold`, `warm_up`, `least_light`, `light`: as in
      `edges`.
    """

    name: ClassVar[str] = "pixels"
    NUMBERS: ClassVar[Mapping[str, DetectorParameter]] = {
        "level": DetectorParameter(1000, 0, 307_200),
        "company": DetectorParameter(0, 0, 1, is_whole=True),
        "denoise": DENOISE,
        "frames": DetectorParameter(1, 1, 600, is_whole=True),
        "within": DetectorParameter(1, 1, 6000, is_whole=True),
    }

    _before: tuple[Any, Any] = (None, None)

    def measure(self, luma: Any) -> ClassicMeasurement:
        lit = (self._lines.of(luma) > 0).astype(np.uint8)
        if self.numbers["company"]:
            lit &= cv2.dilate(lit, _AROUND)
        one, two = self._before
        self._before = (lit, one)
        if one is None or two is None:
            return ClassicMeasurement(0, moves=False)
        new = lit & ~(one | two) & 1
        count = int(cv2.countNonZero(new))
        moves = count > self.numbers["level"]
        return ClassicMeasurement(count, moves=moves, box=box_of(new))

    def forget(self) -> None:
        super().forget()
        self._before = (None, None)
