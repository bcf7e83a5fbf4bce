"""Weekly times on the local clock of a place: by time zone, including clock changes, and by the sun.

A time begins at the first instant at which the clock shows it or later. It occurs once, even if the clock shows it
twice; if the clock skips it, at the change. Where the sun does not rise, sunrise and sunset are at noon; where it does
not set, at midnight.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from astral import Observer
from astral.sun import elevation, noon, sunrise, sunset

from tawny.config.week import DAY_MIN, NOON_MIN, SUNRISE, TimeOfDay, WeekSpan
from tawny.model.times import Span

_HORIZON = -0.833
"""Elevation of the sun's center at sunrise, degrees, including refraction."""
_KEPT_DAYS = 64


class Calendar:
    """Converts local times. Thread-safe.

    place: latitude and longitude in degrees; None if no times by the sun are used.
    """

    def __init__(self, zone: ZoneInfo, place: tuple[float, float] | None = None) -> None:
        self.zone = zone
        self._observer = Observer(*place) if place else None
        self._suns: dict[tuple[date, str], int] = {}

    def local(self, at_ms: int) -> datetime:
        """Return the local time as a naive datetime."""
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone).replace(tzinfo=None)

    def day(self, at_ms: int) -> date:
        return self.local(at_ms).date()

    def at_ms(self, day: date, minute: int) -> int:
        """Return the first instant at which the clock shows this minute of the day or later.

        minute: may exceed the day.
        """
        wall = datetime.combine(day, time.min) + timedelta(minutes=minute)
        either = [round(wall.replace(tzinfo=self.zone, fold=fold).timestamp()) for fold in (0, 1)]
        seconds = range(min(either), max(either) + 1)
        if self.local(seconds[0] * 1000) == wall:
            return seconds[0] * 1000  # the first of two
        return seconds[bisect_left(seconds, wall, key=lambda at_s: self.local(at_s * 1000))] * 1000

    def moment_ms(self, day: date, moment: TimeOfDay) -> int:
        if not moment.sun:
            return self.at_ms(day, moment.minute)
        return self._sun_ms(day, moment.sun) + moment.minute * 60_000

    def span(self, stretch: WeekSpan, day: date) -> Span | None:
        """Return the span that begins on this day, or None if it would be empty. Ignores the span's weekdays."""
        begin_ms = self.moment_ms(day, stretch.begin)
        end_ms = self.moment_ms(day + timedelta(days=stretch.ends_next_day), stretch.end)
        return Span(begin_ms, end_ms) if begin_ms < end_ms else None

    def is_within(self, stretches: Iterable[WeekSpan], at_ms: int) -> bool:
        """Return whether this instant is within one of the spans."""
        today = self.day(at_ms)
        return any(
            day.weekday() in one.days and (span := self.span(one, day)) is not None and _has(span, at_ms)
            for day in (today - timedelta(days=1), today, today + timedelta(days=1))
            for one in stretches
        )

    def _sun_ms(self, day: date, what: str) -> int:
        known = self._suns.get((day, what))
        if known is None:
            if len(self._suns) > _KEPT_DAYS:
                self._suns.clear()
            known = self._suns[day, what] = self._found_ms(day, what)
        return known

    def _found_ms(self, day: date, what: str) -> int:
        assert self._observer is not None, "settings with times by the sun have a place"
        find = sunrise if what == SUNRISE else sunset
        try:
            found = find(self._observer, date=day, tzinfo=self.zone)
        except ValueError:  # the sun does not rise or does not set that day
            if elevation(self._observer, noon(self._observer, day, UTC)) < _HORIZON:
                return self.at_ms(day, NOON_MIN)
            return self.at_ms(day, 0 if what == SUNRISE else DAY_MIN)
        return round(found.timestamp()) * 1000


def _has(span: Span, at_ms: int) -> bool:
    return span.begin_ms <= at_ms < span.end_ms
