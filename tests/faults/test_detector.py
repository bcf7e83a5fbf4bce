"""A detector that crashes, hangs or keeps the processor busy: recording goes on untouched, as if nobody watched."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.detection import watcher
from tawny.model.messages import Alarm, Message, PartDied, ProblemKind
from tawny.model.observations import Frame, Look
from tawny.model.segments import GapReason
from tawny.model.states import FAULT_WORDS, DetectionFault
from tawny.model.times import SystemClock
from tawny.service.detection import camera_detection
from tawny.service.health import alarms
from tawny.service.health.camera_health import HealthReader
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.index.opening import index_to_read
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.waiting import until
from tests.app.rig import EVER, looked_at
from tests.faults.child import CAMERA, Film
from tests.faults.figures import note

RECORD_S = 3.0
CLOCK = SystemClock()


class Crashes:
    name: ClassVar[str] = "crashes"
    looks = 0

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """It has none."""

    def look(self, frame: Frame) -> Look:
        Crashes.looks += 1
        raise ZeroDivisionError("what a detector should not do")


class Hangs:
    name: ClassVar[str] = "hangs"
    looks = 0
    enough = threading.Event()

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """It has none."""

    def look(self, frame: Frame) -> Look:
        Hangs.looks += 1
        Hangs.enough.wait(30)
        return Look(score=0)


class Spins:
    name: ClassVar[str] = "spins"
    looks = 0

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """It has none."""

    def look(self, frame: Frame) -> Look:
        Spins.looks += 1
        until_s = CLOCK.mono_s() + 1.5
        while CLOCK.mono_s() < until_s:
            pass
        return Look(score=0)


@pytest.mark.parametrize("kind", [Crashes, Hangs, Spins], ids=lambda kind: kind.name)
def test_recording_goes_on(tmp_path: Path, kind: type[Crashes] | type[Hangs] | type[Spins]) -> None:
    text = f'[cameras.{CAMERA}]\nsource = "film:"\ndetection.detector = "{kind.name}"\n'
    chosen, problems = parse_settings(text, {})
    assert chosen is not None, problems
    film = Film(list(made_clip(ClipSpec(seconds=20.0)).packets), 20.0)
    running = RecorderRuntime.open(chosen, tmp_path, CLOCK, PluginRegistry({"film": film}, {kind.name: kind}))
    heard: list[Message] = []
    running.bus.subscribe_all(heard.append)
    running.begin()
    running.begin_housekeeping()
    try:
        until(lambda: kind.looks, 60, f"{kind.name} looks")
        begun_ms = CLOCK.now_ms()

        def is_durable() -> bool:
            return any(one.end_ms >= begun_ms + RECORD_S * 1000 for one in running.open_segments(CAMERA))

        until(is_durable, RECORD_S + 3, "recorded while the detector misbehaves")
    finally:
        Hangs.enough.set()
        running.close("person")
    assert looked_at(tmp_path).ok
    with index_to_read(tmp_path) as index:
        gaps = [gap for gap in index.gaps(CAMERA, EVER) if gap.reason is not GapReason.RECORDER_OFF]
        assert gaps == []
        assert len(index.spans(CAMERA, None, EVER)) == 1
    if kind is Crashes:
        assert any(isinstance(one, PartDied) and one.part.startswith("watch") for one in heard)
    note(f"detector-{kind.name}", lost_s=0.0, limit_s=0.0)


class Recovers:
    """Misbehaves in one way until `is_well`."""

    name: ClassVar[str] = "recovers"
    way = ""
    is_well = threading.Event()

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """It has none."""

    def look(self, frame: Frame) -> Look:
        if not Recovers.is_well.is_set():
            if Recovers.way == "crashes":
                raise ZeroDivisionError("what a detector should not do")
            Recovers.is_well.wait(30)
        return Look(score=0)


@pytest.mark.parametrize(("way", "fault"), [("crashes", DetectionFault.CRASHED), ("hangs", DetectionFault.STARVED)])
def test_a_detector_that_does_not_work_is_a_problem_with_a_reason_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, fault: DetectionFault
) -> None:
    """The same in less time: a minute is two seconds here."""
    for module, name, value in (
        (watcher, "FAULT_S", 1.5), (camera_detection, "FAULT_S", 1.5), (watcher, "RECENT_S", 8.0),
        (alarms, "LASTS_S", 0.5), (alarms, "OVER_S", 0.5), (alarms, "LOOK_S", 0.2),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    Recovers.way = way
    Recovers.is_well.clear()
    text = f'[cameras.{CAMERA}]\nsource = "film:"\ndetection.detector = "recovers"\n'
    chosen, problems = parse_settings(text, {})
    assert chosen is not None, problems
    film = Film(list(made_clip(ClipSpec(seconds=40.0)).packets), 40.0)
    running = RecorderRuntime.open(chosen, tmp_path, CLOCK, PluginRegistry({"film": film}, {"recovers": Recovers}))
    heard: list[Alarm] = []
    running.bus.subscribe_all(lambda message: heard.append(message) if isinstance(message, Alarm) else None)
    running.begin()
    running.begin_housekeeping()
    try:
        until(lambda: heard, 60, "the problem is told")
        (answer,) = heard
        assert (answer.what, answer.camera, answer.until_ms) == (ProblemKind.DETECTION, CAMERA, None)
        what, do = FAULT_WORDS[fault]
        assert answer.detail.startswith(what) and answer.do == do
        assert ("ZeroDivisionError" in answer.detail) == (way == "crashes")
        health = HealthReader(running).now()
        assert not health.ok
        assert what in health.cameras[0].status.detail
        assert any(what in warning.message for warning in health.warnings)
        shown = running.tuning.watching(CAMERA)
        assert shown is not None and what in shown.trouble
        Recovers.is_well.set()
        until(lambda: len(heard) == 2, 25, "its end is told")
        assert heard[1].until_ms is not None
        assert HealthReader(running).now().ok
    finally:
        Recovers.is_well.set()
        running.close("person")
