"""The part of the picture that counts: everything else is painted with the middle brightness of what counts.

So a change of light is the same everywhere, and nothing moves where nobody looks. One thread.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from tawny.model.polygon import Polygon

_SHIFT = 4
"""Bits below one pixel."""


class Region:
    """polygons: what counts lies in one of them; none: everything. outside: what does not count instead."""

    def __init__(self, polygons: Sequence[Polygon] = (), *, outside: bool = False) -> None:
        self._polygons, self._outside = tuple(polygons), outside
        self._counts: Any = None

    def of(self, picture: Any) -> Any:
        """uint8 [height, width] in, the same out; a new array if anything is painted over."""
        if not self._polygons:
            return picture
        if self._counts is None or self._counts.shape != picture.shape:
            self._counts = self._drawn(*picture.shape)
        level = cv2.mean(picture, self._counts)[0]
        painted = np.full_like(picture, round(level), order="C", subok=False)
        cv2.copyTo(picture, self._counts, painted)
        return painted

    @property
    def hidden(self) -> Any:
        """bool [height, width] of the last picture: what does not count."""
        return self._counts == 0

    def _drawn(self, height: int, width: int) -> Any:
        drawn = np.zeros((height, width), np.uint8)
        for polygon in self._polygons:
            scale = np.array([width, height], np.float64) * (1 << _SHIFT)
            corners = np.round(np.array(polygon.points) * scale - (1 << _SHIFT) / 2).astype(np.int32)
            cv2.fillPoly(drawn, [corners], (255,), shift=_SHIFT)
        return ~drawn if self._outside else drawn
