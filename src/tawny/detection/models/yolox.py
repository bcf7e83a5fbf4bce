"""YOLOX (Ge and others, 2021), in the format of its own exporter: [1, cells, 5 + classes]."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tawny.detection.models.family import ModelOutput, around, corners
from tawny.detection.models.preprocess import InputNormalisation, Size


class Yolox:
    """is_decoded: the export includes grid decoding, so boxes are in pixels."""

    name: ClassVar[str] = "YOLOX"
    wants = InputNormalisation(is_bgr=True)
    threshold = 0.35
    overlaps = True
    strides = (8, 16, 32)

    def __init__(self, *, is_decoded: bool) -> None:
        self._is_decoded = is_decoded

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        rows = outputs[0][0]
        centres, sizes = rows[:, 0:2], rows[:, 2:4]
        if not self._is_decoded:
            places = [corners(size, stride) for stride in self.strides]
            strides = np.repeat(np.array(self.strides, np.float32), [len(one) for one in places])[:, None]
            centres = (centres + np.concatenate(places)) * strides
            sizes = np.exp(np.minimum(sizes, 10.0)) * strides
        return ModelOutput(around(centres, sizes), rows[:, 4:5] * rows[:, 5:])
