"""What a sequence parameter set says, the same for H.264 and H.265."""

from collections.abc import Sequence
from dataclasses import dataclass

SMALLEST, LARGEST = 16, 16_384
"""Pixels each way: other sizes are not a camera's."""


@dataclass(frozen=True, slots=True)
class SpsInfo:
    """Numbers as the standards code them, sizes after cropping."""

    id: int
    width: int
    height: int
    profile: int
    compatibility: int
    """H.264: the 8 constraint flags; H.265: the 32 compatibility flags."""
    level: int
    chroma: int
    """0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4."""
    bit_depth: int
    chroma_bit_depth: int
    reorder: int | None
    """How many pictures may come before one that is shown earlier; 0: no B-frames out of order; None: not told."""
    fps: float | None
    """None when the set does not tell."""
    interlaced: bool
    """H.264: pictures may be fields; H.265: they are."""
    tier: int = 0
    constraints: bytes = bytes(6)
    """H.265: the 48 constraint flags."""
    sub_layers: int = 1
    is_nested: bool = True


def cropped(width: int, height: int, crop: Sequence[int], across: int, down: int) -> tuple[int, int]:
    """Size that is shown; ValueError if absurd. crop: left, right, top, bottom, in `across` and `down` pixels."""
    left, right, top, bottom = crop
    width -= (left + right) * across
    height -= (top + bottom) * down
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise ValueError(f"impossible picture of {width}x{height}")
    return width, height


def checked_fps(scale: int, units: int) -> float | None:
    """Pictures a second; None for a rate that no camera has: cameras write nonsense there."""
    fps = scale / units if units else 0.0
    return fps if 0.01 <= fps <= 1000 else None
