"""Times in natural language: `last night`, `monday after 22:00`, `the last 3 days`, `between 2 and 5 am`.

A phrase gives days and hours of the day. Combined they are spans in local time, so a day may have 23 or 25 hours. Pure.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tawny.model.times import Span
from tawny.playback.search.day_parser import (
    ANY,
    DAY,
    MONTH,
    OF_MONTH,
    WEEK,
    WEEKDAY,
    day_of,
    from_to,
    last_month,
    month_of,
    weekend,
)
from tawny.playback.search.phrases import CLOCK, DAYS, normalise_phrases

USUAL_DAYS = 7
"""Days searched if no day is given."""
PARTS = {"night": (20, 6), "morning": (5, 12), "afternoon": (12, 18), "evening": (18, 24), "day": (6, 20)}
"""First and last hour; an end before the start is on the next day."""
NEAR_MIN = 30
"""`at 14:00` includes this many minutes before and after."""
_LENGTHS_S = {"min": 60, "minute": 60, "hour": 3600, "h": 3600, "day": 86400, "week": 604_800, "month": 2_592_000}

_NUMBER = r"(\d{1,4})"
_TO = "(?:and|to|until|-|–)"


@dataclass(frozen=True, slots=True)
class TimeExpression:
    """A parsed time.

    days: all included days. hours: first and last minute of the day; the last may be on the next day. exact: span that
    overrides days and hours. is_usual: no day was given.
    """

    days: frozenset[date]
    hours: tuple[int, int] = (0, 24 * 60)
    exact: Span | None = None
    words: str = ""
    is_usual: bool = False

    def spans(self, zone: ZoneInfo, now_ms: int) -> tuple[Span, ...]:
        """Return the spans until now; adjacent ones are merged."""
        if self.exact is not None:
            return (self.exact,)
        found: list[Span] = []
        for day in sorted(self.days):
            begin, end = (_at(day, minute, zone) for minute in self.hours)
            if begin >= now_ms or end <= begin:
                continue
            if found and begin <= found[-1].end_ms:
                begin = found.pop().begin_ms
            found.append(Span(begin, min(end, now_ms)))
        return tuple(found)

    def on(self, first: date, last: date | None = None) -> "TimeExpression":
        """Return the expression with these days added, or restricted to them if they were already included."""
        count = ((last or first) - first).days + 1
        days = frozenset(first + timedelta(days=n) for n in range(count))
        more = days if self.is_usual or days <= self.days else self.days | days
        return replace(self, days=more, is_usual=False)


def parse_time(text: str, zone: ZoneInfo, now_ms: int) -> tuple[TimeExpression, str]:
    """Return the time in a lower-case text, and the text without it."""
    text = normalise_phrases(text)
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    usual = frozenset(today - timedelta(days=n) for n in range(USUAL_DAYS))
    when = TimeExpression(usual, words=f"the last {USUAL_DAYS} days", is_usual=True)
    said: list[str] = []
    for pattern, read in _phrases(today, zone, now_ms):
        found = re.search(rf"(?<![\w:]){pattern}(?![\w:])", text)
        if found is None:
            continue
        made = read(when, found)
        if made is None:
            continue
        when = made
        said.append(found[0].strip())
        text = f"{text[: found.start()]} {text[found.end() :]}"
    return (replace(when, words=" ".join(said)) if said else when), text


_Read = Callable[[TimeExpression, re.Match[str]], TimeExpression | None]
"""None: not a time after all."""
_Phrases = Iterator[tuple[str, _Read]]


def _phrases(today: date, zone: ZoneInfo, now_ms: int) -> _Phrases:
    """Yield the patterns, longer phrases first."""
    yield from _ago(today, now_ms)
    yield from _since(today, zone, now_ms)
    yield from _several_days(today)
    yield from _parts_of_days(today)
    yield from _weeks_and_months(today)
    for _ in DAYS:  # several days may be given
        yield rf"(?:on )?({ANY})", lambda when, found: _on(when, day_of(found[1], today))
    yield from _hours_of_the_day()


def _ago(today: date, now_ms: int) -> _Phrases:
    def back(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        return _exact(when, now_ms - int(found[1] or 1) * _length_ms(found[2]), now_ms)

    def about(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        ago_ms = int(found[1]) * _length_ms(found[2])
        near_ms = min(NEAR_MIN * 60_000, ago_ms)
        return _exact(when, now_ms - ago_ms - near_ms, now_ms - ago_ms + near_ms)

    def days(when: TimeExpression, found: re.Match[str]) -> TimeExpression:
        on = when.on(today - int(found[1]) * (WEEK if found[2].startswith("week") else DAY))
        return replace(on, hours=_part("night")) if found[2].startswith("night") else on

    yield rf"since {_NUMBER} ?(minutes?|min|hours?|h|days?|weeks?) ago", back
    yield rf"(?:in |within )?(?:the )?(?:last|past) (?:{_NUMBER} ?)?(minutes?|min|hours?|h|days?)", back
    yield rf"(?:in |within )?(?:the )?(?:last|past) {_NUMBER} ?(weeks?|months?)", back
    yield rf"{_NUMBER} ?(minutes?|min|hours?|h) ago", about
    yield rf"{_NUMBER} (days?|nights?|weeks?) ago", days


def _since(today: date, zone: ZoneInfo, now_ms: int) -> _Phrases:
    def since(on: date | None, minute: int | None) -> _Read:
        return lambda when, _: None if on is None or minute is None else _exact(when, _at(on, minute, zone), now_ms)

    def a_day(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        minute = _minute(found[2], found[3], found[4]) if found[2] else 0
        return since(day_of(found[1], today), minute)(when, found)

    def an_hour(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        minute = _minute(found[1], found[2], found[3])
        is_today = minute is not None and _at(today, minute, zone) < now_ms
        return since(today if is_today else today - DAY, minute)(when, found)

    yield "since last night", since(today - DAY, _part("night")[0])
    yield "since (?:this )?morning", since(today, _part("morning")[0])
    yield "since last week", since(today - today.weekday() * DAY - WEEK, 0)
    yield rf"since ({ANY})(?: (?:at )?{CLOCK})?", a_day
    yield rf"since {CLOCK}", an_hour


def _several_days(today: date) -> _Phrases:
    def both(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        days = from_to(found[1], found[2], today)
        return when.on(*days) if days else None

    def of_month(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        last, number = day_of(found[2], today), int(found[1])
        return when.on(last.replace(day=number), last) if last and 1 <= number <= last.day else None

    yield rf"(?:between|from) ({ANY}) {_TO} ({ANY})", both
    yield rf"({ANY}) (?:to|until|-|–) ({ANY})", both
    yield rf"(?:between |from )?(?:the )?(\d{{1,2}})(?:st|nd|rd|th)? {_TO} ({OF_MONTH})", of_month


def _parts_of_days(today: date) -> _Phrases:
    def part(name: str, on: date) -> _Read:
        return lambda when, _: replace(when.on(on), hours=_part(name))

    yield "last night", part("night", today - DAY)
    yield "tonight", part("night", today)
    for name in ("morning", "afternoon", "evening"):
        yield f"this {name}", part(name, today)
        yield f"yesterday {name}", part(name, today - DAY)
    yield "yesterday night", part("night", today - DAY)
    for n, weekday in enumerate(DAYS):
        for name in PARTS:
            yield f"(?:on )?(?:last )?{weekday} {name}", part(name, today - (today.weekday() - n) % 7 * DAY)


def _weeks_and_months(today: date) -> _Phrases:
    def days(first: date, last: date) -> _Read:
        return lambda when, _: when.on(first, last)

    def of_last_week(when: TimeExpression, found: re.Match[str]) -> TimeExpression:
        return when.on(monday - WEEK + DAYS.index(found[1] or found[2]) * DAY)

    monday = today - today.weekday() * DAY
    first = month_of(today)[0]
    yield f"(?:on )?(?:({WEEKDAY})(?: of| in)? last week|last week(?:'s)?(?: on)? ({WEEKDAY}))", of_last_week
    yield "(?:the )?week before last", days(monday - 2 * WEEK, monday - WEEK - DAY)
    yield "last week", days(monday - WEEK, monday - DAY)
    yield "this week", days(monday, today)
    yield "last month", days(*month_of(first - DAY))
    yield "this month", days(first, today)
    yield "(?:on |at )?(?:the |last )?weekend", days(*weekend(today))
    yield f"(?:in|during) ({MONTH})", lambda when, found: when.on(*last_month(found[1], today))


def _hours_of_the_day() -> _Phrases:
    def part(name: str) -> _Read:
        return lambda when, _: replace(when, hours=_part(name))

    yield rf"between {CLOCK} and {CLOCK}", _between
    yield rf"(?:from )?{CLOCK} ?(?:-|–|to|until) ?{CLOCK}", _between
    yield rf"after {CLOCK}", lambda when, found: _hours(when, _minute(found[1], found[2], found[3]), None)
    yield rf"(?:before|until) {CLOCK}", lambda when, found: _hours(when, None, _minute(found[1], found[2], found[3]))
    yield rf"(?:at|around|about) {CLOCK}", _around
    for name in PARTS:
        yield f"(?:at|in the|during the|by) {name}", part(name)
    yield r"(\d{1,2})(?::(\d\d))? ?(am|pm)", _around
    yield r"(\d{1,2}):(\d\d)()", _around


def _on(when: TimeExpression, day: date | None) -> TimeExpression | None:
    return None if day is None else when.on(day)


def _part(name: str) -> tuple[int, int]:
    begin, end = PARTS[name]
    return begin * 60, (end + 24 * (end <= begin)) * 60


def _length_ms(unit: str) -> int:
    return 1000 * _LENGTHS_S[unit if unit in _LENGTHS_S else unit.removesuffix("s")]


def _exact(when: TimeExpression, begin_ms: int, end_ms: int) -> TimeExpression | None:
    return replace(when, exact=Span(begin_ms, end_ms)) if begin_ms < end_ms else None


def _between(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
    later = found[6]
    begin, end = _minute(found[1], found[2], found[3] or later), _minute(found[4], found[5], later)
    if begin is None or end is None:
        return None
    if begin > end and later and not found[3]:
        begin = (begin + 12 * 60) % (24 * 60)  # `between 10 and 2 am`
    return _hours(when, begin, end + 24 * 60 * (end <= begin))


def _around(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
    at = _minute(found[1], found[2], found[3])
    return None if at is None else replace(when, hours=(at - NEAR_MIN, at + NEAR_MIN))


def _hours(when: TimeExpression, begin: int | None, end: int | None) -> TimeExpression | None:
    if begin is None and end is None:
        return None
    low, high = when.hours
    if begin is not None and begin < low and high > 24 * 60:  # "last night after 2:00"
        begin += 24 * 60
    if end is not None and high > 24 * 60 and end < low:
        end += 24 * 60
    return replace(when, hours=(low if begin is None else begin, high if end is None else end))


def _minute(hour: str, minute: str | None, half: str | None) -> int | None:
    """Return the minute of the day, or None if it is no time."""
    h, m = int(hour), int(minute or 0)
    if half:
        if not 1 <= h <= 12:
            return None
        h = h % 12 + 12 * (half == "pm")
    return h * 60 + m if h <= 24 and m < 60 else None


def _at(day: date, minute: int, zone: ZoneInfo) -> int:
    more, minute = divmod(minute, 24 * 60)
    at = datetime.combine(day + timedelta(days=more), time(minute // 60, minute % 60), zone)
    return round(at.timestamp() * 1000)
