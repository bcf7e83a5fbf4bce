"""Polygons in a frame: point containment and line crossing. Pure.

Points are x, y as shares 0..1 of the frame's width and height, so that they apply to every resolution.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from tawny.model.observations import Box

Point = tuple[float, float]


class Polygon(NamedTuple):
    """At least three points; edges do not cross."""

    points: tuple[Point, ...]

    @classmethod
    def of(cls, points: Iterable[Sequence[float]]) -> "Polygon":
        """Build a polygon. Raises ValueError that names the error."""
        made = tuple((float(x), float(y)) for x, y in points)
        if len(made) < 3:
            raise ValueError(f"found {len(made)} points; at least three are required")
        if any(not (0 <= x <= 1 and 0 <= y <= 1) for x, y in made):
            raise ValueError("found a point outside the image; x and y must be between 0 and 1")
        if crosses_itself(made):
            raise ValueError("found edges that cross; edges may only meet at their ends")
        return cls(made)

    @property
    def area(self) -> float:
        """Area as a share 0..1 of the frame."""
        doubled = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise((*self.points, self.points[0])))
        return abs(doubled) / 2

    def contains(self, x: float, y: float) -> bool:
        inside = False
        for (ax, ay), (bx, by) in pairwise((*self.points, self.points[0])):
            if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                inside = not inside
        return inside


def crosses_itself(points: Sequence[Point]) -> bool:
    edges = list(pairwise((*points, points[0])))
    count = len(edges)
    return any(
        _cross(edges[i], edges[j]) for i in range(count) for j in range(i + 2, count) if not (i == 0 and j == count - 1)
    )


def foot(box: Box) -> Point:
    """Return the point where an object stands: the middle of its lower edge."""
    return (box[0] + box[2]) / 2, box[3]


def middle(box: Box) -> Point:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def side(line: tuple[Point, Point], point: Point) -> float:
    """Return a value above 0 if the point is right of the line in its direction, below 0 if left."""
    (ax, ay), (bx, by) = line
    return (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)


def crossing(line: tuple[Point, Point], one: Point, two: Point) -> int:
    """Return 1 if the path crosses the line from left to right, -1 from right to left, 0 otherwise."""
    before, after = side(line, one), side(line, two)
    if (before > 0) == (after > 0) or not _cross(line, (one, two)):
        return 0
    return 1 if after > 0 else -1


def _cross(one: tuple[Point, Point], two: tuple[Point, Point]) -> bool:
    """Return whether two line segments share a point."""
    a, b = side(one, two[0]), side(one, two[1])
    c, d = side(two, one[0]), side(two, one[1])
    if a == b == c == d == 0:
        return _overlap(one, two, 0) and _overlap(one, two, 1)
    return a * b <= 0 and c * d <= 0


def _overlap(one: tuple[Point, Point], two: tuple[Point, Point], axis: int) -> bool:
    low, high = sorted((one[0][axis], one[1][axis]))
    return min(two[0][axis], two[1][axis]) <= high and max(two[0][axis], two[1][axis]) >= low


# Motion grid: areas of a frame as 32 x 18 bits in one integer. The top left cell is the highest bit. Pure.

COLUMNS: Final = 32
ROWS: Final = 18


def grid_of(box: Box) -> int:
    """Return the cells that a box touches."""
    left, right = int(box[0] * COLUMNS), min(COLUMNS - 1, int(box[2] * COLUMNS - 1e-9))
    top, bottom = int(box[1] * ROWS), min(ROWS - 1, int(box[3] * ROWS - 1e-9))
    if right < left or bottom < top:
        return 0
    row = ((1 << (right - left + 1)) - 1) << (COLUMNS - 1 - right)
    return sum(row << (COLUMNS * (ROWS - 1 - y)) for y in range(top, bottom + 1))
