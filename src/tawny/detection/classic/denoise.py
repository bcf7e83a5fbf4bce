"""Denoising in three dimensions, as FFmpeg's `hqdn3d`.

Each value moves towards its left neighbor, the one above and its predecessor in time; the smaller the difference, the
more. Clear differences, such as edges, remain.
"""

from typing import Any

import numpy as np

SPATIAL, TEMPORAL = 4.0, 3.0
"""Difference in levels at which a value moves by a quarter."""
_FINE = 16
"""Table entries per level."""


class Denoise:
    """Denoises the frames of one stream. Frames of another size restart the temporal filter. Call from one thread."""

    def __init__(self) -> None:
        self._before: Any = None

    def __call__(self, luma: Any) -> Any:
        """Return the denoised frame, uint8 [height, width]."""
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
    """Move `value` towards `on` in place, by a share from the table that falls with their difference."""
    away = on - value
    value += away * table[(np.abs(away) * _FINE).astype(np.int32)]


def _table(quarter: float) -> Any:
    alike = 1 - np.arange(256 * _FINE, dtype=np.float64) / (_FINE * 255)
    power = np.log(0.25) / np.log(1 - quarter / 255 - 1e-5)
    return (np.maximum(alike, 0) ** power).astype(np.float32)


_SPATIAL, _TEMPORAL = _table(SPATIAL), _table(TEMPORAL)
