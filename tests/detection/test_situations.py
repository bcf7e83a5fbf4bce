"""The default detector's verdict on each made-up situation."""

import pytest

from tawny.detection.motion import MotionDetector
from tests.detection.alarms import alarms
from tests.detection.classic import standins
from tests.support import weather
from tests.support.scenes import START_MS, SyntheticScene
from tests.support.situations import BUSY, SILENT, TOLD

SEED = 1
START_S = 1.0
FALLING_START_S = 2.5
"""In rain and snow, where it cannot be told to the second what is somebody."""
END_S = 1.0
MOST_SWARM = 1
"""Insects that follow each other in one place look like one thing that goes on: a known weakness, held to this."""


@pytest.mark.parametrize("name", SILENT)
def test_nothing_is_told(name: str) -> None:
    assert alarms(SILENT[name](SEED), MotionDetector({})) == []


@pytest.mark.parametrize("name", TOLD)
def test_each_event_is_told_once_and_starts_in_time(name: str) -> None:
    scene = TOLD[name](SEED)
    result = alarms(scene, MotionDetector({}))
    tolerance_s = FALLING_START_S if name.startswith(("rain", "snow")) else START_S
    assert [begin for begin, _ in result] == pytest.approx([begin for begin, _ in scene.truth], abs=tolerance_s)


@pytest.mark.parametrize("name", ["stands_45_s", "stands_30_s_at_night", "exposure_and_walker"])
def test_who_stands_is_held_until_they_are_gone(name: str) -> None:
    scene = TOLD[name](SEED)
    assert [end for _, end in alarms(scene, MotionDetector({}))] == pytest.approx(
        [end for _, end in scene.truth], abs=END_S
    )


def test_a_parked_car_is_over_when_it_stopped() -> None:
    scene = TOLD["car_parks"](SEED)
    (_, stopped), _ = alarms(scene, MotionDetector({}))
    assert stopped == pytest.approx(scene.truth[0][1], abs=END_S)


@pytest.mark.parametrize("name", BUSY)
def test_where_it_is_busy_all_is_one_event_that_ends(name: str) -> None:
    scene = BUSY[name](SEED)
    result = alarms(scene, MotionDetector({}))
    assert len(result) == 1
    assert result[0] == pytest.approx((scene.truth[0][0], scene.truth[-1][1]), abs=2 * START_S)


def test_a_swarm_at_the_lamp_is_told_rarely() -> None:
    scene = SyntheticScene(SEED, 120, night=True)
    weather.insects(scene, 1.5, near=(96, 54))
    assert len(alarms(scene, MotionDetector({}))) <= MOST_SWARM


@pytest.mark.parametrize(("last", "until_s"), [(248, 25.0), (218, 22.0)])
def test_who_walks_on_plain_ground_is_one_event(last: int, until_s: float) -> None:
    detector, events = MotionDetector({}), dict[int, tuple[int, int]]()
    for frame in standins.walk(last):
        if frame.at_ms % 200 == 0:
            look = detector.look(frame)
            for thing in (*look.seen, *look.over):
                events[thing.track] = (thing.since_ms or 0, thing.until_ms or frame.at_ms)
    seconds = [tuple((ms - START_MS) / 1000 for ms in span) for span in events.values()]
    assert seconds == [pytest.approx((20.0, until_s), abs=0.5)]


@pytest.mark.parametrize("sensitivity", [1, 50, 100])
def test_somebody_near_is_told_at_any_sensitivity(sensitivity: int) -> None:
    assert len(alarms(TOLD["near_at_night"](SEED), MotionDetector({"sensitivity": sensitivity}))) == 1


def test_less_sensitive_leaves_out_the_faint() -> None:
    assert alarms(TOLD["far_walker_at_night_16"](SEED), MotionDetector({"sensitivity": 1})) == []
