"""What rules have done: once an event, as soon as they fit, and noted with how it went."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest

from tawny.config.modes import RuleAction
from tawny.config.settings import Settings
from tawny.engine import Bus, InlineEngine
from tawny.engine.blocking_calls import OrderedCalls
from tawny.events.modes import ModeState, ModeStore
from tawny.events.rule_engine import RuleOutcome
from tawny.model.errors import NotDone, StorageError
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.times import utc_from_text
from tawny.service.modes.rule_actions import IDLE_S, RuleActions, RuleDecider
from tawny.testing.clock import FakeClock
from tawny.testing.waiting import until

PORCH, YARD = CameraId("porch"), CameraId("yard")


class AtOnce(OrderedCalls):
    """Calls in the caller's thread, so that a test sees the result at once."""

    def start(self, lane: str, call: Callable[[], None]) -> None:
        call()


class Bench:
    def __init__(self, *rules: dict[str, Any], calls: OrderedCalls | None = None) -> None:
        self.calls = calls or AtOnce()
        self.clock, self.book, self.bus = FakeClock(), ModeStore(":memory:"), Bus()
        self.settings = Settings.model_validate({"rules": list(rules)})
        self.modes = ModeState(self.settings.modes, ZoneInfo("UTC"), self.book, self.clock, self.bus.publish)
        self.asked: list[Any] = []
        self.told: dict[EventId, Event] = {}
        self.fails = self.unread = ""
        self.again()
        self.bus.subscribe(EventChanged, lambda message: self.acting.on_event(message))

    def again(self) -> None:
        """As after a restart."""
        self.deciding = RuleDecider(lambda: self.settings, self.modes, self.book, self.clock)
        self.acting = RuleActions(
            self.deciding, self.modes, self.order, self.run, self.publish_again, self.clock, self.calls
        )

    def publish_again(self, event: EventId) -> None:
        if self.unread:
            raise StorageError("index.db", self.unread)
        self.bus.publish(EventChanged("updated", self.told[event]))

    def order(self, asked: Mapping[str, Any], by: str) -> str:
        if self.fails:
            raise NotDone(self.fails)
        self.asked.append(dict(asked))
        return "It is on."

    def run(self, script: str, data: Mapping[str, Any]) -> str:
        self.asked.append((script, dict(data)))
        return ""

    def tell(self, event: Event) -> None:
        self.told[event.id] = event
        self.bus.publish(EventChanged("updated", event))
        self.acting.step()

    def event(self, **about: Any) -> Event:
        now_ms = self.clock.now_ms()
        return replace(Event(new_event_id(now_ms), PORCH, "person", now_ms, None, 50.0), **about)

    def why(self, event: Event, action: str) -> tuple[bool, str]:
        return next((one.does, one.why) for one in self.deciding.why(event.id) if one.action == action)


def test_a_relay_is_switched_once_an_event_also_over_a_restart() -> None:
    bench = Bench({"do": ["relay gate 2 s"]})
    event = bench.event()
    for _ in range(2):
        bench.tell(event)
    bench.again()
    bench.tell(event.ended(bench.clock.now_ms()))
    assert bench.asked == [{"command": "relay", "relay": "gate", "on": True, "for": 2.0}]
    assert bench.why(event, "relay gate 2 s") == (True, "Rule 1 says so (always). It is on.")
    bench.tell(bench.event())
    assert len(bench.asked) == 2


def test_what_happened_before_it_was_started_is_acted_on_once() -> None:
    """Cameras record some seconds before rules are loaded."""
    bench = Bench({"do": ["relay gate 2 s"]})
    over, running = bench.event().ended(bench.clock.now_ms() + 500), bench.event()
    bench.clock.advance(2)
    bench.acting.start(InlineEngine(bench.clock, lambda part, error: None), bench.bus, lambda: [running, over])
    bench.tell(running.ended(bench.clock.now_ms()))
    assert len(bench.asked) == 2
    assert bench.acting.step() == IDLE_S


def test_an_index_that_cannot_be_read_keeps_no_rule_from_acting() -> None:
    def fails() -> list[Event]:
        raise StorageError("index.db", "it is locked")

    bench = Bench({"do": ["relay gate 2 s"]})
    bench.acting.start(InlineEngine(bench.clock, lambda part, error: None), bench.bus, fails)
    bench.tell(bench.event())
    assert len(bench.asked) == 1


def test_what_fails_is_noted_and_not_tried_for_ever() -> None:
    bench = Bench({"do": ["siren"]})
    bench.fails = "No relay named siren."
    event = bench.event()
    bench.tell(event)
    bench.fails = ""
    bench.tell(event)
    assert bench.asked == []
    assert bench.why(event, "relay siren 30 s")[1].endswith("Failed: No relay named siren.")


def test_a_rule_that_begins_to_fit_is_heeded_then() -> None:
    bench = Bench({"when": {"zone": "path"}, "do": ["ptz yard gate"]})
    event = bench.event()
    bench.tell(event)
    assert bench.asked == []
    bench.tell(replace(event, zones=("path",)))
    assert bench.asked == [{"command": "ptz", "camera": "yard", "preset": "gate"}]


def test_what_lasts_long_enough_is_acted_on_while_it_lasts() -> None:
    bench = Bench({"when": {"min_duration": "30 s"}, "do": ["say Go away", "run lights.sh"]})
    bench.tell(bench.event())
    assert bench.acting.step() == 30
    bench.clock.advance(30)
    bench.acting.step()
    bench.acting.step()
    assert [script for script, _ in bench.asked] == ["say", "lights.sh"]
    assert bench.asked[0][1]["say"] == "Go away"


def test_what_lasts_is_acted_on_although_the_index_could_not_be_read_at_first() -> None:
    bench = Bench({"when": {"min_duration": "30 s"}, "do": ["run lights.sh"]})
    bench.tell(bench.event())
    bench.clock.advance(30)
    bench.unread = "it is locked"
    bench.acting.step()
    bench.unread = ""
    bench.acting.step()
    bench.acting.step()
    assert [script for script, _ in bench.asked] == ["lights.sh"]


def test_another_camera_records_unless_it_is_private() -> None:
    bench = Bench({"do": ["record yard 2 min", "record 1 min"]})
    bench.modes.pause(YARD, None, "Anna")
    event = bench.event()
    bench.tell(event)
    here, there = bench.modes.hold(PORCH), bench.modes.hold(YARD)
    assert here is not None and (here.what, here.by) == ("record", "a rule")
    assert here.until_ms == bench.clock.now_ms() + 60_000
    assert there is not None and there.what == "pause"
    assert "yard is paused for privacy" in bench.why(event, "record yard 2 min")[1]


def test_a_camera_that_the_mode_makes_private_is_not_recorded_by_a_rule() -> None:
    bench = Bench({"do": ["record yard 2 min"]})
    engine = InlineEngine(bench.clock, lambda part, error: None)
    bench.acting.start(engine, bench.bus, list, lambda camera: camera == YARD)
    bench.tell(event := bench.event())
    assert bench.modes.hold(YARD) is None
    assert bench.why(event, "record yard 2 min")[1].endswith("Failed: yard is private in this mode.")


@pytest.mark.parametrize("verb", ["notify", "upload"])
def test_what_was_just_removed_from_the_settings_is_asked_about_once_more(verb: Literal["notify", "upload"]) -> None:
    """Who sends gets changed settings a moment later than the rules."""
    decisions = Bench().deciding.of(Bench().event())
    decision = decisions[RuleAction(verb, "phone")]
    assert (decision.does, decision.why) == (False, "phone is no longer in the settings.")
    assert not decisions, "nothing is added by asking"


def test_what_was_long_ago_is_only_marked() -> None:
    bench = Bench({"do": ["siren"]})
    old = bench.event().ended(bench.clock.now_ms() + 1000)
    bench.clock.advance(3600)
    bench.tell(replace(old, kept=True))
    assert bench.asked == []


def test_a_silent_camera_delays_no_other_rule() -> None:
    bench = Bench({"do": ["ptz yard gate", "relay light 2 s"]}, calls=OrderedCalls())
    answers, order = threading.Event(), bench.order
    asked_cameras: list[Any] = []

    def slow(asked: Mapping[str, Any], by: str) -> str:
        if asked["command"] == "ptz":
            asked_cameras.append(asked["camera"])
            assert answers.wait(10)
        return order(asked, by)

    bench.order = slow  # type: ignore[method-assign]
    bench.again()
    event = bench.event()
    try:
        for _ in range(3):  # it is updated while the camera is silent
            bench.tell(event)
            until(lambda: [one["command"] for one in bench.asked] == ["relay"])
    finally:
        answers.set()
    until(lambda: any(one.action == "ptz yard gate" for one in bench.deciding.why(event.id)))
    bench.tell(event)
    assert asked_cameras == ["yard"]
    assert bench.why(event, "ptz yard gate") == (True, "Rule 1 says so (always). It is on.")


def test_what_people_would_notice_of_a_snoozed_rule_is_left_out_and_says_why() -> None:
    bench = Bench({"name": "Night", "do": ["siren 30 s", "run lights.sh", "say Go", "record porch 1 min"]})
    snoozed = {"Night": "is snoozed by Anna until 21:12"}
    bench.deciding.leave_out(lambda camera, at_ms: snoozed)
    event = bench.event()
    bench.tell(event)
    assert bench.asked == []
    for action in ("relay siren 30 s", "run lights.sh", "say Go"):
        assert bench.why(event, action) == (False, "The rule “Night” is snoozed by Anna until 21:12.")
    assert bench.why(event, "record porch 1 min")[0], "recording goes on"


def test_a_rule_that_is_not_snoozed_does_the_same_all_the_same() -> None:
    bench = Bench({"name": "Night", "do": ["relay gate"]}, {"name": "Day", "do": ["relay gate"]})
    bench.deciding.leave_out(lambda camera, at_ms: {"Night": "is snoozed by Anna until 21:12"})
    event = bench.event()
    bench.tell(event)
    assert [one["relay"] for one in bench.asked] == ["gate"]


@pytest.mark.parametrize(
    ("begins", "ends", "acts"), [(-60, 60, False), (5, 60, False), (-60, -5, True), (60, 90, True)]
)
def test_a_rule_is_left_out_if_it_is_snoozed_when_the_event_begins_or_when_it_would_act(
    begins: float, ends: float, acts: bool
) -> None:
    """Snoozed from and to, s after the event's begin; the rule acts after 10 s."""
    bench = Bench({"name": "Night", "when": {"min_duration": "10 s"}, "do": ["relay gate"]})
    event = bench.event()
    span = range(event.start_ms + round(begins * 1000), event.start_ms + round(ends * 1000))
    bench.deciding.leave_out(lambda camera, at_ms: {"Night": "is snoozed by Anna"} if at_ms in span else {})
    bench.tell(event)
    bench.clock.advance(10)
    bench.tell(event)
    assert bool(bench.asked) is acts


class Unreadable(ModeStore):
    """A store whose next read of an event's outcomes fails."""

    fails = True

    def reasons(self, event: EventId) -> list[RuleOutcome]:
        if self.fails:
            self.fails = False
            raise StorageError("modes.db", "disk I/O error")
        return super().reasons(event)


def test_an_event_whose_outcomes_cannot_be_read_is_evaluated_at_the_next_step() -> None:
    bench = Bench({"do": ["relay gate 2 s"]})
    bench.book = Unreadable(":memory:")
    bench.again()
    with pytest.raises(StorageError):
        bench.tell(bench.event())
    bench.acting.step()
    assert [one["relay"] for one in bench.asked] == ["gate"]


class UnreadableEvent(ModeStore):
    """A store that never reads the outcomes of one event."""

    event = EventId("")

    def reasons(self, event: EventId) -> list[RuleOutcome]:
        if event == self.event:
            raise StorageError("modes.db", "disk I/O error")
        return super().reasons(event)


def test_an_event_whose_outcomes_can_never_be_read_stops_no_rule_for_others() -> None:
    bench = Bench({"do": ["relay gate 2 s"]})
    bench.book = book = UnreadableEvent(":memory:")
    bench.again()
    event = bench.event()
    book.event = event.id
    with pytest.raises(StorageError):
        bench.tell(event)
    with pytest.raises(StorageError):
        bench.acting.step()
    bench.tell(bench.event())
    assert [one["relay"] for one in bench.asked] == ["gate"]
    with pytest.raises(StorageError):
        bench.tell(event.ended(bench.clock.now_ms()))  # it may be read by then
    bench.acting.on_event(EventChanged("started", bench.event()))
    with pytest.raises(StorageError):
        bench.acting.step()
    bench.acting.step()
    assert [one["relay"] for one in bench.asked] == ["gate", "gate"]


def test_rules_that_are_asked_before_the_modes_have_new_settings_know_the_new_place() -> None:
    bench = Bench()
    bench.deciding.rules.unrecorded(bench.deciding.standing(PORCH))
    rule = {"when": {"between": "sunset-sunrise"}, "do": ["don't record"]}
    bench.clock.jump_utc((utc_from_text("2026-06-20T23:00:00Z") - bench.clock.now_ms()) / 1000)
    bench.settings = Settings.model_validate({"modes": {"location": [69.65, 18.96]}, "rules": [rule]})  # midnight sun
    assert bench.deciding.rules.unrecorded(bench.deciding.standing(PORCH)) == ""
