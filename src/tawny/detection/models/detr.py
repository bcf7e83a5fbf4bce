"""Models that answer with a few hundred boxes, each once: RT-DETR, D-FINE, RF-DETR.

Two ways of export: with the last step (labels, boxes, scores; a second input has the picture's size), or without
(boxes as centre and size in shares of the input, and a logit for each class).
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tawny.detection.models.family import ModelOutput, around, as_columns, sigmoid
from tawny.detection.models.preprocess import IMAGENET, InputNormalisation, Size

PLAIN = InputNormalisation(stretched=True, spread=(255.0, 255.0, 255.0))
NORMED = InputNormalisation(stretched=True, mean=IMAGENET[0], spread=IMAGENET[1])
OLD_NUMBERS = 91
"""RF-DETR counts classes as COCO did at first..."""


class DetrQueries:
    """boxes, logits: which of the outputs they are."""

    name: ClassVar[str] = "DETR"
    threshold = 0.4
    overlaps = False

    def __init__(self, boxes: int, logits: int, classes: int) -> None:
        self._boxes, self._logits = boxes, logits
        # ...and gives boxes before logits, whatever it was trained for; it is the one that wants ImageNet's means
        self.wants = NORMED if classes == OLD_NUMBERS or boxes < logits else PLAIN

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        boxes = outputs[self._boxes][0] * np.array([size.width, size.height] * 2, np.float32)
        return ModelOutput(around(boxes[:, :2], boxes[:, 2:]), sigmoid(outputs[self._logits][0]))


class DetrResults:
    """labels, boxes, scores: which of the outputs they are. Boxes are in pixels of the size that was told."""

    name: ClassVar[str] = "D-FINE or RT-DETR"
    wants = PLAIN
    threshold = 0.45
    overlaps = False

    def __init__(self, labels: int, boxes: int, scores: int, classes: int) -> None:
        self._labels, self._boxes, self._scores, self._classes = labels, boxes, scores, classes

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        table = as_columns(outputs[self._labels][0], outputs[self._scores][0], self._classes)
        return ModelOutput(np.asarray(outputs[self._boxes][0], np.float32), table)
