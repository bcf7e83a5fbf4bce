"""Foreground cells as the motion grid that is stored (`model.grid`)."""

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from tawny.model.grid import COLUMNS, ROWS

LEAST = 0.04
"""Minimum share of foreground cells in a grid position."""


def moving_grid(cells: Any, parts: Iterable[tuple[slice, slice]]) -> int:
    """Return the stored motion grid as an integer.

    cells: bool [rows, columns]. parts: slices to evaluate; cells outside are ignored.
    """
    asked = np.zeros(cells.shape, np.uint8)
    for part in parts:
        asked[part] = cells[part]
    share = cv2.resize(asked * 255, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return int.from_bytes(np.packbits(share >= LEAST * 255).tobytes(), "big")
