"""The arrays that the detector is made of, by name, and the few steps on them that all its parts share.

All lie on the same raster of cells, `[rows, columns]`; brightness is in grey levels of 255.
"""

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Grey: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]
Labels: TypeAlias = npt.NDArray[np.uint16]

_SOMEBODY = (3, 5)
"""Cells wide and high: somebody small."""
_THREE = np.ones((3, 3), np.uint8)


def distance(a: Grey, b: Grey) -> Grey:
    """|a - b|."""
    return np.asarray(cv2.absdiff(a, b), np.float32)


def cut(a: Grey, limit: Grey) -> Grey:
    """Each cell of a, at most its limit away from zero."""
    return np.asarray(cv2.max(cv2.min(a, limit), -limit), np.float32)


def around(a: Grey) -> Grey:
    """The mean of each cell's neighbourhood, which is as wide and high as somebody small."""
    return np.asarray(cv2.blur(a, _SOMEBODY, borderType=cv2.BORDER_REPLICATE), np.float32)


def mixed(a: Grey, b: Grey, share: float) -> Grey:
    """So much of b, the rest of a."""
    return np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), np.float32)


def at_least(a: Grey, least: float) -> Grey:
    """As np.maximum with a number, which takes up to twice as long."""
    return np.asarray(cv2.max(a, np.array([least])), np.float32)


def at_most(a: Grey, most: float) -> Grey:
    """As np.minimum with a number, which takes three times as long."""
    return np.asarray(cv2.threshold(a, most, 0, cv2.THRESH_TRUNC)[1], np.float32)


def root(a: Grey) -> Grey:
    return np.asarray(cv2.sqrt(a), np.float32)


def towards(step: Grey, up: float, down: float) -> Grey:
    """So much of what is above zero, so much of what is below."""
    above = at_least(step, 0.0)
    return np.asarray(cv2.addWeighted(step, down, above, up - down, 0), np.float32)


def median(a: Grey) -> float:
    """As np.median, whose checks take several times as long for a few hundred numbers."""
    flat, half = a.flatten(), a.size // 2
    if a.size % 2:
        flat.partition(half)
        return float(flat[half])
    flat.partition((half - 1, half))
    return float((flat[half - 1] + flat[half]) / np.float32(2))


def middle(a: Grey) -> float:
    """The median, or the upper of two."""
    flat = a.flatten()
    flat.partition(flat.size // 2)  # in place: np.partition copies once more
    return float(flat[flat.size // 2])


def as_bytes(mask: Mask) -> npt.NDArray[np.uint8]:
    """The same memory as 0 and 1, as OpenCV takes it."""
    return mask.view(np.uint8)


def widened(mask: Mask) -> Mask:
    """The mask and the cells around it."""
    return np.asarray(cv2.dilate(as_bytes(mask), _THREE), np.uint8).view(np.bool_)


def border(mask: Mask) -> Mask:
    """The cells on both sides of the mask's edge."""
    return widened(mask) & ~np.asarray(cv2.erode(as_bytes(mask), _THREE), np.uint8).view(np.bool_)


def count(mask: Mask) -> int:
    return cv2.countNonZero(as_bytes(mask))
