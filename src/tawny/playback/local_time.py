"""Local time of the recorder: clock changes and days of 23, 24 or 25 hours. Pure."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tawny.model.times import Span

STEP_MS = 3 * 3_600_000
"""Clock changes are further apart than this, ms."""


class Transition(NamedTuple):
    """A clock change. From `at_ms` local time is UTC + after_s; before it was UTC + before_s."""

    at_ms: int
    before_s: int
    after_s: int


def offset_s(zone: ZoneInfo, at_ms: int) -> int:
    """Return local time minus UTC, s."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)
    offset = at.utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


def transitions(zone: ZoneInfo, within: Span) -> list[Transition]:
    """Return the clock changes in a span, in order."""
    found: list[Transition] = []
    at_ms, before_s = within.begin_ms, offset_s(zone, within.begin_ms)
    while at_ms < within.end_ms:
        next_ms = min(at_ms + STEP_MS, within.end_ms)
        after_s = offset_s(zone, next_ms)
        if after_s != before_s:
            found.append(Transition(_first_with(zone, after_s, at_ms, next_ms), before_s, after_s))
        at_ms, before_s = next_ms, after_s
    return found


def _first_with(zone: ZoneInfo, after_s: int, without_ms: int, with_ms: int) -> int:
    """Return the first whole second with the offset after_s, between without_ms and with_ms."""
    before, after = without_ms // 1000, with_ms // 1000
    while after - before > 1:
        middle = (before + after) // 2
        if offset_s(zone, middle * 1000) == after_s:
            after = middle
        else:
            before = middle
    return after * 1000


def days(zone: ZoneInfo, within: Span) -> list[Span]:
    """Return the whole local days that overlap a span, in order, contiguous."""
    day = datetime.fromtimestamp(within.begin_ms // 1000, UTC).astimezone(zone).date()
    found: list[Span] = []
    while (begin_ms := _midnight_ms(zone, day)) < within.end_ms:
        day += timedelta(days=1)
        whole = Span(begin_ms, _midnight_ms(zone, day))
        if whole.end_ms > whole.begin_ms and whole.overlaps(within):  # a zone may skip a day
            found.append(whole)
    return found


def day_of(zone: ZoneInfo, at_ms: int) -> Span:
    """Return the local day of an instant."""
    return days(zone, Span(at_ms, at_ms + 1))[0]


def _midnight_ms(zone: ZoneInfo, day: date) -> int:
    # if the clock changes at midnight: the first of two, or the instant that replaces a skipped one
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000
