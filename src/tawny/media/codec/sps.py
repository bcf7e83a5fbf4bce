"""Parsed sequence parameter set, common to H.264 and H.265."""

from collections.abc import Sequence
from dataclasses import dataclass

SMALLEST, LARGEST = 16, 16_384
"""Limits of width and height in px; values outside are implausible for a camera."""


@dataclass(frozen=True, slots=True)
class SpsInfo:
    """Values as coded in the standards; sizes after cropping, px."""

    id: int
    width: int
    height: int
    profile: int
    compatibility: int
    """H.264: the 8 constraint flags; H.265: the 32 compatibility flags."""
    level: int
    chroma: int
    """0: monochrome, 1: 4:2:0, 2: 4:2:2, 3: 4:4:4."""
    bit_depth: int
    chroma_bit_depth: int
    reorder: int | None
    """Maximum number of frames that precede an earlier-displayed one. 0: no reordering; None: not specified."""
    fps: float | None
    """None if not specified."""
    interlaced: bool
    """H.264: fields are possible; H.265: all pictures are fields."""
    tier: int = 0
    constraints: bytes = bytes(6)
    """H.265: the 48 constraint flags."""
    sub_layers: int = 1
    is_nested: bool = True


def cropped(width: int, height: int, crop: Sequence[int], across: int, down: int) -> tuple[int, int]:
    """Return the display size.

    Raises ValueError if implausible. crop: left, right, top, bottom; units of `across`/`down` px.
    """
    left, right, top, bottom = crop
    width -= (left + right) * across
    height -= (top + bottom) * down
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise ValueError(f"impossible picture of {width}x{height}")
    return width, height


def checked_fps(scale: int, units: int) -> float | None:
    """Return frames per second; None if implausible: cameras write invalid values."""
    fps = scale / units if units else 0.0
    return fps if 0.01 <= fps <= 1000 else None
