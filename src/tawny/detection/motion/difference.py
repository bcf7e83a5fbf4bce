"""Difference of a frame to the background model: which cells differ, and whether by a significant amount."""

from typing import NamedTuple

import numpy as np

from tawny.detection.motion.arrays import Grey, Mask, Places, count, with_places

GLANCE = 0.8
"""Share of its limit by which a cell differs in a keyframe check: one frame has to suffice there."""
STRONG = 1.5
"""Multiple of the limit that excludes chance."""


class DifferenceFloor(NamedTuple):
    """Lower limits for all cells of one frame. Most cells differ by less and need no limit of their own."""

    least: float
    faint_least: float
    noisier: float
    """Factor by which a mean of few frames is noisier than one of many."""


class FrameDifference(NamedTuple):
    """Difference of one frame to the background model."""

    now: Grey
    away: Grey
    faint: Grey
    """Signed difference, averaged over recent frames and the neighborhood."""
    bar: DifferenceFloor
    front: Mask
    """Cells that differ significantly, now or in the recent mean."""
    strong: Mask
    """Cells that differ by more than chance allows."""
    share: float
    """Share of differing cells in the frame."""
    noise: float
    """Median difference."""


class CandidateCells(NamedTuple):
    """Cells that may differ, at least in a keyframe check: indices, differences and limits."""

    at: Places
    away: Grey
    limit: Grey

    def over(self, limits: float) -> Places:
        """Return the cells that differ by more than this multiple of their limits."""
        return self.at[self.away > np.float32(limits) * self.limit]


class MeasuredFrame(NamedTuple):
    """Measurements of one frame against the background model; input of the keyframe check and of full detection."""

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
        """Return the differing cells.

        limits: multiple of their limits, at least GLANCE. with_faint: include the recent mean.
        """
        fars = (self.far, self.faint_far) if with_faint else (self.far,)
        front = with_places(self.now.shape, [far.over(limits) for far in fars])
        strong = with_places(self.now.shape, [far.over(limits * STRONG) for far in fars])
        share = count(front) / front.size
        return FrameDifference(self.now, self.away, self.faint, self.bar, front, strong, share, self.noise)
