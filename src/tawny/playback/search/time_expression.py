"""Times that were parsed: days and hours of the day, which are spans in local time. Pure."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tawny.model.times import Span
from tawny.playback.search.day_parser import days_of
from tawny.playback.timeline import transitions

WHOLE_DAY = (0, 24 * 60)
"""First and last minute."""
NEAR_MIN = 30
"""`at 14:00` includes this many minutes before and after."""


@dataclass(frozen=True, slots=True)
class TimeExpression:
    """A parsed time.

    days: all included days. hours: first and last minute of the day; the last may be on the next day. exact: span that
    overrides days and hours. limits: what `before` and `after` a day leave. is_usual: no day was given. ignored:
    phrases without effect. parts: days with hours of their own, which override days and hours.
    """

    days: frozenset[date]
    hours: tuple[int, int] = WHOLE_DAY
    exact: Span | None = None
    limits: Span | None = None
    words: str = ""
    is_usual: bool = False
    ignored: tuple[str, ...] = ()
    parts: frozenset[tuple[date, tuple[int, int]]] = frozenset()

    @property
    def whole(self) -> Span | None:
        """The span in which days and hours have no effect."""
        return self.exact or (self.limits if self.is_usual else None)

    def spans(self, zone: ZoneInfo, now_ms: int) -> tuple[Span, ...]:
        """Return the spans until now; adjacent ones are merged."""
        if self.whole is not None:
            return (self.whole,)
        found: list[Span] = []
        parts = self.parts or {(day, self.hours) for day in self.days}
        for day, hours in sorted(parts, key=lambda one: begin_at(one[0], one[1][0], zone)):
            begin, end = from_to_ms(day, hours[0], day, hours[1], zone)
            end = min(end, now_ms)
            if self.limits is not None:
                begin, end = max(begin, self.limits.begin_ms), min(end, self.limits.end_ms)
            if begin >= end:
                continue
            if found and begin <= found[-1].end_ms:
                last = found.pop()
                begin, end = last.begin_ms, max(last.end_ms, end)
            found.append(Span(begin, end))
        return tuple(found)

    def on(self, first: date, last: date | None = None) -> "TimeExpression":
        """Return the expression with these days added, or restricted to them if they were already included."""
        return self.among(days_of(first, last or first))

    def among(self, days: frozenset[date]) -> "TimeExpression":
        """Return the expression with these days added, or restricted to them if they were already included."""
        more = days if self.is_usual or days <= self.days else self.days | days
        return replace(self, days=more, is_usual=False)


PhraseReader = Callable[[TimeExpression, re.Match[str]], TimeExpression | None]
"""None: not a time after all. The expression as it was: a time without effect."""
TimePhrases = Iterator[tuple[str, PhraseReader]]


def begin_at(day: date, minute: int, zone: ZoneInfo) -> int:
    """Return the first instant that shows this time; of a skipped time, the moment of the change."""
    first, last = _shown(day, minute, zone)
    return first if first <= last else transitions(zone, Span(last, first))[0].at_ms


def end_at(day: date, minute: int, zone: ZoneInfo) -> int:
    """Return the last instant that shows this time, as the end of hours; of midnight the first, where a day ends."""
    first, last = _shown(day, minute, zone)
    return last if first <= last and minute % (24 * 60) else begin_at(day, minute, zone)


def from_to_ms(first: date, begin: int, last: date, end: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return the first and last instant; around the change if the clock skipped all of it."""
    begin_ms, end_ms = begin_at(first, begin, zone), end_at(last, end, zone)
    near_ms = NEAR_MIN * 60_000 * (begin_ms == end_ms and (first, begin) < (last, end))
    return begin_ms - near_ms, end_ms + near_ms


def _shown(day: date, minute: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return the first and last instant that shows this time. The first is later if the clock skipped it."""
    more, minute = divmod(minute, 24 * 60)
    at = datetime.combine(day + timedelta(days=more), time(minute // 60, minute % 60), zone)
    return round(at.timestamp() * 1000), round(at.replace(fold=1).timestamp() * 1000)
