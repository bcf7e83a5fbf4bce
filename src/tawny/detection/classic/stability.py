"""A background model by duration: a pixel belongs to the background once it is unchanged for LEARNS frames.

The value a pixel had longest, up to MOST frames, is stored too and also belongs to the background. A passing object
therefore leaves no hole.
"""

from typing import Any

import numpy as np

LEARNS = 15
"""Number of unchanged frames after which a pixel belongs to the background."""
MOST = 900
"""Maximum counted number of frames: limits how long the previous background is remembered."""
STEP = 15
"""Maximum change, in levels, of an unchanged pixel."""


class StabilityMemory:
    """Background model over frames of one size."""

    def __init__(self) -> None:
        self._now: Any = None

    def apply(self, picture: Any) -> Any:
        """Return the foreground mask, uint8 [height, width]: 255 where a pixel differs; at first everywhere."""
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
