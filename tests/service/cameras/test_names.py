"""The names of the cameras, which every event and every row of a list carries."""

from pathlib import Path

import pytest

from tawny.model.states import CameraStatus
from tawny.service.cameras.camera import RunningCamera
from tests.app.rig import DOOR, one_camera, rig


def test_names_do_not_build_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def status(camera: RunningCamera) -> CameraStatus:
        built.append(camera.id)
        return camera.coverage.status

    monkeypatch.setattr(RunningCamera, "status", property(status))
    with rig(one_camera("rtsp://127.0.0.1:9/none", 'name = "Front door"'), tmp_path) as bench:
        assert bench.running.camera_names() == {DOOR: "Front door"}
        assert built == []
        bench.running.cameras()
        assert built == [DOOR]
