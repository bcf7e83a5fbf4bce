"""Zones, lines and masks in front of a detector."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
import pytest

from tawny.config.settings import DetectionSettings
from tawny.detection.detector import Detector, DetectorKind, Glances
from tawny.detection.motion import MotionDetector
from tawny.detection.zones import CameraZones, DetectionLine, DetectionZone, camera_zones, in_places
from tawny.model.geometry import Polygon
from tawny.model.observations import Box, Frame, Look, Observation
from tawny.testing.contracts.detection import DetectorContract
from tests.detection.alarms import alarms
from tests.support.scenes import START_MS, PictureFrame, SyntheticScene, person

LEFT = Polygon.of([(0, 0), (0.5, 0), (0.5, 1), (0, 1)])
RIGHT = Polygon.of([(0.5, 0), (1, 0), (1, 1), (0.5, 1)])
CORNER = Polygon.of([(0, 0), (0.2, 0), (0, 0.2)])
BOTTOM = Polygon.of([(0, 0.6), (1, 0.6), (1, 1), (0, 1)])


class Told:
    """Says what it was told to, one look after the other."""

    name: ClassVar[str] = "told"

    def __init__(self, boxes: Sequence[Box], score: int = 80) -> None:
        self._boxes, self._score = iter(boxes), score

    def look(self, frame: Frame) -> Look:
        return Look(self._score, (Observation("motion", self._score / 100, next(self._boxes), 1, START_MS),))


def walk(begin: float, end: float, looks: int = 21, foot: float = 0.8, side: float = 0.1) -> list[Box]:
    middles = np.linspace(begin, end, looks)
    return [(x - side / 2, foot - 2 * side, x + side / 2, foot) for x in middles]


def looks(boxes: list[Box], places: CameraZones, score: int = 80) -> Iterator[Look]:
    detector = in_places(Told(boxes, score), places)
    for n in range(len(boxes)):
        yield detector.look(PictureFrame(np.zeros((90, 160), np.uint8), START_MS + 200 * n))


def zones_seen(boxes: list[Box], places: CameraZones, score: int = 80) -> list[tuple[str, ...]]:
    return [look.seen[0].zones if look.seen else () for look in looks(boxes, places, score)]


@pytest.mark.shows("DY25")
def test_what_is_in_a_zone_carries_its_name_and_the_rest_is_no_event() -> None:
    seen = zones_seen(walk(0.1, 0.9), CameraZones((DetectionZone("path", LEFT),)))
    assert seen[0] == ("path",)
    assert seen[-1] == ()
    assert 9 <= sum(zones == ("path",) for zones in seen) <= 12


def test_without_an_event_the_score_stays_below_the_line() -> None:
    last = list(looks(walk(0.1, 0.9), CameraZones((DetectionZone("path", LEFT),))))[-1]
    assert last.score < 50


def test_it_begins_when_it_enters() -> None:
    entered = next(look for look in looks(walk(0.1, 0.9), CameraZones((DetectionZone("gate", RIGHT),))) if look.seen)
    assert entered.seen[0].since_ms == pytest.approx(START_MS + 2000, abs=250)


@pytest.mark.parametrize(
    ("zone", "counts"),
    [
        (DetectionZone("z", LEFT, level=81), False),
        (DetectionZone("z", LEFT, level=80), True),
        (DetectionZone("z", LEFT, smallest=0.03), False),
        (DetectionZone("z", LEFT, smallest=0.01), True),
        (DetectionZone("z", LEFT, stay_s=3), False),
        (DetectionZone("z", LEFT, stay_s=1), True),
        (DetectionZone("z", LEFT, direction="right"), True),
        (DetectionZone("z", LEFT, direction="left"), False),
        (DetectionZone("z", BOTTOM), True),
    ],
)
def test_a_zone_asks_for_level_size_stay_and_direction(zone: DetectionZone, counts: bool) -> None:
    assert any(zones_seen(walk(0.1, 0.9), CameraZones((zone,)))) == counts


def test_who_stays_is_told_after_the_stay() -> None:
    seen = zones_seen(walk(0.2, 0.22, looks=40), CameraZones((DetectionZone("door", LEFT, stay_s=5),)))
    assert seen[:20] == [()] * 20
    assert seen[30] == ("door",)


def test_who_loiters_is_told_so() -> None:
    zone = DetectionZone("door", LEFT, loiter_s=5)
    signs = [look.seen[0].signs for look in looks(walk(0.2, 0.22, looks=40), CameraZones((zone,)))]
    assert signs == [()] * 25 + [("loitering",)] * 15
    passing = looks(walk(0.1, 0.9, looks=40), CameraZones((zone,)))
    assert {thing.signs for look in passing for thing in look.seen} == {()}


def test_somebody_who_stands_at_the_door_loiters_and_who_passes_does_not() -> None:
    def signs(*points: tuple[float, float, float, float]) -> set[tuple[str, ...]]:
        scene = SyntheticScene(1, 55)
        scene.walk(list(points), person, 45, sway=0.45)
        detector = in_places(MotionDetector({}), CameraZones((DetectionZone("door", BOTTOM, loiter_s=15),)))
        return {thing.signs for frame in scene.frames() for thing in detector.look(frame).seen}

    assert ("loitering",) in signs((15, 6, 95, 45), (20, 90, 95, 45), (45, 90, 95, 45), (50, 186, 95, 45))
    assert signs((15, 6, 95, 45), (26, 186, 95, 45)) == {()}


class Scored:
    """One thing in the middle that scores as it was told: from 50 on an event, below it something that may be one."""

    name: ClassVar[str] = "scored"

    def __init__(self, scores: Sequence[int]) -> None:
        self._scores = iter(scores)

    def look(self, frame: Frame) -> Look:
        score = next(self._scores)
        thing = Observation("motion", score / 100, (0.4, 0.4, 0.6, 0.6), 1, START_MS)
        return Look(score, (thing,)) if score >= 50 else Look(score, near=(thing,))


def counts(scores: list[int], places: CameraZones) -> list[bool]:
    detector = in_places(Scored(scores), places)
    frames = (PictureFrame(np.zeros((90, 160), np.uint8), START_MS + 200 * n) for n in range(len(scores)))
    return [bool(detector.look(frame).seen) for frame in frames]


@pytest.mark.parametrize(
    ("level", "told"),
    [(50, [False, False, True, True]), (60, [False, False, False, True]), (40, [False, True, True, True])],
)
def test_a_camera_has_a_level(level: int, told: list[bool]) -> None:
    assert counts([30, 45, 55, 65], CameraZones(level=level)) == told


def test_what_reached_the_level_counts_to_its_end() -> None:
    assert counts([55, 65, 55, 52], CameraZones(level=60)) == [False, True, True, True]


def test_a_zone_may_have_a_level_of_its_own() -> None:
    everywhere = Polygon.of([(0, 0), (1, 0), (1, 1), (0, 1)])
    zones = (DetectionZone("z", everywhere, level=70),)
    assert counts([55, 65, 75], CameraZones(zones, level=40)) == [False, False, True]


@pytest.mark.parametrize(("frames", "within", "at"), [(1, 1, 0), (2, 2, 5), (2, 3, 2), (3, 5, 4), (3, 2, 6)])
def test_one_rule_for_how_often(frames: int, within: int, at: int) -> None:
    result = counts([60, 40, 60, 40, 60, 60, 60], CameraZones(frames=frames, within=within, level=51))
    assert result.index(True) == at


def test_what_may_become_an_event_names_the_zones_it_is_in() -> None:
    detector = in_places(Scored([30]), CameraZones((DetectionZone("bottom", BOTTOM), DetectionZone("corner", CORNER))))
    near = detector.look(PictureFrame(np.zeros((90, 160), np.uint8), START_MS)).near
    assert [thing.zones for thing in near] == [("bottom",)]


def test_what_is_in_no_zone_does_not_raise_the_score() -> None:
    detector = in_places(
        Scored([90]), CameraZones((DetectionZone("corner", Polygon.of([(0, 0), (0.2, 0), (0, 0.2)])),))
    )
    assert detector.look(PictureFrame(np.zeros((90, 160), np.uint8), START_MS)).score == 0


@pytest.mark.parametrize(
    ("direction", "forth", "back"),
    [("both", True, True), ("left-to-right", False, True), ("right-to-left", True, False)],
)
def test_a_line_is_crossed_in_its_direction(direction: str, forth: bool, back: bool) -> None:
    """The line goes down, so its left is the picture's right."""
    line = DetectionSettings.model_validate(
        {"lines": {"gate": {"points": [[0.5, 0], [0.5, 1]], "direction": direction}}}
    )
    crossed = [
        any(zones == ("gate",) for zones in zones_seen(boxes, camera_zones(line)))
        for boxes in (walk(0.1, 0.9), walk(0.9, 0.1))
    ]
    assert crossed == [forth, back]


def test_lines_alone_leave_everything_an_event() -> None:
    assert all(
        look.seen for look in looks(walk(0.1, 0.4), CameraZones(lines=(DetectionLine("gate", ((0.5, 0), (0.5, 1))),)))
    )


@pytest.mark.shows("RP14")
def test_what_is_masked_is_not_seen() -> None:
    scene = SyntheticScene(1, 30)
    scene.walk([(15, 20, 90, 45), (22, 170, 90, 45)], person, 45)
    ground = Polygon.of([(0, 0.3), (1, 0.3), (1, 1), (0, 1)])
    assert alarms(scene, in_places(MotionDetector({}), CameraZones(mask=(ground,)))) == []


def test_beside_the_mask_all_is_seen() -> None:
    scene = SyntheticScene(1, 30)
    scene.walk([(15, 20, 90, 45), (22, 170, 90, 45)], person, 45)
    sky = Polygon.of([(0, 0), (1, 0), (1, 0.3), (0, 0.3)])
    assert len(alarms(scene, in_places(MotionDetector({}), CameraZones(mask=(sky,))))) == 1


def test_masked_pixels_are_black_in_colour() -> None:
    class Looks:
        name: ClassVar[str] = "looks"

        def look(self, frame: Frame) -> Look:
            self.rgb = frame.rgb
            return Look(0)

    inner = Looks()
    in_places(inner, CameraZones(mask=(LEFT,))).look(PictureFrame(np.full((10, 20), 200, np.uint8)))
    assert inner.rgb[:, :9].max() == 0
    assert inner.rgb[:, 11:].min() == 200


def test_without_places_the_detector_is_as_it_is() -> None:
    motion = MotionDetector({})
    assert in_places(motion, CameraZones()) is motion


def test_what_can_be_woken_still_can() -> None:
    assert isinstance(in_places(MotionDetector({}), CameraZones(mask=(LEFT,))), Glances)
    assert not isinstance(in_places(Told([]), CameraZones(mask=(LEFT,))), Glances)


def test_settings_say_zones_shortly_or_in_full() -> None:
    watch = DetectionSettings.model_validate(
        {
            "zones": {
                "path": [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0]],
                "door": {"points": [[0, 0], [1, 0], [1, 1]], "threshold": 70, "min_size": "1 %", "min_time": "5 s"},
            },
            "lines": {"gate": [[0.2, 0.5], [0.8, 0.5]]},
            "motion_masks": [[[0, 0], [0.2, 0], [0.2, 0.2]]],
        }
    )
    places = camera_zones(watch)
    assert [zone.name for zone in places.zones] == ["path", "door"]
    assert (places.zones[1].level, places.zones[1].smallest, places.zones[1].stay_s) == (70, 0.01, 5)
    assert places.lines[0].ends == ((0.2, 0.5), (0.8, 0.5))
    assert len(places.mask) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"zones": {"z": [[0, 0], [1, 1]]}},
        {"zones": {"z": [[0, 0], [1, 1], [1, 0], [0, 1]]}},
        {"zones": {"z": {"points": [[0, 0], [1, 0], [1, 1]], "colour": "red"}}},
        {"lines": {"l": [[0, 0], [1, 0], [1, 1]]}},
        {"motion_masks": [[[0, 0], [2, 0], [1, 1]]]},
    ],
)
def test_impossible_places_are_refused(said: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"places|points|forbid|at most|outside|cross|three|Extra|too_long"):
        DetectionSettings.model_validate(said)


class TestZonedMotion(DetectorContract):
    def kind(self) -> DetectorKind:
        return MotionDetector

    def make(self) -> Detector:
        zone = DetectionZone("path", BOTTOM)
        return in_places(
            MotionDetector({}),
            CameraZones(
                (zone,), (DetectionLine("l", ((0.5, 0), (0.5, 1))),), (Polygon.of([(0, 0), (0.2, 0), (0, 0.2)]),)
            ),
        )
