"""Training: the same from the same seed, what is drawn is what it is called, and what comes out can be used."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tawny.detection.kind_model import KINDS, SIDE, KindClassifier, card_of, track_facts
from tawny.model.ids import CameraId, EventId
from tawny.playback.training_samples import SampleCrop, write
from tests.detection import kind_models
from training import train
from training.card import Trained, card
from training.collect import agreed, collected, sources
from training.collect import main as collect
from training.compose import altered, composed
from training.learn import learn
from training.network import FEATURES, features_model, whole_model
from training.samples import NoSamples, Samples, read, written
from training.tracks import main as tracks

COUNT = 12_000
FEW = {"person": 6, "vehicle": 6, "animal": 3, "nothing": 6}


@pytest.fixture(scope="module")
def drawn() -> Samples:
    return composed(FEW, [], seed=3)


def test_what_is_composed_is_the_same_from_the_same_seed(drawn: Samples) -> None:
    again, other = composed(FEW, [], seed=3), composed(FEW, [], seed=4)
    assert drawn.counts() == FEW
    assert np.array_equal(drawn.crops, again.crops)
    assert not np.array_equal(drawn.crops, other.crops)


def test_each_composed_crop_shows_something_that_moves(drawn: Samples) -> None:
    assert all(np.count_nonzero(crop[1] > 127) >= 12 for crop in drawn.crops)
    assert all(crop[0].std() > 0.5 for crop in drawn.crops)


def test_each_is_altered_so_many_times_and_keeps_its_label(drawn: Samples) -> None:
    made = altered(drawn, times=2, seed=1)
    assert len(made.crops) == 3 * len(drawn.crops)
    assert made.labels.tolist() == drawn.labels.tolist() * 3


def test_it_learns_what_can_be_told_apart() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, COUNT)
    x = rng.normal(0, 1, (COUNT, 12)).astype(np.float32)
    x[np.arange(COUNT), labels] += 6
    layer = learn(x, labels, np.ones(COUNT), 3, seed=5)
    hidden = np.maximum((x - layer.mean) / layer.scale @ layer.w1 + layer.b1, 0)
    assert np.mean((hidden @ layer.w2 + layer.b2).argmax(axis=1) == labels) > 0.95
    again = learn(x, labels, np.ones(COUNT), 3, seed=5)
    assert np.array_equal(layer.w1, again.w1)


def test_the_file_says_what_was_learnt(drawn: Samples, tmp_path: Path) -> None:
    features = onnxruntime.InferenceSession(features_model()).run(None, {"crops": drawn.crops})[0]
    assert features.shape == (len(drawn.crops), FEATURES)
    layer = learn(features, drawn.labels, np.ones(len(drawn.labels)), len(KINDS), seed=1)
    (tmp_path / "k.onnx").write_bytes(whole_model([layer]))
    hidden = np.maximum((features - layer.mean) / layer.scale @ layer.w1 + layer.b1, 0)
    powers = np.exp(hidden @ layer.w2 + layer.b2)
    assert np.allclose(
        KindClassifier(tmp_path / "k.onnx").look(drawn.crops), powers / powers.sum(axis=1, keepdims=True), atol=1e-3
    )


def test_an_owners_camera_that_is_called_as_a_public_one_is_the_owners(drawn: Samples, tmp_path: Path) -> None:
    written(tmp_path / "public", Samples("desk", drawn.crops, drawn.labels))
    cut = SampleCrop(drawn.crops[0], 0, 1, (0.1, 0.1, 0.3, 0.6), "person", EventId("said"))
    write(tmp_path / "mine", CameraId("desk"), [cut])
    write(tmp_path / "mine", CameraId("hall"), [cut])
    found = read([tmp_path / "public", tmp_path / "mine"])
    assert [(one.camera, one.is_owners) for one in found] == [("desk", False), ("desk-own", True), ("hall", True)]
    content = whole_model([learn(np.zeros((9, FEATURES), np.float32), np.arange(9) % 4, np.ones(9), 4, seed=1)])
    made = card(Trained("mine", content, 1, 1.0, found, FEW))
    origins = {one["camera"]: one["origin"] for one in made["sources"]}
    assert origins["desk"] == "intel-iot-devkit/sample-videos"
    assert origins["desk-own"] == origins["hall"] == "exported by its owner"


def test_training_makes_weights_and_their_card(
    drawn: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "COMPOSED", FEW)
    for camera in ("door", "yard"):
        written(tmp_path / "crops", Samples(camera, drawn.crops, drawn.labels))
    output = tmp_path / "mine.onnx"
    assert (
        train.main(
            [str(tmp_path / "crops"), "-o", str(output), "--name", "mine", "--without", "yard", "--without", "roof"]
        )
        == 0
    )
    assert "there are no crops of roof" in capsys.readouterr().err
    found = card_of(output)
    assert (found.name, found.document["sources"][0]["origin"]) == ("mine", "exported by its owner")
    assert KindClassifier(output).look(drawn.crops).shape == (len(drawn.crops), len(KINDS))
    assert (tmp_path / "without-yard.onnx").read_bytes() != output.read_bytes()
    first = output.read_bytes()
    assert (
        train.main(
            [str(tmp_path / "crops"), "-o", str(output), "--name", "mine", "--without", "yard", "--without", "roof"]
        )
        == 0
    )
    assert "there are no crops of roof" in capsys.readouterr().err
    assert output.read_bytes() == first


def test_the_way_of_tracks_is_learnt_into_the_card(
    drawn: Samples, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People stay in place, vehicles go far; their crops are alike."""
    kind_models.bright_is("animal", tmp_path / "kinds.onnx", middle=300)
    assert tracks([str(tmp_path), str(tmp_path)]) == 2
    assert "make some" in capsys.readouterr().err
    boxes = [
        (0.1 + 0.05 * n * (track % 2), 0.1, 0.2 + 0.05 * n * (track % 2), 0.3) for track in range(20) for n in range(6)
    ]
    numbers = np.repeat(np.arange(20), 6)
    crops = np.zeros((120, 2, SIDE, SIDE), np.uint8)
    np.savez(tmp_path / "tracks-1.npz", crops=crops, kinds=numbers % 2, track=numbers, boxes=boxes)
    assert tracks([str(tmp_path), str(tmp_path)]) == 0
    judged = card_of(tmp_path / "kinds.onnx").tracks
    assert judged is not None
    runs = [(0.1, np.full(4, 0.25))] * 6
    for kind in (0, 1):
        facts, _ = track_facts(boxes[6 * kind : 6 * kind + 6], runs, 0.0)
        assert judged.shares(facts).argmax() == kind


@pytest.mark.parametrize(
    ("crops", "labels", "says"),
    [
        (np.zeros((2, 2, 32, 32), np.uint8), ["person", ""], "no file of crops"),
        (np.zeros((2, 2, SIDE, SIDE), np.uint8), ["person"], "no file of crops"),
        (np.zeros((1, 2, SIDE, SIDE), np.uint8), ["ghost"], "labels that are no kinds: ghost"),
    ],
)
def test_files_that_are_no_crops_are_refused(tmp_path: Path, crops: Any, labels: list[str], says: str) -> None:
    np.savez(tmp_path / "door.npz", crops=crops, labels=np.asarray(labels))
    with pytest.raises(NoSamples, match=says):
        read([tmp_path])
    (tmp_path / "door.npz").write_bytes(b"PK?")
    with pytest.raises(NoSamples, match="no file of crops"):
        read([tmp_path])


def test_what_has_no_label_is_left_out_and_a_camera_is_one_over_all_folders(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        crops = np.zeros((3, 2, SIDE, SIDE), np.uint8)
        np.savez(tmp_path / folder / "door.npz", crops=crops, labels=np.asarray(["person", "", "nothing"]))
    [door] = read([tmp_path / "a", tmp_path / "b"])
    assert (door.camera, door.labels.tolist()) == ("door", [0, 3, 0, 3])


def test_two_models_must_agree() -> None:
    one = np.array([[0.9, 0, 0, 0.9], [0.9, 0, 0, 0.9], [0.05, 0, 0, 0.1], [0, 0.5, 0, 0.5]])
    other = np.array([[0.5, 0, 0, 0.5], [0.2, 0, 0, 0.2], [0.0, 0, 0, 0.6], [0.1, 0.6, 0, 0.6]])
    assert agreed(one, other).tolist() == [0, -1, 3, 1]


PERSON_SEEN, VEHICLE_SEEN, NOTHING_SEEN, UNCLEAR = (
    [0.9, 0, 0, 0.9], [0, 0.9, 0, 0.9], [0, 0, 0, 0.05], [0.3, 0, 0, 0.3]
)  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "labels"),
    [
        ([PERSON_SEEN] * 3 + [NOTHING_SEEN, UNCLEAR], [0] * 5),
        ([PERSON_SEEN] * 2 + [NOTHING_SEEN, UNCLEAR], [0, 0]),
        ([PERSON_SEEN] * 3 + [VEHICLE_SEEN, UNCLEAR], [0, 0, 0, 1]),
        ([NOTHING_SEEN] * 5, []),
    ],
    ids=["a leg of a person", "seen too seldom", "of two kinds", "nobody looked whether it is nothing"],
)
def test_a_track_is_what_it_was_seen_to_be_several_times(
    tmp_path: Path, seen: list[list[float]], labels: list[int]
) -> None:
    door = _crops_of_tracks(tmp_path, seen, tracks=[1] * len(seen))
    assert collected("door", [door], {}).labels.tolist() == labels


def test_it_is_nothing_only_while_nobody_is_in_the_picture(tmp_path: Path) -> None:
    door = _crops_of_tracks(tmp_path, [NOTHING_SEEN] * 4, tracks=[1, 2, 3, 4])
    found = collected("door", [door], {"door": [[1.0, 2.0]], "yard": [[0.0, 9.0]]})
    assert found.labels.tolist() == [3, 3]
    assert [int(crop.max()) for crop in found.crops] == [1, 2]


def _crops_of_tracks(folder: Path, seen: list[list[float]], tracks: list[int]) -> Path:
    """One crop a second, as bright as its second."""
    at_s = np.arange(len(seen))
    luma = np.broadcast_to(at_s[:, None, None], (len(seen), SIDE, SIDE)).astype(np.uint8)
    np.savez(folder / "door.npz", l=luma, m=luma * 0, t=at_s, track=tracks, yp=seen, pp=seen)
    return folder / "door.npz"


def test_every_source_says_whose_it_is_and_under_which_licence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert all(one["origin"] and one["licence"] and one["cameras"] for one in sources())
    assert collect([str(tmp_path), "-o", str(tmp_path / "out")]) == 3
    assert "not here" in capsys.readouterr().err
