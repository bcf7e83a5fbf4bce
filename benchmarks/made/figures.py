"""Somebody on the way, cut out of the demo cameras' pictures: brightness and opacity, step by step."""

from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np

from tawny.sources.demo.assets import Atlas, FigurePath, atlas, ways

Picture = np.ndarray[Any, np.dtype[np.float32]]

_SHOWN = {
    "walker": ("garden", "stroll", range(38, 58)),
    "passer": ("front", "out", range(24, 44)),
    "comer": ("side", "comes", range(36, 56)),
    "car": ("drive", "car", range(20, 24)),
    "cat": ("garden", "cat", range(40, 52)),
}
"""Of each kind of figure: which passage through which place, and the pictures of it in which all of it is seen."""


class Cut(NamedTuple):
    """grey: 0..1 of its brightest; opacity: 0..1. Both [height, width]."""

    grey: Picture
    opacity: Picture


@lru_cache(maxsize=8)
def cuts(kind: str) -> tuple[Cut, ...]:
    """Ten a second of somebody who walks to the right, or comes nearer."""
    scene, name, numbers = _SHOWN[kind]
    way = next(way for way in ways(scene) if way.name == name)
    figures = atlas(way)
    return tuple(_cut(way, figures, number) for number in numbers)


def _cut(way: FigurePath, figures: Atlas, number: int) -> Cut:
    frame = way.frames[number]
    assert frame is not None
    colours, parts = figures.figure(frame)
    opacity = parts.astype(np.float32) / np.float32(255)
    grey = np.asarray(cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY), np.float32) * opacity
    rows, columns = np.nonzero(opacity.max(1) > 0.1)[0], np.nonzero(opacity.max(0) > 0.1)[0]
    tight = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return Cut(np.asarray(grey[tight] / max(1.0, float(grey.max())), np.float32), opacity[tight])


def sized(cut: Cut, height: float, *, turned: bool) -> Cut:
    """So many pixels high, at least one."""
    share = height / cut.grey.shape[0]
    size = (max(1, round(cut.grey.shape[1] * share)), max(1, round(height)))
    grey = np.asarray(cv2.resize(cut.grey, size, interpolation=cv2.INTER_AREA), np.float32)
    opacity = np.asarray(cv2.resize(cut.opacity, size, interpolation=cv2.INTER_AREA), np.float32)
    return Cut(grey[:, ::-1], opacity[:, ::-1]) if turned else Cut(grey, opacity)


def softened(cut: Cut, blur: float) -> Cut:
    """The figure with a border of so many pixels, as thermal cameras and figures out of focus have it."""
    if not blur:
        return cut
    margin = int(3 * blur)
    sides = margin, margin, margin, margin
    grown = (cv2.copyMakeBorder(part, *sides, cv2.BORDER_CONSTANT) for part in cut)
    grey, opacity = (np.asarray(cv2.GaussianBlur(part, (0, 0), blur), np.float32) for part in grown)
    return Cut(grey, opacity)
