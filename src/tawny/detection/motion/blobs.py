"""Blobs: neighbouring cells that differ, and pieces of one thing put together."""

from typing import NamedTuple

import cv2
import numpy as np

from tawny.detection.motion.arrays import Labels, Mask, as_bytes, count
from tawny.detection.motion.boxes import CellBox, around

MOST_BLOBS = 24
"""A look: the largest ones. More at once is weather."""
STRONG_CELLS = 2
"""A blob has at least so many cells that differ strongly."""
HINT = 0.5
"""...and so much of its least size is a hint of what is followed already."""
NEAR = 0.5
"""Blobs nearer to each other than so many sides of the smaller one are one thing."""
_CLOSING = np.ones((5, 3), np.uint8)
"""Cells high and wide over which gaps are closed: people are higher than wide."""


class Blob(NamedTuple):
    number: int
    box: CellBox
    area: float
    """Cells that differ."""
    moving: float
    """Share of them that has changed since the look before the last."""
    is_sure: bool = True
    """Else too little to begin with, and enough for what is followed already."""


def blobs(front: Mask, moving: Mask, strong_cells: Mask, least_cells: int, *, hints: bool = False) -> list[Blob]:
    """Largest first. front: cells that differ; strong_cells: those that are no chance; hints: with what is not sure."""
    least = HINT * least_cells if hints else least_cells
    if count(front) < least:
        return []
    closed = cv2.dilate(as_bytes(front), _CLOSING)
    # 16 bits, of which no picture of cells uses all, cost a third of 32
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
            # of the two cells that closing added above and below, one is left
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
    """Which of them lie near each other, by index."""
    box = np.array([blob.box for blob in found], np.float32)
    side = np.sqrt([blob.area for blob in found])
    gap = np.maximum(
        np.maximum(box[:, None, 0] - box[None, :, 2], box[None, :, 0] - box[:, None, 2]),
        np.maximum(box[:, None, 1] - box[None, :, 3], box[None, :, 1] - box[:, None, 3]),
    )
    near = gap <= NEAR * np.minimum(side[:, None], side[None, :])
    return [(int(a), int(b)) for a, b in zip(*np.nonzero(np.triu(near, 1)), strict=True)]
