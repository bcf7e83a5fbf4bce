"""Five looks a second, whatever the camera gives."""

from itertools import pairwise

import pytest

from tawny.detection.decode_pipeline import FrameSampler
from tawny.model.ids import RunId
from tawny.model.packets import Packet, VideoFormat

VIDEO = VideoFormat("h264", 640, 360, ())


def _packet(pts: int) -> Packet:
    return Packet(RunId("run"), 0, VIDEO, b"", pts, pts // 90, is_keyframe=False)


@pytest.mark.parametrize(("fps", "a_second"), [(30, 5), (25, 5), (15, 5), (10, 5), (6, 5), (5, 5), (3, 3), (1, 1)])
def test_looks_a_second(fps: int, a_second: int) -> None:
    pace, looks = FrameSampler(), 0
    for n in range(fps * 60):
        pace.packet(_packet(n * 90_000 // fps))
        looks += pace.is_due(n * 1000 // fps)
    assert looks == pytest.approx(a_second * 60, rel=0.12)


def test_looks_are_even() -> None:
    pace = FrameSampler()
    due = [at_ms for at_ms in range(0, 10_000, 40) if pace.is_due(at_ms)]
    assert {b - a for a, b in pairwise(due)} == {200}


def test_the_rate_is_known_after_some_pictures() -> None:
    pace = FrameSampler()
    pace.packet(_packet(0))
    assert pace.fps is None
    for n in range(1, 30):
        pace.packet(_packet(n * 6000))
    assert pace.fps == pytest.approx(15)


def test_another_run_begins_its_rate_anew() -> None:
    pace = FrameSampler()
    for n in range(100):
        pace.packet(_packet(n * 6000))
    pace.packet(_packet(0))
    assert pace.fps is None


@pytest.mark.parametrize("step_ms", [-3_600_000, 3_600_000])
def test_a_jump_of_time_is_looked_at_at_once(step_ms: int) -> None:
    pace = FrameSampler()
    assert pace.is_due(10_000_000)
    assert pace.is_due(10_000_000 + step_ms)
    assert not pace.is_due(10_000_040 + step_ms)
    assert pace.is_due(10_000_200 + step_ms)


def test_the_phase_moves_the_first_look_alone() -> None:
    pace = FrameSampler(phase_s=0.7)
    due = [at_ms for at_ms in range(0, 10_000, 40) if pace.is_due(at_ms)]
    assert due[0] == pytest.approx(700, abs=20)
    assert {b - a for a, b in pairwise(due)} == {200}
    assert pace.is_due(20_000), "after a pause it begins at once"
