"""A camera at a new address: proved without giving away the password, or entered again; and another device instead."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import NotDone, SourceLoginWeaker, SourceRefused, SourceUnreachable
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.protocols.login_history import LoginHistory, LoginPlace, SignIn
from tawny.service.cameras import camera_moves, camera_setup
from tawny.service.cameras.camera_moves import moved_cameras
from tawny.service.cameras.camera_setup import CameraDraft, CameraSetupService
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.discovery.finder import Search
from tawny.sources.discovery.found_camera import FoundCamera
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup as Login
from tawny.testing.waiting import until
from tests.sources.onvif.fake_camera import served
from tests.support.onvif_device import OnvifDevice, Stream

DOOR, PASSWORD = CameraId("door"), "p@ss/w:rd %"
MAC, OTHER = "00:11:22:aa:bb:cc", "00:11:22:aa:bb:dd"
NEW = "127.0.0.1"


class Place:
    """A recorder whose camera `door` was at 192.0.2.5; a device answers at NEW."""

    def __init__(self, folder: Path, stream: RtspCamera, device: OnvifDevice) -> None:
        self.stream, self.device = stream, device
        self.config = folder / "tawny.toml"
        self.config.write_text(
            f'# mine\n[cameras.door]\nsource = "rtsp://admin:${{DOOR}}@192.0.2.5:{stream.port}/main"  # keep\n'
            f'onvif = "http://admin:${{DOOR}}@192.0.2.5:{device.port}/onvif/device_service"\n'
            f'serial = "SN0042"\nmac = "{MAC}"\nname = "Front door"\n'
            'event_api = { maker = "dahua", url = "http://admin:${DOOR}@192.0.2.5" }  # its button\n'
        )
        secrets = self.config.with_name("secrets.toml")
        secrets.write_text(f'DOOR = "{PASSWORD.replace("%", "%25").replace("/", "%2F")}"\n')
        secrets.chmod(0o600)
        self.settings = read_settings(self.config)
        self.logins = LoginHistory()
        changeable = ChangeableSettings(lambda: self.settings, self._apply, self.config)
        self.is_offline = True
        self.setup = CameraSetupService(
            changeable, PluginRegistry.opened(), SystemClock(), self.logins, is_offline=lambda _: self.is_offline
        )

    def _apply(self, new: Settings, _: str) -> None:
        self.settings = new

    def is_unchanged(self) -> bool:
        return "192.0.2.5" in self.settings.cameras[DOOR].source and "192.0.2.5" in self.config.read_text()


@pytest.fixture
def neighbours(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    table = {NEW: MAC}
    monkeypatch.setattr(camera_setup, "neighbours", lambda: table)
    monkeypatch.setattr(camera_moves, "ask_neighbours", lambda _: table)
    return table


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    login = Login(user="admin", password=PASSWORD, login="md5")
    with RtspCamera(made_clip(ClipSpec()), login) as stream, served(OnvifDevice(password=PASSWORD)) as device:
        assert isinstance(device, OnvifDevice)
        device.streams = (Stream("m", "H264", 640, 360, f"rtsp://h:{stream.port}/main"),)
        yield Place(tmp_path, stream, device)


def test_the_same_camera_at_a_new_address_is_used(place: Place, neighbours: dict[str, str]) -> None:
    place.setup.move(DOOR, NEW)
    text, camera = place.config.read_text(), place.settings.cameras[DOOR]
    assert f'source = "rtsp://admin:${{DOOR}}@{NEW}:{place.stream.port}/main"  # keep' in text
    assert f'onvif = "http://admin:${{DOOR}}@{NEW}:{place.device.port}/' in text
    assert NEW in camera.source + camera.onvif
    assert f'event_api = {{ maker = "dahua", url = "http://admin:${{DOOR}}@{NEW}" }}  # its button' in text
    assert camera.event_api is not None
    assert camera.event_api.url.endswith(f"@{NEW}")
    assert place.logins.strongest(LoginPlace(DOOR, NEW, 80)) is SignIn.MD5
    assert "192.0.2.5" not in text + camera.source
    assert (camera.name, camera.serial, camera.mac) == ("Front door", "SN0042", MAC)
    assert place.logins.strongest(LoginPlace(DOOR, NEW, place.stream.port)) is SignIn.MD5


def test_an_event_api_that_needs_the_password_itself_is_moved_only_by_https(
    place: Place, neighbours: dict[str, str]
) -> None:
    place.config.write_text(place.config.read_text().replace('"dahua"', '"reolink"'))
    place.settings = read_settings(place.config)
    with pytest.raises(NotDone, match="needs the password itself"):
        place.setup.move(DOOR, NEW)
    assert place.is_unchanged()
    place.config.write_text(place.config.read_text().replace('url = "http:', 'url = "https:'))
    place.settings = read_settings(place.config)
    place.setup.move(DOOR, NEW)
    assert f'"https://admin:${{DOOR}}@{NEW}"' in place.config.read_text()


@pytest.mark.parametrize("mac", ["", OTHER])
def test_without_the_hardware_address_nothing_is_sent(place: Place, neighbours: dict[str, str], mac: str) -> None:
    neighbours[NEW] = mac
    with pytest.raises(NotDone, match="can't be proved"):
        place.setup.move(DOOR, NEW)
    assert (place.device.told, place.stream.viewers, place.is_unchanged()) == ([], [], True)


def test_an_impostor_that_asks_for_the_password_itself_gets_nothing(place: Place, neighbours: dict[str, str]) -> None:
    """It has the hardware address and the serial number, and asks for Basic, now or when the recorder connects."""
    place.stream.setup.login = "basic"
    with pytest.raises(SourceLoginWeaker):
        place.setup.move(DOOR, NEW)
    assert place.is_unchanged()
    place.device.challenge = 'Basic realm="camera"'
    with pytest.raises(SourceLoginWeaker):
        place.setup.move(DOOR, NEW)
    assert place.is_unchanged()


def test_no_weaker_sign_in_than_at_the_old_address_is_answered(place: Place, neighbours: dict[str, str]) -> None:
    place.logins.record(DOOR, "192.0.2.5", 554).offered(SignIn.SHA_256)
    with pytest.raises(SourceLoginWeaker):
        place.setup.move(DOOR, NEW)
    assert place.is_unchanged()


def test_another_serial_number_is_another_camera(place: Place, neighbours: dict[str, str]) -> None:
    place.device.serial = "SN7"
    with pytest.raises(NotDone, match="Another camera answers"):
        place.setup.move(DOOR, NEW)
    assert place.is_unchanged()


def test_a_device_with_another_password_or_none_changes_nothing(place: Place, neighbours: dict[str, str]) -> None:
    place.device.password = "another"
    with pytest.raises(SourceRefused):
        place.setup.move(DOOR, NEW)
    neighbours["127.0.0.9"] = MAC
    with pytest.raises(SourceUnreachable):
        place.setup.move(DOOR, "127.0.0.9")
    with pytest.raises(NotDone):
        place.setup.move(DOOR, "rtsp://evil/")
    assert place.is_unchanged()


@pytest.mark.parametrize("is_offline", [True, False])
def test_only_a_camera_that_is_offline_gets_an_offer(
    place: Place, monkeypatch: pytest.MonkeyPatch, *, is_offline: bool
) -> None:
    device = FoundCamera(NEW, "network", mac=MAC)
    monkeypatch.setattr(camera_setup, "find", lambda _search, _clock, found: found(device))
    place.is_offline = is_offline
    place.setup.search(Search())
    until(lambda: not place.setup.found().is_running)
    assert place.setup.found().moved == ({DOOR: NEW} if is_offline else {})


def settings_of(*macs: str) -> Settings:
    cameras = {f"c{n}": {"source": f"rtsp://192.0.2.{n}/x", "mac": mac} for n, mac in enumerate(macs)}
    return Settings.model_validate({"cameras": cameras | {"usb": {"source": "/dev/video0", "mac": MAC}}})


BOTH = {"c0": "192.0.2.8", "c1": "192.0.2.9"}


def at(host: str, mac: str, **more: str) -> FoundCamera:
    return FoundCamera(host, "network", mac=mac, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "found", "moved"),
    [
        (settings_of(MAC), [at("192.0.2.9", MAC)], {"c0": "192.0.2.9"}),
        (settings_of(MAC), [at("192.0.2.9", OTHER)], {}),
        (settings_of(MAC), [at("192.0.2.9", OTHER, identity=MAC)], {}),  # what a device claims proves nothing
        (settings_of(MAC), [at("192.0.2.9", MAC), at("192.0.2.0", MAC)], {}),  # it is still there
        (settings_of(MAC), [at("192.0.2.9", MAC), at("192.0.2.8", MAC)], {}),  # which of them?
        (settings_of(MAC, OTHER), [at("192.0.2.1", MAC)], {}),  # another camera's address
        (settings_of(""), [at("192.0.2.9", "")], {}),
        (settings_of(MAC, OTHER), [at("192.0.2.9", OTHER), at("192.0.2.8", MAC)], BOTH),
    ],
)  # fmt: skip
def test_what_a_search_offers(settings: Settings, found: list[FoundCamera], moved: dict[str, str]) -> None:
    assert moved_cameras(settings, found) == moved


def test_another_device_takes_the_place_and_keeps_what_people_made(place: Place, neighbours: dict[str, str]) -> None:
    place.device.serial, place.device.password, neighbours[NEW] = "SN9", "new pw", OTHER
    place.stream.setup.password = "new pw"
    service = f"http://{NEW}:{place.device.port}/onvif/device_service"
    wanted = CameraDraft(NEW, "admin", "new pw", onvif=service)
    with pytest.raises(SourceRefused):
        place.setup.replace(DOOR, replace(wanted, password="wrong", rtsp_port=place.stream.port))
    assert place.is_unchanged()
    place.setup.replace(DOOR, wanted)
    camera, text = place.settings.cameras[DOOR], place.config.read_text()
    assert (camera.serial, camera.mac, camera.name) == ("SN9", OTHER, "Front door")
    assert NEW in camera.source
    assert "${CAMERA_DOOR}" in text
    assert "new pw" not in text
    assert f'url = "http://admin:${{CAMERA_DOOR}}@{NEW}" }}  # its button' in text
    assert read_settings(place.config).cameras[DOOR] == camera


@pytest.mark.parametrize("form", ["one line", "a table"])
def test_another_device_gets_no_password_that_was_entered_for_a_service_of_the_camera_before(
    place: Place, neighbours: dict[str, str], form: str
) -> None:
    line = 'event_api = { maker = "dahua", url = "http://admin:${DOOR}@192.0.2.5" }  # its button\n'
    own = line.replace("admin:", "events:").replace('"dahua"', '"reolink"')
    table = '[cameras.door.event_api]\nmaker = "reolink"\nurl = "http://events:${DOOR}@192.0.2.5"\n'
    text = place.config.read_text()
    assert line in text
    place.config.write_text(text.replace(line, own if form == "one line" else table))
    place.settings = read_settings(place.config)
    service = f"http://{NEW}:{place.device.port}/onvif/device_service"
    place.setup.replace(DOOR, CameraDraft(NEW, "admin", PASSWORD, onvif=service))
    assert "event_api" not in place.config.read_text()
    assert place.settings.cameras[DOOR].event_api is None
    assert read_settings(place.config).cameras[DOOR] == place.settings.cameras[DOOR]


def test_another_device_has_none_of_the_certificate_of_the_camera_before(
    place: Place, neighbours: dict[str, str]
) -> None:
    table = f'[cameras.door.rtsp]\nsound = false\nclient = "ffmpeg"\nfingerprint = "{"ab" * 32}"\n'
    place.config.write_text(place.config.read_text() + table)
    place.settings = read_settings(place.config)
    service = f"http://{NEW}:{place.device.port}/onvif/device_service"
    place.setup.replace(DOOR, CameraDraft(NEW, "admin", PASSWORD, onvif=service))
    assert place.settings.cameras[DOOR].table("rtsp") == {"sound": False}
    assert read_settings(place.config).cameras[DOOR] == place.settings.cameras[DOOR]


def test_another_device_of_another_type_is_as_silent_as_the_camera_before(
    place: Place, neighbours: dict[str, str]
) -> None:
    place.config.write_text(place.config.read_text() + "[cameras.door.rtsp]\nsound = false\n")
    place.settings = read_settings(place.config)
    place.setup.replace(DOOR, CameraDraft("http://192.0.2.6/v.mjpg", "admin", PASSWORD))
    assert place.settings.cameras[DOOR].table("http") == {"sound": False}
    assert read_settings(place.config).cameras[DOOR] == place.settings.cameras[DOOR]
