"""Motion grid: areas of a frame as 32 x 18 bits in one integer. The top left cell is the highest bit. Pure."""

from typing import Final

from tawny.model.observations import Box

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
