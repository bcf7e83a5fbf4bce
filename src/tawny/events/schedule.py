"""Mode by weekly schedule and exceptions at an instant, and its next change. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from tawny.config.week import DAY_MIN, WEEKDAYS, WeekSpan
from tawny.events.calendar import Calendar
from tawny.model.times import Span

AHEAD_DAYS = 8
"""Search range for the next change, days: a week plus one day that may be an exception."""
STEP_MIN = 5
_KEPT_DAYS, _KEPT_CHANGES = 64, 16


class ModeSwitch(NamedTuple):
    at_ms: int
    mode: str


class Schedule:
    """The schedule. Thread-safe.

    week: spans of each mode. dates: by day, a mode or the weekday whose schedule applies.
    """

    def __init__(
        self,
        calendar: Calendar,
        modes: Sequence[str],
        week: Mapping[str, Sequence[WeekSpan]],
        dates: Mapping[str, str],
    ) -> None:
        self._calendar, self._modes, self._week = calendar, tuple(modes), week
        self._dates = {date.fromisoformat(day): meant for day, meant in dates.items()}
        self._days: dict[date, list[tuple[Span, int]]] = {}
        self._found: tuple[tuple[int, ModeSwitch], ...] = ()
        """Recent results of `next_change`, each with the instant from which it is valid."""

    @property
    def is_empty(self) -> bool:
        return not self._dates and not any(self._week.values())

    def mode(self, at_ms: int) -> str:
        """Return the mode. Of overlapping modes the later in the settings wins; without any, the first."""
        today = self._calendar.day(at_ms)
        meant = self._dates.get(today, "")
        if meant in self._modes:
            return meant
        near = (today + timedelta(days=days) for days in (-1, 0, 1))
        found = [rank for day in near for span, rank in self._of(day) if span.begin_ms <= at_ms < span.end_ms]
        return self._modes[max(found, default=0)]

    def next_change(self, at_ms: int) -> ModeSwitch | None:
        """Return the first later instant with another mode; None if there is none within `AHEAD_DAYS`."""
        for since_ms, change in self._found:
            if since_ms <= at_ms < change.at_ms:
                return change
        now = self.mode(at_ms)
        for days in (1, AHEAD_DAYS):  # usually a change is near
            for later_ms in sorted(set(self._edges(at_ms, days))):
                if later_ms > at_ms and (mode := self.mode(later_ms)) != now:
                    found = ModeSwitch(later_ms, mode)
                    self._found = (*self._found[-_KEPT_CHANGES:], (at_ms, found))
                    return found
        return None

    def day(self, day: date) -> list[tuple[int, int, str]]:
        """Return a local day as (begin minute, end minute, mode), in steps of STEP_MIN, for display."""
        found: list[tuple[int, int, str]] = []
        for minute in range(0, DAY_MIN, STEP_MIN):
            mode = self.mode(self._calendar.at_ms(day, minute))
            begin = found.pop()[0] if found and found[-1][2] == mode else minute
            found.append((begin, minute + STEP_MIN, mode))
        return found

    def _edges(self, at_ms: int, days: int) -> Iterator[int]:
        """Yield all begins and ends within this number of days."""
        today = self._calendar.day(at_ms)
        end_ms = self._calendar.at_ms(today + timedelta(days=days + 1), 0)
        for ahead in range(-1, days + 2):
            day = today + timedelta(days=ahead)
            for span, _ in self._of(day):
                yield from (edge_ms for edge_ms in (span.begin_ms, span.end_ms) if edge_ms <= end_ms)
            if day in self._dates:
                next_ms = self._calendar.at_ms(day + timedelta(days=1), 0)
                yield from (edge_ms for edge_ms in (self._calendar.at_ms(day, 0), next_ms) if edge_ms <= end_ms)

    def _of(self, day: date) -> list[tuple[Span, int]]:
        """Return the spans that begin on this day, each with the rank of its mode."""
        if day not in self._days:
            if len(self._days) > _KEPT_DAYS:
                self._days.clear()
            meant = self._dates.get(day, "")
            weekday = WEEKDAYS.index(meant) if meant in WEEKDAYS and meant not in self._modes else day.weekday()
            self._days[day] = [
                (span, self._modes.index(mode))
                for mode, stretches in self._week.items()
                for one in stretches
                if weekday in one.days and (span := self._calendar.span(one, day)) is not None
            ]
        return self._days[day]
