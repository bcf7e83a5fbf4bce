"""A camera that is connected again while an event lasts goes on recording it, where it records only events.

A pause is told once.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tawny.model.messages import GapChanged, StatusChanged
from tawny.model.segments import GapReason
from tawny.model.states import CameraState
from tawny.service.integrations.external_events import EventKey
from tawny.testing.clips import ClipSpec, clip_file
from tawny.testing.waiting import until
from tests.app.rig import DOOR, Rig, one_camera, rig


def _pause(made: Rig) -> None:
    modes = made.running.arming.modes
    modes.pause(DOOR, None, "Anna")
    made.wait_for(CameraState.PAUSED)
    modes.let_go(DOOR, "Anna")


def _change(made: Rig) -> None:
    camera = made.running.settings.cameras["door"].model_copy(update={"burn_in_masks": True})
    made.running.apply(made.running.settings.model_copy(update={"cameras": {"door": camera}}), "tawny.toml")


@pytest.mark.parametrize("connect_again", [_pause, _change])
def test_an_event_that_lasts_is_recorded_after_the_camera_is_connected_again(
    tmp_path: Path, connect_again: Callable[[Rig], None]
) -> None:
    chosen = one_camera(str(clip_file(ClipSpec(seconds=30))), 'record = "events"\npre = "1 s"\npost = "1 s"\n')
    with rig(chosen, tmp_path) as made:
        made.wait_for(CameraState.WAITING)
        opened = made.running.external_events.open(DOOR, "alarm", EventKey("", "panel"), "", 100.0, 600.0)
        assert opened is not None
        made.wait_for(CameraState.RECORDING)
        connect_again(made)
        before_s = made.recorded_s(DOOR)
        until(lambda: made.recorded_s(DOOR) >= before_s + 3, 20, "it is recorded further")
        made.running.external_events.end(opened[0].id)
        made.wait_for(CameraState.WAITING)


def test_an_event_ends_with_the_removal_of_its_camera(tmp_path: Path) -> None:
    """No command can name it any more: it would go on for up to a day."""
    with rig(one_camera(str(clip_file(ClipSpec(seconds=30)))), tmp_path) as made:
        opened = made.running.external_events.open(DOOR, "alarm", EventKey("", "panel"), "", 100.0, 600.0)
        assert opened is not None
        made.running.apply(made.running.settings.model_copy(update={"cameras": {}}), "tawny.toml")
        stored = made.running.index.event(opened[0].id)
        assert stored is not None
        assert stored.end_ms is not None


def test_a_pause_is_told_once(tmp_path: Path) -> None:
    with rig(one_camera(str(clip_file(ClipSpec(seconds=30)))), tmp_path) as made:
        made.wait_for(CameraState.RECORDING)
        made.running.arming.modes.pause(DOOR, None, "Anna")
        made.wait_for(CameraState.PAUSED)
        found = [one.gap for one in made.heard if isinstance(one, GapChanged) and one.gap.reason is GapReason.PRIVACY]
        assert len(found) == 1
        assert made.told()[-1] is CameraState.PAUSED


def test_a_paused_camera_that_is_connected_again_is_not_announced_again(tmp_path: Path) -> None:
    with rig(one_camera(str(clip_file(ClipSpec(seconds=30)))), tmp_path) as made:
        made.wait_for(CameraState.RECORDING)
        made.running.arming.modes.pause(DOOR, None, "Anna")
        made.wait_for(CameraState.PAUSED)
        before = len(made.heard)
        made.running.restart_camera(DOOR)
        assert [one for one in made.heard[before:] if isinstance(one, GapChanged | StatusChanged)] == []
