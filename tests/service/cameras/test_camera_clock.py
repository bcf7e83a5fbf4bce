"""A camera whose own clock is wrong: it is said, with what to do, and its files tell of it."""

from pathlib import Path

import pytest

from tawny.media.mp4.segment_reader import read_segment
from tawny.model.states import CameraState
from tawny.service.cameras.stream_figures import MOST_OFF_S, clock_hint
from tawny.storage.disk.volume import Volume
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.app.rig import one_camera, rig, segments


@pytest.mark.parametrize("offset_s", [None, 0.0, 1.9, -MOST_OFF_S])
def test_a_clock_that_is_right_or_silent_is_not_spoken_of(offset_s: float | None) -> None:
    assert clock_hint(offset_s) == ""


@pytest.mark.parametrize(
    ("offset_s", "words"),
    [(2.34, "2.3 seconds ahead"), (-59.6, "1 minute behind"), (3600.2, "1 hour ahead"), (-8e6, "92.6 days behind")],
)
def test_a_clock_that_is_wrong_is_told_with_what_to_do(offset_s: float, words: str) -> None:
    result = clock_hint(offset_s)
    assert words in result
    assert "Turn on NTP" in result


def test_status_and_files_tell_how_wrong_it_is(tmp_path: Path) -> None:
    camera = RtspCamera(made_clip(ClipSpec(seconds=4)))
    camera.faults.sender_report_step_s = 3600.0
    with camera, rig(one_camera(camera.address), tmp_path) as bench:
        bench.wait_for(CameraState.RECORDING)

        def offset_s() -> float | None:
            return bench.running.cameras()[0].status.clock_offset_s

        until(lambda: offset_s() is not None, 60)
        assert offset_s() == pytest.approx(3600.0, abs=1.0)
        assert "1 hour ahead" in bench.running.cameras()[0].status.detail
        until(lambda: bench.running.cameras()[0].status.latency_s is not None, 60)
        bench.wait_for_seconds(1)
    segment = segments(tmp_path)[0]
    end = read_segment(Volume.at(tmp_path).path(segment.path)).end
    assert end is not None
    assert end["clock_offset_s"] == pytest.approx(3600.0, abs=1.0)
