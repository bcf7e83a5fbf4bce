"""The region of the frame that is evaluated. Pixels outside get the mean brightness of the region.

A lighting change is thus the same everywhere, and masked pixels show no motion. Call from one thread.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tawny.model.polygon import Polygon

_SHIFT = 4
"""Fixed-point bits of the polygon corners."""


class Region:
    """polygons: the evaluated area; empty means the whole frame. outside: evaluate everything except the polygons."""

    def __init__(self, polygons: Sequence[Polygon] = (), *, outside: bool = False) -> None:
        self._polygons, self._outside = tuple(polygons), outside
        self._counts: Any = None

    def of(self, picture: Any) -> Any:
        """Return the frame with ignored pixels painted over, uint8 [height, width].

        The input is returned if nothing changes.
        """
        if not self._polygons:
            return picture
        if self._counts is None or self._counts.shape != picture.shape:
            self._counts = self._drawn(*picture.shape)
        counts = self._counts > 0
        level = round(float(picture[counts].mean())) if counts.any() else 0
        return np.where(counts, picture, np.uint8(level))

    @property
    def hidden(self) -> Any:
        """Ignored pixels of the last frame, bool [height, width]."""
        return self._counts == 0

    def _drawn(self, height: int, width: int) -> Any:
        import cv2  # not at module level: settings import this module even where OpenCV is not installed

        drawn = np.zeros((height, width), np.uint8)
        for polygon in self._polygons:
            scale = np.array([width, height], np.float64) * (1 << _SHIFT)
            corners = np.round(np.array(polygon.points) * scale - (1 << _SHIFT) / 2).astype(np.int32)
            cv2.fillPoly(drawn, [corners], (255,), shift=_SHIFT)
        return ~drawn if self._outside else drawn
