"""Small models in numpy: the same results as onnxruntime's, and a refusal of everything it does not implement."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from tawny.detection.kind_model import KINDS, OWN, SIDE, KindClassifier
from tawny.detection.numpy_model import OPSETS, NumpyModel, UnsupportedModel
from tests.detection import kind_models

CLOSE = 1e-4


def crops(count: int) -> Any:
    """uint8 [count, 2, 64, 64]: random luma, and a random foreground mask."""
    values = np.random.default_rng(count).integers(0, 256, (count, 2, SIDE, SIDE)).astype(np.uint8)
    values[:, 1] = np.where(values[:, 1] > 128, 255, 0)
    return values


@pytest.mark.parametrize("count", [1, 2, 12])
@pytest.mark.parametrize("which", ["own", "of a test"])
def test_it_gives_the_results_of_onnxruntime(which: str, count: int, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    file = OWN if which == "own" else kind_models.bright_is("person", tmp_path / "mine.onnx")
    model, other = NumpyModel(file), onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for mine, theirs in zip(
        (*model.get_inputs(), *model.get_outputs()), (*other.get_inputs(), *other.get_outputs()), strict=True
    ):
        assert (mine.name, list(mine.shape), mine.type) == (theirs.name, list(theirs.shape), theirs.type)
    given = {"crops": crops(count)}
    assert np.abs(model.run(None, given)[0] - other.run(None, given)[0]).max() <= CLOSE


def model_of(*nodes: Any, opset: int = OPSETS[-1]) -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Cast", ["crops"], ["values"], to=TensorProto.FLOAT), *nodes],
        "one",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", 2, SIDE, SIDE])],
        [helper.make_tensor_value_info("kinds", TensorProto.FLOAT, ["n", len(KINDS)])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return bytes(made.SerializeToString())


def relu() -> Any:
    return helper.make_node("Relu", ["values"], ["kinds"])


REFUSED: dict[str, Callable[[], bytes]] = {
    "an operator": lambda: model_of(helper.make_node("Tanh", ["values"], ["kinds"])),
    "an attribute": lambda: model_of(helper.make_node("Gemm", ["values"] * 3, ["kinds"], transB=1)),
    "an older version": lambda: model_of(relu(), opset=OPSETS[0] - 1),
    "a newer version": lambda: model_of(relu(), opset=OPSETS[-1] + 1),
    "no model": lambda: b"not a model at all",
    "nothing": lambda: b"",
    "a part of a model": lambda: OWN.read_bytes()[:100_000],
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_it_does_not_implement_is_refused_when_the_file_is_opened(what: str, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(REFUSED[what]())
    with pytest.raises(UnsupportedModel):
        NumpyModel(file)


def test_an_implemented_model_of_each_version_is_opened(tmp_path: Path) -> None:
    for opset in OPSETS:
        (tmp_path / "model.onnx").write_bytes(model_of(relu(), opset=opset))
        assert NumpyModel(tmp_path / "model.onnx").get_outputs()[0].shape == ["n", len(KINDS)]


def test_onnxruntime_runs_what_numpy_cannot(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    largest = helper.make_node("ReduceMax", ["values"], ["largest"], axes=[2, 3], keepdims=0)
    twice = helper.make_node("Concat", ["largest", "largest"], ["kinds"], axis=1)
    (tmp_path / "model.onnx").write_bytes(model_of(largest, twice))
    with pytest.raises(UnsupportedModel):
        NumpyModel(tmp_path / "model.onnx")
    assert (
        KindClassifier(tmp_path / "model.onnx").look(np.full((3, 2, SIDE, SIDE), 7, np.uint8)).tolist() == [[7] * 4] * 3
    )
