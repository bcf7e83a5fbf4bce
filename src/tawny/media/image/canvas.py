"""Mosaic of several frames with a text line below. Frames are planar YUV 4:2:0 (`encoder.Picture`)."""

from typing import Any

import numpy as np

from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.encoder import Picture

CLOCK_HEIGHT = 40
_DARK, _LIGHT, _NO_COLOUR = 16, 235, 128


class Canvas:
    """Grid of cells of one even size, row by row, with a line of text below. Empty areas are dark."""

    def __init__(self, cells: int, columns: int, cell_width: int, cell_height: int) -> None:
        self._columns, self._cell = columns, (cell_width, cell_height)
        rows = -(-cells // columns)
        self.width, self.height = columns * cell_width, rows * cell_height + CLOCK_HEIGHT
        self._luma = np.full((self.height, self.width), _DARK, np.uint8)
        self._colours = np.full((2, self.height // 2, self.width // 2), _NO_COLOUR, np.uint8)

    def put(self, cell: int, frame: DecodedFrame | None) -> None:
        """Draw the frame into a cell: scaled to fit, centered. None clears the cell."""
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
        """Draw the text line. ASCII only."""
        import cv2  # imported late: 16 MB, unused without mosaic exports

        line: Any = np.full((CLOCK_HEIGHT, self.width), _DARK, np.uint8)
        cv2.putText(line, text, (12, 27), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (_LIGHT,), 1, cv2.LINE_AA)
        self._luma[-CLOCK_HEIGHT:] = line

    @property
    def picture(self) -> Picture:
        return np.concatenate([self._luma, self._colours.reshape(-1, self.width)])


def _even(length: float, most: int) -> int:
    return max(2, min(most, round(length / 2) * 2))
