"""Picture controls of cameras of this computer: changed in the settings, taken by the camera while it runs."""

import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tawny.config.effects import difference
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import FolderUnwritable, NotDone, SettingsError
from tawny.model.ids import CameraId
from tawny.service.cameras.picture_controls import PictureControlService, adjust_camera
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.pi_controls import board_of
from tawny.sources.picamera import PiCamera
from tawny.sources.source import CameraConnection, CameraSource, IdleUntil
from tawny.sources.v4l2 import V4l2
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.sources.fake_picamera2 import FakePicamera2
from tests.sources.fake_v4l2 import FakeV4l2
from tests.sources.reading import opening

YARD, DESK, DOOR = CameraId("yard"), CameraId("desk"), CameraId("door")
TOML = """# mine
[cameras.yard]
source = "picamera:0"
picamera.ev = 0.5  # it is bright here

[cameras.desk]
source = "{node}"

[cameras.door]
source = "rtsp://192.0.2.1/main"
"""


class Place:
    """Cameras whose settings are applied as the recorder applies them: only what can't be adjusted begins again."""

    def __init__(self, folder: Path) -> None:
        self.file, node = folder / "tawny.toml", folder / "video0"
        node.touch()
        self.file.write_text(TOML.format(node=f"/dev/video-{folder.name}"))
        self.webcam, self.pi = FakeV4l2(), FakePicamera2(folder)
        self.camera = PiCamera(lambda: None, lambda: str(self.pi.python), lambda: board_of("Raspberry Pi 4"))
        found = PluginRegistry.opened()
        own: dict[str, CameraSource] = {"picamera": self.camera, "v4l2": V4l2(ioctl=self.webcam)}
        self.plugins = PluginRegistry({**found.sources, **own}, found.detectors)
        self.now = read_settings(self.file)
        self.restarted: list[str] = []
        changeable = ChangeableSettings(lambda: self.now, self.apply, self.file)
        self.service = PictureControlService(changeable, self.plugins, FakeClock())

    def apply(self, new: Settings, _: str) -> None:
        for name in difference(self.now, new).changed:
            before, after = self.now.cameras[name], new.cameras[name]
            is_open = partial(opening, before.source, **before.table("picamera"))
            if not adjust_camera(self.camera, is_open, before, after):
                self.restarted.append(name)
        self.now = new

    def written(self, camera: str) -> dict[str, Any]:
        table: dict[str, Any] = tomllib.loads(self.file.read_text())["cameras"][camera]
        return table


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def running(place: Place) -> Iterator[CameraConnection]:
    connection = place.camera.open(opening("picamera:0", ev=0.5))
    until(
        lambda: not isinstance(connection.read(), IdleUntil) and "model" in connection.notes, 10, "it says what it is"
    )
    yield connection
    connection.close()


@pytest.mark.shows("RP24")
def test_rp24_a_change_reaches_the_running_camera_and_the_file(place: Place, running: CameraConnection) -> None:
    found = {one.name: one for one in place.service.change(YARD, {"brightness": 0.25, "awb": "indoor"})}
    assert (found["brightness"].value, found["awb"].value, found["ev"].value) == (0.25, "indoor", 0.5)
    until(lambda: len(place.pi.asked("set_controls")) == 2, 60, "it is set")
    assert place.pi.asked("set_controls")[1]["controls"].items() >= {"Brightness": 0.25, "AwbMode": 4}.items()
    assert place.restarted == []
    assert not isinstance(running.read(), IdleUntil)
    assert place.written("yard")["picamera"] == {"ev": 0.5, "brightness": 0.25, "awb": "indoor"}
    assert "# it is bright here" in place.file.read_text()


def test_a_default_removes_the_setting(place: Place, running: CameraConnection) -> None:
    place.service.change(YARD, {"ev": 0})
    assert place.written("yard").get("picamera", {}) == {}
    until(lambda: len(place.pi.asked("set_controls")) == 2, 60, "it is set")
    assert place.pi.asked("set_controls")[1]["controls"]["ExposureValue"] == 0.0


def test_what_needs_a_new_start_restarts_this_camera(place: Place, running: CameraConnection) -> None:
    place.service.change(YARD, {"flip": "both"})
    assert place.restarted == ["yard"]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"ev": 9}, SettingsError), ({"ev": "1"}, SettingsError), ({"ev": True}, SettingsError),
        ({"ev": float("nan")}, SettingsError), ({"awb": "disco"}, SettingsError), ({"roi": "all"}, SettingsError),
        ({"tuning": "/etc/shadow.json"}, NotDone), ({"zoom": 1}, NotDone), ({"focus_now": 1}, NotDone),
        ({"brightness": 0.5, "ev": 9}, SettingsError),
    ],
)  # fmt: skip
def test_nothing_changes_with_a_value_that_cannot_be(
    place: Place, running: CameraConnection, values: dict[str, Any], error: type[Exception]
) -> None:
    before = place.file.read_text()
    with pytest.raises(error):
        place.service.change(YARD, values)
    assert place.file.read_text() == before
    assert len(place.pi.asked("set_controls")) == 1


def test_a_file_that_cannot_be_written_changes_nothing(
    place: Place, running: CameraConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise FolderUnwritable(str(place.file.parent), "read-only")

    monkeypatch.setattr("tawny.config.drafts.SettingsDraft.write", fail)
    with pytest.raises(FolderUnwritable):
        place.service.change(YARD, {"ev": 1})
    assert place.now.cameras["yard"].table("picamera") == {"ev": 0.5}


def test_network_cameras_have_none_here(place: Place) -> None:
    assert place.service.controls(DOOR) == []
    with pytest.raises(NotDone):
        place.service.change(DOOR, {"ev": 1})
    with pytest.raises(NotDone):
        place.service.controls(CameraId("gone"))


def test_a_button_is_pressed(place: Place, running: CameraConnection) -> None:
    place.service.press(YARD, "focus_now")
    until(lambda: any("AfTrigger" in one["controls"] for one in place.pi.asked("set_controls")), 60, "it focuses")
