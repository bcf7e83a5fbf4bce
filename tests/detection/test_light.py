"""Light is told from things: by the curve that it bends, and by what is still seen through it."""

import numpy as np
import pytest

from tawny.detection.motion import MotionDetector
from tawny.detection.motion.background_model import bends
from tawny.detection.motion.cells import Grey, median
from tests.detection.alarms import alarms
from tests.support.scenes import HEIGHT, WIDTH, PictureFrame, SyntheticScene, person

CHANCE = np.random.default_rng(3)
PLACE: Grey = CHANCE.uniform(10, 245, (27, 48)).astype(np.float32)


def test_one_gain_for_all_needs_no_curve() -> None:
    lit = PLACE * np.float32(0.8)
    assert bends(lit + CHANCE.normal(0, 1, lit.shape).astype(np.float32), lit, PLACE) is None


def test_a_curve_is_found_from_what_bright_and_dark_parts_did() -> None:
    gamma = (255 * (PLACE / 255) ** np.float32(0.6)).astype(np.float32)
    bent = bends(gamma, PLACE, PLACE)
    assert bent is not None
    assert np.abs(PLACE + bent[PLACE.astype(np.uint8)] - gamma).mean() < 3


def test_a_thing_that_hides_a_quarter_is_no_light() -> None:
    hidden = PLACE.copy()
    hidden[:14, :24] = 128
    assert bends(hidden, PLACE, PLACE) is None


@pytest.mark.parametrize(("shows_through", "events"), [(True, 0), (False, 1)])
def test_what_the_place_shows_through_is_no_event(shows_through: bool, events: int) -> None:
    scene = SyntheticScene(5, 50, noise=0.5)
    scene.plate = (scene.plate + CHANCE.normal(0, 9, scene.plate.shape)).astype(np.float32)

    def glides(picture: Grey, t: float) -> None:
        if 25 <= t < 33:
            x = round(20 + 15 * (t - 25))
            part = picture[40:75, x : x + 16]
            part[:] = part + 40 if shows_through else 170

    scene.add(glides)
    assert len(alarms(scene, MotionDetector({}))) == events


def test_in_strong_noise_somebody_of_little_contrast_is_told() -> None:
    scene = SyntheticScene(7, 60, night=True, noise=4.0)
    scene.walk([(30, 40, 80, 20), (42, 130, 81, 20)], person, 22)
    ((begin, _),) = alarms(scene, MotionDetector({}))
    assert begin == pytest.approx(30, abs=4)


def test_looks_that_are_seconds_apart_make_no_event() -> None:
    detector = MotionDetector({})
    for n in range(60):
        picture = np.full((HEIGHT, WIDTH), 100, np.uint8)
        picture[40:70, 10 + 4 * (n % 40) : 30 + 4 * (n % 40)] = 200
        assert not detector.look(PictureFrame(picture, 1_000_000 + 3000 * n)).seen


@pytest.mark.parametrize("size", [1, 2, 7, 64, 401])
def test_the_quick_median_is_the_median(size: int) -> None:
    cells = np.random.default_rng(size).normal(0, 9, size).astype(np.float32)
    before = cells.copy()
    assert median(cells) == float(np.median(cells))
    assert np.array_equal(cells, before)
