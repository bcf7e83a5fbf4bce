"""Runs a small network with numpy, which saves 30 MB of onnxruntime."""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
OPSETS: Final = range(13, 18)
"""Versions of the operators implemented here."""
_TYPES: Final[Mapping[int, type]] = {1: np.float32, 2: np.uint8, 7: np.int64}
"""numpy types by TensorProto.DataType."""
_MALFORMED: Final = (IndexError, KeyError, ValueError, TypeError, struct.error)


class UnsupportedModel(Exception):
    """The file is no ONNX model, or uses what this module does not implement."""


class TensorInfo(NamedTuple):
    """An input or output. shape: sizes, or names of variable ones. type: as onnxruntime writes it."""

    name: str
    shape: list[int | str]
    type: str


class _Node(NamedTuple):
    apply: Callable[..., Array]
    given: tuple[str, ...]
    result: str
    attributes: Mapping[str, Any]


class NumpyModel:
    """A model in memory, with the methods of `onnxruntime.InferenceSession` that type models need. Thread-safe.

    Raises UnsupportedModel, and OSError if the file cannot be read.
    """

    def __init__(self, file: Path) -> None:
        content = file.read_bytes()
        try:
            self._load(content)
        except _MALFORMED as error:
            raise UnsupportedModel(f"{file}: {error!r}") from error

    def _load(self, content: bytes) -> None:
        model = _grouped(content)
        opsets = [_grouped(one) for one in model[8]]
        if any((1 in one and one[1][0]) or one[2][0] not in OPSETS for one in opsets):
            raise UnsupportedModel("its operators are of another version or domain")
        graph = _grouped(model[7][0])
        self._constants = dict(_tensor(one) for one in graph.get(5, []))
        self._nodes = [_node(one) for one in graph[1]]
        self._inputs = [info for info in map(_info, graph[11]) if info.name not in self._constants]
        self._outputs = [_info(one) for one in graph[12]]
        self._spent = _last_uses(self._nodes, {*self._constants, *(one.name for one in self._outputs)})

    def get_inputs(self) -> Sequence[TensorInfo]:
        return self._inputs

    def get_outputs(self) -> Sequence[TensorInfo]:
        return self._outputs

    def run(self, names: Sequence[str] | None, feed: Mapping[str, Array]) -> list[Array]:
        """Return these outputs, or all. feed: the inputs by name."""
        values = {**self._constants, **feed}
        for node, spent in zip(self._nodes, self._spent, strict=True):
            values[node.result] = node.apply(*(values[name] for name in node.given), **node.attributes)
            for name in spent:  # all results of a dozen crops would take 4 MB
                del values[name]
        return [values[name] for name in names or [one.name for one in self._outputs]]


def _last_uses(nodes: Sequence[_Node], kept: set[str]) -> list[set[str]]:
    """Return for each node the values that no later one takes. kept: never among them."""
    used, spent = set(kept), list[set[str]]()
    for node in reversed(nodes):
        spent.append({node.result, *node.given} - used)
        used |= spent[-1]
    return spent[::-1]


# --- operators --------------------------------------------------------------------------------------------------------


def _slice(data: Array, starts: Array, ends: Array, axes: Array) -> Array:
    part = [slice(None)] * data.ndim
    for start, end, axis in zip(starts.tolist(), ends.tolist(), axes.tolist(), strict=True):
        part[axis] = slice(start, end)
    return data[tuple(part)]


def _gemm(a: Array, b: Array, c: Array) -> Array:
    return np.asarray(a @ b + c)


def softmax(data: Array, axis: int = -1) -> Array:
    powers = np.exp(data - data.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def _mean(*values: Array) -> Array:
    return np.asarray(sum(values[1:], values[0]) / np.float32(len(values)))


_OPERATORS: Final[Mapping[str, Callable[..., Array]]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Sqrt": np.sqrt, "MatMul": np.matmul,
    "Cast": lambda data, to: data.astype(_TYPES[to]),
    "Concat": lambda *parts, axis: np.concatenate(parts, axis),
    "Flatten": lambda data: data.reshape(len(data), -1),
    "Gemm": _gemm,
    "Mean": _mean,
    "ReduceMean": lambda data, axes, keepdims=1: data.mean(tuple(axes), keepdims=bool(keepdims)),
    "ReduceSum": lambda data, axes, keepdims=1: data.sum(tuple(axes), keepdims=bool(keepdims)),
    "Relu": lambda data: np.maximum(data, 0),
    "Reshape": lambda data, shape: data.reshape(
        [data.shape[n] if size == 0 else size for n, size in enumerate(shape.tolist())]
    ),
    "Slice": _slice,
    "Softmax": softmax,
    "Unsqueeze": lambda data, axes: np.expand_dims(data, tuple(axes.tolist())),
}  # fmt: skip
_ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "Cast": frozenset({"to"}), "Concat": frozenset({"axis"}), "ReduceMean": frozenset({"axes", "keepdims"}),
    "ReduceSum": frozenset({"keepdims"}), "Softmax": frozenset({"axis"}),
}  # fmt: skip
"""Implemented attributes by operator."""


# --- the file (protocol buffers, onnx.proto) --------------------------------------------------------------------------


def _node(content: bytes) -> _Node:
    found = _grouped(content)
    kind = found[4][0].decode()
    attributes = dict(_attribute(one) for one in found.get(5, []))
    if kind not in _OPERATORS or not attributes.keys() <= _ATTRIBUTES.get(kind, frozenset()) or len(found[2]) != 1:
        raise UnsupportedModel(f"it uses {kind} with {', '.join(attributes) or 'no attributes'}")
    given = tuple(name.decode() for name in found.get(1, []))
    return _Node(_OPERATORS[kind], given, found[2][0].decode(), attributes)


def _attribute(content: bytes) -> tuple[str, Any]:
    """Return name and value of an attribute: an integer or several."""
    found = _grouped(content)
    value = _integers(found[8]) if 8 in found else _signed(found[3][0])
    return found[1][0].decode(), value


def _tensor(content: bytes) -> tuple[str, Array]:
    found = _grouped(content)
    values = np.frombuffer(found[9][0], np.dtype(_TYPES[found[2][0]]).newbyteorder("<"))
    return found[8][0].decode(), values.reshape(_integers(found.get(1, [])))


def _info(content: bytes) -> TensorInfo:
    found = _grouped(content)
    tensor = _grouped(_grouped(found[2][0])[1][0])
    sizes = [_grouped(one) for one in _grouped(tensor[2][0]).get(1, [])]
    shape = [one[1][0] if 1 in one else one.get(2, [b""])[0].decode() for one in sizes]
    kind = {1: "float", 2: "uint8", 7: "int64"}[tensor[1][0]]
    return TensorInfo(found[1][0].decode(), shape, f"tensor({kind})")


def _integers(values: Sequence[Any]) -> list[int]:
    """Return repeated integers, packed or not."""
    found: list[int] = []
    for value in values:
        at = 0
        if isinstance(value, int):
            found.append(_signed(value))
            continue
        while at < len(value):
            one, at = _varint(value, at)
            found.append(_signed(one))
    return found


def _grouped(content: bytes) -> dict[int, list[Any]]:
    """Return the fields of a message by number: integers, or bytes."""
    found: dict[int, list[Any]] = {}
    for number, value in _fields(content):
        found.setdefault(number, []).append(value)
    return found


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(content, at)
            yield key >> 3, value
            continue
        size, at = _varint(content, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
        if at + size > len(content):
            raise ValueError("the file ends too early")
        yield key >> 3, content[at : at + size]
        at += size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return the integer at this position and the position after it."""
    value = shift = 0
    while True:
        byte = content[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
