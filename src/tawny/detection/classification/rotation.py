"""Which way up a picture is shown: under a camera that looks down, people lie in the picture, and models know people
who stand.

What got no name upright is shown by a quarter turn as well, to either side, between two looks upright. A turned look
that sees nobody says nothing: who stands is not known lying.
"""

from typing import Any, Final

from tawny.model.observations import Box

UPRIGHT: Final = 0
LYING: Final = (1, 3)
TURNS: Final = (UPRIGHT, *LYING)
"""Quarter turns against the clock."""
FIRST: Final = 2
"""So many looks upright before any other..."""
MOST = 40
"""...and so many others at most for one thing that is followed: branches sway for hours and are nobody."""


def rotate_picture(rgb: Any, turn: int) -> Any:
    """uint8 [height, width, 3] -> the same, by so many quarter turns."""
    if turn == UPRIGHT:
        return rgb
    import cv2  # not above: recording does without the vision library

    return cv2.rotate(rgb, (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)[turn - 1])


def upright(box: Box, turn: int) -> Box:
    """A box of the turned picture, where it is in the picture."""
    x0, y0, x1, y1 = box
    for _ in range(turn):
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    return (x0, y0, x1, y1)


class RotationCycle:
    """Which one is next: every other one is upright. Of one camera."""

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
        """saw: whether there was somebody that way up who has no name yet; then it is the same side again."""
        if turn != UPRIGHT:
            self._side, self._stays = LYING.index(turn), saw
