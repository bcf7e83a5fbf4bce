"""Geometry of a camera's image: its orientation for people, and polygons and the grid of cells on it. Pure.

Points are x, y as shares 0..1 of the width and height. "As sent" is the camera's own image, "as shown" the turned one.
Stored video keeps the camera's own pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from typing import Final, Literal, NamedTuple

from tawny.model.observations import Box

Point = tuple[float, float]


class Polygon(NamedTuple):
    """At least three points; edges do not cross."""

    points: tuple[Point, ...]

    @classmethod
    def of(cls, points: Iterable[Sequence[float]]) -> "Polygon":
        """Build a polygon. Raises ValueError: with what is allowed."""
        made = tuple((float(x), float(y)) for x, y in points)
        if len(made) < 3:
            raise ValueError("at least three points")
        if any(not (0 <= x <= 1 and 0 <= y <= 1) for x, y in made):
            raise ValueError("points in the image, with x and y from 0 to 1")
        if crosses_itself(made):
            raise ValueError("edges that meet only at their ends")
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


# Orientation: how a camera's image is turned for people. Stored video keeps the camera's own pixels. Pure.

Rotation = Literal[0, 90, 180, 270]
_ONE, _WEIGHT = 1 << 16, 1 << 30
"""1 in the number formats of an MP4 matrix: 16.16, and 2.30 in its last column."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """rotate: degrees clockwise. mirror: then left and right are swapped."""

    rotate: Rotation = 0
    mirror: bool = False

    @property
    def is_upright(self) -> bool:
        return self == UPRIGHT

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places."""
        return self.rotate in (90, 270)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size as shown of an image of this size as sent, and the reverse."""
        return (height, width) if self.swaps_sides else (width, height)

    def shown(self, point: Point) -> Point:
        """Return where a point of the image as sent is shown."""
        x, y = point
        x, y = {0: (x, y), 90: (1 - y, x), 180: (1 - x, 1 - y), 270: (y, 1 - x)}[self.rotate]
        return (1 - x, y) if self.mirror else (x, y)

    def sent(self, point: Point) -> Point:
        """Return the point of the image as sent that is shown here."""
        x, y = (1 - point[0], point[1]) if self.mirror else point
        return {0: (x, y), 90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}[self.rotate]

    def polygon_shown(self, area: Polygon) -> Polygon:
        return Polygon(tuple(_plain(self.shown(point)) for point in area.points))

    def polygon_sent(self, area: Polygon) -> Polygon:
        return Polygon(tuple(_plain(self.sent(point)) for point in area.points))

    def matrix(self, width: int, height: int) -> tuple[int, ...]:
        """Return the nine numbers of an MP4 track header. width, height: as sent, px."""
        a, b, c, d = self._turn
        (left, top), size = self.shown((0, 0)), self.size(width, height)
        return (
            a * _ONE,
            b * _ONE,
            0,
            c * _ONE,
            d * _ONE,
            0,
            round(left * size[0]) * _ONE,
            round(top * size[1]) * _ONE,
            _WEIGHT,
        )

    @property
    def _turn(self) -> tuple[int, int, int, int]:
        """The direction as shown of the image's own x axis, then of its y axis."""
        (left, top), across, down = self.shown((0, 0)), self.shown((1, 0)), self.shown((0, 1))
        return round(across[0] - left), round(across[1] - top), round(down[0] - left), round(down[1] - top)


UPRIGHT: Final = Orientation()
ROTATIONS: Final[tuple[Rotation, ...]] = (0, 90, 180, 270)
ORIENTATIONS: Final = tuple(Orientation(rotate, mirror) for mirror, rotate in product((False, True), ROTATIONS))


def orientation_of(matrix: tuple[int, ...]) -> Orientation:
    """Return the orientation that an MP4 track header states; upright if it states anything else, such as a skew."""
    turn = matrix[0], matrix[1], matrix[3], matrix[4]
    return _BY_TURN.get(turn, UPRIGHT)


_BY_TURN: Final = {tuple(part * _ONE for part in one._turn): one for one in ORIENTATIONS}  # noqa: SLF001


def moved_point(point: Point, before: Orientation, after: Orientation) -> Point:
    """Return where the same thing is shown after a change of orientation."""
    return _plain(after.shown(before.sent(point)))


_EDGE: Final = 1e-6
"""Part of the image by which a turned cell is smaller, so that rounding adds no cells."""


def turned_grid(grid: int, before: Orientation, after: Orientation) -> int:
    """Return the cells where the same things are shown after a change of orientation.

    Where sides are swapped, cells have another shape: the result has all that one touches.
    """
    cells, turned, left = _turned_cells(before, after), 0, grid
    while left:
        highest = left.bit_length() - 1
        turned |= cells[highest]
        left ^= 1 << highest
    return turned


@lru_cache(maxsize=16)
def _turned_cells(before: Orientation, after: Orientation) -> tuple[int, ...]:
    """Return what each cell becomes, from the lowest bit on."""
    cells = []
    for number in range(COLUMNS * ROWS - 1, -1, -1):
        row, column = divmod(number, COLUMNS)
        corners = (column / COLUMNS, row / ROWS), ((column + 1) / COLUMNS, (row + 1) / ROWS)
        (x0, x1), (y0, y1) = map(sorted, zip(*(moved_point(one, before, after) for one in corners), strict=True))
        cells.append(grid_of((x0 + _EDGE, y0 + _EDGE, x1 - _EDGE, y1 - _EDGE)))
    return tuple(cells)


# Preview strip of an event: thumbnails side by side in one image. Pure.

THUMBNAIL_WIDTH: Final = 320
"""Width of a thumbnail, px; that of the camera's image if it is narrower."""
LEAST_THUMBNAILS: Final = 3
MOST_THUMBNAILS: Final = 6
_ALIKE: Final = 0.02
"""Relative difference up to which two shapes are the same but for rounded sizes."""


def thumbnail_counts(width: int, height: int, shapes: Iterable[float] = ()) -> frozenset[int]:
    """Return how many thumbnails a strip of this size, px, may have: one number, unless the images were narrow.

    shapes: width by height of the camera's images, as far as known.
    """
    known = tuple(shapes)
    every = range(LEAST_THUMBNAILS, MOST_THUMBNAILS + 1)
    possible = [count for count in every if width % count == 0 and width <= count * THUMBNAIL_WIDTH]
    likely = [
        count
        for count in possible
        if width == count * THUMBNAIL_WIDTH or any(abs(width / count / height / shape - 1) < _ALIKE for shape in known)
    ]
    return frozenset(likely or possible or every)


def _plain(point: Point) -> Point:
    """Return the point without the traces of binary fractions, such as 0.30000000000000004."""
    return round(point[0], 9), round(point[1], 9)
