"""The time of a camera that is switched off has a reason while tawny isn't running, too: a mode may record it."""

from pathlib import Path

from tawny.model.segments import GapReason
from tawny.storage.index.opening import index_to_read
from tests.app.rig import DOOR, EVER, looked_at, one_camera, rig


def test_a_camera_that_is_off_has_a_gap_over_a_restart(tmp_path: Path) -> None:
    chosen = one_camera("rtsp://127.0.0.1:9/x", 'record = "off"')
    for _ in range(2):
        with rig(chosen, tmp_path):
            pass
    with index_to_read(tmp_path) as index:
        reasons = [gap.reason for gap in index.gaps(DOOR, EVER)]
    assert reasons == [GapReason.OFF, GapReason.RECORDER_OFF, GapReason.OFF]
    wall = looked_at(tmp_path).wall
    assert wall is not None and not wall.unexplained
