"""Destinations and notifiers that people add, change and remove: in the file, at once, and losing nothing."""

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.delivery.delivery import Delivery, DeliveryKind, DeliveryState
from tawny.engine import ThreadEngine
from tawny.model.errors import NotDone, SettingsError
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.messages import EventChanged
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.delivery.delivery_service import DeliveryPolicy, DeliveryService
from tawny.service.delivery.target_settings import DESTINATIONS, NOTIFIERS, TargetNameTaken, TargetSettingsService
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.api.fakes import FakeRecorder
from tests.playback.archives import PORCH

TEXT = """\
# mine
[cameras.porch]
source = "demo:porch"   # the porch
"""
SECRET = "pLantedS3cret"
FTP = f"ftps://me:{SECRET}@nas.lan/tawny"


class House(FakeRecorder):
    def event_picture(self, event: Event) -> bytes | None:
        return b"\xff\xd8 its picture"


class Bench:
    """What leaves a recorder whose settings are in a file, or in none."""

    def __init__(self, root: Path, *, in_file: bool = True) -> None:
        self.file, self.clock = root / "tawny.toml", FakeClock()
        self.recorder = House(root, self.clock)
        self.file.write_text(TEXT)
        self.settings, plugins = read_settings(self.file), PluginRegistry.opened()
        self.outward = DeliveryService(
            self.settings,
            ":memory:",
            self.recorder,
            plugins,
            self.clock,
            ThreadEngine(self.clock, lambda part, error: None),
            DeliveryPolicy(save_write_only=self.save_write_only),
        )
        config = self.file if in_file else None
        changeable = ChangeableSettings(lambda: self.settings, self.apply, config)
        self.placing = TargetSettingsService(changeable, self.outward, plugins)
        self.outward.start()

    def save_write_only(self, name: str) -> None:
        self.placing.put("destinations", name, {"write_only": True})

    def apply(self, new: Settings, _: str) -> None:
        self.settings = new
        self.outward.apply(new)

    def write(self, text: str) -> None:
        self.file.write_text(text)
        self.apply(read_settings(self.file), "")

    def happens(self, name: str) -> None:
        now_ms = self.clock.now_ms()
        event = replace(Event(EventId(name), PORCH, "person", now_ms, None, 50.0), picture_ms=now_ms)
        self.recorder.index.put_event(event)
        self.recorder.bus.publish(EventChanged("started", event))

    @property
    def secrets(self) -> Path:
        return self.file.with_name("secrets.toml")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.outward.close()


def test_what_is_added_stands_in_the_file_and_its_secret_beside_it(bench: Bench) -> None:
    bench.placing.put("destinations", "nas", {"url": FTP, "retention": "90 days", "kinds": ["person"]})
    text = bench.file.read_text()
    assert text.startswith(TEXT)
    assert SECRET not in text
    assert 'url = "${URL_NAS}"' in text
    assert stat.S_IMODE(bench.secrets.stat().st_mode) == 0o600
    again = read_settings(bench.file, {})
    assert again.destinations == bench.settings.destinations
    assert (again.destinations["nas"].url, again.destinations["nas"].retention) == (FTP, 90 * 86_400)


def test_a_new_one_does_not_replace_another(bench: Bench) -> None:
    bench.placing.put("destinations", "nas", {"url": FTP}, is_new=True)
    for change in (bench.placing.put, bench.placing.try_out):
        for group in ("destinations", "files", "notifiers"):  # they share their names
            with pytest.raises(TargetNameTaken):
                change(group, "nas", {"url": "folder:/mnt/nas"}, is_new=True)
    assert bench.settings.destinations["nas"].url == FTP


def test_what_is_told_of_it_has_no_secret(bench: Bench) -> None:
    bench.placing.put("destinations", "nas", {"url": FTP, "retention": "90 days"})
    result = bench.placing.view("nas")
    assert (result.group, dict(result.values)) == ("destinations", {"retention": "90 days"})


def test_a_change_touches_what_it_names_alone(bench: Bench) -> None:
    bench.placing.put("destinations", "nas", {"url": FTP, "retention": "90 days", "limit": "500 kB"})
    bench.placing.put("destinations", "nas", {"retention": None, "batch": 3})
    nas = bench.settings.destinations["nas"]
    assert (nas.url, nas.retention, nas.limit, nas.batch) == (FTP, None, 500_000, 3)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"url": f"gopher://{SECRET}@x"}, "unknown type"),
        ({"url": FTP, "retention": "often"}, "often"),
        ({"url": FTP, "colour": "red"}, "unknown key"),
        ({"url": FTP, "cameras": ["yard"]}, "yard"),
        ({}, "nothing"),
    ],
)
def test_what_cannot_be_changes_nothing(bench: Bench, values: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        bench.placing.put("destinations", "nas", values)
    assert says in str(refused.value)
    assert SECRET not in str(refused.value)
    assert (bench.file.read_text(), bench.secrets.exists(), bench.settings.destinations) == (TEXT, False, {})


def test_a_name_is_one_of_both(bench: Bench, tmp_path: Path) -> None:
    bench.placing.put("destinations", "nas", {"url": f"folder:{tmp_path}"})
    with pytest.raises(SettingsError):
        bench.placing.put("notifiers", "nas", {"url": "ntfy://ntfy.lan/x"})


def test_what_is_removed_is_gone_with_its_secret_and_what_waited(bench: Bench) -> None:
    bench.placing.put("destinations", "nas", {"url": FTP})
    bench.outward.pause("nas", paused=True)
    bench.happens("e")
    until(lambda: bench.outward.outbox.waiting("nas").count, 60, "a picture that waits")
    bench.placing.remove("nas")
    assert SECRET not in bench.file.read_text() + bench.secrets.read_text()
    assert bench.outward.outbox.waiting().count == 0
    with pytest.raises(NotDone):
        bench.placing.remove("nas")


CHANNELS = """
[notifiers]
phone = { url = "ntfy://ntfy.lan/phone" }
mail = { url = "ntfy://ntfy.lan/mail" }

[modes.away]
outside = { channels = ["phone"], notify = [] }
cameras.porch = { channels = ["phone", "mail"] }   # both
"""


@pytest.mark.parametrize("in_file", [True, False], ids=["file", "no file"])
def test_modes_no_longer_name_a_removed_channel(tmp_path: Path, *, in_file: bool) -> None:
    bench = Bench(tmp_path, in_file=in_file)
    bench.write(TEXT + CHANNELS)
    for name in ("phone", "mail"):
        bench.placing.put("notifiers", name, {"url": f"ntfy://ntfy.lan/{name}"})
    bench.placing.remove("phone")
    away = bench.settings.modes.tables["away"]
    assert (away.cameras["porch"].channels, away.outside.channels) == (("mail",), None)
    assert '["phone"' not in bench.file.read_text() or not in_file
    bench.outward.close()


def test_the_only_channel_of_a_mode_is_not_removed_while_there_are_others(bench: Bench) -> None:
    only = CHANNELS.replace('"phone", "mail"', '"phone"')
    bench.write(TEXT + only)
    with pytest.raises(SettingsError, match="notify only by it in away"):
        bench.placing.remove("phone")
    assert (bench.file.read_text(), "phone" in bench.settings.notifiers) == (TEXT + only, True)
    bench.placing.remove("mail")
    bench.placing.remove("phone")
    assert bench.settings.modes.tables["away"].cameras["porch"].channels is None, "a new channel notifies"


def test_the_only_channel_of_a_camera_without_detection_is_removed(bench: Bench) -> None:
    bench.write(TEXT + CHANNELS.replace('"phone", "mail"', '"phone"') + '[cameras.porch.detection]\ndetector = "off"\n')
    bench.placing.remove("phone")
    assert bench.settings.modes.tables["away"].cameras["porch"].channels is None


@pytest.mark.parametrize("group", ["destinations", "files"])
def test_what_is_removed_while_paused_and_added_again_is_not_paused(
    bench: Bench, tmp_path: Path, group: Literal["destinations", "files"]
) -> None:
    values = {"url": f"folder:{tmp_path}"} if group == "destinations" else {"folder": str(tmp_path / "out")}
    bench.placing.put(group, "nas", values)
    bench.outward.pause("nas", paused=True)
    bench.placing.remove("nas")
    bench.placing.put(group, "nas", values)
    assert [one.is_paused for one in bench.outward.all_targets()] == [False]
    assert not bench.outward.outbox.marks("paused/")


def test_files_that_wait_for_a_removed_folder_are_dropped(bench: Bench, tmp_path: Path) -> None:
    bench.placing.put("files", "share", {"folder": str(tmp_path / "share")})
    bench.outward.pause("share", paused=True)
    (to,), now_ms = bench.outward.files.targets, bench.clock.now_ms()
    about = {"set": "share", "from_ms": now_ms, "to_ms": now_ms + 1000}
    bench.outward.outbox.add([Delivery(to, "a.mp4", DeliveryKind.FILE, about, now_ms, now_ms, PORCH)])
    bench.placing.remove("share")
    assert bench.outward.outbox.waiting().count == 0


def test_without_a_file_it_holds_until_the_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, in_file=False)
    bench.placing.put("destinations", "nas", {"url": FTP})
    bench.placing.put("notifiers", "phone", {"url": f"ntfy://:{SECRET}@ntfy.lan/x", "quiet_hours": "22:00-06:00"})
    bench.placing.put("destinations", "nas", {"batch": 2})
    assert bench.settings.destinations["nas"].url == FTP
    assert bench.placing.view("phone").values == {"quiet_hours": "22:00-06:00"}
    assert (bench.file.read_text(), bench.secrets.exists(), bench.placing.is_kept) == (TEXT, False, False)
    bench.outward.close()


def test_a_change_is_taken_up_at_once_and_loses_nothing(bench: Bench, tmp_path: Path) -> None:
    """Pictures wait for a disk that is not there; then the destination is put right, and a second one is added."""
    for name in ("right", "second"):
        (tmp_path / name).mkdir()
    bench.placing.put("destinations", "nas", {"url": f"folder:{tmp_path}/wrong"})
    bench.happens("20261120T050000000-00000001")
    until(lambda: "the folder doesn't exist" in bench.outward.outbox.trouble("nas"), 60, "that the folder is missing")
    bench.clock.advance(1)
    bench.happens("20261120T050001000-00000002")
    bench.placing.put("destinations", "nas", {"url": f"folder:{tmp_path}/right"})
    until(lambda: len(list((tmp_path / "right").rglob("*.jpg"))) == 2, 60, "both pictures")
    bench.placing.put("destinations", "second", {"url": f"folder:{tmp_path}/second"})
    bench.happens("20261120T050101000-00000003")
    until(lambda: len(list((tmp_path / "second").rglob("*.jpg"))) == 1, 60, "the picture at the second")
    assert {one.state for one in bench.outward.outbox.ended("nas")} == {DeliveryState.DONE}


def test_it_is_tried_out_before_it_is_kept(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    good = bench.placing.try_out("destinations", "nas", {"url": f"folder:{tmp_path}/there"})
    assert [step.wrong for step in good] == ["", "", "", ""]
    (bad,) = bench.placing.try_out("destinations", "nas", {"url": f"folder:{tmp_path}/nowhere"})
    assert "the folder doesn't exist" in bad.wrong
    assert (bench.file.read_text(), bench.settings.destinations) == (TEXT, {})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Apprise's own, of services that nobody asked for
def test_each_kind_that_is_offered_makes_an_address_that_is_understood(bench: Bench) -> None:
    plugins, filled = PluginRegistry.opened(), {
        "path": "/mnt/nas", "address": "https://h/x", "host": "h", "user": "u", "password": "p", "folder": "f",
        "bucket": "b", "key": "k", "secret": "s", "region": "r", "endpoint": "https%3A%2F%2Fe", "remote": "drive",
        "topic": "t", "token": "1:a", "chat": "42", "contact": "me@example.org", "hook": "1/x",
        "app": "a", "room": "!r:s", "service": "mobile_app_phone",
    }  # fmt: skip
    offered = {one.scheme for one in bench.placing.kinds()}
    for kind in (*DESTINATIONS, *NOTIFIERS):
        values = filled | {"hook": "T0/B0/X"} if kind.scheme == "slack" else dict(filled)
        if kind.scheme == "apprise":
            values["address"] = "json://h/x"
        if kind.scheme == "tawny":
            values["address"] = "tawny://:secret@h/f"
        url = kind.address.replace("[", "").replace("]", "").format(**values)
        table = {field.key: "to@example.org" for field in kind.fields if field.key in ("to", "sender")}
        part = plugins.destination_of(url) if kind.group == "destinations" else plugins.notifier_of(url)
        assert part is not None, url
        part.settings(url, table)
        assert kind.scheme in offered
    assert all(one.shows for one in bench.placing.kinds() if one.group == "notifiers")


def test_home_assistant_is_offered_as_it_is_once_installed(bench: Bench) -> None:
    addresses = [one.address for one in bench.placing.kinds() if one.title.startswith("Home Assistant")]
    assert [one.partition("://")[0] for one in addresses] == ["homeassistant", "homeassistant+http"]


@pytest.mark.parametrize(("language", "written"), [("de", 'language = "de"'), ("en", "")])
def test_the_channel_of_browsers_has_a_language(bench: Bench, language: str, written: str) -> None:
    name = bench.placing.add_browser_channel("", language)
    assert bench.settings.notifiers[name].language == language
    table = bench.file.read_text().partition(f"[notifiers.{name}]")[2]
    assert ("language" in table) == bool(written) and written in table
