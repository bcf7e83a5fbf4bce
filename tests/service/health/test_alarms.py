"""Trouble is told once, within a minute, and told again when it is over. On the fake clock."""

from contextlib import suppress

import pytest

from tawny.engine import InlineEngine
from tawny.model.ids import CameraId
from tawny.model.messages import Alarm, ProblemKind
from tawny.service import json_format
from tawny.service.health.alarms import AlarmMonitor, HealthProblem
from tawny.testing.clock import FakeClock

PORCH, YARD = CameraId("porch"), CameraId("yard")
AWAY = HealthProblem(ProblemKind.CAMERA, PORCH, "The picture stopped coming.")

FROZEN = HealthProblem(ProblemKind.SIGHT, PORCH, "The picture is frozen.")


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.troubles: list[HealthProblem] = []
        self.told: list[Alarm] = []
        self.off: set[CameraId] = set()
        self.alarms = AlarmMonitor(lambda: self.troubles, self.clock, self.told.append, lambda: self.off)
        self.engine = InlineEngine(self.clock, lambda _, error: pytest.fail(str(error)))
        self.engine.start("alarms", lambda: self.alarms)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_trouble_is_told_within_a_minute_and_once(bench: Bench) -> None:
    bench.engine.run_for(33)
    since_ms = bench.clock.now_ms()
    bench.troubles = [AWAY]
    bench.engine.run_for(60)
    (alarm,) = bench.told
    assert (alarm.what, alarm.camera, alarm.detail, alarm.until_ms) == ("camera", PORCH, AWAY.detail, None)
    assert 0 <= alarm.since_ms - since_ms <= 5000
    assert bench.alarms.now == (alarm,)
    bench.engine.run_for(600)
    assert len(bench.told) == 1


def test_it_is_told_when_it_is_over(bench: Bench) -> None:
    bench.troubles = [AWAY]
    bench.engine.run_for(60)
    bench.troubles = []
    bench.engine.run_for(30)
    raised, cleared = bench.told
    assert (cleared.what, cleared.camera, cleared.since_ms) == (raised.what, raised.camera, raised.since_ms)
    assert cleared.until_ms is not None
    assert bench.alarms.now == ()


def test_what_is_over_soon_alarms_nobody(bench: Bench) -> None:
    bench.troubles = [AWAY]
    bench.engine.run_for(12)
    bench.troubles = []
    bench.engine.run_for(60)
    assert bench.told == []


def test_a_camera_that_flaps_is_one_alarm(bench: Bench) -> None:
    for _ in range(20):
        bench.troubles = [AWAY]
        bench.engine.run_for(25)
        bench.troubles = []
        bench.engine.run_for(5)
    assert len(bench.told) == 1


def test_a_camera_that_keeps_failing_is_one_problem_that_goes_on(bench: Bench) -> None:
    for _ in range(8 * 45):  # a night in a boot loop
        bench.troubles = [AWAY]
        bench.engine.run_for(40)
        bench.troubles = []
        bench.engine.run_for(40)
    assert [one.until_ms is None for one in bench.told] == [True, False, True]


def test_a_problem_that_keeps_coming_back_must_be_gone_for_longer_and_ends_when_it_went(bench: Bench) -> None:
    waited_s = []
    for _ in range(6):
        bench.troubles = [AWAY]
        bench.engine.run_for(60)
        bench.troubles, count, gone_s, gone_ms = [], len(bench.told), 0, bench.clock.now_ms()
        while len(bench.told) == count:
            bench.engine.run_for(5)
            gone_s += 5
        waited_s.append(gone_s)
        assert gone_ms - 5000 <= (bench.told[-1].until_ms or 0) <= gone_ms
    assert waited_s == [10, 60, 300, 900, 900, 900]
    bench.engine.run_for(3600)
    bench.troubles = [AWAY]
    bench.engine.run_for(60)
    bench.troubles = []
    bench.engine.run_for(15)
    assert bench.told[-1].until_ms is not None


@pytest.mark.parametrize("is_repaired", [False, True])
def test_a_problem_of_a_camera_that_is_turned_off_ends_once_it_is_on_and_well(bench: Bench, is_repaired: bool) -> None:
    bench.troubles = [AWAY]
    bench.engine.run_for(60)
    bench.troubles, bench.off = [], {PORCH}
    bench.engine.run_for(3600)
    assert (len(bench.told), bench.alarms.now) == (1, ())
    bench.troubles, bench.off = [AWAY], set()
    bench.engine.run_for(8)  # while it starts
    bench.troubles = [] if is_repaired else [AWAY]
    bench.engine.run_for(60)
    begin, *end = bench.told
    assert [one.since_ms for one in end] == [begin.since_ms] * is_repaired
    assert len(bench.alarms.now) == (not is_repaired)


@pytest.mark.parametrize("is_repaired", [False, True])
def test_an_image_problem_of_a_camera_that_loses_power_ends_once_it_records_and_is_well(
    bench: Bench, *, is_repaired: bool
) -> None:
    """It was "resolved" as the camera went dark, and began again as it came back."""
    bench.troubles = [FROZEN]
    bench.engine.run_for(60)
    bench.troubles = [AWAY]
    bench.engine.run_for(3600)
    assert [one.what for one in bench.alarms.now] == [ProblemKind.CAMERA]
    bench.troubles = []
    bench.engine.run_for(120)  # until it can be seen that an image is frozen
    bench.troubles = [] if is_repaired else [FROZEN]
    bench.engine.run_for(120)
    found = [(one.what, one.until_ms is None) for one in bench.told]
    assert found == [("sight", True), ("camera", True), ("camera", False), *[("sight", False)] * is_repaired]


def test_what_is_shown_ends_after_ten_seconds_also_if_the_problem_keeps_coming_back(bench: Bench) -> None:
    for _ in range(4):
        bench.troubles = [AWAY]
        bench.engine.run_for(60)
        bench.troubles, bench.off = [], set()
        bench.engine.run_for(15)
        assert bench.alarms.now == ()
        bench.engine.run_for(60)
    assert bench.told[-1].until_ms is None


def keep_failing(bench: Bench) -> None:
    """Let the next problem have to be gone for 15 min."""
    for _ in range(3):
        bench.troubles = [AWAY]
        bench.engine.run_for(60)
        bench.troubles = []
        bench.engine.run_for(400)
    bench.told.clear()
    bench.troubles = [AWAY]
    bench.engine.run_for(60)
    assert [one.until_ms for one in bench.told] == [None]


def test_a_problem_that_kept_coming_back_ends_by_the_time_that_its_camera_is_on_and_well(bench: Bench) -> None:
    keep_failing(bench)
    gone_ms = bench.clock.now_ms()
    for hour in range(1, 4):
        bench.troubles = [AWAY]
        bench.off = set()
        bench.engine.run_for(10)  # while it starts
        bench.troubles = []
        bench.engine.run_for(580)
        assert len(bench.told) == (2 if hour > 1 else 1)
        bench.off = {PORCH}
        bench.engine.run_for(3000)
    assert abs((bench.told[-1].until_ms or 0) - gone_ms) <= 15_000


def test_a_problem_after_a_day_of_being_off_is_a_new_one(bench: Bench) -> None:
    bench.troubles = [AWAY]
    bench.engine.run_for(60)
    bench.troubles, bench.off = [], {PORCH}
    bench.engine.run_for(23 * 3600)
    assert len(bench.told) == 1
    bench.engine.run_for(2 * 3600)
    bench.troubles, bench.off = [AWAY], set()
    back_ms = bench.clock.now_ms()
    bench.engine.run_for(60)
    assert [(one.until_ms is None, one.is_forgotten) for one in bench.told] == [
        (True, False), (False, True), (True, False)
    ]  # fmt: skip
    assert bench.told[-1].since_ms >= back_ms
    assert [json_format.message(one, back_ms) is None for one in bench.told] == [False, True, False]


def test_what_a_camera_shows_is_well_after_three_minutes_of_being_on_again(bench: Bench) -> None:
    frozen = HealthProblem(ProblemKind.SIGHT, PORCH, "")
    bench.troubles = [frozen]
    bench.engine.run_for(60)
    for after_s in (125, 185):
        bench.troubles, bench.off = [], {PORCH}
        bench.engine.run_for(3600)
        bench.off = set()
        bench.engine.run_for(after_s)
        assert len(bench.told) == (1 if after_s == 125 else 2)
        if after_s == 125:
            bench.troubles = [frozen]  # seen again
            bench.engine.run_for(600)
    assert bench.told[-1].until_ms is not None


def test_a_short_problem_of_a_camera_that_is_turned_off_is_not_told(bench: Bench) -> None:
    bench.troubles = [AWAY]
    bench.engine.run_for(12)
    bench.troubles, bench.off = [], {PORCH}
    bench.engine.run_for(600)
    assert bench.told == []


def test_troubles_are_told_apart(bench: Bench) -> None:
    bench.troubles = [
        AWAY,
        HealthProblem(ProblemKind.CAMERA, YARD, "It refuses the password."),
        HealthProblem(ProblemKind.DISK, None, "It is full."),
    ]
    bench.engine.run_for(60)
    assert {(one.what, one.camera) for one in bench.told} == {("camera", PORCH), ("camera", YARD), ("disk", None)}


def test_a_jump_of_the_clock_neither_raises_nor_clears(bench: Bench) -> None:
    bench.troubles = [AWAY]
    bench.engine.run_for(8)
    bench.clock.jump_utc(3600)
    bench.engine.run_for(8)
    assert bench.told == []
    bench.engine.run_for(20)
    bench.clock.jump_utc(-7200)
    bench.engine.run_for(60)
    assert len(bench.told) == 1


def missing(*disks: str) -> list[HealthProblem]:
    return [HealthProblem(ProblemKind.TIER, None, f"{disk} is missing.", f"Connect {disk}.", disk) for disk in disks]


def test_two_problems_of_one_kind_are_told_together(bench: Bench) -> None:
    bench.troubles = missing("/a", "/b")
    bench.engine.run_for(60)
    (alarm,) = bench.told
    assert (alarm.detail, alarm.do) == ("/a is missing. /b is missing.", "Connect /a. Connect /b.")
    assert [one.detail for one in bench.alarms.now] == ["/a is missing.", "/b is missing."]


def test_a_second_problem_of_one_kind_is_told_and_so_is_its_end(bench: Bench) -> None:
    for disks in (["/a"], ["/a", "/b"], ["/b"], []):
        bench.troubles = missing(*disks)
        bench.engine.run_for(600)
    first, second, third, over = bench.told
    assert [one.detail for one in bench.told] == [
        "/a is missing.", "/a is missing. /b is missing.", "/b is missing.", "/b is missing.",
    ]  # fmt: skip
    assert [one.until_ms is None for one in bench.told] == [True, True, True, False]
    assert len({one.since_ms for one in bench.told}) == 1
    assert first.changed_ms is over.changed_ms is None
    assert second.changed_ms is not None and third.changed_ms is not None and second.changed_ms < third.changed_ms
    assert bench.alarms.now == ()


def test_a_second_problem_that_is_short_is_not_told(bench: Bench) -> None:
    for disks in (["/a"], ["/a", "/b"], ["/a"]):
        bench.troubles = missing(*disks)
        bench.engine.run_for({1: 60, 2: 12}[len(disks)])
    assert len(bench.told) == 1


def test_details_that_count_up_are_told_once(bench: Bench) -> None:
    for count in range(1, 100):
        bench.troubles = [
            HealthProblem(ProblemKind.UPLOAD, None, "1 item waits." if count == 1 else f"{count} items wait."),
            HealthProblem(ProblemKind.UPLOAD, None, f"{count} were dropped."),
        ]
        bench.engine.run_for(5)
    assert len(bench.told) == 1
    assert [one.detail for one in bench.alarms.now] == ["99 items wait. 99 were dropped."]


def away(*cameras: int) -> list[HealthProblem]:
    return [HealthProblem(ProblemKind.CAMERA, CameraId(f"cam-{one}"), "No answer.") for one in cameras]


def together(value: list[Alarm]) -> list[tuple[str | None, int]]:
    return [(one.camera, len(one.together)) for one in value]


def test_cameras_that_fail_within_seconds_are_told_at_once_and_so_are_their_ends(bench: Bench) -> None:
    bench.troubles = away(1)
    bench.engine.run_for(6)
    bench.troubles = away(1, 2, 3)
    bench.engine.run_for(21)
    assert bench.told == []
    bench.engine.run_for(10)
    assert together(bench.told) == [("cam-1", 3), ("cam-2", 3), ("cam-3", 3)]
    bench.told.clear()
    bench.troubles = away(3)
    bench.engine.run_for(6)
    bench.troubles = []
    bench.engine.run_for(30)
    assert together(bench.told) == [("cam-1", 3), ("cam-2", 3), ("cam-3", 3)]


def test_cameras_that_fail_one_after_the_other_wait_for_ten_seconds_at_most(bench: Bench) -> None:
    for count in range(1, 9):
        bench.troubles = away(*range(1, count + 1))
        bench.engine.run_for(5)
        if bench.told:
            break
    assert bench.told[0].camera == "cam-1"
    assert bench.clock.now_ms() - bench.told[0].since_ms <= 40_000


def test_a_camera_waits_for_a_flapping_one_for_ten_seconds_at_most(bench: Bench) -> None:
    bench.alarms = AlarmMonitor(lambda: bench.troubles, bench.clock, bench.told.append)
    for second in range(0, 60, 5):
        bench.troubles = away(1, 2) if second % 15 == 0 else away(1)
        bench.alarms.step()
        if bench.told:
            break
        bench.clock.advance(5)
    assert bench.told[0].camera == "cam-1"
    assert second <= 30


def test_a_problem_that_ends_while_it_waits_for_others_is_told_with_its_end(bench: Bench) -> None:
    bench.troubles = away(1)
    bench.engine.run_for(11)
    bench.troubles = away(1, 2)
    bench.engine.run_for(11)
    assert bench.told == []
    bench.troubles = away(2)
    bench.engine.run_for(60)
    of_first = [one for one in bench.told if one.camera == "cam-1"]
    assert [one.until_ms is None for one in of_first] == [True, False]


@pytest.mark.parametrize("is_over", [False, True])
def test_what_could_not_be_reported_is_reported_at_the_next_step(bench: Bench, is_over: bool) -> None:
    fails = [True]

    def report(alarm: Alarm) -> None:
        if (alarm.camera, alarm.until_ms is not None) == ("cam-2", is_over) and fails:
            raise OSError(fails.pop())
        bench.told.append(alarm)

    alarms = AlarmMonitor(lambda: bench.troubles, bench.clock, report)
    for count in range(20):
        bench.troubles = away(1, 2, 3) if count < 10 else []
        with suppress(OSError):
            alarms.step()
        bench.clock.advance(5)
    found = [(one.camera, one.until_ms is None) for one in bench.told]
    assert found == [(camera, begins) for begins in (True, False) for camera in ("cam-1", "cam-2", "cam-3")]


def test_a_single_camera_waits_for_no_other(bench: Bench) -> None:
    bench.troubles = [*away(1), HealthProblem(ProblemKind.GAP, YARD, "")]
    bench.engine.run_for(26)
    assert together(bench.told) == [("cam-1", 0), ("yard", 0)]
