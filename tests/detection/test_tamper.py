"""Whether a camera still sees its place."""

from typing import Any

import cv2
import numpy as np
import pytest

from tawny.detection.tamper import TamperDetector
from tawny.testing.scenes import START_MS, PictureFrame, SyntheticScene, person

PLACE = SyntheticScene(1).plate
ELSEWHERE = SyntheticScene(7).plate


def watched(pictures: list[Any], tamper: TamperDetector | None = None, begin_s: int = 0) -> list[str]:
    """One picture a second, with a sensor's noise where they are floats."""
    tamper, chance = tamper or TamperDetector(), np.random.default_rng(3)
    told = []
    for n, picture in enumerate(pictures):
        noisy = picture + chance.normal(0, 0.8, picture.shape) if picture.dtype != np.uint8 else picture
        told.append(tamper.look(PictureFrame(noisy.clip(0, 255).astype(np.uint8), START_MS + (begin_s + n) * 1000)))
    return told


def test_a_place_as_it_was_is_fine() -> None:
    assert set(watched([PLACE] * 300)) == {""}


@pytest.mark.parametrize(
    ("picture", "wrong", "within_s"),
    [
        (np.full_like(PLACE, 60), "covered", 8),
        (cv2.GaussianBlur(PLACE, (0, 0), 6), "defocused", 18),
        (ELSEWHERE, "moved", 18),
    ],
)
def test_what_is_wrong_is_told_and_over_when_it_is_over(picture: Any, wrong: str, within_s: int) -> None:
    told = watched([PLACE] * 120 + [picture] * 60 + [PLACE] * 10)
    assert set(told[:120]) == {""}
    assert told[120 + within_s : 180] == [wrong] * (60 - within_s)
    assert told[-5:] == [""] * 5


def test_a_moment_is_nothing() -> None:
    assert set(watched([PLACE] * 120 + [np.full_like(PLACE, 60)] * 3 + [PLACE] * 10)) == {""}


def test_always_the_same_picture_is_told() -> None:
    told = watched([PLACE.astype(np.uint8)] * 150)
    assert told[100] == ""
    assert told[130] == "frozen"


@pytest.mark.parametrize("gain", [0.5, 1.6])
def test_another_light_is_fine(gain: float) -> None:
    assert set(watched([PLACE] * 120 + [PLACE * gain] * 60)) == {""}


def test_people_and_traffic_are_fine() -> None:
    scene = SyntheticScene(1, 180)
    scene.walk([(100, 20, 90, 60), (110, 170, 90, 60)], person, 60)
    tamper = TamperDetector()
    assert {tamper.look(frame) for frame in scene.frames()} == {""}


def test_a_camera_turned_on_purpose_is_right_again_in_time() -> None:
    told = watched([PLACE] * 120 + [ELSEWHERE] * 3000)
    assert told[200] == "moved"
    assert told[-1] == ""


def test_jumps_of_time_do_no_harm() -> None:
    tamper = TamperDetector()
    watched([PLACE] * 100, tamper)
    assert set(watched([PLACE] * 50, tamper, begin_s=-5000)) == {""}
    assert set(watched([PLACE] * 50, tamper, begin_s=90_000)) == {""}
