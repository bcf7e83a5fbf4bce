"""Weekdays of a week, month or year: `monday to wednesday last week`, `every monday evening in november`. Pure."""

import re
from dataclasses import replace
from datetime import date

from tawny.playback.search.day_parser import (
    ANY,
    DAY,
    DAYS,
    MONTH,
    OLDEST,
    PART,
    WEEK,
    WEEKDAY,
    YEAR_DIGITS,
    days_of,
    hours_of,
    month_of,
    named_month,
)
from tawny.playback.search.time_expression import WHOLE_DAY, TimeExpression, TimePhrases

_SAID_CLOCK = r"\d{1,2}(?::\d\d)?(?: ?[ap]m)?"
HOURS = (
    rf"(?:at night|in the (?:{PART})|(?:after|before|until|at|around|about) {_SAID_CLOCK}|\d{{1,2}}:\d\d(?: ?[ap]m)?"
    rf"|\d{{1,2}} ?[ap]m|(?:between|from) {_SAID_CLOCK} (?:and|to|until) {_SAID_CLOCK})"
)
_A_WEEKDAY = f"{WEEKDAY}|weekend"
_ONE_DAY = f"(?:{_A_WEEKDAY})s?"
_WEEKDAYS = (
    r"(?:on |at |in )?(?:(?:every|each|all) )?(?:the )?(?:(?P<place>first|last) )?"
    rf"(?P<days>{_ONE_DAY}(?:(?: (?:{PART})s?| {HOURS})?(?: and| or)?(?: on| every| each)? {_ONE_DAY})*)"
    rf"(?: (?P<part>{PART})s?)?"
)
_PERIOD = (
    rf"(?:(?:in|of|during) (?P<month>{MONTH})(?: (?P<year>{YEAR_DIGITS}))?(?! (?:the )?\d)"
    r"|(?:in|of|during) (?P<whole_year>20\d\d)(?![./-]\d)"
    r"|(?:(?:in|of|during) )?(?:the )?(?P<which>last|this) (?P<unit>month|year))"
)
_A_WEEK = r"(?:(?P<week>last|this) week|(?:the )?week (?P<before>before last)|(?P<ago>\d{1,4}) weeks? ago)"
_OF_WEEK = (
    rf"(?P<days>(?:{WEEKDAY})s?(?:(?: (?:{PART})s?| {HOURS})?(?: and| or)?(?: on)? (?:{WEEKDAY})s?)*)"
    rf"(?: (?P<part>{PART})s?)?"
)
_RANGE = (
    rf"(?:(?:between|from) (?P<first>{WEEKDAY}) (?:and|to|until|-|–)|(?P<begin>{WEEKDAY}) (?:to|until|-|–))"
    rf" (?P<last>{WEEKDAY})"
)
_ONE_OF_MIXED = rf"(?:{WEEKDAY})(?: (?:{PART})s?)?"
_MIXED = (
    rf"(?P<days>(?:(?:between|from) )?{_ONE_OF_MIXED}(?:(?: and| or| to| until| -| –)?(?: on)? {_ONE_OF_MIXED}){{1,7}})"
)
"""Lists and ranges together, or ranges of parts: `monday and wednesday to friday`, which are not read."""
_NO_LIMIT = "".join(rf"(?<!{one} )" for one in ("since", "before", "after", "until", "to", "-", "–"))
_HOURS_BETWEEN = re.compile(
    rf"(?<!\w){_NO_LIMIT}(?P<days>{_ONE_DAY})(?P<hours>(?: {HOURS})+)(?P<period> (?:{_PERIOD}|(?:of )?{_A_WEEK}))(?!\w)"
)
_OF_A_WEEK = rf"(?: (?:of|in|from))?(?: the)? {_A_WEEK}"
_HOURS_BETWEEN_RANGE = re.compile(
    rf"(?<!\w){_NO_LIMIT}(?P<days>{_RANGE})(?P<hours>(?: {HOURS})+)(?P<period>{_OF_A_WEEK})(?!\w)"
)
_DAY_OF_WEEK = re.compile(rf"(?<!\w)(?P<day>{WEEKDAY})(?P<part> (?:{PART}))?{_OF_A_WEEK}(?!\w)")
_WEEK_ENDS = "(?:week|week before last|weeks? ago)"
_LIMIT_BEFORE = re.compile(
    rf"(?<!\w)(?:since|before|after|until|{_WEEK_ENDS} (?:to|until|-|–)|between .*{_WEEK_ENDS} and) $"
)
_RANGE_BEFORE = re.compile(rf"(?<!\w)(?:{WEEKDAY})(?: (?:{PART}|{HOURS}))* until $")
_RANGE_AFTER = re.compile(rf" (?:to|until|-|–) {ANY}(?!\w)")
_RANGE_BEGINS = re.compile(rf"(?:between|from) (?:{_A_WEEKDAY}) (?:at )?{_SAID_CLOCK} and $")


def with_dates(text: str, today: date) -> str:
    """Return dates for weekdays that are limits: `since monday last week`, not `monday to friday last week`."""

    def dated(found: re.Match[str]) -> str:
        before, after = found.string[: found.start()], found.string[found.end() :]
        begins = _RANGE_AFTER.match(after) or (before.endswith("between ") and after.startswith(" and "))
        is_limit = begins or (_LIMIT_BEFORE.search(before) and not _RANGE_BEFORE.search(before))
        monday = _monday_of(found, today)
        if monday is None or not is_limit:
            return found[0]
        day = monday + DAYS.index(found["day"]) * DAY
        is_ahead = day > today and before.endswith("since ")  # `since friday this week` on a monday
        return found[0] if is_ahead else f"{day}{found['part'] or ''}"

    return _DAY_OF_WEEK.sub(dated, text)


def with_hours_after(text: str) -> str:
    """Return `mondays last month after 22:00` for `mondays after 22:00 last month`, not of `until monday 6:00`."""

    def moved(found: re.Match[str]) -> str:
        is_end = _RANGE_BEGINS.search(found.string[: found.start()]) is not None
        return found[0] if is_end else f"{found['days']}{found['period']}{found['hours']}"

    return _HOURS_BETWEEN.sub(moved, _HOURS_BETWEEN_RANGE.sub(moved, text))


def _monday_of(found: re.Match[str], today: date) -> date | None:
    weeks = 2 if found["before"] else int(found["ago"]) if found["ago"] else int(found["week"] == "last")
    days_ago = today.weekday() * DAY + weeks * WEEK
    return today - days_ago if days_ago <= today - OLDEST else None


def weekdays_of_a_week(today: date) -> TimePhrases:
    """Yield weekdays of a week: `monday and tuesday last week`, `2 weeks ago on monday`."""

    def words_of(days: list[str], found: re.Match[str]) -> str:  # as it is translated
        weeks_ago = "1 week ago" if found["ago"] == "1" else f"{found['ago']} weeks ago"
        week = "the week before last" if found["before"] else weeks_ago if found["ago"] else f"{found['week']} week"
        return ", ".join((*days, week))

    def listed(when: TimeExpression, found: re.Match[str]) -> TimeExpression:
        monday, part, weekdays = _monday_of(found, today), found["part"], re.findall(WEEKDAY, found["days"])
        has_others = not when.is_usual and when.hours != (hours_of(part) if part else WHOLE_DAY)
        if monday is None or has_others or not _have_one_part(found):
            return when
        on = when.among(frozenset(monday + DAYS.index(one) * DAY for one in weekdays))
        words = words_of([f"{one} {part}" if part else one for one in weekdays], found)
        return replace(on, hours=hours_of(part) if part else when.hours, words=words)

    def from_to(when: TimeExpression, found: re.Match[str]) -> TimeExpression:
        begin, end = found["first"] or found["begin"], found["last"]
        monday, first, last = _monday_of(found, today), DAYS.index(begin), DAYS.index(end)
        if monday is None:
            return when
        on = when.on(monday + (first - 7 * (first > last)) * DAY, monday + last * DAY)
        return replace(on, words=words_of([f"{begin} to {end}"], found))

    def mixed(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        has_range = re.search(r"(?<!\w)(?:between|from|to|until|-|–)(?!\w)", found["days"]) is not None
        return when if has_range and not re.fullmatch(_RANGE, found["days"]) else None

    for days, read, times in ((_MIXED, mixed, 1), (_RANGE, from_to, 3), (_OF_WEEK, listed, 3)):
        for _ in range(times):  # `monday 2 weeks ago and tuesday last week`
            yield rf"{_NO_LIMIT}(?:on )?{days}{_OF_A_WEEK}", read
        yield rf"{_NO_LIMIT}{_A_WEEK}(?:'s)?(?: on)? {days}", read


def weekdays_of_a_month(today: date) -> TimePhrases:
    """Yield weekdays of a month or year: `every monday evening in november`, `last month on weekends`."""

    def read(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        month, which, unit = found["month"], found["which"], found["unit"]
        first = today.replace(day=1) if unit == "month" else today.replace(month=1, day=1)
        whole = named_month(month, found["year"], today) if month else (first, today)
        if found["whole_year"]:
            whole = date(int(found["whole_year"]), 1, 1), date(int(found["whole_year"]), 12, 31)
        if which == "last":
            whole = month_of(first - DAY) if unit == "month" else (first.replace(first.year - 1), first - DAY)
        if whole is None:
            return None
        weekdays, place = re.findall(_A_WEEKDAY, found["days"]), found["place"]
        days = frozenset[date]().union(*(_each_or_one(one, place, whole, today) for one in weekdays))
        if not days or not _have_one_part(found):
            return when
        which_ones = f"the {place}" if place else "every"
        after = f" {found['part']}" if found["part"] else ""
        named = " ".join(filter(None, (month, found["year"], found["whole_year"])))
        period = f"in {named}" if named else f"{which} {unit}"
        words = ", ".join((*(f"{which_ones} {one}{after}" for one in weekdays), period))  # as it is translated
        hours = hours_of(found["part"]) if found["part"] else when.hours
        return replace(when.among(days), hours=hours, words=words)

    yield f"{_WEEKDAYS} {_PERIOD}", read
    yield rf"{_PERIOD} (?=(?:on|at|in|the|every|each|all|weekend|(?:{_A_WEEKDAY})s)(?!\w)){_WEEKDAYS}", read


def _have_one_part(found: re.Match[str]) -> bool:
    """Return whether no day has a part or hours of its own: of one the morning, of another the evening."""
    has_hours = re.search(rf" {HOURS}(?!\w)", found["days"]) is not None
    return not has_hours and {*re.findall(rf" ({PART})s?(?!\w)", found["days"])} <= {found["part"]}


def _each_or_one(name: str, place: str | None, whole: tuple[date, date], today: date) -> frozenset[date]:
    """Return the past days of this name, or the first or last. Such a weekend is of the month of its Saturday."""
    numbers = (5, 6) if name == "weekend" else (DAYS.index(name),)
    if place is None:
        return frozenset(day for day in days_of(*whole) if day.weekday() in numbers and day <= today)
    begins = sorted(day for day in days_of(*whole) if day.weekday() == numbers[0] and day <= today)
    chosen = begins[:1] if place == "first" else begins[-1:]
    return frozenset(day + n * DAY for day in chosen for n in range(len(numbers)))
