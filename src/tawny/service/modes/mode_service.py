"""Mode service: reads and changes modes, presence and rules at runtime; writes them to the settings file if in use."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tawny.config.changes import change_modes, modes_to_table, parse_modes, rule_to_table
from tawny.config.mode_presets import PRESETS, with_preset
from tawny.config.settings import Settings, in_mode
from tawny.delivery.delivery import Delivery, DeliveryState
from tawny.delivery.outbox import LONGEST_PLAN_MS, Outbox
from tawny.events.modes import ActiveHold, ModeSnapshot, ModeState
from tawny.events.rule_engine import (
    Calendar,
    FilterDecision,
    RuleContext,
    RuleDecision,
    RuleOutcome,
    Schedule,
    TrackedPerson,
)
from tawny.model.errors import NotDone
from tawny.model.events import Event, Level, level_of
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Clock
from tawny.playback.recordings import RecordingIndex
from tawny.service.cameras.duty import duty_of
from tawny.service.changeable_settings import ChangeableSettings, version_of
from tawny.service.delivery.notification_filter import NotificationFilter, at_level, verdict
from tawny.service.delivery.upload_rules import UploadRule, sends
from tawny.service.modes.mode_controller import ModeController
from tawny.service.modes.mode_table import CellChoice, ModeRow, mode_rows, mode_summary, with_cells
from tawny.service.modes.replay import PastSpan, Replay, Replayer, past_span
from tawny.service.modes.rule_actions import RuleDecider, mode_choice


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
    people: Sequence[TrackedPerson]
    looks_by: str
    """Hint about presence probes that do not work here; empty if all do."""
    holds: Sequence[ActiveHold]
    lately: Sequence[ModeChangeInfo]
    problem: str = ""
    leaving_ms: int | None = None
    """When the mode changes because everyone has just left."""


@dataclass(frozen=True, slots=True)
class ModePlan:
    """The tables `modes` and `rules` as in `tawny.toml`. does: one-line summary of each mode."""

    modes: Mapping[str, Any]
    rules: Sequence[Mapping[str, Any]]
    is_in_file: bool
    notifiers: Sequence[str] = ()
    destinations: Sequence[str] = ()
    does: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[ModeRow] = ()
    rule_keys: Sequence[str] = ()
    """By what snoozes know the rules; empty for one that can't be snoozed."""

    @property
    def version(self) -> str:
        """Return 16 letters that differ with any change of modes or rules."""
        return version_of([self.modes, self.rules])


# Rehearsal: predicts the outcome of a hypothetical event with the same code that decides real events.


@dataclass(frozen=True, slots=True)
class RehearsalTargets:
    """Notifiers and destinations, by their own settings.

    why_muted: returns why a notifier sends nothing about a camera's event of a time, ms UTC; or empty.
    """

    filters: Callable[[], Sequence[NotificationFilter]]
    upload_rules: Callable[[], Sequence[UploadRule]]
    why_muted: Callable[[str, CameraId, int], str]
    index: RecordingIndex | None = None
    """Where the events to replay are."""


def rehearsed(
    rehearsal: Rehearsal,
    settings: Settings,
    modes: ModeState,
    deciding: RuleDecider,
    targets: RehearsalTargets,
    zone: ZoneInfo,
    clock: Clock,
) -> RehearsalInfo:
    """Return the predicted outcome. Raises NotDone for unknown cameras, modes or people."""
    camera = CameraId(rehearsal.camera)
    _check(rehearsal, settings, modes)
    was = _stands(rehearsal, modes, clock.now_ms())
    names = deciding.names(camera)
    alerts = settings.cameras[camera].detection.alert_rules(is_named=names)
    event = Event(EventId(""), camera, rehearsal.kind, rehearsal.at_ms, None, 0.0, zones=rehearsal.zones)
    level = level_of(event, alerts)
    event = replace(event, level=level.value)
    now = RuleContext(
        rehearsal.at_ms, camera, rehearsal.kind, was.mode, rehearsal.zones, was.home,
        names=names, is_alert=level == Level.ALERT, chosen=mode_choice(settings, was.mode, event, is_named=names),
        snoozed=deciding.snoozed(camera, rehearsal.at_ms),
    )  # fmt: skip
    hold = modes.hold(camera)
    if hold is not None and not hold.since_ms <= rehearsal.at_ms < (hold.until_ms or rehearsal.at_ms + 1):
        hold = None
    unrecorded = deciding.rules.unrecorded(now)
    duty = duty_of(settings.cameras[camera], hold, unrecorded, now.mode, in_mode(settings, now.mode, camera))
    filters = {channel.to: channel for channel in targets.filters()}
    upload_rules = {rule.to: rule for rule in targets.upload_rules()}

    def outcome(decision: RuleDecision, at_ms: int) -> FilterDecision:
        to = decision.action.name
        match decision.action.verb:
            case "notify" if to in filters:
                muted = targets.why_muted(to, camera, rehearsal.at_ms)
                decision = at_level(filters[to], level, decision)
                return verdict(filters[to], camera, rehearsal.kind, decision, at_ms, zone, why_muted=muted)
            case "upload" if to in upload_rules:
                return sends(upload_rules[to], camera, rehearsal.kind, decision, kept=False)
        return FilterDecision(decision.does, decision.why)

    made: dict[str, FilterDecision] = {}
    for lasted_s in _moments_s(rehearsal.lasts_s, deciding):
        for decision in deciding.rules.decide(replace(now, lasted_s=lasted_s)):
            action = str(decision.action)
            if action not in made or not (made[action].does or made[action].is_final):
                made[action] = outcome(decision, rehearsal.at_ms + round(lasted_s * 1000))
    return RehearsalInfo(
        rehearsal.at_ms,
        was.mode,
        was.by,
        tuple(sorted(was.home)),
        duty.is_recorded,
        "" if duty.is_recorded else duty.detail or "It is switched off.",
        duty.is_watched,
        [OutcomeInfo(action, one.does, one.why, one.wait_ms or None, "") for action, one in made.items()],
    )


def _moments_s(lasts_s: float, deciding: RuleDecider) -> list[float]:
    """Return when the event is evaluated, s after its start: start, thresholds of rules, and end."""
    return sorted({0.0, lasts_s, *(after_s for after_s in deciding.rules.thresholds_s() if after_s < lasts_s)})


def _stands(rehearsal: Rehearsal, modes: ModeState, now_ms: int) -> ModeSnapshot:
    home = None if rehearsal.home is None else frozenset(rehearsal.home)
    was = modes.at(rehearsal.at_ms) if rehearsal.at_ms < now_ms and home is None else modes.ahead(rehearsal.at_ms, home)
    return was if not rehearsal.mode else ModeSnapshot(rehearsal.mode, "asked", was.home)


def _check(rehearsal: Rehearsal, settings: Settings, modes: ModeState) -> None:
    if rehearsal.camera not in settings.cameras:
        raise NotDone(f"No camera named {rehearsal.camera}.", f"Available: {', '.join(settings.cameras) or 'none'}.")
    if rehearsal.mode and rehearsal.mode not in modes.names:
        raise NotDone(f"No mode named {rehearsal.mode}.", f"Available: {', '.join(modes.names)}.")
    for person in rehearsal.home or ():
        if person not in modes.people_names:
            known = ", ".join(modes.people_names) or "no one"
            raise NotDone(f"{person} isn't set up for presence.", f"Available: {known}.")


class ModePlanConflict(Exception):  # another person's change, not a failure
    """Modes or rules have been changed since they were shown."""


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
        check: Callable[[Settings], object],
        targets: RehearsalTargets,
        outbox: Outbox,
        zone: ZoneInfo,
        clock: Clock,
    ) -> None:
        self._arming, self._modes, self._settings, self._check = arming, arming.modes, settings, check
        self._targets, self._outbox, self._zone, self._clock = targets, outbox, zone, clock

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
            people=self._modes.people(),
            looks_by=self._arming.looks_by,
            holds=self._modes.holds(),
            lately=[ModeChangeInfo(at_ms, was.mode, was.by) for at_ms, was in self._modes.changes(LATELY)],
            problem=self._arming.problem,
            leaving_ms=standing.leaving_ms,
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
                if in_mode(self._settings.now(), self._modes.now().mode, camera).privacy:
                    raise NotDone(f"{camera} is private in this mode.", "Change the mode first.")
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
            self.does(),
            mode_rows(settings, self._arming.deciding.names),
            [rule.key if rule.can_be_snoozed else "" for rule in settings.rules],
        )

    def does(self, seen: Collection[str] | None = None) -> Mapping[str, str]:
        """Return a one-line summary of each mode. seen: cameras to be named in it; None: all."""
        settings = self._settings.now()
        cameras = {name: one for name, one in settings.cameras.items() if seen is None or name in seen}
        shown = settings.model_copy(update={"cameras": cameras})
        return {mode: mode_summary(shown, mode) for mode in shown.modes.names}

    def put_cells(self, cameras: Sequence[str], modes: Sequence[str], choice: CellChoice) -> None:
        """Set what these modes do with these cameras, at once. Raises SettingsError; nothing is changed then."""
        with self._settings.changing():
            settings = self._settings.now()
            for name, known in ((cameras, tuple(settings.cameras)), (modes, settings.modes.names)):
                for one in name:
                    if one not in known:
                        raise NotDone(f"{one} doesn't exist any more.", "Reload the page.")
            rules = [rule_to_table(rule) for rule in settings.rules]
            self._change(with_cells(settings, cameras, modes, choice), rules)

    def presets(self) -> Mapping[str, tuple[Mapping[str, Any], Sequence[ModeRow], Mapping[str, str]]]:
        """Return what each preset would make of the table `modes`, and the rows and summaries it would have."""
        settings, before = self._settings.now(), modes_to_table(self._settings.now().modes)
        found: dict[str, tuple[Mapping[str, Any], Sequence[ModeRow], Mapping[str, str]]] = {}
        for name, preset in PRESETS.items():
            table = with_preset(before, preset)
            new = settings.model_copy(update={"modes": parse_modes(table, [])[0]})
            does = {mode: mode_summary(new, mode) for mode in new.modes.names}
            found[name] = table, mode_rows(new, self._arming.deciding.names), does
        return found

    def replay(
        self,
        which: PastSpan,
        mode: str,
        cameras: Sequence[str] | None,
        plan: tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]] | None = None,
    ) -> Replay:
        """Return what would have happened in this mode; empty: in the modes that were active then.

        plan: modes and rules to try; None: those in force. Raises SettingsError for an invalid plan.
        """
        settings, index, deciding = self._settings.now(), self._targets.index, self._arming.deciding
        if plan is not None:
            made, rules = parse_modes(*plan)
            settings = settings.model_copy(update={"modes": made, "rules": rules})
            self._check(settings)
            deciding = deciding.under(settings)
        if index is None:
            raise NotDone("Nothing is stored here.", "")
        if mode and mode not in settings.modes.names:
            raise NotDone(f"No mode named {mode}.", f"Available: {', '.join(settings.modes.names)}.")
        chosen = [CameraId(one) for one in settings.cameras if cameras is None or one in cameras]
        span = past_span(which, self._clock.now_ms(), self._zone)
        targets = self._targets
        replayer = Replayer(settings, self._modes, deciding, targets.filters(), index, targets.why_muted)
        return replayer.of(span, mode, chosen)

    def change(
        self,
        modes: Mapping[str, Any],
        rules: Sequence[Mapping[str, Any]],
        renamed: tuple[str, str] | None = None,
        version: str | None = None,
    ) -> None:
        """Change modes and rules. Raises SettingsError if any of it is invalid; nothing is changed then.

        renamed: a mode's former and new name: if it was set manually, it stays.
        version: of the plan that was changed; None: overwrite any changes made since. Raises ModePlanConflict.
        """
        with self._settings.changing():
            if version is not None and version != self.plan().version:
                raise ModePlanConflict
            self._change(modes, rules, renamed)

    def _change(
        self, modes: Mapping[str, Any], rules: Sequence[Mapping[str, Any]], renamed: tuple[str, str] | None = None
    ) -> None:
        made_arm, made_rules = parse_modes(modes, rules)
        new = self._settings.now().model_copy(update={"modes": made_arm, "rules": made_rules})
        self._check(new)
        if self._settings.file is not None:
            written = change_modes(self._settings.file, modes, rules)
            new = new.model_copy(update={"modes": written.modes, "rules": written.rules})
        if renamed is not None:
            self._modes.will_rename(*renamed)
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

    def rehearse(self, rehearsal: Rehearsal) -> RehearsalInfo:
        arming = self._arming
        found = rehearsed(
            rehearsal, self._settings.now(), self._modes, arming.deciding, self._targets, self._zone, self._clock
        )  # fmt: skip
        stopped = arming.stopped_at(rehearsal.at_ms)
        if stopped is None or not found.is_recorded:
            return found
        return replace(found, is_recorded=False, unrecorded=f"{stopped.by} stopped all recording.")

    def why(self, event: EventId) -> list[OutcomeInfo]:
        """Return the outcomes of an event; empty if none were stored."""
        sent = self._outbox.of_event(event)
        return [
            OutcomeInfo(one.action, one.does, one.why, None, self._went(one, sent) if one.does else "")
            for one in self._arming.deciding.why(event)
        ]

    def _went(self, noted: RuleOutcome, sent: Sequence[Delivery]) -> str:
        """Return the state of the first delivery: the message or the snapshot, or the digest that has the event."""
        to = noted.action.rpartition(" ")[2]
        found = [one for one in sent if one.to == to]
        if not found and noted.action.startswith("notify "):
            digests = self._outbox.since(to, noted.at_ms - LONGEST_PLAN_MS)
            found = [one for one in digests if noted.event in one.content.get("events", ())]
        if not found:
            return ""
        first = found[0]
        has_why = first.why and first.state is not DeliveryState.DONE
        return f"{_WENT[first.state]}: {first.why}" if has_why else _WENT[first.state]

    def fitting(self, event: Event) -> list[tuple[str, str]]:
        """Return key and name of the rules that apply to an event and could be snoozed, or are."""
        return self._arming.deciding.fitting(event)

    def _until_ms(self, for_s: float | None) -> int | None:
        return None if for_s is None else self._clock.now_ms() + round(for_s * 1000)
