"""Trying a camera: what is measured of it, and what is advised."""

from dataclasses import replace

import pytest

from tawny.model.errors import NotDone, SourceRefused
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import SystemClock
from tawny.service.cameras import camera_trial
from tawny.service.cameras.camera_trial import CameraTrial, advise, try_camera
from tawny.sources.rtsp.source import Rtsp
from tawny.sources.source import SourceContext
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup


def tried(camera: RtspCamera, seconds: float, address: str = "") -> CameraTrial:
    rtsp = Rtsp()
    opening = SourceContext(
        CameraId("x"), StreamName.MAIN, address or camera.address, rtsp.settings({"client": "own"}), SystemClock()
    )
    return try_camera(rtsp, opening, seconds)


@pytest.mark.shows("DY21")
def test_a_stream_is_measured() -> None:
    spec = ClipSpec(width=640, height=360, fps=15, gop_s=1.0, seconds=4, sound="aac")
    with RtspCamera(made_clip(spec)) as camera:
        trial = tried(camera, 2.6)
    assert (trial.codec, trial.width, trial.height, trial.audio) == ("h264", 640, 360, "aac")
    assert trial.fps == pytest.approx(15, rel=0.05)
    assert trial.keyframe_s == pytest.approx(1.0, abs=0.1)
    assert trial.keyframes >= 2
    sizes = sum(len(one.data) for one in made_clip(spec).packets)
    assert trial.bits_s == pytest.approx(sizes * 8 / 4, rel=0.3)
    assert trial.bytes_day == pytest.approx(trial.bits_s / 8 * 86_400, abs=1)
    assert trial.jpeg.startswith(b"\xff\xd8")


@pytest.mark.parametrize("seconds", [2.1, 3.0, 3.9])
def test_the_promised_size_of_a_day_does_not_depend_on_when_a_try_ends(seconds: float) -> None:
    """A keyframe weighs as much as a second of other frames: one more of them is a third more in six seconds."""
    clip = made_clip(ClipSpec(width=640, height=360, fps=15, gop_s=2.0, seconds=4, detail=4))
    with RtspCamera(clip) as camera:
        trial = tried(camera, seconds)
    sizes = sum(len(one.data) for one in clip.packets)
    assert trial.bits_s == pytest.approx(sizes * 8 / 4, rel=0.15)


@pytest.mark.shows("DY21")
def test_a_refused_login_and_a_silent_camera_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with RtspCamera(made_clip(ClipSpec(seconds=1)), CameraSetup(password="x", login="md5")) as camera:
        with pytest.raises(SourceRefused):
            tried(camera, 1, f"rtsp://viewer:wrong@127.0.0.1:{camera.port}/stream")
        monkeypatch.setattr(camera_trial, "FIRST_S", 0.0)
        with pytest.raises(NotDone, match="sent no video"):
            tried(camera, 1)


FINE = CameraTrial("h264", 1920, 1080, 20.0, 2.0, 5, 4e6, "aac", 10.0, b"")
SMALL = CameraTrial("h264", 640, 360, 10.0, 2.0, 5, 4e5, "", 10.0, b"")


@pytest.mark.parametrize(
    ("main", "sub", "ahead_ms", "codes"),
    [
        (FINE, SMALL, 0, []),
        (FINE, SMALL, None, []),
        (replace(FINE, keyframe_s=10.0), SMALL, 0, ["keyframes-far-apart"]),
        (replace(FINE, keyframe_s=9.0, keyframes=1), SMALL, 0, ["keyframes-far-apart"]),
        (replace(FINE, codec="h265"), SMALL, 0, ["h265"]),
        (FINE, None, 0, ["no-sub-stream"]),
        (SMALL, None, 0, []),
        (FINE, SMALL, 3_600_000 * 3, ["clock-off"]),
        (FINE, SMALL, -86_400_000 * 3650, ["clock-off"]),
        (FINE, SMALL, 4_000, []),
    ],
)
def test_advice(main: CameraTrial, sub: CameraTrial | None, ahead_ms: int | None, codes: list[str]) -> None:
    found = advise(main, sub, ahead_ms)
    assert [one.code for one in found] == codes
    assert all(one.message.endswith(".") and one.hint.endswith(".") for one in found)


def test_a_wrong_clock_is_said_in_words() -> None:
    found = [advise(FINE, SMALL, ahead)[0].message for ahead in (6_000, 600_000, -10_800_000, -86_400_000 * 30)]
    assert found == [
        "The camera's clock is 6 s ahead.", "The camera's clock is 10 min ahead.",
        "The camera's clock is 3 h behind.", "The camera's clock is 30 days behind.",
    ]  # fmt: skip
