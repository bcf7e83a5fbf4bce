"""A camera that goes away: found, alarmed within a minute, explained to the last second; the other loses nothing."""

from pathlib import Path

import pytest

from tawny.model.ids import CameraId
from tawny.model.messages import Alarm
from tawny.model.segments import GapReason
from tawny.model.states import CameraState
from tawny.service.cameras.camera_set import RunningCameras
from tests.faults.figures import note
from tests.faults.world import FPS, PORCH, YARD, proved, world

ALARMED_S = 60.0


def test_a_camera_that_goes_away_is_alarmed_and_explained(quick_folder: Path) -> None:
    with world(quick_folder) as bench:
        bench.run(60)
        bench.cameras_of.away.add(PORCH)
        away_ms = bench.clock.now_ms()
        bench.run(300)
        bench.cameras_of.away.clear()
        back_ms = bench.clock.now_ms()
        bench.run(60)
        (gap,) = bench.gaps_of()
        assert gap.end_ms is not None
        assert gap.begin_ms == pytest.approx(away_ms, abs=2000 / FPS)
        assert gap.reason in (GapReason.CAMERA_RESTART, GapReason.UNREACHABLE)
        alarmed_s, again_s = bench.alarmed_s(away_ms), (gap.end_ms - back_ms) / 1000
        assert alarmed_s <= ALARMED_S
        assert again_s <= 5.0
        assert bench.gaps_of(YARD) == []
        found = [one for _, one in bench.heard if isinstance(one, Alarm)]
        assert [(one.camera, one.until_ms is None) for one in found] == [(PORCH, True), (PORCH, False)]
        bench.stop()
        proved(quick_folder, bench.clock)
    note("camera-away", alarmed_s=alarmed_s, again_s=again_s, others_lost_s=0.0, limit_s=ALARMED_S)


def test_another_address_is_offered_only_after_a_minute_offline(quick_folder: Path) -> None:
    running = RunningCameras()
    with world(quick_folder) as bench:
        running.now = bench.cameras
        bench.run(10)
        bench.cameras_of.away = {PORCH}
        while bench.cameras[PORCH].status.state is not CameraState.OFFLINE:
            bench.run(0.5)
        for _ in range(58):
            bench.run(1)
            assert not running.is_offline(PORCH, bench.clock.now_ms())
        bench.run(2)
        assert running.is_offline(PORCH, bench.clock.now_ms())
        assert not running.is_offline(YARD, bench.clock.now_ms())
        assert not running.is_offline(CameraId("none"), bench.clock.now_ms())
        bench.cameras_of.away = set()
        bench.run(90)
        assert not running.is_offline(PORCH, bench.clock.now_ms())
        bench.stop()
