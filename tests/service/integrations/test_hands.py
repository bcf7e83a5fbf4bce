"""What is turned and switched for a while stops by itself: by ONVIF, and by scripts."""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tawny.delivery.scripts import ScriptRunner
from tawny.engine import InlineEngine, ThreadEngine
from tawny.model.errors import NotDone, SourceError, SourceRefused, SourceUnreachable, StorageError
from tawny.model.ids import CameraId
from tawny.model.times import SystemClock
from tawny.service.integrations import device_control
from tawny.service.integrations.device_control import HOME, TRIES, DeviceControl
from tawny.service.integrations.integration_service import CommandMeans, IntegrationService
from tawny.sources.onvif import TIMEOUT_S, OnvifCamera
from tawny.testing.clock import FakeClock
from tests.app.rig import settings
from tests.attacks.hostile_onvif import HostileCamera, hostile
from tests.service.integrations.test_inputs import Kept
from tests.sources.onvif.fake_camera import FakeCamera, served

DOOR = CameraId("door")


class Bench:
    def __init__(self, root: Path, camera: FakeCamera) -> None:
        self.camera, self.clock, self.said = camera, FakeClock(), root / "said"
        folder = root / "scripts"
        folder.mkdir(mode=0o755)
        (folder / "gate.sh").write_text(f"#!/bin/sh\ncat >> {self.said}\n")
        (folder / "gate.sh").chmod(0o755)
        (folder / "bad.sh").write_text("#!/bin/sh\necho broken\nexit 1\n")
        (folder / "bad.sh").chmod(0o755)
        text = (
            f'[cameras.door]\nsource = "demo:"\nonvif = "{camera.url}"\n[cameras.yard]\nsource = "demo:"\n'
            f'[scripts]\nfolder = "{folder}"\n[relays.gate]\nscript = "gate.sh"\n[relays.bad]\nscript = "bad.sh"\n'
            '[relays.light]\ncamera = "door"\n'
        )
        self.settings = settings(text)
        self.scripts, self.kept = ScriptRunner(folder, 20, SystemClock()), Kept()
        self.again()

    def again(self) -> None:
        """Begin, or begin once more after a crash."""
        self.hands = DeviceControl(lambda: self.settings, self.scripts, self.clock, kept=self.kept)
        self.engine = InlineEngine(self.clock, lambda _, error: pytest.fail(str(error)))
        self.hands.handle.start(self.engine, "hands", lambda: self.hands)

    def switched(self) -> list[bool]:
        return [json.loads(line)["on"] for line in self.said.read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    camera = FakeCamera()
    with served(camera):
        # a clock of its own far from ours, as the bench's is: the login goes by it
        yield Bench(tmp_path, camera)


def test_a_camera_stops_even_if_it_does_not_keep_to_the_time_it_was_given(bench: Bench) -> None:
    bench.hands.move(DOOR, 1, 0, 0, 2)
    bench.engine.run_for(1.5)
    assert bench.camera.done() == ["ContinuousMove"]
    bench.engine.run_for(1)
    assert bench.camera.done() == ["ContinuousMove", "Stop"]


def test_a_newer_order_takes_the_place_of_the_older_ones_end(bench: Bench) -> None:
    bench.hands.move(DOOR, 1, 0, 0, 2)
    bench.hands.stop(DOOR)
    bench.engine.run_for(10)
    assert bench.camera.done() == ["ContinuousMove", "Stop"]


def test_a_relay_is_switched_back(bench: Bench) -> None:
    bench.hands.switch("light", on=True, lasts_s=2)
    bench.hands.switch("gate", on=True, lasts_s=None)
    bench.engine.run_for(5)
    states = [values["LogicalState"] for name, values in bench.camera.told if name == "SetRelayOutputState"]
    assert states == ["active", "inactive"]
    assert bench.said.read_text() == '{"type": "relay", "relay": "gate", "on": true}\n'


def test_each_success_of_a_relay_is_told(bench: Bench) -> None:
    result = list[tuple[str, bool]]()
    bench.hands.subscribe(lambda relay, on: result.append((relay, on)))
    with pytest.raises(NotDone):
        bench.hands.switch("bad", on=True, lasts_s=None)
    bench.hands.switch("gate", on=True, lasts_s=2)
    bench.engine.run_for(5)
    assert result == [("gate", True), ("gate", False)]


def test_what_is_on_for_a_while_is_off_when_the_recorder_ends(bench: Bench) -> None:
    bench.hands.switch("gate", on=True, lasts_s=600)
    bench.hands.close()
    assert '"on": false' in bench.said.read_text().splitlines()[-1]


def test_a_script_still_switches_off_when_tawny_stops(bench: Bench) -> None:
    """Scripts were refused before what is on for a while was ended."""
    clock = SystemClock()
    means = CommandMeans(Mock(), Mock(), Kept(), Mock(), switched=bench.kept)
    engine = ThreadEngine(clock, lambda name, error: pytest.fail(f"{name}: {error}"))
    programs = IntegrationService(lambda: bench.settings, Mock(), means, clock, engine)
    programs.start()
    programs.device_control.switch("gate", on=True, lasts_s=600)
    programs.end_commands()
    programs.close()
    assert (bench.switched(), bench.kept.there) == ([True, False], {})
    with pytest.raises(NotDone, match="stopping"):
        programs.scripts.run("gate.sh", {})


def test_a_stop_waits_for_an_end_that_has_begun(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its script would be killed."""
    monkeypatch.setattr(device_control, "STEP_S", 0.0)
    going = threading.Event()
    bench.hands.do_later("relay gate", 1, lambda: going.wait(30))
    bench.engine.run_for(2)
    assert bench.hands.due["relay gate"].at_s == math.inf
    threading.Timer(0.2, going.set).start()
    bench.hands.close()
    assert bench.hands.due == {}


def test_what_a_crash_left_on_is_switched_off_at_the_next_start(bench: Bench) -> None:
    bench.hands.switch("gate", on=True, lasts_s=30)
    bench.clock.advance(60)
    bench.again()
    bench.engine.run_for(1)
    assert bench.switched() == [True, False]
    bench.again()
    bench.engine.run_for(60)
    assert (bench.switched(), bench.kept.there) == ([True, False], {})


@pytest.mark.parametrize("jump_s", [0, -86_400])
def test_what_a_crash_left_on_stays_on_for_the_rest_of_its_time(bench: Bench, jump_s: float) -> None:
    bench.hands.switch("gate", on=True, lasts_s=30)
    bench.clock.advance(10)
    bench.clock.jump_utc(jump_s)  # a start with a clock that is behind does not lengthen it
    bench.again()
    bench.engine.run_for(19)
    assert bench.switched() == [True]
    bench.engine.run_for(12)
    assert bench.switched() == [True, False]


def test_what_was_switched_otherwise_before_a_crash_stays_so(bench: Bench) -> None:
    bench.hands.switch("gate", on=True, lasts_s=5)
    bench.engine.run_for(6)
    bench.hands.switch("gate", on=True, lasts_s=30)
    bench.hands.switch("gate", on=True, lasts_s=None)
    bench.again()
    bench.hands.switch("gate", on=True, lasts_s=None)
    bench.engine.run_for(60)
    assert bench.switched() == [True, False, True, True, True]
    bench.hands.switch("gate", on=True, lasts_s=600)
    bench.hands.close()
    assert (bench.switched()[-1], bench.kept.there) == (False, {})


def test_a_relay_of_a_camera_that_starts_late_is_switched_off_after_a_crash(bench: Bench) -> None:
    bench.hands.switch("light", on=True, lasts_s=2)
    bench.camera.reply = b"?"
    bench.again()
    bench.engine.run_for(60)
    bench.camera.reply = None
    bench.engine.run_for(3)
    states = [values["LogicalState"] for name, values in bench.camera.told if name == "SetRelayOutputState"]
    assert (states[0], states[-1], bench.kept.there) == ("active", "inactive", {})


def test_a_relay_that_was_removed_from_the_settings_is_forgotten(bench: Bench) -> None:
    bench.hands.switch("gate", on=True, lasts_s=2)
    bench.settings = bench.settings.model_copy(update={"relays": {}})
    bench.again()
    bench.engine.run_for(5)
    assert (bench.switched(), bench.kept.there) == ([True], {})


def test_a_script_that_fails_after_a_crash_is_given_up_soon(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.kept.mark("relay bad", json.dumps({"on": False, "until_ms": 0, "lasts_s": 1}))
    bench.again()
    bench.engine.run_for(60)
    assert (bench.hands.due, bench.kept.there) == ({}, {})
    assert sum("cannot end relay bad" in line for line in caplog.messages) == TRIES


@pytest.mark.parametrize("lasts_s", [30, None])
def test_an_order_takes_precedence_over_what_is_read_late(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, lasts_s: float | None
) -> None:
    def fail(*_: str) -> None:
        raise StorageError("disk", "busy")

    bench.hands.switch("gate", on=True, lasts_s=5)
    with monkeypatch.context() as busy:
        busy.setattr(bench.kept, "marks", fail)
        busy.setattr(bench.kept, "mark", fail)
        bench.again()
        bench.hands.switch("gate", on=True, lasts_s=lasts_s)
    bench.engine.run_for(20)
    assert bench.switched() == [True, True]
    bench.engine.run_for(20)
    assert bench.switched() == [True, True] + [False] * (lasts_s is not None)


@pytest.mark.parametrize(
    "kept", ["", "{", "[]", "1", "{}", '{"on": false}', '{"on": false, "until_ms": "x", "lasts_s": 1}']
)
def test_what_can_not_be_read_delays_no_other_end(bench: Bench, caplog: pytest.LogCaptureFixture, kept: str) -> None:
    bench.kept.there["relay bad"] = kept
    bench.hands.switch("gate", on=True, lasts_s=1)
    bench.again()
    bench.engine.run_for(5)
    assert bench.switched() == [True, False]
    assert any("relay bad" in line for line in caplog.messages)


def test_a_disk_that_takes_nothing_keeps_no_relay_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: str) -> None:
        raise StorageError("disk", "full")

    monkeypatch.setattr(bench.kept, "mark", fail)
    bench.hands.switch("gate", on=True, lasts_s=2)
    bench.engine.run_for(3)
    assert bench.switched() == [True, False]


def test_an_end_that_fails_is_tried_again(bench: Bench) -> None:
    bench.hands.move(DOOR, 1, 0, 0, 1)
    bench.camera.reply = b"?"
    bench.engine.run_for(1.5)
    bench.camera.reply = None
    bench.engine.run_for(3)
    assert bench.camera.done() == ["ContinuousMove", "Stop"]


def test_what_tracking_began_is_stopped_even_if_the_camera_does_not_answer(bench: Bench) -> None:
    bench.camera.reply = b"?"
    with pytest.raises(SourceError):
        bench.hands.drive(DOOR, (0.5, 0, 0), 0.5)
    bench.camera.reply = None
    bench.engine.run_for(1.5)
    assert bench.camera.done()[-1:] == ["Stop"]
    bench.hands.drive(DOOR, (0.5, 0, 0), 60)
    bench.camera.reply = b"?"
    with pytest.raises(SourceError):
        bench.hands.halt(DOOR)
    bench.camera.reply = None
    bench.engine.run_for(4)
    assert bench.camera.done()[-2:] == ["ContinuousMove", "Stop"]


def _lose_answers(monkeypatch: pytest.MonkeyPatch, order: str) -> Callable[[], None]:
    """Let the camera obey an order while its answers are lost. Return what ends that."""
    obey = getattr(OnvifCamera, order)

    def obeying(*words: Any, **more: Any) -> None:
        obey(*words, **more)
        raise SourceUnreachable("door", "no response in time")

    monkeypatch.setattr(OnvifCamera, order, obeying)
    return lambda: monkeypatch.setattr(OnvifCamera, order, obey)


def _states(bench: Bench) -> list[str]:
    return [values["LogicalState"] for name, values in bench.camera.told if name == "SetRelayOutputState"]


def test_a_movement_whose_answer_is_lost_is_stopped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    find_answers = _lose_answers(monkeypatch, "move")
    with pytest.raises(SourceUnreachable):
        bench.hands.move(DOOR, 1, 0, 0, 2)
    find_answers()
    bench.engine.run_for(3)
    assert bench.camera.done() == ["ContinuousMove", "Stop"]


def test_a_stop_that_is_lost_is_repeated(bench: Bench) -> None:
    bench.hands.move(DOOR, 1, 0, 0, 60)
    bench.camera.reply = b"?"
    with pytest.raises(SourceError):
        bench.hands.stop(DOOR)
    bench.camera.reply = None
    bench.engine.run_for(4)
    assert bench.camera.done() == ["ContinuousMove", "Stop"]


def test_a_relay_whose_answer_is_lost_is_switched_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    find_answers = _lose_answers(monkeypatch, "switch")
    with pytest.raises(SourceUnreachable):
        bench.hands.switch("light", on=True, lasts_s=2)
    find_answers()
    bench.engine.run_for(3)
    assert _states(bench) == ["active", "inactive"]


def test_an_order_that_the_camera_refuses_is_followed_by_no_other(bench: Bench) -> None:
    bench.camera.password = "another"
    with pytest.raises(SourceRefused):
        bench.hands.move(DOOR, 1, 0, 0, 1)
    with pytest.raises(SourceRefused):
        bench.hands.switch("light", on=True, lasts_s=1)
    with pytest.raises(SourceRefused):
        bench.hands.stop(DOOR)
    assert bench.hands.due == {}


def test_an_end_that_the_camera_refuses_is_not_repeated(bench: Bench) -> None:
    bench.hands.move(DOOR, 1, 0, 0, 1)
    bench.camera.password = "another"
    bench.engine.run_for(2)
    assert bench.hands.due == {}


def test_a_relay_is_switched_back_although_an_order_is_lost_at_its_end(bench: Bench) -> None:
    """Its end is just being tried when a person switches it off, too."""
    bench.hands.switch("light", on=True, lasts_s=5)
    bench.hands.due["relay light"].at_s = math.inf
    bench.camera.reply = b"?"
    with pytest.raises(SourceError):
        bench.hands.switch("light", on=False, lasts_s=None)
    bench.camera.reply = None
    bench.engine.run_for(3)
    assert _states(bench) == ["active", "inactive"]


@pytest.mark.parametrize("goes", ["to a preset", "home", "by itself"])
def test_a_camera_stops_although_it_can_not_go_elsewhere(bench: Bench, goes: str) -> None:
    key = f"{'track' if goes == 'by itself' else 'ptz'} {DOOR}"
    bench.hands.do_later(key, 2, OnvifCamera(bench.camera.url, bench.clock).stop)
    bench.camera.reply = b"?"
    with pytest.raises(SourceError):
        {
            "to a preset": lambda: bench.hands.go_to(DOOR, "gate"),
            "home": lambda: bench.hands.go_home(DOOR),
            "by itself": lambda: bench.hands.by_itself(DOOR, HOME),
        }[goes]()
    bench.camera.reply = None
    bench.engine.run_for(3)
    assert bench.camera.done() == ["Stop"]


@pytest.mark.parametrize("on", [False, True])
def test_a_relay_is_switched_back_although__a_later_order_is_lost(bench: Bench, *, on: bool) -> None:
    bench.hands.switch("light", on=True, lasts_s=5)
    bench.engine.run_for(1)
    bench.camera.reply = b"?"
    with pytest.raises(SourceError):
        bench.hands.switch("light", on=on, lasts_s=None)
    bench.camera.reply = None
    bench.engine.run_for(3.5)
    assert _states(bench) == ["active"]
    bench.engine.run_for(1)
    assert _states(bench) == ["active", "inactive"]


@pytest.mark.parametrize(("relay", "words"), [("bad", "exited with code 1"), ("none", "No relay named none")])
def test_what_fails_is_said(bench: Bench, relay: str, words: str) -> None:
    with pytest.raises(NotDone, match=words):
        bench.hands.switch(relay, on=True, lasts_s=2)


def test_a_camera_without_onvif_is_said(bench: Bench) -> None:
    with pytest.raises(NotDone, match="has no pan, tilt or relays"):
        bench.hands.move(CameraId("yard"), 1, 0, 0, 1)


def test_what_can_be_done_beside_a_camera(bench: Bench) -> None:
    found = bench.hands.controls(DOOR)
    assert (found.turns, found.presets) == (True, ("Gate", "Door"))
    assert [(one.name, one.camera, one.pulse_s) for one in found.relays] == [
        ("gate", "", None),
        ("bad", "", None),
        ("light", "door", None),
    ]


def test_a_camera_without_motors_is_not_turned(bench: Bench) -> None:
    bench.camera.turns = False
    assert not bench.hands.controls(DOOR).turns
    elsewhere = bench.hands.controls(CameraId("yard"))
    assert (elsewhere.turns, [one.name for one in elsewhere.relays]) == (False, ["gate", "bad"])


def test_one_that_does_not_answer_now_is_believed_to_turn(bench: Bench) -> None:
    bench.camera.reply = b"busy"
    assert (bench.hands.controls(DOOR).turns, bench.hands.controls(DOOR).presets) == (True, ())


def test_a_camera_that_does_not_answer_delays_no_other_end(bench: Bench, tmp_path: Path) -> None:
    """The end of each waited for the one before: a gate stayed open as long as a camera was silent."""
    with hostile(HostileCamera(is_silent=True)) as silent:
        bench.hands.do_later("ptz silent", 1, OnvifCamera(silent.url, SystemClock()).stop)
        bench.hands.switch("gate", on=True, lasts_s=1)
        begun_s = time.monotonic()
        bench.engine.run_for(2)
        assert time.monotonic() - begun_s < TIMEOUT_S
        assert '"on": false' in bench.said.read_text().splitlines()[-1]
        assert "ptz silent" in bench.hands.due
