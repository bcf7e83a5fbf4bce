"""Tests on a blob's border: whether it belongs to an object, and whether the object is here or has left."""

import numpy as np

from tawny.detection.motion.arrays import Grey, border, distance
from tawny.detection.motion.background_model import DARK, BackgroundModel
from tawny.detection.motion.boxes import CellBox
from tawny.detection.motion.difference import FrameDifference

EDGE = 0.5
"""Minimum share of the change across the border of an object. A softer border is light, soft shadow or an insect out of
focus."""
GHOST = 1.3
"""Ratio of edges in the background model to edges in the frame from which the border is that of a removed object."""
LIGHT, LIGHT_PAIRS = 0.8, 16
"""Minimum correlation of cell-to-cell steps for light through which the background is visible, and minimum pairs of
cells."""
LIGHT_TEXTURE = 1.5
"""Minimum size of these steps in levels beyond noise: a plain background shows no texture."""
_MARGIN = 3


def is_soft(box: CellBox, seen: FrameDifference, memory: BackgroundModel) -> bool:
    part = box.grown(_MARGIN).part
    mask = seen.front[part]
    ring = border(mask)[1:-1, 1:-1]
    if not mask.any() or not ring.any():
        return False
    gain = memory.gain
    away = seen.now[part] - memory.back[part] * np.float32(gain) - np.float32(DARK * gain - DARK)
    slope = np.abs(away[2:, 1:-1] - away[:-2, 1:-1]) + np.abs(away[1:-1, 2:] - away[1:-1, :-2])
    return float((slope[ring].mean() - 2 * memory.shake) / np.abs(away[mask]).mean()) < EDGE


def is_light(box: CellBox, seen: FrameDifference, memory: BackgroundModel) -> bool:
    """Return whether the background's texture is still visible, only brighter or darker: a beam, a shadow, a glow."""
    part = box.part
    mask = seen.front[part]
    now, lit = seen.now[part], memory.back[part]
    both = mask[:, 1:] & mask[:, :-1], mask[1:] & mask[:-1]
    here = np.concatenate([(now[:, 1:] - now[:, :-1])[both[0]], (now[1:] - now[:-1])[both[1]]])
    there = np.concatenate([(lit[:, 1:] - lit[:, :-1])[both[0]], (lit[1:] - lit[:-1])[both[1]]])
    if here.size < LIGHT_PAIRS:
        return False
    known = float(there @ there)
    if known < here.size * (LIGHT_TEXTURE + 2 * memory.noise) ** 2:
        return False
    alike = float(here @ there) / (known * float(here @ here)) ** 0.5 if here.any() else 0.0
    return alike > LIGHT


def is_ghost(box: CellBox, seen: FrameDifference, memory: BackgroundModel) -> bool:
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
