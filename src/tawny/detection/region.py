"""The part of the picture that counts: everything else is painted with the middle brightness of what counts.

So a change of light is the same everywhere, and nothing moves where nobody looks. One thread.
"""

from collections.abc import Sequence
from typing import Any

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
        counts = self._counts > 0
        level = round(float(picture[counts].mean())) if counts.any() else 0
        return np.where(counts, picture, np.uint8(level))

    @property
    def hidden(self) -> Any:
        """bool [height, width] of the last picture: what does not count."""
        return self._counts == 0

    def _drawn(self, height: int, width: int) -> Any:
        import cv2  # not above: the settings are read with this module, also where nothing is watched

        drawn = np.zeros((height, width), np.uint8)
        for polygon in self._polygons:
            scale = np.array([width, height], np.float64) * (1 << _SHIFT)
            corners = np.round(np.array(polygon.points) * scale - (1 << _SHIFT) / 2).astype(np.int32)
            cv2.fillPoly(drawn, [corners], (255,), shift=_SHIFT)
        return ~drawn if self._outside else drawn
