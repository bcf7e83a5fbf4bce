"""Days in natural language: `yesterday`, `monday`, `the 18th of november`. Without a year the latest one is meant."""

import re
from datetime import date, timedelta

from tawny.playback.search.phrases import DAYS, MONTHS

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
YEAR = timedelta(days=366)
OLDEST = date(1970, 1, 1)
WEEKDAY, MONTH = "|".join(DAYS), "|".join(MONTHS)
OF_MONTH = rf"(?:the )?\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?(?:{MONTH})"
ANY = (
    rf"(?:\d{{4}}-\d\d-\d\d|the day before yesterday|yesterday|today|{OF_MONTH}"
    rf"|(?:{MONTH}) (?:the )?\d{{1,2}}(?:st|nd|rd|th)?|the \d{{1,2}}(?:st|nd|rd|th)|(?:last )?(?:{WEEKDAY})s?)"
)
"""Pattern without groups that matches what `day_of` parses."""
_NEAR = {"today": 0, "yesterday": 1, "day before yesterday": 2}


def day_of(text: str, today: date) -> date | None:
    """Return the day, or None if the text is none."""
    words = text.removeprefix("the ").removeprefix("last ")
    if words in _NEAR:
        return today - _NEAR[words] * DAY
    if words.removesuffix("s") in DAYS:
        return today - (today.weekday() - DAYS.index(words.removesuffix("s"))) % 7 * DAY
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", words):
            return on if (on := date.fromisoformat(words)) >= OLDEST and on <= today + YEAR else None
        number = int(re.findall(r"\d+", words)[0])
        month = next((name for name in MONTHS if name in words), None)
        if month is None:
            near = today if number <= today.day else month_of(today)[0] - DAY
            return near.replace(day=number)
        on = date(today.year, MONTHS.index(month) + 1, number)
        return on if on <= today else on.replace(year=today.year - 1)
    except ValueError:
        return None


def from_to(first_text: str, last_text: str, today: date) -> tuple[date, date] | None:
    """Return first and last day, or None. `friday to sunday` on a Friday begins a week earlier."""
    first, last = day_of(first_text, today), day_of(last_text, today)
    if first is None or last is None:
        return None
    if first > last and first_text.rstrip("s").endswith("day"):
        first -= WEEK
    return (max(first, last - 10 * YEAR), last) if first <= last else None


def month_of(day: date) -> tuple[date, date]:
    """Return the first and last day of its month."""
    first = day.replace(day=1)
    return first, (first + 31 * DAY).replace(day=1) - DAY


def last_month(name: str, today: date) -> tuple[date, date]:
    """Return the latest month of this name, including the current one."""
    first = date(today.year, MONTHS.index(name) + 1, 1)
    return month_of(first if first <= today else first.replace(year=today.year - 1))


def weekend(today: date) -> tuple[date, date]:
    """Return the current weekend, else the last."""
    saturday = today - (today.weekday() - 5) % 7 * DAY
    return saturday, saturday + DAY
