"""Whether a camera still sees its place."""

from typing import Any

import cv2
import numpy as np
import pytest

from tawny.detection.scene_changes import TamperDetector
from tests.support.scenes import START_MS, PictureFrame, SyntheticScene, person

PLACE = SyntheticScene(1).plate
ELSEWHERE = SyntheticScene(7).plate


def watched(pictures: list[Any], tamper: TamperDetector | None = None, begin_s: int = 0) -> list[str]:
    """One picture a second, with a sensor's noise where they are floats."""
    tamper, chance = tamper or TamperDetector(), np.random.default_rng(3)
    found = []
    for n, picture in enumerate(pictures):
        noisy = picture + chance.normal(0, 0.8, picture.shape) if picture.dtype != np.uint8 else picture
        found.append(tamper.look(PictureFrame(noisy.clip(0, 255).astype(np.uint8), START_MS + (begin_s + n) * 1000)))
    return found


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
    result = watched([PLACE] * 120 + [picture] * 60 + [PLACE] * 10)
    assert set(result[:120]) == {""}
    assert result[120 + within_s : 180] == [wrong] * (60 - within_s)
    assert result[-5:] == [""] * 5


BLACK = 16.0
"""Y of black."""


def lit(picture: Any, gain: float, noise: float = 0.0) -> Any:
    """The place in other light. noise: of a sensor at full gain, in levels; blurred, as a camera's filter leaves it."""
    chance = np.random.default_rng(int(gain * 1000) + round(noise * 100))
    grain = cv2.GaussianBlur(chance.normal(0, 1, picture.shape), (0, 0), 1.5)
    return BLACK + (picture.astype(np.float64) - BLACK) * gain + grain / grain.std() * noise


def covered_to(share: float, side: str, level: float = 20.0) -> Any:
    """The place, a part of which is behind something dark."""
    picture = PLACE.astype(np.float64)
    height, width = picture.shape
    picture[: round(height * share) if side == "top" else None, : round(width * share) if side == "left" else None] = (
        level
    )
    return picture


def five_a_second(pictures: list[Any], tamper: TamperDetector | None = None) -> list[str]:
    """After two minutes of the place."""
    tamper, chance = tamper or TamperDetector(), np.random.default_rng(3)
    before = [PLACE + chance.normal(0, 0.8, PLACE.shape) for _ in range(4)]
    found = []
    for n, picture in enumerate([before[n % 4] for n in range(600)] + pictures):
        found.append(tamper.look(PictureFrame(picture.clip(0, 255).astype(np.uint8), START_MS + n * 200)))
    assert set(found[:600]) == {""}
    return found[600:]


def dark(gain: float, noise: float, seconds: int = 90) -> list[Any]:
    few = [lit(PLACE, gain, noise + n / 100) for n in range(4)]
    return [few[n % 4] for n in range(seconds * 5)]


@pytest.mark.parametrize("noise", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("gain", [0.0, 0.02, 0.1, 0.2])
@pytest.mark.parametrize("fades", [False, True])
def test_lights_off_is_not_covered(gain: float, noise: float, fades: bool) -> None:
    """At once or fading, to black or to a trace of the place: neither covered nor defocused nor moved."""
    steps = [lit(PLACE, 1 - n / 4 * (1 - gain)) for n in range(1, 4)] if fades else []
    assert set(five_a_second([*steps, *dark(gain, noise)])) == {""}


def test_lamps_that_go_off_one_after_another_are_not_a_cover() -> None:
    half = covered_to(0.5, "left")
    assert set(five_a_second([half] * 25 + dark(0.0, 2.0))) == {""}


def test_a_night_is_not_covered_and_the_morning_is_as_before() -> None:
    tamper = TamperDetector()
    assert set(watched([PLACE] * 120 + [lit(PLACE, 0.02)] * 1200 + [PLACE] * 60, tamper)) == {""}


@pytest.mark.parametrize("level", [BLACK, 30.0])
@pytest.mark.parametrize("side", ["left", "top"])
def test_what_moves_over_the_lens_covers_it_however_dark(side: str, level: float) -> None:
    over = [covered_to(share, side) for share in (0.3, 0.6)]
    result = five_a_second([*over, *([np.full_like(PLACE, level)] * 450), *([PLACE.astype(np.float64)] * 50)])
    assert result[75:440] == ["covered"] * 365
    assert set(result[-20:]) == {""}


def test_after_a_cover_lights_off_is_only_darkness() -> None:
    over = [covered_to(share, "left") for share in (0.3, 0.6)]
    black, again = [np.full_like(PLACE, BLACK)] * 100, [PLACE.astype(np.float64)] * 100
    result = five_a_second([*over, *black, *again, *dark(0.0, 2.0)])
    assert "covered" in result[:102]
    assert set(result[150:]) == {""}


def test_a_moment_is_nothing() -> None:
    assert set(watched([PLACE] * 120 + [np.full_like(PLACE, 60)] * 3 + [PLACE] * 10)) == {""}


def test_always_the_same_picture_is_told() -> None:
    result = watched([PLACE.astype(np.uint8)] * 150)
    assert result[100] == ""
    assert result[130] == "frozen"


@pytest.mark.parametrize("gain", [0.5, 1.6])
def test_another_light_is_fine(gain: float) -> None:
    assert set(watched([PLACE] * 120 + [PLACE * gain] * 60)) == {""}


def test_people_and_traffic_are_fine() -> None:
    scene = SyntheticScene(1, 180)
    scene.walk([(100, 20, 90, 60), (110, 170, 90, 60)], person, 60)
    tamper = TamperDetector()
    assert {tamper.look(frame) for frame in scene.frames()} == {""}


def test_a_camera_turned_on_purpose_is_right_again_in_time() -> None:
    result = watched([PLACE] * 120 + [ELSEWHERE] * 3000)
    assert result[200] == "moved"
    assert result[-1] == ""


def test_jumps_of_time_do_no_harm() -> None:
    tamper = TamperDetector()
    watched([PLACE] * 100, tamper)
    assert set(watched([PLACE] * 50, tamper, begin_s=-5000)) == {""}
    assert set(watched([PLACE] * 50, tamper, begin_s=90_000)) == {""}
