"""Cells that move, as the grid that is stored (`model.grid`)."""

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from tawny.model.grid import COLUMNS, ROWS

LEAST = 0.04
"""Share of a place's cells that must move."""


def moving_grid(cells: Any, parts: Iterable[tuple[slice, slice]]) -> int:
    """cells: bool [rows, columns]. parts: what is asked about; cells outside do not count."""
    asked = np.zeros(cells.shape, np.uint8)
    for part in parts:
        asked[part] = cells[part]
    share = cv2.resize(asked * 255, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return int.from_bytes(np.packbits(share >= LEAST * 255).tobytes(), "big")
