"""Boxes in cells: distance, and displacement relative to the object's size."""

from collections.abc import Sequence
from typing import NamedTuple

LEAST_SIDE = 3.0
"""Minimum side, in cells, when displacement is measured in object sizes."""
MOST_SIDE = 40.0
"""Maximum side, in cells: an object of a fifth of the frame need not move further than this."""


class CellBox(NamedTuple):
    """x0, y0 inclusive; x1, y1 exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    def grown(self, by: int) -> "CellBox":
        """Return the box grown by this number of cells on each side; clipped only at the left and upper border."""
        return CellBox(max(0, self.x0 - by), max(0, self.y0 - by), self.x1 + by, self.y1 + by)

    @property
    def part(self) -> tuple[slice, slice]:
        """Slices of the box in an array of cells."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


def around(boxes: Sequence[CellBox]) -> CellBox:
    """Return the bounding box of all boxes."""
    return CellBox(
        min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes)
    )


def apart(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the gap between two boxes in cells plus a third of the distance of their centers."""
    gap = max(0, a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3])
    middles = max(abs(a[0] + a[2] - b[0] - b[2]), abs(a[1] + a[3] - b[1] - b[3])) / 2
    return gap + middles / 3


def way(first: Sequence[CellBox], last: Sequence[CellBox]) -> float:
    """Return the displacement in object sizes: each axis by its own side, each end the mean of one or two boxes."""
    a, b, c, d = first[0], first[-1], last[0], last[-1]  # with one box, its mean with itself
    wide = (a.x1 - a.x0 + b.x1 - b.x0 + c.x1 - c.x0 + d.x1 - d.x0) / 4
    high = (a.y1 - a.y0 + b.y1 - b.y0 + c.y1 - c.y0 + d.y1 - d.y0) / 4
    across = abs(a.x0 + a.x1 + b.x0 + b.x1 - c.x0 - c.x1 - d.x0 - d.x1) / 4
    down = abs(a.y0 + a.y1 + b.y0 + b.y1 - c.y0 - c.y1 - d.y0 - d.y1) / 4
    return max(across / min(MOST_SIDE, max(LEAST_SIDE, wide)), down / min(MOST_SIDE, max(LEAST_SIDE, high)))
