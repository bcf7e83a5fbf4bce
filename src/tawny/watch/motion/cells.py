"""A picture as the detector sees it: cells, each the mean of many pixels, so that noise is gone."""

from typing import Any

import cv2
import numpy as np

from tawny.media.decode import DecodedFrame
from tawny.media.shrink import Shrinker
from tawny.model.observations import Frame
from tawny.watch.motion.arrays import Grey

COLUMNS = 192
"""Cells across the picture: somebody who covers 2 % of the width is still 4 cells wide."""
_MOST_CELLS = 45_000
"""Upright pictures get fewer columns, so that a look costs the same."""
_ROWS_READ = 3
"""Rows of pixels that a row of cells of a large picture is the mean of, at least; skipping the others costs nothing."""
_HALVED = 8
"""From so many pixels a cell across on, pictures are halved before: below, cells at an edge would differ by it."""


class Cells:
    """Makes cells of pictures. One thread."""

    def __init__(self) -> None:
        self._shrinker = Shrinker()

    def of(self, frame: Frame) -> Grey:
        """float32 [rows, columns], whole levels of 255."""
        luma = frame.luma
        columns, rows = _size(*luma.shape)
        small = None
        if isinstance(frame, DecodedFrame) and not _is_large(luma, columns, rows):
            small = self._shrinker.means(frame, columns, rows)
        return np.asarray(_means(luma, columns, rows) if small is None else small, np.float32)


def _size(height: int, width: int) -> tuple[int, int]:
    columns = COLUMNS
    if COLUMNS * COLUMNS * height > _MOST_CELLS * width:
        columns = max(8, round((_MOST_CELLS * width / height) ** 0.5))
    return columns, max(8, round(columns * height / width))


def _is_large(luma: Any, columns: int, rows: int) -> bool:
    return bool(luma.shape[1] >= _HALVED * columns and luma.shape[0] >= 2 * rows)


def _means(luma: Any, columns: int, rows: int) -> Any:
    small = luma[:: max(1, len(luma) // (rows * _ROWS_READ))]
    if _is_large(small, columns, rows):  # half first is much faster
        small = cv2.resize(small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (columns, rows), interpolation=cv2.INTER_AREA)
