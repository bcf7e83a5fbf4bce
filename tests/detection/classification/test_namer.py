"""What is followed is shown to a model, and called by what it answers; nothing waits for a slow one."""

from typing import Any

import numpy as np
import pytest

from tawny.detection.classification import (
    ClassificationQueue,
    StationaryObjects,
    TrackClassifier,
    how_well,
    part_around,
)
from tawny.detection.models.object_model import DetectedObject
from tawny.model.ids import CameraId
from tawny.model.observations import Box, Look, Observation
from tests.detection.sink import Sink
from tests.support.scenes import PictureFrame

PORCH = CameraId("porch")
BEGUN_MS = 1_795_000_000_000
PICTURE = np.full((90, 160), 100, np.uint8)


class Model:
    """Says the same of every picture: things in shares of what it is shown."""

    def __init__(self, *things: DetectedObject) -> None:
        self.things = list(things)
        self.shown: list[tuple[int, ...]] = []

    def look(self, rgb: Any, wanted: Any = ()) -> list[DetectedObject]:
        self.shown.append(rgb.shape)
        return self.things


class Bench:
    def __init__(
        self, *things: DetectedObject, wanted: tuple[str, ...] = ("person", "vehicle"), at_once: bool = True
    ) -> None:
        self.model = Model(*things)
        self.desk = ClassificationQueue(self.model, is_inline=at_once)
        self.sink = Sink(TrackClassifier(PORCH, self.desk, wanted))

    def look(self, at_s: float, *seen: Observation, near: tuple[Observation, ...] = ()) -> Look:
        self.sink.look(PictureFrame(PICTURE, BEGUN_MS + round(at_s * 1000), PORCH), Look(70, seen, near=near))
        return self.sink.looks[-1]

    def walk(self, seconds: float) -> Look:
        """Something goes across the picture."""
        for n in range(round(seconds * 5)):
            last = self.look(n / 5, moving(n))
        return last


def moving(n: int, track: int = 1) -> Observation:
    x = 0.1 + 0.01 * n
    return Observation("motion", 0.8, (x, 0.3, x + 0.1, 0.6), track)


MIDDLE: Box = (0.35, 0.25, 0.65, 0.75)
WALKER = DetectedObject("person", 0.8, MIDDLE)


def test_what_moves_gets_its_name() -> None:
    bench = Bench(WALKER)
    (thing,) = bench.walk(4).seen
    assert (thing.label, thing.score) == ("person", 0.8)
    assert thing.sure == pytest.approx(0.8)


def test_a_name_is_there_within_two_seconds() -> None:
    bench = Bench(WALKER)
    bench.walk(4)
    named = [n / 5 for n, look in enumerate(bench.sink.looks) if look.seen[0].sure]
    assert named[0] <= 2.0


def test_what_was_not_asked_for_stays_motion() -> None:
    bench = Bench(DetectedObject("dog", 0.9, MIDDLE))
    assert bench.walk(4).seen[0].label == "motion"
    assert Bench(DetectedObject("dog", 0.9, MIDDLE), wanted=("animal",)).walk(4).seen[0].label == "dog"


def test_only_the_surroundings_are_shown_and_not_more_often_than_needed() -> None:
    bench = Bench(WALKER)
    bench.walk(10)
    assert all(shape[0] <= 50 and shape[1] <= 60 for shape in bench.model.shown)
    assert 5 <= len(bench.model.shown) <= 12


def test_nothing_is_shown_while_nothing_moves() -> None:
    bench = Bench(WALKER)
    for n in range(50):
        bench.look(n / 5)
    assert bench.model.shown == []


def test_what_may_become_an_event_is_asked_about_before_it_does() -> None:
    bench = Bench(WALKER)
    for n in range(20):
        faint = moving(n)
        bench.look(n / 5, near=(Observation("motion", 0.4, faint.box, 1),))
    assert bench.look(4.0, moving(20)).seen[0].label == "person"


def test_without_a_model_and_with_a_slow_one_looks_go_on() -> None:
    bench = Bench(WALKER, at_once=False)
    bench.walk(4)
    assert len(bench.sink.looks) == 20
    assert bench.desk.replaced > 5
    bench.desk.use(None)
    assert bench.walk(4).seen[0].label == "motion"
    assert bench.desk.step() > 0


def test_two_things_get_a_name_each() -> None:
    left, right = (
        DetectedObject("person", 0.8, (0.15, 0.3, 0.3, 0.7)),
        DetectedObject("car", 0.7, (0.7, 0.3, 0.85, 0.7)),
    )
    bench = Bench(left, right)
    for n in range(20):
        x = 0.1 + 0.01 * n
        a = Observation("motion", 0.8, (x, 0.3, x + 0.1, 0.6), 1)
        b = Observation("motion", 0.8, (x + 0.35, 0.3, x + 0.45, 0.6), 2)
        last = bench.look(n / 5, a, b)
    assert [thing.label for thing in last.seen] == ["person", "car"]


def test_the_part_that_is_shown() -> None:
    assert part_around([(0.5, 0.5, 0.6, 0.6)]) == pytest.approx((0.4, 0.4, 0.7, 0.7))
    assert part_around([(0.0, 0.9, 0.1, 1.0)]) == pytest.approx((0.0, 0.7, 0.3, 1.0))
    assert part_around([(0.0, 0.0, 0.1, 0.1), (0.9, 0.9, 1.0, 1.0)]) == (0.0, 0.0, 1.0, 1.0)


def test_what_fits_what() -> None:
    assert how_well((0.1, 0.1, 0.3, 0.3), (0.1, 0.1, 0.3, 0.3)) == pytest.approx(1.0)
    assert how_well((0.1, 0.1, 0.3, 0.3), (0.5, 0.5, 0.6, 0.6)) == 0.0
    assert how_well((0.0, 0.0, 1.0, 1.0), (0.5, 0.5, 0.55, 0.55)) == 0.0
    assert 0 < how_well((0.1, 0.1, 0.3, 0.5), (0.1, 0.1, 0.3, 0.3)) < 1


def test_where_one_after_another_comes_by_none_of_them_stands() -> None:
    standing, car = StationaryObjects(), DetectedObject("car", 0.8, (0.1, 0.1, 0.3, 0.2))
    for n in range(20):
        assert standing.moving(10_000 * n, (car,)) == [car]
        for more in range(1, 6):
            standing.moving(10_000 * n + 1000 * more, ())


def test_what_is_only_seen_now_and_then_stands_all_the_same() -> None:
    standing, sign = StationaryObjects(), DetectedObject("person", 0.4, (0.1, 0.1, 0.3, 0.2))
    seen = [standing.moving(1000 * n, (sign,) if n % 2 == 0 else ()) for n in range(30)]
    assert [len(one) for one in seen[::2]] == [1, 1, 1, *[0] * 12]


def test_a_look_elsewhere_says_nothing_of_what_stands() -> None:
    standing, car = StationaryObjects(), DetectedObject("car", 0.8, (0.1, 0.1, 0.3, 0.2))
    for n in range(5):
        standing.moving(2000 * n, (car,))
    for n in range(100):
        standing.moving(20_000 + 1000 * n, (), (0.2, 0.0, 1.0, 1.0))
    assert standing.moving(200_000, (car,)) == []


def test_what_stands_is_known_after_a_few_looks_and_forgotten_after_an_hour() -> None:
    standing, car = StationaryObjects(), DetectedObject("car", 0.8, (0.1, 0.1, 0.3, 0.2))
    assert standing.moving(0, (car,)) == [car]
    assert standing.moving(2000, (car,)) == [car]
    assert standing.moving(5000, (car,)) == []
    assert standing.moving(6000, (DetectedObject("car", 0.8, (0.5, 0.1, 0.7, 0.2)),)) != []
    assert standing.moving(7000, (DetectedObject("person", 0.8, car.box),)) != []
    assert standing.moving(3_700_000, (car,)) == [car]


@pytest.mark.parametrize("is_missed", [False, True])
def test_what_stands_stands_after_the_clock_was_set_back(is_missed: bool) -> None:
    standing, car = StationaryObjects(), DetectedObject("car", 0.8, (0.1, 0.1, 0.3, 0.2))
    for n in range(20):
        standing.moving(1_000_000 + 500 * n, (car,))
    if is_missed:
        standing.moving(400_000, ())
    assert [standing.moving(400_500 + 500 * n, (car,)) for n in range(20)] == [[]] * 20
