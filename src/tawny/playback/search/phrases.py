"""Normalizes phrases before parsing. Pure; text is lower case.

`half an hour ago` becomes `30 minutes ago`, `3 in the afternoon` becomes `3 pm`, `18.11.2026` becomes `2026-11-18`.
"""

import re
from collections.abc import Callable

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NUMBERS = {
    word: str(number) for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"), 1
    )
} | {"a": "1", "an": "1", "a couple of": "2", "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40",
     "forty-five": "45", "fifty": "50", "sixty": "60", "ninety": "90"}  # fmt: skip
CLOCK = r"(\d{1,2})(?::(\d\d))?\s*(am|pm)?"
ORDERS = "first|earliest|oldest|last|latest|newest|most recent|longest|shortest"
_WORDS = "|".join(sorted(NUMBERS, key=len, reverse=True))
_SOME = "|".join(word for word, number in NUMBERS.items() if number != "1")
_UNITS = r"(?:seconds?|minutes?|min|hours?|days?|nights?|weeks?|months?)"
_BRIEF_MONTHS = {month[:3]: month for month in MONTHS} | {"sept": "september"}
_BRIEF_DAYS = {day[:3]: day for day in DAYS} | {"tues": "tuesday", "thur": "thursday", "thurs": "thursday"}
_BRIEF_MONTH, _BRIEF_DAY = "|".join(_BRIEF_MONTHS), "|".join(_BRIEF_DAYS)
_NIGHT_FROM = 6
"""`5 at night` means morning, `6 at night` means evening."""


def normalise_phrases(text: str) -> str:
    for pattern, made in _SAYINGS:
        text = " ".join(pattern.sub(made, text).split())
    return text


def _half_of_day(found: re.Match[str]) -> str:
    hour, minute, half, part = int(found[1]), found[2] or "00", found[3], found[4]
    if half is not None or not 1 <= hour <= 12:
        return f"{found[1]}:{minute} {half or ''}".strip()
    early_at_night = part == "night" and (hour < _NIGHT_FROM or hour == 12)
    return f"{hour}:{minute} {'am' if part == 'morning' or early_at_night else 'pm'}"


def _date(found: re.Match[str]) -> str:
    """Return an ISO date, day before month; the other order if the month would be invalid."""
    day, month = int(found[1]), int(found[2])
    if month > 12:
        day, month = month, day
    return f"{found[3]}-{month:02}-{day:02}"


def _day_of_month(found: re.Match[str]) -> str:
    month = int(found[2])
    return f"{found[1]} {MONTHS[month - 1]}" if 1 <= month <= len(MONTHS) else found[0]


def _number(found: re.Match[str]) -> str:
    return NUMBERS[found[1]]


_SAYINGS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])"), made)
    for pattern, made in (
        (r"o'clock", ""),
        (r"([ap])\.m\.?", r"\1m"),
        (r"an hour and a half|one and a half hours", "90 minutes"),
        (r"half an? hour", "30 minutes"),
        (r"(?:a )?quarter of an hour", "15 minutes"),
        (r"half a minute", "30 seconds"),
        (r"mins", "min"),
        (r"secs", "sec"),
        (r"hrs?", "h"),
        (rf"({_WORDS})(?= (?:more )?{_UNITS}(?!\w))", _number),
        (rf"({_SOME})(?= (?:{ORDERS})(?!\w))", _number),
        (rf"(?<=first )({_SOME})", _number),
        (rf"(?<=last )({_SOME})", _number),
        (r"after midnight", "between 0:00 and 6:00"),
        (r"(before|until|till?|to|and|-) midnight", r"\1 24:00"),
        (r"midnight", "0:00"),
        (r"noon|midday", "12:00"),
        (rf"{CLOCK} (?:in the|at) (morning|afternoon|evening|night)", _half_of_day),
        (rf"({_BRIEF_MONTH})\.?(?= \d)", lambda found: _BRIEF_MONTHS[found[1]]),
        (rf"(\d(?:st|nd|rd|th)?\.?(?: of)?) ({_BRIEF_MONTH})", lambda found: f"{found[1]} {_BRIEF_MONTHS[found[2]]}"),
        (r"(\d{1,2})[./](\d{1,2})[./](\d{4})", _date),
        (r"(\d{1,2})\.(\d{1,2})\.", _day_of_month),
        (rf"(on|last|since|from|between|until|to|and) ({_BRIEF_DAY})",
         lambda found: f"{found[1]} {_BRIEF_DAYS[found[2]]}"),
        (r"overnight", "last night"),
        (r"the night before last", "2 nights ago"),
        (r"daytime", "day"),
        (r"all (?:day|night)(?: long)?(?= (?:yesterday|today|on|last))", ""),
        (rf"till?(?= (?:\d|{'|'.join(DAYS)}))", "until"),
    )
]  # fmt: skip
