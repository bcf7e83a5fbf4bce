"""PTZ cameras that move by themselves: patrols, and the way back after someone has moved them."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tawny.delivery.scripts import ScriptRunner
from tawny.engine import InlineEngine
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.model.messages import CameraTurned, Message
from tawny.model.times import SystemClock
from tawny.service.integrations.device_control import DeviceControl
from tawny.service.integrations.external_events import ExternalEvents
from tawny.service.integrations.patrols import FAILED_S, PatrolKeeper
from tawny.sources.onvif import OnvifCamera
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until
from tests.app.rig import settings
from tests.sources.onvif.fake_camera import FakeCamera, served

DOOR = CameraId("door")


class Patrolling:
    def __init__(self, root: Path, camera: FakeCamera, ptz: str) -> None:
        self.camera, self.clock, self.turned = camera, FakeClock(), list[Message]()
        made = settings(f'[cameras.door]\nsource = "demo:"\nonvif = "{camera.url}"\n[cameras.door.ptz]\n{ptz}\n')
        self.hands = DeviceControl(lambda: made, ScriptRunner(root, 20, SystemClock()), self.clock)
        events: Any = None
        result = ExternalEvents(events, events, lambda *_: None, self.turned.append, self.clock)
        self.keeper = keeper = PatrolKeeper(lambda: made, self.hands, result, self.clock)
        self.engine = InlineEngine(self.clock, lambda _, error: pytest.fail(str(error)))
        self.engine.start(keeper.name, lambda: keeper)

    def gone(self) -> list[str]:
        """Where it was sent: tokens of presets, and `home`."""
        names = {"GotoPreset": "PresetToken", "GotoHomePosition": ""}
        return [values.get(names[name], "home") for name, values in list(self.camera.told) if name in names]

    def is_going(self) -> bool:
        return any(one.name.startswith("patrol ") for one in threading.enumerate())


@pytest.fixture
def camera() -> Iterator[FakeCamera]:
    with served(FakeCamera()) as made:
        yield made


def passed(patrol: Patrolling, seconds: int) -> None:
    """One second after the other; what a second begins has ended before the next."""
    for _ in range(seconds):
        patrol.engine.run_for(1)
        until(lambda: not patrol.is_going(), 60, "the end of its way")


def test_a_patrol_visits_its_presets_in_turn(tmp_path: Path, camera: FakeCamera) -> None:
    patrol = Patrolling(tmp_path, camera, 'patrol = ["Gate", "Door"]\ndwell = "20 s"')
    passed(patrol, 2)
    assert patrol.gone() == ["1"]
    passed(patrol, 17)  # its way may end before the second in which it began, or after
    assert patrol.gone() == ["1"]
    passed(patrol, 45)
    assert patrol.gone() == ["1", "2", "1", "2"]
    assert all(isinstance(one, CameraTurned) and one.is_patrol for one in patrol.turned)


def test_a_patrol_waits_while_someone_steers(tmp_path: Path, camera: FakeCamera) -> None:
    patrol = Patrolling(tmp_path, camera, 'patrol = ["Gate", "Door"]\ndwell = "10 s"\nreturn_after = "60 s"')
    passed(patrol, 2)
    patrol.hands.move(DOOR, 1, 0, 0, 0.5)
    passed(patrol, 55)
    assert patrol.gone() == ["1"]
    passed(patrol, 8)
    assert patrol.gone() == ["1", "2"]


@pytest.mark.parametrize(("place", "expected"), [("Door", "2"), ("home", "home")])
def test_it_returns_once_after_it_was_moved(tmp_path: Path, camera: FakeCamera, place: str, expected: str) -> None:
    patrol = Patrolling(tmp_path, camera, f'return_to = "{place}"\nreturn_after = "30 s"')
    passed(patrol, 25)
    assert patrol.gone() == []
    patrol.hands.go_to(DOOR, "Gate")
    passed(patrol, 25)
    assert patrol.gone() == ["1"]
    passed(patrol, 60)
    assert patrol.gone() == ["1", expected]


def test_it_returns_although_tawny_was_restarted_meanwhile(tmp_path: Path, camera: FakeCamera) -> None:
    settings = 'return_to = "Door"\nreturn_after = "30 s"'
    Patrolling(tmp_path, camera, settings).hands.go_to(DOOR, "Gate")
    patrol = Patrolling(tmp_path, camera, settings)
    passed(patrol, 25)
    assert patrol.gone() == ["1"]
    passed(patrol, 60)
    assert patrol.gone() == ["1", "2"]


class Slow:
    """Cameras that answer late. gone: presets. meanwhile: what happens once, before they answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gone: list[str] = []
        self.meanwhile: Callable[[], None] | None = None
        monkeypatch.setattr(OnvifCamera, "go_to", lambda _, preset: self.go_to(preset))

    def go_to(self, preset: str) -> None:
        self.gone.append(preset)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(monkeypatch)


def test_it_does_not_return_before_a_slow_camera_has_answered(tmp_path: Path, camera: FakeCamera, slow: Slow) -> None:
    patrol = Patrolling(tmp_path, camera, 'return_to = "Door"\nreturn_after = "10 s"\ndwell = "5 s"')
    passed(patrol, 15)
    assert slow.gone == ["Door"]
    slow.meanwhile = lambda: passed(patrol, 15)
    patrol.hands.go_to(DOOR, "Gate")
    passed(patrol, 5)
    assert slow.gone == ["Door", "Gate"]
    passed(patrol, 10)
    assert slow.gone == ["Door", "Gate", "Door"]


def test_who_moves_it_on_its_way_back_is_not_forgotten(tmp_path: Path, camera: FakeCamera, slow: Slow) -> None:
    """Its arrival made it forget that a person had moved it meanwhile: it stayed there for good."""
    patrol = Patrolling(tmp_path, camera, 'return_to = "Door"\nreturn_after = "10 s"\ndwell = "5 s"')

    def steer() -> None:
        patrol.hands.move(DOOR, 1, 0, 0, 0.5)
        patrol.engine.run_for(2)

    slow.meanwhile = steer
    passed(patrol, 12)
    assert slow.gone == ["Door"]
    passed(patrol, 12)
    assert slow.gone == ["Door", "Door"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_patrol_goes_on_after_an_error_that_nobody_expected(
    tmp_path: Path, camera: FakeCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    patrol = Patrolling(tmp_path, camera, 'patrol = ["Gate", "Door"]\ndwell = "10 s"')

    def fails(camera: CameraId, preset: str) -> None:
        raise RuntimeError(preset)

    with monkeypatch.context() as broken:
        broken.setattr(patrol.hands, "by_itself", fails)
        passed(patrol, 3)
    passed(patrol, round(FAILED_S))
    assert patrol.gone() == ["2"]


def test_a_preset_that_is_gone_is_passed_over(tmp_path: Path, camera: FakeCamera) -> None:
    patrol = Patrolling(tmp_path, camera, 'patrol = ["Moon", "Door"]\ndwell = "10 s"')
    passed(patrol, 3)
    assert patrol.gone() == []
    passed(patrol, round(FAILED_S))
    assert patrol.gone() == ["2"]


def test_a_way_back_to_a_preset_that_is_gone_is_a_problem_until_it_works(tmp_path: Path, camera: FakeCamera) -> None:
    patrol = Patrolling(tmp_path, camera, 'return_to = "Drive"\nreturn_after = "10 s"')
    passed(patrol, 12)
    assert [(one.camera, one.detail) for one in patrol.keeper.problems()] == [
        (DOOR, "It can't move by itself: The camera has no preset Drive.")
    ]
    camera.presets += (("3", "Drive"),)
    passed(patrol, round(FAILED_S) + 2)
    assert patrol.gone() == ["3"]
    assert not list(patrol.keeper.problems())


@pytest.mark.parametrize(("turns", "why"), [(False, "It reports no PTZ motors."), (True, "Presets: Gate, Door.")])
def test_a_problem_says_what_the_camera_lacks_and_where_to_choose(
    tmp_path: Path, camera: FakeCamera, *, turns: bool, why: str
) -> None:
    camera.turns = turns
    patrol = Patrolling(tmp_path, camera, 'return_to = "Drive"\nreturn_after = "10 s"')
    passed(patrol, 12)
    where = "Choose another position, or Stay, in the camera's settings, under Pan and tilt."
    assert [one.do for one in patrol.keeper.problems()] == [f"{why} {where}"]


@pytest.mark.parametrize("ptz", ['patrol = ["Gate", "Drive"]', 'return_to = "Drive"'])
def test_a_preset_that_is_saved_again_is_no_problem_and_visited_soon(
    tmp_path: Path, camera: FakeCamera, ptz: str
) -> None:
    patrol = Patrolling(tmp_path, camera, f'{ptz}\nreturn_after = "10 s"\ndwell = "1h"')
    passed(patrol, 3620 if "patrol" in ptz else 12)
    assert len(list(patrol.keeper.problems())) == 1
    patrol.hands.move(DOOR, 1, 0, 0, 0.5)
    patrol.hands.save_preset(DOOR, "Drive")
    passed(patrol, 2)
    assert not list(patrol.keeper.problems())
    passed(patrol, 10)
    assert patrol.gone()[-1] == "new-2"


def test_a_problem_stays_where_another_preset_is_saved(tmp_path: Path, camera: FakeCamera) -> None:
    patrol = Patrolling(tmp_path, camera, 'return_to = "Drive"\nreturn_after = "10 s"')
    patrol.hands.save_preset(DOOR, "Door")
    passed(patrol, 12)
    patrol.hands.save_preset(DOOR, "Gate")
    passed(patrol, 2)
    assert len(list(patrol.keeper.problems())) == 1


@pytest.mark.parametrize(
    ("ptz", "where"),
    [
        ('return_to = "Gate"', "cameras.door.ptz.return_to"),
        ('patrol = ["Door", "Gate"]', "cameras.door.ptz.patrol"),
        ('[[rules]]\ndo = ["ptz door Gate"]', r"rules\[0\].do"),
        ('return_to = "1"', "cameras.door.ptz.return_to"),
        ('patrol = ["2", "1"]', "cameras.door.ptz.patrol"),
        ('[[rules]]\ndo = ["ptz door 1"]', r"rules\[0\].do"),
    ],
)
@pytest.mark.parametrize("removed", ["Gate", "1"])
def test_a_preset_that_the_settings_use_is_not_removed(
    tmp_path: Path, camera: FakeCamera, ptz: str, where: str, removed: str
) -> None:
    patrol = Patrolling(tmp_path, camera, ptz)
    with pytest.raises(NotDone, match=f"is still used: {where}"):
        patrol.hands.remove_preset(DOOR, removed)
    assert len(camera.presets) == 2


def test_a_preset_that_nothing_uses_is_removed(tmp_path: Path, camera: FakeCamera) -> None:
    patrol = Patrolling(tmp_path, camera, 'return_to = "Door"')
    patrol.hands.remove_preset(DOOR, "Gate")
    assert camera.presets == (("2", "Door"),)


@pytest.mark.parametrize(
    ("presets", "used", "removed"),
    [
        ((("1", "2"), ("2", "Gate")), "2", "Gate"),  # a setting's "2" is the first one's name, and the other's token
        ((("1", "Gate"), ("2", "Gate")), "Gate", "2"),  # a name leads to the first that has it
        ((("1", "Gate"), ("2", "")), "Gate", "2"),  # no name isn't the empty `return_to`
    ],
)
def test_a_preset_that_no_setting_leads_to_is_removed(
    tmp_path: Path, camera: FakeCamera, presets: tuple[tuple[str, str], ...], used: str, removed: str
) -> None:
    camera.presets = presets
    Patrolling(tmp_path, camera, f'patrol = ["{used}"]').hands.remove_preset(DOOR, removed)
    assert camera.presets == presets[:1]
