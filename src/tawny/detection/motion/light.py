"""Lighting changes that affect bright and dark parts differently: exposure, contrast, gamma."""

import numpy as np
import numpy.typing as npt

from tawny.detection.motion.arrays import Grey, median, middle

BENT = 3.0
"""Median difference in levels, after a uniform gain, from which a brightness curve is fitted."""
_BINS = 8
_LEAST = 0.02
"""Minimum share of the frame in a range of brightness for a reliable median."""
_CHANGED = 0.35
"""Minimum share of the frame whose ranges changed as a whole; a smaller share may be an object."""


def bends(now: Grey, lit: Grey, back: Grey) -> npt.NDArray[np.float32] | None:
    """Return the levels to add to each of the 256 background levels, or None if a uniform gain suffices.

    now: cells of the frame. lit: background of these cells at that gain. back: background itself.
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
