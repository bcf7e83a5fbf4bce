"""Events: an object, motion or sound with start and end."""

import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final

from tawny.model.ids import CameraId, EventId
from tawny.model.observations import MOTION, NOTHING, PERSON, VEHICLE, Box, RecognisedText, is_meant
from tawny.model.times import Span, stamp, stamp_ms

PRE_S, POST_S = 5.0, 10.0
"""Pre-roll and post-roll of a camera without settings of its own, such as a removed one."""
_ID = re.compile(r"([0-9]{8}T[0-9]{6})([0-9]{3})-([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class SeenObject:
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Event:
    id: EventId
    camera: CameraId
    kind: str
    """person, vehicle, animal, object, sound or motion."""
    start_ms: int
    end_ms: int | None
    """None while it lasts."""
    score: float
    """Maximum so far, 0..100."""
    box: Box | None = None
    """Bounding box of the object in the best frame."""
    zones: tuple[str, ...] = ()
    objects: tuple[SeenObject, ...] = ()
    kept: bool = False
    reviewed: bool = False
    false_alarm: str = ""
    """False alarm reason set by a user: shadow, weather, known, traffic or other. Empty if none."""
    picture_ms: int | None = None
    """Time of the best frame. None if none yet."""
    reads: tuple[RecognisedText, ...] = ()
    """Recognized license plates and faces."""
    said: str = ""
    """Type set by a user: person, vehicle, animal or nothing. Empty if none."""
    travel: float = 0.0
    """How far the object of the best frame went, in its own sizes. 0 if unknown."""
    level: str = ""
    """Its level by the camera's settings (`model.events`). Empty: not determined."""
    muted: str = ""
    """ID of the muting that applies to it (`service.detection.event_marks`): no notification is sent. Empty if none."""

    @property
    def shown_kind(self) -> str:
        """The type used for filters: set by a user, else detected."""
        if self.said:
            return MOTION if self.said == NOTHING else self.said
        return self.kind

    def clip(self, now_ms: int, pre_s: float, post_s: float) -> Span:
        """Return its span with pre-roll and post-roll."""
        end = now_ms if self.end_ms is None else self.end_ms
        return Span(self.start_ms - round(pre_s * 1000), max(end, self.start_ms) + round(post_s * 1000))

    def ended(self, end_ms: int) -> "Event":
        return replace(self, end_ms=max(end_ms, self.start_ms))


def new_event_id(start_ms: int) -> EventId:
    return event_id(start_ms, secrets.token_bytes(4))


def event_id(start_ms: int, mark: bytes) -> EventId:
    """Return the id of an event. mark: 4 bytes that distinguish events of one instant."""
    hour, since_ms = divmod(start_ms, 3_600_000)
    second, ms = divmod(since_ms, 1000)
    return EventId(f"{_hour(hour)}{second // 60:02d}{second % 60:02d}{ms:03d}-{mark.hex()}")


@lru_cache(maxsize=64)
def _hour(hour: int) -> str:
    return stamp(hour * 3_600_000)[:11]


def event_id_says(event: EventId) -> tuple[int, bytes] | None:
    """Return the arguments of `event_id`. None for an id of another format."""
    found = _ID.fullmatch(event)
    if found is None:
        return None
    try:
        return stamp_ms(f"{found[1]}.{found[2]}Z"), bytes.fromhex(found[3])
    except ValueError:
        return None


def rounded(event: Event) -> Event:
    """Return the event with values rounded for storage: smaller differences are below one pixel."""
    return replace(
        event,
        score=round(event.score, 2),
        box=None if event.box is None else _rounded(event.box),
        objects=tuple(SeenObject(one.label, round(one.score, 4)) for one in event.objects),
        reads=tuple(replace(one, score=round(one.score, 4)) for one in event.reads),
        travel=round(event.travel, 2),
    )


def _rounded(box: Box) -> Box:
    x0, y0, x1, y1 = (round(float(edge), 4) for edge in box)
    return x0, y0, x1, y1


# What people read of an event.

MANUAL = "manual"
"""Type of the event of a recording that a person or a client started."""
MANUAL_TITLE = "Recorded by hand"
EVENT_TITLES = {
    "person": "Person",
    "vehicle": "Vehicle",
    "animal": "Animal",
    "object": "Object left or removed",
    "sound": "Sound",
    "tamper": "Camera tampering",
    "motion": "Motion",
}
DOORBELL = "doorbell"
"""Type of the event of a button that was pressed at a door."""
REPORTED_TITLES = {DOORBELL: "Doorbell", "input": "Digital input", "line": "Line crossed"}
"""Titles of types that only cameras and other programs report: they are always alerts (`model.events`)."""
SOUND_TITLES = {
    "glass": "Breaking glass",
    "alarm": "Alarm sound",
    "bark": "Barking dog",
    "voices": "Voices",
    "baby": "Crying baby",
    "knock": "Knocking",
    "doorbell": "Doorbell",
    "gunshot": "Gunshot",
}
"""Titles of the classes of sounds (`detection.sound_classes.GROUPS`)."""
URGENT_SOUNDS: Final = ("gunshot", "alarm", "glass")
"""Classes whose message doesn't wait for a digest of others, the most urgent first."""
SIGN_TITLES = {
    "left": "Object left",
    "taken": "Object removed",
    "loitering": "Loitering",
    "covered": "Lens covered",
    "defocused": "Image blurred",
    "moved": "Camera moved",
    "frozen": "Image frozen",
}
"""Titles more specific than the type."""


def event_title(made: Event) -> str:
    """Return the event's title: the user's type, else its first specific sign, sound class or detected type."""
    if made.said:
        return EVENT_TITLES[made.shown_kind]
    for seen in made.objects:
        if seen.label in SIGN_TITLES:
            return SIGN_TITLES[seen.label]
    if made.kind == "sound" and made.objects:
        return kind_title(made.kind, made.objects[0].label)
    return kind_title(made.kind)


def kind_title(kind: str, label: str = "") -> str:
    """Return the title of an event type. label: the class of a sound; empty: none."""
    if label:
        return SOUND_TITLES.get(label, label.capitalize())
    return (EVENT_TITLES | REPORTED_TITLES).get(kind) or (MANUAL_TITLE if kind == MANUAL else kind.capitalize())


def actor_name(made: Event, name: Callable[[RecognisedText], str]) -> str:
    """Return the recognized names, else the recognized text; empty if there is neither.

    name: returns the name of what was recognized; empty if unknown.
    """
    names = [found for one in made.reads if (found := name(one))]
    texts = [one.text for one in made.reads if one.text]
    return " and ".join(dict.fromkeys(names)) or (f"{event_title(made)} {texts[0]}" if texts else "")


# Levels of events: alert, detection or motion. Pure.
#
# An alert is what people want to be notified about, a detection is named or went somewhere, all else is motion. The
# level is stored with the event: changed settings apply from the next event on, and a user's verdict changes it at
# once.


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
