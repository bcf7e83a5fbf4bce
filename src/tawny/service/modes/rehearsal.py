"""Rehearsal: predicts the outcome of a hypothetical event with the same code that decides real events.

It has no side effects. It ignores rate limits, which depend on earlier messages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from tawny.config.settings import Settings
from tawny.events.modes import ModeSnapshot, ModeState
from tawny.events.rule_engine import RuleContext, RuleDecision
from tawny.model.clock import Clock
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId
from tawny.service.cameras.duty import duty_of
from tawny.service.delivery.notification_filter import FilterDecision, NotificationFilter, verdict
from tawny.service.delivery.upload_scheduler import UploadRule, sends
from tawny.service.interfaces import modes as web
from tawny.service.modes.rule_decider import RuleDecider


@dataclass(frozen=True, slots=True)
class RehearsalTargets:
    """Notifiers and destinations, by their own settings.

    is_muted: returns whether a notifier has muted a camera at a time, ms UTC.
    """

    ears: Callable[[], Sequence[NotificationFilter]]
    wishes: Callable[[], Sequence[UploadRule]]
    is_muted: Callable[[str, CameraId, int], bool]


NOBODY = RehearsalTargets(lambda: (), lambda: (), lambda *_: False)


def rehearsed(
    asked: web.Rehearsal,
    settings: Settings,
    modes: ModeState,
    deciding: RuleDecider,
    targets: RehearsalTargets,
    zone: ZoneInfo,
    clock: Clock,
) -> web.RehearsalResult:
    """Return the predicted outcome. Raises NotDone for unknown cameras, modes or people."""
    camera = CameraId(asked.camera)
    _check(asked, settings, modes)
    was = _stands(asked, modes, clock.now_ms())
    now = RuleContext(asked.at_ms, camera, asked.kind, was.mode, asked.zones, was.home, names=deciding.names(camera))
    hold = modes.hold(camera)
    if hold is not None and hold.until_ms is not None and hold.until_ms <= asked.at_ms:
        hold = None
    duty = duty_of(settings.cameras[camera], hold, deciding.rules.unrecorded(now))
    ears = {ear.to: ear for ear in targets.ears()}
    wishes = {wish.to: wish for wish in targets.wishes()}

    def outcome(says: RuleDecision, at_ms: int) -> FilterDecision:
        match says.deed.verb:
            case "notify" if says.deed.name in ears:
                is_muted = targets.is_muted(says.deed.name, camera, asked.at_ms)
                return verdict(ears[says.deed.name], camera, asked.kind, says, at_ms, zone, is_muted=is_muted)
            case "upload" if says.deed.name in wishes:
                return sends(wishes[says.deed.name], camera, asked.kind, says, kept=False)
        return FilterDecision(says.does, says.why)

    made: dict[str, FilterDecision] = {}
    for lasted_s in _moments_s(asked.lasts_s, deciding):
        for says in deciding.rules.decide(replace(now, lasted_s=lasted_s)):
            deed = str(says.deed)
            if deed not in made or not made[deed].does:
                made[deed] = outcome(says, asked.at_ms + round(lasted_s * 1000))
    return web.RehearsalResult(
        asked.at_ms,
        was.mode,
        was.by,
        tuple(sorted(was.home)),
        duty.is_recorded,
        "" if duty.is_recorded else duty.detail or "It is switched off.",
        [web.Outcome(deed, one.does, one.why, one.wait_ms or None) for deed, one in made.items()],
        is_noticed=duty.is_watched,
    )


def _moments_s(lasts_s: float, deciding: RuleDecider) -> list[float]:
    """Return when the event is evaluated, s after its start: start, thresholds of rules, and end."""
    return sorted({0.0, lasts_s, *(after_s for after_s in deciding.rules.thresholds_s() if after_s < lasts_s)})


def _stands(asked: web.Rehearsal, modes: ModeState, now_ms: int) -> ModeSnapshot:
    home = None if asked.home is None else frozenset(asked.home)
    was = modes.at(asked.at_ms) if asked.at_ms < now_ms and home is None else modes.ahead(asked.at_ms, home)
    return was if not asked.mode else ModeSnapshot(asked.mode, "asked", was.home)


def _check(asked: web.Rehearsal, settings: Settings, modes: ModeState) -> None:
    if asked.camera not in settings.cameras:
        raise NotDone(f"No camera named {asked.camera}.", f"Available: {', '.join(settings.cameras) or 'none'}.")
    if asked.mode and asked.mode not in modes.names:
        raise NotDone(f"No mode named {asked.mode}.", f"Available: {', '.join(modes.names)}.")
    for person in asked.home or ():
        if person not in modes.people_names:
            known = ", ".join(modes.people_names) or "no one"
            raise NotDone(f"{person} isn't set up for presence.", f"Available: {known}.")
