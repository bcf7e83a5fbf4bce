"""The detector's own seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.detection.motion.tracks import BREAK_S, LONGEST_S, DetectorClock

START_MS = 1_795_000_000_000


@given(st.lists(st.integers(-(10**12), 10**12), max_size=50))
def test_they_only_grow_whatever_frames_say(steps_ms: list[int]) -> None:
    time, at_ms, t = DetectorClock(START_MS), START_MS, 0.0
    for step_ms in steps_ms:
        at_ms += step_ms
        tick = time.tick(at_ms)
        assert tick.t >= t
        assert 0 <= tick.dt <= LONGEST_S
        assert abs(time.at_ms(tick.t) - at_ms) <= 1
        t = tick.t


@pytest.mark.parametrize(("step_ms", "breaks"), [(0, False), (200, False), (10_000, False), (10_001, True), (-1, True)])
def test_a_step_back_or_a_long_pause_breaks(step_ms: int, breaks: bool) -> None:
    assert DetectorClock(START_MS).breaks(START_MS + step_ms) == breaks


def test_hours_later_the_picture_is_taken_as_it_is() -> None:
    time = DetectorClock(START_MS)
    assert not time.tick(START_MS + round(BREAK_S * 1000) + 1).forget
    assert time.tick(START_MS + 3_600_000).forget
