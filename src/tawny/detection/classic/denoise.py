"""A noise filter in three dimensions, as FFmpeg's `hqdn3d`: each value leans on the one to its left, the one above, and
the one before it in time, the more the less they differ. What differs clearly is left alone, so edges stay.
"""

from typing import Any

import numpy as np

SPATIAL, TEMPORAL = 4.0, 3.0
"""Levels by which values differ that lean on one another by a quarter."""
_FINE = 16
"""Steps of the table for each level."""


class Denoise:
    """Of one stream of pictures of one size. One thread."""

    def __init__(self) -> None:
        self._before: Any = None

    def __call__(self, luma: Any) -> Any:
        """uint8 [height, width] in, the same out."""
        calm = luma.astype(np.float32)
        for x in range(1, calm.shape[1]):
            _lean(calm[:, x], calm[:, x - 1], _SPATIAL)
        for y in range(1, calm.shape[0]):
            _lean(calm[y], calm[y - 1], _SPATIAL)
        if self._before is not None and self._before.shape == calm.shape:
            _lean(calm, self._before, _TEMPORAL)
        self._before = calm
        return np.round(calm).clip(0, 255).astype(np.uint8)

    def forget(self) -> None:
        self._before = None


def _lean(value: Any, on: Any, table: Any) -> None:
    """In place: towards another value, by a share that is less the more they differ."""
    away = on - value
    value += away * table[(np.abs(away) * _FINE).astype(np.int32)]


def _table(quarter: float) -> Any:
    alike = 1 - np.arange(256 * _FINE, dtype=np.float64) / (_FINE * 255)
    power = np.log(0.25) / np.log(1 - quarter / 255 - 1e-5)
    return (np.maximum(alike, 0) ** power).astype(np.float32)


_SPATIAL, _TEMPORAL = _table(SPATIAL), _table(TEMPORAL)
