"""Send schedule of a target: at once, in batches, at minutes of each hour, or during certain hours.

A started batch continues until the queue is empty, also after a restart; a scheduled minute during it is skipped.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from tawny.config.targets import hours as parsed
from tawny.delivery.delivery import DeliveryKind
from tawny.delivery.outbox import Outbox
from tawny.model.clock import Clock

MINUTE_MS: Final = 60_000
DAY_MIN: Final = 24 * 60
NEVER_S: Final = 86_400.0
ALWAYS: Final = DeliveryKind.PICTURE
"""Deliveries of this kind and more important ones ignore the schedule."""
log = logging.getLogger(__name__)


class SendSchedule:
    """Schedule of one target for all of its couriers. Thread-safe.

    after: batch size, files; minutes: minutes of each hour at which all files are sent; neither: at once. hours: such
    as `22:00-06:00`, empty for any.
    """

    def __init__(
        self,
        to: str,
        outbox: Outbox,
        clock: Clock,
        zone: ZoneInfo,
        *,
        after: int | None = None,
        minutes: Sequence[int] = (),
        hours: str = "",
    ) -> None:
        self._to, self._outbox, self._clock, self._zone = to, outbox, clock, zone
        self._after, self._minutes, self._hours = after, frozenset(minutes), hours
        self._mark = f"open/{to}"
        self._lock = threading.Lock()
        self._is_open = bool(outbox.marks(self._mark))
        self._seen_ms = clock.now_ms()

    @property
    def is_at_once(self) -> bool:
        """Whether deliveries are sent without batches or minutes."""
        return not self._minutes and (self._after or 1) == 1

    def open_in_s(self) -> float:
        """Return the delay until deliveries may be sent, s; 0 for now."""
        now_ms = self._clock.now_ms()
        closed_s = open_in_s(self._hours, now_ms, self._zone) if self._hours else 0.0
        if self.is_at_once:
            return closed_s
        with self._lock:
            is_minute = bool(self._minutes) and self._next_minute_ms(self._seen_ms) <= now_ms
            self._seen_ms = now_ms
            if closed_s > 0:
                return closed_s
            self._look(is_minute=is_minute)
            if self._is_open:
                return 0.0
            return (self._next_minute_ms(now_ms) - now_ms) / 1000 if self._minutes else NEVER_S

    def _look(self, *, is_minute: bool) -> None:
        waiting = self._outbox.ready(self._to, ALWAYS.rank + 1)
        removals = waiting.pop(DeliveryKind.REMOVAL, 0)
        files = sum(waiting.values())
        if self._is_open:
            if is_minute and files:
                log.info("%s: the previous batch is still being sent; skipping this minute", self._to)
            is_open = bool(files or removals)
        else:
            is_open = bool((is_minute and (files or removals)) or (self._after and files >= self._after))
        if is_open != self._is_open:
            self._outbox.mark(self._mark, "1" if is_open else "")
            self._is_open = is_open

    def _next_minute_ms(self, after_ms: int) -> int:
        """Return the next scheduled minute, ms UTC, by local time."""
        at_ms = after_ms - after_ms % MINUTE_MS
        while True:
            at_ms += MINUTE_MS
            if datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone).minute in self._minutes:
                return at_ms


def open_in_s(hours: str, now_ms: int, zone: ZoneInfo) -> float:
    """Return the seconds until the hours begin, by local time; 0 during them."""
    begin, end = parsed(hours)
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    minute = now.hour * 60 + now.minute
    is_open = begin <= minute < end if begin <= end else minute >= begin or minute < end
    return 0.0 if is_open else ((begin - minute) % DAY_MIN) * 60.0 - now.second
