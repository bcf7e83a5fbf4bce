"""Times as people say them: `last night`, `monday after 22:00`, `the last 3 days`, `between 2 and 5 am`.

A phrase gives days, and hours of the day; together they are spans of time by the clock on the wall, so a day may have
23 or 25 hours. Pure.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tawny.model.times import Span

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
USUAL_DAYS = 7
"""So far back is looked where no day was said."""
NIGHT, MORNING, AFTERNOON, EVENING = (20, 6), (5, 12), (12, 18), (18, 24)
"""Hours from and to; one that ends earlier than it begins goes on past midnight."""
PARTS = {"night": NIGHT, "morning": MORNING, "afternoon": AFTERNOON, "evening": EVENING}
NEAR_MIN = 30
"""`at 14:00` is so many minutes before and after it."""
_HOURS = {"hour": 1, "hours": 1, "h": 1, "day": 24, "days": 24, "week": 168, "weeks": 168}

_CLOCK = r"(\d{1,2})(?::(\d\d))?\s*(am|pm)?"
_NUMBER = r"(\d+)"


@dataclass(frozen=True, slots=True)
class When:
    """days: from and to, both meant. hours: minutes of the day from and to; the end may lie on the next day.

    exact: from and to as instants, which days and hours have no say in.
    """

    days: tuple[date, date]
    hours: tuple[int, int] = (0, 24 * 60)
    exact: Span | None = None
    words: str = ""

    def spans(self, zone: ZoneInfo, now_ms: int) -> tuple[Span, ...]:
        """Up to now; neighbours are one."""
        if self.exact is not None:
            return (self.exact,)
        found: list[Span] = []
        first, last = self.days
        for n in range((last - first).days + 1):
            begin, end = (_at(first + timedelta(days=n), minute, zone) for minute in self.hours)
            if begin >= now_ms or end <= begin:
                continue
            if found and begin <= found[-1].end_ms:
                begin = found.pop().begin_ms
            found.append(Span(begin, min(end, now_ms)))
        return tuple(found)


def understood(text: str, zone: ZoneInfo, now_ms: int) -> tuple[When, str]:
    """The time that a lower-case text speaks of, and the text without it."""
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    when = When((today - timedelta(days=USUAL_DAYS - 1), today), words=f"the last {USUAL_DAYS} days")
    said: list[str] = []
    for pattern, read in _phrases(today, now_ms):
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


_Read = Callable[[When, re.Match[str]], When | None]


def _phrases(today: date, now_ms: int) -> Iterator[tuple[str, _Read]]:
    """The longer ones first."""
    day, week = timedelta(days=1), timedelta(days=7)
    monday = today - day * today.weekday()

    def days(first: date, last: date | None = None) -> _Read:
        return lambda when, _: replace(when, days=(first, last or first))

    def part(name: str, on: date) -> _Read:
        begin, end = PARTS[name]
        return lambda when, _: replace(when, days=(on, on), hours=(begin * 60, (end + 24 * (end <= begin)) * 60))

    def hours(name: str) -> _Read:
        begin, end = PARTS[name]
        return lambda when, _: replace(when, hours=(begin * 60, (end + 24 * (end <= begin)) * 60))

    def back(when: When, found: re.Match[str]) -> When:
        length_ms = int(found[1] or 1) * _HOURS[found[2]] * 3_600_000
        return replace(when, exact=Span(now_ms - length_ms, now_ms))

    def ago(when: When, found: re.Match[str]) -> When:
        on = today - day * int(found[1])
        return replace(when, days=(on, on))

    yield rf"(?:in )?(?:the )?(?:last|past) {_NUMBER}? ?(hours?|h|days?|weeks)", back
    yield "last night", part("night", today - day)
    yield "tonight", part("night", today)
    for name in ("morning", "afternoon", "evening"):
        yield f"this {name}", part(name, today)
        yield f"yesterday {name}", part(name, today - day)
    yield "yesterday night", part("night", today - day)
    yield rf"{_NUMBER} days ago", ago
    yield "the day before yesterday", days(today - 2 * day)
    yield "yesterday", days(today - day)
    yield "today", days(today)
    yield "last week", days(monday - week, monday - day)
    yield "this week", days(monday, today)
    yield "(?:on |at )?(?:the |last )?weekend", days(_weekend(today), _weekend(today) + day)
    yield r"(?:on )?(\d{4})-(\d\d)-(\d\d)", _numbered
    yield rf"(?:on )?(?:the )?{_NUMBER}(?:st|nd|rd|th)?\.? (?:of )?({'|'.join(MONTHS)})", _named(today)
    yield rf"(?:on )?({'|'.join(MONTHS)}) {_NUMBER}(?:st|nd|rd|th)?", _named(today, month_first=True)
    for n, name in enumerate(DAYS):
        on = today - day * ((today.weekday() - n) % 7)
        for other in PARTS:
            yield f"(?:on )?(?:last )?{name} {other}", part(other, on)
        yield f"(?:on )?(?:last )?{name}s?", days(on)
    yield rf"between {_CLOCK} and {_CLOCK}", _between
    yield rf"(?:from )?{_CLOCK} ?(?:-|–|to|until) ?{_CLOCK}", _between
    yield rf"after {_CLOCK}", lambda when, found: _hours(when, _minute(found[1], found[2], found[3]), None)
    yield rf"(?:before|until) {_CLOCK}", lambda when, found: _hours(when, None, _minute(found[1], found[2], found[3]))
    yield rf"(?:at|around|about) {_CLOCK}", _around
    for name in PARTS:
        yield f"(?:at|in the|during the|by) {name}", hours(name)


def _between(when: When, found: re.Match[str]) -> When | None:
    later = found[6]
    begin, end = _minute(found[1], found[2], found[3] or later), _minute(found[4], found[5], later)
    return None if begin is None or end is None else _hours(when, begin, end + 24 * 60 * (end <= begin))


def _around(when: When, found: re.Match[str]) -> When | None:
    at = _minute(found[1], found[2], found[3])
    return None if at is None else replace(when, hours=(at - NEAR_MIN, at + NEAR_MIN))


def _hours(when: When, begin: int | None, end: int | None) -> When | None:
    if begin is None and end is None:
        return None
    low, high = when.hours
    if begin is not None and begin < low and high > 24 * 60:  # "last night after 2:00"
        begin += 24 * 60
    if end is not None and high > 24 * 60 and end < low:
        end += 24 * 60
    return replace(when, hours=(low if begin is None else begin, high if end is None else end))


def _minute(hour: str, minute: str | None, half: str | None) -> int | None:
    """Of the day; None for what is no time."""
    h, m = int(hour), int(minute or 0)
    if half is not None:
        if not 1 <= h <= 12:
            return None
        h = h % 12 + 12 * (half == "pm")
    return h * 60 + m if h <= 24 and m < 60 else None


def _numbered(when: When, found: re.Match[str]) -> When | None:
    try:
        on = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
    return replace(when, days=(on, on))


def _named(today: date, *, month_first: bool = False) -> _Read:
    """A day of the last twelve months."""

    def read(when: When, found: re.Match[str]) -> When | None:
        day, month = (found[2], found[1]) if month_first else (found[1], found[2])
        try:
            on = date(today.year, MONTHS.index(month) + 1, int(day))
            on = on if on <= today else on.replace(year=today.year - 1)
        except ValueError:
            return None
        return replace(when, days=(on, on))

    return read


def _weekend(today: date) -> date:
    """Its Saturday: of the one that goes on, else of the last."""
    return today - timedelta(days=(today.weekday() - 5) % 7)


def _at(day: date, minute: int, zone: ZoneInfo) -> int:
    more, minute = divmod(minute, 24 * 60)
    at = datetime.combine(day + timedelta(days=more), time(minute // 60, minute % 60), zone)
    return round(at.timestamp() * 1000)
