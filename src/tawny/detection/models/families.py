"""Families of object models: what their outputs mean. The family is found by the shapes of the outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from tawny.model.observations import Box

# Pictures as models take them, and boxes back in shares of the frame.


GREY = 114
"""Padding value of models that keep the aspect ratio, as in their training."""
IMAGENET = ((0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255))
"""Mean and standard deviation of red, green and blue in the ImageNet data set."""


@dataclass(frozen=True)
class InputNormalisation:
    """Input format: (value - mean) / spread, in channel order.

    stretched: resize to the input's size in both directions; else keep the aspect ratio, at the top left or in the
    middle. beside: padding value.
    """

    stretched: bool = False
    in_the_middle: bool = False
    beside: int = GREY
    is_bgr: bool = False
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spread: tuple[float, float, float] = (1.0, 1.0, 1.0)
    channels_last: bool = False
    as_bytes: bool = False


@dataclass(frozen=True)
class Size:
    width: int
    height: int


@dataclass(frozen=True)
class FittedInput:
    """A model input.

    values: [1, 3, height, width] or [1, height, width, 3]. across, down: size of the image in it, px. left, top: its
    offset, px.
    """

    values: Any
    across: float
    down: float
    left: float = 0.0
    top: float = 0.0

    def shares(self, boxes: Any) -> Any:
        """Return boxes as shares of the image, 0..1. boxes: float [n, 4], x0 y0 x1 y1 in pixels of the input."""
        scale = np.array([self.across, self.down, self.across, self.down], np.float32)
        begin = np.array([self.left, self.top, self.left, self.top], np.float32)
        return np.clip((boxes - begin) / scale, 0.0, 1.0)


def fit(rgb: Any, size: Size, wants: InputNormalisation) -> FittedInput:
    """Return the model input for an image, uint8 [height, width, 3]."""
    import cv2  # not at module level: recording works without OpenCV

    rows, columns = rgb.shape[:2]
    across, down = size.width, size.height
    if not wants.stretched:
        scale = min(size.height / rows, size.width / columns)
        across, down = max(1, int(columns * scale)), max(1, int(rows * scale))
    small = cv2.resize(rgb, (across, down), interpolation=cv2.INTER_LINEAR)
    if wants.is_bgr:
        small = small[:, :, ::-1]
    left = (size.width - across) // 2 if wants.in_the_middle else 0
    top = (size.height - down) // 2 if wants.in_the_middle else 0
    canvas = np.full((size.height, size.width, 3), wants.beside, np.uint8)
    canvas[top : top + down, left : left + across] = small
    values: Any = canvas[None]
    if not wants.as_bytes:
        values = (values - np.array(wants.mean, np.float32)) / np.array(wants.spread, np.float32)
    if not wants.channels_last:
        values = np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    return FittedInput(values, float(across), float(down), float(left), float(top))


def within(box: Box, part: Box) -> Box:
    """Return a box in shares of the frame. box: in shares of `part`."""
    x0, y0, x1, y1 = part
    width, height = x1 - x0, y1 - y0
    return (x0 + box[0] * width, y0 + box[1] * height, x0 + box[2] * width, y0 + box[3] * height)


# Common parts of the model families. A family decodes the outputs of one type of model.


@dataclass(frozen=True)
class ModelOutput:
    """Decoded outputs.

    boxes: float32 [n, 4], x0 y0 x1 y1 in pixels of the input. scores: float32 [n, classes], 0..1.
    """

    boxes: Any
    scores: Any


class ModelFamily(Protocol):
    """A family of models: its input format and the meaning of its outputs."""

    name: ClassVar[str]
    wants: InputNormalisation
    threshold: float
    """Default minimum score of a detection."""
    overlaps: bool
    """Whether it detects an object several times, so that non-maximum suppression is needed."""

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        """Decode the outputs for one image. size: of the input."""
        ...


def sigmoid(values: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0)))


def softmax(values: Any) -> Any:
    """Return the softmax over the last axis."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def around(centres: Any, sizes: Any) -> Any:
    """Return boxes by their corners. centres, sizes: [n, 2], x and y."""
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=-1).astype(np.float32)


def as_columns(classes: Any, scores: Any, count: int) -> Any:
    """Return float32 [n, count] with one score per row at its class. Classes out of range are ignored."""
    table = np.zeros((len(scores), count), np.float32)
    classes = np.asarray(classes).astype(np.int64)
    known = (classes >= 0) & (classes < count)
    table[np.nonzero(known)[0], classes[known]] = np.asarray(scores, np.float32)[known]
    return table


def corners(size: Size, stride: int) -> Any:
    """Return column and row of each cell of this stride, row by row, float32 [cells, 2]."""
    columns, rows = -(-size.width // stride), -(-size.height // stride)
    y, x = np.mgrid[0:rows, 0:columns]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def cells(size: Size, strides: Sequence[int]) -> int:
    """Return the total number of cells of an image at these strides."""
    return sum(-(-size.width // stride) * -(-size.height // stride) for stride in strides)


# NanoDet (RangiLyu) and PicoDet (Yu and others, 2021): each cell gives the distances of four edges as distributions.

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


# YOLOX (Ge and others, 2021), in the format of its own exporter: [1, cells, 5 + classes].


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


# FastestDet (dog-qiuqiu): one scale, output [1, 5 + classes, rows, columns].

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


# Models that return a few hundred boxes without duplicates: RT-DETR, D-FINE, RF-DETR.

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


# Models that return box lists without overlaps: RTMDet, SSD, and PicoDet with postprocessing.

RTMDET = InputNormalisation(is_bgr=True, mean=NANODET.mean, spread=NANODET.spread)
BYTES = InputNormalisation(stretched=True, channels_last=True, as_bytes=True)
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


BINS = 8
"""Numbers per edge in every published NanoDet and PicoDet."""
RAW_REACH = 32.0
"""Raw offsets of YOLOX's grid stay within a few cells; larger values are pixels."""
OLD_STRIDES = 3
"""NanoDet's first release has three strides, PicoDet has four."""
MANY_LISTS = 7
"""TensorFlow's second exporter gives this many outputs; they resemble a DETR's but are not."""


def family_of(outputs: Sequence[Any], size: Size, classes: int) -> ModelFamily | None:
    """Return the model family, or None if unknown.

    outputs: the model's outputs for noise. classes: number of labels, for models whose outputs do not show it.
    """
    shapes = [tuple(one.shape) for one in outputs]
    if len(shapes) == 1:
        return _of_one(np.asarray(outputs[0]), shapes[0], size, classes)
    return _of_pairs(shapes) or _of_lists(outputs, shapes, size, classes)


def _of_one(output: Any, shape: tuple[int, ...], size: Size, classes: int) -> ModelFamily | None:
    match shape:
        case (1, count, columns) if count == cells(size, Yolox.strides) and columns > 5:
            return Yolox(is_decoded=bool(np.abs(output[0, :, :2]).max() > RAW_REACH))
        case (1, count, columns) if count == cells(size, NanoDetPlus.strides) and columns > EDGES * BINS:
            return NanoDetPlus(columns - EDGES * BINS)
        case (1, planes, rows, columns) if planes > 5 and rows > 1 and columns > 1:
            return FastestDet()
        case (1, 1, _, 7):
            return CaffeSsd(classes)
        case (count, 6):
            return _rows(0, count, classes)
    return None


def _of_pairs(shapes: Sequence[tuple[int, ...]]) -> ModelFamily | None:
    """Match a pair of scores and distributions for each stride."""
    if len(shapes) not in (6, 8) or any(len(shape) != 3 or shape[0] != 1 for shape in shapes):
        return None
    widths = {shape[2] for shape in shapes}
    edges = EDGES * BINS
    if len(widths) != 2 or edges not in widths:
        return None
    classes = next(width for width in widths if width != edges)
    return PicoDet(classes, OLD_NANODET) if len(shapes) // 2 == OLD_STRIDES else PicoDet(classes)


def _of_lists(
    outputs: Sequence[Any], shapes: Sequence[tuple[int, ...]], size: Size, classes: int
) -> ModelFamily | None:
    """Match boxes with separate labels and scores."""
    rows = _where(shapes, lambda shape: len(shape) == 2 and shape[1] == 6)
    if rows is not None and len(shapes) == 2:
        return _rows(rows, shapes[rows][0], classes)
    dets = _where(shapes, lambda shape: len(shape) == 3 and shape[2] == 5)
    if dets is not None and len(shapes) == 2 and len(shapes[1 - dets]) == 2:
        return RtmDet(dets, 1 - dets, classes)
    boxes = _where(shapes, lambda shape: len(shape) == 3 and shape[0] == 1 and shape[2] == 4)
    if boxes is None:
        return None
    many = shapes[boxes][1]
    logits = _where(shapes, lambda shape: len(shape) == 3 and shape[1] == many and shape[2] != EDGES)
    if logits is not None and len(shapes) < MANY_LISTS:
        return DetrQueries(boxes, logits, shapes[logits][2])
    columns = _where(shapes, lambda shape: len(shape) == 3 and shape[0] == 1 and shape[2] == many and shape[1] != many)
    if columns is not None and len(shapes) == 2 and many == cells(size, PicoDetBoxes.strides):
        return PicoDetBoxes(boxes, columns)
    flat = [n for n, shape in enumerate(shapes) if shape == (1, many)]
    if len(flat) != 2:
        return None
    scores = next((n for n in flat if _is_scores(outputs[n])), flat[1])
    labels = next(n for n in flat if n != scores)
    if len(shapes) == 4:
        return Ssd(boxes, labels, scores, classes, by_rows=True)
    if outputs[boxes].size and np.abs(outputs[boxes]).max() <= 2.0 < size.width:
        return Ssd(boxes, labels, scores, classes, by_rows=False)
    return DetrResults(labels, boxes, scores, classes)


def _rows(at: int, count: int, classes: int) -> ModelFamily:
    """Return the family of an [n, 6] output. count: number of rows for noise."""
    return (BoxRows if count <= MOST_ROWS else PaddleRtDetr)(at, classes)


def _is_scores(values: Any) -> bool:
    """Return whether the values are scores: fractions in 0..1. Class numbers are whole."""
    return bool(np.issubdtype(values.dtype, np.floating) and values.size and np.any(values % 1) and values.max() <= 1)


def _where(shapes: Sequence[tuple[int, ...]], fits: Any) -> int | None:
    return next((n for n, shape in enumerate(shapes) if fits(shape)), None)
