"""Mode service: reads and changes modes, presence and rules at runtime; writes them to the settings file if in use."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tawny.config.changes.modes import change_modes, modes_to_table, parse_modes, rule_to_table
from tawny.config.settings import Settings, display_name
from tawny.delivery.delivery import Delivery, DeliveryState
from tawny.delivery.outbox import Outbox
from tawny.events.calendar import Calendar
from tawny.events.schedule import Schedule
from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, EventId
from tawny.service.interfaces import modes as web
from tawny.service.modes.mode_controller import ModeController
from tawny.service.modes.rehearsal import NOBODY, RehearsalTargets, rehearsed

LATELY, SHOWN_DAYS = 30, 7
_WENT = {DeliveryState.WAITING: "waits", DeliveryState.DONE: "delivered", DeliveryState.DROPPED: "dropped"}


class ModeService:
    """Modes and rules for clients.

    settings: returns the current ones; apply: applies changed ones. config: the settings file; None: not in use.
    """

    def __init__(
        self,
        arming: ModeController,
        settings: Callable[[], Settings],
        apply: Callable[[Settings, str], None],
        config: Path | None,
        zone: ZoneInfo,
        clock: Clock,
    ) -> None:
        self._arming, self._modes = arming, arming.modes
        self._settings, self._apply, self._config = settings, apply, config
        self._zone, self._clock = zone, clock
        self._lock = threading.Lock()
        self.targets: RehearsalTargets = NOBODY
        self.outbox: Outbox | None = None
        """Holds the results of notifications and uploads."""

    def now(self) -> web.ModeStatus:
        standing = self._modes.now()
        return web.ModeStatus(
            modes=self._modes.names,
            mode=standing.mode,
            by=standing.by,
            is_by_hand=standing.is_by_hand,
            since_ms=standing.since_ms,
            until_ms=standing.until_ms,
            ahead=[web.ModeChange(one.at_ms, one.mode) for one in self._modes.week_ahead()],
            people=[
                web.PersonHome(one.name, one.is_home, one.seen_ms, one.source, one.leaves_ms)
                for one in self._modes.people()
            ],
            looks_by=self._arming.looks_by,
            holds=[web.CameraHold(one.camera, one.what, one.by, one.until_ms) for one in self._modes.holds()],
            lately=[web.ModeChange(at_ms, was.mode, was.by) for at_ms, was in self._modes.changes(LATELY)],
            problem=self._arming.problem,
        )

    def set_mode(self, mode: str, by: str, for_s: float | None) -> None:
        self._modes.set_mode(mode, by, self._until_ms(for_s))

    def back_to_week(self) -> None:
        self._modes.back_to_week()

    def hold(self, camera: CameraId, what: str, by: str, for_s: float | None) -> None:
        if camera not in self._settings().cameras:
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

    def plan(self) -> web.ModePlan:
        settings = self._settings()
        return web.ModePlan(
            modes_to_table(settings.modes),
            [rule_to_table(rule) for rule in settings.rules],
            self._config is not None,
            tuple(settings.notifiers),
            tuple(settings.destinations),
            {mode: self._does(mode) for mode in settings.modes.names},
        )

    def change(self, modes: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]) -> None:
        """Change modes and rules. Raises SettingsError if any of it is invalid; nothing is changed then."""
        with self._lock:
            made_arm, made_rules = parse_modes(modes, rules)
            new = self._settings().model_copy(update={"modes": made_arm, "rules": made_rules})
            self._arming.check(new)
            if self._config is not None:
                written = change_modes(self._config, modes, rules)
                new = new.model_copy(update={"modes": written.modes, "rules": written.rules})
            self._apply(new, str(self._config or "the settings"))

    def preview(
        self, modes: Mapping[str, Any], rules: Sequence[Mapping[str, Any]]
    ) -> list[tuple[date, list[tuple[int, int, str]]]]:
        made, made_rules = parse_modes(modes, rules)
        self._arming.check(self._settings().model_copy(update={"modes": made, "rules": made_rules}))
        calendar = Calendar(self._zone, made.location or None)
        schedule = Schedule(calendar, made.names, made.schedule, made.exceptions)
        today = calendar.day(self._clock.now_ms())
        days = (today + timedelta(days=ahead) for ahead in range(SHOWN_DAYS))
        return [(day, schedule.day(day)) for day in days]

    def instant_ms(self, wall: str) -> int:
        try:
            at = datetime.fromisoformat(wall)
        except ValueError:
            raise NotDone(f"{wall} isn't a valid date and time.", "Choose another.") from None
        return self._modes.calendar.at_ms(at.date(), at.hour * 60 + at.minute)

    def rehearse(self, asked: web.Rehearsal) -> web.RehearsalResult:
        arming = self._arming
        return rehearsed(
            asked, self._settings(), self._modes, arming.deciding, self.targets, self._zone, self._clock
        )  # fmt: skip

    def why(self, event: EventId) -> list[web.Outcome]:
        sent = self.outbox.of_event(event) if self.outbox is not None else []
        return [
            web.Outcome(one.deed, one.does, one.why, went=_went(one.deed, sent) if one.does else "")
            for one in self._arming.deciding.why(event)
        ]

    def _does(self, mode: str) -> str:
        """Return a one-line summary of a mode."""
        settings = self._settings()
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
