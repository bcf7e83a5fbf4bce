"""Blobs: connected cells that differ, with fragments of one object merged."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from tawny.detection.motion.cells import Labels, Mask, as_bytes, count

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


def around(boxes: Sequence[CellBox]) -> CellBox:
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
    wide = (a.x1 - a.x0 + b.x1 - b.x0 + c.x1 - c.x0 + d.x1 - d.x0) / 4
    high = (a.y1 - a.y0 + b.y1 - b.y0 + c.y1 - c.y0 + d.y1 - d.y0) / 4
    across = abs(a.x0 + a.x1 + b.x0 + b.x1 - c.x0 - c.x1 - d.x0 - d.x1) / 4
    down = abs(a.y0 + a.y1 + b.y0 + b.y1 - c.y0 - c.y1 - d.y0 - d.y1) / 4
    return max(across / min(MOST_SIDE, max(LEAST_SIDE, wide)), down / min(MOST_SIDE, max(LEAST_SIDE, high)))


MOST_BLOBS = 24
"""Maximum number of blobs per frame, largest first. More at once is weather."""
STRONG_CELLS = 2
"""Minimum number of strongly differing cells in a blob."""
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
    is_sure: bool = True
    """False for a hint: too little to start a track, enough to continue one."""


def blobs(front: Mask, moving: Mask, strong_cells: Mask, least_cells: int, *, hints: bool = False) -> list[Blob]:
    """Return the blobs, largest first.

    front: differing cells. strong_cells: strongly differing ones. hints: include hints.
    """
    least = HINT * least_cells if hints else least_cells
    if count(front) < least:
        return []
    closed = cv2.dilate(as_bytes(front), _CLOSING)
    # 16-bit labels suffice and cost a third of 32-bit ones
    n, marked, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8, ltype=cv2.CV_16U)
    labels: Labels = np.asarray(marked, np.uint16)
    area = np.bincount(labels[front], minlength=n)
    strong = np.bincount(labels[strong_cells], minlength=n)
    inner = np.bincount(labels[moving & front], minlength=n)
    found = []
    for i in np.argsort(-area[1:])[:MOST_BLOBS] + 1:
        if area[i] < least:
            break
        is_sure = area[i] >= least_cells and strong[i] >= STRONG_CELLS
        if is_sure or hints:
            x, y, wide, high = (int(v) for v in stats[i, :4])
            # closing added two cells above and below; one remains
            box = CellBox(x, y + 1, x + wide, y + high - 1)
            found.append(Blob(int(i), box, float(area[i]), float(inner[i] / area[i]), is_sure))
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
        whole.append(Blob(pieces[0].number, around([p.box for p in pieces]), area, moving))
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
