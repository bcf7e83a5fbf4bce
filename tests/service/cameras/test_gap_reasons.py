"""A camera that stops or starts while tawny runs: its gaps name the cause, never a recorder that was off."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tawny.model.ids import CameraId
from tawny.model.messages import GapChanged
from tawny.model.segments import Gap, GapReason, gap_text, gap_words
from tawny.model.states import CameraState
from tawny.storage.index.opening import index_to_read
from tawny.testing.clips import ClipSpec, clip_file
from tawny.testing.waiting import until
from tests.app.rig import DOOR, EVER, Rig, looked_at, rig, segments, settings

TEXT = """
[cameras.door]
source = "demo:{place}"
detection.detector = "off"
record = "{record}"
[[rules]]
when = {{ camera = "door", mode = "home" }}
do = ["don't record"]
"""


def text(place: str = "front", record: str = "continuous") -> str:
    return TEXT.format(place=place, record=record)


def gaps(recorder: Rig) -> list[Gap]:
    """All gaps of the camera, in order, as they are now."""
    data = {one.gap.begin_ms: one.gap for one in list(recorder.heard) if isinstance(one, GapChanged)}
    return [data[begin_ms] for begin_ms in sorted(data)]


CHANGES: dict[str, tuple[Callable[[Rig], None], GapReason, str]] = {
    "pause": (lambda rec: rec.running.arming.modes.pause(DOOR, None, "Anna"), GapReason.PRIVACY, "Paused for privacy"),
    "mode": (lambda rec: rec.running.arming.modes.set_mode("home", "Anna"), GapReason.MODE, "Off in this mode"),
    "record": (lambda rec: rec.running.apply(settings(text(record="off")), "x"), GapReason.OFF, "Switched off"),
    "address": (lambda rec: rec.running.apply(settings(text("garden")), "x"), GapReason.RECORDER_OFF, "Starting"),
    "removed": (lambda rec: rec.running.apply(settings(""), "x"), GapReason.OFF, "Switched off"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_gap_after_a_change_names_the_change(tmp_path: Path, name: str) -> None:
    change, reason, words = CHANGES[name]
    with rig(settings(text()), tmp_path) as recorder:
        recorder.running.arming.modes.set_mode("away", "Anna")
        recorder.wait_for(CameraState.RECORDING)
        recorder.wait_for_seconds(1)
        before = len(gaps(recorder))
        change(recorder)
        until(lambda: len(gaps(recorder)) > before, 60, "a gap after the change")
        after = gaps(recorder)[before:]
        assert [(gap.reason, gap_words(gap)) for gap in after] == [(reason, words)], "one gap, from the last frame on"
        if name in ("pause", "mode"):
            recorder.running.arming.modes.let_go(DOOR, "Anna")
            recorder.running.arming.modes.set_mode("away", "Anna")
            recorder.wait_for(CameraState.RECORDING)
        words_of_all = {gap_words(gap) for gap in gaps(recorder)}
    assert not any("wasn't running" in one for one in words_of_all), words_of_all


def test_video_file_that_ended_is_not_switched_off(tmp_path: Path) -> None:
    """Nobody chose it, and nothing is wrong: it has nothing left to record."""
    clip = clip_file(ClipSpec(seconds=2))
    chosen = settings(f'[cameras.door]\nsource = "{clip}"\ndetection.detector = "off"\nfile.loop = false\n')
    with rig(chosen, tmp_path) as recorder:
        recorder.wait_for(CameraState.ENDED, 30)
        (status,) = [one.status for one in recorder.running.cameras()]
        assert (status.id, status.state) == (CameraId("door"), CameraState.ENDED)
        last = gaps(recorder)[-1]
        assert (last.reason, last.end_ms, gap_words(last)) == (GapReason.ENDED, None, "Video file ended")


def test_time_in_which_a_camera_was_not_in_the_settings_is_explained(tmp_path: Path) -> None:
    with rig(settings(text()), tmp_path) as recorder:
        recorder.running.arming.modes.set_mode("away", "Anna")
        recorder.wait_for(CameraState.RECORDING)
        recorder.wait_for_seconds(1)
        recorder.running.apply(settings(""), "x")
        until(lambda: segments(tmp_path), 60, "the closed file")
        removed_ms = recorder.clock.now_ms()
        until(lambda: recorder.clock.now_ms() > removed_ms + 500, 60, "time without it")
        without_ms = recorder.clock.now_ms()
        recorder.running.apply(settings(text("garden")), "x")
        recorder.wait_for(CameraState.RECORDING)
        recorder.wait_for_seconds(1)
    report = looked_at(tmp_path)
    assert report.ok, report.findings
    with index_to_read(tmp_path) as index:
        words = [gap_text(gap) for gap in index.gaps(DOOR, EVER) if gap.begin_ms < without_ms <= gap.span(0).end_ms]
    assert words == ["Switched off (the camera was not in the settings)"]
