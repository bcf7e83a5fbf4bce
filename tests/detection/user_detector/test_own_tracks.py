"""The objects of an own `detect()`, which returns boxes without numbers: which of them is which."""

from collections.abc import Iterator

import numpy as np
import pytest

from tawny.detection.user_detector import UserDetector
from tawny.detection.zones import CameraZones, DetectionLine, DetectionZone, in_places
from tawny.model.geometry import Polygon
from tawny.model.observations import Box, Look, Observation, PathLines
from tests.support.scenes import START_MS, PictureFrame

Found = list[tuple[Box, str, float]]
LEFT, RIGHT = (0.1, 0.5, 0.2, 0.8), (0.7, 0.5, 0.8, 0.8)
GATE = DetectionLine("gate", ((0.5, 0), (0.5, 1)))
YARD = Polygon.of([(0, 0), (1, 0), (1, 1), (0, 1)])
PICTURE = np.zeros((9, 16), np.uint8)


class Script:
    """Returns one answer after the other, as a user's file does that sorts by score. None: it failed."""

    is_another, is_ready, takes_frame = False, True, False

    def __init__(self, answers: list[Found | None]) -> None:
        self._answers: Iterator[Found | None] = iter(answers)

    def ask(self, _at_ms: int, _camera: str, _rgb: object) -> Found | None:
        found = next(self._answers)
        return None if found is None else sorted(found, key=lambda one: -one[2])


class Own:
    """A detector of such a script. step_ms: between two calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, zones: CameraZones | None = None, step_ms: int = 200) -> None:
        self._own = UserDetector({"file": "detect.py", "every": step_ms / 1000})
        self._detector = in_places(self._own, zones or CameraZones())
        self._monkeypatch, self._step_ms = monkeypatch, step_ms

    def looks(self, answers: list[Found | None]) -> list[Look]:
        self._monkeypatch.setattr(self._own, "script", Script(answers))
        times = (START_MS + self._step_ms * n for n in range(len(answers)))
        return [self._detector.look(PictureFrame(PICTURE, at_ms)) for at_ms in times]

    def tracks(self, answers: list[Found | None]) -> list[dict[str, int]]:
        """Return the numbers by label of each call."""
        return [{one.label: one.track for one in (*look.seen, *look.near)} for look in self.looks(answers)]


def places(looks: list[Look]) -> list[set[Box]]:
    """Return where each object was, from the left."""
    found: dict[int, set[Box]] = {}
    for one in (thing for look in looks for thing in look.seen):
        found.setdefault(one.track, set()).add(one.box)
    return sorted(found.values(), key=min)


@pytest.mark.parametrize("labels", [("car", "person"), ("person", "person")])
def test_objects_that_stand_still_cross_no_line_whichever_is_the_surer(
    monkeypatch: pytest.MonkeyPatch, labels: tuple[str, str]
) -> None:
    answers: list[Found | None] = [
        [(LEFT, labels[0], 0.8 + 0.01 * (n % 2)), (RIGHT, labels[1], 0.805)] for n in range(10)
    ]
    looks = Own(monkeypatch, CameraZones(lines=(GATE,))).looks(answers)
    assert [one.zones for look in looks for one in look.seen] == [()] * 20
    assert places(looks) == [{LEFT}, {RIGHT}]
    paths = PathLines(START_MS)
    for n, look in enumerate(looks):
        paths.add(START_MS + 200 * n, look.seen)
    assert paths.travel == pytest.approx(0)


@pytest.mark.parametrize(("step", "step_ms"), [(0.05, 200), (0.15, 200), (0.3, 1000)])
def test_an_object_that_moves_keeps_its_number_and_crosses_the_line(
    monkeypatch: pytest.MonkeyPatch, step: float, step_ms: int
) -> None:
    """In steps shorter and longer than its width, past one that stands."""
    answers: list[Found | None] = [
        [((x, 0.5, x + 0.1, 0.8), "person", 0.6 + 0.02 * n), ((0.8, 0.1, 0.9, 0.4), "person", 0.65)]
        for n, x in enumerate(np.arange(0.1, 0.85, step).tolist())
    ]
    looks = Own(monkeypatch, CameraZones(lines=(GATE,)), step_ms).looks(answers)
    assert len(places(looks)) == 2
    assert {one.box[1] for look in looks for one in look.seen if one.zones} == {0.5}


def test_the_time_in_a_zone_is_that_of_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that take turns to be the surer, the one that came later is no visitor who loiters."""
    zone = DetectionZone("yard", YARD, loiter_s=2.0)
    answers: list[Found | None] = [[(LEFT, "person", 0.8)] for _ in range(9)]
    answers += [[(LEFT, "person", 0.8), (RIGHT, "person", 0.9)] for _ in range(4)]
    last = Own(monkeypatch, CameraZones((zone,))).looks(answers)[-1]
    assert {one.box: bool(one.signs) for one in last.seen} == {LEFT: True, RIGHT: False}


def test_one_that_is_missed_now_and_then_keeps_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the only one that is returned takes turns, or the script fails for a moment."""
    car, person = (LEFT, "car", 0.8), (RIGHT, "car", 0.8)
    looks = Own(monkeypatch).looks([[car], [person], [car], None, [], [person], [car, person]])
    assert places(looks) == [{LEFT}, {RIGHT}]


def test_no_number_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another label, another place and another time are other objects."""
    answers: list[Found | None] = [[(LEFT, "car", 0.8)], [(LEFT, "dog", 0.8)], [(RIGHT, "dog", 0.8)]]
    answers += [[] for _ in range(20)]
    found = Own(monkeypatch).tracks([*answers, [(LEFT, "car", 0.3)]])
    assert [found[n] for n in (0, 1, 2, -1)] == [{"car": 1}, {"dog": 2}, {"dog": 3}, {"car": 4}]


def test_the_number_of_a_score_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (0.0, 0.0, 1.0, 1.0)
    answers: list[Found | None] = [[(whole, "motion", score)] for score in (0.9, 0.0, 0.4, *[0.0] * 30, 0.9)]
    looks = Own(monkeypatch).looks(answers)
    assert looks[0].seen == looks[-1].seen == (Observation("motion", 0.9, whole, 1),)
