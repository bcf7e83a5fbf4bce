"""Weekly times as written in settings: `22:00-06:00`, `mon-fri 08:00-17:00`, `sat sun sunset+20m-sunrise`.

`events/rule_engine.py` resolves them to instants, including DST and the position of the sun.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
SUNRISE, SUNSET = "sunrise", "sunset"
WANTED = "times, for example 22:00-06:00, mon-fri 08:00-17:00 or sat sun sunset+20m-sunrise"
NIGHT_MIN, NOON_MIN, DAY_MIN = 3 * 60, 12 * 60, 24 * 60
"""NIGHT_MIN: the sun doesn't rise before, but in summers of the far north."""

_TIME = r"(?:[01]\d|2[0-4]):[0-5]\d|(?:sunrise|sunset)(?:\s*[+-]\s*\d{1,3}\s*(?:min|m|h))?"
_TIMES = re.compile(rf"\s*({_TIME})\s*-\s*({_TIME})\s*")
_DAY = re.compile(rf"({'|'.join(WEEKDAYS)})\b")
_OFFSET = re.compile(r"([+-])(\d+)(min|m|h)")


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A time of day. sun: empty for clock time; else sunrise or sunset, and `minute` is the offset from it."""

    minute: int
    sun: str = ""

    @property
    def is_morning(self) -> bool:
        return self.sun == SUNRISE if self.sun else self.minute < NOON_MIN

    def __str__(self) -> str:
        if not self.sun:
            return f"{self.minute // 60:02d}:{self.minute % 60:02d}"
        return self.sun + (f"{self.minute:+d}m" if self.minute else "")


@dataclass(frozen=True, slots=True)
class WeekSpan:
    """A time span on some weekdays (0 is Monday), by the day it begins on."""

    begin: TimeOfDay
    end: TimeOfDay
    days: frozenset[int] = EVERY_DAY

    @property
    def ends_next_day(self) -> bool:
        """Clock times: whether it ends no later than it begins.

        Sun times: whether it goes from afternoon to morning, or ends at a clock time that is always before its begin.
        """
        if not self.begin.sun and not self.end.sun:
            return self.end.minute <= self.begin.minute
        earliest = (NIGHT_MIN if self.begin.sun == SUNRISE else NOON_MIN) + self.begin.minute
        is_always_before = bool(self.begin.sun) and not self.end.sun and self.end.minute <= earliest
        return is_always_before or (self.end.is_morning and not self.begin.is_morning)

    @property
    def needs_sun(self) -> bool:
        return bool(self.begin.sun or self.end.sun)

    def __str__(self) -> str:
        days = "" if self.days == EVERY_DAY else f"{days_text(self.days)} "
        return f"{days}{self.begin}-{self.end}"


def stretch(text: str) -> WeekSpan:
    """Parse one span. Raises ValueError: with the allowed forms."""
    words = text.strip().lower()
    days, rest = EVERY_DAY, words
    if _DAY.match(words):
        found = re.match(r"((?:[a-z]{3}(?:\s*-\s*[a-z]{3})?[\s,]+)+)(.*)", words)
        if found is None:
            raise ValueError(WANTED)
        days, rest = _days(found[1]), found[2]
    times = _TIMES.fullmatch(rest)
    if times is None:
        raise ValueError(WANTED)
    begin, end = _moment(times[1]), _moment(times[2])
    if begin.sun == end.sun and begin.sun and begin.minute >= end.minute:
        raise ValueError(f"a time that ends later than it starts, not {words}")
    return WeekSpan(begin, end, days)


def days_text(days: frozenset[int]) -> str:
    """Return weekdays as text: `mon-fri`, `sat sun`."""
    ordered = sorted(days)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{WEEKDAYS[ordered[0]]}-{WEEKDAYS[ordered[-1]]}"
    return " ".join(WEEKDAYS[day] for day in ordered)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in re.split(r"[\s,]+", re.sub(r"\s*-\s*", "-", text).strip(" ,")):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise ValueError(f"days, for example mon, mon-fri or sat sun, not {part}")
        begin = WEEKDAYS.index(first)
        count = (WEEKDAYS.index(last) - begin) % 7 + 1 if last else 1
        found |= {(begin + step) % 7 for step in range(count)}
    return frozenset(found)


def _moment(text: str) -> TimeOfDay:
    compact = re.sub(r"\s", "", text)
    for sun in (SUNRISE, SUNSET):
        if compact.startswith(sun):
            offset = _OFFSET.fullmatch(compact.removeprefix(sun))
            if offset is None:
                return TimeOfDay(0, sun)
            minutes = int(offset[2]) * (60 if offset[3] == "h" else 1)
            if minutes > NOON_MIN:
                raise ValueError("at most 12 hours before or after sunrise or sunset")
            return TimeOfDay(minutes if offset[1] == "+" else -minutes, sun)
    minute = int(compact[:2]) * 60 + int(compact[3:])
    if minute > DAY_MIN:
        raise ValueError("a time of day from 00:00 to 24:00")
    return TimeOfDay(minute)


def parsed_texts(kind: type, parse: Callable[[str], Any], wanted: str) -> tuple[BeforeValidator, PlainSerializer]:
    """Return the validator and serializer of a tuple of values that the file has as one text or a list of texts."""

    def read(value: object) -> Any:
        several = [value] if isinstance(value, str | kind) else value
        if not isinstance(several, list | tuple) or not all(isinstance(one, str | kind) for one in several):
            raise ValueError(wanted)
        return tuple(one if isinstance(one, kind) else parse(one) for one in several)

    def texts(several: tuple[object, ...]) -> list[str]:
        return [str(one) for one in several]

    return BeforeValidator(read, json_schema_input_type=str | list[str]), PlainSerializer(texts, return_type=list[str])


Stretches = Annotated[tuple[WeekSpan, ...], *parsed_texts(WeekSpan, stretch, WANTED)]
"""Validated; empty for none."""
