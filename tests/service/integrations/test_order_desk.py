"""The one door: who may ask for what, what is done, and the line that is kept of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from tawny.config.integrations import RIGHTS
from tawny.config.modes import ModesSettings
from tawny.delivery.commands import CommandIssuer, CommandRefused
from tawny.engine import InlineEngine
from tawny.events.modes import ModeState, ModeStore
from tawny.model.errors import NotDone, StorageError
from tawny.model.ids import CameraId
from tawny.model.messages import CameraTurned, EventChanged, Message
from tawny.service.detection.camera_reports import MOMENT_S
from tawny.service.detection.event_marks import EventMarks
from tawny.service.integrations.command_service import CommandService
from tawny.service.integrations.device_control import DeviceControl
from tawny.service.integrations.external_events import ExternalEvents
from tawny.testing.clock import FakeClock

DOOR, YARD = CameraId("door"), CameraId("yard")
OWNER = CommandIssuer("Anna", "http", is_owner=True)


@dataclass
class FakeHold:
    what: str
    until_ms: int | None = field(default=None, compare=False)


@dataclass
class FakeModes:
    names: Sequence[str] = ("home", "away", "night")
    told: list[tuple[object, ...]] = field(default_factory=list)
    holds: dict[CameraId, FakeHold] = field(default_factory=dict)
    longer_ms: int = 0
    """End, ms UTC, of a longer recording that goes on."""

    def set_mode(self, mode: str, by: str, until_ms: int | None = None) -> None:
        if mode not in self.names:
            raise NotDone(f"No mode named {mode}.", "")
        self.told.append(("mode", mode, by, until_ms))

    def back_to_week(self) -> None:
        self.told.append(("week",))

    def hold(self, camera: CameraId) -> FakeHold | None:
        return self.holds.get(camera)

    def pause(self, camera: CameraId, until_ms: int | None, by: str) -> None:
        self.holds[camera] = FakeHold("pause")
        self.told.append(("pause", camera, until_ms))

    def record(self, camera: CameraId, until_ms: int | None, by: str) -> None:
        self.holds[camera] = FakeHold("record", until_ms and max(until_ms, self.longer_ms))
        self.told.append(("record", camera, until_ms))

    def let_go(self, camera: CameraId, by: str) -> None:
        self.holds.pop(camera, None)
        self.told.append(("let go", camera))

    def seen(self, person: str, source: str) -> None:
        self.told.append(("seen", person, source))

    def left(self, person: str) -> None:
        self.told.append(("left", person))


@dataclass
class FakeHands:
    told: list[tuple[object, ...]] = field(default_factory=list)
    relays: dict[str, str] = field(default_factory=lambda: {"gate": "yard", "siren": ""})
    answers: Callable[[], None] = lambda: None
    """What happens until the camera answers."""

    def steer(self, camera: CameraId, who: str) -> None:
        pass

    def move(self, camera: CameraId, pan: float, tilt: float, zoom: float, lasts_s: float) -> None:
        self.told.append(("move", camera, pan, tilt, zoom, lasts_s))
        self.answers()

    def stop(self, camera: CameraId) -> None:
        self.told.append(("stop", camera))

    def go_to(self, camera: CameraId, preset: str) -> None:
        raise NotDone(f"The camera has no preset {preset}.", "")

    def save_preset(self, camera: CameraId, name: str) -> None:
        self.told.append(("save", camera, name))

    def remove_preset(self, camera: CameraId, name: str) -> None:
        self.told.append(("remove", camera, name))

    def switch(self, relay: str, *, on: bool, lasts_s: float | None) -> None:
        self.told.append(("switch", relay, on, lasts_s))

    def relay_camera(self, relay: str) -> str | None:
        return self.relays.get(relay)


class Bench:
    """Ledger, pictures and log of who did what, in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.modes, self.hands = cast("Any", FakeModes()), cast("Any", FakeHands())
        self.heard: list[Message] = []
        self.notes: list[tuple[str, str, str, str]] = []
        self.note_fails = False
        self.private: set[CameraId] = set()
        marks, modes, hands = cast(EventMarks, self), cast(ModeState, self.modes), cast(DeviceControl, self.hands)
        self.said = ExternalEvents(marks, lambda event, jpeg: None, lambda *_: None, self.heard.append, self.clock)
        self.desk = CommandService(
            lambda: [DOOR, YARD], self.said, modes, hands, self.note, self.clock, self.is_private
        )
        self.engine = InlineEngine(self.clock, lambda _, error: pytest.fail(str(error)))
        self.said.handle.start(self.engine, "said", lambda: self.said)

    def put_event(self, event: object) -> bool:
        return True

    def shown(self, message: Message) -> Message:
        return message

    def note(self, action: str, person: str, address: str, detail: str) -> None:
        if self.note_fails:
            raise StorageError("accounts.db", "full")
        self.notes.append((action, person, address, detail))

    def is_private(self, camera: CameraId) -> bool:
        return camera in self.private

    def do(self, who: CommandIssuer = OWNER, *, lasts: str = "", **order: Any) -> str:
        done = self.desk.do(who, {**order, **({"for": lasts} if lasts else {})})
        return done.event or done.words

    def refused(self, who: CommandIssuer = OWNER, **order: Any) -> str:
        with pytest.raises(CommandRefused) as refused:
            self.do(who, **order)
        return refused.value.kind

    @property
    def events(self) -> list[tuple[str, str, str]]:
        return [(one.what, one.event.camera, one.event.kind) for one in self.heard if isinstance(one, EventChanged)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- rights ----------------------------------------------------------------------------------------------------------

EACH: list[tuple[str, dict[str, Any]]] = [
    ("modes", {"command": "set_mode", "mode": "away"}),
    ("modes", {"command": "set_mode", "mode": "home"}),
    ("presence", {"command": "presence", "person": "anna", "home": True}),
    ("pause", {"command": "pause", "camera": "door"}),
    ("pause", {"command": "resume", "camera": "door"}),
    ("record", {"command": "record", "camera": "door"}),
    ("event", {"command": "event.open", "camera": "door"}),
    ("ptz", {"command": "ptz", "camera": "door", "stop": True}),
    ("relay", {"command": "relay", "relay": "gate"}),
]


@pytest.mark.parametrize(("right", "order"), EACH)
def test_each_order_needs_its_right_and_no_other(bench: Bench, right: str, order: dict[str, Any]) -> None:
    only = CommandIssuer("panel", "webhook", frozenset(one for one in RIGHTS if one == right))
    others = CommandIssuer("panel", "webhook", frozenset(one for one in RIGHTS if one != right))
    assert bench.refused(others, **order) == "not_allowed"
    assert not (bench.modes.told or bench.hands.told or bench.heard)
    assert bench.do(only, **order)


def test_who_has_some_cameras_reaches_no_other(bench: Bench) -> None:
    some = CommandIssuer("panel", "webhook", cameras=frozenset({"door"}))
    event = bench.do(camera="yard", command="event.open", key="bell")
    orders: list[dict[str, Any]] = [
        {"command": "event.open", "camera": "yard"},
        {"command": "event.close", "event": event},
        {"command": "event.update", "event": "bell"},
        {"command": "pause", "camera": "yard"},
        {"command": "ptz", "camera": "yard", "stop": True},
        {"command": "relay", "relay": "gate"},
    ]
    for order in orders:
        assert bench.refused(some, **order) == "not_found"
    for order in ({"command": "set_mode", "mode": "away"}, {"command": "relay", "relay": "siren"}):
        assert bench.refused(some, **order) == "not_allowed"
    assert bench.do(some, command="event.open", camera="door")


def test_people_set_the_mode_whatever_cameras_they_see(bench: Bench) -> None:
    """On the page they did, as a command they did not. What else is of no camera stays refused."""
    mem = CommandIssuer("Mem", "http", cameras=frozenset({"door"}))
    bench.do(mem, command="set_mode", mode="away")
    assert bench.modes.told == [("mode", "away", "Mem", None)]
    orders: list[dict[str, Any]] = [
        {"command": "presence", "person": "anna", "home": True},
        {"command": "relay", "relay": "siren"},
        {"command": "snooze"},
    ]
    for order in orders:
        assert bench.refused(mem, **order) == "not_allowed"


def test_what_there_is_not_is_said(bench: Bench) -> None:
    assert bench.refused(command="pause", camera="moon") == "not_found"
    assert bench.refused(command="relay", relay="moon") == "not_found"
    assert bench.refused(command="event.close", event="moon") == "not_found"
    assert bench.refused(command="set_mode", mode="moon") == "not_done"
    assert bench.refused(command="ptz", camera="door", preset="moon") == "not_done"


@pytest.mark.parametrize("change", ["save", "remove"])
def test_presets_are_changed_by_owners_alone(bench: Bench, change: str) -> None:
    order = {"command": "ptz", "camera": "door", change: "Gate"}
    for who in (CommandIssuer("Ben", "http"), CommandIssuer("panel", "webhook"), CommandIssuer("a rule", "rule")):
        assert bench.refused(who, **order) == "not_allowed"
    assert not bench.hands.told
    bench.do(OWNER, **order)
    assert bench.hands.told == [(change, DOOR, "Gate")]


# --- what is kept of it ----------------------------------------------------------------------------------------------


def test_a_line_is_kept_of_each(bench: Bench) -> None:
    bench.do(CommandIssuer("panel", "webhook", address="10.0.0.7"), command="set_mode", mode="away")
    bench.refused(CommandIssuer("bell", "mqtt", frozenset({"event"})), command="pause", camera="door")
    bench.refused(command="ptz", camera="door", preset="moon")
    assert bench.notes == [
        ("set_mode", "panel", "10.0.0.7", "away: Mode: away."),
        ("pause", "bell", "mqtt", "door: refused: bell isn't allowed to do this."),
        ("ptz", "Anna", "http", "door: failed: The camera has no preset moon."),
    ]


def test_a_log_that_cannot_be_written_stops_nothing(bench: Bench) -> None:
    bench.note_fails = True
    assert bench.do(command="set_mode", mode="home")
    assert bench.modes.told == [("mode", "home", "Anna", None)]


# --- modes -----------------------------------------------------------------------------------------------------------


def test_modes_are_set(bench: Bench) -> None:
    now_ms = bench.clock.now_ms()
    bench.do(command="set_mode", mode="away")
    bench.do(command="set_mode", mode="night", lasts="1h")
    bench.do(command="set_mode", mode="schedule")
    bench.do(command="set_mode", mode="home")
    bench.do(command="presence", person="anna", home=True)
    bench.do(command="presence", person="anna", home=False)
    assert bench.modes.told == [
        ("mode", "away", "Anna", None),
        ("mode", "night", "Anna", now_ms + 3_600_000),
        ("week",),
        ("mode", "home", "Anna", None),
        ("seen", "anna", "Anna"),
        ("left", "anna"),
    ]


def test_the_former_word_for_the_schedule_is_refused(bench: Bench) -> None:
    bench.refused(command="set_mode", mode="week")
    assert bench.modes.told == []
    assert '`"week"` is now `"schedule"`.' in bench.notes[-1][3]


def test_recording_is_held_and_noted_as_an_event_until_it_is_stopped(bench: Bench) -> None:
    event = bench.do(command="record", camera="door", lasts="60 s")
    assert bench.modes.told == [("record", DOOR, bench.clock.now_ms() + 60_000)]
    assert bench.do(command="record", camera="door", on=False) == event
    assert bench.modes.told[-1] == ("let go", DOOR)
    assert bench.events == [("started", "door", "manual"), ("ended", "door", "manual")]


@pytest.mark.parametrize(
    ("first_s", "says"), [(3600, "Recording door for 3590 s."), (None, "Recording door until it is stopped.")]
)
def test_a_shorter_recording_ends_no_longer_one_and_says_so(bench: Bench, first_s: int | None, says: str) -> None:
    modes = ModeState(ModesSettings(), ZoneInfo("UTC"), ModeStore(":memory:"), bench.clock, bench.heard.append)
    marks, hands = cast(EventMarks, bench), cast(DeviceControl, bench.hands)
    result = ExternalEvents(marks, lambda event, jpeg: None, lambda *_: None, bench.heard.append, bench.clock)
    desk = CommandService(lambda: [DOOR], result, modes, hands, bench.note, bench.clock)
    modes.record(DOOR, None if first_s is None else bench.clock.now_ms() + first_s * 1000, "Anna")
    bench.clock.advance(10)
    assert desk.do(OWNER, {"command": "record", "camera": "door", "for": "5 s"}).words == says


def test_a_shorter_recording_ends_the_event_of_a_longer_one_no_earlier(bench: Bench) -> None:
    bench.do(command="record", camera="door", lasts="60 s")
    bench.do(command="record", camera="door", lasts="5 s")
    bench.engine.run_for(50)
    assert bench.events == [("started", "door", "manual")]
    bench.engine.run_for(11)
    assert bench.events[-1] == ("ended", "door", "manual")


def test_the_event_of_a_shorter_recording_lasts_as_long_as_a_hold_without_one(bench: Bench) -> None:
    bench.modes.longer_ms = bench.clock.now_ms() + 60_000
    bench.do(command="record", camera="door", lasts="5 s")
    bench.engine.run_for(58)
    assert bench.events == [("started", "door", "manual")]
    bench.engine.run_for(3)
    assert bench.events[-1] == ("ended", "door", "manual")


def test_what_is_private_stays_so_until_it_is_resumed(bench: Bench) -> None:
    bench.do(command="pause", camera="door")
    only_record = CommandIssuer("button", "mqtt", frozenset({"record"}))
    assert bench.refused(only_record, command="record", camera="door") == "not_done"
    bench.do(only_record, command="record", camera="door", on=False)
    assert bench.modes.hold(DOOR) == FakeHold("pause")
    bench.do(command="resume", camera="door")
    assert bench.modes.hold(DOOR) is None


def test_what_the_mode_keeps_private_is_not_recorded_by_hand(bench: Bench) -> None:
    bench.private = {DOOR}
    with pytest.raises(CommandRefused, match="door is private in this mode") as refused:
        bench.do(command="record", camera="door")
    assert refused.value.todo == "Change the mode first."
    assert not bench.modes.told and not bench.events
    bench.do(command="record", camera="door", on=False)
    assert bench.do(command="record", camera="yard")


def test_resuming_ends_no_recording(bench: Bench) -> None:
    bench.do(command="record", camera="door")
    bench.do(command="resume", camera="door")
    assert bench.modes.hold(DOOR) == FakeHold("record")


# --- events ----------------------------------------------------------------------------------------------------------


def test_an_event_is_opened_told_of_and_closed_by_its_key(bench: Bench) -> None:
    event = bench.do(command="event.open", camera="door", kind="bell", key="b1", label="Front bell", score=40)
    assert bench.do(command="event.update", event="b1", score=70, label="Rang twice") == event
    assert bench.do(command="event.close", event=event) == event
    assert bench.events == [(what, "door", "bell") for what in ("started", "updated", "ended")]
    last = bench.heard[-1]
    assert isinstance(last, EventChanged)
    assert (last.event.score, [one.label for one in last.event.objects]) == (70, ["Front bell", "Rang twice"])


def test_the_same_key_goes_on_and_another_cameras_is_another(bench: Bench) -> None:
    first = bench.do(command="event.open", camera="door", key="b1")
    assert bench.do(command="event.open", camera="door", key="b1") == first
    second = bench.do(command="event.open", camera="yard", key="b1")
    assert second != first
    only_yard = replace(OWNER, cameras=frozenset({"yard"}))
    assert bench.do(only_yard, command="event.close", event="b1") == second


def test_a_key_of_two_cameras_events_needs_the_camera(bench: Bench) -> None:
    """The end of the yard's event ended that of the door, which was opened first."""
    door, yard = (bench.do(command="event.open", camera=one, key="b1") for one in ("door", "yard"))
    for command in ("event.update", "event.close"):
        with pytest.raises(CommandRefused, match="door, yard") as refused:
            bench.do(command=command, event="b1")
        assert refused.value.kind == "bad_input"
    assert bench.do(command="event.update", event="b1", camera="yard", score=70) == yard
    assert bench.do(command="event.close", event="b1", camera="yard") == yard
    assert bench.refused(command="event.close", event=door, camera="yard") == "not_found"
    only_yard = replace(OWNER, cameras=frozenset({"yard"}))
    assert bench.refused(only_yard, command="event.close", event="b1", camera="door") == "not_found"
    assert bench.do(command="event.close", event="b1") == door


def test_a_key_of_two_programs_at_one_camera_needs_the_id(bench: Bench) -> None:
    """A person was advised to name the camera, which led to the same refusal."""
    bell, panel = CommandIssuer("bell", "webhook"), CommandIssuer("panel", "webhook")
    rang, alarm = (bench.do(one, command="event.open", camera="door", key="e1") for one in (bell, panel))
    for camera in (None, "door"):
        with pytest.raises(CommandRefused, match=f"{rang}, {alarm}") as refused:
            bench.do(command="event.close", event="e1", camera=camera)
        assert (refused.value.kind, refused.value.do) == ("bad_input", "Use the ID of one of them.")
    assert bench.do(command="event.close", event=rang) == rang
    assert bench.do(command="event.close", event="e1") == alarm


def test_a_misspelt_camera_of_an_event_is_named(bench: Bench) -> None:
    bench.do(command="event.open", camera="door", key="b1")
    for command in ("event.update", "event.close"):
        with pytest.raises(CommandRefused, match="Camera not found"):
            bench.do(command=command, event="b1", camera="dor")


def test_a_doorbell_with_the_same_key_rings_again(bench: Bench) -> None:
    """A visitor who rang again within five minutes was not noticed."""
    press = partial(bench.do, command="event.open", camera="door", kind="doorbell", key="b1")
    first = press()
    bench.engine.run_for(MOMENT_S - 1)
    assert press() == first
    bench.engine.run_for(1)
    assert press() != first
    assert bench.events == [(what, "door", "doorbell") for what in ("started", "ended", "started")]


def test_two_programs_may_use_the_same_key(bench: Bench) -> None:
    """An alarm was lost, as it extended the bell's event; and its end was that of the bell."""
    bell, panel = CommandIssuer("bell", "webhook"), CommandIssuer("panel", "webhook")
    rang = bench.do(bell, command="event.open", camera="door", kind="bell", key="e1")
    alarm = bench.do(panel, command="event.open", camera="door", kind="alarm", key="e1")
    assert bench.events == [("started", "door", "bell"), ("started", "door", "alarm")]
    assert bench.do(panel, command="event.close", event="e1") == alarm
    assert bench.refused(panel, command="event.close", event="e1") == "not_found"
    assert bench.do(panel, command="event.close", event=rang) == rang


def test_an_event_that_goes_on_is_not_said_to_start(bench: Bench) -> None:
    order = {"command": "event.open", "camera": "door", "key": "b1"}
    started, goes_on = (bench.desk.do(OWNER, order) for _ in range(2))
    assert (started.words, goes_on.words) == (f"Event {started.event} started.", f"Event {started.event} goes on.")


def test_an_end_that_gets_lost_costs_nothing(bench: Bench) -> None:
    bench.do(command="event.open", camera="door", lasts="20 s")
    bench.engine.run_for(19)
    assert len(bench.events) == 1
    bench.engine.run_for(2)
    assert bench.events[-1][0] == "ended"


def test_a_computer_that_was_suspended_makes_no_event_longer(bench: Bench) -> None:
    bench.do(command="event.open", camera="door", lasts="20 s")
    bench.engine.run_for(15)
    bench.clock.advance(8 * 3600)
    bench.said.step()
    last = bench.heard[-1]
    assert isinstance(last, EventChanged)
    assert (last.what, last.event.end_ms) == ("ended", last.event.start_ms + 20_000)


def test_what_begins_after_a_suspend_is_no_part_of_what_was_open_before(bench: Bench) -> None:
    before = bench.do(command="event.open", camera="door", key="b1", lasts="20 s")
    bench.clock.advance(8 * 3600)
    assert bench.do(command="event.open", camera="door", key="b1") != before
    assert bench.events == [(what, "door", "manual") for what in ("started", "ended", "started")]


def test_an_update_after_a_suspend_makes_no_event_longer(bench: Bench) -> None:
    bench.do(command="event.open", camera="door", key="b1", lasts="20 s")
    bench.clock.advance(8 * 3600)
    with pytest.raises(CommandRefused):
        bench.do(command="event.update", event="b1", lasts="20 s")
    assert [what for what, *_ in bench.events] == ["started", "ended"]


def test_an_update_may_give_it_more_time(bench: Bench) -> None:
    bench.do(command="event.open", camera="door", key="b1", lasts="20 s")
    bench.engine.run_for(15)
    bench.do(command="event.update", event="b1", lasts="60 s")
    bench.engine.run_for(55)
    assert len(bench.events) == 1
    bench.engine.run_for(10)
    assert bench.events[-1][0] == "ended"


def test_too_many_at_a_time_are_refused(bench: Bench) -> None:
    for _ in range(200):
        bench.do(command="event.open", camera="door")
    assert bench.refused(command="event.open", camera="door") == "not_done"


def test_what_lasts_when_the_recorder_ends_is_over(bench: Bench) -> None:
    bench.do(command="event.open", camera="door")
    bench.said.close()
    assert bench.events[-1][0] == "ended"


# --- hands -----------------------------------------------------------------------------------------------------------


def test_cameras_are_turned_and_relays_switched(bench: Bench) -> None:
    bench.do(command="ptz", camera="door", pan=-1, tilt=0.5, lasts="1 s")
    turned = [one for one in bench.heard if isinstance(one, CameraTurned)]
    assert [(one.camera, one.until_ms - one.at_ms) for one in turned] == [(DOOR, 1000)], "for recording around events"
    bench.do(command="ptz", camera="door", stop=True)
    bench.do(command="relay", relay="gate", lasts="2 s")
    bench.do(command="relay", relay="siren", on=False)
    assert bench.hands.told == [
        ("move", DOOR, -1, 0.5, 0, 1),
        ("stop", DOOR),
        ("switch", "gate", True, 2),
        ("switch", "siren", False, None),
    ]


def test_a_camera_that_answers_late_counts_as_turned_meanwhile(bench: Bench) -> None:
    """What it shows on its way began events, as its movement was reported with its answer only."""
    before: list[int] = []

    def late() -> None:
        before.extend(one.until_ms - one.at_ms for one in bench.heard if isinstance(one, CameraTurned))
        bench.clock.advance(5)

    bench.hands.answers = late
    bench.do(command="ptz", camera="door", pan=1, lasts="1 s")
    assert before == [1000]
    last = [one for one in bench.heard if isinstance(one, CameraTurned)][-1]
    assert (last.at_ms, last.until_ms) == (bench.clock.now_ms(), bench.clock.now_ms() + 1000)
