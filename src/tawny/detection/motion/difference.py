"""A picture against what is remembered of the place: which cells differ, and by how much that means something."""

from typing import NamedTuple

import numpy as np

from tawny.detection.motion.arrays import Grey, Mask, Places, count, with_places

GLANCE = 0.8
"""Share of its limit by which a cell differs at a glance: one look has to do what many do otherwise."""
STRONG = 1.5
"""So many times the limit is no chance."""


class DifferenceFloor(NamedTuple):
    """What no cell's limit is below, in one look: most cells are nearer than that, and need no limit of their own."""

    least: float
    faint_least: float
    noisier: float
    """By so much a mean of few looks is noisier than one of many."""


class FrameDifference(NamedTuple):
    """One look against the memory."""

    now: Grey
    away: Grey
    faint: Grey
    """The mean of late, and of the neighbourhood, of how they differ, signed."""
    bar: DifferenceFloor
    front: Mask
    """Cells that differ by more than means nothing, now or on the mean of late."""
    strong: Mask
    """...by so much more that it cannot be chance."""
    share: float
    """Of the picture, of such cells."""
    noise: float
    """The median of how they differ."""


class CandidateCells(NamedTuple):
    """The cells that may differ, be it at a glance: where they are, by how much they differ, and their limits."""

    at: Places
    away: Grey
    limit: Grey

    def over(self, limits: float) -> Places:
        """Those that differ by more than so much of their limits."""
        return self.at[self.away > np.float32(limits) * self.limit]


class MeasuredFrame(NamedTuple):
    """One picture against the memory, and nothing made of it yet: from it, a glance and a look."""

    now: Grey
    away: Grey
    far: CandidateCells
    faint: Grey
    faint_far: CandidateCells
    bar: DifferenceFloor
    gain: float
    noise: float
    shake: float
    left: float

    def difference(self, limits: float = 1.0, *, with_faint: bool = True) -> FrameDifference:
        """Which cells differ, by so much of their limits, GLANCE at least. with_faint: on the mean of late, too."""
        fars = (self.far, self.faint_far) if with_faint else (self.far,)
        front = with_places(self.now.shape, [far.over(limits) for far in fars])
        strong = with_places(self.now.shape, [far.over(limits * STRONG) for far in fars])
        share = count(front) / front.size
        return FrameDifference(self.now, self.away, self.faint, self.bar, front, strong, share, self.noise)
