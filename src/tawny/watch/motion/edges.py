"""Two questions about a blob's border: is it a thing's at all, and is the thing here or is this where it was?"""

import numpy as np

from tawny.watch.motion.arrays import Grey, border, distance
from tawny.watch.motion.boxes import Box
from tawny.watch.motion.memory import DARK, Difference, Memory

EDGE = 0.4
"""A border over which less than this share of the change happens is no thing's: light, soft shadow, an insect too near
to be sharp."""
GHOST = 1.3
"""A border with so many times more edge in the memory than in the picture is that of something that went away."""
_MARGIN = 3


def is_soft(box: Box, seen: Difference, memory: Memory) -> bool:
    part = box.grown(_MARGIN).part
    mask = seen.front[part]
    ring = border(mask)[1:-1, 1:-1]
    if not mask.any() or not ring.any():
        return False
    gain = memory.gain
    away = seen.now[part] - memory.back[part] * np.float32(gain) - np.float32(DARK * gain - DARK)
    slope = np.abs(away[2:, 1:-1] - away[:-2, 1:-1]) + np.abs(away[1:-1, 2:] - away[1:-1, :-2])
    return float((slope[ring].mean() - 2 * memory.shake) / np.abs(away[mask]).mean()) < EDGE


def is_ghost(box: Box, seen: Difference, memory: Memory) -> bool:
    part = box.grown(_MARGIN).part
    mask = seen.front[part]
    if not mask.any():
        return True
    ring = border(mask)[1:, 1:]
    if not ring.any():
        return False
    return float(_edge(memory.back[part])[ring].mean()) > GHOST * float(_edge(seen.now[part])[ring].mean())


def _edge(picture: Grey) -> Grey:
    return distance(picture[1:, 1:], picture[:-1, 1:]) + distance(picture[1:, 1:], picture[1:, :-1])
