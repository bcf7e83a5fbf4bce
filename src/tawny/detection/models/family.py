"""Common parts of the model families. A family decodes the outputs of one type of model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from tawny.detection.models.preprocess import InputNormalisation, Size


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
