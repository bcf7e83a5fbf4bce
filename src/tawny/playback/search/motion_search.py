"""Motion search in an area and heat map, from stored motion grids. Pure."""

from collections.abc import Iterable

from tawny.model.grid import COLUMNS, ROWS, grid_of
from tawny.model.observations import Box
from tawny.model.times import Span

JOIN_MS = 5000
"""Motion after a shorter pause is merged, ms."""
SECOND_MS = 1000

Moved = Iterable[tuple[int, int]]
"""Seconds (ms UTC) with their motion grid (`model.grid`), in order."""


def motion_in_spot(moved: Moved, box: Box) -> list[Span]:
    """Return the times of motion in the box, newest first."""
    spot, found = grid_of(box), list[Span]()
    for at_ms, grid in moved:
        if not grid & spot:
            continue
        begin_ms = found.pop().begin_ms if found and at_ms - found[-1].end_ms < JOIN_MS else at_ms
        found.append(Span(begin_ms, at_ms + SECOND_MS))
    return found[::-1]


def heat(moved: Moved) -> list[int]:
    """Return the seconds of motion per grid position: ROWS x COLUMNS numbers, row by row from the upper left."""
    counts = [0] * (COLUMNS * ROWS)
    for _, grid in moved:
        left = grid
        while left:
            highest = left.bit_length()
            counts[COLUMNS * ROWS - highest] += 1
            left ^= 1 << (highest - 1)
    return counts
