"""A detector that crashes, hangs or keeps the processor busy: recording goes on untouched, as if nobody watched."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tawny.app.running import RecorderRuntime
from tawny.config.loader import parse_settings
from tawny.model.messages import Message, PartDied
from tawny.model.observations import Frame, Look
from tawny.model.segments import GapReason
from tawny.model.times import SystemClock
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
    running.bus.subscribe(heard.append)
    running.begin()
    running.begin_housekeeping()
    try:
        until(lambda: kind.looks, 15, f"{kind.name} looks")
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
