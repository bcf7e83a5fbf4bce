"""Plug-ins that are broken: settings that use them are refused, recording isn't, and no other part is affected."""

import logging
from collections.abc import Mapping
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tawny.delivery.notifier import Attachment, Message, NotifierContext, NotifierTraits
from tawny.engine import InlineEngine, plugins
from tawny.model.errors import SettingsError
from tawny.service.delivery.delivery_service import DeliveryService
from tawny.service.diagnosis.settings_view import in_force
from tawny.service.plugin_registry import SHOWS_NOTHING, PluginRegistry
from tawny.sources.file import FileSource
from tawny.testing.clock import FakeClock
from tests.api.fakes import FakeRecorder
from tests.app.rig import settings

CAMERA = '[cameras.porch]\nsource = "demo:front"\n'


def fails(_: Any) -> NoReturn:
    raise RuntimeError("hunter2")


class LostClaims(FileSource):
    scheme = "lost"

    def claims(self, address: str) -> bool:
        raise IndexError


class NoClaims:
    scheme = "none"


class Bell:
    schemes = ("bell",)

    def traits(self, url: str) -> NotifierTraits:
        return NotifierTraits("Text.")

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        return dict(table)

    def public(self, url: str) -> str:
        return url

    def open(self, context: NotifierContext) -> Any:
        raise ZeroDivisionError("hunter2")


class Mumbling(Bell):
    schemes = ("mumble",)

    def open(self, context: NotifierContext) -> Any:
        return Silent()


class Silent:
    def send(self, message: Message, attached: Attachment | None) -> NoReturn:
        raise RuntimeError("401 for https://chat.example/hooks/hunter2")

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> NoReturn:
        raise RuntimeError("hunter2")

    def close(self) -> NoReturn:
        raise RuntimeError("hunter2")


class TextForSchemes(Bell):
    schemes = "ntfy"  # type: ignore[assignment]


class FailingTraits(Bell):
    schemes = ("mute",)

    def traits(self, url: str) -> NotifierTraits:
        raise AttributeError


class FailingSettings(Bell):
    schemes = ("odd",)

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        raise TypeError("hunter2")

    def public(self, url: str) -> str:
        raise TypeError("hunter2")


class WrongTypes(Bell):
    schemes = ("wrong",)

    def traits(self, url: str) -> Any:
        return None

    def public(self, url: str) -> Any:
        return None


class PickySource(FileSource):
    scheme = "picky"

    def claims(self, address: str) -> bool:
        return address.startswith("picky:")

    def settings(self, table: Mapping[str, Any]) -> NoReturn:
        raise ValueError("x: no longer allowed")


class PickyBell(Bell):
    schemes = ("picky",)

    def settings(self, url: str, table: Mapping[str, Any]) -> NoReturn:
        raise ValueError("x: no longer allowed")


slow = fails


PARTS = {
    "tawny.sources": {"lost": "LostClaims", "none": "NoClaims", "picky": "PickySource"},
    "tawny.detectors": {"weak": "fails", "gone": "Gone"},
    "tawny.recognizers": {"faces": "fails"},
    "tawny.notifiers": {
        "alerts": "TextForSchemes",
        "bell": "Bell",
        "mute": "FailingTraits",
        "mumble": "Mumbling",
        "odd": "FailingSettings",
        "picky": "PickyBell",
        "wrong": "WrongTypes",
    },
}


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = plugins.installed_entry_points

    def found(group: str) -> EntryPoints:
        ours = [EntryPoint(name, f"{__name__}:{what}", group) for name, what in PARTS.get(group, {}).items()]
        return EntryPoints([*real(group), *ours])

    monkeypatch.setattr(plugins, "installed_entry_points", found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            f'{CAMERA}[cameras.porch.detection]\ndetector = "weak"',
            "cameras.porch.detection.weak: the plug-in weak failed: RuntimeError",
        ),
        (
            f'{CAMERA}[cameras.porch.detection]\ndetector = "gone"\n[cameras.porch.detection.gone]\nlevel = 3',
            "cameras.porch.detection.detector: the plug-in gone couldn't be loaded: AttributeError",
        ),
        (
            f'{CAMERA}[cameras.porch.detection]\nrecognize = ["faces"]\n[recognizers.faces]\nkinds = ["person"]',
            "recognizers.faces: the plug-in faces failed: RuntimeError",
        ),
        ('[notifiers.me]\nurl = "odd://x"', "notifiers.me: the plug-in odd failed: TypeError"),
        ('[notifiers.me]\nurl = "mute://x"', "notifiers.me: the plug-in mute failed: AttributeError"),
    ],
    ids=["constructor", "not importable", "recognizer", "settings", "traits"],
)
def test_a_broken_plug_in_is_refused_in_settings_and_keeps_no_camera_from_being_recorded(
    text: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):  # the first one loads it
        registry = PluginRegistry.opened()
        with pytest.raises(SettingsError) as refused:
            registry.check(settings(text), "tawny.toml")
        assert [str(one)[: len(problem)] for one in refused.value.problems] == [problem]
        registry.check_to_record(settings(text), "tawny.toml")
    assert "hunter2" not in "".join(one.getMessage() for one in caplog.records)


@pytest.mark.parametrize("name", ["odd", "mute"])
def test_a_start_names_what_it_records_without(name: str, caplog: pytest.LogCaptureFixture) -> None:
    registry = PluginRegistry.opened()
    registry.check_to_record(settings(f'[notifiers.me]\nurl = "{name}://x"'), "tawny.toml")
    assert f"notifiers.me: the plug-in {name} failed: " in caplog.text
    assert f"tawny records without notifiers.me: the plug-in {name} failed: " in registry.warnings[-1].message


GONE = [
    ('[cameras.yard]\nsource = "gone:1"\n[cameras.yard.gone]\nlevel = 3', "cameras.yard.source"),
    (
        f'{CAMERA}[cameras.porch.detection]\ndetector = "off"\n[cameras.porch.detection.lost]\nlevel = 3',
        "detection.lost",
    ),
    (f'{CAMERA}[cameras.porch.detection]\ndetector = "lost"\nlost = {{ level = 3 }}', "porch.detection.detector"),
    (f'{CAMERA}[cameras.porch.detection]\nrecognize = ["lost"]\n[recognizers.lost]\nlevel = 3', "recognizers.lost"),
    ('[destinations.nas]\nurl = "gone:x"', "destinations.nas.url"),
    ('[notifiers.me]\nurl = "gone:x"', "notifiers.me.url"),
    ('[search]\nmodel = "lost"\nlevel = 3', "search.model"),
    ('[object_detection]\ndevice = "lost"', "object_detection.device"),
]


@pytest.mark.parametrize(("text", "path"), GONE, ids=[path for _, path in GONE])
def test_a_removed_plug_in_keeps_no_camera_from_being_recorded(
    text: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.PARTS", {})
    registry = PluginRegistry.opened()
    with pytest.raises(SettingsError, match=path):
        registry.check(settings(text), "tawny.toml")
    registry.check_to_record(settings(text), "tawny.toml")
    assert any(path in one.message for one in registry.warnings)
    registry.check(settings(f'{text}\n[cameras.other]\nsource = "demo:back"'), "tawny.toml")


PICKY = {"tawny.sources": {"picky": "PickySource"}, "tawny.notifiers": {"picky": "PickyBell"}}


def test_what_was_corrected_is_no_warning_and_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the removal of a camera is undone."""
    monkeypatch.setattr(f"{__name__}.PARTS", PICKY)
    registry = PluginRegistry.opened()
    gone = settings('[cameras.yard]\nsource = "gone:1"')
    registry.check_to_record(gone, "tawny.toml")
    registry.run_with(registry.check(settings(CAMERA), "tawny.toml"))
    assert registry.warnings == []
    registry.run_with(registry.check(gone, "tawny.toml"))
    assert [one.message.partition(":")[0] for one in registry.warnings] == ["tawny records without cameras.yard.source"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[cameras.yard]\nsource = "gone:1"', "rtps://192.0.2.1/x"),
        ('[notifiers.me]\nurl = "gone:1"', "nfty://x"),
        ('[destinations.nas]\nurl = "gone:1"', "sftpp://x"),
        ('[notifiers.me]\nurl = "picky:x"\ntone = "gone:1"', "loud"),
        ('[cameras.yard]\nsource = "picky:1"\npicky = { x = "gone:1" }', "2"),
    ],
    ids=["source", "channel", "destination", "options of a channel", "options of a source"],
)
def test_another_wrong_value_in_place_of_a_tolerated_one_is_refused(
    before: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.PARTS", PICKY)
    registry = PluginRegistry.opened()
    registry.check_to_record(settings(before), "tawny.toml")
    registry.check(settings(before), "tawny.toml")
    with pytest.raises(SettingsError):
        registry.check(settings(before.replace("gone:1", after)), "tawny.toml")


@pytest.mark.parametrize(
    "text",
    [
        f'{CAMERA}[cameras.porch.detection]\ndetector = "slow"',
        f'{CAMERA}[cameras.porch.detection]\nrecognize = ["slow"]\n[recognizers.slow]\nkinds = ["person"]',
    ],
    ids=["detector", "recognizer"],
)
def test_no_start_waits_for_a_plug_in_that_is_made(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it loaded, as that may take long; and no change of other settings makes a second one."""
    made: list[object] = []
    monkeypatch.setattr(f"{__name__}.slow", made.append)
    monkeypatch.setattr(
        f"{__name__}.PARTS", {"tawny.detectors": {"slow": "slow"}, "tawny.recognizers": {"slow": "slow"}}
    )
    registry = PluginRegistry.opened()
    registry.check_to_record(settings(text), "tawny.toml")
    registry.check(settings(f'{text}\n[cameras.yard]\nsource = "demo:back"'), "tawny.toml")
    assert made == []
    PluginRegistry.opened().check(settings(text), "tawny.toml")
    assert len(made) == 1


def test_what_a_recorder_runs_with_keeps_no_other_change_from_being_made() -> None:
    registry = PluginRegistry.opened()
    text = f'{CAMERA}[cameras.porch.detection]\ndetector = "weak"\n'
    registry.check_to_record(settings(text), "tawny.toml")
    registry.check(settings(f'{text}[cameras.yard]\nsource = "demo:back"'), "tawny.toml")
    with pytest.raises(SettingsError, match=r"cameras\.yard\.detection\.weak"):
        registry.check(settings(text + text.replace("porch", "yard")), "tawny.toml")


@pytest.mark.parametrize("source", ["rtsp:/host/path", "/dev/vidoe0", "C:/clip.mp4"])
def test_a_mistake_in_the_settings_still_stops_a_start(source: str) -> None:
    text = f'{CAMERA}[cameras.porch.detection]\ndetector = "weak"\n[cameras.yard]\nsource = "{source}"'
    found = PluginRegistry.opened()
    registry = PluginRegistry({name: found.sources[name] for name in ("rtsp", "demo")}, found.detectors)
    with pytest.raises(SettingsError, match=r"cameras\.yard\.source"):
        registry.check_to_record(settings(text), "tawny.toml")


@pytest.mark.parametrize("source", ["rtps://192.0.2.1/x", "gone:100/2"])
@pytest.mark.parametrize("others", ["", CAMERA])
def test_an_unknown_address_stops_a_start_if_it_is_of_the_command_line(
    others: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a file it may be of a plug-in that was removed."""
    monkeypatch.setattr(f"{__name__}.PARTS", {})
    chosen, registry = settings(f'{others}[cameras.yard]\nsource = "{source}"'), PluginRegistry.opened()
    assert [one.camera for one in registry.check_to_record(chosen, "tawny.toml")] == ["yard"]
    with pytest.raises(SettingsError, match=r"cameras\.yard\.source"):
        registry.check_to_record(chosen, "the command line", chosen.cameras)


@pytest.mark.parametrize(
    ("table", "allowed"),
    [
        ("zones", "cameras.porch.detection.zones"),
        ("motion", "cameras.porch.detection.motion"),
        ("zone", "cameras.porch.detection.zones"),
        ("privacy_mask", "cameras.porch.privacy_masks"),
        ("rstp", "detection, event_api, lens, ptz, retention, demo, exec, file, "),
    ],
)
def test_an_unknown_table_of_a_camera_is_told_with_where_it_belongs(table: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as refused:
        PluginRegistry.opened().check(settings(f"{CAMERA}[cameras.porch.{table}]\nyard = 1"), "tawny.toml")
    (answer,) = refused.value.problems
    assert str(answer).startswith(f"cameras.porch.{table}: found an unknown table; allowed: {allowed}")


def test_a_plug_in_with_a_taken_name_hides_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "tawny.notifiers", {"ntfy": "Bell"})
    registry = PluginRegistry.opened()
    with pytest.raises(SettingsError, match="an address of unknown type"):
        registry.check(settings('[notifiers.me]\nurl = "nfty://x"'), "tawny.toml")
    assert ([one.name for one in registry.left_out], registry.broken) == (["ntfy"], [])


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("ModuleNotFoundError: No module named 'boto3'", "boto3 is not installed"),
        ("OSError: no space", "the plug-in s3 couldn't be loaded: OSError: no space"),
    ],
)
def test_an_archive_whose_plug_in_is_broken_says_why(error: str, why: str) -> None:
    text = '[[storage.tiers]]\nurl = "s3://key:secret@bucket?region=eu"\nafter = "1 d"\n'
    found = PluginRegistry.opened()
    registry = PluginRegistry(found.sources, found.detectors, Broken(error))
    with pytest.raises(SettingsError) as refused:
        registry.check_to_record(settings(text), "tawny.toml")
    assert why in str(refused.value)


class Broken(dict[str, Any]):
    """Plug-ins that couldn't be loaded."""

    def __init__(self, error: str) -> None:
        super().__init__()
        self._error = error

    def __missing__(self, name: str) -> NoReturn:
        raise plugins.PluginMissing(name, self._error)


def test_a_plug_in_whose_address_is_no_text_is_told_by_its_scheme() -> None:
    registry = PluginRegistry.opened()
    assert registry.notifier_of("wrong://x") is not None
    assert registry.public_notifier("wrong://secret") == "wrong:…"
    assert registry.traits_of("wrong://x").shows == SHOWS_NOTHING


def test_a_source_that_cannot_tell_its_addresses_is_left_out_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    registry = PluginRegistry.opened()
    caplog.clear()
    with caplog.at_level(logging.ERROR):
        assert [registry.source_of("zzz:1") for _ in range(2)] == [None, None]
    assert [one.message for one in caplog.records if "lost" in one.message] == ["the plug-in lost failed: IndexError"]
    assert "none" in {one.name for one in registry.broken}
    assert registry.source_of("demo:front") is not None


def test_a_text_for_schemes_takes_no_built_in_ones() -> None:
    registry = PluginRegistry.opened()
    assert type(registry.notifier_of("ntfy://ntfy.sh/x")).__module__.startswith("tawny.")
    assert registry.notifier_of("t:x") is None
    assert "alerts" in {one.name for one in registry.broken}


def test_a_camera_whose_source_could_not_be_loaded_keeps_no_other_from_being_recorded() -> None:
    registry = PluginRegistry.opened()
    text = f'{CAMERA}[cameras.yard]\nsource = "none:1"'
    with pytest.raises(SettingsError, match=r"none \(TypeError: it has no method `settings`\)"):
        registry.check(settings(text), "tawny.toml")
    registry.check_to_record(settings(text), "tawny.toml")


def test_notifiers_of_broken_plug_ins_start_and_their_tests_say_why(tmp_path: Path) -> None:
    text = "".join(f'[notifiers.{name}]\nurl = "{name}://x"\n' for name in ("bell", "mumble", "mute", "odd", "zzz"))
    chosen, clock = settings(text), FakeClock()
    registry = PluginRegistry.opened()
    outward = DeliveryService(
        chosen, ":memory:", FakeRecorder(tmp_path, clock), registry, clock, InlineEngine(clock, lambda *_: None)
    )
    outward.start()
    try:
        wrong = {name: outward.test(name)[0].wrong for name in chosen.notifiers}
        assert len(outward.overview()) == 5
    finally:
        outward.stop()
        outward.close()
    assert wrong == {
        "bell": "bell didn't accept it: the plug-in bell failed: ZeroDivisionError.",
        "mumble": "mumble didn't accept it: the plug-in mumble failed: RuntimeError.",
        "mute": "mute didn't accept it: the plug-in mute failed: ZeroDivisionError.",
        "odd": "odd didn't accept it: the plug-in odd failed: TypeError.",
        "zzz": "zzz didn't accept it: its plug-in couldn't be loaded.",
    }
    assert in_force(chosen, registry)["notifiers"]["odd"]["url"] == "odd:…"


@pytest.mark.parametrize("where", ["sources", "notifiers"])
def test_settings_that_an_updated_plug_in_refuses_keep_no_camera_from_being_recorded(where: str) -> None:
    text = {
        "sources": '[cameras.yard]\nsource = "picky:1"\npicky = { x = 1 }',
        "notifiers": '[notifiers.me]\nurl = "picky:x"',
    }
    registry = PluginRegistry.opened()
    with pytest.raises(SettingsError, match="x: no longer allowed"):
        registry.check(settings(text[where]), "tawny.toml")
    registry.check_to_record(settings(text[where]), "tawny.toml")
    assert in_force(settings(text[where]), registry)


def test_a_search_model_that_breaks_when_it_is_used_refuses_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't loaded at a start."""
    monkeypatch.setattr(f"{__name__}.PARTS", {"tawny.embedders": {"look": "isn_t_there"}})
    chosen, registry = settings(f'{CAMERA}[search]\nmodel = "look"'), PluginRegistry.opened()
    assert registry.check_to_record(chosen, "tawny.toml") == []
    with pytest.raises(KeyError):
        registry.embedders["look"]
    assert [one.path for one in registry.check(chosen, "tawny.toml")] == ["search.model"]
