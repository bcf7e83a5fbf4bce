"""The small model of kinds: what it is shown, what it must be, and what travels gets a name where it is certain."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.detection.kind_model import (
    KINDS,
    RESTS,
    SIDE,
    TRACK_FACTS,
    FallbackClassifier,
    FallbackLabeller,
    KindClassifier,
    TrackWeights,
    card_of,
    crops_of,
    track_facts,
    track_inputs,
)
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.observations import Look, Observation
from tawny.testing.clock import FakeClock
from tests.detection import kind_models
from tests.detection.sink import Sink
from tests.support.scenes import PictureFrame

PORCH = CameraId("porch")
PERSON_ROW = [0.9, 0.05, 0.0, 0.05]
PARTS = ("mean", "spread", "weights", "bias")


class Says:
    """The same of every crop. takes_s: as long as the clock says it took."""

    def __init__(self, row: list[float], clock: FakeClock, takes_s: float = 0.0) -> None:
        self.row, self.clock, self.takes_s = row, clock, takes_s
        self.shown: list[tuple[int, ...]] = []

    def look(self, crops: Any) -> Any:
        self.shown.append(crops.shape)
        self.clock.advance(self.takes_s)
        return np.asarray([self.row] * len(crops), np.float32)


class Bench:
    def __init__(
        self, row: list[float], takes_s: float = 0.0, *, is_wanted: bool = True, chosen: dict[str, float] | None = None
    ) -> None:
        clock = FakeClock()
        self.model = Says(row, clock, takes_s)
        self.guesser = FallbackClassifier(clock, self.model)
        self.sink = Sink(FallbackLabeller(self.guesser, chosen or {}, lambda: is_wanted))
        self.at_ms = 1_795_000_000_000

    def look(self, *things: Observation, cells: bool = True) -> Look:
        mask = np.full((45, 80), cells, np.bool_)
        self.at_ms += 200
        self.sink.look(PictureFrame(np.full((90, 160), 100, np.uint8), self.at_ms, PORCH), Look(70, things, mask=mask))
        return self.sink.looks[-1]

    def walk(self, steps: int, by: float = 0.05, **look: Any) -> Look:
        for n in range(steps):
            last = self.look(thing(0.1 + n * by), **look)
        return last


def thing(left: float, track: int = 1) -> Observation:
    return Observation("motion", 0.8, (left, 0.3, left + 0.1, 0.7), track)


def label(look: Look) -> str:
    return look.seen[0].label


def test_who_walks_is_a_person_after_some_looks() -> None:
    bench = Bench(PERSON_ROW)
    assert (label(bench.walk(1)), bench.sink.looks[-1].seen[0].sure) == ("motion", 0.0)
    seen = bench.walk(8).seen[0]
    assert seen.label == "person"
    assert seen.sure == pytest.approx(0.89, abs=0.02)


def test_what_speaks_for_two_kinds_by_turns_is_neither() -> None:
    bench = Bench(PERSON_ROW)
    for n in range(16):
        bench.model.row = PERSON_ROW if n % 2 else [0.05, 0.9, 0.0, 0.05]
        assert label(bench.look(thing(0.1 + n * 0.05))) == "motion"


def test_one_look_that_is_sure_of_something_else_does_not_undo_the_others() -> None:
    bench = Bench(PERSON_ROW)
    bench.walk(8)
    bench.model.row = [0.0, 1.0, 0.0, 0.0]
    assert label(bench.look(thing(0.5))) == "person"


@pytest.mark.parametrize(
    ("chosen", "says"), [({}, "person"), ({"person": 0.95}, "motion"), ({"person": 0.0}, "motion")]
)
def test_a_camera_may_ask_for_more_evidence_or_for_no_such_name(chosen: dict[str, float], says: str) -> None:
    assert label(Bench(PERSON_ROW, chosen=chosen).walk(8)) == says


def test_a_model_whose_card_states_no_evidence_for_a_kind_never_names_it() -> None:
    bench = Bench([0.02, 0.02, 0.94, 0.02])
    assert label(bench.walk(8)) == "motion"
    bench.guesser.triggers = {"animal": 0.8}
    assert label(Bench([0.02, 0.02, 0.94, 0.02], chosen={"animal": 0.8}).walk(8)) == "animal"


@pytest.mark.parametrize(("by", "says"), [(0.07, "person"), (0.03, "motion")], ids=["half of its side", "less"])
def test_who_is_followed_for_four_looks_must_go_further_to_be_named(by: float, says: str) -> None:
    assert label(Bench(PERSON_ROW).walk(4, by)) == says


def test_what_sways_in_place_is_nobody() -> None:
    assert label(Bench(PERSON_ROW).walk(20, by=0.0)) == "motion"


@pytest.mark.parametrize("row", [[0.6, 0.2, 0.1, 0.1], [0.0, 0.0, 0.95, 0.05], [0.05, 0.05, 0.0, 0.9]])
def test_what_it_is_not_sure_of_is_not_said_nor_an_animal_nor_nothing(row: list[float]) -> None:
    assert label(Bench(row).walk(10)) == "motion"


def test_where_a_model_names_what_moves_it_is_not_asked() -> None:
    bench = Bench(PERSON_ROW, is_wanted=False)
    assert label(bench.walk(8)) == "motion"
    assert bench.model.shown == []


def test_too_few_cells_are_not_looked_at() -> None:
    bench = Bench(PERSON_ROW)
    bench.walk(8, cells=False)
    assert bench.model.shown == []


def test_a_dozen_things_are_looked_at_in_one_call() -> None:
    bench = Bench(PERSON_ROW)
    bench.look(*(thing(0.05 * n, track=n) for n in range(15)))
    assert bench.model.shown == [(12, 2, SIDE, SIDE)]


def test_after_a_look_that_took_too_long_some_are_left_out() -> None:
    bench = Bench(PERSON_ROW, takes_s=0.05)
    bench.walk(1 + RESTS)
    assert (bench.guesser.looks, bench.guesser.skipped) == (1, RESTS)
    bench.walk(1)
    assert bench.guesser.looks == 2


def test_a_detector_without_cells_gets_no_suggestion_and_its_look_passes_on() -> None:
    bench = Bench(PERSON_ROW)
    look = Look(70, (thing(0.1),))
    bench.sink.look(PictureFrame(np.zeros((90, 160), np.uint8), 1, PORCH), look)
    assert bench.sink.looks == [look]


# --- whole tracks --------------------------------------------------------------------------------------------------


def weights(**by_fact: float) -> TrackWeights:
    """What speaks for a vehicle, by fact; a person is as likely as its crops say."""
    width = len(track_inputs(np.zeros(len(TRACK_FACTS))))
    each = np.zeros((width, len(KINDS)))
    for n in range(len(KINDS)):
        each[n, n] = 1.0
    for fact, weight in by_fact.items():
        each[TRACK_FACTS.index(fact), 1] = weight
    return TrackWeights(np.zeros(width), np.ones(width), each, np.zeros(len(KINDS)))


@pytest.mark.parametrize(("share", "says"), [(0.97, "person"), (0.85, "motion")])
def test_who_stays_in_place_is_named_only_where_crops_and_way_are_very_certain(share: float, says: str) -> None:
    bench = Bench([share, 0.01, 0.0, 0.99 - share])
    bench.guesser.judged = weights()
    assert [label(bench.walk(1, by=0.0)) for _ in range(3)] == ["motion", "motion", says]


def test_a_person_needs_both_what_its_crops_and_what_its_way_say() -> None:
    bench = Bench(PERSON_ROW)
    bench.guesser.judged = weights(size=-2.0)  # small things are vehicles: as likely here as a person
    assert label(bench.walk(12)) != "person"


def test_what_its_crops_leave_open_its_way_decides() -> None:
    names = []
    for by in (0.002, 0.06):
        bench = Bench([0.35, 0.3, 0.0, 0.35])
        bench.guesser.judged = weights(speed=5.0)
        names.append(label(bench.walk(12, by)))
    assert names == ["motion", "vehicle"]


@pytest.mark.parametrize(
    ("boxes", "fact", "least", "most"),
    [
        ([(0.1, 0.1, 0.2, 0.3)] * 8, "speed", -3.0, -2.9),
        ([(0.1 + 0.02 * n, 0.1, 0.2 + 0.02 * n, 0.3) for n in range(8)], "straight", 0.6, 1.0),
        ([(0.1 + 0.02 * (n % 2), 0.1, 0.2, 0.3) for n in range(8)], "straight", 0.0, 0.1),
        ([(0.1, 0.1, 0.2, 0.3)] * 4 + [(0.1, 0.1, 0.3, 0.5)] * 4, "grows", 0.3, 0.7),
        ([(0.1, 0.1, 0.4, 0.2)] * 8, "wide", 1.0, 1.2),
        ([(0.1, 0.1, 0.1 + 0.1 * (1 + n % 2), 0.3) for n in range(8)], "shape changes", 0.3, 0.4),
        ([(0.1, 0.1, 0.2, 0.3)] * 3, "travelled", 0.0, 0.0),
    ],
)
def test_the_facts_of_a_track_are_those_of_its_way(boxes: list[Any], fact: str, least: float, most: float) -> None:
    facts, _ = track_facts(boxes, [(0.1, np.array(PERSON_ROW))] * len(boxes), 0.0)
    assert least <= facts[TRACK_FACTS.index(fact)] <= most


def test_who_travelled_has_travelled_also_after_standing_still() -> None:
    walked = [(0.1 + 0.05 * n, 0.1, 0.2 + 0.05 * n, 0.3) for n in range(8)]
    runs = [(0.1, np.array(PERSON_ROW))] * 8
    _, far = track_facts(walked, runs, 0.0)
    assert far > 1
    assert track_facts(walked[-1:] * 8, runs, far)[1] == far


# --- crops ---------------------------------------------------------------------------------------------------------


def test_a_crop_is_a_square_around_the_box_of_picture_and_mask() -> None:
    luma = np.tile(np.arange(200, dtype=np.uint8), (100, 1))
    mask = np.zeros((25, 50), np.bool_)
    mask[10:15, 20:30] = True
    crop = crops_of(luma, mask, [(0.4, 0.4, 0.6, 0.6)])[0]
    assert crop.shape == (2, SIDE, SIDE)
    assert crop[0, 32, 32] == pytest.approx(100, abs=1)
    assert crop[0, 32, 0] == pytest.approx(100 - 26, abs=2)  # 1.3 times 40 pixels wide
    assert crop[1, 32, 32] == 255
    assert crop[1, 0, 32] == 0


def test_beyond_the_picture_its_edge_goes_on() -> None:
    luma = np.full((100, 100), 50, np.uint8)
    luma[:, 0] = 200
    crop = crops_of(luma, np.ones((20, 20), np.bool_), [(0.0, 0.4, 0.1, 0.6)])[0]
    assert crop[0, 32, 0] == 200


def test_a_tiny_thing_is_shown_with_what_is_around_it() -> None:
    luma = np.zeros((100, 100), np.uint8)
    luma[50:52, 50:52] = 255
    crop = crops_of(luma, np.zeros((20, 20), np.bool_), [(0.5, 0.5, 0.52, 0.52)])[0]
    assert np.count_nonzero(crop[0] > 100) < SIDE * SIDE / 40


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_model_is_opened_and_asked(tmp_path: Path) -> None:
    file = kind_models.bright_is("vehicle", tmp_path / "kinds.onnx")
    crops = np.zeros((2, 2, SIDE, SIDE), np.uint8)
    crops[0, 0] = 255
    result = KindClassifier(file).look(crops)
    assert [KINDS[row.argmax()] for row in result] == ["vehicle", "nothing"]
    assert np.allclose(result.sum(axis=1), 1)
    assert card_of(file).name == "bright"


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        (lambda file: file.unlink(), "kinds.onnx: No such file"),
        (lambda file: file.with_suffix(".json").unlink(), "kinds.json: No such file"),
        (lambda file: file.with_suffix(".json").write_text("{"), "isn't a valid model card"),
        (lambda file: file.with_suffix(".json").write_text("[]"), "isn't a valid model card"),
        (lambda file: file.write_bytes(file.read_bytes()[:-10]), "is incomplete"),
        (lambda file: file.write_bytes(file.read_bytes()[:-1] + b"!"), "doesn't match its card"),
        (lambda file: kind_models.write_card(file, kinds=["cat"]), "classifies cat, expected person"),
        (lambda file: kind_models.write_card(file, tracks={"mean": [0.0]}), "isn't a valid model card"),
        (
            lambda file: kind_models.write_card(file, tracks=dict.fromkeys(PARTS, 1.0)),
            "its weights of tracks have another shape",
        ),
    ],
    ids=["absent", "no card", "broken card", "strange card", "truncated", "another", "other kinds", "tracks", "shape"],
)
def test_a_model_that_is_not_what_its_card_says_is_refused(tmp_path: Path, spoilt: Any, says: str) -> None:
    file = kind_models.bright_is("person", tmp_path / "kinds.onnx")
    spoilt(file)
    with pytest.raises(NotDone) as refused:
        card_of(file)
    assert says in refused.value.message
    assert refused.value.do


def test_a_model_of_another_shape_is_refused(tmp_path: Path) -> None:
    from tests.detection.models import models

    with pytest.raises(NotDone, match="can't classify events"):
        KindClassifier(models.bright(tmp_path / "m.onnx"))
