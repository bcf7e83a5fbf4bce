"""Which small model names what moves, while the program runs; and that recording does not depend on it."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tawny.config.recognition import ObjectModelSettings
from tawny.config.settings import Settings
from tawny.model.events import Event
from tawny.model.messages import EventChanged
from tawny.service.detection.classifier_runtime import FallbackRuntime
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.app.crossing import Crossing
from tests.app.rig import rig, settings
from tests.detection import kind_models


class Bench:
    def __init__(self, kinds: str) -> None:
        self.use(kinds)
        self.suggesting = FallbackRuntime(lambda: self.settings, FakeClock())
        self.suggesting.choose()

    def use(self, kinds: str) -> None:
        self.settings: Settings = settings("").model_copy(update={"object_detection": ObjectModelSettings(kinds=kinds)})


def test_off_suggests_nothing_and_nothing_is_wrong() -> None:
    bench = Bench("off")
    assert (bench.suggesting.guesser.model, bench.suggesting.trouble) == (None, "")


def test_a_model_of_ones_own_is_used_and_changed_while_it_runs(tmp_path: Path) -> None:
    file = kind_models.bright_is("person", tmp_path / "mine.onnx")
    bench = Bench(str(file))
    assert bench.suggesting.guesser.model is not None
    assert bench.suggesting.card is not None and bench.suggesting.card.name == "bright"
    bench.use("off")
    bench.suggesting.choose()
    assert bench.suggesting.guesser.model is None


@pytest.mark.parametrize("spoilt", ["absent", "truncated", "another"])
def test_a_model_that_is_spoilt_is_told_of_and_not_used(tmp_path: Path, spoilt: str) -> None:
    file = kind_models.bright_is("person", tmp_path / "mine.onnx")
    content = file.read_bytes()
    match spoilt:
        case "absent":
            file.unlink()
        case "truncated":
            file.write_bytes(content[:100])
        case "another":
            file.write_bytes(content[:-1] + b"?")
    bench = Bench(str(file))
    assert bench.suggesting.guesser.model is None
    assert bench.suggesting.trouble.startswith("The built-in classification isn't available: ")
    assert f"model {file}" in bench.suggesting.trouble
    assert "python -m training.train" in bench.suggesting.trouble


def test_the_built_in_model_needs_no_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    bench = Bench("own")
    assert bench.suggesting.guesser.model is not None
    assert bench.suggesting.trouble == ""


def watched(made: Any) -> list[Event]:
    return [one.event for one in made.heard if isinstance(one, EventChanged)]


def camera(model: Path) -> Settings:
    return settings(f'[object_detection]\nkinds = "{model}"\n[cameras.door]\nsource = "demo:front"\n')


def test_a_running_recorder_calls_what_it_sees_by_its_name(tmp_path: Path) -> None:
    file = kind_models.bright_is("person", tmp_path / "mine.onnx", middle=-1000)
    plugins = replace(PluginRegistry.opened(), detectors={"motion": Crossing})
    with rig(camera(file), tmp_path / "data", plugins) as made:
        until(lambda: [event for event in watched(made) if event.objects], 60, "a name")
        event = next(event for event in watched(made) if event.objects)
        assert (event.kind, [one.label for one in event.objects]) == ("person", ["person"])
        assert made.running.warnings() == []


def test_with_a_spoilt_model_it_records_and_sees_and_says_what_is_wrong(tmp_path: Path) -> None:
    file = kind_models.bright_is("person", tmp_path / "mine.onnx")
    file.write_bytes(file.read_bytes()[:200])
    plugins = replace(PluginRegistry.opened(), detectors={"motion": Crossing})
    with rig(camera(file), tmp_path / "data", plugins) as made:
        until(lambda: watched(made), 60, "an event")
        until(made.running.warnings, 60, "a warning")
        assert "is incomplete: 200 of" in made.running.warnings()[0].message
        assert {event.kind for event in watched(made)} == {"motion"}
        assert made.running.cameras()[0].status.state == "recording"
