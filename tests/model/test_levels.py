"""Levels of events: every rule, alone and against the ones before it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tawny.model.events import ANYWHERE, AlertRules, Event, Level, SeenObject, highest, level_of, shown_level
from tawny.model.ids import CameraId, EventId
from tawny.model.observations import RecognisedText

ALERT, DETECTION, MOTION = Level.ALERT, Level.DETECTION, Level.MOTION
PATH = AlertRules(zones=frozenset({"path"}), lines=frozenset({"gate"}))
BARE = replace(PATH, is_named=False)
"""A camera without an object model."""
DOGS = AlertRules(types=("dog",))
MOVING = AlertRules(types=("motion",))
NOTHING = AlertRules(types=())


def event(kind: str = "motion", *labels: str, **more: object) -> Event:
    objects = tuple(SeenObject(one, 1.0) for one in labels)
    return replace(Event(EventId("a"), CameraId("door"), kind, 0, 9000, 80.0, objects=objects), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "rules", "level"),
    [
        # types, anywhere
        (event("person", "person"), ANYWHERE, ALERT),
        (event("vehicle", "car"), ANYWHERE, ALERT),
        (event("animal", "dog"), ANYWHERE, DETECTION),
        (event("object", "chair"), ANYWHERE, DETECTION),
        (event("sound", "Bark"), ANYWHERE, ALERT),
        (event("motion"), ANYWHERE, MOTION),
        # labels and types of a camera's own choice
        (event("animal", "dog"), DOGS, ALERT),
        (event("animal", "cat"), DOGS, DETECTION),
        (event("person", "person", "dog"), DOGS, ALERT),
        (event("sound", "Bark"), DOGS, DETECTION),
        (event("sound", "dog"), DOGS, ALERT),
        (event("motion"), MOVING, ALERT),
        (event("sound", "Bark"), AlertRules(types=("object",)), DETECTION),
        (event("motion"), AlertRules(types=("object",)), MOTION),
        # zones of alerts
        (event("person", "person", zones=("path",)), PATH, ALERT),
        (event("person", "person", zones=("street",)), PATH, DETECTION),
        (event("person", "person"), PATH, DETECTION),
        (event("sound", "Bark"), PATH, ALERT),
        (event("motion", travel=3.0, zones=("path",)), PATH, DETECTION),
        (event("motion", travel=3.0, zones=("path",)), BARE, ALERT),
        (event("motion", travel=0.9, zones=("path",)), BARE, MOTION),
        (event("motion", travel=3.0, zones=("street",)), BARE, DETECTION),
        (event("motion", travel=3.0), replace(ANYWHERE, is_named=False), ALERT),
        (event("motion", travel=0.9), replace(ANYWHERE, is_named=False), MOTION),
        (event("motion", travel=3.0), replace(DOGS, is_named=False), DETECTION),
        # lines and signs
        (event("motion", zones=("gate",)), PATH, ALERT),
        (event("animal", "cat", zones=("street", "gate")), PATH, ALERT),
        (event("motion", zones=("gate",)), ANYWHERE, MOTION),
        (event("motion", "loitering"), NOTHING, ALERT),
        (event("object", "left"), NOTHING, ALERT),
        (event("object", "taken"), NOTHING, ALERT),
        *((event("tamper", sign), NOTHING, ALERT) for sign in ("covered", "defocused", "moved", "frozen")),
        # reported by others
        (event("doorbell"), NOTHING, ALERT),
        (event("manual"), NOTHING, ALERT),
        # went somewhere, or was recognized
        (event("motion", travel=1.0), ANYWHERE, DETECTION),
        (event("motion", travel=0.99), ANYWHERE, MOTION),
        (event("motion", reads=(RecognisedText("plates", "AB 123", 0.9),)), NOTHING, DETECTION),
        (event("person", "person"), NOTHING, DETECTION),
        # a user's verdict comes first
        (event("person", "person", said="nothing"), ANYWHERE, MOTION),
        (event("person", "person", false_alarm="shadow"), ANYWHERE, MOTION),
        (event("tamper", "covered", false_alarm="other"), ANYWHERE, MOTION),
        (event("tamper", "covered", muted="m1"), ANYWHERE, MOTION),
        (event("motion", zones=("gate",), said="nothing"), PATH, MOTION),
        (event("motion", said="person"), ANYWHERE, ALERT),
        (event("motion", said="animal"), ANYWHERE, DETECTION),
        (event("person", "person", said="animal"), ANYWHERE, DETECTION),
        (event("motion", said="person", zones=("street",)), PATH, DETECTION),
        (event("animal", "dog", said="person"), DOGS, DETECTION),
    ],
)  # fmt: skip
def test_level_of_every_state(made: Event, rules: AlertRules, level: Level) -> None:
    assert level_of(made, rules) == level


@pytest.mark.parametrize("change", [
    lambda one: replace(one, end_ms=None),
    lambda one: replace(one, kept=True, reviewed=True),
    lambda one: replace(one, score=1.0),
])  # fmt: skip
def test_marks_length_and_score_do_not_count(change: Callable[[Event], Event]) -> None:
    for one in (event("person", "person"), event("motion"), event("animal", "dog")):
        assert level_of(change(one)) == level_of(one)


def test_the_level_of_its_time_is_shown_later() -> None:
    assert shown_level(event("person", level="detection")) == DETECTION
    assert shown_level(event("person")) == ALERT


def test_of_several_events_the_highest_counts() -> None:
    assert highest([MOTION, ALERT, DETECTION]) == ALERT
    assert highest([MOTION]) == MOTION
