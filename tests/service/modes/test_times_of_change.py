"""What is recorded changes at its minute, in weeks with both clock changes, and the reason is the rule that did it."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tawny.delivery.outbox import Outbox
from tawny.engine import Bus, InlineEngine
from tawny.events.modes import ModeStore
from tawny.model.ids import CameraId
from tawny.service.cameras.duty import CameraDuty
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.modes.mode_controller import FILE, ModeController
from tawny.service.modes.mode_service import ModeService, Rehearsal, RehearsalTargets
from tawny.testing.clock import FakeClock
from tests.app.rig import DOOR, settings
from tests.events.ticking import TickingClock

TEXT = """
[modes]
names = ["home", "night", "away"]
location = [52.52, 13.40]
[modes.schedule]
night = ["22:00-06:30"]
away = ["mon-fri 08:00-sunset"]
[modes.night.cameras.door]
record = "events"
[modes.away.cameras.door]
record = "transitions"
[modes.home.cameras.hall]
record = "off"
[cameras.door]
source = "demo:front"
[cameras.hall]
source = "demo:front"
[[rules]]
when = { camera = "door", between = "02:15-03:20" }
do = ["don't record"]
"""
BERLIN = ZoneInfo("Europe/Berlin")
HALL = CameraId("hall")
YARD = 'record = "continuous"\n[cameras.yard]\nsource = "demo:front"\n'
DAY_S = 86_400


@pytest.mark.parametrize(
    ("start", "days"),
    [
        ("2026-03-27T12:00:00Z", 3),
        ("2026-10-23T12:00:00Z", 3),
        pytest.param("2026-03-26T12:00:00Z", 7, marks=pytest.mark.long),
        pytest.param("2026-10-22T12:00:00Z", 7, marks=pytest.mark.long),
    ],
)
def test_m3_each_change_happens_within_a_second(start: str, days: int) -> None:
    """All have a clock change, 29 March or 25 October, at 02:00 or 03:00, a sunset and a morning of a working day."""
    chosen, clock = settings(TEXT), FakeClock(start)
    engine = InlineEngine(clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
    controller = ModeController(lambda: chosen, BERLIN, None, clock, Bus(), lambda _: False, lambda _: frozenset())
    steps = 0
    applied: dict[CameraId, list[tuple[int, CameraDuty]]] = {DOOR: [], HALL: []}

    def stand() -> None:
        nonlocal steps
        steps += 1
        for camera, changes in applied.items():
            duty = controller.duty(camera, chosen.cameras[camera])
            if not changes or changes[-1][1] != duty:
                changes.append((clock.now_ms(), duty))

    begin_ms = clock.now_ms()
    controller.start(engine, stand)
    engine.run_for(days * DAY_S)
    for camera, changes in applied.items():
        wanted = by_the_minute(camera, begin_ms, days)
        assert [duty for _, duty in changes] == [duty for _, duty in wanted]
        late_ms = [at_ms - due_ms for (at_ms, _), (due_ms, _) in zip(changes, wanted, strict=True)]
        assert min(late_ms) >= -60_000, "sunset is not at a whole minute"
        assert max(late_ms) <= 1000
    assert steps < days * DAY_S / 20, "it sleeps in between"
    reasons = {duty.detail for _, duty in applied[DOOR] if duty.record == "off"}
    assert len(reasons) == 1
    assert "Rule 1 says so" in reasons.pop()
    assert {duty.detail for _, duty in applied[HALL] if duty.record == "off"} == {"The mode home says so."}
    assert {duty.record for _, duty in applied[DOOR]} == {"continuous", "events", "transitions", "off"}


def by_the_minute(camera: CameraId, begin_ms: int, days: int) -> list[tuple[int, CameraDuty]]:
    """The changes as one finds them who asks each minute."""
    chosen, clock = settings(TEXT), FakeClock("2026-01-01T00:00:00Z")
    clock.jump_utc((begin_ms - clock.now_ms()) / 1000)
    controller = ModeController(lambda: chosen, BERLIN, None, clock, Bus(), lambda _: False, lambda _: frozenset())
    found: list[tuple[int, CameraDuty]] = []
    for _ in range(days * DAY_S // 60):
        duty = controller.duty(camera, chosen.cameras[camera])
        if not found or found[-1][1] != duty:
            found.append((clock.now_ms(), duty))
        clock.advance(60)
    return found


def test_stopping_all_recording_starts_no_detection_that_the_mode_has_off() -> None:
    chosen = settings(TEXT + "[modes.home.cameras.door]\ndetection = false\n[modes.home.cameras.yard]\n" + YARD)
    controller = ModeController(
        lambda: chosen, BERLIN, None, FakeClock(), Bus(), lambda _: False, lambda _: frozenset()
    )
    controller.modes.set_mode("home", "Anna")
    before = {camera: controller.duty(CameraId(camera), one) for camera, one in chosen.cameras.items()}
    controller.stop_recording("Anna", 900)
    after = {camera: controller.duty(CameraId(camera), one) for camera, one in chosen.cameras.items()}
    assert {camera: one.is_watched for camera, one in after.items()} == {"door": False, "hall": False, "yard": True}
    assert {camera: one.is_watched for camera, one in before.items()} == {"door": False, "hall": False, "yard": True}
    assert not any(one.is_recorded for one in after.values())


def rehearsing(clock: FakeClock) -> tuple[ModeController, ModeService]:
    """Return modes at work, and the service that rehearses them."""
    chosen, outbox = settings(TEXT), Outbox(":memory:", clock)
    made = ModeController(lambda: chosen, BERLIN, None, clock, Bus(), lambda _: False, lambda _: frozenset())
    targets = RehearsalTargets(lambda: (), lambda: (), lambda *_: "")
    changeable = ChangeableSettings(lambda: chosen, lambda *_: None, None)
    return made, ModeService(made, changeable, lambda _: None, targets, outbox, BERLIN, clock)


def test_a_rehearsal_says_that_all_recording_is_stopped_at_that_time() -> None:
    controller, service = rehearsing(clock := FakeClock("2026-03-27T12:00:00Z"))
    clock.advance(60)
    controller.stop_recording("Anna", 900)
    asked = {at: service.rehearse(Rehearsal(DOOR, "person", clock.now_ms() + at * 1000)) for at in (-30, 0, 901)}
    assert {at: found.is_recorded for at, found in asked.items()} == {-30: True, 0: False, 901: True}
    assert asked[0].unrecorded == "Anna stopped all recording."


def test_a_rehearsal_of_a_past_time_with_people_has_the_mode_of_that_time() -> None:
    controller, service = rehearsing(clock := FakeClock("2026-03-27T12:00:00Z"))
    assert controller.modes.now().mode == "away"
    night = Rehearsal(DOOR, "person", clock.now_ms() - 12 * 3_600_000, home=())
    assert service.rehearse(night).mode == "night"
    controller.modes.set_mode("home", "Anna")
    assert service.rehearse(night).mode == "night", "before Anna set the mode"


def test_a_camera_is_private_in_the_modes_that_say_so() -> None:
    chosen = settings(TEXT + "[modes.away.cameras.hall]\nprivacy = true\n")
    made = ModeController(lambda: chosen, BERLIN, None, FakeClock(), Bus(), lambda _: False, lambda _: frozenset())
    found = []
    for mode in ("home", "away"):
        made.modes.set_mode(mode, "Anna")
        found.append((made.is_private(HALL), made.is_private(DOOR)))
    assert found == [(False, False), (True, False)]


@pytest.mark.parametrize("is_started_again", [False, True])
def test_recording_that_was_stopped_goes_on_in_time_after_the_clock_is_set_back(
    tmp_path: Path, *, is_started_again: bool
) -> None:
    ModeStore(tmp_path / FILE).close()
    chosen, clock = settings(TEXT), FakeClock()

    def made() -> ModeController:
        return ModeController(lambda: chosen, BERLIN, tmp_path, clock, Bus(), lambda _: False, lambda _: frozenset())

    controller = made()
    clock.jump_utc(DAY_S)
    controller.stop_recording("Anna", 900)
    clock.jump_utc(-DAY_S)
    if is_started_again:
        controller.finish()
        controller = made()
    controller.step()
    clock.advance(899)
    assert controller.stopped
    clock.advance(1)
    assert not controller.stopped
    controller.finish()


@pytest.mark.parametrize("kind", [FakeClock, TickingClock])
def test_recording_stays_stopped_after_a_start_with_a_clock_that_is_behind(
    tmp_path: Path, kind: type[FakeClock]
) -> None:
    ModeStore(tmp_path / FILE).close()
    chosen, clock = settings(TEXT), kind()

    def made() -> ModeController:
        return ModeController(lambda: chosen, BERLIN, tmp_path, clock, Bus(), lambda _: False, lambda _: frozenset())

    controller = made()
    controller.stop_recording("Anna", 900)
    clock.advance(60)
    clock.jump_utc(-DAY_S)
    controller.finish()
    controller = made()
    clock.advance(60)
    controller.step()
    clock.jump_utc(DAY_S)
    controller.step()
    assert controller.stopped
    clock.advance(900)
    assert not controller.stopped
    controller.finish()


def test_stopped_recording_keeps_its_end_while_the_clock_goes_right() -> None:
    chosen, clock = settings(TEXT), FakeClock()
    controller = ModeController(lambda: chosen, BERLIN, None, clock, Bus(), lambda _: False, lambda _: frozenset())
    clock.advance(600)
    controller.stop_recording("Anna", 900)
    controller.step()
    clock.advance(899)
    assert controller.stopped
