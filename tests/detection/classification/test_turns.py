"""Who lies in the picture, under a camera that looks down, is known by a quarter turn."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.detection.classification import FIRST, MOST, UPRIGHT, RotationCycle, rotate_picture, upright
from tawny.detection.models.object_model import DetectedObject
from tests.detection.classification.test_namer import Bench, moving


@given(st.integers(0, 3), st.integers(2, 30), st.integers(2, 30))
def test_a_box_of_a_turned_picture_is_where_it_is_in_the_picture(turn: int, rows: int, columns: int) -> None:
    picture = np.zeros((rows, columns, 3), np.uint8)
    picture[rows - 1, 0] = 255
    shown = rotate_picture(picture, turn)
    (y,), (x,) = shown[:, :, 0].nonzero()
    height, width = shown.shape[:2]
    box = upright((x / width, y / height, (x + 1) / width, (y + 1) / height), turn)
    assert box == pytest.approx((0.0, 1 - 1 / rows, 1 / columns, 1.0))


def test_every_other_look_is_turned_to_either_side_and_stays_where_somebody_was_seen() -> None:
    turns = RotationCycle()
    assert [turns.next() for _ in range(6)] == [UPRIGHT, 3, UPRIGHT, 1, UPRIGHT, 3]
    turns.take_result(3, saw=True)
    turns.take_result(UPRIGHT, saw=False)
    assert [turns.next() for _ in range(4)] == [UPRIGHT, 3, UPRIGHT, 3]
    turns.take_result(3, saw=False)
    assert [turns.next() for _ in range(4)] == [UPRIGHT, 1, UPRIGHT, 3]


class Standing:
    """Knows what stands upright in what it is shown, which is wider than high: turned, it is higher than wide."""

    def __init__(self, label: str, *, knows_turned: bool) -> None:
        self._label, self._knows_turned = label, knows_turned
        self.shown: list[bool] = []

    def look(self, rgb: Any, wanted: Any = ()) -> list[DetectedObject]:
        is_turned = rgb.shape[0] > rgb.shape[1]
        self.shown.append(is_turned)
        return [DetectedObject(self._label, 0.8, (0.25, 0.35, 0.75, 0.65))] if is_turned is self._knows_turned else []


def test_who_lies_gets_a_name_at_the_right_place() -> None:
    bench = Bench()
    bench.desk.use(Standing("person", knows_turned=True))
    (thing,) = bench.walk(6).seen
    assert thing.label == "person"
    assert 0.4 <= thing.sure < 0.8  # upright there was nobody


def test_who_stands_is_shown_upright_first_and_not_turned_once_there_is_a_name() -> None:
    bench, model = Bench(), Standing("person", knows_turned=False)
    bench.desk.use(model)
    assert bench.walk(6).seen[0].label == "person"
    assert len(model.shown) > FIRST
    assert not any(model.shown[:FIRST])
    assert sum(model.shown) <= len(model.shown) / 3


def test_only_people_are_known_lying() -> None:
    bench = Bench()
    bench.desk.use(Standing("car", knows_turned=True))
    assert bench.walk(6).seen[0].label == "motion"
    bench, model = Bench(wanted=("vehicle",)), Standing("car", knows_turned=True)
    bench.desk.use(model)
    bench.walk(6)
    assert not any(model.shown)


def test_what_sways_for_long_is_not_turned_for_ever() -> None:
    bench, model = Bench(), Standing("chair", knows_turned=True)
    bench.desk.use(model)
    for n in range(300):
        bench.look(n / 5, moving(n % 3))
    assert sum(model.shown) == MOST
    bench.look(60.0, moving(0, track=2))
    for n in range(1, 20):
        bench.look(60.0 + n / 5, moving(n, track=2))
    assert sum(model.shown) > MOST
