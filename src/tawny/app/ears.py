"""Who hears of what: a notifier's settings, as far as they decide."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tawny.config.outward import hours
from tawny.model.events import Event
from tawny.model.ids import CameraId


def anybody(_: CameraId) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Ear:
    """What one notifier is to hear."""

    to: str
    cameras: frozenset[CameraId] | None = None
    """None: all."""
    kinds: frozenset[str] | None = None
    events: bool = True
    alarms: bool = True
    recap: int | None = None
    """Minute of the day."""
    quiet: str = ""
    cool_down_ms: int = 60_000
    follows: bool = True
    """Whether something follows when an event is over."""
    edits: bool = False
    """What follows takes the first message's place: it is none of its own."""
    may_see: Callable[[CameraId], bool] = anybody

    def has(self, camera: CameraId) -> bool:
        return (self.cameras is None or camera in self.cameras) and self.may_see(camera)

    def is_for(self, event: Event) -> bool:
        return self.events and (self.kinds is None or event.kind in self.kinds) and self.has(event.camera)


def quiet_until_ms(quiet: str, now_ms: int, zone: ZoneInfo) -> int:
    """When the quiet hours that last are over, by the wall clock there; 0 when none last."""
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
