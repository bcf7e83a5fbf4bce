"""Cells of a frame: each is the mean of many pixels, which removes noise."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from tawny.media.codec.decoder import Shrinker

# Array types of the motion detector and basic operations on them.

Grey: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]
Labels: TypeAlias = npt.NDArray[np.uint16]
Places: TypeAlias = npt.NDArray[np.intp]
"""Indices of cells in a flattened array."""

_SOMEBODY = (3, 5)
"""Size of a small person in cells, width and height."""
_THREE = np.ones((3, 3), np.uint8)


def distance(a: Grey, b: Grey) -> Grey:
    """Return |a - b|."""
    return np.asarray(cv2.absdiff(a, b), np.float32)


def around(a: Grey) -> Grey:
    """Return the mean over each cell's neighborhood, which has the size of a small person."""
    return np.asarray(cv2.blur(a, _SOMEBODY, borderType=cv2.BORDER_REPLICATE), np.float32)


def mixed(a: Grey, b: Grey, share: float) -> Grey:
    """Return the weighted mean; share: weight of b."""
    return np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), np.float32)


def follow(a: Grey, to: Grey | npt.NDArray[np.uint8], share: float, speed: Grey | None = None) -> None:
    """Move `a` towards `to` by `share` in place. speed: factors on the share, per cell."""
    if speed is None:
        cv2.accumulateWeighted(to, a, share)  # in one pass without temporary arrays
    else:
        a += (to - a) * (speed * np.float32(share))


def at_least(a: Grey, least: float) -> Grey:
    """Return np.maximum with a number; up to twice as fast."""
    return np.asarray(cv2.max(a, np.array([least])), np.float32)


def at_most(a: Grey, most: float) -> Grey:
    """Return np.minimum with a number; three times as fast."""
    return np.asarray(cv2.threshold(a, most, 0, cv2.THRESH_TRUNC)[1], np.float32)


def towards(step: Grey, up: float, down: float, speed: Grey | None = None) -> Grey:
    """Return positive values times `up` and negative values times `down`. speed: factors per cell."""
    above = at_least(step, 0.0)
    part = np.asarray(cv2.addWeighted(step, down, above, up - down, 0), np.float32)
    return part if speed is None else part * speed


def beyond(a: Grey, limit: float) -> Places:
    """Return the indices where `a` is greater than the limit."""
    return np.flatnonzero(a > np.float32(limit))


def with_places(shape: tuple[int, ...], places: Iterable[Places]) -> Mask:
    """Return a mask of these indices."""
    mask: Mask = np.zeros(shape, np.bool_)
    for at in places:
        mask.ravel()[at] = True
    return mask


def median(a: Grey) -> float:
    """Return np.median, several times as fast for a few hundred numbers."""
    flat, half = a.flatten(), a.size // 2
    flat.sort()
    return float(flat[half] if a.size % 2 else (flat[half - 1] + flat[half]) / np.float32(2))


def middle(a: Grey) -> float:
    """Return the median, or the upper of the two middle values."""
    flat = a.flatten()
    flat.sort()  # as fast as `partition` at this size, and six times as fast if most values are almost equal
    return float(flat[flat.size // 2])


def as_bytes(mask: Mask) -> npt.NDArray[np.uint8]:
    """Return a view of the mask as 0 and 1 for OpenCV."""
    return mask.view(np.uint8)


def widened(mask: Mask) -> Mask:
    """Return the mask dilated by one cell."""
    return np.asarray(cv2.dilate(as_bytes(mask), _THREE), np.uint8).view(np.bool_)


def border(mask: Mask) -> Mask:
    """Return the cells on both sides of the mask's edge."""
    return widened(mask) & ~np.asarray(cv2.erode(as_bytes(mask), _THREE), np.uint8).view(np.bool_)


def count(mask: Mask) -> int:
    return cv2.countNonZero(as_bytes(mask))


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
