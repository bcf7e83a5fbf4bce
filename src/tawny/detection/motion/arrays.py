"""The arrays that the detector is made of, by name, and the few steps on them that all its parts share.

All lie on the same raster of cells, `[rows, columns]`; brightness is in grey levels of 255.
"""

from collections.abc import Iterable
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Grey: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]
Labels: TypeAlias = npt.NDArray[np.uint16]
Places: TypeAlias = npt.NDArray[np.intp]
"""Some cells: where they are in an array laid flat."""

_SOMEBODY = (3, 5)
"""Cells wide and high: somebody small."""
_THREE = np.ones((3, 3), np.uint8)


def distance(a: Grey, b: Grey) -> Grey:
    """|a - b|."""
    return np.asarray(cv2.absdiff(a, b), np.float32)


def around(a: Grey) -> Grey:
    """The mean of each cell's neighbourhood, which is as wide and high as somebody small."""
    return np.asarray(cv2.blur(a, _SOMEBODY, borderType=cv2.BORDER_REPLICATE), np.float32)


def mixed(a: Grey, b: Grey, share: float) -> Grey:
    """So much of b, the rest of a."""
    return np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), np.float32)


def follow(a: Grey, to: Grey | npt.NDArray[np.uint8], share: float, speed: Grey | None = None) -> None:
    """Move a by so much of the way, in place. speed: shares of that, by cells."""
    if speed is None:
        cv2.accumulateWeighted(to, a, share)  # in one go, without arrays in between
    else:
        a += (to - a) * (speed * np.float32(share))


def at_least(a: Grey, least: float) -> Grey:
    """As np.maximum with a number, which takes up to twice as long."""
    return np.asarray(cv2.max(a, np.array([least])), np.float32)


def at_most(a: Grey, most: float) -> Grey:
    """As np.minimum with a number, which takes three times as long."""
    return np.asarray(cv2.threshold(a, most, 0, cv2.THRESH_TRUNC)[1], np.float32)


def towards(step: Grey, up: float, down: float, speed: Grey | None = None) -> Grey:
    """So much of what is above zero, so much of what is below. speed: shares of that, by cells."""
    above = at_least(step, 0.0)
    part = np.asarray(cv2.addWeighted(step, down, above, up - down, 0), np.float32)
    return part if speed is None else part * speed


def beyond(a: Grey, limit: float) -> Places:
    """Where a is greater."""
    return np.flatnonzero(a > np.float32(limit))


def with_places(shape: tuple[int, ...], places: Iterable[Places]) -> Mask:
    """A mask of these places."""
    mask: Mask = np.zeros(shape, np.bool_)
    for at in places:
        mask.ravel()[at] = True
    return mask


def median(a: Grey) -> float:
    """As np.median, whose checks take several times as long for a few hundred numbers."""
    flat, half = a.flatten(), a.size // 2
    flat.sort()
    return float(flat[half] if a.size % 2 else (flat[half - 1] + flat[half]) / np.float32(2))


def middle(a: Grey) -> float:
    """The median, or the upper of two."""
    flat = a.flatten()
    flat.sort()  # of so few never slower than `partition`, and six times as fast where most are almost the same
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
