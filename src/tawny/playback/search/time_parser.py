"""Times in natural language: `last night`, `monday after 22:00`, `the last 3 days`, `between 2 and 5 am`.

A phrase gives days and hours of the day. Combined they are spans in local time, so a day may have 23 or 25 hours. Pure.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tawny.model.times import Span
from tawny.playback.search.day_parser import (
    ANY,
    DAY,
    DAYS,
    MONTH,
    OF_MONTH,
    PART,
    PARTS,
    WEEK,
    WEEKDAY,
    YEAR_DIGITS,
    day_of,
    days_of,
    from_to,
    hours_of,
    month_of,
    named_month,
    weekend,
)
from tawny.playback.search.phrases import CLOCK, CLOCK_AFTER, DAY_OR_NUMBER, LIMIT_AFTER, NO_PART, normalise_phrases
from tawny.playback.search.time_expression import (
    NEAR_MIN,
    WHOLE_DAY,
    PhraseReader,
    TimeExpression,
    TimePhrases,
    begin_at,
    end_at,
    from_to_ms,
)
from tawny.playback.search.weekday_parser import (
    HOURS,
    weekdays_of_a_month,
    weekdays_of_a_week,
    with_dates,
    with_hours_after,
)

_OF_YEAR = re.compile(rf"((?:{MONTH})(?: (?:the )?\d{{1,2}}(?:st|nd|rd|th)?)?) (?:of )?(last|this) year(?!\w)")
_YEAR_BEFORE = re.compile(rf"(?<!\w)(?:in )?((?:last|this) year) in ({MONTH})(?! (?:the )?\d)(?!\w)")
USUAL_DAYS = 7
"""Days searched if no day is given."""
_MOST_NIGHTS = 366
"""Each night is a query of its own."""
_LENGTHS_S = {"min": 60, "minute": 60, "hour": 3600, "h": 3600, "day": 86400, "week": 604_800, "month": 2_592_000}

_NUMBER = r"(\d{1,4})"
_FULL_YEAR = r"(?<![./-])(20\d\d)(?![./-]\d)"
_BEFORE_NUMBERS = frozenset({"plate", "plates", "number", "since", "before", "after", "until", "from", "between"})
"""Words after which a number is a plate, or a time that is not understood."""
_TO = "(?:and|to|until|-|–)"
_DATE = rf"{OF_MONTH}|{MONTH}|the \d|\d{{4}}-"
_HOUR_AFTER = (
    rf"(?={CLOCK_AFTER}|{LIMIT_AFTER}| \d{{1,2}} ?[ap]m)"
    r"(?! (?:(?:at|around|about) )?\d{1,2}(?::\d\d)? ?(?:[ap]m ?)?(?:to|until|-|–) ?\d)"  # not `at 2 to 4`
)


def parse_time(
    text: str, zone: ZoneInfo, now_ms: int, has_meaning: Callable[[str], bool] = lambda _word: False
) -> tuple[TimeExpression, str]:
    """Return the time in a lower-case text, and the text without it.

    has_meaning: whether a short word before a number is no part of a plate: `car 120 or 90 minutes ago`.
    """
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    years = {"last": today.year - 1, "this": today.year}
    text = _YEAR_BEFORE.sub(r"in \2 \1", normalise_phrases(text))
    text = _OF_YEAR.sub(lambda found: f"{found[1]} {years[found[2]]}", text)
    text = with_dates(with_hours_after(text), today)
    usual = frozenset(today - timedelta(days=n) for n in range(USUAL_DAYS))
    when = TimeExpression(usual, words=f"the last {USUAL_DAYS} days", is_usual=True)
    words: list[str] = []
    for pattern, read in _phrases(today, zone, now_ms, has_meaning):
        found = re.search(rf"(?<![\w:])(?<!\d[.,]){pattern}(?![\w:]|\.\d)", text)
        if found is None:
            continue
        made = read(when, found)
        if made is None:
            continue
        has_effect = made is not when and not when.parts and (made.whole is None or made.whole != when.whole)
        own = made.words if made.words != when.words else found[0].strip()
        rest = re.sub("12:00 pm", "12:00", re.sub("(?<=in the night )from .* (?=to )", "", own))
        if has_effect and (made.limits is None or made.spans(zone, now_ms)):
            when = made
            words.append(rest)
        else:
            when = replace(when, ignored=(*when.ignored, rest))
        text = f"{text[: found.start()]} {text[found.end() :]}"
    if when.hours[0] >= 24 * 60 and (when.is_usual or "today" in words):  # `every night at 2`, `today at night at 2`
        when = replace(when, hours=(when.hours[0] - 24 * 60, when.hours[1] - 24 * 60))
    for name, days, step in (
        (rf"{DAYS[today.weekday()]}s?", (today,), WEEK),
        ("(?:the )?weekend", weekend(today), WEEK),
        ("this night", (_night_of(now_ms, zone),), DAY),
        ("(?:last night|yesterday)", (today - DAY,), DAY),  # at 0:30 of `last night at 2` not the night going on
    ):
        pattern = rf"(?:on |at )?{name}(?: (?:{PART}))?"
        others = [one for one in words if not re.fullmatch(pattern, one)]
        if len(others) < len(words) and begin_at(days[0], when.hours[0], zone) >= now_ms:  # these hours are still ahead
            named = {day_of(found[1], today) for one in others if (found := re.fullmatch(rf"(?:on )?({ANY})", one))}
            when = replace(when, days=when.days - ({*days} - named) | {day - step for day in days})
    return (replace(when, words=", ".join(words)) if words else when), text


def _phrases(today: date, zone: ZoneInfo, now_ms: int, has_meaning: Callable[[str], bool]) -> TimePhrases:
    """Yield the patterns, longer phrases first."""
    yield from weekdays_of_a_week(today)
    yield from _ago(today, now_ms, has_meaning)
    yield from _since(today, zone, now_ms)
    yield from _nights_to(today, datetime.fromtimestamp(now_ms / 1000, zone).hour)
    yield from _from_hour_of_day(today, zone, now_ms)
    yield from _days_of_other_parts(today, zone, now_ms, with_rows=True)
    yield from _several_days(today)
    for _ in range(2):  # `after monday before friday`
        yield from _before_and_after_days(today, zone, now_ms)
    yield from weekdays_of_a_month(today)
    yield from weekdays_of_a_month(today)
    yield from _days_of_other_parts(today, zone, now_ms)
    yield from _parts_of_days(today, datetime.fromtimestamp(now_ms / 1000, zone).hour)
    yield from _weeks_and_months(today)
    for _ in DAYS:  # several days may be given
        yield rf"(?:on )?({ANY})", lambda when, found: _on(when, day_of(found[1], today))
    yield rf"({MONTH}) ({YEAR_DIGITS})", lambda when, found: _month(when, found, today)
    in_year = rf"(?:in|during|(?:in |during )?(?:the )?year) {_FULL_YEAR}"
    yield in_year, lambda when, found: _whole_year(when, found, today) or when
    yield (
        rf"{_FULL_YEAR}(?! (?!(?:at|by|in|on|the) )[^\W\d_]{{1,3}}(?!\w))",
        lambda when, found: _bare_year(when, found, today),
    )
    yield from _hours_of_the_day()


def _ago(today: date, now_ms: int, has_meaning: Callable[[str], bool]) -> TimePhrases:
    def back(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        return _exact(when, now_ms - int(found[1] or 1) * _length_ms(found[2]), now_ms)

    def about(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        ago_ms = int(found[1]) * _length_ms(found[2])
        near_ms = min(NEAR_MIN * 60_000, ago_ms)
        return _exact(when, now_ms - ago_ms - near_ms, now_ms - ago_ms + near_ms)

    def days(when: TimeExpression, found: re.Match[str]) -> TimeExpression:
        on = when.on(today - int(found[1]) * (WEEK if found[2].startswith("week") else DAY))
        return replace(on, hours=hours_of("night")) if found[2].startswith("night") else on

    def less(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        on = within(when, now_ms - int(found[1]) * _length_ms(found[2]), now_ms)
        return on and replace(on, words=" ".join(("since", found[1], found[2], "ago")))

    def between(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        before = re.search(r"(?<!\w)([^\W\d_]{1,3})[ -]$|plates? $|number $", found.string[: found.start()])
        is_plate = before and not (before[1] and len(before[1]) > 2 and has_meaning(before[1]))  # not `m in 120`
        if is_plate and " or " in found[0] and len(found[1]) > 2 and int(found[1]) > int(found[2]):
            return None  # `AB 123 or 10 minutes ago`
        latest, earliest = sorted((int(found[1]), int(found[2])))
        unit_ms = _length_ms(found[3])
        on = within(when, now_ms - earliest * unit_ms, now_ms - latest * unit_ms)
        return on and replace(on, words=f"{latest} to {earliest} {found[3]} ago")

    def more(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        end_ms = now_ms - int(found[1]) * _length_ms(found[2])
        if end_ms <= 0:
            return when
        on = within(when, 0, end_ms)
        return on and replace(on, words=" ".join(("until", found[1], found[2], "ago")))

    def within(when: TimeExpression, begin_ms: int, end_ms: int) -> TimeExpression | None:
        return _limited(when, Span(begin_ms, end_ms), now_ms) if begin_ms < end_ms else None

    def nights(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        number = min(int(found[1]), _MOST_NIGHTS)
        on = when.on(today - number * DAY, today - DAY)
        words = "last night" if number == 1 else f"last {number} nights"
        return replace(on, hours=hours_of("night"), words=words) if number else None

    length = rf"{_NUMBER} ?(minutes?|min|hours?|h|days?|weeks?|months?)"
    yield rf"(?:less than|under|within|at most) {length} ago", less
    yield rf"(?:more than|over|at least) {length} ago", more
    yield rf"(?:between |from )?{_NUMBER}(?: (?:and|to|or) | ?[-–] ?){length} ago", between
    yield rf"(?:in |on )?(?:the )?(?:last|past) {_NUMBER} nights", nights
    yield rf"since {length} ago", back
    yield rf"(?:in |within )?(?:the )?(?:last|past) (?:{_NUMBER} ?)?(minutes?|min|hours?|h|days?)", back
    yield rf"(?:in |within )?(?:the )?(?:last|past) {_NUMBER} ?(weeks?|months?)", back
    yield rf"{_NUMBER} ?(minutes?|min|hours?|h) ago", about
    yield rf"{_NUMBER} (days?|nights?|weeks?) ago", days


def _since(today: date, zone: ZoneInfo, now_ms: int) -> TimePhrases:
    def since(on: date | None, minute: int | None) -> PhraseReader:
        return lambda when, _: (
            None if on is None or minute is None else _exact(when, begin_at(on, minute, zone), now_ms)
        )

    def a_day(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        minute = _minute(found[3], found[4], found[5]) if found[3] else hours_of(found[2])[0] if found[2] else 0
        day = day_of(found[1], today)
        if day and minute and found[1].removesuffix("s") in DAYS and begin_at(day, minute, zone) >= now_ms:
            day -= WEEK
        return since(day, minute)(when, found)

    def a_month(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        days = named_month(found[1], found[2], today)
        return since(days[0], 0)(when, found) if days else None

    def an_hour(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        minute = _minute(found[1], found[2], found[3])
        is_today = minute is not None and begin_at(today, minute, zone) < now_ms
        return since(today if is_today else today - DAY, minute)(when, found)

    yield "since last night", since(today - DAY, hours_of("night")[0])
    yield "since this night", since(_night_of(now_ms, zone), hours_of("night")[0])
    for name in ("morning", "afternoon", "evening"):
        yield f"since (?:this )?{name}", since(today, hours_of(name)[0])
    monday, first = today - today.weekday() * DAY, today.replace(day=1)
    begins = {
        "this week": monday, "last week": monday - WEEK, "this month": first, "last month": month_of(first - DAY)[0],
        "this year": first.replace(month=1), "last year": first.replace(first.year - 1, 1),
        "weekend": weekend(today)[0], "last weekend": weekend(today - 2 * DAY)[0],
    }  # fmt: skip
    for name, begin in begins.items():
        yield f"since (?:the )?{name}", since(begin, 0)
    yield rf"since ({ANY})(?: (?:({PART})|(?:at )?{CLOCK}))?", a_day
    yield rf"since ({MONTH})(?: ({YEAR_DIGITS}))?", a_month
    yield rf"since {CLOCK}", an_hour


def _nights_to(today: date, hour: int) -> TimePhrases:
    def read(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        is_relative = found[2].endswith(("today", "yesterday"))
        newest = today + DAY * (hour >= PARTS["night"][0] and not is_relative)  # the night to tomorrow has begun
        last = day_of(found[2], newest)
        if last is None:
            return None
        number = re.fullmatch(r"(?:the )?(\d+)(?:st|nd|rd|th)?\.?", found[1] or "")
        days = None if number or not found[1] else from_to(found[1], found[2], newest)
        is_one = int(number[1]) == (last - DAY).day if number else not found[1] or days == (last - DAY, last)
        return replace(when.on(last - DAY), hours=hours_of("night")) if is_one else None  # else several nights

    for _ in DAYS:
        yield rf"in the night (?:from ({DAY_OR_NUMBER}) )?to ({ANY}){NO_PART}", read


def _from_hour_of_day(today: date, zone: ZoneInfo, now_ms: int) -> TimePhrases:
    def both(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        days = from_to(found[1], found[5], today)
        begin, end = _minute(found[2], found[3], found[4]), _minute(found[6] or "24", found[7], found[8])
        if days is None or begin is None or end is None or not (found[3] or found[4]):
            return None  # `monday 18 to 20 november`
        begin_ms, end_ms = from_to_ms(days[0], begin, days[1], end, zone)
        return _exact(when, begin_ms, min(end_ms, now_ms))

    def from_part(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        days = from_to(found[1], found[3], today)
        end = hours_of(found[4])[1] if found[4] else _minute(found[6], found[7], found[8])
        if days is None or end is None or (found[2] == found[4] and " until " not in found[0]):
            return None  # `monday evening to friday evening`
        end_ms = min(end_at(days[1], end + NEAR_MIN * bool(found[5]), zone), now_ms)
        return _exact(when, begin_at(days[0], hours_of(found[2])[0], zone), end_ms)

    no_count = r"(?!\d+ (?!(?:am|pm|and|or|at|by|in|near|on|with)(?!\w))\w)"  # not `to saturday 2 cars`
    for joined in (rf"(?:between|from) ({ANY}) ({PART}) {_TO}", rf"({ANY}) ({PART}) (?:to|until|-|–)"):
        yield rf"{joined} ({ANY}) (?:({PART})|{no_count}(at )?{CLOCK})", from_part
    first, last = rf"({ANY}) (?:at )?{CLOCK}", rf"({ANY})(?: (?:at )?{CLOCK})?"
    yield rf"(?:between|from) {first} {_TO} {last}", both
    yield rf"{first} (?:to|until|-|–) {last}", both


def _in_row(first: str, last: str, today: date) -> tuple[date, date] | None:
    """Return the first and last day. `wednesday to wednesday` begins a week earlier."""
    days = from_to(first, last, today)
    is_week = first == last and first.removesuffix("s") in DAYS
    return (days[0] - WEEK, days[1]) if days and is_week else days


def _several_days(today: date) -> TimePhrases:
    def both(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        days = _in_row(found[1], found[2], today)
        return when.on(*days) if days else None

    def of_month(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        last, number = day_of(found[2], today), int(found[1])
        return when.on(last.replace(day=number), last) if last and 1 <= number <= last.day else None

    for _ in range(2):  # `monday to tuesday and friday to sunday`
        yield rf"(?:between|from) ({ANY}) {_TO} ({ANY})", both
        yield rf"({ANY}) (?:to|until|-|–) ({ANY})", both
    yield rf"(?:between |from )?(?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\.? {_TO} ({OF_MONTH})", of_month


def _before_and_after_days(today: date, zone: ZoneInfo, now_ms: int) -> TimePhrases:
    def bounded(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        day, minute = day_of(found[2], today), _minute(found[4], found[5], found[6]) if found[4] else None
        if day is None or (found[4] and minute is None):
            return None
        if found[3]:
            minute = hours_of(found[3])[found[1] != "before"]
        if minute is None:
            minute = 24 * 60 * (found[1] != "before")  # `until` and `after` a day: its end
        at_ms = min((begin_at if found[1] == "after" else end_at)(day, minute, zone), now_ms)
        if found[1] == "after" and found[2].removesuffix("s") in DAYS and at_ms == now_ms:
            at_ms = begin_at(day - WEEK, minute, zone)
        limits = Span(at_ms, now_ms) if found[1] == "after" else Span(min(0, at_ms), at_ms)
        return _limited(when, limits, now_ms)

    apart = "day", "days", "night", "morning", "the week", "1 week", "weeks"  # `the day after monday` is one day
    not_apart = "".join(rf"(?<!\b{one} )" for one in apart)
    yield rf"((?:{not_apart}(?:before|after))|until) ({ANY})(?: (?:({PART})|(?:at )?{CLOCK}))?", bounded


def _named_parts(today: date, hour: int) -> dict[str, tuple[date, str]]:
    """Return the day and its part for words that name both."""
    nights = {
        "last night": today - DAY,
        "this night": today - DAY * (hour < PARTS["night"][0]),
        "tonight": today - DAY * (hour < PARTS["night"][1]),
    }
    of_today = {f"this {part}": (today, part) for part in ("morning", "afternoon", "evening")}
    return {text: (day, "night") for text, day in nights.items()} | of_today


def _parts_of_days(today: date, hour: int) -> TimePhrases:
    def part(name: str, on: date) -> PhraseReader:
        return lambda when, _: replace(when.on(on), hours=hours_of(name))

    def of_weekday(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        on = _on(when, day_of(found[1], today))
        return on and replace(on, hours=hours_of(found[2]))

    for text, (on, name) in _named_parts(today, hour).items():
        yield text, part(name, on)
    for name in ("morning", "afternoon", "evening", "night"):
        yield f"(?:the )?day before yesterday {name}", part(name, today - 2 * DAY)
        yield f"yesterday {name}", part(name, today - DAY)
    for _ in DAYS:
        yield rf"(?:on )?((?:(?:last|this) )?(?:{WEEKDAY})) ({PART})", of_weekday


def _days_of_other_parts(today: date, zone: ZoneInfo, now_ms: int, *, with_rows: bool = False) -> TimePhrases:
    """Yield days with different parts: `last night or this morning`, not `monday and tuesday evening`.

    with_rows: only lists with days in a row: `saturday to sunday and last night`.
    """
    own = _named_parts(today, datetime.fromtimestamp(now_ms / 1000, zone).hour)
    adverb = "" if with_rows else "(?:in the |at )?"  # not `monday to wednesday and friday in the evening`
    each = rf"(?:{'|'.join(own)}|(?:{ANY})(?: {adverb}(?:{PART}))?)(?!\w)"
    row = rf"(?:between {ANY} and|(?:from )?{ANY} (?:to|until|-|–)) {ANY}(?!\w)"
    one_part = rf"(?:(?!{'|'.join(own)}|(?:{PART})(?! before)(?!\w))\S+ )+(?:in the|at) (?:{PART})"

    def read(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
        if with_rows and re.fullmatch(one_part, found["days"]):
            return None  # of all days: `monday and wednesday to friday in the evening`
        days_and_parts = re.sub(rf" (?:in the|at) (?=(?:{PART})(?!\w))", " ", found["days"])
        listed = re.findall(rf"{row}(?: (?:{PART})(?!\w))?|{each}" if with_rows else each, days_and_parts)
        clock, said_hours = found.groupdict().get("clock"), set[tuple[int, int]]()
        parts, shared = set[tuple[date, tuple[int, int]]](), ""
        for one in reversed(listed):
            named = re.sub(rf" (?:{PART})$", "", one)
            part, ends = one[len(named) + 1 :], re.findall(ANY, named)
            if len(ends) > 1:
                days, shared = _in_row(ends[0], ends[1], today), ""
            else:
                day, part = own.get(one) or (day_of(named, today), part or shared)
                days, shared = (day, day) if day else None, "" if one in own else part
            if days is None:
                return None
            hours = hours_of(part) if part else WHOLE_DAY
            said_hours.add(hours)
            if clock and not parts:  # of the day before it
                narrowed = _narrowed(hours, clock)
                if narrowed is None:
                    return None
                hours = narrowed
            step = timedelta(0)
            if begin_at(days[0], hours[0], zone) >= now_ms:  # these hours are still ahead
                is_weekday = re.search(rf"(?:{WEEKDAY})s?(?!\w)", one) is not None
                step = WEEK if is_weekday else DAY * one.startswith(("last night", "this night", "yesterday"))
            parts |= {(day - step, hours) for day in days_of(*days)}
        joining = re.findall(r"(?<!\w)(?:and|or)(?!\w)", found["days"])
        is_list = with_rows or len(joining) == len(listed) - 1  # not `today, this morning`
        if len(said_hours) == 1 or (not is_list and WHOLE_DAY in said_hours):
            return None
        if not when.is_usual:
            return when
        words = ", ".join([*listed, clock] if clock else listed)
        return replace(when.among(frozenset(day for day, _ in parts)), parts=frozenset(parts), words=words)

    joined = "(?: and| or)?(?: on| in)? "
    days = rf"(?P<days>(?:on |in )?{each}(?:{joined}{each})+)"
    if with_rows:
        # not `monday to wednesday 18 november evening`
        no_date = rf"(?:(?<=day)(?! (?:{_DATE}))|(?<!day)(?! (?:{WEEKDAY})(?!\w)))"
        rows = rf"{row}(?: (?:in the|at) (?:{PART})(?!\w)|{NO_PART}{no_date})"
        days = rf"(?P<days>(?:{each}{joined})*{rows}(?:{joined}(?:{rows}|{each}))*)(?! (?:to|until|-|–) )"
    yield rf"{days}{_HOUR_AFTER} (?P<clock>{HOURS})", read
    yield days, read


def _narrowed(hours: tuple[int, int], clock: str) -> tuple[int, int] | None:
    """Return these hours of a day with a clock time after it, or None where that is outside: `this morning at 2`."""
    for pattern, read in _hours_of_the_day():
        if found := re.fullmatch(pattern, clock):
            made = read(TimeExpression(frozenset(), hours), found)
            begin, end = made.hours if made else hours
            return (begin, end) if (begin, end) != hours and begin < hours[1] and end > hours[0] else None
    return None


def _weeks_and_months(today: date) -> TimePhrases:
    def days(first: date, last: date) -> PhraseReader:
        return lambda when, _: when.on(first, last)

    def of_weekend(days: tuple[date, date]) -> PhraseReader:
        def read(when: TimeExpression, found: re.Match[str]) -> TimeExpression:
            return replace(when.on(*days), hours=hours_of(found[1]) if found[1] else when.hours)

        return read

    monday = today - today.weekday() * DAY
    first = month_of(today)[0]
    yield "(?:the )?week before last", days(monday - 2 * WEEK, monday - WEEK - DAY)
    yield "last week", days(monday - WEEK, monday - DAY)
    yield "this week", days(monday, today)
    yield "last month", days(*month_of(first - DAY))
    yield "this month", days(first, today)
    yield "(?:in )?(?:the )?last year", days(first.replace(first.year - 1, 1), first.replace(month=1) - DAY)
    yield "(?:in )?this year", days(first.replace(month=1), today)
    before_last = today - 2 * DAY - WEEK
    for name, newest in (
        ("weekend before last", before_last), ("last weekend", today - 2 * DAY), ("(?:this )?weekend", today)
    ):  # fmt: skip
        yield rf"(?:on |at )?(?:the )?{name}(?: ({PART}))?", of_weekend(weekend(newest))
    yield rf"(?:in|during) ({MONTH})(?: ({YEAR_DIGITS}))?", lambda when, found: _month(when, found, today)


def _hours_of_the_day() -> TimePhrases:
    def part(name: str) -> PhraseReader:
        def read(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
            is_second = found[0] == name and when.hours != WHOLE_DAY  # `yesterday morning at 8 and evening at 9`
            return None if is_second else replace(when, hours=hours_of(name))

        return read

    for name in PARTS:  # before the clock times, which are inside them
        # Not `every day at 2:00`, which is in the night.
        alone = rf"|{name}(?={CLOCK_AFTER}|{LIMIT_AFTER})" if name != "day" else ""
        yield rf"(?:(?:at|in the|during the|by) {name}{alone})", part(name)
    yield rf"between {CLOCK} and {CLOCK}", _between
    yield rf"(?:from )?{CLOCK} ?(?:-|–|to|until) ?{CLOCK}", _between
    yield rf"after {CLOCK}", _after
    yield rf"(?:before|until) {CLOCK}", _before
    yield rf"(?:at|around|about) {CLOCK}", _around
    yield r"(?!12:00 pm)(\d{1,2})(?::(\d\d))? ?(am|pm)", _around
    yield r"(\d{1,2}):(\d\d)(?: (?<=12:00 )(pm))?", _around  # not the pm of `21:00 pm`


def _night_of(now_ms: int, zone: ZoneInfo) -> date:
    """Return the day on which the last night began that has begun."""
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    return now.date() - DAY * (now.hour < PARTS["night"][0])


def _on(when: TimeExpression, day: date | None) -> TimeExpression | None:
    return None if day is None else when.on(day)


def _month(when: TimeExpression, found: re.Match[str], today: date) -> TimeExpression | None:
    days = named_month(found[1], found[2], today)
    return when.on(*days) if days else None


def _whole_year(when: TimeExpression, found: re.Match[str], today: date) -> TimeExpression | None:
    year = int(found[1])
    return when.on(date(year, 1, 1), date(year, 12, 31)) if when.is_usual and year <= today.year else None


def _bare_year(when: TimeExpression, found: re.Match[str], today: date) -> TimeExpression | None:
    """Return a year after a longer word: `person 2025`, but not `b ab 2025` nor `plate 2025`."""
    before = re.search(r"(?<!\w)[^\W\d_]{4,} $", found.string[: found.start()])
    return _whole_year(when, found, today) if before and before[0].strip() not in _BEFORE_NUMBERS else None


def _length_ms(unit: str) -> int:
    return 1000 * _LENGTHS_S[unit if unit in _LENGTHS_S else unit.removesuffix("s")]


def _exact(when: TimeExpression, begin_ms: int, end_ms: int) -> TimeExpression | None:
    if begin_ms >= end_ms or not when.is_usual:
        return None
    exact = Span(begin_ms, end_ms).cut_to(when.exact or when.limits or Span(begin_ms, end_ms))
    return None if exact is None else replace(when, exact=exact)


def _limited(when: TimeExpression, limits: Span, now_ms: int) -> TimeExpression | None:
    """Return the time within these limits too, or None if nothing is left."""
    left = (when.exact or when.limits or Span(0, now_ms)).cut_to(limits)
    if left is None:
        return None
    return replace(when, limits=left) if when.exact is None else replace(when, exact=left)


def _between(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
    is_short, later = _is_short(found[1], None), found[6]
    half = found[3] or (later if 1 <= int(found[1]) <= 12 else None)  # `07:00 to 9:00 pm`, not `23 to 1 am`
    begin, end = _minute(found[1], found[2], half), _minute(found[4], found[5], later)
    if begin is None or end is None:
        return None
    if begin > end and half and not found[3]:
        begin = (begin + 12 * 60) % (24 * 60)  # `between 10 and 2 am`
    times = _meant(when, begin, is_short=is_short and not half, is_likely=not found[5])
    begin = next((one for one in times if one < when.hours[1]), times[0]) if begin == end else times[0]
    both_short = is_short and _is_short(found[4], later) and when.hours != WHOLE_DAY
    while end <= begin:
        end += (12 if both_short else 24) * 60
    return replace(when, hours=(begin, end))


def _around(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
    times = _clock_times(when, found)
    return replace(when, hours=(times[0] - NEAR_MIN, times[0] + NEAR_MIN)) if times else None


def _after(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
    times, high = _clock_times(when, found), when.hours[1]
    if not times:
        return None
    late = max(high, hours_of("night")[1]) if high >= 24 * 60 else high  # `yesterday evening after 1:00`
    begin = next((one for one in times if one < late), times[0])
    return replace(when, hours=(begin, high if begin < high else late)) if begin < late else when


def _before(when: TimeExpression, found: re.Match[str]) -> TimeExpression | None:
    times, (low, high) = _clock_times(when, found), when.hours
    at = _minute(found[1], found[2], found[3])
    if at is None:
        return None
    if high > 24 * 60:  # in a night not 12 hours later: `last night until 9` may be the morning
        times = [at, at + 24 * 60]
    end = next((one for one in times if low < one < low + 20 * 60), at)
    if end <= low and when.hours == hours_of("morning"):  # `this morning before 4`
        low = 0
    return replace(when, hours=(low, end)) if low < end else when


def _clock_times(when: TimeExpression, found: re.Match[str]) -> list[int]:
    """Return the minutes of the day that a clock time may mean, the likeliest first; none if it is no time."""
    at = _minute(found[1], found[2], found[3])
    return [] if at is None else _meant(when, at, is_short=_is_short(found[1], found[3]))


def _is_short(hour: str, half: str | None) -> bool:
    """Return whether it is a time of a 12-hour clock that lacks its half of the day: not `08:30`."""
    return not half and hour[0] != "0" and int(hour) <= 12


def _meant(when: TimeExpression, minute: int, *, is_short: bool, is_likely: bool = True) -> list[int]:
    """Return the minutes of the day that may be meant, those nearest to the given hours of the day first.

    In the evening 8 is 20:00. 2:00 in a night is on its second day. `this morning at 1` is no afternoon.
    """
    low, high = when.hours
    if when.hours == WHOLE_DAY or high - low == 2 * NEAR_MIN:  # not `yesterday at 8 pm and at 9`
        return [minute]
    halves = (minute, minute + 12 * 60) if is_short and high > 12 * 60 else (minute,)
    times = [one + day for day in (0, 24 * 60) for one in halves]
    if high > 24 * 60:
        times = [one for one in times if one >= low - 6 * 60]  # 6 am before a night is another night's
    return sorted(times, key=lambda one: (max(low - one, 0, one - high), not is_likely and one % (24 * 60) != minute))


def _minute(hour: str, minute: str | None, half: str | None) -> int | None:
    """Return the minute of the day, or None if it is no time."""
    h, m = int(hour), int(minute or 0)
    if half:
        if not 1 <= h <= 12:
            return None
        h = h % 12 + 12 * (half == "pm")
    return h * 60 + m if h <= 24 and m < 60 else None
