"""Which model names what moves, while the program runs; and that recording does not depend on it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest

from tawny.config.modes import RuleSettings
from tawny.config.recognition import ObjectModelSettings
from tawny.detection.onnx import open_session
from tawny.events.rule_engine import NAMELESS, Calendar, RuleContext, RuleDecision, RuleEngine
from tawny.model.errors import SettingsError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.observations import Frame, Look, Observation
from tawny.service.detection.classifier_runtime import CHECKED_EVERY_S, ClassifierRuntime
from tawny.service.detection.event_marks import ClassifiedCameras
from tawny.service.detection.model_store import ModelStore
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.app.rig import EVER, rig, settings
from tests.detection.models import models


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.settings = settings(
            '[cameras.door]\nsource = "demo:front"\n[cameras.hall]\nsource = '
            '"demo:front"\ndetection.notify_types = []\n'
        )
        self.store = ModelStore(folder, self.clock)
        self.naming = ClassifierRuntime(self.store, lambda: self.settings, self.clock)

    def step(self) -> None:
        self.clock.advance(CHECKED_EVERY_S)
        self.naming.step()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return models.bright(tmp_path / "m.onnx")


def test_without_a_model_nothing_is_asked_and_nothing_is_wrong(bench: Bench) -> None:
    bench.step()
    assert (bench.naming.queue.is_open, bench.naming.trouble) == (False, "")


def test_a_model_that_is_added_is_used_soon_and_one_that_goes_is_not(bench: Bench, file: Path) -> None:
    bench.store.add(str(file), name="one")
    bench.step()
    assert bench.naming.provider == "CPUExecutionProvider"
    bench.store.remove("one")
    bench.step()
    assert not bench.naming.queue.is_open
    assert bench.naming.card is None
    assert bench.naming.trouble == ""


def test_the_settings_choose(bench: Bench, file: Path) -> None:
    bench.store.add(str(file), name="one")
    bench.settings = bench.settings.model_copy(update={"object_detection": ObjectModelSettings(model="off")})
    bench.step()
    assert (bench.naming.queue.is_open, bench.naming.trouble) == (False, "")
    bench.settings = bench.settings.model_copy(update={"object_detection": ObjectModelSettings(model="two")})
    bench.step()
    assert "No model named two" in bench.naming.trouble
    bench.settings = bench.settings.model_copy(
        update={"object_detection": ObjectModelSettings(model="one", device="cuda")}
    )
    bench.step()
    assert (bench.naming.provider, bench.naming.queue.is_open) == ("CPUExecutionProvider", True)
    assert "doesn't support CUDAExecutionProvider" in bench.naming.trouble
    assert "pip install onnxruntime-gpu" in bench.naming.trouble
    bench.settings = bench.settings.model_copy(
        update={"object_detection": ObjectModelSettings(model="one", device="cpu")}
    )
    bench.step()
    assert (bench.naming.provider, bench.naming.trouble) == ("CPUExecutionProvider", "")


def test_an_accelerator_that_somebody_installed_opens_models(bench: Bench, file: Path) -> None:
    class Chip:
        """Counts, and has the processor do it."""

        ran = 0

        def __init__(self, model: Path) -> None:
            self._session = open_session(model)

        def get_inputs(self) -> Any:
            return self._session.get_inputs()

        def get_providers(self) -> list[str]:
            return ["chip"]

        def run(self, names: Any, feeds: Any) -> Any:
            Chip.ran += 1
            return self._session.run(names, feeds)

    def broken(model: Path) -> Any:
        raise RuntimeError("no chip found")

    bench.store.add(str(file), name="one")
    bench.naming = ClassifierRuntime(bench.store, lambda: bench.settings, bench.clock, {"chip": Chip, "broken": broken})
    bench.settings = bench.settings.model_copy(update={"object_detection": ObjectModelSettings(device="chip")})
    bench.step()
    assert (bench.naming.provider, bench.naming.trouble) == ("chip", "")
    assert Chip.ran > 0
    bench.settings = bench.settings.model_copy(update={"object_detection": ObjectModelSettings(device="broken")})
    bench.step()
    assert "no chip found" in bench.naming.trouble
    bench.settings = bench.settings.model_copy(update={"object_detection": ObjectModelSettings(device="gone")})
    bench.step()
    assert "Accelerator gone isn't available" in bench.naming.trouble
    assert not bench.naming.queue.is_open


def test_settings_with_an_accelerator_that_is_not_there_are_refused() -> None:
    chosen = settings('[object_detection]\ndevice = "abacus"\n[cameras.door]\nsource = "demo:front"\n')
    with pytest.raises(SettingsError) as refused:
        PluginRegistry.opened().check(chosen, "tawny.toml")
    assert [(one.path, one.allowed) for one in refused.value.problems] == [
        ("object_detection.device", "cuda, openvino, coreml, tensorrt, cpu")
    ]


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:500])


def _swap(file: Path) -> None:
    """Another model, just as good: not the one that was added."""
    models.bright(file, classes=3)


@pytest.mark.parametrize(
    ("damage", "says"),
    [(_empty, "its file has changed"), (_truncate, "its file has changed"), (_swap, "its file has changed"),
     (Path.unlink, "is missing")],
)  # fmt: skip
def test_a_model_that_broke_is_told_of(bench: Bench, file: Path, damage: Callable[[Path], None], says: str) -> None:
    bench.store.add(str(file), name="one")
    damage(bench.store.file("one"))
    bench.step()
    assert not bench.naming.queue.is_open
    assert "Can't use the model one" in bench.naming.trouble
    assert says in bench.naming.trouble
    bench.store.add(str(file), name="one")
    bench.step()
    assert (bench.naming.queue.is_open, bench.naming.trouble) == (True, "")


def test_a_model_that_is_repaired_is_used_again(bench: Bench, file: Path) -> None:
    bench.store.add(str(file), name="one")
    whole = bench.store.file("one").read_bytes()
    _truncate(bench.store.file("one"))
    bench.step()
    assert "its file has changed" in bench.naming.trouble
    bench.store.file("one").write_bytes(whole)
    bench.step()
    assert (bench.naming.queue.is_open, bench.naming.trouble) == (True, "")


def test_motion_that_a_model_did_not_name_is_told_only_where_a_rule_says_so(bench: Bench, file: Path) -> None:
    bench.step()
    classified = ClassifiedCameras(lambda: bench.settings, bench.naming.queue)
    assert not classified.has(CameraId("door"))
    bench.store.add(str(file), name="one")
    bench.step()
    assert [classified.has(CameraId(name)) for name in ("door", "hall", "none")] == [True, False, False]
    calendar = Calendar(ZoneInfo("UTC"))

    def told(*rules: RuleSettings, kind: str) -> RuleDecision:
        now = RuleContext(0, CameraId("door"), kind, "home", names=True)
        return RuleEngine(rules, calendar, ["phone"], []).decide(now)[0]

    assert told(kind="person").does
    assert (told(kind="motion").does, told(kind="motion").why) == (False, NAMELESS)
    asked = RuleSettings.model_validate({"when": {"kind": "motion"}, "do": ["notify phone"]})
    assert told(asked, kind="motion").does


class Crossing:
    """A detector that sees something cross the picture, over and over."""

    name: ClassVar[str] = "motion"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._n = 0

    def look(self, frame: Frame) -> Look:
        self._n += 1
        x = 0.1 + 0.01 * (self._n % 60)
        return Look(70, (Observation("motion", 0.8, (x, 0.3, x + 0.1, 0.6), self._n // 60),))


def test_a_running_recorder_names_what_it_sees(tmp_path: Path) -> None:
    """The model sees a person in the middle of all that it is shown."""
    dets = np.array([[[22, 16, 42, 48, 0.9]]], np.float32)
    file = models.saying(tmp_path / "m.onnx", {"dets": dets, "labels": np.zeros((1, 1), np.int64)})
    ModelStore(tmp_path / "data", FakeClock()).add(str(file))
    plugins = replace(PluginRegistry.opened(), detectors={"motion": Crossing})
    with rig(settings('[cameras.door]\nsource = "demo:front"\n'), tmp_path / "data", plugins) as made:

        def named() -> list[Event]:
            return [one.event for one in made.heard if isinstance(one, EventChanged) and one.event.kind == "person"]

        until(named, 60, "a person")
        assert [thing.label for thing in named()[0].objects] == ["person"]
        assert made.running.naming.queue.looks > 1


def test_events_of_the_last_days_are_classified_again_once_a_model_is_there(tmp_path: Path, file: Path) -> None:
    """By a whole recorder: the snapshot is white, and to this model that is a person."""
    chosen = settings('[cameras.door]\nsource = "demo:front"\ndetection.detector = "off"\n')
    white = np.full((64, 64, 3), 255, np.uint8)
    with rig(chosen, tmp_path / "data") as made:
        now_ms, marks = made.clock.now_ms(), made.running.parts.storage.marks
        before = Event(
            EventId("a"), CameraId("door"), "motion", now_ms - 90_000, now_ms - 80_000, 60.0, (0, 0, 0.5, 0.5)
        )
        for event in (before, replace(before, id=EventId("b"), said="vehicle")):
            event = replace(event, picture_ms=event.start_ms)
            made.running.parts.storage.sealing.event_files.write_picture(
                event, cv2.imencode(".jpg", white)[1].tobytes()
            )
            marks.put_event(event)
        made.running.naming.store.add(str(file), name="one")
        made.running.naming.look_now()

        def is_over() -> bool:
            again = made.running.naming.again
            return again is not None and again.info is not None and again.info.is_over

        until(is_over, 60, "all events are classified")
        kinds = {one.id: (one.kind, one.shown_kind) for one in made.running.index.events(EVER).events}
        assert (kinds[EventId("a")], kinds[EventId("b")]) == (("person", "person"), ("motion", "vehicle"))
        assert [one.event.id for one in made.heard if isinstance(one, EventChanged) and one.event.kind == "person"] == [
            "a"
        ]
