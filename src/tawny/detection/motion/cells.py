"""Cells of a frame: each is the mean of many pixels, which removes noise."""

from typing import Any

import cv2
import numpy as np

from tawny.detection.motion.arrays import Grey
from tawny.media.image.downscale import Shrinker

COLUMNS = 192
"""Columns of cells: a person of 2 % of the frame width is still 4 cells wide."""
_MOST_CELLS = 45_000
"""Maximum number of cells; portrait frames get fewer columns, so that a frame costs the same."""
_ROWS_READ = 3
"""Minimum rows of pixels averaged per row of cells; the other rows are skipped, which costs nothing."""
_HALVED = 8
"""Pixels per cell from which frames are halved first; below, cells at an edge would differ by it."""


class Cells:
    """Converts frames to cells. Call from one thread."""

    def __init__(self) -> None:
        self._shrinker = Shrinker()

    def of(self, luma: Any) -> Grey:
        """Return the cells, float32 [rows, columns], integer levels of 255.

        luma: uint8 [height, width], any row stride.
        """
        height, width = luma.shape
        columns = COLUMNS
        if COLUMNS * COLUMNS * height > _MOST_CELLS * width:
            columns = max(8, round((_MOST_CELLS * width / height) ** 0.5))
        rows = max(8, round(columns * height / width))
        small = luma[:: max(1, height // (rows * _ROWS_READ))]
        if small.shape[1] >= _HALVED * columns and small.shape[0] >= 2 * rows:  # halving first is much faster
            small = cv2.resize(small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA)
        return np.asarray(self._shrinker.means(small, columns, rows), np.float32)
