"""Models that return box lists without overlaps: RTMDet, SSD, and PicoDet with postprocessing."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tawny.detection.models.detr import PLAIN
from tawny.detection.models.family import ModelOutput, as_columns
from tawny.detection.models.nanodet import NANODET, PICODET
from tawny.detection.models.preprocess import IMAGENET, InputNormalisation, Size

RTMDET = InputNormalisation(is_bgr=True, mean=NANODET.mean, spread=NANODET.spread)
BYTES = InputNormalisation(stretched=True, channels_last=True, as_bytes=True)
OLD_NUMBERS = 91
USUAL = (80, OLD_NUMBERS)
MOST_ROWS = 100
"""Maximum number of rows of PicoDet with postprocessing; RT-DETR always gives 300."""


class RtmDet:
    """dets [1, n, 5]: x0 y0 x1 y1 in pixels of the input and score; labels [1, n] (Lyu and others, 2022)."""

    name: ClassVar[str] = "RTMDet"
    wants = RTMDET
    threshold = 0.4
    overlaps = False

    def __init__(self, dets: int, labels: int, classes: int) -> None:
        self._dets, self._labels, self._classes = dets, labels, classes

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        dets = np.asarray(outputs[self._dets][0], np.float32).reshape(-1, 5)
        return ModelOutput(dets[:, :4], as_columns(outputs[self._labels][0].reshape(-1), dets[:, 4], self._classes))


class BoxRows:
    """[n, 6]: class, score, x0 y0 x1 y1 in pixels of the input; PaddleDetection's export with postprocessing."""

    name: ClassVar[str] = "PicoDet"
    wants = PICODET
    threshold = 0.42
    overlaps = False

    def __init__(self, rows: int, classes: int) -> None:
        self._rows, self._classes = rows, classes

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        rows = np.asarray(outputs[self._rows], np.float32).reshape(-1, 6)
        return ModelOutput(rows[:, 2:], as_columns(rows[:, 0], rows[:, 1], self._classes))


class PaddleRtDetr(BoxRows):
    """The same export of RT-DETR, which needs no mean subtraction."""

    name: ClassVar[str] = "RT-DETR"
    wants = PLAIN
    threshold = 0.45


class Ssd:
    """boxes, classes, scores: [1, n, 4], [1, n], [1, n] (Liu and others, 2016), in shares of the image.

    by_rows: boxes are y0 x0 y1 x1, as in TensorFlow's exporter, usually with the original COCO class numbers. Else x0
    y0 x1 y1 and classes from 1, as in the ONNX model zoo.
    """

    name: ClassVar[str] = "SSD"
    threshold = 0.5
    overlaps = False

    def __init__(self, boxes: int, labels: int, scores: int, classes: int, *, by_rows: bool) -> None:
        self._boxes, self._labels, self._scores, self._by_rows = boxes, labels, scores, by_rows
        self.wants = BYTES if by_rows else InputNormalisation(stretched=True, mean=IMAGENET[0], spread=IMAGENET[1])
        self._old_numbers = by_rows and classes in USUAL
        self._classes = OLD_NUMBERS if self._old_numbers else classes

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        boxes = np.asarray(outputs[self._boxes], np.float32).reshape(-1, 4)
        labels, scores = outputs[self._labels].reshape(-1), outputs[self._scores].reshape(-1)
        if self._by_rows:
            boxes = boxes[:, [1, 0, 3, 2]]
        if not self._old_numbers:
            labels = labels - 1
        boxes = boxes * np.array([size.width, size.height] * 2, np.float32)
        return ModelOutput(boxes, as_columns(labels, scores, self._classes))


class CaffeSsd:
    """[1, 1, n, 7]: image, class from 1, score, x0 y0 x1 y1 in shares; the output format of Caffe and OpenVINO."""

    name: ClassVar[str] = "SSD"
    wants = InputNormalisation(stretched=True, is_bgr=True)
    threshold = 0.5
    overlaps = False

    def __init__(self, classes: int) -> None:
        self._classes = classes

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        rows = np.asarray(outputs[0], np.float32).reshape(-1, 7)
        rows = rows[rows[:, 0] >= 0]  # a row of -1 ends the list
        boxes = rows[:, 3:] * np.array([size.width, size.height] * 2, np.float32)
        return ModelOutput(boxes, as_columns(rows[:, 1] - 1, rows[:, 2], self._classes))
