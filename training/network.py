"""The network: edges of what moves, in places and directions, and a small layer that has learnt what they make.

What is learnt is only what is behind the edges, so that minutes of a processor do, and a few thousand crops. All of it
is one ONNX file: uint8 [n, 2, 64, 64] (luma, mask) in, float32 [n, 4] out, whose rows add up to 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tawny.detection.kind_model import KINDS, SIDE

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
    found = []
    for n, layer in enumerate(layers):
        w1 = layer.w1 / layer.scale[:, None]
        values = {"w1": w1, "b1": layer.b1 - layer.mean @ w1, "w2": layer.w2, "b2": layer.b2}
        constants |= {f"{name}_{n}": value for name, value in values.items()}
        nodes += [
            helper.make_node("Gemm", ["features", f"w1_{n}", f"b1_{n}"], [f"sum_{n}"]),
            helper.make_node("Relu", [f"sum_{n}"], [f"hidden_{n}"]),
            helper.make_node("Gemm", [f"hidden_{n}", f"w2_{n}", f"b2_{n}"], [f"logits_{n}"]),
        ]
        found.append(f"logits_{n}")
    nodes += [helper.make_node("Mean", found, ["logits"]), helper.make_node("Softmax", ["logits"], ["kinds"], axis=1)]
    return _serialised(nodes, constants, "kinds", len(KINDS))


def _features() -> tuple[list[Any], dict[str, Any]]:
    small, mixed = SIDE // STEP, _directions()
    constants: dict[str, Any] = {
        "zero": np.array([0], np.int64), "one": np.array([1], np.int64), "two": np.array([2], np.int64),
        "flat": np.float32(FLAT), "tiny": np.float32(1e-6), "little": np.float32(1e-4),
        "channel": np.array([1], np.int64), "as_list": np.array([0, 2, small * small], np.int64),
        "as_places": np.array([0, DIRECTIONS, small, small], np.int64),
        "bell": _felt(0), "bell_across": _felt(0).T.copy(), "slope": _felt(1), "slope_across": _felt(1).T.copy(),
        "directions": mixed, "energies": mixed.T @ mixed,
        "rows": _averages(SIDE, CELLS), "columns": _averages(SIDE, CELLS).T.copy(),
        "mask_rows": _averages(SIDE, CELLS) / np.float32(255),
        "half_rows": _averages(SIDE, small) / np.float32(255), "half_columns": _averages(SIDE, small).T.copy(),
        "edge_rows": _averages(small, CELLS), "edge_columns": _averages(small, CELLS).T.copy(),
    }  # fmt: skip
    node: Any = helper.make_node
    nodes = [
        node("Cast", ["crops"], ["values"], to=TensorProto.FLOAT),
        node("Slice", ["values", "zero", "one", "channel"], ["luma"]),
        node("Slice", ["values", "one", "two", "channel"], ["mask"]),
        node("ReduceMean", ["luma"], ["mean"], axes=[2, 3], keepdims=1),
        node("Sub", ["luma", "mean"], ["centred"]),
        node("Mul", ["centred", "centred"], ["squared"]),
        node("ReduceMean", ["squared"], ["variance"], axes=[2, 3], keepdims=1),
        node("Add", ["variance", "flat"], ["not_flat"]),
        node("Sqrt", ["not_flat"], ["spread"]),
        node("Div", ["centred", "spread"], ["light"]),
        # how it changes across and down, then in all directions: [n, 2, 32 * 32] -> [n, 8, 32 * 32]
        *_product("light", "bell", "slope_across", "across"),
        *_product("light", "slope", "bell_across", "down"),
        node("Concat", ["across", "down"], ["both"], axis=1),
        node("Reshape", ["both", "as_list"], ["changes"]),
        node("MatMul", ["energies", "changes"], ["weighed"]),
        node("Mul", ["weighed", "changes"], ["of_each"]),
        node("ReduceSum", ["of_each", "channel"], ["energy"], keepdims=1),
        node("Add", ["energy", "tiny"], ["some_energy"]),
        # an edge's strength is its slope to the power of 4 by the energy to that of 1.5
        node("Sqrt", ["some_energy"], ["root"]),
        node("Sqrt", ["root"], ["fourth_root"]),
        node("Sqrt", ["fourth_root"], ["eighth_root"]),
        node("Mul", ["fourth_root", "eighth_root"], ["amount"]),
        node("Div", ["changes", "amount"], ["evened_changes"]),
        node("MatMul", ["directions", "evened_changes"], ["slopes"]),
        node("Mul", ["slopes", "slopes"], ["strength"]),
        node("Mul", ["strength", "strength"], ["felt_list"]),
        node("Reshape", ["felt_list", "as_places"], ["felt"]),
        *_product("mask", "half_rows", "half_columns", "half_mask"),
        node("Mul", ["felt", "half_mask"], ["felt_moving"]),
        *_product("felt", "edge_rows", "edge_columns", "felt_placed"),
        *_product("felt_moving", "edge_rows", "edge_columns", "moving_placed"),
        node("Concat", ["felt_placed", "moving_placed"], ["placed"], axis=1),
        node("Add", ["placed", "little"], ["not_nothing"]),
        node("Sqrt", ["not_nothing"], ["evened"]),
        node("Mul", ["light", "mask"], ["light_moving"]),
        *_product("light", "rows", "columns", "light_placed"),
        *_product("mask", "mask_rows", "columns", "mask_placed"),
        *_product("light_moving", "mask_rows", "columns", "light_moving_placed"),
        node("Concat", ["evened", "light_placed", "mask_placed", "light_moving_placed"], ["together"], axis=1),
        node("Flatten", ["together"], ["features"]),
    ]
    return nodes, constants


def _product(picture: str, rows: str, columns: str, result: str) -> list[Any]:
    """rows @ picture @ columns: pooling and filters as two small products take a fraction of the time."""
    of_columns = f"{result}_of_columns"
    return [
        helper.make_node("MatMul", [picture, columns], [of_columns]),
        helper.make_node("MatMul", [rows, of_columns], [result]),
    ]


def _averages(long: int, short: int) -> Floats:
    """float32 [short, long]: each row takes the mean of its piece."""
    return np.asarray(np.kron(np.eye(short), np.full((1, long // short), short / long)), np.float32)


def _felt(power: int) -> Floats:
    """float32 [SIDE // STEP, SIDE]: a bell (0), or its slope (1), at every second pixel; edges go on outside."""
    at = np.arange(KERNEL) - KERNEL // 2
    made = np.zeros((SIDE // STEP, SIDE), np.float32)
    for row in range(len(made)):
        for x in at:
            made[row, np.clip(row * STEP + x, 0, SIDE - 1)] += x**power * np.exp(-x * x / 2.0)
    return made


def _directions() -> Floats:
    """float32 [DIRECTIONS, 2]: what of the change across and down makes the slope in each direction."""
    at = np.arange(KERNEL) - KERNEL // 2
    y, x = np.meshgrid(at, at, indexing="ij")
    bell = np.exp(-(x * x + y * y) / 2.0)
    turns = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    ways = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    sizes = [np.abs((x * across + y * down) * bell).sum() for across, down in ways]
    return np.asarray(ways / np.array(sizes)[:, None], np.float32)


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
