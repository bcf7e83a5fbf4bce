"""What becomes of a recording when its camera fails: found and told within 6 s, recorded again within 5 s of its
return, and every missing second in a gap with the right reason. Real time, a real camera on loopback, a real disk."""

from pathlib import Path

import pytest

from tawny.model.ids import CameraId
from tawny.model.segments import GapReason
from tawny.model.states import CameraState
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tests.app.rig import looked_at, one_camera, rig, segments, settings

FOUND_S, BACK_S = 6.0, 5.0


@pytest.fixture
def camera() -> RtspCamera:
    return RtspCamera(made_clip(ClipSpec(seconds=6)))


def assert_explained(folder: Path) -> None:
    report = looked_at(folder)
    assert report.ok, report.findings
    assert report.wall is not None
    assert report.wall.unexplained == []


@pytest.mark.shows("DY4")
def test_a_camera_that_goes_away_and_comes_back(camera: RtspCamera, tmp_path: Path) -> None:
    with camera, rig(one_camera(camera.address), tmp_path) as bench:
        bench.wait_for_seconds(2)
        camera.down()
        assert bench.wait_for(CameraState.OFFLINE, FOUND_S) <= FOUND_S
        camera.up()
        assert bench.wait_for(CameraState.RECORDING, BACK_S) <= BACK_S
        bench.wait_for_seconds(1)
        (gap,) = bench.gaps()
        assert gap.reason is GapReason.CAMERA_RESTART
        assert gap.end_ms is not None
    before, after = segments(tmp_path)
    assert gap.begin_ms == pytest.approx(before.end_ms, abs=100)
    assert gap.end_ms == pytest.approx(after.start_ms, abs=2)
    assert_explained(tmp_path)


@pytest.mark.shows("DY4")
def test_a_camera_that_stalls_for_twenty_seconds(camera: RtspCamera, tmp_path: Path) -> None:
    with camera, rig(one_camera(camera.address), tmp_path) as bench:
        bench.wait_for_seconds(2)
        camera.faults.stall = True
        assert bench.wait_for(CameraState.OFFLINE, FOUND_S) <= FOUND_S
        stalled_ms = bench.clock.now_ms()
        bench_until = stalled_ms + 15_000
        while bench.clock.now_ms() < bench_until:
            assert bench.state() is CameraState.OFFLINE
            bench.wait_for(CameraState.OFFLINE, 1)
        camera.faults.stall = False
        assert bench.wait_for(CameraState.RECORDING, BACK_S + 5) <= BACK_S
        bench.wait_for_seconds(1)
        (gap,) = bench.gaps()
        assert gap.reason is GapReason.STALLED
    assert_explained(tmp_path)


def test_a_password_that_changed_is_told_and_not_tried_for_ever(camera: RtspCamera, tmp_path: Path) -> None:
    camera.setup.login, camera.setup.user, camera.setup.password = "digest", "admin", "first"
    with camera, rig(one_camera(camera.address), tmp_path) as bench:
        bench.wait_for_seconds(2)
        camera.setup.password = "second"
        camera.kick()
        assert bench.wait_for(CameraState.REFUSED, FOUND_S) <= FOUND_S
        assert bench.gaps()[-1].reason is GapReason.AUTH
        tries = len(camera.viewers)
        bench.running.apply(one_camera(camera.address), "settings")
        assert bench.wait_for(CameraState.RECORDING, BACK_S) <= BACK_S
        assert len(camera.viewers) - tries <= 4
        bench.wait_for_seconds(1)
    assert_explained(tmp_path)
    assert "first" not in str(bench.heard)
    assert "second" not in str(bench.heard)


def test_another_resolution_begins_a_new_file_and_loses_nothing(camera: RtspCamera, tmp_path: Path) -> None:
    with camera, rig(one_camera(camera.address), tmp_path) as bench:
        bench.wait_for_seconds(2)
        camera.clip = made_clip(ClipSpec(width=640, height=360, seconds=6))
        bench.wait_for_seconds(3)
        assert bench.gaps() == []
    small, large = segments(tmp_path)
    assert ((small.width, small.height), (large.width, large.height)) == ((320, 240), (640, 360))
    assert large.start_ms - small.end_ms < 200
    assert_explained(tmp_path)


def test_a_camera_that_never_answers_is_told_and_explained(tmp_path: Path) -> None:
    with rig(one_camera("rtsp://127.0.0.1:1/none"), tmp_path) as bench:
        assert bench.wait_for(CameraState.OFFLINE, FOUND_S) <= FOUND_S
        (gap,) = bench.gaps()
        assert (gap.reason, gap.end_ms) == (GapReason.UNREACHABLE, None)
    assert_explained(tmp_path)


@pytest.mark.shows("RC10")
def test_one_camera_that_fails_leaves_the_other_whole(camera: RtspCamera, tmp_path: Path) -> None:
    well = RtspCamera(made_clip(ClipSpec(seconds=6)))
    with camera, well:
        text = "".join(
            f'[cameras.{name}]\nsource = "{one.address}"\ndetection.detector = "off"\n'
            for name, one in (("door", camera), ("yard", well))
        )
        with rig(settings(text), tmp_path) as bench:
            bench.wait_for_seconds(1, CameraId("yard"))
            camera.faults.between = b"\x00rubbish" * 2000
            bench.wait_for_seconds(2, CameraId("yard"))
            camera.down()
            bench.wait_for_seconds(3, CameraId("yard"))
            assert bench.gaps(CameraId("yard")) == []
            assert bench.told(CameraId("yard")) == [CameraState.RECORDING]
    assert len(segments(tmp_path, CameraId("yard"))) == 1


def test_the_small_picture_alone_does_not_stop_the_recording(camera: RtspCamera, tmp_path: Path) -> None:
    with camera, rig(one_camera(camera.address, 'sub = "rtsp://127.0.0.1:1/none"\n'), tmp_path) as bench:
        bench.wait_for_seconds(2)
        assert bench.state() is CameraState.RECORDING
        assert "sub stream isn't available" in bench.running.cameras()[0].status.detail
