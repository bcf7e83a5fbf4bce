"""`blocks`: number of blocks in which the edges change. 640x480 has 300 blocks of 32 px."""

from collections.abc import Mapping
from typing import Any, ClassVar

import cv2
import numpy as np

from tawny.detection.classic.base import LINE, ClassicMeasurement, box_of
from tawny.detection.classic.canny import DENOISE, HEIGHT, WIDTH, LineDetector
from tawny.detection.detector import DetectorParameter

CHANGED = 10
"""Minimum change of a pixel in levels, used with `spread`."""


class Blocks(LineDetector):
    """Detects changed edges in a minimum number of image blocks.

    - `level` (500): a block's change must exceed this.
    - `size` (32, at 640x480): width and height of a block in pixels.
    - `blocks` (3): minimum number of changed blocks.
    - `spread` (0): minimum share of changed pixels in a block, 0 to 1.
    - `frames` (1), `within` (1), `denoise`, `sensitivity`, `rate`, `hold`, `warm_up`, `least_light`, `light`: as in
      `edges`.
    """

    name: ClassVar[str] = "blocks"
    NUMBERS: ClassVar[Mapping[str, DetectorParameter]] = {
        "level": DetectorParameter(500, 0, 261_120),
        "size": DetectorParameter(32, 4, 160, is_whole=True),
        "blocks": DetectorParameter(3, 1, 19_200, is_whole=True),
        "spread": DetectorParameter(0, 0, 1),
        "denoise": DENOISE,
        "frames": DetectorParameter(1, 1, 600, is_whole=True),
        "within": DetectorParameter(1, 1, 6000, is_whole=True),
    }

    _before: Any = None

    def measure(self, luma: Any) -> ClassicMeasurement:
        now = self._lines.of(luma)
        before, self._before = self._before, now
        if before is None:
            return ClassicMeasurement(0, moves=False)
        change = cv2.absdiff(now, before)
        sums = self._sums(change)
        if self.numbers["spread"]:
            size = int(self.numbers["size"])
            sums[self._sums((change > CHANGED).astype(np.uint8)) < self.numbers["spread"] * size * size] = 0
        least = int(self.numbers["blocks"])
        active = sums > self.numbers["level"]
        number = float(np.partition(sums.ravel(), -least)[-least]) if least <= sums.size else 0.0
        moves = int(active.sum()) >= least
        shown = active if moves else sums > self.numbers["level"] * self.near_from / LINE
        return ClassicMeasurement(number, moves=moves, box=box_of(shown))

    def forget(self) -> None:
        super().forget()
        self._before = None

    def _sums(self, picture: Any) -> Any:
        """Return the sum of each complete block, int64 [rows, columns]."""
        size = int(self.numbers["size"])
        rows, columns = HEIGHT // size, WIDTH // size
        cut = picture[: rows * size, : columns * size].astype(np.int64)
        return cut.reshape(rows, size, columns, size).sum(axis=(1, 3))
