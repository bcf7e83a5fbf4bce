"""Each family of models is known by its outputs alone, and what it says is read as its authors meant it.

The outputs are written here from a thing at a known place, the way each family would.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from tawny.detection.models.object_model import DetectedObject, ObjectModel
from tawny.model.observations import Box
from tests.detection.models import models

SIZE = 64
GREY = np.full((48, 64, 3), 90, np.uint8)
"""A picture whose shape is not the input's: what keeps its shape leaves the lowest quarter empty."""
CAR, PERSON = 2, 0
PIXELS = (8.0, 16.0, 40.0, 40.0)
"""The thing, in the input's pixels."""
SHAPED: Box = (8 / 64, 16 / 48, 40 / 64, 40 / 48)
"""The same in shares of a picture that keeps its shape..."""
STRETCHED: Box = (8 / 64, 16 / 64, 40 / 64, 40 / 64)
"""...and of one that was stretched..."""
CENTRED: Box = (8 / 64, 8 / 48, 40 / 64, 32 / 48)
"""...and of one that keeps its shape in the middle of the input."""


def scores(count: int, at: int, *, label: int = CAR, sure: float = 0.8, classes: int = 80, low: float = 0.01) -> Any:
    made = np.full((1, count, classes), low, np.float32)
    made[0, at, label] = sure
    return made


def logit(p: Any) -> Any:
    return np.log(p / (1 - p)).astype(np.float32)


def yolox(decoded: bool) -> dict[str, Any]:
    rows = np.zeros((1, 84, 85), np.float32)
    rows[0, :, 2:4] = 16.0 if decoded else 0.0
    rows[0, :, 0] = 60.0 if decoded else 0.0
    at = 3 * 8 + 2  # column 2, row 3 of stride 8
    middle, extent = (24.0, 28.0), (32.0, 24.0)
    if decoded:
        rows[0, at, :4] = (*middle, *extent)
    else:
        rows[0, at, :4] = (24 / 8 - 2, 28 / 8 - 3, np.log(32 / 8), np.log(24 / 8))
    rows[0, at, 4], rows[0, at, 5 + CAR] = 0.9, 0.8
    return {"output": rows}


def edges(count: int, at: int, far: tuple[float, ...], bins: int = 8) -> Any:
    """Distributions whose means are `far`, in strides: two neighbours share the weight."""
    made = np.full((1, count, 4, bins), -40.0, np.float32)
    for side, value in enumerate(far):
        low = int(value)
        made[0, at, side, low] = np.log(max(1 - (value - low), 1e-9))
        made[0, at, side, min(low + 1, bins - 1)] = np.log(max(value - low, 1e-9))
    return made.reshape(1, count, 4 * bins)


def nanodet_plus() -> dict[str, Any]:
    at = 64 + 1 * 4 + 1  # stride 16: column 1, row 1, whose point is 16, 16
    far = edges(85, at, (0.5, 0.0, 1.5, 1.5))
    return {"output": np.concatenate([scores(85, at), far], axis=2)}


def picodet(strides: tuple[int, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for stride in strides:
        count = (SIZE // stride) ** 2
        hit = stride == 16
        made[f"class{stride}"] = scores(count, 5 if hit else 0, sure=0.8 if hit else 0.02)
        # column 1, row 1: its middle is 24, 24
        made[f"edges{stride}"] = edges(count, 5, (1.0, 0.5, 1.0, 1.0)) if hit else edges(count, 0, (1.0,) * 4)
    return made


def picodet_without_its_last_step() -> dict[str, Any]:
    boxes = np.zeros((1, 85, 4), np.float32)
    boxes[0, 70] = PIXELS
    return {"boxes": boxes, "scores": np.ascontiguousarray(scores(85, 70).transpose(0, 2, 1))}


def queries(classes: int) -> dict[str, Any]:
    boxes = np.full((1, 30, 4), 0.5, np.float32)
    boxes[0, 7] = (24 / 64, 28 / 64, 32 / 64, 24 / 64)
    label = CAR if classes == 80 else 3
    return {"dets": boxes, "labels": logit(scores(30, 7, label=label, classes=classes))}


def answers() -> dict[str, Any]:
    boxes = np.zeros((1, 30, 4), np.float32)
    boxes[0, 4] = PIXELS
    labels, sure = np.full((1, 30), 5, np.int64), np.full((1, 30), 0.03, np.float32)
    labels[0, 4], sure[0, 4] = CAR, 0.8
    return {"labels": labels, "boxes": boxes, "scores": sure}


def rtmdet() -> dict[str, Any]:
    dets = np.zeros((1, 10, 5), np.float32)
    dets[0, 2] = (*PIXELS, 0.8)
    return {"dets": dets, "labels": np.full((1, 10), CAR, np.int64)}


def tensorflow_ssd() -> dict[str, Any]:
    boxes = np.zeros((1, 10, 4), np.float32)
    boxes[0, 1] = (16 / 64, 8 / 64, 40 / 64, 40 / 64)
    sure, labels = np.full((1, 10), 0.05, np.float32), np.full((1, 10), 1, np.float32)
    sure[0, 1], labels[0, 1] = 0.8, 3
    return {
        "detection_boxes": boxes,
        "detection_classes": labels,
        "detection_scores": sure,
        "n": np.array([1.0], np.float32),
    }


def zoo_ssd() -> dict[str, Any]:
    boxes = np.zeros((1, 10, 4), np.float32)
    boxes[0, 1] = np.array(PIXELS) / 64
    sure, labels = np.full((1, 10), 0.05, np.float32), np.full((1, 10), 1, np.int64)
    sure[0, 1], labels[0, 1] = 0.8, 3
    return {"bboxes": boxes, "labels": labels, "scores": sure}


def caffe_ssd() -> dict[str, Any]:
    rows = np.full((1, 1, 5, 7), -1.0, np.float32)
    rows[0, 0, 0] = (0, 3, 0.8, *np.array(PIXELS) / 64)
    return {"detection_out": rows}


def paddle_rows(count: int = 9) -> dict[str, Any]:
    rows = np.full((count, 6), -1.0, np.float32)
    rows[0] = (CAR, 0.8, *PIXELS)
    return {"rows": rows, "count": np.array([1], np.int64)}


def fastestdet() -> dict[str, Any]:
    planes = np.full((1, 85, 4, 4), 0.01, np.float32)
    planes[0, 1:5] = 0.0
    # column 1, row 1: the middle is (1 + tanh) / 4
    planes[0, :5, 1, 1] = (0.9, np.arctanh(0.5), np.arctanh(0.75), logit(np.float32(0.5)), logit(np.float32(24 / 64)))
    planes[0, 5 + CAR, 1, 1] = 0.7
    return {"758": planes}


TO_SIZE = {"orig_target_sizes": (TensorProto.INT64, (1, 2))}
TO_SCALE = {"scale_factor": (TensorProto.FLOAT, (1, 2))}
TO_BOTH = TO_SCALE | {"im_shape": (TensorProto.FLOAT, (1, 2))}


@pytest.mark.parametrize(
    ("name", "outputs", "others", "sure", "box"),
    [
        ("YOLOX", yolox(decoded=False), {}, 0.72, SHAPED),
        ("YOLOX", yolox(decoded=True), {}, 0.72, SHAPED),
        ("NanoDet-Plus", nanodet_plus(), {}, 0.8, STRETCHED),
        ("PicoDet", picodet((8, 16, 32, 64)), {}, 0.8, STRETCHED),
        ("PicoDet", picodet((8, 16, 32)), {}, 0.8, CENTRED),
        ("PicoDet", picodet_without_its_last_step(), {}, 0.8, STRETCHED),
        ("PicoDet", paddle_rows(), TO_SCALE, 0.8, STRETCHED),
        ("RT-DETR", paddle_rows(300), TO_BOTH, 0.8, STRETCHED),
        ("DETR", queries(80), {}, 0.8, STRETCHED),
        ("DETR", queries(91), {}, 0.8, STRETCHED),
        ("D-FINE or RT-DETR", answers(), TO_SIZE, 0.8, STRETCHED),
        ("RTMDet", rtmdet(), {}, 0.8, SHAPED),
        ("SSD", zoo_ssd(), {}, 0.8, STRETCHED),
        ("SSD", caffe_ssd(), {}, 0.8, STRETCHED),
        ("FastestDet", fastestdet(), {}, 0.9**0.6 * 0.7**0.4, STRETCHED),
    ],
)
def test_it_is_known_and_read(
    tmp_path: Path, name: str, outputs: dict[str, Any], others: dict[str, Any], sure: float, box: Box
) -> None:
    model = ObjectModel(models.saying(tmp_path / "m.onnx", outputs, others=others))
    assert model.family.name == name
    assert_is_the_car(model.look(GREY), sure, box)


def test_tensorflows_ssd_takes_bytes_with_the_colours_last(tmp_path: Path) -> None:
    file = models.saying(tmp_path / "m.onnx", tensorflow_ssd(), shape=(1, 64, 64, 3), kind=TensorProto.UINT8)
    model = ObjectModel(file)
    assert model.family.name == "SSD"
    assert_is_the_car(model.look(GREY), 0.8, STRETCHED)


@pytest.mark.parametrize(
    ("outputs", "mean"),
    [
        (queries(91), True),
        ({"dets": queries(80)["dets"], "labels": queries(80)["labels"]}, True),
        ({"logits": queries(80)["labels"], "pred_boxes": queries(80)["dets"]}, False),
        (paddle_rows(), True),
        (paddle_rows(300), False),
    ],
    ids=["RF-DETR", "RF-DETR of one's own", "RT-DETR or D-FINE", "PicoDet", "PaddlePaddle's RT-DETR"],
)
def test_colours_are_scaled_as_each_was_trained(tmp_path: Path, outputs: dict[str, Any], mean: bool) -> None:
    wants = ObjectModel(models.saying(tmp_path / "m.onnx", outputs)).family.wants
    assert (wants.mean != (0.0, 0.0, 0.0)) is mean
    assert wants.stretched


FOX = (*(f"beast {n}" for n in range(CAR)), "fox")


@pytest.mark.parametrize(
    "outputs", [rtmdet(), paddle_rows(), zoo_ssd(), caffe_ssd(), answers()], ids=lambda one: next(iter(one))
)
def test_lists_of_what_was_found_have_labels_of_ones_own(tmp_path: Path, outputs: dict[str, Any]) -> None:
    seen = ObjectModel(models.saying(tmp_path / "m.onnx", outputs), FOX).look(GREY)
    assert [thing.label for thing in seen] == ["fox"]


def test_tensorflows_ssd_has_labels_of_ones_own_from_1_on(tmp_path: Path) -> None:
    file = models.saying(tmp_path / "m.onnx", tensorflow_ssd(), shape=(1, 64, 64, 3), kind=TensorProto.UINT8)
    assert [thing.label for thing in ObjectModel(file, FOX).look(GREY)] == ["fox"]


def test_numbers_of_half_the_length_will_do(tmp_path: Path) -> None:
    halves = {name: values.astype(np.float16) for name, values in queries(80).items()}
    file = models.saying(tmp_path / "m.onnx", halves, kind=TensorProto.FLOAT16)
    assert_is_the_car(ObjectModel(file).look(GREY), 0.8, STRETCHED)


def assert_is_the_car(things: list[DetectedObject], sure: float, box: Box) -> None:
    assert [thing.label for thing in things] == ["car"]
    assert things[0].score == pytest.approx(sure, abs=0.005)
    assert things[0].box == pytest.approx(box, abs=0.01)
