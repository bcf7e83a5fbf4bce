"""Blobs: connected cells that differ, with fragments of one object merged."""

from typing import NamedTuple

import cv2
import numpy as np

from tawny.detection.motion.arrays import Labels, Mask, as_bytes, count
from tawny.detection.motion.boxes import CellBox, around

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
