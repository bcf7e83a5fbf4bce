"""Notification filter: what a notifier's settings let through, and its quiet hours."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tawny.config.targets import hours
from tawny.events.rule_engine import NAMELESS, UNRULED, FilterDecision, RuleDecision
from tawny.model.events import DOORBELL, Level, level_words
from tawny.model.ids import CameraId


def anybody(_: CameraId) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """Selects the events and problems that one notifier receives."""

    to: str
    cameras: frozenset[CameraId] | None = None
    """None: all cameras."""
    kinds: frozenset[str] | None = None
    levels: frozenset[str] | None = None
    """Levels it receives unless a rule names it; None: all, as far as the model named what moved."""
    has_own_levels: bool = False
    """Its own settings name the levels, so that the table of a mode doesn't widen them."""
    events: bool = True
    rings: bool = True
    """Whether a ring at the door is sent, at once and whatever types, levels and quiet hours say."""
    alarms: bool = True
    recap: int | None = None
    """Minute of the day; None: no daily summary."""
    quiet: str = ""
    cool_down_ms: int = 60_000
    follows: bool = True
    """Whether a follow-up with the clip is sent after the event's end."""
    changes: bool = False
    """Whether one message is sent when detection begins and one when it ends, instead of messages about events."""
    edits: bool = False
    """The follow-up edits the first message instead of sending a second one."""
    visits: bool = False
    """Whether later events of a visit edit the message of its first one."""
    once: bool = False
    """Whether there is one message of an event, when it has ended."""
    may_see: Callable[[CameraId], bool] = anybody
    leaves_out: Callable[[CameraId, int], str] = lambda *_: ""
    """Returns which people it sends nothing to about a camera's event of this time, ms UTC; empty for none."""

    def has(self, camera: CameraId) -> bool:
        return (self.cameras is None or camera in self.cameras) and self.may_see(camera)

    def why_not(self, camera: CameraId, kind: str) -> str:
        """Return the reason this notifier's settings suppress the event, or an empty string."""
        if not self.events:
            return f"{self.to} doesn't receive events."
        if self.cameras is not None and camera not in self.cameras:
            return f"{self.to} only receives {', '.join(sorted(self.cameras))}."
        if kind == DOORBELL and not self.rings:
            return f"{self.to} doesn't receive rings at the door."
        if kind != DOORBELL and self.kinds is not None and kind not in self.kinds:
            return f"{self.to} only receives {', '.join(sorted(self.kinds))}."
        return "" if self.may_see(camera) else f"The person {self.to} belongs to can't see this camera."


def at_level(channel: NotificationFilter, level: Level, decision: RuleDecision) -> RuleDecision:
    """Return the decision with the notifier's levels applied: they count where no rule names the notifier.

    Where the table of a mode decides, only levels count that the notifier's own settings name.
    """
    is_narrowed = decision.why in (UNRULED, NAMELESS) or (decision.by_mode and decision.does and channel.has_own_levels)
    if channel.levels is None or not is_narrowed:
        return decision
    if decision.by_mode and level in channel.levels:
        return decision
    if level in channel.levels:
        return replace(decision, does=True, why=UNRULED)
    only = " and ".join(level_words(channel.levels))
    return replace(decision, does=False, why=f"{channel.to} only receives {only or 'nothing'}.")


def verdict(
    channel: NotificationFilter,
    camera: CameraId,
    kind: str,
    decision: RuleDecision,
    now_ms: int,
    zone: ZoneInfo,
    *,
    why_muted: str,
) -> FilterDecision:
    """Apply the notifier's settings, then the rules, then mutes and snoozes, then its quiet hours.

    why_muted: why the notifier is muted or snoozed, or empty.
    """
    against = channel.why_not(camera, kind)
    if against or not decision.does:
        return FilterDecision(does=False, why=against or decision.why)
    if why_muted:
        return FilterDecision(does=False, why=why_muted, is_final=True)
    quiet_ms = quiet_until_ms(channel.quiet, now_ms, zone)
    if quiet_ms <= now_ms or kind == DOORBELL:
        return FilterDecision(does=True, why=f"{decision.why} {channel.leaves_out(camera, now_ms)}".strip())
    until = datetime.fromtimestamp(quiet_ms / 1000, UTC).astimezone(zone)
    return FilterDecision(
        does=True, why=f"{decision.why} {channel.to} has quiet hours until {until:%H:%M}.", wait_ms=quiet_ms
    )


def quiet_until_ms(quiet: str, now_ms: int, zone: ZoneInfo) -> int:
    """Return the end of the current quiet hours, ms UTC; 0 outside quiet hours. Times are local to `zone`."""
    if not quiet:
        return 0
    begin, end = hours(quiet)
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    minute = now.hour * 60 + now.minute
    if not (begin <= minute < end if begin <= end else minute >= begin or minute < end):
        return 0
    over = now.replace(hour=end // 60, minute=end % 60, second=0, microsecond=0)
    if over <= now:
        over = datetime.combine(now.date() + timedelta(days=1), over.time(), zone)
    return round(over.timestamp() * 1000)
