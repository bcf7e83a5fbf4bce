"""Boxes in cells: how far apart, and how far gone, measured in the thing's own size."""

from collections.abc import Sequence
from typing import NamedTuple

LEAST_SIDE = 3.0
"""Cells: nothing is taken as smaller than this when its way is measured in sizes."""
MOST_SIDE = 40.0
"""Cells: what fills a fifth of the picture need not go further than this."""


class Box(NamedTuple):
    """From x0, y0 up to, not including, x1, y1."""

    x0: int
    y0: int
    x1: int
    y1: int

    def grown(self, by: int) -> "Box":
        """Wider by so many cells on each side, but not beyond the picture's left and upper border."""
        return Box(max(0, self.x0 - by), max(0, self.y0 - by), self.x1 + by, self.y1 + by)

    @property
    def part(self) -> tuple[slice, slice]:
        """Where it is in an array of cells."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


def around(boxes: Sequence[Box]) -> Box:
    """The box that holds them all."""
    return Box(min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes))


def apart(a: Sequence[float], b: Sequence[float]) -> float:
    """Cells of the gap between two boxes, and a third of the distance of their middles."""
    gap = max(0, a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3])
    middles = max(abs(a[0] + a[2] - b[0] - b[2]), abs(a[1] + a[3] - b[1] - b[3])) / 2
    return gap + middles / 3


def way(first: Sequence[Box], last: Sequence[Box]) -> float:
    """How far a thing has gone, in its own sizes: each axis by its own side; each end the mean of one or two boxes."""
    fx0, fy0, fx1, fy1 = (sum(b[i] for b in first) / len(first) for i in range(4))
    lx0, ly0, lx1, ly1 = (sum(b[i] for b in last) / len(last) for i in range(4))
    wide = min(MOST_SIDE, max(LEAST_SIDE, (fx1 - fx0 + lx1 - lx0) / 2))
    high = min(MOST_SIDE, max(LEAST_SIDE, (fy1 - fy0 + ly1 - ly0) / 2))
    return max(abs(fx0 + fx1 - lx0 - lx1) / 2 / wide, abs(fy0 + fy1 - ly0 - ly1) / 2 / high)
