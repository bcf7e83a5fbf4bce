"""Mode service: reads and changes modes, presence and rules at runtime; writes them to the settings file if in use."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from tawny.config.changes import change_modes, modes_to_table, parse_modes, rule_to_table
from tawny.config.settings import Settings, display_name
from tawny.delivery.delivery import Delivery, DeliveryState
from tawny.delivery.outbox import Outbox
from tawny.events.modes import ModeSnapshot, ModeState
from tawny.events.rule_engine import Calendar, FilterDecision, RuleContext, RuleDecision, Schedule
from tawny.model.errors import NotDone
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.levels import Level, level_of
from tawny.model.times import Clock
from tawny.service.cameras.duty import duty_of
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.delivery.notification_scheduler import NotificationFilter, at_level, verdict
from tawny.service.delivery.upload_scheduler import UploadRule, sends
from tawny.service.modes.mode_controller import ModeController
from tawny.service.modes.rule_actions import RuleDecider


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A hypothetical event. mode, home: None: as predicted for that time."""

    camera: str
    kind: str
    at_ms: int
    zones: tuple[str, ...] = ()
    mode: str | None = None
    home: tuple[str, ...] | None = None
    lasts_s: float = 0.0


@dataclass(frozen=True, slots=True)
class OutcomeInfo:
    """An action. wait_ms: earliest time. went: its result, if it was executed."""

    deed: str
    does: bool
    why: str
    wait_ms: int | None
    went: str
    """State of its delivery: `delivered`, `waits` …; empty if there is none."""


@dataclass(frozen=True, slots=True)
class RehearsalInfo:
    at_ms: int
    mode: str
    by: str
    """What set the mode."""
    home: tuple[str, ...]
    is_recorded: bool
    unrecorded: str
    is_noticed: bool
    """Whether detection runs then."""
    outcomes: Sequence[OutcomeInfo]


@dataclass(frozen=True, slots=True)
class PersonHomeInfo:
    """Presence of a person. leaves_ms: when they count as away if not seen before."""

    name: str
    is_home: bool
    seen_ms: int | None
    source: str
    leaves_ms: int | None


@dataclass(frozen=True, slots=True)
class CameraHoldInfo:
    camera: CameraId
    what: Literal["pause", "record"]
    by: str
    since_ms: int
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class ModeChangeInfo:
    """A mode change. by: what caused it; empty for a future one."""

    at_ms: int
    mode: str
    by: str


@dataclass(frozen=True, slots=True)
class ModeStatus:
    """Current mode, presence and overrides. ahead: scheduled changes, if presence does not change."""

    modes: tuple[str, ...]
    mode: str
    by: str
    is_by_hand: bool
    since_ms: int
    until_ms: int | None
    ahead: Sequence[ModeChangeInfo]
    people: Sequence[PersonHomeInfo]
    looks_by: str
    """Hint about presence probes that do not work here; empty if all do."""
    holds: Sequence[CameraHoldInfo]
    lately: Sequence[ModeChangeInfo]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ModePlan:
    """The tables `modes` and `rules` as in `tawny.toml`. does: one-line summary of each mode."""

    modes: Mapping[str, Any]
    rules: Sequence[Mapping[str, Any]]
    is_in_file: bool
    notifiers: Sequence[str] = ()
    destinations: Sequence[str] = ()
    does: Mapping[str, str] = field(default_factory=dict)


# Rehearsal: predicts the outcome of a hypothetical event with the same code that decides real events.


@dataclass(frozen=True, slots=True)
class RehearsalTargets:
    """Notifiers and destinations, by their own settings.

    silence: returns why a notifier sends nothing about a camera's event of a time, ms UTC; or empty.
    """

    ears: Callable[[], Sequence[NotificationFilter]]
    wishes: Callable[[], Sequence[UploadRule]]
    silence: Callable[[str, CameraId, int], str]


def rehearsed(
    asked: Rehearsal,
    settings: Settings,
    modes: ModeState,
    deciding: RuleDecider,
    targets: RehearsalTargets,
    zone: ZoneInfo,
    clock: Clock,
) -> RehearsalInfo:
    """Return the predicted outcome. Raises NotDone for unknown cameras, modes or people."""
    camera = CameraId(asked.camera)
    _check(asked, settings, modes)
    was = _stands(asked, modes, clock.now_ms())
    names = deciding.names(camera)
    alerts = settings.cameras[camera].detection.alert_rules(is_named=names)
    level = level_of(Event(EventId(""), camera, asked.kind, asked.at_ms, None, 0.0, zones=asked.zones), alerts)
    now = RuleContext(
        asked.at_ms, camera, asked.kind, was.mode, asked.zones, was.home, names=names, is_alert=level == Level.ALERT
    )
    hold = modes.hold(camera)
    if hold is not None and hold.until_ms is not None and hold.until_ms <= asked.at_ms:
        hold = None
    in_mode = settings.modes.record_in(now.mode, camera)
    duty = duty_of(settings.cameras[camera], hold, deciding.rules.unrecorded(now), now.mode, in_mode)
    ears = {ear.to: ear for ear in targets.ears()}
    wishes = {wish.to: wish for wish in targets.wishes()}

    def outcome(says: RuleDecision, at_ms: int) -> FilterDecision:
        match says.deed.verb:
            case "notify" if says.deed.name in ears:
                silence = targets.silence(says.deed.name, camera, asked.at_ms)
                ear = ears[says.deed.name]
                return verdict(ear, camera, asked.kind, at_level(ear, level, says), at_ms, zone, silence=silence)
            case "upload" if says.deed.name in wishes:
                return sends(wishes[says.deed.name], camera, asked.kind, says, kept=False)
        return FilterDecision(says.does, says.why)

    made: dict[str, FilterDecision] = {}
    for lasted_s in _moments_s(asked.lasts_s, deciding):
        for says in deciding.rules.decide(replace(now, lasted_s=lasted_s)):
            deed = str(says.deed)
            if deed not in made or not made[deed].does:
                made[deed] = outcome(says, asked.at_ms + round(lasted_s * 1000))
    return RehearsalInfo(
        asked.at_ms,
        was.mode,
        was.by,
        tuple(sorted(was.home)),
        duty.is_recorded,
        "" if duty.is_recorded else duty.detail or "It is switched off.",
        duty.is_watched,
        [OutcomeInfo(deed, one.does, one.why, one.wait_ms or None, "") for deed, one in made.items()],
    )


def _moments_s(lasts_s: float, deciding: RuleDecider) -> list[float]:
    """Return when the event is evaluated, s after its start: start, thresholds of rules, and end."""
    return sorted({0.0, lasts_s, *(after_s for after_s in deciding.rules.thresholds_s() if after_s < lasts_s)})


def _stands(asked: Rehearsal, modes: ModeState, now_ms: int) -> ModeSnapshot:
    home = None if asked.home is None else frozenset(asked.home)
    was = modes.at(asked.at_ms) if asked.at_ms < now_ms and home is None else modes.ahead(asked.at_ms, home)
    return was if not asked.mode else ModeSnapshot(asked.mode, "asked", was.home)


def _check(asked: Rehearsal, settings: Settings, modes: ModeState) -> None:
    if asked.camera not in settings.cameras:
        raise NotDone(f"No camera named {asked.camera}.", f"Available: {', '.join(settings.cameras) or 'none'}.")
    if asked.mode and asked.mode not in modes.names:
        raise NotDone(f"No mode named {asked.mode}.", f"Available: {', '.join(modes.names)}.")
    for person in asked.home or ():
        if person not in modes.people_names:
            known = ", ".join(modes.people_names) or "no one"
            raise NotDone(f"{person} isn't set up for presence.", f"Available: {known}.")


LATELY, SHOWN_DAYS = 30, 7
_WENT = {DeliveryState.WAITING: "waits", DeliveryState.DONE: "delivered", DeliveryState.DROPPED: "dropped"}


class ModeService:
    """Modes and rules for clients. Thread-safe; may wait for the disk. Raises NotDone.

    check: raises SettingsError for settings this recorder cannot execute. outbox: has the results of notifications and
    uploads.
    """

    def __init__(
        self,
        arming: ModeController,
        settings: ChangeableSettings,
        check: Callable[[Settings], None],
        targets: RehearsalTargets,
        outbox: Outbox,
        zone: ZoneInfo,
        clock: Clock,
    ) -> None:
        self._arming, self._modes, self._settings, self._check = arming, arming.modes, settings, check
        self._targets, self._outbox, self._zone, self._clock = targets, outbox, zone, clock
        self._lock = threading.Lock()

    def now(self) -> ModeStatus:
        standing = self._modes.now()
        return ModeStatus(
            modes=self._modes.names,
            mode=standing.mode,
            by=standing.by,
            is_by_hand=standing.is_by_hand,
            since_ms=standing.since_ms,
            until_ms=standing.until_ms,
            ahead=[ModeChangeInfo(one.at_ms, one.mode, "") for one in self._modes.week_ahead()],
            people=[
                PersonHomeInfo(one.name, one.is_home, one.seen_ms, one.source, one.leaves_ms)
                for one in self._modes.people()
            ],
            looks_by=self._arming.looks_by,
            holds=[
                CameraHoldInfo(one.camera, one.what, one.by, one.since_ms, one.until_ms) for one in self._modes.holds()
            ],
            lately=[ModeChangeInfo(at_ms, was.mode, was.by) for at_ms, was in self._modes.changes(LATELY)],
            problem=self._arming.problem,
        )

    def set_mode(self, mode: str, by: str, for_s: float | None) -> None:
        """Set the mode. for_s: None: until the next scheduled change."""
        self._modes.set_mode(mode, by, self._until_ms(for_s))

    def back_to_week(self) -> None:
        self._modes.back_to_week()

    def hold(self, camera: CameraId, what: str, by: str, for_s: float | None) -> None:
        """Override a camera. what: `pause`, `record`, or empty: end the override."""
        if camera not in self._settings.now().cameras:
            raise NotDone(f"No camera named {camera}.", "It may have been removed. Reload the page.")
        match what:
            case "pause":
                self._modes.pause(camera, self._until_ms(for_s), by)
            case "record":
                self._modes.record(camera, self._until_ms(for_s), by)
            case _:
                self._modes.let_go(camera, by)

    def check_in(self, person: str, source: str, *, home: bool) -> None:
        if home:
            self._modes.seen(person, source)
        else:
            self._modes.left(person)

    def plan(self) -> ModePlan:
        settings = self._settings.now()
        return ModePlan(
            modes_to_table(settings.modes),
            [rule_to_table(rule) for rule in settings.rules],
            self._settings.file is not None,
            tuple(settings.notifiers),
            tuple(settings.destinations),
            {mode: self._does(mode) for mode in settings.modes.names},
        )

    def change(self, modes: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> None:
        """Change modes and rules. Raises SettingsError if any of it is invalid; nothing is changed then."""
        with self._lock:
            made_arm, made_rules = parse_modes(modes, rules)
            new = self._settings.now().model_copy(update={"modes": made_arm, "rules": made_rules})
            self._check(new)
            if self._settings.file is not None:
                written = change_modes(self._settings.file, modes, rules)
                new = new.model_copy(update={"modes": written.modes, "rules": written.rules})
            self._settings.apply_written(new)

    def preview(
        self, modes: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]
    ) -> list[tuple[date, list[tuple[int, int, str]]]]:
        """Return the next seven days of this plan: from minute, to minute, mode. Raises SettingsError."""
        made, made_rules = parse_modes(modes, rules)
        self._check(self._settings.now().model_copy(update={"modes": made, "rules": made_rules}))
        calendar = Calendar(self._zone, made.location or None)
        schedule = Schedule(calendar, made.names, made.schedule, made.exceptions)
        today = calendar.day(self._clock.now_ms())
        days = (today + timedelta(days=ahead) for ahead in range(SHOWN_DAYS))
        return [(day, schedule.day(day)) for day in days]

    def instant_ms(self, wall: str) -> int:
        """Return the time, ms UTC, of local `2026-11-22T23:00`. Raises NotDone if invalid."""
        try:
            at = datetime.fromisoformat(wall)
        except ValueError:
            raise NotDone(f"{wall} isn't a valid date and time.", "Choose another.") from None
        return self._modes.calendar.at_ms(at.date(), at.hour * 60 + at.minute)

    def rehearse(self, asked: Rehearsal) -> RehearsalInfo:
        arming = self._arming
        return rehearsed(
            asked, self._settings.now(), self._modes, arming.deciding, self._targets, self._zone, self._clock
        )  # fmt: skip

    def why(self, event: EventId) -> list[OutcomeInfo]:
        """Return the outcomes of an event; empty if none were stored."""
        sent = self._outbox.of_event(event)
        return [
            OutcomeInfo(one.deed, one.does, one.why, None, _went(one.deed, sent) if one.does else "")
            for one in self._arming.deciding.why(event)
        ]

    def _does(self, mode: str) -> str:
        """Return a one-line summary of a mode."""
        settings = self._settings.now()
        rules = [rule for rule in settings.rules if not rule.when.mode or mode in rule.when.mode]
        off = [rule for rule in rules if rule.do[0].verb == "don't record" and mode in rule.when.mode]
        cameras = {name for rule in off for name in (rule.when.camera or settings.cameras)}
        names = [display_name(name, settings.cameras[name]) for name in settings.cameras if name in cameras]
        parts = [f"{', '.join(names)} not recorded" if names else "everything is recorded"]
        if settings.notifiers:
            parts.append(_told_words([str(one) for rule in rules for one in rule.do if one.verb == "notify"], settings))
        return "; ".join(parts)

    def _until_ms(self, for_s: float | None) -> int | None:
        return None if for_s is None else self._clock.now_ms() + round(for_s * 1000)


def _told_words(deeds: Sequence[str], settings: Settings) -> str:
    named = [str(one) for rule in settings.rules for one in rule.do if one.verb == "notify"]
    if "notify no one" in deeds:
        return "some events without notification"
    if deeds or not named:
        return "notifications on"
    return "no notifications"


def _went(deed: str, sent: Sequence[Delivery]) -> str:
    """Return the state of the first delivery: the message or the snapshot."""
    to = deed.rpartition(" ")[2]
    found = [one for one in sent if one.to == to]
    if not found:
        return ""
    first = found[0]
    return (
        f"{_WENT[first.state]}: {first.why}"
        if first.why and first.state is not DeliveryState.DONE
        else _WENT[first.state]
    )
