"""Weights are judged on an owner's cameras that they never saw; the card says how well, and from when on they name."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tawny.detection.kind_model import KINDS, SIDE, card_of, card_words
from tawny.model.ids import CameraId
from tawny.playback.training_samples import SampleCrop, write
from tests.detection import kind_models
from training import train
from training.compose import composed
from training.judge import FOLDS, folds, judge, judged_words
from training.samples import Samples, read

FEW = {"person": 6, "vehicle": 6, "animal": 3, "nothing": 6}


def camera(name: str, events: Sequence[tuple[str, int]], *, is_owners: bool = True) -> Samples:
    """events: what each is, and the level of its two crops."""
    crops = np.concatenate([np.full((2, 2, SIDE, SIDE), level, np.uint8) for _, level in events])
    labels = np.repeat([KINDS.index(label) for label, _ in events], 2)
    return Samples(name, crops, labels, is_owners, np.repeat([f"{n:03}" for n in range(len(events))], 2))


@pytest.fixture
def bright_is_a_person(tmp_path: Path) -> bytes:
    return kind_models.bright_is("person", tmp_path / "bright.onnx").read_bytes()


def test_each_camera_is_judged_by_weights_that_never_saw_it(bright_is_a_person: bytes) -> None:
    samples = [
        camera("door", [("person", 250), ("person", 250), ("person", 2), ("nothing", 250)]),
        camera("yard", [("person", 250), ("nothing", 2)]),
        camera("street", [("vehicle", 250)], is_owners=False),
    ]
    asked: list[Sequence[str]] = []

    def weights(without: Sequence[str]) -> bytes:
        asked.append(without)
        return bright_is_a_person

    found = judge(samples, weights)
    assert asked == [["door"], ["yard"]]
    assert [(one["films"], one["kinds"]["person"]) for one in found.rows] == [
        ("door", {"right": 2, "wrong": 1, "found": 2, "there": 3}),
        ("yard", {"right": 1, "wrong": 0, "found": 1, "there": 1}),
    ]
    assert "door: person: precision 2 of 3, recall 2 of 3" in judged_words(found)
    assert found.triggers["person"] == 0.7  # too few to say anything else


@pytest.mark.parametrize(("wrong", "is_named"), [(1, True), (5, False)])
def test_a_kind_that_is_too_often_wrong_is_never_named(bright_is_a_person: bytes, wrong: int, is_named: bool) -> None:
    door = camera("door", [("person", 250)] * 30 + [("nothing", 250)] * wrong)
    found = judge([door], lambda _: bright_is_a_person)
    assert ("person" in found.triggers) == is_named
    assert ("person is never named" in judged_words(found)) != is_named


def test_many_cameras_are_left_out_in_groups() -> None:
    groups = folds([camera(f"c{n}", [("person", 1)]) for n in range(12)])
    assert len(groups) == FOLDS
    assert sorted(one for group in groups for one in group) == sorted(f"c{n}" for n in range(12))


def test_training_writes_it_into_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "COMPOSED", FEW)
    monkeypatch.setattr(train, "OF_DEMO", FEW)
    drawn = composed(FEW, [], seed=3)
    for name in ("beach-door", "shed-door"):
        cuts = [
            SampleCrop(crop, n, 1, (0.1, 0.1, 0.3, 0.6), KINDS[label], f"e{n // 2}")
            for n, (crop, label) in enumerate(zip(drawn.crops, drawn.labels, strict=True))
        ]
        write(tmp_path / "crops", CameraId(name), cuts)
    output = tmp_path / "mine.onnx"
    assert train.main([str(tmp_path / "crops"), "-o", str(output), "--judge"]) == 0
    card = card_of(output)
    assert {one["films"] for one in card.document["measured"]} == {"beach-door", "shed-door"}
    assert card.document["trained"]["left_out_in_turn"] == ["beach-door", "shed-door"]
    assert card.triggers == {"person": 0.7, "vehicle": 0.7}
    assert "precision" in capsys.readouterr().out
    assert "each camera by weights that never saw it" in card_words(card)
    assert train.main([str(tmp_path / "crops"), "-o", str(output)]) == 0
    assert card_of(output).triggers == {"person": 0.7, "vehicle": 0.7}
    public = tmp_path / "public"
    public.mkdir()
    np.savez(public / "door.npz", crops=drawn.crops, labels=np.asarray(KINDS)[drawn.labels])
    assert train.main([str(public), "-o", str(output), "--judge"]) == train.BAD
    assert [one.events[0] for one in read([tmp_path / "crops"])] == ["e0", "e0"]
