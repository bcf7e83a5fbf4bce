"""Orientation: how a camera's image is turned for people. Stored video keeps the camera's own pixels. Pure.

Points are x, y as shares 0..1 of the width and height. "As sent" is the camera's own image, "as shown" the turned one.
"""

from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

from tawny.model.polygon import Point, Polygon

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


def _plain(point: Point) -> Point:
    """Return the point without the traces of binary fractions, such as 0.30000000000000004."""
    return round(point[0], 9), round(point[1], 9)
