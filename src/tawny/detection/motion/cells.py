"""Cells of a frame, each the mean of many pixels, which removes noise; and blobs: connected cells that differ."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from tawny.media.codec.decoder import Shrinker

# Array types of the motion detector and basic operations on them.

Grey: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]
Labels: TypeAlias = npt.NDArray[np.uint16]
Places: TypeAlias = npt.NDArray[np.intp]
"""Indices of cells in a flattened array."""

_SOMEBODY = (3, 5)
"""Size of a small person in cells, width and height."""
_THREE = np.ones((3, 3), np.uint8)


def distance(a: Grey, b: Grey) -> Grey:
    """Return |a - b|."""
    return np.asarray(cv2.absdiff(a, b), np.float32)


def around(a: Grey) -> Grey:
    """Return the mean over each cell's neighborhood, which has the size of a small person."""
    return np.asarray(cv2.blur(a, _SOMEBODY, borderType=cv2.BORDER_REPLICATE), np.float32)


def mixed(a: Grey, b: Grey, share: float) -> Grey:
    """Return the weighted mean; share: weight of b."""
    return np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), np.float32)


def follow(a: Grey, to: Grey | npt.NDArray[np.uint8], share: float, speed: Grey | None = None) -> None:
    """Move `a` towards `to` by `share` in place. speed: factors on the share, per cell."""
    if speed is None:
        cv2.accumulateWeighted(to, a, share)  # in one pass without temporary arrays
    else:
        a += (to - a) * (speed * np.float32(share))


def at_least(a: Grey, least: float) -> Grey:
    """Return np.maximum with a number; up to twice as fast."""
    return np.asarray(cv2.max(a, np.array([least])), np.float32)


def at_most(a: Grey, most: float) -> Grey:
    """Return np.minimum with a number; three times as fast."""
    return np.asarray(cv2.threshold(a, most, 0, cv2.THRESH_TRUNC)[1], np.float32)


def towards(step: Grey, up: float, down: float, speed: Grey | None = None) -> Grey:
    """Return positive values times `up` and negative values times `down`. speed: factors per cell."""
    above = at_least(step, 0.0)
    part = np.asarray(cv2.addWeighted(step, down, above, up - down, 0), np.float32)
    return part if speed is None else part * speed


def beyond(a: Grey, limit: float) -> Places:
    """Return the indices where `a` is greater than the limit."""
    return np.flatnonzero(a > np.float32(limit))


def with_places(shape: tuple[int, ...], places: Iterable[Places]) -> Mask:
    """Return a mask of these indices."""
    mask: Mask = np.zeros(shape, np.bool_)
    for at in places:
        mask.ravel()[at] = True
    return mask


def median(a: Grey) -> float:
    """Return np.median, several times as fast for a few hundred numbers."""
    flat, half = a.flatten(), a.size // 2
    flat.sort()
    return float(flat[half] if a.size % 2 else (flat[half - 1] + flat[half]) / np.float32(2))


def middle(a: Grey) -> float:
    """Return the median, or the upper of the two middle values."""
    flat = a.flatten()
    flat.sort()  # as fast as `partition` at this size, and six times as fast if most values are almost equal
    return float(flat[flat.size // 2])


def as_bytes(mask: Mask) -> npt.NDArray[np.uint8]:
    """Return a view of the mask as 0 and 1 for OpenCV."""
    return mask.view(np.uint8)


def widened(mask: Mask) -> Mask:
    """Return the mask dilated by one cell."""
    return np.asarray(cv2.dilate(as_bytes(mask), _THREE), np.uint8).view(np.bool_)


def border(mask: Mask) -> Mask:
    """Return the cells on both sides of the mask's edge."""
    return widened(mask) & ~np.asarray(cv2.erode(as_bytes(mask), _THREE), np.uint8).view(np.bool_)


def count(mask: Mask) -> int:
    return cv2.countNonZero(as_bytes(mask))


COLUMNS = 192
"""Columns of cells: a person of 2 % of the frame width is still 4 cells wide."""
_MOST_CELLS = 45_000
"""Maximum number of cells; portrait frames get fewer columns, so that a frame costs the same."""
_ROWS_READ = 3
"""Minimum rows of pixels averaged per row of cells; the other rows are skipped, which costs nothing."""
_HALVED = 8
"""Pixels per cell from which frames are halved first; below, cells at an edge would differ by it."""


class Cells:
    """Converts frames to cells. Call from one thread."""

    def __init__(self) -> None:
        self._shrinker = Shrinker()

    def of(self, luma: Any) -> Grey:
        """Return the cells, float32 [rows, columns], integer levels of 255.

        luma: uint8 [height, width], any row stride.
        """
        height, width = luma.shape
        columns = COLUMNS
        if COLUMNS * COLUMNS * height > _MOST_CELLS * width:
            columns = max(8, round((_MOST_CELLS * width / height) ** 0.5))
        rows = max(8, round(columns * height / width))
        small = luma[:: max(1, height // (rows * _ROWS_READ))]
        if small.shape[1] >= _HALVED * columns and small.shape[0] >= 2 * rows:  # halving first is much faster
            small = cv2.resize(small, (small.shape[1] // 2, small.shape[0] // 2), interpolation=cv2.INTER_AREA)
        return np.asarray(self._shrinker.means(small, columns, rows), np.float32)


# Blobs: connected cells that differ, with fragments of one object merged.


# Boxes in cells: distance, and displacement relative to the object's size.

LEAST_SIDE = 3.0
"""Minimum side, in cells, when displacement is measured in object sizes."""
MOST_SIDE = 40.0
"""Maximum side, in cells: an object of a fifth of the frame need not move further than this."""


class CellBox(NamedTuple):
    """x0, y0 inclusive; x1, y1 exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    def grown(self, by: int) -> "CellBox":
        """Return the box grown by this number of cells on each side; clipped only at the left and upper border."""
        return CellBox(max(0, self.x0 - by), max(0, self.y0 - by), self.x1 + by, self.y1 + by)

    @property
    def part(self) -> tuple[slice, slice]:
        """Slices of the box in an array of cells."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


def enclosing(boxes: Sequence[CellBox]) -> CellBox:
    """Return the bounding box of all boxes."""
    return CellBox(
        min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes)
    )


def apart(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the gap between two boxes in cells plus a third of the distance of their centers."""
    gap = max(0, a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3])
    middles = max(abs(a[0] + a[2] - b[0] - b[2]), abs(a[1] + a[3] - b[1] - b[3])) / 2
    return gap + middles / 3


def way(first: Sequence[CellBox], last: Sequence[CellBox]) -> float:
    """Return the displacement in object sizes: each axis by its own side, each end the mean of one or two boxes."""
    a, b, c, d = first[0], first[-1], last[0], last[-1]  # with one box, its mean with itself
    width = (a.x1 - a.x0 + b.x1 - b.x0 + c.x1 - c.x0 + d.x1 - d.x0) / 4
    height = (a.y1 - a.y0 + b.y1 - b.y0 + c.y1 - c.y0 + d.y1 - d.y0) / 4
    across = abs(a.x0 + a.x1 + b.x0 + b.x1 - c.x0 - c.x1 - d.x0 - d.x1) / 4
    down = abs(a.y0 + a.y1 + b.y0 + b.y1 - c.y0 - c.y1 - d.y0 - d.y1) / 4
    return max(across / min(MOST_SIDE, max(LEAST_SIDE, width)), down / min(MOST_SIDE, max(LEAST_SIDE, height)))


MOST_BLOBS = 24
"""Maximum number of blobs per frame, largest first. More at once is weather."""
STRONG, STRONG_CELLS = 1.5, 2
"""Multiple of the limit that excludes chance, and minimum number of cells in a blob that differ so strongly."""
MOST_EXCESS = 3.0
"""Multiple of the limit from which more makes no difference."""
HINT = 0.5
"""Share of the minimum size that suffices as a hint of an object already tracked."""
NEAR = 0.5
"""Blobs with a gap below this multiple of the smaller one's side are merged."""
_CLOSING = np.ones((5, 3), np.uint8)
"""Rows and columns of cells over which gaps are closed: people are taller than wide."""


class Blob(NamedTuple):
    number: int
    box: CellBox
    area: float
    """Number of differing cells."""
    moving: float
    """Share of them that changed since the frame before the previous one."""
    excess: float = MOST_EXCESS
    """Mean difference of its cells as a multiple of their limits: 1 is what chance may give."""
    is_sure: bool = True
    """False for a hint: too little to start a track, enough to continue one."""


def blobs(front: Mask, moving: Mask, excess: Grey, least_cells: int, *, hints: bool = False) -> list[Blob]:
    """Return the blobs, largest first.

    front: differing cells. excess: by what multiple of their limits. hints: include hints.
    """
    least = HINT * least_cells if hints else least_cells
    if count(front) < least:
        return []
    closed = cv2.dilate(as_bytes(front), _CLOSING)
    # 16-bit labels suffice and cost a third of 32-bit ones
    n, marked, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8, ltype=cv2.CV_16U)
    labels: Labels = np.asarray(marked, np.uint16)
    at = np.flatnonzero(front)  # only these cells: all of them would take twice as long
    own, by = labels.ravel()[at], excess.ravel()[at]
    area = np.bincount(own, minlength=n)
    strong = np.bincount(own[by > STRONG], minlength=n)
    beyond_limits = np.bincount(own, np.minimum(by, np.float32(MOST_EXCESS)), minlength=n)
    inner = np.bincount(own[moving.ravel()[at]], minlength=n)
    found = []
    for i in np.argsort(-area[1:])[:MOST_BLOBS] + 1:
        if area[i] < least:
            break
        is_sure = bool(area[i] >= least_cells and strong[i] >= STRONG_CELLS)
        if is_sure or hints:
            x, y, width, height = (int(v) for v in stats[i, :4])
            # closing added two cells above and below; one remains
            box = CellBox(x, y + 1, x + width, y + height - 1)
            found.append(
                Blob(int(i), box, float(area[i]), float(inner[i] / area[i]), float(beyond_limits[i] / area[i]), is_sure)
            )
    return _joined([blob for blob in found if blob.is_sure]) + [blob for blob in found if not blob.is_sure]


def _joined(found: list[Blob]) -> list[Blob]:
    if len(found) < 2:
        return found
    owner = list(range(len(found)))
    for a, b in _pairs(found):
        x, y = owner[a], owner[b]
        if x != y:
            owner = [min(x, y) if o in (x, y) else o for o in owner]
    whole = []
    for o in sorted(set(owner)):
        pieces = [blob for blob, mine in zip(found, owner, strict=True) if mine == o]
        area = sum(p.area for p in pieces)
        moving = sum(p.area * p.moving for p in pieces) / area
        excess = sum(p.area * p.excess for p in pieces) / area
        whole.append(Blob(pieces[0].number, enclosing([p.box for p in pieces]), area, moving, excess))
    return whole


def _pairs(found: list[Blob]) -> list[tuple[int, int]]:
    """Return the index pairs of blobs near each other."""
    box = np.array([blob.box for blob in found], np.float32)
    side = np.sqrt([blob.area for blob in found])
    gap = np.maximum(
        np.maximum(box[:, None, 0] - box[None, :, 2], box[None, :, 0] - box[:, None, 2]),
        np.maximum(box[:, None, 1] - box[None, :, 3], box[None, :, 1] - box[:, None, 3]),
    )
    near = gap <= NEAR * np.minimum(side[:, None], side[None, :])
    return [(int(a), int(b)) for a, b in zip(*np.nonzero(np.triu(near, 1)), strict=True)]
