"""Tiny models that tell kinds: what they answer hangs on how bright a crop is."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tawny.detection.kind_model import KINDS, SIDE


def bright_is(kind: str, file: Path, *, middle: float = 128) -> Path:
    """A crop brighter than the middle is of this kind, a darker one is nothing."""
    slopes = np.zeros((1, len(KINDS)), np.float32)
    slopes[0, KINDS.index(kind)] = 0.2
    slopes[0, KINDS.index("nothing")] = -0.2
    node = helper.make_node
    nodes = [
        node("Cast", ["crops"], ["values"], to=TensorProto.FLOAT),
        node("Slice", ["values", "zero", "one", "one"], ["luma"]),
        node("ReduceMean", ["luma"], ["bright"], axes=[1, 2, 3], keepdims=0),
        node("Unsqueeze", ["bright", "one"], ["column"]),
        node("Sub", ["column", "middle"], ["centred"]),
        node("MatMul", ["centred", "slopes"], ["logits"]),
        node("Softmax", ["logits"], ["kinds"], axis=1),
    ]
    constants: dict[str, Any] = {
        "zero": np.array([0]), "one": np.array([1]), "middle": np.float32(middle), "slopes": slopes,
    }  # fmt: skip
    graph = helper.make_graph(
        nodes, "bright",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", 2, SIDE, SIDE])],
        [helper.make_tensor_value_info("kinds", TensorProto.FLOAT, ["n", len(KINDS)])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    file.write_bytes(model.SerializeToString())
    write_card(file)
    return file


def write_card(file: Path, **other: Any) -> None:
    content = file.read_bytes()
    data = {
        "name": "bright", "version": "1", "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content),
        "licence": "ours", "kinds": list(KINDS),
    }  # fmt: skip
    file.with_suffix(".json").write_text(json.dumps(data | other))
