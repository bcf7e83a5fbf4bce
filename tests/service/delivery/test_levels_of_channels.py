"""Which levels of events a notification channel receives, by its settings and by what the rules decide."""

import pytest

from tawny.config.modes import RuleAction
from tawny.config.settings import DetectionSettings
from tawny.config.targets import NotifierSettings
from tawny.events.rule_engine import NAMELESS, UNRULED, RuleDecision
from tawny.model.events import ALL_LEVELS, AlertRules, Level
from tawny.service.delivery.notification_filter import NotificationFilter, at_level

PHONE = RuleAction("notify", "phone")
ALERTS = frozenset({"alert"})
EVERY = frozenset(ALL_LEVELS)


def says(why: str, *, does: bool) -> RuleDecision:
    return RuleDecision(PHONE, does, why)


@pytest.mark.parametrize(
    ("settings", "levels"),
    [
        ({}, ALERTS),
        ({"cameras": ("door",)}, ALERTS),
        ({"levels": ()}, frozenset()),
        ({"levels": ("detection", "motion")}, frozenset({"detection", "motion"})),
        ({"kinds": ("motion",)}, None),
        ({"kinds": ("motion",), "levels": ("alert",)}, ALERTS),
        ({"format": "pancake"}, None),
    ],
)
def test_levels_by_the_settings(settings: dict[str, object], levels: frozenset[str] | None) -> None:
    made = NotifierSettings.model_validate({"url": "ntfy://ntfy.sh/topic", **settings})
    assert made.only_levels == levels


@pytest.mark.parametrize(
    ("levels", "level", "why", "rule_does", "does"),
    [
        (ALERTS, Level.ALERT, UNRULED, True, True),
        (ALERTS, Level.DETECTION, UNRULED, True, False),
        (ALERTS, Level.MOTION, UNRULED, True, False),
        (EVERY, Level.MOTION, UNRULED, True, True),
        (EVERY, Level.MOTION, NAMELESS, False, True),
        (ALERTS, Level.MOTION, NAMELESS, False, False),
        (None, Level.MOTION, UNRULED, True, True),
        (None, Level.MOTION, NAMELESS, False, False),
        (ALERTS, Level.MOTION, "Rule 1 notifies phone.", True, True),
        (EVERY, Level.ALERT, "Rule 1: no notifications.", False, False),
        (frozenset(), Level.ALERT, UNRULED, True, False),
    ],
)
def test_levels_count_where_no_rule_names_the_channel(
    levels: frozenset[str] | None, level: Level, why: str, *, rule_does: bool, does: bool
) -> None:
    channel = NotificationFilter("phone", levels=levels)
    assert at_level(channel, level, says(why, does=rule_does)).does is does


@pytest.mark.parametrize(
    ("levels", "words"),
    [(ALERTS, "alerts"), (EVERY - {"alert"}, "detections and motion"), (frozenset(), "nothing")],
)
def test_refusal_says_what_the_channel_receives(levels: frozenset[str], words: str) -> None:
    level = Level.ALERT if "alert" not in levels else Level.MOTION
    assert at_level(NotificationFilter("phone", levels=levels), level, says(UNRULED, does=True)).why == (
        f"phone only receives {words}."
    )


@pytest.mark.parametrize(
    ("settings", "types"),
    [
        ({}, ("person", "vehicle", "sound")),
        ({"notify_types": ("person", "dog")}, ("person", "dog", "sound")),
        ({"notify_types": ()}, ("person", "vehicle", "sound")),
        ({"alert": ()}, ()),
        ({"alert": ("animal",), "notify_types": ("person",)}, ("animal",)),
    ],
)
def test_types_of_alerts_by_the_camera_s_settings(settings: dict[str, object], types: tuple[str, ...]) -> None:
    assert DetectionSettings.model_validate(settings).alert_rules(is_named=True).types == types


def test_zones_and_lines_of_alerts() -> None:
    square = [[0, 0], [1, 0], [1, 1]]
    zones = {"path": {"points": square, "alert": True}, "street": {"points": square}}
    rules = DetectionSettings.model_validate({"zones": zones, "lines": {"gate": square[:2]}}).alert_rules(
        is_named=False
    )
    assert rules == AlertRules(("person", "vehicle", "sound"), frozenset({"path"}), frozenset({"gate"}), is_named=False)
