"""Models that return a few hundred boxes without duplicates: RT-DETR, D-FINE, RF-DETR.

Two export formats: with postprocessing (labels, boxes, scores; a second input takes the image size), or without (boxes
as center and size in shares of the input, and a logit per class).
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tawny.detection.models.family import ModelOutput, around, as_columns, sigmoid
from tawny.detection.models.preprocess import IMAGENET, InputNormalisation, Size

PLAIN = InputNormalisation(stretched=True, spread=(255.0, 255.0, 255.0))
NORMED = InputNormalisation(stretched=True, mean=IMAGENET[0], spread=IMAGENET[1])
OLD_NUMBERS = 91
"""RF-DETR uses the original COCO class numbers."""


class DetrQueries:
    """Export without postprocessing. boxes, logits: indices of the outputs."""

    name: ClassVar[str] = "DETR"
    threshold = 0.4
    overlaps = False

    def __init__(self, boxes: int, logits: int, classes: int) -> None:
        self._boxes, self._logits = boxes, logits
        # RF-DETR gives boxes before logits in every export; only it needs ImageNet normalization.
        self.wants = NORMED if classes == OLD_NUMBERS or boxes < logits else PLAIN

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        boxes = outputs[self._boxes][0] * np.array([size.width, size.height] * 2, np.float32)
        return ModelOutput(around(boxes[:, :2], boxes[:, 2:]), sigmoid(outputs[self._logits][0]))


class DetrResults:
    """Export with postprocessing.

    labels, boxes, scores: indices of the outputs. Boxes are in pixels of the size input.
    """

    name: ClassVar[str] = "D-FINE or RT-DETR"
    wants = PLAIN
    threshold = 0.45
    overlaps = False

    def __init__(self, labels: int, boxes: int, scores: int, classes: int) -> None:
        self._labels, self._boxes, self._scores, self._classes = labels, boxes, scores, classes

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        table = as_columns(outputs[self._labels][0], outputs[self._scores][0], self._classes)
        return ModelOutput(np.asarray(outputs[self._boxes][0], np.float32), table)
