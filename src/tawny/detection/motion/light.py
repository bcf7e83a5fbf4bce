"""Light that changes bright and dark parts by different shares: exposure at the sensor's end, contrast, gamma."""

import numpy as np
import numpy.typing as npt

from tawny.detection.motion.arrays import Grey, median, middle

BENT = 3.0
"""Levels that half of the picture is away from where one gain for all would have it: then it is looked at closer."""
_BINS = 8
_LEAST = 0.02
"""Share of the picture in a range of brightness, so that its middle can be believed."""
_CHANGED = 0.35
"""Share of the picture whose range of brightness is away as a whole; less may be a thing."""


def bends(now: Grey, lit: Grey, back: Grey) -> npt.NDArray[np.float32] | None:
    """Levels to be added to each of the 256 of the memory, or None where one gain for all explains the picture.

    now: some cells; lit: the memory of them at that gain; back: the memory itself.
    """
    away = now - lit
    if middle(np.abs(away)) < BENT:
        return None
    bins = np.clip(back.ravel() / (256 / _BINS), 0, _BINS - 1).astype(np.intp)
    flat = away.ravel()
    levels, bent, changed = [], [], 0
    for n in range(_BINS):
        inside = flat[bins == n]
        if inside.size >= _LEAST * flat.size:
            levels.append((n + 0.5) * 256 / _BINS)
            bent.append(median(inside))
            changed += inside.size * (abs(bent[-1]) > BENT)
    if changed < _CHANGED * flat.size:
        return None
    return np.interp(np.arange(256), levels, bent).astype(np.float32)
