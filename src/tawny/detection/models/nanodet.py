"""NanoDet (RangiLyu) and PicoDet (Yu and others, 2021): each cell gives the distances of four edges as distributions.

An edge is softmax(n numbers) . (0, 1, ... n - 1), in strides ("Generalized Focal Loss", Li and others, 2020).
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tawny.detection.models.family import ModelOutput, cells, corners, sigmoid, softmax
from tawny.detection.models.preprocess import IMAGENET, InputNormalisation, Size

EDGES = 4
NANODET = InputNormalisation(
    stretched=True, is_bgr=True, mean=(103.53, 116.28, 123.675), spread=(57.375, 57.12, 58.395)
)  # the same means as IMAGENET, in BGR order
OLD_NANODET = InputNormalisation(is_bgr=True, mean=NANODET.mean, spread=NANODET.spread, in_the_middle=True, beside=0)
"""The first release keeps the aspect ratio, with black padding."""
PICODET = InputNormalisation(stretched=True, mean=IMAGENET[0], spread=IMAGENET[1])


def boxes_of(distributions: Any, size: Size, stride: int, middle: float) -> Any:
    """Return boxes, float32 [cells, 4].

    distributions: [cells, 4 n]. middle: offset of the reference point in a cell, 0 or 0.5.
    """
    bins = distributions.shape[-1] // EDGES
    parts = softmax(distributions.reshape(-1, EDGES, bins).astype(np.float32))
    far = parts @ np.arange(bins, dtype=np.float32) * stride
    points = (corners(size, stride) + middle) * stride
    return np.concatenate([points - far[:, :2], points + far[:, 2:]], axis=1)


class NanoDetPlus:
    """One output [1, cells, classes + 4 n], usually n = 8. Reference points are the corners of the cells."""

    name: ClassVar[str] = "NanoDet-Plus"
    wants = NANODET
    threshold = 0.4
    overlaps = True
    strides = (8, 16, 32, 64)

    def __init__(self, classes: int) -> None:
        self._classes = classes

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        rows, boxes, first = outputs[0][0], [], 0
        for stride in self.strides:
            count = cells(size, (stride,))
            boxes.append(boxes_of(rows[first : first + count, self._classes :], size, stride, 0.0))
            first += count
        return ModelOutput(np.concatenate(boxes), as_scores(rows[:, : self._classes]))


class PicoDet:
    """Scores [1, cells, classes] and distributions [1, cells, 4 n] per stride; also NanoDet's first release."""

    name: ClassVar[str] = "PicoDet"
    threshold = 0.42
    overlaps = True

    def __init__(self, classes: int, wants: InputNormalisation = PICODET) -> None:
        self._classes, self.wants = classes, wants

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        scores = {one.shape[1]: one[0] for one in outputs if one.shape[2] == self._classes}
        edges = {one.shape[1]: one[0] for one in outputs if one.shape[2] != self._classes}
        boxes, kept = [], []
        for stride in (8, 16, 32, 64):
            count = cells(size, (stride,))
            if count in scores and count in edges:
                boxes.append(boxes_of(edges[count], size, stride, 0.5))
                kept.append(scores[count])
        return ModelOutput(np.concatenate(boxes), as_scores(np.concatenate(kept)))


class PicoDetBoxes:
    """Boxes [1, cells, 4] in pixels of the input and scores [1, classes, cells]: the export without postprocessing."""

    name: ClassVar[str] = "PicoDet"
    wants = PICODET
    threshold = 0.42
    overlaps = True
    strides = (8, 16, 32, 64)

    def __init__(self, boxes: int, scores: int) -> None:
        self._boxes, self._scores = boxes, scores

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        return ModelOutput(np.asarray(outputs[self._boxes][0], np.float32), as_scores(outputs[self._scores][0].T))


def as_scores(values: Any) -> Any:
    """Return scores 0..1. Exports differ in whether they contain the final sigmoid; without it, it is applied here."""
    return values if values.min() >= 0.0 and values.max() <= 1.0 else sigmoid(values)
