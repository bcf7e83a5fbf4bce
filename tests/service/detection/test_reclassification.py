"""After a model was added, the snapshots of the last days are classified again: once, never over what a user said."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tawny.detection.models.object_model import DetectedObject
from tawny.model.events import Event, SeenObject
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.service.detection.classifier_runtime import CHECKED_EVERY_S, ClassifierRuntime, ModelService
from tawny.service.detection.event_marks import EventMarks
from tawny.service.detection.model_store import ModelStore
from tawny.service.detection.reclassification import (
    CONTRADICTS,
    FILE,
    EventArchive,
    EventReclassifier,
    ReclassificationInfo,
)
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock
from tests.app.rig import settings
from tests.detection.models import models

BOX = (0.4, 0.2, 0.5, 0.8)
DAY_MS = 86_400_000
JPEG = cv2.imencode(".jpg", np.full((90, 160, 3), 90, np.uint8))[1].tobytes()


@dataclass
class Ledger:
    """Writes straight to the index."""

    index: MemoryIndex

    def put_event(self, event: Event) -> bool:
        self.index.put_event(event)
        return True

    def event(self, event_id: EventId) -> Event | None:
        return self.index.event(event_id)


class Bench:
    def __init__(self, folder: Path, clock: FakeClock | None = None, index: MemoryIndex | None = None) -> None:
        self.folder, self.clock, self.index = folder, clock or FakeClock(), index or MemoryIndex()
        ledger: Any = Ledger(self.index)
        self.marks = EventMarks(ledger)
        self.told: list[Event] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.shown = 0
        self.seen: Sequence[DetectedObject] = (DetectedObject("cat", 0.9, BOX),)
        self.pictures: dict[EventId, bytes] = {}
        archive = EventArchive(self.index, self.marks, lambda event: self.pictures.get(event.id), self._hear)
        self.again = EventReclassifier(folder, archive, self.clock)

    def put(self, name: str, days_ago: float = 1.0, **about: Any) -> Event:
        start_ms = self.clock.now_ms() - round(days_ago * DAY_MS)
        made = Event(
            EventId(name), CameraId("porch"), "motion", start_ms, start_ms + 5000, 60.0, BOX, picture_ms=start_ms
        )
        made = replace(made, **about)
        self.index.put_event(made)
        self.pictures[made.id] = JPEG
        return made

    def run(self, model: str = "nano", steps: int = 1000) -> ReclassificationInfo:
        self.again.use(model, f"sha of {model}")
        for _ in range(steps):
            if self.again.step(self._look) == float("inf"):
                break
            self.clock.advance(1.0)
        info = self.again.info
        assert info is not None
        return info

    def kind(self, name: str) -> str:
        found = self.index.event(EventId(name))
        assert found is not None
        return found.kind

    def _look(self, _rgb: Any) -> Sequence[DetectedObject]:
        self.shown += 1
        self.meanwhile()
        return self.seen

    def _hear(self, message: Any) -> None:
        assert isinstance(message, EventChanged)
        self.told.append(message.event)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_root_gives_the_progress_to_the_user_that_runs_tawny(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda of, *_, **__: given.append(os.fstat(of).st_ino))
    bench.again.use("nano", "its sha")
    assert given == [(tmp_path / FILE).stat().st_ino]


def test_motion_gets_the_name_of_what_its_snapshot_shows(bench: Bench) -> None:
    bench.put("a")
    assert bench.run() == ReclassificationInfo("nano", 1, 1, 1, 0, is_over=True)
    (answer,) = bench.told
    assert (answer.kind, answer.objects, answer.level) == ("animal", (SeenObject("cat", 0.9),), "detection")
    assert bench.index.event(EventId("a")) == answer


@pytest.mark.parametrize(
    "about",
    [
        {"said": "person"}, {"said": "nothing"}, {"false_alarm": "shadow"}, {"kind": "sound"}, {"kind": "tamper"},
        {"end_ms": None}, {"picture_ms": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_a_user_said_and_what_is_no_motion_stays(bench: Bench, about: dict[str, Any]) -> None:
    before = bench.put("a", **about)
    info = bench.run()
    assert (info.changed, info.skipped, bench.shown) == (0, 1, 0)
    assert bench.index.event(before.id) == before


def test_what_a_user_says_while_the_model_looks_stays(bench: Bench) -> None:
    event = bench.put("a")
    bench.meanwhile = lambda: bench.marks.mark(event.id, kept=None, reviewed=True, said="vehicle")
    assert bench.run().changed == 0
    assert (bench.kind("a"), bench.told) == ("motion", [])


@pytest.mark.parametrize(
    ("label", "score", "box", "kind"),
    [
        ("car", 0.9, (0.0, 0.1, 1.0, 1.0), "motion"),
        ("chair", 0.9, BOX, "motion"),
        ("person", 0.5, BOX, "person"),
    ],
    ids=["a parked car behind", "furniture", "somebody"],
)
def test_only_what_moved_is_named(bench: Bench, label: str, score: float, box: Any, kind: str) -> None:
    bench.put("a")
    bench.seen = (DetectedObject(label, score, box),)
    bench.run()
    assert bench.kind("a") == kind


@pytest.mark.parametrize(("score", "kind"), [(CONTRADICTS - 0.1, "vehicle"), (CONTRADICTS, "animal")])
def test_another_name_needs_a_clear_snapshot(bench: Bench, score: float, kind: str) -> None:
    bench.put("a", kind="vehicle", objects=(SeenObject("vehicle", 0.8), SeenObject("loitering", 1.0)))
    bench.seen = (DetectedObject("cat", score, BOX),)
    bench.run()
    found = bench.index.event(EventId("a"))
    assert found is not None
    assert found.kind == kind
    assert "loitering" in [one.label for one in found.objects]


def test_older_events_than_a_week_stay(bench: Bench) -> None:
    bench.put("old", 8.0)
    bench.put("new", 6.9)
    assert (bench.run().total, bench.kind("old"), bench.kind("new")) == (1, "motion", "animal")


@pytest.mark.parametrize("data", [JPEG[:20], b""], ids=["cut", "empty"])
def test_an_encrypted_or_damaged_snapshot_is_passed_over(bench: Bench, data: bytes) -> None:
    bench.put("sealed")
    bench.put("broken")
    bench.pictures = {EventId("broken"): data}
    assert bench.run() == ReclassificationInfo("nano", 2, 2, 0, 2, is_over=True)


def test_after_a_restart_it_goes_on_where_it_was(bench: Bench) -> None:
    for n in range(100):
        bench.put(f"e{n:03d}", 1 + n / 1000)
    assert bench.run(steps=60).done == 60
    bench.again.close()
    later = Bench(bench.folder, bench.clock, bench.index)
    later.pictures = bench.pictures
    info = later.run()
    assert (info.done, info.total, info.changed, info.is_over) == (100, 100, 100, True)
    assert later.shown == 40


def test_after_a_power_cut_at_most_a_few_are_classified_twice(bench: Bench) -> None:
    for n in range(50):
        bench.put(f"e{n:03d}", 1 + n / 1000)
    bench.run(steps=35)
    later = Bench(bench.folder, bench.clock, bench.index)
    later.pictures = bench.pictures
    assert later.run().is_over
    assert 15 <= later.shown <= 35
    assert {later.kind(f"e{n:03d}") for n in range(50)} == {"animal"}


def test_the_same_model_is_asked_once_and_another_again(bench: Bench) -> None:
    bench.put("a")
    bench.run()
    assert (bench.run().is_over, bench.shown) == (True, 1)
    bench.seen = (DetectedObject("person", 0.9, BOX),)
    bench.run("large")
    assert (bench.shown, bench.kind("a")) == (2, "person")


def test_damaged_progress_begins_anew(bench: Bench) -> None:
    bench.put("a")
    (bench.folder / FILE).write_text('{"model": 3')
    assert bench.again.info is None
    assert bench.run().done == 1


def test_it_rests_between_events(bench: Bench) -> None:
    bench.put("a")
    bench.put("b")
    bench.again.use("nano", "sha")

    def slow(_rgb: Any) -> Sequence[DetectedObject]:
        bench.clock.advance(0.1)
        return ()

    assert bench.again.step(slow) == pytest.approx(0.9)
    assert bench.again.step(slow) == pytest.approx(0.8)
    info = bench.again.info
    assert info is not None
    assert info.done == 1


def test_no_progress_is_told_after_the_model_was_removed(bench: Bench, tmp_path: Path) -> None:
    bench.put("a")
    store = ModelStore(tmp_path / "data", bench.clock)
    store.add(str(models.bright(tmp_path / "nano.onnx")))
    runtime = ClassifierRuntime(store, lambda: settings(""), bench.clock, again=bench.again)
    service = ModelService(runtime)
    runtime.step()
    assert service.again is not None
    service.remove("nano")
    bench.clock.advance(CHECKED_EVERY_S)
    runtime.step()
    assert service.again is None
