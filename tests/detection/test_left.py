"""Things left behind and taken away, told from people, light and leaves."""

import numpy as np
import pytest

from tawny.detection.motion import MotionDetector
from tawny.detection.scene_changes import AbandonedObject, AbandonedObjectDetector
from tawny.detection.zones import DetectionZone
from tawny.model.geometry import Polygon
from tawny.model.observations import Look
from tests.support import weather
from tests.support.scenes import HEIGHT, START_MS, WIDTH, Picture, PictureFrame, SyntheticScene, person

EVERYWHERE = Polygon.of([(0, 0), (1, 0), (1, 1), (0, 1)])
TOP = Polygon.of([(0, 0), (1, 0), (1, 0.6), (0, 0.6)])
CORNER = Polygon.of([(0, 0), (0.2, 0), (0, 0.2)])
BAG = (95, 78, 105, 88)


def found(
    scene: SyntheticScene, polygon: Polygon = EVERYWHERE, left_s: float = 15.0, mask: tuple[Polygon, ...] = ()
) -> list[AbandonedObject]:
    detector, left = MotionDetector({}), AbandonedObjectDetector([DetectionZone("hall", polygon, left_s=left_s)], mask)
    received: list[AbandonedObject] = []
    for frame in scene.frames():
        received += left.look(frame, detector.look(frame))
    return received


def bag(scene: SyntheticScene, begin_s: float, end_s: float, contrast: float = 50.0) -> None:
    x0, y0, x1, y1 = BAG
    ground = float(scene.plate[y0:y1, x0:x1].mean())

    def draw(picture: Picture, t: float) -> None:
        if begin_s <= t < end_s:
            picture[y0:y1, x0:x1] = ground + contrast

    scene.add(draw)


def visitor(scene: SyntheticScene, begin_s: float) -> None:
    scene.walk([(begin_s, 10, 90, 45), (begin_s + 5, 100, 90, 45), (begin_s + 10, 182, 90, 45)], person, 45)


def test_a_bag_that_stays_is_told_once_with_its_place_and_time() -> None:
    scene = SyntheticScene(1, 75)
    bag(scene, 35, 200)
    visitor(scene, 30)
    result = found(scene)
    assert [one.what for one in result] == ["left"]
    x0, y0, x1, y1 = result[0].box
    assert (x0 * WIDTH, y0 * HEIGHT, x1 * WIDTH, y1 * HEIGHT) == pytest.approx(BAG, abs=3)
    assert result[0].zones == ("hall",)
    assert 33 <= (result[0].since_ms - START_MS) / 1000 <= 60


def test_a_thing_that_was_always_there_and_goes_is_taken() -> None:
    scene = SyntheticScene(1, 75)
    bag(scene, 0, 35)
    visitor(scene, 30)
    assert [one.what for one in found(scene)] == ["taken"]


def test_in_another_zone_nothing_is_told() -> None:
    scene = SyntheticScene(1, 60)
    bag(scene, 35, 200)
    assert found(scene, CORNER) == []


@pytest.mark.parametrize("mask", [EVERYWHERE, Polygon.of([(0.45, 0.7), (0.6, 0.7), (0.6, 0.85), (0.45, 0.85)])])
def test_in_a_mask_nothing_is_told(mask: Polygon) -> None:
    scene = SyntheticScene(1, 60)
    bag(scene, 35, 200)
    assert len(found(scene)) == 1
    assert found(scene, mask=(mask,)) == []


def test_light_in_a_mask_hides_no_thing() -> None:
    """Most of the image is a street, whose lamps go on and off."""
    scene = SyntheticScene(1, 75)
    bag(scene, 35, 200)

    def flash(picture: Picture, t: float) -> None:
        picture[: round(0.6 * HEIGHT) - 1] *= 0.4 if t % 12 < 6 else 1.0

    scene.add(flash)
    assert found(scene) == []
    assert [one.what for one in found(scene, mask=(TOP,))] == ["left"]


def test_not_before_its_time() -> None:
    scene = SyntheticScene(1, 60)
    bag(scene, 35, 200)
    assert found(scene, left_s=40) == []


def test_people_who_pass_and_stand_are_no_things() -> None:
    scene = SyntheticScene(1, 80)
    scene.walk([(25, 6, 90, 45), (30, 90, 90, 45), (65, 90, 90, 45), (70, 186, 90, 45)], person, 40, sway=0.45)
    assert found(scene) == []


def test_light_and_leaves_are_no_things() -> None:
    scene = SyntheticScene(1, 70)
    weather.gain(scene, lambda t: 0.5 if 30 < t < 55 else 1.0)
    assert found(scene) == []
    windy = SyntheticScene(1, 70)
    weather.wind(windy, 57, 1.8)
    assert found(windy) == []


def test_jumps_of_time_and_another_size_do_no_harm() -> None:
    left = AbandonedObjectDetector([DetectionZone("hall", EVERYWHERE, left_s=1)])
    for n, size in enumerate([(90, 160), (540, 960), (90, 160)] * 3):
        assert left.look(PictureFrame(np.full(size, 90, np.uint8), START_MS - 5000 * n), Look(0)) == []
