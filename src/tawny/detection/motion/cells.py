"""A picture as the detector sees it: cells, each the mean of many pixels, so that noise is gone."""

from typing import Any

import cv2
import numpy as np

from tawny.detection.motion.arrays import Grey
from tawny.media.image.downscale import Shrinker

COLUMNS = 192
"""Cells across the picture: somebody who covers 2 % of the width is still 4 cells wide."""
_MOST_CELLS = 45_000
"""Upright pictures get fewer columns, so that a look costs the same."""
_ROWS_READ = 3
"""Rows of pixels that a row of cells is the mean of, at least; the others are skipped, which costs nothing."""
_HALVED = 8
"""From so many pixels a cell across on, pictures are halved before: below, cells at an edge would differ by it."""


class Cells:
    """Makes cells of pictures. One thread."""

    def __init__(self) -> None:
        self._shrinker = Shrinker()

    def of(self, luma: Any) -> Grey:
        """luma: uint8 [height, width], rows may lie apart. float32 [rows, columns], whole levels of 255."""
        height, width = luma.shape
        columns = COLUMNS
        if COLUMNS * COLUMNS * height > _MOST_CELLS * width:
            columns = max(8, round((_MOST_CELLS * width / height) ** 0.5))
        rows = max(8, round(columns * height / width))
        small = luma[:: max(1, height // (rows * _ROWS_READ))]
        if small.shape[1] >= _HALVED * columns and small.shape[0] >= 2 * rows:  # half first is much faster
            small = cv2.resize(small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA)
        return np.asarray(self._shrinker.means(small, columns, rows), np.float32)
