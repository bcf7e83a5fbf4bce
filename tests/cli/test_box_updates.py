"""Updates in stages: what each stage touches, what counts as updated, and what ends it; with recorders of a table."""

import asyncio
from argparse import Namespace
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any

import pytest

from tawny.cli.box_updates import BoxStatus, BoxUpdated, StagedUpdate, UpdatePlan, update_boxes
from tawny.cli.output import Output
from tawny.model.errors import NotDone, UsageError
from tawny.testing.clock import FakeClock

OLD = BoxStatus(is_online=True, allows=True, version="1.0", working=frozenset({"front", "yard"}), warnings=frozenset())
NEW = replace(OLD, version="1.1")
WATCH_S, WAIT_S = 60.0, 600.0
STARTED = {"started": True}
ENDED = {"code": 0, "printed": ""}
Answers = Sequence[Mapping[str, Any]]


@dataclass
class Course:
    """What a recorder answers, and how it is from seconds after the order on."""

    answers: Answers = (STARTED, ENDED)
    states: tuple[tuple[float, BoxStatus], ...] = ((0, OLD), (10, replace(OLD, is_online=False)), (20, NEW))


@dataclass
class TableOfBoxes:
    courses: Mapping[str, Course]
    clock: FakeClock
    ordered: dict[str, float] = field(default_factory=dict)

    def states(self) -> Mapping[str, BoxStatus]:
        return {name: self._now(name, course) for name, course in self.courses.items()}

    def _now(self, name: str, course: Course) -> BoxStatus:
        since_s = self.clock.mono_s() - self.ordered[name] if name in self.ordered else 0.0
        return [now for at_s, now in course.states if at_s <= since_s][-1]

    async def order(self, box: str) -> AsyncGenerator[Mapping[str, Any], None]:
        self.ordered[box] = self.clock.mono_s()
        for answer in self.courses[box].answers:
            yield answer


@dataclass
class Run:
    results: list[BoxUpdated]
    ordered: dict[str, float]
    took_s: float


def run(courses: Mapping[str, Course], stages: tuple[int, ...] = (1,), target: str = "") -> Run:
    clock = FakeClock()
    boxes, begun_s = TableOfBoxes(courses, clock), clock.mono_s()

    async def pause(seconds: float) -> None:
        ends_s = clock.mono_s() + seconds
        await asyncio.sleep(0)  # the others of the stage begin to wait as well
        clock.advance(max(0.0, ends_s - clock.mono_s()))

    reported: list[BoxUpdated] = []
    staged = StagedUpdate(boxes, UpdatePlan(target, stages, WATCH_S, WAIT_S), reported.append, clock, pause)
    results = asyncio.run(staged.run(list(courses)))
    assert sorted(reported, key=str) == sorted(results, key=str)
    return Run(results, {name: at_s - begun_s for name, at_s in boxes.ordered.items()}, clock.mono_s() - begun_s)


def good(box: str, *warnings: str) -> BoxUpdated:
    return BoxUpdated(box, "1.0", "1.1", 2, "", warnings)


def test_a_recorder_is_updated_once_it_has_worked_for_the_time_asked_for() -> None:
    done = run({"beach": Course()})
    assert done.results == [good("beach")]
    assert 20 + WATCH_S <= done.took_s <= 20 + WATCH_S + 4


@pytest.mark.parametrize("answers", [(STARTED, ENDED), (STARTED, {"offline": True}), (STARTED,)])
def test_a_line_that_breaks_during_the_update_is_a_restart(answers: Answers) -> None:
    assert run({"beach": Course(answers)}).results == [good("beach")]


NEVER = ((0, OLD),)
FAILURES: dict[str, tuple[Course, str]] = {
    "the command fails": (
        Course((STARTED, {"code": 3, "printed": "unpacking\nno space left"}), NEVER), "failed: no space left (3)",
    ),
    "the command fails silently": (Course((STARTED, {"code": -9, "printed": ""}), NEVER), "failed: exit code (-9)"),
    "another one runs": (Course(({"busy": True},), NEVER), "an update runs there already"),
    "it goes offline before": (Course(({"offline": True},), NEVER), "offline before the update"),
    "it has no command": (Course(({"error": "It has no command."},), NEVER), "It has no command."),
    "it doesn't allow it": (Course(({"refused": 403},), NEVER), "doesn't allow updates"),
    "it is of an earlier version": (Course(({"refused": 404},), NEVER), "its version is too old"),
    "it doesn't come back": (Course(states=((0, OLD), (5, replace(OLD, is_online=False)))), "has been offline since"),
    "a camera doesn't work": (
        Course(states=((0, OLD), (5, replace(NEW, working=frozenset({"yard"}))))), "front worked before the update",
    ),
    "a camera fails while it is watched": (
        Course(states=((0, OLD), (5, NEW), (40, replace(NEW, working=frozenset())))), "front, yard worked before",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_what_goes_wrong_ends_it_and_leaves_the_others_as_they_are(name: str) -> None:
    course, why = FAILURES[name]
    done = run({"beach": Course(), "shed": course, "tower": Course()})
    assert [one.box for one in done.results] == ["beach", "shed"]
    assert why in done.results[1].problem
    assert "tower" not in done.ordered


def test_a_camera_that_did_not_work_before_needs_not_work_after_it() -> None:
    before = replace(OLD, working=frozenset({"yard"}))
    after = replace(before, version="1.1")
    assert run({"beach": Course(states=((0, before), (9, after)))}).results == [BoxUpdated("beach", "1.0", "1.1", 1)]


def test_new_warnings_are_told_and_end_nothing() -> None:
    warned = replace(NEW, warnings=frozenset({"The disk is full."}))
    done = run({"beach": Course(states=((0, OLD), (9, warned)))})
    assert done.results == [good("beach", "The disk is full.")]
    assert done.results[0].text == "beach: 1.0 -> 1.1, 2 cameras of before work; The disk is full."


@pytest.mark.parametrize(
    ("stages", "begun"), [((1,), [1, 1, 1, 1, 1]), ((1, 2), [1, 2, 2]), ((1, 3, 9), [1, 3, 1]), ((9,), [5])]
)
def test_each_stage_begins_when_the_one_before_works(stages: tuple[int, ...], begun: list[int]) -> None:
    done = run({f"box-{number}": Course() for number in range(5)}, stages)
    times = sorted(done.ordered.values())
    together = [sum(one == each for one in times) for each in sorted(set(times))]
    assert together == begun
    assert len(done.results) == 5


def test_those_that_run_the_version_already_are_left_out() -> None:
    courses = {"beach": Course(), "shed": Course(states=((0, NEW),)), "tower": Course()}
    assert list(run(courses).ordered) == ["beach", "tower"], "by what the first one runs afterwards"
    assert list(run(courses, target="1.1").ordered) == ["beach", "tower"]
    assert run({"shed": courses["shed"]}, target="1.1").results == []


def test_with_a_version_asked_for_another_one_is_no_success() -> None:
    done = run({"beach": Course(), "shed": Course()}, target="1.2")
    assert [(one.box, one.problem) for one in done.results] == [("beach", "it runs 1.1 after the update, not 1.2")]


def test_nothing_newer_is_a_success_too() -> None:
    done = run({"beach": Course(states=NEVER), "shed": Course(states=NEVER)})
    assert [one.text for one in done.results] == ["beach: still 1.0, 2 cameras of before work"]


@pytest.mark.parametrize("text", ["", "0", "1,,2", "a", "1;2", "-1", "513"])
def test_stages_are_numbers(text: str) -> None:
    args = Namespace(stages=text, watch="5 min", wait="5 min", to="", recorder=[])
    with pytest.raises(UsageError, match="stages"):
        update_boxes(args, Output(as_json=True, out=StringIO()))


SAID = {"online": True, "allows": True, "version": "1.0", "cameras": {"front": "recording"}, "warnings": []}


@pytest.mark.parametrize(
    ("boxes", "wanted", "why"),
    [
        ({}, [], "No recorder of this hub"),
        ({"beach": {"online": False}}, [], "No recorder of this hub"),
        ({"beach": {"allows": False}}, [], "No recorder of this hub"),
        ({"beach": {}}, ["shed"], "No recorder shed has joined"),
        ({"beach": {"online": False}}, ["beach"], "beach is offline"),
        ({"beach": {"allows": False}}, ["beach"], "beach doesn't allow updates"),
    ],
)
def test_what_can_not_be_updated_is_said_before_anything_begins(
    monkeypatch: pytest.MonkeyPatch, boxes: Mapping[str, Any], wanted: list[str], why: str
) -> None:
    found = [{"id": name, **SAID, **more} for name, more in boxes.items()]
    answered: Callable[..., object] = lambda _folder, _request: {"boxes": found}  # noqa: E731
    monkeypatch.setattr("tawny.cli.box_updates.ask_once", answered)
    monkeypatch.setattr("tawny.cli.box_updates.running_data", lambda _args: None)
    args = Namespace(stages="1", watch="5 min", wait="5 min", to="", recorder=wanted)
    with pytest.raises(NotDone, match=why):
        update_boxes(args, Output(as_json=True, out=StringIO()))
