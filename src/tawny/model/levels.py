"""Levels of events: alert, detection or motion. Pure.

An alert is what people want to be notified about, a detection is named or went somewhere, all else is motion. The level
is stored with the event: changed settings apply from the next event on, and a user's verdict changes it at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tawny.model.events import EVENT_TITLES, Event
from tawny.model.observations import MOTION, NOTHING, PERSON, VEHICLE, is_meant


class Level(StrEnum):
    ALERT = "alert"
    DETECTION = "detection"
    MOTION = "motion"


ALL_LEVELS: Final = tuple(Level)
RANKS: Final = {Level.MOTION: 1, Level.DETECTION: 2, Level.ALERT: 3}
"""For sorting and storage; of several events the highest counts."""
ALERT_TYPES: Final = (PERSON, VEHICLE)
"""Types that are alerts where the settings name none."""
SOUND, TAMPER = "sound", "tamper"
ALWAYS: Final = frozenset({"loitering", "left", "taken"})
"""Signs that are alerts, of any object: a zone's settings ask for each."""
WENT_FROM: Final = 1.0
"""Distance, in own sizes, from which a thing went somewhere: a branch sways within its own size."""


@dataclass(frozen=True, slots=True)
class AlertRules:
    """What is an alert at one camera.

    types: event types and labels. zones: alerts only in these; empty: everywhere. lines: crossing one is an
    alert. is_named: whether a model names objects; where none does, what goes somewhere may be a person.
    """

    types: tuple[str, ...] = (*ALERT_TYPES, SOUND)
    zones: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()
    is_named: bool = True


ANYWHERE: Final = AlertRules()


def level_of(event: Event, rules: AlertRules = ANYWHERE) -> Level:
    """Return the level of an event by its user's verdict, muting, signs, lines, type, zones and path, in this order."""
    if event.false_alarm or event.said == NOTHING or event.muted:
        return Level.MOTION
    labels = {one.label for one in event.objects}
    is_detected = event.kind in EVENT_TITLES
    if event.kind == TAMPER or not is_detected or labels & ALWAYS or rules.lines.intersection(event.zones):
        return Level.ALERT  # a type that tawny does not know was reported by a doorbell or a script
    kind = event.shown_kind
    named = kind != MOTION or bool(event.reads)
    is_here = not rules.zones or kind == SOUND or bool(rules.zones.intersection(event.zones))
    if is_here and (kind in rules.types or _has_label(event, rules.types)):
        return Level.ALERT
    went = event.travel >= WENT_FROM
    if went and not named and is_here and not rules.is_named and not {PERSON, VEHICLE}.isdisjoint(rules.types):
        return Level.ALERT  # it may be one of them
    return Level.DETECTION if named or went else Level.MOTION


def _has_label(event: Event, types: Iterable[str]) -> bool:
    """Return whether a model gave it one of these labels, or a label of one of these types."""
    if event.said or event.kind == SOUND:
        return event.kind == SOUND and any(one.label in types for one in event.objects)
    return any(is_meant(one.label, types) for one in event.objects)


def shown_level(event: Event) -> Level:
    """Return the level stored with the event; of one stored without, that of the default settings."""
    return Level(event.level) if event.level else level_of(event)


def highest(levels: Iterable[Level]) -> Level:
    return max(levels, key=RANKS.__getitem__)


def level_words(levels: Iterable[str]) -> list[str]:
    """Return what events of these levels are called, highest first."""
    given = frozenset(levels)
    return [level if level == Level.MOTION else f"{level}s" for level in ALL_LEVELS if level in given]
