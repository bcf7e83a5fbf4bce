"""Identification of the model family by the shapes of its outputs for one image, never by file name."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tawny.detection.models.box_lists import MOST_ROWS, BoxRows, CaffeSsd, PaddleRtDetr, RtmDet, Ssd
from tawny.detection.models.detr import DetrQueries, DetrResults
from tawny.detection.models.family import ModelFamily, cells
from tawny.detection.models.fastestdet import FastestDet
from tawny.detection.models.nanodet import EDGES, OLD_NANODET, NanoDetPlus, PicoDet, PicoDetBoxes
from tawny.detection.models.preprocess import Size
from tawny.detection.models.yolox import Yolox

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
