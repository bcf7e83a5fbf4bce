"""ONNX models for tests: tiny, and of the shapes that the real ones have. They say what a test wants them to say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

KINDS = {
    np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.float16): TensorProto.FLOAT16,
    np.dtype(np.int64): TensorProto.INT64,
}  # fmt: skip


def saying(
    file: Path,
    outputs: Mapping[str, Any],
    *,
    shape: tuple[int | str, ...] = (1, 3, 64, 64),
    others: Mapping[str, tuple[int, tuple[int, ...]]] | None = None,
    kind: int = TensorProto.FLOAT,
) -> Path:
    """A model that gives these arrays whatever it is shown. others: its further inputs, by name: type and shape."""
    inputs = [helper.make_tensor_value_info("images", kind, shape)]
    inputs += [helper.make_tensor_value_info(name, *rest) for name, rest in (others or {}).items()]
    values = [numpy_helper.from_array(array, f"{name}_") for name, array in outputs.items()]
    nodes = [helper.make_node("Identity", [f"{name}_"], [name]) for name in outputs]
    given = [helper.make_tensor_value_info(n, KINDS[a.dtype], a.shape) for n, a in outputs.items()]
    graph = helper.make_graph(nodes, "says", inputs, given, values)
    return _saved(file, graph)


def bright(file: Path, *, size: int = 64, classes: int = 80, batch: int | str = 1) -> Path:
    """Raw YOLOX: each cell is a person as wide as its stride, as surely as the cell is bright all over (0..255)."""
    nodes, rows = [], []
    for stride in (8, 16, 32):
        cells, side = (size // stride) ** 2, [stride, stride]
        nodes += [
            helper.make_node("AveragePool", ["images"], [f"mean{stride}"], kernel_shape=side, strides=side),
            helper.make_node("ReduceMean", [f"mean{stride}", "channel"], [f"grey{stride}"], keepdims=1),
            helper.make_node("Div", [f"grey{stride}", "white"], [f"sure{stride}"]),
            helper.make_node("Reshape", [f"sure{stride}", f"shape{stride}"], [f"one{stride}"]),
            helper.make_node("Mul", [f"one{stride}", "none"], [f"no{stride}"]),  # as many of the rest as of pictures
            helper.make_node("Add", [f"box{stride}", f"no{stride}"], [f"boxes{stride}"]),
            helper.make_node("Add", [f"class{stride}", f"no{stride}"], [f"kinds{stride}"]),
            helper.make_node("Concat", [f"boxes{stride}", f"one{stride}", f"kinds{stride}"], [f"rows{stride}"], axis=2),
        ]
        rows.append(f"rows{stride}")
        middles = np.zeros((1, cells, 4), np.float32)
        middles[..., :2] = 0.5
        kinds = np.zeros((1, cells, classes), np.float32)
        kinds[..., 0] = 1.0
        nodes += [_constant(f"box{stride}", middles), _constant(f"class{stride}", kinds)]
        nodes.append(_constant(f"shape{stride}", np.array([-1, cells, 1], np.int64)))
    nodes = [
        _constant("white", np.float32(255.0)),
        _constant("none", np.float32(0.0)),
        _constant("channel", np.array([1], np.int64)),
        *sorted(nodes, key=lambda node: node.op_type != "Constant"),
        helper.make_node("Concat", rows, ["output"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, size, size])]
    total = sum((size // stride) ** 2 for stride in (8, 16, 32))
    given = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [batch, total, 5 + classes])]
    return _saved(file, helper.make_graph(nodes, "bright", inputs, given))


def _constant(name: str, value: Any) -> Any:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value), name))


def _saved(file: Path, graph: Any) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, file)
    return file
