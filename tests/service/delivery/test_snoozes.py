"""Snoozes: who gets nothing about which camera, until when; they end by themselves and survive a restart."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tawny.config.modes import RuleAction, RuleSettings
from tawny.delivery.delivery import DeliveryState
from tawny.delivery.outbox import Outbox
from tawny.events.rule_engine import RuleDecision
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.messages import Alarm, ProblemKind
from tawny.service.delivery.notification_filter import NotificationFilter, Snoozes, verdict
from tawny.service.modes.decider import Decider
from tawny.testing.clock import FakeClock
from tawny.testing.http_service import StandIn, served
from tests.playback.archives import PORCH
from tests.service.delivery.test_messaging import Bench, bot

BERLIN, YARD = ZoneInfo("Europe/Berlin"), CameraId("yard")
HOUR_MS = 3_600_000


def rule(name: str, **when: object) -> RuleSettings:
    return RuleSettings.model_validate({"name": name, "when": when, "do": ["notify phone", "siren 30 s"]})


NIGHT, UNNAMED = rule("Night watch", camera="porch"), rule("", kind="person")


class Kept:
    """Snoozes in a file; anna, ben and cleo are people, and cleo sees the yard alone."""

    def __init__(self, root: Path) -> None:
        self.path, self.clock = root / "outbox.db", FakeClock("2026-11-22T09:30:00Z")
        self.gone: set[str] = set()
        self.rules = [NIGHT, UNNAMED]
        self.begin()

    def begin(self) -> None:
        self.outbox = Outbox(self.path, self.clock)
        self.snoozes = Snoozes(self.outbox, self.clock, BERLIN, self.may_see, lambda: self.rules)

    def may_see(self, person: str, camera: CameraId) -> bool:
        return person not in self.gone and (person != "cleo" or camera == YARD)

    def snooze_rule(self, one: RuleSettings, for_s: int | None = 3600, by: str = "anna") -> None:
        self.snoozes.put(None, for_s, by, by.title(), everyone=True, rule=one.key)

    def edit(self, rules: list[RuleSettings]) -> None:
        before, self.rules = self.rules, rules
        self.snoozes.carry_over(before, rules)

    def quiet(self, one: RuleSettings, camera: CameraId = PORCH) -> str:
        return self.snoozes.rules_at(camera, self.clock.now_ms()).get(one.key, "")

    def stopped(self, user: str, camera: CameraId = PORCH) -> bool:
        return self.snoozes.of(user, camera, self.clock.now_ms()) is not None


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.outbox.close()


@pytest.mark.parametrize(
    ("camera", "everyone", "by", "stops"),
    [
        (PORCH, False, "anna", {("anna", PORCH), ("Anna", PORCH)}),
        (None, False, "anna", {("anna", PORCH), ("anna", YARD), ("Anna", PORCH), ("Anna", YARD)}),
        (PORCH, True, "anna", {(user, PORCH) for user in ("anna", "Anna", "ben", "")}),
        (None, True, "anna", {(user, camera) for user in ("anna", "Anna", "ben", "") for camera in (PORCH, YARD)}),
        (None, True, "cleo", {(user, YARD) for user in ("anna", "Anna", "ben", "")}),
    ],
)
def test_whom_and_what_it_stops(
    kept: Kept, camera: CameraId | None, everyone: bool, by: str, stops: set[tuple[str, CameraId]]
) -> None:
    kept.snoozes.put(camera, 3600, by, by.title(), everyone=everyone)
    asked = [(user, one) for user in ("anna", "Anna", "ben", "") for one in (PORCH, YARD)]
    assert {pair for pair in asked if kept.stopped(*pair)} == stops


def test_a_user_is_named_in_any_case(kept: Kept) -> None:
    kept.snoozes.put(PORCH, 3600, "1a2b", "Özlem", everyone=False)
    assert [kept.stopped(user) for user in ("özlem", "ÖZLEM ", "ozlem", "")] == [True, True, False, False]


def test_a6_it_ends_by_itself(kept: Kept) -> None:
    kept.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=False)
    kept.clock.advance(3599)
    assert kept.stopped("anna")
    kept.clock.advance(1)
    assert not kept.stopped("anna")
    assert kept.snoozes.all() == []
    assert kept.outbox.marks("snooze/") == {}


def test_it_is_ended_by_hand_and_another_one_goes_on(kept: Kept) -> None:
    kept.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=False)
    kept.snoozes.put(PORCH, 3600, "ben", "Ben", everyone=True)
    kept.snoozes.end(PORCH, "anna", everyone=True)
    assert [one.by for one in kept.snoozes.all()] == ["anna"]
    kept.snoozes.end(PORCH, "anna", everyone=False)
    assert kept.snoozes.all() == []


def test_a_second_one_replaces_the_first(kept: Kept) -> None:
    kept.snoozes.put(None, 3600, "anna", "Anna", everyone=False)
    kept.snoozes.put(None, 60, "anna", "Anna", everyone=False)
    kept.clock.advance(61)
    assert not kept.stopped("anna")


def test_it_survives_a_restart(kept: Kept) -> None:
    kept.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=True)
    kept.outbox.close()
    kept.begin()
    assert kept.stopped("")


def test_what_a_removed_person_snoozed_goes_on(kept: Kept) -> None:
    kept.snoozes.put(None, 3600, "anna", "Anna", everyone=True)
    kept.gone.add("anna")
    assert not kept.stopped("ben")


def test_it_says_who_and_until_when(kept: Kept) -> None:
    now_ms = kept.clock.now_ms()
    kept.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=True)
    assert kept.snoozes.why("", PORCH, now_ms) == "Anna snoozed notifications for everyone until 11:30."
    kept.snoozes.put(PORCH, 86_400, "ben", "Ben", everyone=False)
    assert kept.snoozes.why_some(PORCH, now_ms) == "Ben snoozed notifications until Mon 10:30."
    assert kept.snoozes.why_some(YARD, now_ms) == ""


def test_browsers_are_sent_to_and_the_reason_names_who_is_left_out(kept: Kept) -> None:
    kept.snoozes.put(PORCH, 3600, "ben", "Ben", everyone=False)
    browsers = NotificationFilter("browsers", leaves_out=kept.snoozes.why_some)
    says = RuleDecision(RuleAction("notify", "browsers"), does=True, why="By default.")
    found = verdict(browsers, PORCH, "person", says, kept.clock.now_ms(), BERLIN, why_muted="")
    assert (found.does, found.why) == (True, "By default. Ben snoozed notifications until 11:30.")


# Rules.


@pytest.mark.parametrize("one", [NIGHT, UNNAMED], ids=["named", "unnamed"])
def test_a_snoozed_rule_says_who_and_until_when_and_stops_nothing_else(kept: Kept, one: RuleSettings) -> None:
    kept.snooze_rule(one)
    assert kept.quiet(one) == "is snoozed by Anna until 11:30"
    assert not kept.quiet(UNNAMED if one is NIGHT else NIGHT)
    assert not kept.stopped("anna")
    kept.clock.advance(3600)
    assert not kept.quiet(one)


def test_a_rule_is_snoozed_until_it_is_resumed(kept: Kept) -> None:
    kept.snooze_rule(NIGHT, None)
    kept.clock.advance(30 * 86_400)
    assert kept.quiet(NIGHT) == "is snoozed by Anna until resumed"
    kept.outbox.close()
    kept.begin()
    assert kept.quiet(NIGHT)
    assert [one.until_ms for one in kept.snoozes.all()] == [None]
    assert kept.snoozes.end(None, "ben", everyone=True, rule=NIGHT.key) is not None
    assert not kept.quiet(NIGHT)


def test_a_rule_that_is_none_is_refused_and_one_that_was_removed_is_not_shown(kept: Kept) -> None:
    with pytest.raises(NotDone):
        kept.snooze_rule(rule("Other"))
    kept.snooze_rule(NIGHT)
    kept.rules = [UNNAMED]
    assert kept.snoozes.all() == []


def test_its_maker_snoozes_a_rule_for_the_cameras_they_may_see(kept: Kept) -> None:
    kept.snooze_rule(UNNAMED, by="cleo")
    assert kept.quiet(UNNAMED, YARD)
    assert not kept.quiet(UNNAMED, PORCH)
    kept.gone.add("cleo")
    assert not kept.quiet(UNNAMED, YARD)


def test_what_a_program_snoozed_needs_no_person(kept: Kept) -> None:
    kept.snoozes.put(PORCH, 3600, "", "tawny snooze", everyone=True)
    assert kept.stopped("ben")


@pytest.mark.parametrize(
    ("new", "goes_on"),
    [
        ([rule("Late watch", camera="porch"), UNNAMED], "Late watch"),
        ([UNNAMED, NIGHT], "Night watch"),
        ([UNNAMED], ""),
    ],
    ids=["renamed", "moved", "removed"],
)
def test_a_rule_stays_snoozed_when_it_is_renamed_or_moved(kept: Kept, new: list[RuleSettings], goes_on: str) -> None:
    kept.snooze_rule(NIGHT)
    before, kept.rules = kept.rules, new
    kept.snoozes.carry_over(before, new)
    assert [one.rule for one in kept.snoozes.all()] == ([goes_on] if goes_on else [])


def test_a_rule_with_the_name_of_a_deleted_one_is_not_snoozed(kept: Kept) -> None:
    kept.snooze_rule(NIGHT, None)
    for new in ([UNNAMED], [UNNAMED, rule("Night watch", camera="yard")]):
        before, kept.rules = kept.rules, new
        kept.snoozes.carry_over(before, new)
    assert kept.snoozes.all() == []


@pytest.mark.parametrize(("after_s", "goes_on"), [(60, True), (601, False)])
def test_a_rule_whose_deletion_is_undone_soon_is_snoozed_as_before(kept: Kept, after_s: float, goes_on: bool) -> None:
    kept.snooze_rule(NIGHT, None)
    all_of_them = kept.rules
    kept.edit([UNNAMED])
    assert kept.snoozes.all() == []
    kept.clock.advance(after_s)
    kept.edit(all_of_them)
    assert bool(kept.snoozes.all()) == goes_on
    kept.edit([rule("Night watch", camera="yard"), UNNAMED])
    assert bool(kept.snoozes.all()) == goes_on, "edited"


def test_a_snooze_of_a_deleted_rule_is_over_at_the_next_change(kept: Kept) -> None:
    kept.snooze_rule(NIGHT, None)
    kept.edit([UNNAMED])
    kept.clock.advance(601)
    kept.edit([UNNAMED, rule("Cars", kind="vehicle")])
    assert kept.outbox.marks("snooze/") == {}


def test_a_rule_that_is_renamed_to_a_deleted_one_keeps_its_own_snooze(kept: Kept) -> None:
    cars = rule("Cars", kind="vehicle")
    kept.rules = [NIGHT, cars]
    kept.snooze_rule(NIGHT, None)
    kept.snooze_rule(cars, 3600)
    kept.edit([cars])
    kept.edit([rule("Night watch", kind="vehicle")])
    assert kept.quiet(NIGHT) == "is snoozed by Anna until 11:30"


def test_a_rule_that_moves_up_into_the_place_of_a_deleted_one_is_not_snoozed(kept: Kept) -> None:
    kept.snooze_rule(NIGHT, None)
    before, kept.rules = kept.rules, [UNNAMED, rule("Cars", kind="vehicle")]
    kept.snoozes.carry_over(before, kept.rules)
    assert kept.snoozes.all() == []


def test_a_snooze_of_a_rule_that_was_deleted_while_nothing_ran_ends_at_the_start(kept: Kept) -> None:
    kept.snooze_rule(NIGHT, None)
    kept.snoozes.carry_over([UNNAMED], [UNNAMED])
    kept.clock.advance(60)
    assert not kept.quiet(NIGHT)


def test_a_camera_with_the_id_of_a_removed_one_is_not_snoozed(kept: Kept) -> None:
    for camera in (PORCH, YARD, None):
        kept.snoozes.put(camera, 3600, "anna", "Anna", everyone=True)
    kept.snoozes.forget_cameras([PORCH])
    assert {one.camera for one in kept.snoozes.all()} == {YARD, None}


def test_an_edited_rule_without_a_name_stays_snoozed(kept: Kept) -> None:
    kept.snooze_rule(UNNAMED)
    before, kept.rules = kept.rules, [NIGHT, rule("", kind="vehicle")]
    kept.snoozes.carry_over(before, kept.rules)
    assert kept.quiet(kept.rules[1])


@pytest.mark.parametrize("step_s", [-86_400, -3600, 3600, 86_400])
def test_a_step_of_the_clock_changes_no_duration(kept: Kept, step_s: float) -> None:
    kept.snooze_rule(NIGHT)
    kept.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=False)
    kept.clock.advance(1800)
    kept.clock.jump_utc(step_s)
    kept.clock.advance(1799)
    assert (bool(kept.quiet(NIGHT)), kept.stopped("anna")) == (True, True)
    kept.clock.advance(1)
    assert (bool(kept.quiet(NIGHT)), kept.stopped("anna"), kept.snoozes.all()) == (False, False, [])


def test_a_clock_that_was_set_back_while_nothing_ran_delays_no_snooze(kept: Kept) -> None:
    kept.snooze_rule(NIGHT)
    kept.outbox.close()
    kept.clock.jump_utc(-86_400)
    kept.begin()
    assert kept.quiet(NIGHT)
    kept.clock.advance(3600)
    assert not kept.quiet(NIGHT)


def test_when_a_snooze_was_is_remembered_for_what_happened_then(kept: Kept) -> None:
    began_ms = kept.clock.now_ms()
    kept.snooze_rule(NIGHT)
    kept.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=True)
    kept.clock.advance(60)
    kept.snoozes.end(PORCH, "anna", everyone=True)
    kept.clock.advance(7200)
    assert kept.snoozes.all() == []
    assert kept.snoozes.of("ben", PORCH, began_ms) is not None
    assert kept.snoozes.of("ben", PORCH, began_ms + 60_000) is None
    assert kept.snoozes.rules_at(PORCH, began_ms + HOUR_MS - 1)
    assert not kept.snoozes.rules_at(PORCH, began_ms + HOUR_MS)
    kept.clock.advance(4 * 86_400)
    kept.snoozes.put(PORCH, 60, "anna", "Anna", everyone=True)
    kept.snoozes.end(PORCH, "anna", everyone=True)
    assert kept.snoozes.of("ben", PORCH, began_ms) is None, "forgotten after days"


def test_a_rule_is_found_by_its_name_or_number(kept: Kept) -> None:
    assert kept.snoozes.key_of("night watch") == NIGHT.key
    assert kept.snoozes.key_of("Rule 2") == UNNAMED.key
    with pytest.raises(NotDone, match="No rule named None"):
        kept.snoozes.key_of("None")


# A whole notifier: nothing about events, all about problems.


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with served(StandIn(bot)) as service:
        made = Bench(tmp_path, service)
        yield made
        made.outbox.close()


def test_u4_a_snoozed_camera_sends_nothing_for_an_hour_and_records_its_events(bench: Bench) -> None:
    bench.notifications.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=True)
    bench.clock.advance(10)
    event = bench.happens()
    bench.work()
    assert bench.sent() == []
    assert bench.recorder.index.event(event.id) is not None
    bench.killed()
    bench.clock.advance(3600)
    bench.work()
    assert bench.sent() == [], "what happened meanwhile is not made up for"
    bench.happens()
    bench.work()
    assert len(bench.sent()) == 1


def test_what_waits_when_somebody_snoozes_is_dropped_with_the_reason(bench: Bench) -> None:
    event = bench.happens(picture_ms=None)
    bench.clock.advance(0.5)
    bench.notifications.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=True)
    bench.clock.advance(2)
    bench.work()
    assert bench.sent() == []
    (dropped,) = bench.outbox.of_event(event.id)
    assert dropped.state is DeliveryState.DROPPED
    assert "Anna snoozed notifications for everyone until" in dropped.why


def test_problems_are_told_while_it_lasts(bench: Bench) -> None:
    bench.notifications.snoozes.put(None, 3600, "anna", "Anna", everyone=True)
    bench.notifications.scheduler.on_message(Alarm(ProblemKind.CAMERA, PORCH, bench.clock.now_ms(), "No answer."))
    bench.work()
    bench.work()
    assert len(bench.sent()) == 1


def test_the_channel_of_another_person_is_told(tmp_path: Path) -> None:
    with served(StandIn(bot)) as service:
        bench = Bench(tmp_path, service, user="Ben")
        bench.notifications.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=False)
        bench.happens()
        bench.work()
        assert len(bench.sent()) == 1
        bench.notifications.snoozes.put(PORCH, 3600, "ben", "Ben", everyone=False)
        bench.clock.advance(100)
        bench.happens()
        bench.work()
        assert len(bench.sent()) == 1
        bench.outbox.close()


@pytest.mark.parametrize("ends_early", [False, True])
@pytest.mark.parametrize("of_rule", [False, True])
def test_what_quiet_hours_collected_before_a_snooze_is_sent_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, of_rule: bool, ends_early: bool
) -> None:
    """From 06:00 on; the quiet hours end at 06:30, the snooze at 07:10 or, by hand, at 06:35."""
    with served(StandIn(bot)) as service:
        bench = Bench(tmp_path, service, quiet_hours="05:00-06:30")
        snoozes, key = bench.notifications.snoozes, NIGHT.key if of_rule else ""
        if of_rule:
            bench.notifications.take_over(bench.settings.model_copy(update={"rules": (NIGHT,)}))
            deed = RuleAction("notify", "phone")

            def of(_: Decider, event: Event) -> Mapping[RuleAction, RuleDecision]:
                is_quiet = bool(snoozes.rules_at(event.camera, event.start_ms))
                return {deed: RuleDecision(deed, does=not is_quiet, why="A rule.", rule=key)}

            monkeypatch.setattr(Decider, "of", of)
        for _ in range(2):
            bench.happens()
            bench.clock.advance(300)
        snoozes.put(None, 3600, "anna", "Anna", everyone=True, rule=key)
        bench.happens()
        for _ in range(5):
            bench.clock.advance(300)
            bench.work()
        assert bench.sent() == []
        if ends_early:
            snoozes.end(None, "anna", everyone=True, rule=key)
        bench.clock.advance(600 if ends_early else 2100)
        bench.work()
        (sent,) = bench.sent("/send")
        assert b"2 events" in sent.body
        bench.outbox.close()
