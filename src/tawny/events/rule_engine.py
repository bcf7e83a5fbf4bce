"""Evaluates rules for a situation and gives each decision a reason. Pure.

Used by the running recorder, the test of rules and the explanation of past events. A notifier or destination that a
rule names is used only if a rule matches; one that no rule names is always used. Where the table of the active mode
says what to notify about, it takes the place of both "only" and "always". A ring at the door needs no rule. A matching
rule that names no one overrides the others. Other actions need a matching rule. If a model labels objects, an event
without a label triggers a notification only if a rule asks for it. Of a snoozed rule, what people would notice
(`SNOOZED`) is left out; a rule that silences others can't be snoozed, so that a snooze never makes anything louder.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from astral import Observer
from astral.sun import elevation, noon

from tawny.config.modes import ALL, NONE, SNOOZED, RuleAction, RuleSettings
from tawny.config.units import duration_text
from tawny.config.week import DAY_MIN, NOON_MIN, SUNRISE, WEEKDAYS, TimeOfDay, WeekSpan
from tawny.model.events import DOORBELL
from tawny.model.ids import CameraId, EventId
from tawny.model.observations import MOTION, spoken
from tawny.model.times import Span

# Weekly times on the local clock of a place: by time zone, including clock changes, and by the sun.

_HORIZON = -0.833
"""Elevation of the sun's center at sunrise, degrees, including refraction."""
_KEPT_SUNS = 64


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

    def daily(self, hours: WeekSpan, at_ms: int) -> Span:
        """Return the hours of each day that this instant is in, or the next ones."""
        days = (self.day(at_ms) + timedelta(days=number) for number in range(-1, 3))
        return next(span for day in days if (span := self.span(hours, day)) is not None and at_ms < span.end_ms)

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
            if len(self._suns) > _KEPT_SUNS:
                self._suns.clear()
            known = self._suns[day, what] = self._found_ms(day, what)
        return known

    def _found_ms(self, day: date, what: str) -> int:
        """Look for sunrise in the half day before the sun is highest, for sunset in that after: in the north it may be
        past midnight. Where the sun stays up or down, days meet at midnight and nights at noon.
        """
        is_rise = what == SUNRISE
        highest_s = self._noon_s(day)
        lowest_s = (highest_s + self._noon_s(day + timedelta(days=-1 if is_rise else 1))) // 2
        if not self._is_light(highest_s):
            return self.at_ms(day, NOON_MIN)
        if self._is_light(lowest_s):
            return self.at_ms(day, 0 if is_rise else DAY_MIN)
        seconds = range(min(highest_s, lowest_s), max(highest_s, lowest_s) + 1)
        return seconds[bisect_left(seconds, x=True, key=lambda at_s: self._is_light(at_s) == is_rise)] * 1000

    def _noon_s(self, day: date) -> int:
        """Return when the sun is highest on this local day, s since 1970."""
        assert self._observer is not None, "settings with times by the sun have a place"
        days = (day, day - timedelta(days=1), day + timedelta(days=1))  # astral's are those of UTC
        found = [noon(self._observer, one, self.zone) for one in days]
        return round(next((one for one in found if one.date() == day), found[0]).timestamp())

    def _is_light(self, at_s: int) -> bool:
        assert self._observer is not None
        return elevation(self._observer, datetime.fromtimestamp(at_s, UTC), with_refraction=False) >= _HORIZON


def _has(span: Span, at_ms: int) -> bool:
    return span.begin_ms <= at_ms < span.end_ms


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
        if self.is_empty:
            return self._modes[0]
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
        if self.is_empty:
            return None
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


ANYBODY, EVERYBODY = "anybody", "everybody"
UNRULED: Final = "No rule applies."
RANG: Final = "Someone rang."
SAID: Final = {"notify": "notifies", "upload": "uploads to"}
NAMELESS: Final = "The model couldn't classify this motion, and no rule asks for it."
_NO_KIND: Final = ""


@dataclass(frozen=True, slots=True)
class RuleContext:
    """The situation to evaluate; `kind` is empty for time-based rules.

    home: people at home. names: whether a model labels objects at this camera, so that `motion` means unknown. reads:
    recognition results, as the words rules may use.
    """

    at_ms: int
    camera: CameraId
    kind: str
    mode: str
    zones: tuple[str, ...] = ()
    home: frozenset[str] = frozenset()
    lasted_s: float = 0.0
    names: bool = False
    reads: frozenset[str] = frozenset()
    is_alert: bool = False
    """Whether it is an alert."""
    chosen: "ModeChoice | None" = None
    """What the mode's table says about notifications; None: nothing."""
    snoozed: Mapping[str, str] = field(default_factory=dict)
    """Why rules don't apply: `is snoozed by Anna until 21:12`, by `RuleSettings.key`."""


@dataclass(frozen=True, slots=True)
class ModeChoice:
    """Whether the table of the active mode asks for notifications about an event.

    asks: as a sentence in `why`. channels: only these; None: all.
    """

    asks: bool
    why: str
    channels: tuple[str, ...] | None = None

    def about(self, action: RuleAction) -> "RuleDecision":
        if self.asks and self.channels is not None and action.name not in self.channels:
            why = f"{self.why} Only by {_or(self.channels) or 'no channel'}."
            return RuleDecision(action, does=False, why=why, by_mode=True)
        return RuleDecision(action, does=self.asks, why=self.why, by_mode=True)


@dataclass(frozen=True, slots=True)
class RuleDecision:
    """Whether an action is performed, with the reason as a sentence. by_mode: the mode's table said so.

    rule: key of the rule that said so; empty: none did. is_snoozed: it would be performed if no rule were snoozed.
    """

    action: RuleAction
    does: bool
    why: str
    by_mode: bool = False
    rule: str = ""
    is_snoozed: bool = False


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """Result of the rules for an event.

    action: for example `notify phone`. why: the complete reason. rule_does, rule_says: the part of the rules.
    """

    event: EventId
    action: str
    does: bool
    why: str
    rule_does: bool
    rule_says: str
    is_final: bool
    """Whether the event had ended."""
    at_ms: int


@dataclass(frozen=True, slots=True)
class FilterDecision:
    """Whether to send, and why. wait_ms: earliest time, ms UTC; 0: at once."""

    does: bool
    why: str
    wait_ms: int = 0
    is_final: bool = False
    """A refusal that does not change when the event changes."""


class RuleEngine:
    """Evaluates rules in the order of the settings. notifiers, destinations: names of all that exist."""

    def __init__(
        self, rules: Sequence[RuleSettings], calendar: Calendar, notifiers: Iterable[str], destinations: Iterable[str]
    ) -> None:
        self._rules, self._calendar = tuple(rules), calendar
        self._targets = {"notify": tuple(notifiers), "upload": tuple(destinations)}
        self._times = [
            Schedule(calendar, ("outside", "within"), {"within": rule.when.between}, {})
            for rule in self._rules
            if rule.when.between and rule.do[0].verb == "don't record"
        ]

    def decide(self, situation: RuleContext) -> list[RuleDecision]:
        """Return decisions for every notifier and destination and all other actions in rules."""
        misfits = [self._misfit(rule, situation) for rule in self._rules]
        found = [
            self._target("notify" if verb == "notify" else "upload", name, misfits, situation)
            for verb, names in self._targets.items()
            for name in names
        ]
        others = dict.fromkeys(
            one for rule in self._rules for one in rule.do if one.verb not in (*self._targets, "don't record")
        )
        return [*found, *(self._decide(one, misfits, situation) for one in others)]

    def fitting(self, situation: RuleContext) -> list[tuple[RuleSettings, int]]:
        """Return the rules that apply and could be snoozed, or are, with their numbers."""
        numbered = enumerate(self._rules, 1)
        return [(rule, n) for n, rule in numbered if rule.can_be_snoozed and not self._misfit(rule, situation)]

    def unrecorded(self, situation: RuleContext) -> str:
        """Return why this camera must not be recorded now, or an empty string."""
        for number, rule in enumerate(self._rules, 1):
            if rule.do[0].verb == "don't record" and not self._misfit(rule, situation):
                return f"{called(rule, number)} says so ({rule.when})."
        return ""

    def thresholds_s(self) -> list[float]:
        """Return the minimum durations that rules use, in s, ascending."""
        return sorted({rule.when.min_duration for rule in self._rules if rule.when.min_duration})

    def next_change_ms(self, at_ms: int) -> int | None:
        """Return when a rule next begins or ceases to stop recording by time of day, ms UTC; None without one."""
        changes = [change for times in self._times if (change := times.next_change(at_ms)) is not None]
        return min((change.at_ms for change in changes), default=None)

    # --- internal -------------------------------------------------------------------------------------------------

    def _target(self, verb: str, name: str, misfits: Sequence[str], now: RuleContext) -> RuleDecision:
        action = RuleAction("notify" if verb == "notify" else "upload", name)
        naming = [
            (number, rule, misfit)
            for number, (rule, misfit) in enumerate(zip(self._rules, misfits, strict=True), 1)
            if any(one.verb == verb and one.name in (name, ALL, NONE) for one in rule.do)
        ]
        silencing = [each for each in naming if any(one.verb == verb and one.name == NONE for one in each[1].do)]
        for number, rule, misfit in silencing:
            if not misfit:
                suppressed = "no notifications" if verb == "notify" else "nothing is sent"
                return RuleDecision(action, does=False, why=f"{called(rule, number)}: {suppressed} ({rule.when}).")
        naming = [each for each in naming if each not in silencing]
        held: list[tuple[int, RuleSettings, str]] = []
        for number, rule, misfit in naming:
            if misfit:
                continue
            if snoozed := _snoozed(rule, action, now):
                held.append((number, rule, snoozed))
                continue
            why = f"{called(rule, number)} {SAID[verb]} {name} ({rule.when})."
            return RuleDecision(action, does=True, why=why, rule=rule.key)
        if verb == "notify" and now.kind == DOORBELL and not held:
            return RuleDecision(action, does=True, why=RANG)
        if verb == "notify" and now.chosen is not None:
            chosen = now.chosen.about(action)
            if chosen.does or not held:
                return chosen
        if held:
            return RuleDecision(action, does=False, why=_none_fits(held), is_snoozed=True)
        if not naming and now.names and now.kind == MOTION and not now.is_alert:
            return RuleDecision(action, does=False, why=NAMELESS)
        if not naming:
            return RuleDecision(action, does=True, why=UNRULED)
        return RuleDecision(action, does=False, why=_none_fits(naming))

    def _decide(self, action: RuleAction, misfits: Sequence[str], now: RuleContext) -> RuleDecision:
        naming = [
            (number, rule, misfit)
            for number, (rule, misfit) in enumerate(zip(self._rules, misfits, strict=True), 1)
            if action in rule.do
        ]
        fitting = [(number, rule, _snoozed(rule, action, now)) for number, rule, misfit in naming if not misfit]
        for number, rule, snoozed in fitting:
            if not snoozed:
                why = f"{called(rule, number)} says so ({rule.when})."
                return RuleDecision(action, does=True, why=why, rule=rule.key)
        return RuleDecision(action, does=False, why=_none_fits(fitting or naming), is_snoozed=bool(fitting))

    def _misfit(self, rule: RuleSettings, now: RuleContext) -> str:
        """Return the first unmet condition, or an empty string."""
        return next(self._misfits(rule, now), "")

    def _misfits(self, rule: RuleSettings, now: RuleContext) -> Iterator[str]:
        when = rule.when
        if when.camera and now.camera not in when.camera:
            yield f"is for {_or(when.camera)}"
        if when.kind and now.kind not in when.kind:
            yield f"is for {_or(when.kind)}" + (f", not {now.kind}" if now.kind != _NO_KIND else "")
        if when.zone and not set(when.zone) & set(now.zones):
            yield f"is for {_or(when.zone)}, and it was in {_or(now.zones) if now.zones else 'no zone'}"
        if when.recognized and not any(spoken(word) in now.reads for word in when.recognized):
            yield f"is for {_or(when.recognized)}, which wasn't recognized"
        if when.mode and now.mode not in when.mode:
            yield f"is for {_or(when.mode)}, and the mode was {now.mode}"
        if when.between and not self._calendar.is_within(when.between, now.at_ms):
            clock = self._calendar.local(now.at_ms)
            yield f"is for {_or([str(one) for one in when.between])}, and it was {clock:%a %H:%M}"
        if when.home and not (now.home if ANYBODY in when.home else now.home & set(when.home)):
            yield f"is for {_or(when.home)} home, and {_home(now)}"
        if when.away and not (not now.home if EVERYBODY in when.away else set(when.away) - now.home):
            yield f"is for {_or(when.away)} away, and {_home(now)}"
        if when.min_duration and now.lasted_s < when.min_duration:
            yield (
                f"is for events of at least {duration_text(when.min_duration)}, and this one lasted "
                f"{duration_text(round(now.lasted_s, 1))}"
            )


def _snoozed(rule: RuleSettings, action: RuleAction, now: RuleContext) -> str:
    """Return why a rule that applies doesn't perform this action, or an empty string."""
    return now.snoozed.get(rule.key, "") if now.snoozed and action.verb in SNOOZED else ""


def rule_name(rule: RuleSettings, number: int) -> str:
    return rule.name or f"Rule {number}"


def called(rule: RuleSettings, number: int) -> str:
    """Return how a sentence about the rule begins: `The rule “Night watch”`, or `Rule 2` for one without a name."""
    return f"The rule “{rule.name}”" if rule.name else f"Rule {number}"


def _none_fits(naming: Sequence[tuple[int, RuleSettings, str]]) -> str:
    return " ".join(f"{called(rule, number)} {misfit}." for number, rule, misfit in naming)


def _home(now: RuleContext) -> str:
    if not now.home:
        return "nobody was home"
    return f"{' and '.join(sorted(now.home))} {'was' if len(now.home) == 1 else 'were'} home"


def _or(words: Sequence[str]) -> str:
    return " or ".join(words)


# Presence, of which rules make use.


@dataclass(frozen=True, slots=True)
class TrackedPerson:
    """Presence of one person."""

    name: str
    is_home: bool
    seen_ms: int | None
    """Time last seen, ms UTC; None if not seen since the start."""
    source: str
    """How the person was seen, for example `ping`; empty if not seen."""
    leaves_ms: int | None
    """Time from which the person counts as away if not seen again, ms UTC; None while away."""
