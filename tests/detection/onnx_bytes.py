"""A tiny ONNX model, written byte by byte: so no package is needed to make one."""

import struct
from collections.abc import Sequence
from typing import Any


def _varint(n: int) -> bytes:
    made = b""
    while n > 127:
        made += bytes([n & 127 | 128])
        n >>= 7
    return made + bytes([n])


def _number(field: int, n: int) -> bytes:
    return _varint(field << 3) + _varint(n)


def _bytes(field: int, data: bytes | str) -> bytes:
    raw = data.encode() if isinstance(data, str) else data
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


FLOAT = 1


def _tensor(name: str, dims: tuple[int, ...], values: list[float]) -> bytes:
    sizes = b"".join(_number(1, n) for n in dims)
    return sizes + _number(2, FLOAT) + _bytes(8, name) + _bytes(9, struct.pack(f"<{len(values)}f", *values))


def _value(name: str, dims: tuple[int, ...]) -> bytes:
    shape = b"".join(_bytes(1, _number(1, n)) for n in dims)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, FLOAT) + _bytes(2, shape)))


def mean_model(length: int) -> bytes:
    """[1, length] in; [1, 2] out: the mean, and its opposite."""
    weights = [value for _ in range(length) for value in (1 / length, -1 / length)]
    node = _bytes(1, "samples") + _bytes(1, "weights") + _bytes(2, "scores") + _bytes(4, "MatMul")
    graph = (
        _bytes(1, node)
        + _bytes(2, "mean")
        + _bytes(5, _tensor("weights", (length, 2), weights))
        + _bytes(11, _value("samples", (1, length)))
        + _bytes(12, _value("scores", (1, 2)))
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13))


def spectrum_model(frames: int, bands: int, weights: Any, bias: Sequence[float]) -> bytes:
    """[1, frames, bands] in; [1, classes] out: the mean spectrum times the weights, plus the bias."""
    classes = len(bias)
    axes = _bytes(1, "axes") + _number(8, 1) + _number(20, 7)
    keeps = _bytes(1, "keepdims") + _number(3, 0) + _number(20, 2)
    mean = _bytes(1, "samples") + _bytes(2, "mean") + _bytes(4, "ReduceMean") + _bytes(5, axes) + _bytes(5, keeps)
    product = _bytes(1, "mean") + _bytes(1, "weights") + _bytes(2, "product") + _bytes(4, "MatMul")
    total = _bytes(1, "product") + _bytes(1, "bias") + _bytes(2, "scores") + _bytes(4, "Add")
    graph = (
        _bytes(1, mean)
        + _bytes(1, product)
        + _bytes(1, total)
        + _bytes(2, "spectrum")
        + _bytes(5, _tensor("weights", (bands, classes), [float(one) for row in weights for one in row]))
        + _bytes(5, _tensor("bias", (classes,), [float(one) for one in bias]))
        + _bytes(11, _value("samples", (1, frames, bands)))
        + _bytes(12, _value("scores", (1, classes)))
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13))
