"""What all readings of models' outputs have in common. A family is known by the shapes of its outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from tawny.detection.models.preprocess import InputNormalisation, Size


@dataclass(frozen=True)
class ModelOutput:
    """boxes: float32 [n, 4], x0 y0 x1 y1 in the input's pixels. scores: float32 [n, classes], 0..1."""

    boxes: Any
    scores: Any


class ModelFamily(Protocol):
    """A kind of model: how it wants its picture, and what its outputs say."""

    name: ClassVar[str]
    wants: InputNormalisation
    threshold: float
    """From this score on something is seen, unless told otherwise."""
    overlaps: bool
    """Whether it gives the same thing many times, so that all but the best must be taken out."""

    def read(self, outputs: Sequence[Any], size: Size) -> ModelOutput:
        """outputs: what the model gave for one picture. size: of its input."""
        ...


def sigmoid(values: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0)))


def softmax(values: Any) -> Any:
    """Over the last axis."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def around(centres: Any, sizes: Any) -> Any:
    """Boxes by their corners. centres, sizes: [n, 2], x and y."""
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=-1).astype(np.float32)


def as_columns(classes: Any, scores: Any, count: int) -> Any:
    """A class and its score each -> float32 [n, count] with one score a row. Classes out of range count for nothing."""
    table = np.zeros((len(scores), count), np.float32)
    classes = np.asarray(classes).astype(np.int64)
    known = (classes >= 0) & (classes < count)
    table[np.nonzero(known)[0], classes[known]] = np.asarray(scores, np.float32)[known]
    return table


def corners(size: Size, stride: int) -> Any:
    """float32 [cells, 2]: column and row of each cell of this stride, row by row."""
    columns, rows = -(-size.width // stride), -(-size.height // stride)
    y, x = np.mgrid[0:rows, 0:columns]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def cells(size: Size, strides: Sequence[int]) -> int:
    """How many cells a picture has at these strides together."""
    return sum(-(-size.width // stride) * -(-size.height // stride) for stride in strides)
