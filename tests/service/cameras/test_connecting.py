"""Where a camera is and how it is logged into, changed on a page: tried first, the password kept apart, or nothing."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import NotDone, SettingsError, SourceError
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.service.cameras.connection_settings import CameraAddress, CameraAddressChange, CameraConnectionService
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup
from tests.app.rig import one_camera

DOOR = CameraId("door")
PASSWORD = "p@ss/w:rd %"


@pytest.fixture(scope="module")
def camera() -> Iterator[RtspCamera]:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(user="new", password=PASSWORD, login="md5")) as made:
        yield made


class House:
    """Settings in a file, as a program that runs has them."""

    def __init__(self, folder: Path, text: str, secrets: str = "") -> None:
        self.config, self.secrets = folder / "tawny.toml", folder / "secrets.toml"
        self.config.write_text(text)
        if secrets:
            self.secrets.write_text(secrets)
            self.secrets.chmod(0o600)
        self.settings = read_settings(self.config, {})
        self.applied = 0
        self.desk = CameraConnectionService(
            ChangeableSettings(lambda: self.settings, self.apply, self.config), PluginRegistry.opened(), SystemClock()
        )

    def apply(self, new: Settings, file: str) -> None:
        self.settings, self.applied = new, self.applied + 1

    def change(self, source: str, sub: str = "", user: str = "new", password: str | None = PASSWORD) -> None:
        self.desk.change(DOOR, CameraAddressChange(source, sub, user, password), untried=True)

    @property
    def text(self) -> str:
        return self.config.read_text()


@pytest.fixture
def house(tmp_path: Path) -> House:
    text = (
        '# My cameras\n[cameras.door]\nsource = "rtsp://old:${OURS}@192.168.1.5/main"  # by the door\n'
        'sub = "rtsp://old:${OURS}@192.168.1.5/sub"\nonvif = "http://old:${OURS}@192.168.1.5:8080/onvif"\n'
    )
    return House(tmp_path, text, 'OURS = "secret"\n')


def test_it_is_told_without_the_password(house: House) -> None:
    assert house.desk.place(DOOR) == CameraAddress("rtsp://192.168.1.5/main", "rtsp://192.168.1.5/sub", "old", True)


def test_it_is_tried_and_then_holds_at_once(house: House, camera: RtspCamera) -> None:
    address = f"rtsp://127.0.0.1:{camera.port}/stream"
    found = house.desk.change(DOOR, CameraAddressChange(address, "", "new", PASSWORD), untried=False)
    assert found == {"main": "H264 320x240"}
    now = house.settings.cameras[DOOR]
    assert (now.source, now.sub, house.applied) == (camera.address, "", 1)
    assert read_settings(house.config, {}).cameras[DOOR].source == camera.address


def test_the_password_stands_in_the_secrets_alone(house: House) -> None:
    house.change("rtsp://192.168.1.9/main", "rtsp://192.168.1.9/sub")
    assert 'source = "rtsp://new:${CAMERA_DOOR}@192.168.1.9/main"  # by the door' in house.text
    assert 'sub = "rtsp://new:${CAMERA_DOOR}@192.168.1.9/sub"' in house.text
    assert "# My cameras" in house.text
    assert PASSWORD not in house.text
    assert 'OURS = "secret"' in house.secrets.read_text()
    assert stat.S_IMODE(house.secrets.stat().st_mode) == 0o600


def test_what_turns_it_moves_with_it(house: House) -> None:
    house.change("rtsp://192.168.1.9/main")
    assert 'onvif = "http://new:${CAMERA_DOOR}@192.168.1.9:8080/onvif"' in house.text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://old:${OURS}@192.168.1.5", "http://new:${CAMERA_DOOR}@192.168.1.9"),
        ("https://old:${OURS}@192.168.1.5:8443/web", "https://new:${CAMERA_DOOR}@192.168.1.9:8443/web"),
        ("http://other@192.168.1.5/", "http://other@192.168.1.9/"),
        ("http://old:${OURS}@192.168.1.7", "http://old:${OURS}@192.168.1.7"),
    ],
)
@pytest.mark.parametrize("form", ["one line", "a table"])
def test_the_address_of_its_event_api_moves_with_it(tmp_path: Path, form: str, url: str, expected: str) -> None:
    table = f'maker = "dahua", url = "{url}"'
    below = (
        f"event_api = {{ {table} }}"
        if form == "one line"
        else f"[cameras.door.event_api]\n{table.replace(', ', chr(10))}"
    )
    text = f'[cameras.door]\nsource = "rtsp://old:${{OURS}}@192.168.1.5/main"\n{below}\n'
    house = House(tmp_path, text, 'OURS = "secret"\n')
    house.change("rtsp://192.168.1.9/main")
    assert f'url = "{expected}"' in house.text
    api = house.settings.cameras[DOOR].event_api
    assert api == read_settings(house.config, {}).cameras[DOOR].event_api
    assert api is not None
    assert api.url.rpartition("@")[2] == expected.rpartition("@")[2]


@pytest.mark.parametrize("service", ["event_api", "onvif"])
def test_a_service_with_its_own_password_goes_to_no_new_host(tmp_path: Path, service: str) -> None:
    """Its password was entered for the old host only."""
    url = "http://other:${OURS}@192.168.1.5/"
    line = f'onvif = "{url}"' if service == "onvif" else f'event_api = {{ maker = "reolink", url = "{url}" }}'
    text = f'[cameras.door]\nsource = "rtsp://old:${{OURS}}@192.168.1.5/main"\n{line}\n'
    house = House(tmp_path, text, 'OURS = "secret"\n')
    house.change("rtsp://192.168.1.5/other")
    assert line in house.text
    house.change("rtsp://192.168.1.9/main")
    assert line in house.text
    assert "192.168.1.5" not in house.settings.cameras[DOOR].source


@pytest.mark.parametrize(
    ("tables", "source", "sub", "silent"),
    [
        ({"rtsp": False}, "http://192.168.1.5/v.mjpg", "", {"rtsp": False, "http": False}),
        ({"rtsp": False}, "rtsp://192.168.1.5/m", "rtmp://192.168.1.5/live/s", {"rtsp": False, "rtmp": False}),
        ({"rtsp": False}, "rtsp://192.168.1.9/m", "", {"rtsp": False}),
        ({"rtsp": False, "http": True}, "http://192.168.1.5/v.mjpg", "", {"rtsp": False, "http": True}),
        ({"rtsp": True}, "http://192.168.1.5/v.mjpg", "", {"rtsp": True}),
        ({}, "http://192.168.1.5/v.mjpg", "", {}),
    ],
)
def test_a_camera_without_sound_stays_silent_at_an_address_of_another_type(
    tmp_path: Path, tables: dict[str, bool], source: str, sub: str, silent: dict[str, bool]
) -> None:
    text = '[cameras.door]\nsource = "rtsp://old:${OURS}@192.168.1.5/main"\n' + "".join(
        f"[cameras.door.{scheme}]\nsound = {str(sound).lower()}\n" for scheme, sound in tables.items()
    )
    house = House(tmp_path, text, 'OURS = "secret"\n')
    house.change(source, sub)
    for settings in (house.settings, read_settings(house.config, {})):
        assert {scheme: table["sound"] for scheme, table in settings.cameras[DOOR].tables.items()} == silent


def test_a_password_that_is_not_given_stays(house: House) -> None:
    house.change("rtsp://192.168.1.5/other", user="old", password=None)
    assert 'source = "rtsp://old:${OURS}@192.168.1.5/other"' in house.text
    house.change("rtsp://192.168.1.9/main", user="", password="")
    assert 'source = "rtsp://192.168.1.9/main"' in house.text


def test_one_in_the_settings_moves_to_the_secrets(tmp_path: Path) -> None:
    house = House(tmp_path, '[cameras.door]\nsource = "rtsp://old:plain@192.168.1.5/main"\n')
    house.change("rtsp://192.168.1.5/main", user="old", password=None)
    assert 'source = "rtsp://old:${CAMERA_DOOR}@192.168.1.5/main"' in house.text
    assert stat.S_IMODE(house.secrets.stat().st_mode) == 0o600


def test_a_login_in_the_path_is_neither_told_nor_lost(tmp_path: Path) -> None:
    house = House(tmp_path, '[cameras.door]\nsource = "rtsp://192.168.1.5/user=admin&password=x&channel=1.sdp"\n')
    shown = house.desk.place(DOOR).source
    assert "password=x" not in shown
    house.change(shown, user="", password=None)
    assert "password=x&channel=1" in house.text
    with pytest.raises(SettingsError):
        house.change(shown.replace("192.168.1.5", "192.168.1.9"), user="", password=None)


@pytest.mark.parametrize(("port", "password"), [(None, "a wrong one"), (1, PASSWORD)])
def test_what_does_not_answer_changes_nothing(
    house: House, camera: RtspCamera, port: int | None, password: str
) -> None:
    before = house.text, house.secrets.read_text()
    wanted = CameraAddressChange(f"rtsp://127.0.0.1:{port or camera.port}/stream", "", "new", password)
    with pytest.raises(SourceError) as refused:
        house.desk.change(DOOR, wanted, untried=False)
    assert (house.text, house.secrets.read_text(), house.applied) == (*before, 0)
    assert password not in refused.value.message


@pytest.mark.parametrize(
    "address", ["", "ftp://camera/", "rtsp://", "rtsp://a:b@192.168.1.5/main", "/etc/passwd", "rtsp://a b/"]
)
def test_what_is_no_address_is_said(house: House, address: str) -> None:
    before = house.text
    with pytest.raises(SettingsError) as wrong:
        house.change(address)
    assert (wrong.value.problems[0].path, house.text) == ("source", before)


def test_a_camera_at_this_machine_or_in_no_file_is_not_changed_here(tmp_path: Path) -> None:
    house = House(tmp_path, '[cameras.door]\nsource = "demo:"\n')
    with pytest.raises(NotDone):
        house.desk.place(DOOR)
    nowhere = one_camera("rtsp://192.168.1.5/main")
    desk = CameraConnectionService(
        ChangeableSettings(lambda: nowhere, lambda *_: None, None), PluginRegistry.opened(), SystemClock()
    )
    with pytest.raises(NotDone):
        desk.place(DOOR)
