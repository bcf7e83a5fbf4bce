"""Rewrites phrases of several spellings as one, before they are parsed: `11/20` becomes `20 november`. Pure.

Texts are lower case.
"""

import re
from collections.abc import Callable

from tawny.playback.search.day_parser import ANY, DAYS, MONTHS, PART, PARTS

NUMBERS = {
    word: str(number) for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"), 1
    )
} | {"a": "1", "an": "1", "a couple of": "2", "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40",
     "forty-five": "45", "fifty": "50", "sixty": "60", "ninety": "90"}  # fmt: skip
_UP_TO_19 = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
)  # fmt: skip
_ORDINALS = {
    **{word: number for number, word in enumerate(_UP_TO_19, 1)}, "twentieth": 20, "thirtieth": 30,
    **{f"twenty-{word}": 20 + number for number, word in enumerate(_UP_TO_19[:9], 1)}, "thirty-first": 31,
}  # fmt: skip
_ORDINAL = "|".join(sorted(_ORDINALS, key=len, reverse=True)).replace("-", "[- ]")
CLOCK = r"(\d{1,2})(?::(\d\d))?\s*(am|pm)?"
ORDERS = "first|earliest|oldest|last|latest|newest|most recent|longest|shortest"
_WORDS = "|".join(sorted(NUMBERS, key=len, reverse=True))
_SOME = "|".join(word for word, number in NUMBERS.items() if number != "1")
UNITS = r"(?:seconds?|minutes?|min|hours?|days?|nights?|weeks?|months?)"
_BRIEF_MONTHS = {month[:3]: month for month in MONTHS} | {"sept": "september"}
_BRIEF_DAYS = {day[:3]: day for day in DAYS} | {"tues": "tuesday", "thur": "thursday", "thurs": "thursday"}
BRIEF_MONTH, BRIEF_DAY = "|".join(_BRIEF_MONTHS), "|".join(_BRIEF_DAYS)
_NO_DATE = rf"(?!\d|st|nd|rd|th|\.| (?:(?:and|to|until|-) \d{{1,2}}(?:st|nd|rd|th)?\.? )?(?:of )?(?:{BRIEF_MONTH}))"
CLOCK_AFTER = rf" (?:(?:at|around|about|between|from) \d{{1,2}}{_NO_DATE}|\d{{1,2}}:\d\d)"
LIMIT_AFTER = rf" (?:after|before|until) \d{{1,2}}{_NO_DATE}(?! ?{UNITS})"
_DAY_BEFORE = "|".join(f"{DAYS[n - 1]} (?=night (?:to|before) {day})" for n, day in enumerate(DAYS))
DAY_OR_NUMBER = rf"{ANY}|(?:the )?\d{{1,2}}(?:st|nd|rd|th)?\.?"
_NOT_A_SPAN = "".join(rf"(?<!{one} )" for one in ("day", "at", "last", "since", "from", "between", "until"))
_NO_MONTH = rf"(?! (?:(?:in|of|during) )?(?:the )?(?:(?:last|this) (?:month|year)|{'|'.join(MONTHS)}|20\d\d)(?!\w))"
_MONTH_BEFORE = "".join(rf"(?<!{one} )" for one in (*MONTHS, "month", "year"))
"""Of a month, `monday to friday` would be all its days."""
NO_PART = rf"(?! (?:{PART})(?!\w))"
_NO_DAYS_BEFORE = "".join(rf"(?<!{one} )" for one in ("and", "or", *PARTS, *(f"{part}s" for part in PARTS)))
_NO_DAYS_AFTER = rf"(?! (?:and|or|to|until|-|–|{ANY})(?!\w))"
"""Where other days stand next to `monday-friday evening`, the evening may not be of them."""
_SAID_HOURS = r"(\d{1,2}\.(?:\d|25|75)) ?(?:hours?|h)"
_NO_RANGE = "".join(rf"(?<!{before})" for before in ("and ", "to ", "or ", "until ", "- ", "–", "– "))
"""Of `1 to 1.5 hours ago`, the other number would be of minutes too."""
_NO_HOURS = r"| (?:and|to|or|until|-) \d{1,2}\.\d{1,2} ?(?:hours?|h)(?!\w)"
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


def _days_with_part(found: re.Match[str]) -> str:
    """Return `monday to friday in the evening` for `monday-friday evening`, which is each of these evenings."""
    return f"{found[1]} to {found[2]} {'at' if found[3] == 'night' else 'in the'} {found[3]}"


def _date(found: re.Match[str]) -> str:
    """Return an ISO date, day before month; the other order if the month would be invalid."""
    day, month = int(found[1]), int(found[2])
    if month > 12:
        day, month = month, day
    return f"{found[3] if len(found[3]) == 4 else f'20{found[3]}'}-{month:02}-{day:02}"


def _day_of_month(found: re.Match[str]) -> str:
    """Return `20 november` for `20.11` and `11/20`, `14:30` for `14.30`."""
    day, month = int(found[1]), int(found[2])
    if "/" in found[0] and month > 12:
        day, month = month, day
    if 1 <= month <= len(MONTHS):
        return f"{day} {MONTHS[month - 1]}"
    is_clock = "." in found[0] and day <= 24 and 12 < month < 60
    return f"{day}:{month}" if is_clock else found[0]


def _number(found: re.Match[str]) -> str:
    return NUMBERS[found[1]]


def _minutes(found: re.Match[str]) -> str:
    return f"{round(float(found[1]) * 60)} minutes"


def _numbered(ordinal: str) -> int:
    return _ORDINALS[ordinal.replace(" ", "-")]


def _ordinal(found: re.Match[str]) -> str:
    return str(_numbered(found[1]))


def _day_before_month(found: re.Match[str]) -> str:
    return f"{_numbered(found[1])} {found[2]}"


def _day_after_month(found: re.Match[str]) -> str:
    return f"{_numbered(found[2])} {found[1]}"


_SAYINGS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])"), made)
    for pattern, made in (
        (r"o'clock", ""),
        (rf"(?:the )?({_ORDINAL})(?= (?:and|to|until|-) (?:the )?(?:{_ORDINAL}) of (?:{'|'.join(MONTHS)})(?!\w))",
         _ordinal),
        (rf"(?:the )?({_ORDINAL}) of ({'|'.join(MONTHS)})", _day_before_month),
        (rf"(?:the )?((?:twenty|thirty)[- ](?:{_ORDINAL})) ({'|'.join(MONTHS)})", _day_before_month),
        (rf"{_MONTH_BEFORE}{_NO_DAYS_BEFORE}({'|'.join(DAYS)})[-–]({'|'.join(DAYS)})"
         rf" (morning|afternoon|evening|night)s?{_NO_MONTH}{_NO_DAYS_AFTER}", _days_with_part),
        (rf"{_MONTH_BEFORE}({'|'.join(DAYS)})[-–]({'|'.join(DAYS)}){_NO_MONTH}", r"\1 to \2"),
        (rf"({'|'.join(DAYS)})–({'|'.join(DAYS)})", r"\1-\2"),
        (rf"({'|'.join(MONTHS)}) (?:the )?({_ORDINAL})(?! (?!\d{{4}}(?!\d))\w)", _day_after_month),
        (r"([ap])\.m\.?", r"\1m"),
        (r"an hour and a half|one and a half hours", "90 minutes"),
        (r"half an? hour", "30 minutes"),
        (r"(?:a )?quarter of an hour", "15 minutes"),
        (r"half a minute", "30 seconds"),
        (r"mins", "min"),
        (r"secs", "sec"),
        (r"hrs?", "h"),
        (rf"({_WORDS})(?= (?:(?:to|and) (?:{_WORDS}|\d{{1,4}}) )?(?:more )?{UNITS}(?!\w))", _number),
        (rf"({_WORDS})(?= or (?:{_WORDS}|\d{{1,4}}) {UNITS} ago(?!\w))", _number),
        (rf"(?:(?<=last )|(?<=past )){_SAID_HOURS}", _minutes),
        (rf"{_NO_RANGE}{_SAID_HOURS}(?= ago)", _minutes),
        (rf"({_SOME})(?= (?:{ORDERS})(?!\w))", _number),
        (rf"(?<=first )({_SOME})", _number),
        (rf"(?<=last )({_SOME})", _number),
        (rf"(?:no|not) more than(?= \d{{1,4}} ?(?!second|night)(?:{UNITS}|h) ago)", "at most"),
        (rf"(?:no|not) less than(?= \d{{1,4}} ?(?!second|night)(?:{UNITS}|h) ago)", "at least"),
        (r"after midnight", "between 0:00 and 6:00"),
        (r"(before|until|till?|to|and|-) midnight", r"\1 24:00"),
        (r"midnight", "0:00"),
        (r"midday", "noon"),
        (rf"noon(?!{CLOCK_AFTER})", "12:00 pm"),
        (rf"{CLOCK} (?:in the|at) (morning|afternoon|evening|night)", _half_of_day),
        (rf"(\d{{1,2}}\.?(?:\d{{1,2}}\.?)?)[-–](\d{{1,2}}(?:\.\d{{1,2}}\.?|\.?(?= (?:{BRIEF_MONTH}))))", r"\1 - \2"),
        (rf"(in|during) ({BRIEF_MONTH})", lambda found: f"{found[1]} {_BRIEF_MONTHS[found[2]]}"),
        (rf"({BRIEF_MONTH})\.?(?= \d)", lambda found: _BRIEF_MONTHS[found[1]]),
        (rf"(\d{{1,2}}(?:st|nd|rd|th)?\.?(?: of)?) ({BRIEF_MONTH})\.?",
         lambda found: f"{found[1]} {_BRIEF_MONTHS[found[2]]}"),
        (r"(\d{4})[./](\d{1,2})[./](\d{1,2})(?!\.\w)",
         lambda found: f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}"),
        (r"(\d{1,2})[./](\d{1,2})[./](\d{4}|\d\d)(?!\.\w)", _date),
        (r"(\d{1,2})\.(\d\d) ?([ap]m)", r"\1:\2 \3"),
        (r"(at|around|about) (\d{1,2})\.(\d\d)", r"\1 \2:\3"),
        (rf"(?<!\.)(\d{{1,2}})[./](\d{{1,2}})\.?(?!\.\w| ?(?:s|sec|h|{UNITS})(?!\w){_NO_HOURS})", _day_of_month),
        (rf"the (\d{{1,2}}\.)(?= (?:(?:and|to|until|-) (?:the )?\d{{1,2}}\.? )?(?:{'|'.join(MONTHS)}))", r"\1"),
        (rf"(on|last|since|from|between|until|to|and|every|each) ({BRIEF_DAY})",
         lambda found: f"{found[1]} {_BRIEF_DAYS[found[2]]}"),
        (rf"({BRIEF_DAY})(?= (?:and|or) (?:{'|'.join(DAYS)}))", lambda found: _BRIEF_DAYS[found[1]]),
        (r"overnight", "last night"),
        (r"the night before last", "2 nights ago"),
        (r"daytime", "day"),
        (r"all (?:day|night)(?: long)?(?= (?:yesterday|today|on|last))", ""),
        (rf"till?(?= (?:\d|{'|'.join(DAYS)}))", "until"),
        (rf"(?:(?:in|on|during) )?(?:the )?{_NOT_A_SPAN}(?:last |{_DAY_BEFORE})night (?:to|before)"
         rf"(?= {ANY}{NO_PART}(?! (?:at |to |until )?\d))", "in the night to"),
        (rf"(?:(?:in|on|during) )?(?:the )?{_NOT_A_SPAN}night(?: (?:from|of) ({DAY_OR_NUMBER}))? (?:to|before)"
         rf"(?= {ANY}{NO_PART})",
         lambda found: f"in the night {f'from {found[1]} ' * bool(found[1])}to"),
        (rf"(in the night to {ANY}) (?:and|or)(?: to| in)?(?= {ANY}{NO_PART})", r"\1 and in the night to"),
    )
]  # fmt: skip
