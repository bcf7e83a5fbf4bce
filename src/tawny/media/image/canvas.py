"""One picture made of several, and a clock below it. Pictures are planar YUV 4:2:0 (`encode.Picture`)."""

from typing import Any

import numpy as np

from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.encoder import Picture

CLOCK_HEIGHT = 40
_DARK, _LIGHT, _NO_COLOUR = 16, 235, 128


class Canvas:
    """Cells of one even size in rows from the left, and below them a line of text. What is not put in is dark."""

    def __init__(self, cells: int, columns: int, cell_width: int, cell_height: int) -> None:
        self._columns, self._cell = columns, (cell_width, cell_height)
        rows = -(-cells // columns)
        self.width, self.height = columns * cell_width, rows * cell_height + CLOCK_HEIGHT
        self._luma = np.full((self.height, self.width), _DARK, np.uint8)
        self._colours = np.full((2, self.height // 2, self.width // 2), _NO_COLOUR, np.uint8)

    def put(self, cell: int, frame: DecodedFrame | None) -> None:
        """As large as fits, in the cell's middle; None: nothing is to be seen."""
        wide, high = self._cell
        left, top = cell % self._columns * wide, cell // self._columns * high
        self._luma[top : top + high, left : left + wide] = _DARK
        self._colours[:, top // 2 : (top + high) // 2, left // 2 : (left + wide) // 2] = _NO_COLOUR
        if frame is None:
            return
        scale = min(wide / frame.width, high / frame.height)
        width, height = _even(frame.width * scale, wide), _even(frame.height * scale, high)
        small = frame.video.reformat(width=width, height=height, format="yuv420p", interpolation="AREA")
        planes = np.asarray(small.to_ndarray(), np.uint8)
        left, top = left + (wide - width) // 4 * 2, top + (high - height) // 4 * 2
        self._luma[top : top + height, left : left + width] = planes[:height]
        colours = planes[height:].reshape(2, height // 2, width // 2)
        self._colours[:, top // 2 : (top + height) // 2, left // 2 : (left + width) // 2] = colours

    def write(self, text: str) -> None:
        """The line below: ASCII."""
        import cv2  # not above: 16 MB that a recorder which makes no films can do without

        line: Any = np.full((CLOCK_HEIGHT, self.width), _DARK, np.uint8)
        cv2.putText(line, text, (12, 27), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (_LIGHT,), 1, cv2.LINE_AA)
        self._luma[-CLOCK_HEIGHT:] = line

    @property
    def picture(self) -> Picture:
        return np.concatenate([self._luma, self._colours.reshape(-1, self.width)])


def _even(length: float, most: int) -> int:
    return max(2, min(most, round(length / 2) * 2))
