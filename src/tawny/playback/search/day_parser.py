"""Days in natural language: `yesterday`, `monday`, `the 18th of november`. Without a year the latest is meant. Pure."""

import re
from calendar import monthrange
from datetime import date, timedelta

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
YEAR = timedelta(days=366)
OLDEST = date(1970, 1, 1)
YEAR_DIGITS = r"(?:19|20)\d\d"
WEEKDAY, MONTH = "|".join(DAYS), "|".join(MONTHS)
OF_MONTH = rf"(?:the )?\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?(?:{MONTH})(?: {YEAR_DIGITS})?"
ANY = (
    rf"(?:\d{{4}}-\d\d-\d\d|(?:the )?day before yesterday|yesterday|today|{OF_MONTH}"
    rf"|(?:{MONTH}) (?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: {YEAR_DIGITS})?"
    rf"|the \d{{1,2}}(?:st|nd|rd|th)|(?:(?:last|this) )?(?:{WEEKDAY})s?)"
)
"""Pattern without groups that matches what `day_of` parses."""
PARTS = {
    "night": (20, 6), "morning": (5, 12), "noon": (11, 14), "afternoon": (12, 18), "evening": (18, 24), "day": (6, 20),
}  # fmt: skip
"""First and last hour; an end before the start is on the next day."""
PART = "|".join(PARTS)
_NEAR = {"today": 0, "yesterday": 1, "day before yesterday": 2}


def day_of(text: str, today: date) -> date | None:
    """Return the day, or None if the text is none."""
    words = text.removeprefix("the ").removeprefix("last ").removeprefix("this ")
    if words in _NEAR:
        return today - _NEAR[words] * DAY
    if words.removesuffix("s") in DAYS:
        ago = (today.weekday() - DAYS.index(words.removesuffix("s"))) % 7
        return today - (ago or 7 * text.removeprefix("the ").startswith("last ")) * DAY
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", words):
            return _near(date.fromisoformat(words), today)
        number, *years = map(int, re.findall(r"\d+", words))
        month = next((name for name in MONTHS if name in words), None)
        if month is None:
            return max(filter(None, (_latest(one, number, today) for one in range(1, 13))), default=None)
        if years:
            return _near(date(years[0], MONTHS.index(month) + 1, number), today)
        return _latest(MONTHS.index(month) + 1, number, today)
    except ValueError:
        return None


def _near(on: date, today: date) -> date | None:
    return on if OLDEST <= on <= today + YEAR else None


def _latest(month: int, number: int, today: date) -> date | None:
    """Return the latest such day, not after today. The 29th of February may be years ago."""
    for year in range(today.year, today.year - 8, -1):
        if number <= monthrange(year, month)[1] and (on := date(year, month, number)) <= today:
            return on
    return None


def from_to(first_text: str, last_text: str, today: date) -> tuple[date, date] | None:
    """Return first and last day, or None. `friday to sunday` on a Friday begins a week earlier."""
    year = re.search(rf" {YEAR_DIGITS}$", last_text)
    if year and re.search(MONTH, first_text) and not re.search(YEAR_DIGITS, first_text):
        first_text += year[0]  # `18 november to 20 november 2025`
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


def days_of(first: date, last: date) -> frozenset[date]:
    """Return all days from the first to the last."""
    return frozenset(first + n * DAY for n in range((last - first).days + 1))


def named_month(name: str, year: str | None, today: date) -> tuple[date, date] | None:
    """Return the month of this name, without a year the latest, including the current one."""
    first = day_of(f"1 {name} {year or ''}".strip(), today)
    return None if first is None else month_of(first)


def weekend(today: date) -> tuple[date, date]:
    """Return the current weekend, else the last."""
    saturday = today - (today.weekday() - 5) % 7 * DAY
    return saturday, saturday + DAY


def hours_of(part: str) -> tuple[int, int]:
    """Return the first and last minute of a part of the day; the last may be on the next day."""
    begin, end = PARTS[part]
    return begin * 60, (end + 24 * (end <= begin)) * 60
