"""A ring at the door: sent at once whatever keeps other events quiet, and it can be answered."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest

from tawny.config.modes import RuleAction, RuleSettings
from tawny.events.rule_engine import RANG, Calendar, ModeChoice, RuleContext, RuleEngine
from tawny.model.events import Level
from tawny.service.delivery.notification_filter import NotificationFilter, at_level
from tawny.testing.http_service import StandIn, served
from tests.playback.archives import PORCH
from tests.service.delivery.scheduler_rig import PHONE, Bench
from tests.service.delivery.test_messaging import HOME, bot
from tests.service.delivery.test_messaging import Bench as Messaging

QUIET: dict[str, dict[str, Any]] = {
    "other types": {"kinds": frozenset({"person"})},
    "other levels": {"levels": frozenset({"motion"})},
    "quiet hours": {"quiet": "00:00-23:59"},
    "one message": {"once": True},
    "a long interval": {"cool_down_ms": 3_600_000},
}


def sent(bench: Bench) -> list[str]:
    return [f"{one.content['kind']} {one.event}" for one in bench.delivered()]


@pytest.mark.parametrize("quiet", QUIET)
def test_a_ring_is_sent_at_once_whatever_keeps_other_events_quiet(tmp_path: Path, quiet: str) -> None:
    bench = Bench(tmp_path, replace(PHONE, **QUIET[quiet]))
    bench.happens()
    bench.delivered()
    ring = bench.happens("doorbell")
    assert sent(bench) == [f"event {ring.id}"]


def test_a_second_ring_is_sent_as_well_and_motion_after_it_keeps_its_interval(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    first = bench.happens()
    assert sent(bench) == [f"event {first.id}"]
    for _ in range(2):
        bench.clock.advance(12)
        ring = bench.happens("doorbell")
        assert f"event {ring.id}" in sent(bench)
        bench.over(ring)
    bench.happens("motion")
    assert "event" not in [one.split()[0] for one in sent(bench)]


def test_no_later_event_of_the_visit_takes_the_place_of_the_ring(tmp_path: Path) -> None:
    bench = Bench(tmp_path, replace(PHONE, visits=True))
    ring = bench.happens("doorbell")
    bench.clock.advance(3)
    person = bench.happens()
    result = bench.delivered()
    assert [one.event for one in result] == [ring.id, person.id]
    assert not any(one.content.get("edits") for one in result)


@pytest.mark.parametrize("why", ["a snooze", "the setting", "no events", "another camera"])
def test_a_ring_is_not_sent(tmp_path: Path, why: str) -> None:
    about: dict[str, dict[str, Any]] = {
        "the setting": {"rings": False}, "no events": {"events": False}, "another camera": {"cameras": frozenset()},
    }  # fmt: skip
    bench = Bench(tmp_path, replace(PHONE, **about.get(why, {})))
    if why == "a snooze":
        bench.muted.add(PORCH)
    bench.happens("doorbell")
    assert sent(bench) == []


RULES = {
    "no rule": ([], None, True),
    "a rule about people": ([{"when": {"kind": ["person"]}, "do": ["notify phone"]}], None, True),
    "a mode that asks for nothing": ([], ModeChoice(asks=False, why="Not in this mode."), True),
    "a rule for silence": ([{"when": {"kind": ["doorbell"]}, "do": ["notify no one"]}], None, False),
}


@pytest.mark.parametrize("case", RULES)
def test_a_ring_needs_no_rule_and_yields_to_a_rule_for_silence(case: str) -> None:
    rules, chosen, does = RULES[case]
    engine = RuleEngine(
        [RuleSettings.model_validate(one) for one in rules], Calendar(ZoneInfo("UTC")), ["phone"], []
    )  # fmt: skip
    now = RuleContext(0, PORCH, "doorbell", "home", names=True, is_alert=True, chosen=chosen)
    (found,) = engine.decide(now)
    found = at_level(NotificationFilter("phone", levels=frozenset({"detection"})), Level.ALERT, found)
    assert (found.action, found.does) == (RuleAction("notify", "phone"), does)
    assert (found.why == RANG) is does


@pytest.fixture
def service() -> Iterator[StandIn]:
    with served(StandIn(bot)) as made:
        yield made


@pytest.mark.parametrize("can_talk", [True, False])
def test_its_message_says_who_rang_where_and_can_be_answered(tmp_path: Path, service: StandIn, can_talk: bool) -> None:
    bench = Messaging(tmp_path, service)
    bench.recorder.speaker = lambda _: Mock() if can_talk else None  # type: ignore[method-assign, assignment]
    ring = bench.happens(kind="doorbell")
    bench.work()
    (photo,) = bench.sent("/sendPhoto")
    page = f"{HOME}/live/{PORCH}"
    answer = f"{page}?talk=1" if can_talk else page
    assert photo.form["caption"].decode() == f"Someone rang at Front door. 06:00.\n{answer}"
    (row,) = json.loads(photo.form["reply_markup"])["inline_keyboard"]
    talk = [{"text": "Talk", "url": answer}] if can_talk else []
    assert row[:-1] == [*talk, {"text": "Live", "url": page}]
    assert row[-1]["text"] == "Mute for 1 h"
    bench.notifications.actions.do("phone", row[-1]["callback_data"])
    bench.recorder.index.put_event(ring.ended(bench.clock.now_ms()))
    bench.clock.advance(20)
    bench.happens(kind="doorbell")
    bench.work()
    assert len(bench.sent("/sendPhoto")) == 1
    bench.outbox.close()
