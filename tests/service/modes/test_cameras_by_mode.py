"""Cameras that people make private, or that rules do not record in some modes; and time that says so."""

from pathlib import Path

from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.model.states import CameraState
from tests.app.rig import DOOR, Rig, looked_at, rig, settings

TEXT = """
[cameras.door]
source = "demo:front"
detection.detector = "off"
[cameras.hall]
source = "demo:front"
detection.detector = "off"
[[rules]]
when = { camera = "hall", mode = "home" }
do = ["don't record"]
"""
HALL = CameraId("hall")


def gaps(recorder: Rig, camera: CameraId, reason: GapReason) -> list[Gap]:
    return [gap for gap in recorder.gaps(camera) if gap.reason is reason]


def test_a_rule_leaves_a_camera_unrecorded_in_a_mode_and_says_so(tmp_path: Path) -> None:
    with rig(settings(TEXT), tmp_path) as recorder:
        recorder.wait_for(CameraState.RECORDING)
        recorder.wait_for(CameraState.MODE_OFF, camera=HALL)
        recorder.running.arming.modes.set_mode("away", "Anna")
        recorder.wait_for(CameraState.RECORDING, camera=HALL)
        recorder.wait_for_seconds(1, HALL)
        (off,) = gaps(recorder, HALL, GapReason.MODE)
        assert off.end_ms is not None and "Rule 1 says so" in off.detail
        recorder.running.arming.modes.back_to_week()
        recorder.wait_for(CameraState.MODE_OFF, camera=HALL)
        recorder.running.arming.modes.record(HALL, None, "Anna")
        recorder.wait_for(CameraState.RECORDING, camera=HALL)
        assert recorder.told(DOOR).count(CameraState.RECORDING) == 1, "the other camera's recording never broke"
    report = looked_at(tmp_path)
    assert report.ok, report.findings
    assert report.wall is not None
    assert report.wall.unexplained == []


def test_a_private_camera_shows_and_records_nothing_until_it_is_over(tmp_path: Path) -> None:
    with rig(settings(TEXT), tmp_path) as recorder:
        recorder.wait_for(CameraState.RECORDING)
        modes, running = recorder.running.arming.modes, recorder.running
        modes.pause(DOOR, None, "Anna")
        recorder.wait_for(CameraState.PAUSED)
        assert all(hub.newest is None for hub in running.parts.cameras.now[DOOR].hubs.values())
        (private,) = gaps(recorder, DOOR, GapReason.PRIVACY)
        assert (private.detail, private.end_ms) == ("Anna", None)
        modes.pause(DOOR, recorder.clock.now_ms() + 500, "Anna")
        recorder.wait_for(CameraState.RECORDING)
        assert gaps(recorder, DOOR, GapReason.PRIVACY)[0].end_ms is not None


def test_what_was_made_private_stays_so_over_a_restart(tmp_path: Path) -> None:
    with rig(settings(TEXT), tmp_path) as recorder:
        recorder.wait_for(CameraState.RECORDING)
        recorder.running.arming.modes.pause(DOOR, None, "Anna")
        recorder.wait_for(CameraState.PAUSED)
    with rig(settings(TEXT), tmp_path) as recorder:
        recorder.wait_for(CameraState.PAUSED)
