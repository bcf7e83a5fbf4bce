"""Cameras found, tried, added, renamed and removed while a recorder runs."""

import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.config.drafts import camera_id_for
from tawny.config.loader import read_settings
from tawny.config.settings import Settings, display_name, is_camera_id
from tawny.detection.zones import masks_of
from tawny.model.errors import NotDone, SettingsError, SourceRefused
from tawny.model.ids import CameraId, StreamName
from tawny.protocols.login_history import LoginHistory, SignIn
from tawny.service.cameras import camera_setup
from tawny.service.cameras.camera_moves import known_as
from tawny.service.cameras.camera_setup import (
    CameraDraft,
    CameraRemoval,
    CameraSetupService,
)
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.discovery.finder import Search
from tawny.sources.discovery.found_camera import FoundCamera
from tawny.sources.discovery.resolve import is_host
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import AheadClock
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup as Login
from tawny.testing.waiting import until
from tests.sources.onvif.fake_camera import served
from tests.support.onvif_device import OnvifDevice, Stream

PASSWORD = "p@ss/w:rd %${X}"
KEEP = CameraRemoval("Anna")
BEFORE = '# mine\n[cameras.yard]\nsource = "demo:garden"  # keep\n'


class House:
    """Settings in a file, as a program that runs has them."""

    def __init__(self, folder: Path, *, has_file: bool = True, text: str = BEFORE) -> None:
        self.config = folder / "tawny.toml"
        self.config.write_text(text)
        self.settings = read_settings(self.config)
        self.logins = LoginHistory()
        self.applied: list[Settings] = []
        config = self.config if has_file else None
        plugins = PluginRegistry.opened()
        self.clock = AheadClock()
        self.setup = CameraSetupService(
            ChangeableSettings(lambda: self.settings, self._apply, config), plugins, self.clock, self.logins
        )

    def _apply(self, new: Settings, _file: str) -> None:
        self.settings = new
        self.applied.append(new)

    def restarted(self) -> "House":
        return House(self.config.parent, text=self.config.read_text())


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture(scope="module")
def wanted() -> Iterator[CameraDraft]:
    """A camera with ONVIF and two streams, on loopback."""
    login = Login(user="admin", password=PASSWORD, login="md5")
    with (
        RtspCamera(made_clip(ClipSpec(width=640, height=360)), login) as main,
        RtspCamera(made_clip(ClipSpec()), login) as sub,
        served(OnvifDevice(password=PASSWORD)) as device,
    ):
        assert isinstance(device, OnvifDevice)
        device.streams = (
            Stream("m", "H264", 640, 360, f"rtsp://10.9.9.9:{main.port}/main"),
            Stream("s", "H264", 320, 240, f"rtsp://10.9.9.9:{sub.port}/sub"),
        )
        service = f"http://127.0.0.1:{device.port}/onvif/device_service"
        yield CameraDraft("127.0.0.1", "admin", PASSWORD, onvif=service)


def test_a_camera_is_tried_and_nothing_changes(house: House, wanted: CameraDraft) -> None:
    tried = house.setup.try_out(wanted, 1.0)
    assert {name: (one.width, one.height) for name, one in tried.trials.items()} == {
        StreamName.MAIN: (640, 360), StreamName.SUB: (320, 240),
    }  # fmt: skip
    assert tried.camera.details is not None
    assert tried.camera.public["source"].endswith("/main")
    assert PASSWORD not in str(tried.camera.public) + repr(tried)
    assert house.config.read_text() == BEFORE
    assert house.applied == []


def test_it_is_added_under_an_id_made_of_its_name(house: House, wanted: CameraDraft) -> None:
    assert house.setup.add("Front Door!", wanted) == "front-door"
    assert house.setup.add("Front Door!", wanted) == "front-door-2"
    camera = house.settings.cameras["front-door"]
    assert (camera.name, camera.onvif.endswith("/onvif/device_service")) == ("Front Door!", True)
    text = house.config.read_text()
    assert text.startswith(BEFORE)
    assert PASSWORD not in text
    secrets = house.config.with_name("secrets.toml")
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert read_settings(house.config).cameras["front-door"] == camera
    assert [list(one.cameras)[1:] for one in house.applied] == [["front-door"], ["front-door", "front-door-2"]]


def test_a_new_camera_with_the_name_of_another_gets_a_number(house: House) -> None:
    for name in ("Gate", "gate ", "Yard"):
        house.setup.add(name, CameraDraft("demo:front"))
    shown = [display_name(camera, one) for camera, one in house.settings.cameras.items()]
    assert shown == ["Yard", "Gate", "gate 2", "Yard 2"]


def test_a_camera_cannot_be_given_the_name_of_another(house: House) -> None:
    gate = house.setup.add("Gate", CameraDraft("demo:front"))
    before = house.config.read_text()
    with pytest.raises(NotDone, match="The camera yard is already called “Yard”"):
        house.setup.rename(gate, " yard ")
    assert house.config.read_text() == before


def test_a_camera_whose_name_another_has_can_still_be_put_into_a_group(house: House) -> None:
    """Someone wrote both names into the file."""
    gate = house.setup.add("Gate", CameraDraft("demo:front"))
    house.config.write_text(house.config.read_text().replace('"Gate"', '"Yard"'))
    house.setup.rename(gate, "Yard", "outside")
    assert house.settings.cameras[gate].group == "outside"


def test_it_is_added_to_record_only_around_events(house: House) -> None:
    house.setup.add("Gate", CameraDraft("demo:front"), "events")
    assert house.settings.cameras["gate"].record == "events"
    assert 'record = "events"' in house.config.read_text()
    house.setup.add("Door", CameraDraft("demo:front"))
    assert house.config.read_text().count("record") == 1, "the default isn't written"


def test_port_and_path_that_a_search_found_are_used(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera without ONVIF that announces its stream by mDNS, at a port that nobody guesses."""
    monkeypatch.setattr("tawny.sources.discovery.resolve.ONVIF_PORTS", (1,))
    with RtspCamera(made_clip(ClipSpec(width=640, height=360))) as stream:
        wanted = CameraDraft("127.0.0.1", rtsp_port=stream.port, path="hidden/door")
        camera = house.setup.add("Gate", wanted)
    assert house.settings.cameras[camera].source == f"rtsp://127.0.0.1:{stream.port}/hidden/door"


@pytest.mark.shows("SC15")
def test_overrides_of_running_cameras_stay(house: House) -> None:
    """Settings from the command line are not in the file."""
    yard = house.settings.cameras["yard"].model_copy(update={"source": "demo:shop"})
    house.settings = house.settings.model_copy(update={"cameras": {"yard": yard}})
    house.setup.add("Barn", CameraDraft("demo:front"))
    assert house.settings.cameras["yard"].source == "demo:shop"
    assert house.settings.cameras["barn"].source == "demo:front"


def test_a_wrong_password_changes_nothing(house: House, wanted: CameraDraft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tawny.sources.discovery.resolve.RTSP_PORTS", (1,))
    with pytest.raises(SourceRefused):
        house.setup.add("Front door", replace(wanted, password="wrong"))
    assert (house.config.read_text(), house.applied) == (BEFORE, [])
    assert not house.config.with_name("secrets.toml").exists()


@pytest.mark.parametrize(
    "wanted",
    [
        CameraDraft("/etc/passwd"), CameraDraft("./clip.mp4"), CameraDraft("file:///etc/passwd"), CameraDraft("what://x"),
        CameraDraft("rtsp://h/${SECRET}"), CameraDraft("demo:front", sub="/etc/shadow"),
        CameraDraft("rtsp://a:b@h/x", user="admin"), CameraDraft("rtsp://[::1", user="admin"),
    ],
    ids=lambda one: one.address + one.sub,
)  # fmt: skip
def test_what_a_page_may_not_add(house: House, wanted: CameraDraft) -> None:
    with pytest.raises((NotDone, SettingsError)):
        house.setup.try_out(wanted, 0.1)
    with pytest.raises((NotDone, SettingsError)):
        house.setup.add("X", wanted)
    assert (house.config.read_text(), house.applied) == (BEFORE, [])


@pytest.mark.parametrize("user", ["", "admin"])
def test_a_full_address_keeps_its_password_in_secrets(house: House, user: str) -> None:
    login = "" if user else "admin:s3cret-pw@"
    given = CameraDraft(f"rtsp://{login}192.0.2.5/main", user, "s3cret-pw" if user else "")
    house.setup.add("Gate", replace(given, sub=given.address.replace("main", "sub")))
    text = house.config.read_text()
    assert "s3cret-pw" not in text
    assert text.count("${CAMERA_GATE}@192.0.2.5") == 2
    assert house.settings.cameras["gate"].sub == "rtsp://admin:s3cret-pw@192.0.2.5/sub"


@pytest.mark.shows("SC10")
def test_rename_and_remove(house: House, wanted: CameraDraft) -> None:
    camera = house.setup.add("Front door", wanted)
    house.setup.rename(camera, " Garden gate ")
    assert house.settings.cameras[camera].name == "Garden gate"
    house.setup.rename(camera, "")
    assert house.settings.cameras[camera].name == ""
    house.setup.remove(camera, KEEP)
    assert list(house.settings.cameras) == ["yard"]
    assert house.config.read_text() == BEFORE + '\n[removed_cameras.front-door]\nname = "Front door"\n'
    assert house.settings.removed_cameras["front-door"].delete_after is None
    house.clock.advance(31)
    house.setup.removed.step()
    assert "CAMERA_" not in house.config.with_name("secrets.toml").read_text()
    with pytest.raises(NotDone, match="No camera named"):
        house.setup.rename(camera, "x")
    with pytest.raises(NotDone, match="No camera named"):
        house.setup.remove(camera, KEEP)


def test_privacy_masks_of_a_removed_camera_stay_for_its_recordings(house: House) -> None:
    text = house.config.read_text()
    table = '[cameras.gate]\nsource = "rtsp://192.0.2.9/main"\nrotate = 90\nmirror = true\n'
    masks = "privacy_masks = [[[0.0, 0.0], [0.5, 0.0], [0.5, 0.2]]]\n"
    house.config.write_text(f'{text}\n{table}{masks}retention.max = "3 d"\n')
    house.settings = read_settings(house.config)
    before = masks_of(house.settings, "gate"), house.settings.cameras["gate"].privacy_masks
    house.setup.remove(CameraId("gate"), KEEP)
    for now in (house.settings, read_settings(house.config)):
        assert "gate" not in now.cameras
        assert (masks_of(now, "gate"), now.removed_cameras["gate"].privacy_masks) == before
    house.setup.restore(CameraId("gate"))
    assert read_settings(house.config).removed_cameras == {}


@pytest.mark.parametrize("changed", [False, True], ids=["at once", "after another change"])
def test_a_removed_camera_is_restored_as_it_was(house: House, wanted: CameraDraft, *, changed: bool) -> None:
    """With its password, zones, comments and sign-in, and its recordings are not deleted."""
    camera = house.setup.add("Front door", wanted)
    zone = "\n[cameras.front-door.detection.zones.path]  # the way in\npoints = [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0]]\n"
    house.config.write_text(house.config.read_text() + zone)
    house.settings = read_settings(house.config)
    before, was = house.config.read_text(), house.settings.cameras[camera]
    house.logins.record(camera, "127.0.0.1", 554).offered(SignIn.SHA_256)
    house.setup.remove(camera, CameraRemoval("Anna", with_recordings=True))
    if changed:
        house.setup.rename(CameraId("yard"), "Back yard")
    house.setup.restore(camera)
    assert house.settings.cameras[camera] == was
    assert house.settings.removed_cameras == {}
    assert read_settings(house.config).cameras[camera] == was
    assert "# the way in" in house.config.read_text()
    if not changed:
        assert house.config.read_text() == before
    assert house.logins.record(camera, "127.0.0.1", 554).strongest is SignIn.SHA_256


@pytest.mark.parametrize("split", [False, True], ids=["in one place", "in two places"])
def test_a_removed_camera_is_restored_after_a_restart(house: House, wanted: CameraDraft, *, split: bool) -> None:
    """With its password, which is nowhere but in `secrets.toml`, and its recordings are not deleted."""
    camera = house.setup.add("Front door", wanted)
    zone = "[cameras.front-door.detection.zones.path]  # the way in\npoints = [[0.1, 0.5], [0.6, 0.5], [0.6, 1.0]]\n"
    between = '[cameras.hall]\nsource = "demo:hall"\n' if split else ""
    house.config.write_text(f"{house.config.read_text()}\n{between}{zone}")
    house.settings = read_settings(house.config)
    was, secrets = house.settings.cameras[camera], house.config.with_name("secrets.toml")
    house.logins.record(camera, "127.0.0.1", 554).offered(SignIn.SHA_256)
    before = secrets.read_text()
    house.setup.remove(camera, CameraRemoval("Anna", with_recordings=True))
    assert "p%40ss" not in house.config.read_text()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    again = house.restarted()
    again.clock.advance(20)
    again.setup.restore(camera)
    assert again.settings.cameras[camera] == read_settings(house.config).cameras[camera] == was
    assert again.settings.removed_cameras == {}
    assert "# the way in" in house.config.read_text()
    assert again.logins.record(camera, "127.0.0.1", 554).strongest is SignIn.SHA_256
    again.setup.removed.step()
    assert secrets.read_text() == before


@pytest.mark.parametrize("restarts", [False, True])
def test_nothing_is_left_of_a_camera_that_can_no_longer_be_restored(
    house: House, wanted: CameraDraft, *, restarts: bool
) -> None:
    camera, secrets = house.setup.add("Front door", wanted), house.config.with_name("secrets.toml")
    house.setup.remove(camera, KEEP)
    house.setup.removed.step()
    assert "p%40ss" in secrets.read_text()
    now = house.restarted() if restarts else house
    now.clock.advance(31)
    with pytest.raises(NotDone, match="no longer be restored"):
        now.setup.restore(camera)
    now.setup.removed.step()
    assert secrets.read_text() == ""


def test_a_camera_with_the_id_of_the_removed_one_stays_after_a_restart(house: House) -> None:
    house.setup.remove(CameraId("yard"), KEEP)
    house.config.write_text(BEFORE)
    with pytest.raises(NotDone, match="already have a camera yard"):
        house.restarted().setup.restore(CameraId("yard"))
    assert house.config.read_text() == BEFORE


@pytest.mark.parametrize("kept", ["", "{}", '{"camera": 1, "until_ms": 2}', "[]", '{"logins": ""}'])
def test_a_start_needs_nothing_of_removed_cameras(house: House, kept: str) -> None:
    secrets = house.config.with_name("secrets.toml")
    secrets.write_text(f"REMOVED_CAMERA_YARD = '{kept}'\n")
    secrets.chmod(0o600)
    with pytest.raises(NotDone, match="no longer be restored"):
        house.restarted().setup.restore(CameraId("yard"))


def test_a_linked_file_of_secrets_stays_a_link(house: House, tmp_path: Path) -> None:
    """It may lead to a place for reading only."""
    there = tmp_path / "there.toml"
    there.write_text("")
    there.chmod(0o600)
    house.config.with_name("secrets.toml").symlink_to(there)
    house.setup.remove(CameraId("yard"), KEEP)
    assert there.read_text() == ""
    house.setup.restore(CameraId("yard"))
    assert house.config.read_text() == BEFORE


def test_a_camera_is_restored_once_and_not_too_late(house: House) -> None:
    with pytest.raises(NotDone, match="no longer be restored"):
        house.setup.restore(CameraId("yard"))
    house.setup.remove(CameraId("yard"), KEEP)
    house.clock.advance(31)
    with pytest.raises(NotDone, match="no longer be restored"):
        house.setup.restore(CameraId("yard"))


def test_what_a_removal_deletes_is_in_the_settings(house: House) -> None:
    """A recorder that restarts meanwhile deletes it all the same."""
    due_ms = house.setup.remove(CameraId("yard"), CameraRemoval("Anna", with_recordings=True, with_kept=True))
    gone = read_settings(house.config).removed_cameras["yard"]
    assert gone.delete_after is not None
    assert 1000 <= gone.delete_after.timestamp() * 1000 - due_ms <= 2000
    assert (gone.name, gone.deleted_by, gone.delete_kept) == ("Yard", "Anna", True)


def test_a_camera_that_other_settings_name_is_not_removed(house: House) -> None:
    """Without it, the file would be refused, and the next start as well."""
    named = (
        '[[rules]]\nname = "Yard at night"\nwhen = { camera = "yard" }\ndo = "record for 1 min"\n'
        '[[rules]]\ndo = "record yard"\n[notifiers.phone]\nurl = "ntfy://topic"\ncameras = ["yard"]\n'
        '[mqtt]\nurl = "mqtt://192.0.2.1"\ncameras = ["yard"]\n'
    )
    house.config.write_text(BEFORE + named)
    house.settings = read_settings(house.config)
    with pytest.raises(NotDone, match=r"named by Yard at night, rules\.1, notifiers\.phone, mqtt\."):
        house.setup.remove(CameraId("yard"), KEEP)
    assert house.config.read_text() == BEFORE + named


def test_an_id_of_removed_recordings_is_not_given_again(house: House) -> None:
    house.setup.remove(CameraId("yard"), KEEP)
    assert house.setup.add("Yard", CameraDraft("demo:front")) == "yard-2"


def test_without_a_settings_file_it_says_so(tmp_path: Path) -> None:
    house = House(tmp_path, has_file=False)
    assert "settings file" in house.setup.fixed
    with pytest.raises(NotDone):
        house.setup.add("X", CameraDraft("demo:front"))
    with pytest.raises(NotDone):
        house.setup.remove(CameraId("yard"), KEEP)
    with pytest.raises(NotDone):
        house.setup.rename(CameraId("yard"), "x")


def test_a_search_runs_once_and_shows_what_it_has_found_so_far(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, begun = threading.Event(), list[Search]()

    def find(search: Search, _clock: object, found: object) -> None:
        begun.append(search)
        assert callable(found)
        found(FoundCamera("192.0.2.5", "network", maker="Northlight"))
        found(FoundCamera("192.0.2.5", "network", maker="Northlight", model="NL-1"))
        goes_on.wait(30)

    monkeypatch.setattr(camera_setup, "find", find)
    assert house.setup.found().found == ()
    house.setup.search(Search())
    until(lambda: [one[0].title for one in house.setup.found().found] == ["Northlight NL-1"])
    house.setup.search(Search(probe=True))
    now = house.setup.found()
    assert (len(begun), now.is_running, now.found[0][0].title) == (1, True, "Northlight NL-1")
    goes_on.set()
    until(lambda: not house.setup.found().is_running)
    assert len(house.setup.found().found) == 1


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("192.168.1.20", True), ("camera", True), ("front.local", True), ("fe80::1", True), ("[fe80::1]", True),
        ("::1", True), ("demo:front", False), ("picamera:0", False), ("rtsp://h/x", False), ("/dev/video0", False),
        ("a b", False), ("", False), ("-x", False), ("h:554", False), ("demo:", False), ("clip.mp4", False),
    ],
)  # fmt: skip
def test_what_is_a_host(text: str, is_one: bool) -> None:
    assert is_host(text) is is_one


@given(st.text(max_size=60), st.integers(0, 3))
def test_every_name_gives_an_id_that_is_free(name: str, taken: int) -> None:
    used: dict[str, object] = {}
    for _ in range(taken + 1):
        made = camera_id_for(name, used)
        assert is_camera_id(made)
        assert made not in used
        used[made] = None


def test_a_found_camera_is_known_by_its_address() -> None:
    cameras = {"gate": {"source": "rtsp://u:p@192.0.2.5/x"}, "usb": {"source": "/dev/v4l/by-id/a"}}
    settings = Settings.model_validate({"cameras": cameras})
    places = ("192.0.2.5", "/dev/v4l/by-id/a", "192.0.2.6")
    assert [known_as(FoundCamera(place, "network"), settings) for place in places] == ["gate", "usb", ""]


def test_a_local_camera_is_known_by_all_names_of_its_device(tmp_path: Path) -> None:
    """Since equal webcams are named by their sockets, one that was set up by its number or identity looked new."""
    device, by_id, by_path = (tmp_path / name for name in ("video0", "by-id", "by-path"))
    device.touch()
    for link in (by_id, by_path):
        link.symlink_to(device)
    settings = Settings.model_validate({"cameras": {"usb": {"source": str(by_id)}}})
    places = [str(by_path), str(device), str(tmp_path / "video1")]
    assert [known_as(FoundCamera(place, "usb"), settings) for place in places] == ["usb", "usb", ""]
