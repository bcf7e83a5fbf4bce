"""Snoozes: who gets nothing about which camera, until when; they end by themselves and survive a restart."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tawny.config.rules import RuleAction
from tawny.delivery.delivery import DeliveryState
from tawny.delivery.outbox import Outbox
from tawny.events.rule_engine import RuleDecision
from tawny.model.ids import CameraId
from tawny.model.messages import Alarm, ProblemKind
from tawny.service.delivery.notification_filter import NotificationFilter, verdict
from tawny.service.delivery.snoozes import Snoozes
from tawny.testing.clock import FakeClock
from tawny.testing.http_service import StandIn, served
from tests.playback.archives import PORCH
from tests.service.delivery.test_messaging import Bench, bot

BERLIN, YARD = ZoneInfo("Europe/Berlin"), CameraId("yard")


class Kept:
    """Snoozes in a file; anna, ben and cleo are people, and cleo sees the yard alone."""

    def __init__(self, root: Path) -> None:
        self.path, self.clock = root / "outbox.db", FakeClock("2026-11-22T09:30:00Z")
        self.gone: set[str] = set()
        self.begin()

    def begin(self) -> None:
        self.outbox = Outbox(self.path, self.clock)
        self.snoozes = Snoozes(self.outbox, self.clock, BERLIN, self.may_see)

    def may_see(self, person: str, camera: CameraId) -> bool:
        return person not in self.gone and (person != "cleo" or camera == YARD)

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
    found = verdict(browsers, PORCH, "person", says, kept.clock.now_ms(), BERLIN, silence="")
    assert (found.does, found.why) == (True, "By default. Ben snoozed notifications until 11:30.")


# A whole notifier: nothing about events, all about problems.


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with served(StandIn(bot)) as service:
        made = Bench(tmp_path, service)
        yield made
        made.outbox.close()


def test_u4_a_snoozed_camera_sends_nothing_for_an_hour_and_records_its_events(bench: Bench) -> None:
    bench.messaging.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=True)
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
    bench.messaging.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=True)
    bench.clock.advance(2)
    bench.work()
    assert bench.sent() == []
    (dropped,) = bench.outbox.of_event(event.id)
    assert dropped.state is DeliveryState.DROPPED
    assert "Anna snoozed notifications for everyone until" in dropped.why


def test_problems_are_told_while_it_lasts(bench: Bench) -> None:
    bench.messaging.snoozes.put(None, 3600, "anna", "Anna", everyone=True)
    bench.messaging.telling.heard(Alarm(ProblemKind.CAMERA, PORCH, bench.clock.now_ms(), "No answer."))
    bench.work()
    bench.work()
    assert len(bench.sent()) == 1


def test_the_channel_of_another_person_is_told(tmp_path: Path) -> None:
    with served(StandIn(bot)) as service:
        bench = Bench(tmp_path, service, user="Ben")
        bench.messaging.snoozes.put(PORCH, 3600, "anna", "Anna", everyone=False)
        bench.happens()
        bench.work()
        assert len(bench.sent()) == 1
        bench.messaging.snoozes.put(PORCH, 3600, "ben", "Ben", everyone=False)
        bench.clock.advance(100)
        bench.happens()
        bench.work()
        assert len(bench.sent()) == 1
        bench.outbox.close()
