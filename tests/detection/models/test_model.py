"""What an object model is asked and answers, and what is said of a file that is none."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.detection.classification import ClassificationJob, ClassificationQueue
from tawny.detection.models.families import InputNormalisation, Size, fit, within
from tawny.detection.models.labels import COCO, usual_names
from tawny.detection.models.object_model import ObjectModel, shared_model
from tawny.detection.onnx import open_session
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tests.detection.models import models

SHARED = Path(os.environ.get("TAWNY_MODELS", Path(__file__).parents[4] / "shared" / "models"))


def lit(*cells: tuple[int, int]) -> Any:
    """A dark picture of 64x64 with some cells of 16x16 lit."""
    picture = np.zeros((64, 64, 3), np.uint8)
    for x, y in cells:
        picture[y * 16 : y * 16 + 16, x * 16 : x * 16 + 16] = 255
    return picture


def test_it_sees_what_is_there(tmp_path: Path) -> None:
    model = ObjectModel(models.bright(tmp_path / "m.onnx"), threshold=0.9)
    assert model.look(lit()) == []
    seen = model.look(lit((1, 2)))
    large = max(seen, key=lambda thing: thing.box[2] - thing.box[0])
    assert large.label == "person"
    assert large.box == pytest.approx((0.25, 0.5, 0.5, 0.75))


def test_only_the_labels_that_are_wanted_compete(tmp_path: Path) -> None:
    model = ObjectModel(models.bright(tmp_path / "m.onnx"))
    assert model.look(lit((1, 2)), wanted=("car",)) == []
    assert {thing.label for thing in model.look(lit((1, 2)), wanted=("car", "person"))} == {"person"}


def rows(*found: tuple[int, float, tuple[float, float, float, float]]) -> dict[str, Any]:
    """RTMDet's lists."""
    dets = np.array([[[*box, sure] for _label, sure, box in found]], np.float32)
    return {"dets": dets, "labels": np.array([[label for label, _, _ in found]], np.int64)}


def test_a_car_that_is_called_a_truck_as_well_is_one_thing(tmp_path: Path) -> None:
    found = rows(
        (2, 0.7, (8, 8, 40, 40)), (7, 0.6, (9, 8, 41, 40)), (0, 0.5, (9, 8, 41, 40)), (7, 0.5, (45, 8, 60, 20))
    )
    model = ObjectModel(models.saying(tmp_path / "m.onnx", found))
    seen = [(thing.label, round(thing.score, 2)) for thing in model.look(lit())]
    assert seen == [("car", 0.7), ("person", 0.5), ("truck", 0.5)]


def test_labels_of_ones_own(tmp_path: Path) -> None:
    file = models.bright(tmp_path / "m.onnx", classes=2)
    assert {thing.label for thing in ObjectModel(file, ("fox", "badger")).look(lit((0, 0)))} == {"fox"}
    with pytest.raises(NotDone, match="2 classes without names"):
        ObjectModel(file)
    with pytest.raises(NotDone, match="2 classes, but there are 3 labels"):
        ObjectModel(file, ("fox", "badger", "marten"))


def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    file = models.bright(tmp_path / "m.onnx")
    whole = file.read_bytes()
    for data in (b"", b"no model", whole[: len(whole) // 2]):
        file.write_bytes(data)
        with pytest.raises(NotDone, match="can't be used"):
            ObjectModel(file)
    with pytest.raises(NotDone, match="can't be used"):
        ObjectModel(tmp_path / "none.onnx")
    with pytest.raises(NotDone, match=r"has outputs \[1, 1000\], which tawny doesn't support"):
        ObjectModel(models.saying(file, {"scores": np.zeros((1, 1000), np.float32)}))
    with pytest.raises(NotDone, match="doesn't accept a single RGB image"):
        ObjectModel(models.saying(file, {"scores": np.zeros((1, 2), np.float32)}, shape=(1, 16000)))
    with pytest.raises(NotDone, match="doesn't accept a single RGB image"):
        ObjectModel(models.saying(file, rows((0, 0.5, (0, 0, 9, 9))), shape=(8, 3, 64, 64)))


@pytest.mark.parametrize("strides", [(8, 16, 32, 64), (8, 16, 32)])
def test_a_model_whose_lists_do_not_belong_together_is_told_of(tmp_path: Path, strides: tuple[int, ...]) -> None:
    """As many outputs as PicoDet or NanoDet has, as wide, and of none of the lengths."""
    odd = {
        f"{what}{n}": np.zeros((1, 7 * n, wide), np.float32) for n in strides for what, wide in (("c", 80), ("e", 32))
    }
    with pytest.raises(NotDone, match="which tawny doesn't support"):
        ObjectModel(models.saying(tmp_path / "m.onnx", odd))


def test_a_model_that_wants_more_than_a_picture_is_told_of(tmp_path: Path) -> None:
    asks = {"pixel_mask": (onnx.TensorProto.INT64, (1, 64, 64))}
    with pytest.raises(NotDone, match=r"input images .*, pixel_mask .*\) fails"):
        ObjectModel(models.saying(tmp_path / "m.onnx", rows((0, 0.5, (0, 0, 9, 9))), others=asks))


class Chip:
    """What is no processor; it counts the pictures that it was shown at once."""

    def __init__(self, model: Path) -> None:
        self._session, self.shown = open_session(model), list[int]()

    def get_inputs(self) -> Any:
        return self._session.get_inputs()

    def get_providers(self) -> list[str]:
        return ["chip"]

    def run(self, names: Any, feeds: dict[str, Any]) -> Any:
        self.shown.append(len(feeds["images"]))
        return self._session.run(names, feeds)


def test_several_pictures_at_once_are_answered_as_each_alone(tmp_path: Path) -> None:
    file = models.bright(tmp_path / "m.onnx", batch="n")
    model = ObjectModel(file, accelerator=Chip)
    pictures = [lit((1, 2)), lit(), lit((0, 0), (3, 3))]
    assert model.together > 1
    assert model.look_at_all(pictures) == [model.look(one) for one in pictures]
    assert ObjectModel(file).together == 1  # by the processor
    assert ObjectModel(models.bright(file), accelerator=Chip).together == 1


def test_an_export_that_only_says_that_it_takes_many_is_shown_one(tmp_path: Path) -> None:
    file = models.saying(tmp_path / "m.onnx", rows((0, 0.5, (0, 0, 9, 9))), shape=("n", 3, 64, 64))
    assert ObjectModel(file, accelerator=Chip).together == 1


def test_cameras_that_wait_are_answered_together(tmp_path: Path) -> None:
    chips: list[Chip] = []

    def chip(model: Path) -> Chip:
        chips.append(Chip(model))
        return chips[-1]

    queue = ClassificationQueue(ObjectModel(models.bright(tmp_path / "m.onnx", batch="n"), accelerator=chip))
    cameras = [CameraId(f"cam-{n}") for n in range(12)]
    for n, camera in enumerate(cameras):
        queue.add(ClassificationJob(camera, 0, lit((n % 4, n // 4)), (0.0, 0.0, 1.0, 1.0), ()))
    chips[0].shown.clear()
    queue.step()
    queue.step()
    assert chips[0].shown == [8, 4]
    for n, camera in enumerate(cameras):
        (answer,) = queue.results(camera)
        large = max(answer.things, key=lambda thing: thing.box[2] - thing.box[0])
        assert large.box[:2] == pytest.approx((n % 4 / 4, n // 4 / 4))
    assert (queue.looks, queue.step() > 0) == (12, True)


def test_a_model_that_takes_any_size_gets_the_one_that_was_chosen(tmp_path: Path) -> None:
    file = models.saying(tmp_path / "m.onnx", rows((0, 0.5, (0, 0, 48, 32))), shape=(1, 3, "height", "width"))
    assert ObjectModel(file).size == Size(640, 384)
    seen = ObjectModel(file, size=Size(96, 64)).look(np.zeros((64, 96, 3), np.uint8))
    assert seen[0].box == pytest.approx((0.0, 0.0, 0.5, 0.5))


@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from([Size(64, 32), Size(32, 64), Size(416, 416)]),
    st.booleans(),
)
def test_a_box_comes_back_from_where_the_picture_was_put(rows: int, columns: int, size: Size, stretched: bool) -> None:
    picture = np.full((rows, columns, 3), 200, np.uint8)
    fitted = fit(picture, size, InputNormalisation(stretched=stretched))
    assert fitted.values.shape == (1, 3, size.height, size.width)
    inside = (fitted.values[0, 0] == 200).nonzero()
    box = np.array([[inside[1].min(), inside[0].min(), inside[1].max() + 1, inside[0].max() + 1]], np.float32)
    assert fitted.shares(box)[0] == pytest.approx((0, 0, 1, 1))


def test_a_box_in_a_part_of_the_picture() -> None:
    assert within((0.0, 0.5, 0.5, 1.0), (0.2, 0.2, 0.6, 0.4)) == pytest.approx((0.2, 0.3, 0.4, 0.4))


def test_names_by_their_number() -> None:
    old, older = usual_names(91), usual_names(90)
    assert old is not None and older is not None
    assert old[1:] == older
    assert (older[0], older[89], older[11]) == ("person", "toothbrush", "")
    assert [name for name in older if name] == list(COCO)
    assert usual_names(7) is None


def test_how_much_two_boxes_share() -> None:
    assert shared_model((0, 0, 1, 1), (0, 0, 1, 1)) == 1.0
    assert shared_model((0, 0, 1, 1), (0.5, 0, 1.5, 1)) == pytest.approx(1 / 3)
    assert shared_model((0, 0, 0.2, 0.2), (0.5, 0.5, 0.9, 0.9)) == 0.0


@pytest.mark.skipif(not SHARED.exists(), reason="the real models are not here")
@pytest.mark.parametrize("name", ["yolox_nano_dyn", "yolox_nano_416", "picodet_s_416", "fastestdet_352"])
def test_real_models_see_what_they_should(name: str) -> None:
    import cv2

    expected = json.loads((SHARED / "golden" / "expected.json").read_text())["images"]
    model = ObjectModel(SHARED / f"{name}.onnx")
    for file, data in expected.items():
        bgr = cv2.imread(str(SHARED / "golden" / file))
        assert bgr is not None
        rgb = bgr[:, :, ::-1]
        height, width = rgb.shape[:2]
        wanted = next(found for key, found in data["detections"].items() if key.startswith(name))
        seen = model.look(rgb)
        for one in wanted:
            if one["score"] < model.family.threshold + 0.08:
                continue
            near = [thing for thing in seen if thing.label == one["label"] and abs(thing.score - one["score"]) < 0.08]
            boxes = [np.array(thing.box) * (width, height, width, height) for thing in near]
            assert any(np.abs(box - one["box"]).max() < 0.03 * width for box in boxes), (file, one, seen)
