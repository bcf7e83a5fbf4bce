"""The network: edges of what moves, in places and directions, and a small layer that has learnt what they make.

What is learnt is only what is behind the edges, so that minutes of a processor do, and a few thousand crops. All of it
is one ONNX file: uint8 [n, 2, 64, 64] (luma, mask) in, float32 [n, 4] out, whose rows add up to 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tawny.watch.kinds import KINDS, SIDE

Floats = np.ndarray[Any, np.dtype[np.float32]]
OPSET, IR = 17, 9
DIRECTIONS = 8
KERNEL = 5
"""Pixels of what an edge is felt with..."""
STEP = 2
"""...at every second one."""
CELLS = 8
"""Places in either direction for which edges are added up."""
FLAT = 25.0
"""Variance of a crop, in levels squared, below which contrast is not stretched any more."""
FEATURES = (2 * DIRECTIONS + 3) * CELLS * CELLS


@dataclass(frozen=True)
class Layer:
    """What is learnt. mean, scale: float32 [features]. w1: [features, hidden], b1, w2: [hidden, kinds], b2."""

    mean: Floats
    scale: Floats
    w1: Floats
    b1: Floats
    w2: Floats
    b2: Floats

    @property
    def parameters(self) -> int:
        return sum(int(one.size) for one in (self.w1, self.b1, self.w2, self.b2))


def features_model() -> bytes:
    """The part before the learnt one: `crops` -> `features`, float32 [n, FEATURES]."""
    return _serialised(*_features(), "features", FEATURES)


def whole_model(layers: list[Layer]) -> bytes:
    """`crops` -> `kinds`. Several layers, trained from different seeds, say together what they think on average."""
    nodes, constants = _features()
    said = []
    for n, layer in enumerate(layers):
        w1 = layer.w1 / layer.scale[:, None]
        values = {"w1": w1, "b1": layer.b1 - layer.mean @ w1, "w2": layer.w2, "b2": layer.b2}
        constants |= {f"{name}_{n}": value for name, value in values.items()}
        nodes += [
            helper.make_node("Gemm", ["features", f"w1_{n}", f"b1_{n}"], [f"sum_{n}"]),
            helper.make_node("Relu", [f"sum_{n}"], [f"hidden_{n}"]),
            helper.make_node("Gemm", [f"hidden_{n}", f"w2_{n}", f"b2_{n}"], [f"logits_{n}"]),
        ]
        said.append(f"logits_{n}")
    nodes += [helper.make_node("Mean", said, ["logits"]), helper.make_node("Softmax", ["logits"], ["kinds"], axis=1)]
    return _serialised(nodes, constants, "kinds", len(KINDS))


def _features() -> tuple[list[Any], dict[str, Any]]:
    constants: dict[str, Any] = {
        "zero": np.array([0], np.int64), "one": np.array([1], np.int64), "two": np.array([2], np.int64),
        "flat": np.float32(FLAT), "tiny": np.float32(1e-6), "full": np.float32(1 / 255), "edges": _edges(),
        "little": np.float32(1e-4), "pads": np.array([0, 0, 2, 2, 0, 0, 2, 2], np.int64),
        "channel": np.array([1], np.int64), "much": np.float32(1.5),
    }  # fmt: skip
    pixels, of_edges = [SIDE // CELLS] * 2, [SIDE // CELLS // STEP] * 2
    node: Any = helper.make_node
    nodes = [
        node("Cast", ["crops"], ["values"], to=TensorProto.FLOAT),
        node("Slice", ["values", "zero", "one", "channel"], ["luma"]),
        node("Slice", ["values", "one", "two", "channel"], ["raw_mask"]),
        node("Mul", ["raw_mask", "full"], ["mask"]),
        node("ReduceMean", ["luma"], ["mean"], axes=[2, 3], keepdims=1),
        node("Sub", ["luma", "mean"], ["centred"]),
        node("Mul", ["centred", "centred"], ["squared"]),
        node("ReduceMean", ["squared"], ["variance"], axes=[2, 3], keepdims=1),
        node("Add", ["variance", "flat"], ["not_flat"]),
        node("Sqrt", ["not_flat"], ["spread"]),
        node("Div", ["centred", "spread"], ["light"]),
        node("Pad", ["light", "pads"], ["padded"], mode="edge"),
        node("Conv", ["padded", "edges"], ["slopes"], strides=[STEP, STEP]),
        node("Mul", ["slopes", "slopes"], ["strength"]),
        node("ReduceSum", ["strength", "channel"], ["energy"], keepdims=1),
        node("Add", ["energy", "tiny"], ["some_energy"]),
        node("Pow", ["some_energy", "much"], ["weight"]),
        node("Mul", ["strength", "strength"], ["sharp"]),
        node("Div", ["sharp", "weight"], ["felt"]),
        node("AveragePool", ["mask"], ["half_mask"], kernel_shape=[STEP, STEP], strides=[STEP, STEP]),
        node("Mul", ["felt", "half_mask"], ["felt_moving"]),
        node("Concat", ["felt", "felt_moving"], ["all_felt"], axis=1),
        node("AveragePool", ["all_felt"], ["placed"], kernel_shape=of_edges, strides=of_edges),
        node("Add", ["placed", "little"], ["not_nothing"]),
        node("Sqrt", ["not_nothing"], ["evened"]),
        node("Mul", ["light", "mask"], ["light_moving"]),
        node("Concat", ["light", "mask", "light_moving"], ["plain"], axis=1),
        node("AveragePool", ["plain"], ["plain_placed"], kernel_shape=pixels, strides=pixels),
        node("Concat", ["evened", "plain_placed"], ["together"], axis=1),
        node("Flatten", ["together"], ["features"]),
    ]
    return nodes, constants


def _edges() -> Floats:
    """Slopes in so many directions: derivatives of a Gaussian, float32 [DIRECTIONS, 1, KERNEL, KERNEL]."""
    at = np.arange(KERNEL) - KERNEL // 2
    y, x = np.meshgrid(at, at, indexing="ij")
    bell = np.exp(-(x * x + y * y) / 2.0)
    turns = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    kernels = np.stack([(x * np.cos(turn) + y * np.sin(turn)) * bell for turn in turns])
    return np.asarray(kernels / np.abs(kernels).sum(axis=(1, 2), keepdims=True), np.float32)[:, None]


def _serialised(nodes: list[Any], constants: dict[str, Any], output: str, width: int) -> bytes:
    graph = helper.make_graph(
        nodes, "kinds",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", 2, SIDE, SIDE])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", width])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
