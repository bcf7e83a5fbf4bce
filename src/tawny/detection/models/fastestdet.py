"""FastestDet (dog-qiuqiu): one scale, output [1, 5 + classes, rows, columns]."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tawny.detection.models.family import ModelOutput, around, sigmoid
from tawny.detection.models.preprocess import InputNormalisation, Size

CERTAIN, ALIKE = 0.6, 0.4
"""Exponents of objectness and class score in the combined score."""


class FastestDet:
    name: ClassVar[str] = "FastestDet"
    wants = InputNormalisation(stretched=True, is_bgr=True, spread=(255.0, 255.0, 255.0))
    threshold = 0.6
    overlaps = True

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        planes = outputs[0][0]
        rows, columns = planes.shape[1:]
        y, x = np.mgrid[0:rows, 0:columns]
        centres = np.stack([(x + np.tanh(planes[1])) / columns, (y + np.tanh(planes[2])) / rows], axis=-1)
        pixels = np.array([size.width, size.height], np.float32)
        sizes = np.stack([sigmoid(planes[3]), sigmoid(planes[4])], axis=-1)
        boxes = around(centres.reshape(-1, 2) * pixels, sizes.reshape(-1, 2) * pixels)
        scores = planes[0].reshape(-1, 1) ** CERTAIN * planes[5:].reshape(planes.shape[0] - 5, -1).T ** ALIKE
        return ModelOutput(boxes, scores)
