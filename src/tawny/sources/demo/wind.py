"""Leaves in the wind: each bush or crown sways independently, five times per second, stronger in gusts."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from tawny.sources.demo.assets import Plane

STEPS_A_SECOND = 5
_SMALLEST = 0.0006
"""Minimum area as a share of the frame; smaller regions do not move."""
_STEPS = 127
"""Steps of a displacement from 0 to `reach`; with one byte each, a scene holds 1 MB less."""
Map = np.ndarray[Any, np.dtype[np.int8]]


@dataclass(frozen=True)
class _Crown:
    """A region that sways as a whole. Each pixel's displacement is a·here + b·there, with (a, b) rotating over time.

    here, there: -_STEPS to _STEPS.
    """

    top: int
    left: int
    here: Map
    there: Map
    hertz: float
    phase: float

    def swayed(self, luma: Plane, at_s: float, reach: float) -> Plane:
        height, width = self.here.shape
        turn, step = 2 * math.pi * self.hertz * at_s + self.phase, reach / _STEPS
        way = cv2.addWeighted(self.here, step * math.cos(turn), self.there, step * math.sin(turn), 0, dtype=cv2.CV_32F)
        part = luma[self.top : self.top + height, self.left : self.left + width]
        columns = np.add(way, np.arange(width, dtype=np.float32))
        rows = np.multiply(way, np.float32(0.4))
        rows += np.arange(height, dtype=np.float32)[:, None]
        moved = cv2.remap(part, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)


class Wind:
    """Animates vegetation. leaves: uint8 [height, width], wind mask. reach: maximum displacement, px."""

    def __init__(self, leaves: Plane, reach: float, seed: int) -> None:
        self._reach = reach
        self._chance = np.random.default_rng(seed)
        self._crowns = list(self._found(leaves))

    def blow(self, still: Plane, onto: Plane, at_s: float) -> None:
        """Write the displaced regions of `still` to `onto`, both luma [height, width]."""
        step_s = math.floor(at_s * STEPS_A_SECOND + 1e-6) / STEPS_A_SECOND
        for crown in self._crowns:
            height, width = crown.here.shape
            moved = crown.swayed(still, step_s, self._reach * gust(step_s, crown.phase))
            onto[crown.top : crown.top + height, crown.left : crown.left + width] = moved

    def _found(self, leaves: Plane) -> Iterator[_Crown]:
        rows, columns = leaves.shape
        grown = cv2.dilate(leaves, np.ones((5, 5), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats((grown > 60).astype(np.uint8))
        for left, top, width, height, area in stats[1:count].tolist():
            if area >= _SMALLEST * rows * columns:
                yield self._crown(leaves[top : top + height, left : left + width], top, left)

    def _crown(self, leaves: Plane, top: int, left: int) -> _Crown:
        height, width = leaves.shape
        soft = cv2.GaussianBlur(leaves.astype(np.float32) / 255, (0, 0), 2)
        soft[[0, -1], :] = 0
        soft[:, [0, -1]] = 0
        coarse = self._chance.normal(0, 1, (max(2, height // 24), max(2, width // 24))).astype(np.float32)
        phase = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * 1.4
        here, there = (np.rint(soft * part(phase) * _STEPS).astype(np.int8) for part in (np.cos, np.sin))
        chance = self._chance.uniform(0, 1, 2)
        return _Crown(top, left, here, there, 0.45 + 0.35 * float(chance[0]), 2 * math.pi * float(chance[1]))


def gust(at_s: float, phase: float) -> float:
    """Return the wind strength, 0.15..1."""
    swell = max(0.0, math.sin(at_s / 5.3 + 0.3 * phase)) * (0.6 + 0.4 * math.sin(at_s / 13.7 + phase))
    return 0.15 + 0.85 * swell
