"""Two changes of the settings at once: both are in the file and in force afterwards, whichever services make them."""

import fcntl
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tawny.app import program
from tawny.config.changes import put_table
from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.errors import FolderUnwritable, NotDone
from tawny.model.geometry import Orientation
from tawny.model.ids import CameraId
from tawny.protocols.login_history import LoginHistory
from tawny.sealed.key_wrapping import Identity
from tawny.service.address.address_service import AddressMeans, AddressService
from tawny.service.cameras.camera_setup import CameraRemoval, CameraSetupService
from tawny.service.cameras.connection_settings import CameraAddressChange, CameraConnectionService
from tawny.service.cameras.detection_tuning import DetectionTuningService
from tawny.service.cameras.picture_controls import PictureControlService
from tawny.service.cameras.recording_choice import RecordingChoice, RecordingChoiceService
from tawny.service.changeable_settings import ChangeableSettings, SettingsEditor, SettingWrite
from tawny.service.delivery.target_settings import TargetSettingsService
from tawny.service.modes.mode_service import ModeService
from tawny.service.plugin_registry import PluginRegistry
from tawny.service.retention.retention_service import RetentionRequest, RetentionService
from tawny.service.sealing.sealing_service import SealingService
from tawny.service.storage_choice import Disk, StorageChoiceService
from tawny.sources.pi_controls import board_of
from tawny.sources.picamera import PiCamera
from tawny.testing.clock import FakeClock

TEXT = """\
[web]
name = "Cottage"

[web.secure]
way = "files"
domain = "cam.example.org"
certificate = "chain.pem"
key = "key.pem"

[cameras.door]
source = "rtsp://127.0.0.1:9/x"
[cameras.yard]
source = "rtsp://127.0.0.1:9/y"
[cameras.desk]
source = "picamera:0"

[removed_cameras.gate]
name = "Gate"
"""
DOOR, YARD, DESK = CameraId("door"), CameraId("yard"), CameraId("desk")
MASK = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4))
WAITS_S = 0.1
"""How long the first change waits for the second one, which must wait for the first."""


class House:
    """Settings in a file, and the services that change them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "tawny.toml"
        self.file.write_text(TEXT)
        self.settings, self.clock = read_settings(self.file), FakeClock()
        found = PluginRegistry.opened()
        camera = PiCamera(lambda: None, lambda: "python3", lambda: board_of("Raspberry Pi 4"))
        self.plugins = replace(found, sources={**found.sources, "picamera": camera})
        self.changeable = ChangeableSettings(lambda: self.settings, self.apply, self.file)
        nothing: Any = SimpleNamespace(modes=None, retention=SimpleNamespace(wake=lambda: None))
        self.nothing = nothing
        self.tuning = DetectionTuningService(self.changeable, dict, self.plugins, self.clock, nothing, nothing)
        self.choosing = RecordingChoiceService(
            self.changeable, nothing, dict, lambda: "home", self.clock, ZoneInfo("UTC")
        )
        self.setup = CameraSetupService(self.changeable, self.plugins, self.clock, LoginHistory())
        self.keeping = RetentionService(nothing, self.clock, self.changeable)

    def apply(self, new: Settings, _: str) -> None:
        self.settings = new

    def mask(self) -> None:
        self.tuning.change(DOOR, self.settings.cameras[DOOR].detection, (MASK,), "Anna")

    def choose(self) -> None:
        self.choosing.change(YARD, RecordingChoice("events", 5.0, 5.0, {}))

    def put(self) -> None:
        self.changeable.put("standby", {"enabled": True})

    def edit(self) -> None:
        SettingsEditor(self.changeable, self.clock).change(SettingWrite("web.name", "Castle", "Cottage"), "Ben")

    def plan_modes(self) -> None:
        service = ModeService(
            self.nothing, self.changeable, lambda _: None, self.nothing, self.nothing, ZoneInfo("UTC"), self.clock
        )
        service.change({"names": ["home", "holiday"]}, [])

    def seal(self) -> None:
        service = SealingService(self.folder, self.clock, self.changeable, "ab" * 32)
        service.set_up(Identity.new().recipient, Identity.new().recipient, b"age-encryption.org/v1\n-> scrypt ")

    def choose_disk(self) -> None:
        service = StorageChoiceService(
            self.changeable, self.nothing, self.keeping, self.folder / "first", lambda _: None,
            lambda: [Disk(self.folder, "hdd")],
        )  # fmt: skip
        service.change(path=str(self.folder / "second"))

    def turn_off_address(self) -> None:
        AddressService(self.changeable, AddressMeans(frozenset), self.clock).turn_off()

    def add_target(self) -> None:
        service = TargetSettingsService(self.changeable, self.nothing, self.plugins)
        service.put("notifiers", "phone", {"url": "ntfy://ntfy.sh/house"})

    def connect(self) -> None:
        service = CameraConnectionService(self.changeable, self.plugins, self.clock)
        service.change(YARD, CameraAddressChange("rtsp://127.0.0.1:9/z", "", "me", "pw"), untried=True)

    def brighten(self) -> None:
        PictureControlService(self.changeable, self.plugins, self.clock).change(DESK, {"brightness": 0.25})


Change = Callable[[House], object]
Look = Callable[[Settings], object]


def is_masked(settings: Settings) -> bool:
    return len(settings.cameras[DOOR].privacy_masks) == 1


CHANGES: dict[str, tuple[Change, Look]] = {
    "put": (House.put, lambda now: now.standby.enabled),
    "forget": (lambda house: house.changeable.forget_removed(["gate"]), lambda now: not now.removed_cameras),
    "edit": (House.edit, lambda now: now.web.name == "Castle"),
    "choose": (House.choose, lambda now: now.cameras[YARD].record == "events"),
    "turn": (
        lambda house: house.tuning.turn(YARD, Orientation(90, mirror=False), "Ben"),
        lambda now: now.cameras[YARD].rotate == 90,
    ),
    "rename": (lambda house: house.setup.rename(YARD, "Garden"), lambda now: now.cameras[YARD].name == "Garden"),
    "remove": (lambda house: house.setup.remove(YARD, CameraRemoval("Ben")), lambda now: YARD not in now.cameras),
    "connect": (House.connect, lambda now: now.cameras[YARD].source == "rtsp://me:pw@127.0.0.1:9/z"),
    "brighten": (House.brighten, lambda now: now.cameras[DESK].table("picamera").get("brightness") == 0.25),
    "retention": (
        lambda house: house.keeping.change(RetentionRequest({"min": "3 days"}, {})),
        lambda now: now.storage.retention.min == 3 * 86_400,
    ),
    "modes": (House.plan_modes, lambda now: "holiday" in now.modes.names),
    "encryption": (House.seal, lambda now: len(now.encryption.recipients) == 1),
    "disk": (House.choose_disk, lambda now: now.storage.path.endswith("second")),
    "address": (House.turn_off_address, lambda now: now.web.secure.way == "off"),
    "target": (House.add_target, lambda now: "phone" in now.notifiers),
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


class During:
    """Makes another change on its own thread, in the middle of the first one. refused: what it raised."""

    def __init__(self, change: Callable[[], object]) -> None:
        self.refused: list[Exception] = []
        self._change, self._thread = change, threading.Thread(target=self._run)
        self._is_begun = False

    def _run(self) -> None:
        try:
            self._change()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.refused.append(error)

    def __call__(self) -> bool:
        """Return whether this is the first call."""
        if self._is_begun:
            return False
        self._is_begun = True
        self._thread.start()
        self._thread.join(WAITS_S)
        return True

    def end(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


def on_sync(monkeypatch: pytest.MonkeyPatch, house: House, during: During, error: OSError | None = None) -> None:
    """Call `during` when the first change writes the settings, which then fails with the error."""
    sync = os.fsync

    def slow(handle: int) -> None:
        is_settings = Path(f"/proc/self/fd/{handle}").readlink().parent == house.folder
        if is_settings and during() and error is not None:
            raise error
        sync(handle)

    monkeypatch.setattr(os, "fsync", slow)


@pytest.mark.parametrize("name", CHANGES)
def test_a_mask_that_is_set_during_another_change_stays(
    house: House, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    change, look = CHANGES[name]
    during = During(house.mask)
    on_sync(monkeypatch, house, during)
    change(house)
    during.end()
    assert during.refused == []
    for now in (house.settings, read_settings(house.file)):
        assert is_masked(now) and look(now)


@pytest.mark.parametrize("name", ["put", "forget", "choose", "target"])
def test_a_change_during_that_of_a_mask_stays(house: House, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    change, look = CHANGES[name]
    during = During(lambda: change(house))
    on_sync(monkeypatch, house, during)
    house.mask()
    during.end()
    assert during.refused == []
    for now in (house.settings, read_settings(house.file)):
        assert is_masked(now) and look(now)


def test_a_change_during_a_reload_stays_in_force(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, during = program.SettingsWatch(house.file), During(house.mask)

    def read(path: Path) -> Settings:
        found = read_settings(path)
        during()
        return found

    monkeypatch.setattr(program, "read_settings", read)
    house.file.write_text(TEXT.replace("Cottage", "Castle"))
    watch.reload(house.changeable)
    during.end()
    assert during.refused == []
    assert is_masked(house.settings) and house.settings.web.name == "Castle"
    assert is_masked(read_settings(house.file))


@pytest.mark.parametrize("name", ["edit", "brighten"])
def test_a_change_that_is_undone_takes_no_other_with_it(
    house: House, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    change, look = CHANGES[name]
    during = During(house.mask)
    on_sync(monkeypatch, house, during, OSError(28, "No space left on device"))
    with pytest.raises(FolderUnwritable):
        change(house)
    during.end()
    assert during.refused == []
    for now in (house.settings, read_settings(house.file)):
        assert is_masked(now)
    assert not look(read_settings(house.file)) and house.settings.web.name == "Cottage"


def test_two_cameras_of_one_name_are_both_added(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    during = During(lambda: house.setup.add_phone("Gate", "b" * 16))
    on_sync(monkeypatch, house, during)
    house.setup.add_phone("Gate", "a" * 16)
    during.end()
    assert during.refused == []
    added = {one.name: one.source[-1] for one in house.settings.cameras.values() if one.source.startswith("phone:")}
    assert added == {"Gate": "a", "Gate 2": "b"}
    assert read_settings(house.file).cameras == house.settings.cameras


def test_an_address_is_written_onto_what_changed_while_it_was_tried(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = CameraConnectionService(house.changeable, house.plugins, house.clock)

    def tried(*_: object) -> dict[str, str]:
        house.mask()
        house.choose()
        return {"main": "H264 320x240"}

    monkeypatch.setattr(service, "_tried", tried)
    service.change(YARD, CameraAddressChange("rtsp://127.0.0.1:9/z", "", "me", "pw"), untried=False)
    for now in (house.settings, read_settings(house.file)):
        yard = now.cameras[YARD]
        assert is_masked(now) and (yard.source, yard.record) == ("rtsp://me:pw@127.0.0.1:9/z", "events")


def test_a_camera_whose_address_changed_while_it_was_tried_is_not_changed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = CameraConnectionService(house.changeable, house.plugins, house.clock)

    def tried(*_: object) -> dict[str, str]:
        house.connect()  # with another password
        return {"main": "H264 320x240"}

    monkeypatch.setattr(service, "_tried", tried)
    with pytest.raises(NotDone, match="changed meanwhile"):
        service.change(YARD, CameraAddressChange("rtsp://127.0.0.1:9/z", "", "me", None), untried=False)
    assert house.settings.cameras[YARD].source == "rtsp://me:pw@127.0.0.1:9/z"


def test_a_change_by_another_process_is_not_overwritten(tmp_path: Path) -> None:
    file, refused = tmp_path / "tawny.toml", list[str]()
    file.write_text('[web]\nname = "Cottage"\n')
    handle = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)  # the lock that a command holds while it writes

    def change() -> None:
        try:
            put_table(file, "standby", {"enabled": True})
        except NotDone as error:
            refused.append(error.message)

    thread = threading.Thread(target=change)
    thread.start()
    thread.join(WAITS_S)
    file.write_text('[web]\nname = "Castle"\n')
    os.close(handle)
    thread.join(10)
    assert refused == ["The settings file was changed meanwhile."]
    assert read_settings(file).web.name == "Castle"
