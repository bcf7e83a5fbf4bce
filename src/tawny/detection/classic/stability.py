"""A memory of a place that counts: a pixel belongs once it has not changed for some frames.

What it was for longest is remembered beside it, up to a minute of frames, and belongs as well: who passes leaves no
hole behind.
"""

from typing import Any

import numpy as np

LEARNS = 15
"""Frames that a pixel must stay as it is to belong."""
MOST = 900
"""Frames that are counted at most: so long does a place remember what it was."""
STEP = 15
"""Levels by which a pixel may change and stay as it is."""


class StabilityMemory:
    """All pictures are of one size."""

    def __init__(self) -> None:
        self._now: Any = None

    def apply(self, picture: Any) -> Any:
        """uint8 [height, width]: 255 where it does not belong, which is everywhere at first."""
        if self._now is None:
            self._now = self._long = picture.copy()
            self._held = np.zeros(picture.shape, np.int16)
            self._long_held = np.zeros(picture.shape, np.int16)
        stays = _near(picture, self._now)
        self._held = np.where(stays, np.minimum(self._held + 1, MOST), 1).astype(np.int16)
        self._now = np.where(stays, self._now, picture)
        is_long = _near(self._now, self._long)
        self._long_held[is_long] = np.minimum(self._long_held[is_long] + 1, MOST)
        longer = ~is_long & (self._held > self._long_held)
        self._long = np.where(longer, self._now, self._long)
        self._long_held[longer] = self._held[longer]
        belongs = (self._held > LEARNS) | (is_long & (self._long_held > LEARNS))
        return np.where(belongs, 0, 255).astype(np.uint8)


def _near(one: Any, other: Any) -> Any:
    return np.abs(one.astype(np.int16) - other) < STEP
