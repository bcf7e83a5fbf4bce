"""Image rotation for classification: a downward camera shows people lying, but models know standing people.

Regions without a label when upright are also classified after a quarter turn to either side, alternating with upright
runs. A rotated run without a person counts for nothing: it would not recognize standing people.
"""

from typing import Any, Final

from tawny.model.observations import Box

UPRIGHT: Final = 0
LYING: Final = (1, 3)
TURNS: Final = (UPRIGHT, *LYING)
"""Quarter turns, counterclockwise."""
FIRST: Final = 2
"""Number of upright runs before the first rotated one."""
MOST = 40
"""Maximum number of rotated runs per track: swaying branches move for hours."""


def rotate_picture(rgb: Any, turn: int) -> Any:
    """Return the image, uint8 [height, width, 3], rotated by this number of quarter turns counterclockwise."""
    if turn == UPRIGHT:
        return rgb
    import cv2  # not at module level: recording works without OpenCV

    return cv2.rotate(rgb, (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)[turn - 1])


def upright(box: Box, turn: int) -> Box:
    """Return a box of the rotated image in coordinates of the original."""
    x0, y0, x1, y1 = box
    for _ in range(turn):
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    return (x0, y0, x1, y1)


class RotationCycle:
    """Selects the rotation of each run for one camera; every other run is upright."""

    def __init__(self) -> None:
        self._n = 0
        self._side = 0
        self._stays = False

    def next(self) -> int:
        self._n += 1
        if self._n % 2:
            return UPRIGHT
        if not self._stays:
            self._side = 1 - self._side
        return LYING[self._side]

    def told(self, turn: int, *, saw: bool) -> None:
        """Register the result of a run.

        saw: whether a person without a label was found; the next rotated run then uses the same side.
        """
        if turn != UPRIGHT:
            self._side, self._stays = LYING.index(turn), saw
