"""What rules say: each condition by itself, who wins over whom, and the words that say why."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tawny.config.modes import RuleAction, RuleSettings
from tawny.events.rule_engine import Calendar, RuleContext, RuleEngine
from tawny.model.ids import CameraId
from tawny.model.times import utc_from_text

CALENDAR = Calendar(ZoneInfo("Europe/Berlin"), (52.52, 13.40))
NOW = RuleContext(
    utc_from_text("2026-11-22T22:00:00Z"),  # a Sunday, 23:00 on the wall
    CameraId("porch"), "person", "night", ("path",), frozenset({"anna"}), 10.0, False,
    frozenset({"plates", "bab123", "unknown"}),
)  # fmt: skip


def rules(*said: dict[str, Any]) -> RuleEngine:
    return RuleEngine([RuleSettings.model_validate(one) for one in said], CALENDAR, ["phone", "mail"], ["offsite"])


def said(made: RuleEngine, now: RuleContext = NOW) -> dict[str, tuple[bool, str]]:
    return {str(one.action): (one.does, one.why) for one in made.decide(now)}


@pytest.mark.shows("DY17")
@pytest.mark.parametrize(
    ("when", "fits", "why"),
    [
        ({}, True, "Rule 1 notifies phone (always)."),
        ({"camera": "porch"}, True, "Rule 1 notifies phone (at porch)."),
        ({"camera": ["yard", "hall"]}, False, "Rule 1 is for yard or hall."),
        ({"kind": "person"}, True, "Rule 1 notifies phone (person)."),
        ({"kind": "vehicle"}, False, "Rule 1 is for vehicle, not person."),
        ({"zone": "path"}, True, "Rule 1 notifies phone (in path)."),
        ({"zone": "drive"}, False, "Rule 1 is for drive, and it was in path."),
        ({"mode": ["away", "night"]}, True, "Rule 1 notifies phone (away or night)."),
        ({"mode": "away"}, False, "Rule 1 is for away, and the mode was night."),
        ({"between": "22:00-06:00"}, True, "Rule 1 notifies phone (22:00-06:00)."),
        ({"between": "mon-fri 22:00-06:00"}, False, "Rule 1 is for mon-fri 22:00-06:00, and it was Sun 23:00."),
        ({"between": "sunset-sunrise"}, True, "Rule 1 notifies phone (sunset-sunrise)."),
        ({"home": "anna"}, True, "Rule 1 notifies phone (anna at home)."),
        ({"home": "anybody"}, True, "Rule 1 notifies phone (anybody at home)."),
        ({"home": "ben"}, False, "Rule 1 is for ben home, and anna was home."),
        ({"away": "ben"}, True, "Rule 1 notifies phone (ben not at home)."),
        ({"away": "everybody"}, False, "Rule 1 is for everybody away, and anna was home."),
        ({"recognized": "B-AB 123"}, True, "Rule 1 notifies phone (with B-AB 123)."),
        ({"recognized": ["known", "Ben"]}, False, "Rule 1 is for known or Ben, which wasn't recognized."),
        ({"min_duration": "10 s"}, True, "Rule 1 notifies phone (for 10 s)."),
        ({"min_duration": "1 min"}, False, "Rule 1 is for events of at least 1 min, and this one lasted 10 s."),
    ],
)
def test_each_condition_by_itself(when: dict[str, Any], fits: bool, why: str) -> None:
    assert said(rules({"when": when, "do": ["notify phone"]}))["notify phone"] == (fits, why)


@pytest.mark.parametrize("kind", ["person", "motion"])
def test_a_rule_of_an_earlier_version_that_included_guesses_goes_by_the_type_alone(kind: str) -> None:
    asked = rules({"when": {"kind": "person", "include_possible": True}, "do": ["notify phone"]})
    assert said(asked, replace(NOW, kind=kind))["notify phone"][0] is (kind == "person")


@pytest.mark.shows("DY17")
def test_one_condition_that_is_not_so_is_enough() -> None:
    when = {
        "camera": "porch",
        "zone": "path",
        "kind": "person",
        "min_duration": "5 s",
        "between": "22:00-06:00",
        "away": "ben",
    }
    made = rules({"when": when, "do": ["notify phone"]})
    assert said(made)["notify phone"][0]
    changes: list[dict[str, Any]] = [
        {"camera": CameraId("yard")}, {"zones": ()}, {"kind": "animal"}, {"lasted_s": 1.0},
        {"at_ms": NOW.at_ms + 10 * 3_600_000}, {"home": frozenset({"anna", "ben"})},
    ]  # fmt: skip
    assert [said(made, replace(NOW, **one))["notify phone"][0] for one in changes] == [False] * len(changes)


def test_without_rules_everybody_gets_everything() -> None:
    everything = ("notify phone", "notify mail", "upload to offsite")
    assert said(rules()) == dict.fromkeys(everything, (True, "No rule applies."))


def test_who_is_named_gets_what_rules_say_and_who_is_not_gets_all() -> None:
    made = rules({"when": {"mode": "away"}, "do": ["notify phone"]})
    assert {action: does for action, (does, _) in said(made).items()} == {
        "notify phone": False, "notify mail": True, "upload to offsite": True,
    }  # fmt: skip


def test_nobody_wins_over_somebody_and_everybody_means_each() -> None:
    made = rules({"do": ["notify everyone", "upload everywhere"]}, {"name": "quiet", "do": ["notify no one"]})
    assert said(made) == {
        "notify phone": (False, "The rule “quiet”: no notifications (always)."),
        "notify mail": (False, "The rule “quiet”: no notifications (always)."),
        "upload to offsite": (True, "Rule 1 uploads to offsite (always)."),
    }


def test_why_not_names_every_rule_that_could_have() -> None:
    made = rules(
        {"when": {"mode": "away"}, "do": ["notify phone", "siren"]},
        {"when": {"kind": "vehicle"}, "do": ["notify phone"]},
    )
    assert said(made)["notify phone"][1] == (
        "Rule 1 is for away, and the mode was night. Rule 2 is for vehicle, not person."
    )
    assert said(made)["relay siren 30 s"][0] is False


def test_a_deed_of_two_rules_is_done_if_one_fits() -> None:
    made = rules({"when": {"mode": "away"}, "do": ["record yard 2 min"]}, {"do": ["record yard 2 min"]})
    assert next(one for one in made.decide(NOW) if one.action == RuleAction("record", "yard", "", 120.0)).does


def test_a_camera_is_unrecorded_while_its_rule_fits() -> None:
    made = rules({"when": {"camera": "porch", "mode": "night"}, "do": ["don't record"]}, {"do": ["notify phone"]})
    standing = replace(NOW, kind="", zones=())
    assert made.unrecorded(standing) == "Rule 1 says so (at porch, night)."
    assert made.unrecorded(replace(standing, mode="home")) == ""
    assert made.unrecorded(replace(standing, camera=CameraId("yard"))) == ""
    assert made.next_change_ms(0) is None
    by_time = rules({"when": {"between": "08:00-09:00"}, "do": ["don't record"]})
    begin_ms = by_time.next_change_ms(0)
    assert begin_ms is not None
    assert by_time.next_change_ms(begin_ms) == begin_ms + 3_600_000
