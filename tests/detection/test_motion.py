"""What the default detector takes, and what it says beyond its contract."""

from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest

from tawny.detection.motion import MotionDetector
from tests.support.scenes import HEIGHT, START_MS, WIDTH, PictureFrame
from tests.support.situations import SILENT, TOLD


@pytest.mark.parametrize("settings", [{"sensitivity": 0}, {"sensitivity": 101}, {"sensitivity": 50.0}])
def test_a_wrong_sensitivity_is_named_with_what_is_allowed(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"sensitivity: found .* allowed: a whole number from 1 to 100"):
        MotionDetector(settings)


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ValueError, match="zone: not a setting of motion; allowed: sensitivity"):
        MotionDetector({"zone": 1})


def test_a_score_of_50_is_the_line_to_an_event() -> None:
    detector = MotionDetector({})
    for frame in TOLD["near_at_night"](1).frames():
        look = detector.look(frame)
        assert (look.score >= 50) == bool(look.seen)


def test_a_quiet_place_scores_nothing() -> None:
    detector = MotionDetector({})
    scores = [detector.look(frame).score for frame in SILENT["noise"](1).frames()]
    assert max(scores) < 25


@pytest.mark.parametrize("apart", [1, 5, 10])
def test_a_glance_changes_nothing_of_what_is_seen(apart: int) -> None:
    looking, glancing = MotionDetector({}), MotionDetector({})
    for n, frame in enumerate(islice(TOLD["near_at_night"](1).frames(), 0, 180, apart)):
        if n % 3:
            glancing.glance(frame)
        assert glancing.look(frame) == looking.look(frame)


def test_a_glance_may_be_followed_by_a_look_at_another_frame() -> None:
    looking, glancing = MotionDetector({}), MotionDetector({})
    frames = list(islice(TOLD["near_at_night"](1).frames(), 0, 180, 10))
    for frame, next_one in pairwise(frames):
        glancing.glance(next_one)
        assert glancing.look(frame) == looking.look(frame)


def test_the_box_is_around_the_walker() -> None:
    detector = MotionDetector({})
    frames = list(islice(TOLD["leaf_shade_and_walker"](1).frames(), 176))
    looks = [detector.look(frame) for frame in frames]
    (walker,) = looks[-1].seen  # at 35 s, in the middle of the way
    x0, y0, x1, y1 = walker.box
    assert x0 < 95 / WIDTH < x1
    assert y0 < 60 / HEIGHT < y1
    assert x1 - x0 < 0.3


def test_a_walker_is_one_track_that_began_before_it_was_told() -> None:
    detector = MotionDetector({})
    seen = [thing for frame in TOLD["far_walker_by_day"](1).frames() for thing in detector.look(frame).seen]
    assert len({thing.track for thing in seen}) == 1
    assert {thing.since_ms for thing in seen} == {seen[0].since_ms}
    assert seen[0].label == "motion"


def test_what_was_followed_is_over_when_the_size_changes() -> None:
    detector = MotionDetector({})
    for frame in islice(TOLD["near_at_night"](1).frames(), 125):
        look = detector.look(frame)
    (walker,) = look.seen
    (over,) = detector.look(PictureFrame(np.zeros((HEIGHT, 100), np.uint8), START_MS + 25_000)).over
    assert over.track == walker.track
    assert over.until_ms == frame.at_ms


def test_a_large_picture_gives_the_same_as_its_small_mean() -> None:
    small, large = MotionDetector({}), MotionDetector({})
    for frame in islice(TOLD["leaf_shade_and_walker"](1).frames(), 200):
        big = PictureFrame(np.kron(frame.luma, np.ones((3, 3), np.uint8)), frame.at_ms)
        assert small.look(frame) == large.look(big)
