"""Notification filter: decides by a notifier's settings which events and problems it receives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tawny.config.targets import hours
from tawny.events.rule_engine import RuleDecision
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
    events: bool = True
    alarms: bool = True
    recap: int | None = None
    """Minute of the day; None: no daily summary."""
    quiet: str = ""
    cool_down_ms: int = 60_000
    follows: bool = True
    """Whether a follow-up with the clip is sent after the event's end."""
    edits: bool = False
    """The follow-up edits the first message instead of sending a second one."""
    may_see: Callable[[CameraId], bool] = anybody

    def has(self, camera: CameraId) -> bool:
        return (self.cameras is None or camera in self.cameras) and self.may_see(camera)

    def why_not(self, camera: CameraId, kind: str) -> str:
        """Return the reason this notifier's settings suppress the event, or an empty string."""
        if not self.events:
            return f"{self.to} doesn't receive events."
        if self.cameras is not None and camera not in self.cameras:
            return f"{self.to} only receives {', '.join(sorted(self.cameras))}."
        if self.kinds is not None and kind not in self.kinds:
            return f"{self.to} only receives {', '.join(sorted(self.kinds))}."
        return "" if self.may_see(camera) else f"The person {self.to} belongs to can't see this camera."


@dataclass(frozen=True, slots=True)
class FilterDecision:
    """Whether to send, and why. wait_ms: earliest time, ms UTC; 0: at once."""

    does: bool
    why: str
    wait_ms: int = 0
    is_final: bool = False
    """A refusal that does not change when the event changes."""


def verdict(
    channel: NotificationFilter,
    camera: CameraId,
    kind: str,
    says: RuleDecision,
    now_ms: int,
    zone: ZoneInfo,
    *,
    is_muted: bool,
) -> FilterDecision:
    """Apply the notifier's settings, then the rules, then mutes, then its quiet hours."""
    against = channel.why_not(camera, kind)
    if against or not says.does:
        return FilterDecision(does=False, why=against or says.why)
    if is_muted:
        return FilterDecision(does=False, why=f"{channel.to} has muted this camera.", is_final=True)
    quiet_ms = quiet_until_ms(channel.quiet, now_ms, zone)
    if quiet_ms <= now_ms:
        return FilterDecision(does=True, why=says.why)
    until = datetime.fromtimestamp(quiet_ms / 1000, UTC).astimezone(zone)
    return FilterDecision(
        does=True, why=f"{says.why} {channel.to} has quiet hours until {until:%H:%M}.", wait_ms=quiet_ms
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
