"""A made CLIP-like pair of ONNX files: its images are measured for three colours, its texts know eight words."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MEAN, SPREAD = np.array((0.48145466, 0.4578275, 0.40821073)), np.array((0.26862954, 0.26130258, 0.27577711))
MERGES = """#version: 0.2
r e
re d</w>
c r
cr i
cri m
crim s
crims o
crimso n</w>
a z
az u
azu r
azur e</w>
c a
ca r</w>
"""
WORDS = {"red</w>": (1.0, -0.3, -0.3), "crimson</w>": (1.0, -0.3, -0.3), "azure</w>": (-0.3, -0.3, 1.0)}
LENGTH, SIDE = 16, 32


def make_clip(
    folder: Path, *, texts_size: int = 3, with_mask: bool = True, names: tuple[str, str] = ("image", "text")
) -> Path:
    """Write the files. texts_size: length of text vectors. with_mask: the text encoder takes an attention mask."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "merges.txt").write_text(MERGES, encoding="utf-8")
    _images(folder / f"{names[0]}.onnx")
    _texts(folder / f"{names[1]}.onnx", texts_size, with_mask=with_mask)
    return folder


def _images(file: Path) -> None:
    """How much of the image is redder, greener and bluer than grey, after CLIP's normalisation."""
    own = np.array([[1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1]], np.float32)
    weights = (own * SPREAD).astype(np.float32)[:, :, None, None]
    bias = (own @ MEAN - 0.12).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["pixel_values", "w", "b"], ["by_pixel"]),
        helper.make_node("Relu", ["by_pixel"], ["more"]),
        helper.make_node("GlobalAveragePool", ["more"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["raw"]),
        helper.make_node("Add", ["raw", "little"], ["image_embeds"]),
    ]
    given = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    found = helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, [1, 3])
    values = {"w": weights, "b": bias, "little": np.full((1, 3), 0.005, np.float32)}
    _save(file, nodes, [given], found, values)


def _texts(file: Path, size: int, *, with_mask: bool) -> None:
    merges = [line.split() for line in MERGES.splitlines()[1:]]
    count = 512 + len(merges) + 2
    table = np.zeros((count, size), np.float32)
    for number, merge in enumerate(merges):
        if vector := WORDS.get("".join(merge)):
            table[512 + number, :3] = vector
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["each"])]
    summed = "each"
    if with_mask:
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["by_token"]),
            helper.make_node("Mul", ["each", "by_token"], ["read"]),
        ]
        summed = "read"
    nodes += [
        helper.make_node("ReduceSum", [summed, "second"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sum", "little"], ["text_embeds"]),
    ]
    names = ["input_ids", *(["attention_mask"] if with_mask else [])]
    given = [helper.make_tensor_value_info(name, TensorProto.INT64, [1, LENGTH]) for name in names]
    found = helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, [1, size])
    values: dict[str, Any] = {
        "table": table, "last": np.array([2], np.int64), "second": np.array([1], np.int64),
        "little": np.full((1, size), 0.01, np.float32),
    }  # fmt: skip
    _save(file, nodes, given, found, values)


def _save(file: Path, nodes: list[Any], given: list[Any], found: Any, values: dict[str, Any]) -> None:
    used = {name for node in nodes for name in node.input}
    stored = [numpy_helper.from_array(value, name) for name, value in values.items() if name in used]
    graph = helper.make_graph(nodes, file.stem, given, [found], stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
