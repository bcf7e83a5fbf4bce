"""Courier: transfers the waiting deliveries of one target one by one, and retries without limit.

One actor with its own thread, so that a target that hangs blocks no other. A target may have several couriers.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tawny.delivery.delivery import Carrier, Delivery, DeliveryContent, DeliveryKind
from tawny.delivery.outbox import Outbox
from tawny.engine import Handle
from tawny.engine.backoff import spread_s
from tawny.model.clock import Clock
from tawny.model.errors import (
    ContentGone,
    DeliveryError,
    StorageError,
    StrangeTarget,
    TargetFull,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
    TawnyError,
)

FIRST_WAIT_S: Final = 5.0
MOST_WAIT_S: Final = 900.0
IDLE_S: Final = 60.0
HELD_S: Final = 20.0
"""Time, s, an idle connection is kept open."""
log = logging.getLogger(__name__)


TARGETS_FAULT = (TargetUnreachable, TargetRefused, TargetFull, TargetMissing, StrangeTarget)


class CourierStopped(Exception):
    """Shutdown: the current delivery waits for the next start."""


@dataclass(frozen=True, slots=True)
class DeliveryRoute:
    """Access to one target. carrier: connects; raises DeliveryError. content: raises ContentGone and StorageError."""

    to: str
    carrier: Callable[[], Carrier]
    content: Callable[[Delivery], DeliveryContent]
    open_in_s: Callable[[], float] = lambda: 0.0
    """Returns the delay until the target may be used, s: 0 for now; more outside its hours and while paused."""
    always: DeliveryKind | None = DeliveryKind.PICTURE
    """Deliveries of this kind and more important ones ignore `open_in_s`; None: none do."""


class Courier:
    """Transfers deliveries of one target. Call `stop` from any thread."""

    def __init__(
        self, number: int, route: DeliveryRoute, outbox: Outbox, clock: Clock, tell: Callable[[Delivery], None]
    ) -> None:
        """tell: called with every ended delivery, successful or not, on the courier's thread."""
        self._route, self._outbox, self._clock, self._tell = route, outbox, clock, tell
        self.name = f"to {route.to} {number}"
        self._carrier: Carrier | None = None
        self._used_s = 0.0
        self._misses = 0
        self._resume_s = 0.0
        self._is_new = True
        self.is_stopping = False
        self.handle: Handle | None = None
        self._no_more = outbox.whenever_added(self._added)

    def stop(self) -> None:
        """End soon and interrupt the current delivery. Call from any thread."""
        self.is_stopping = True
        self._no_more()

    def step(self) -> float:
        """Transfer one delivery, however long it takes, unless interrupted by `stop`."""
        now_s = self._clock.mono_s()
        if self.is_stopping:
            return IDLE_S
        if now_s < self._resume_s:
            return self._resume_s - now_s
        closed_s = self._route.open_in_s()
        always = self._route.always.rank + 1 if self._route.always else 0
        most_rank = len(DeliveryKind) if closed_s <= 0 else always
        delivery = self._outbox.take(self._route.to, most_rank)
        if delivery is None:
            if self._is_new and closed_s <= 0:
                self._connect_ahead()
            self._let_go_if_idle()
            return min(IDLE_S, closed_s or IDLE_S, self._until_due_s(most_rank))
        self._is_new = False
        try:
            self._carry(delivery)
        except CourierStopped:
            self._outbox.put_back(delivery)
            return IDLE_S
        return max(0.0, self._resume_s - self._clock.mono_s())

    def close(self) -> None:
        if self._carrier is not None:
            self._carrier.close()
            self._carrier = None

    def _connect_ahead(self) -> None:
        """Connect once at the start, so that the first event does not wait for imports and the handshake."""
        self._is_new = False
        try:
            self._carrier, self._used_s = self._route.carrier(), self._clock.mono_s()
        except CourierStopped:
            return
        except (DeliveryError, StorageError) as error:
            log.info("%s", error)

    def _carry(self, delivery: Delivery) -> None:
        try:
            content = self._route.content(delivery)
        except ContentGone as gone:
            self._end(delivery, gone)
            return
        except StorageError as error:
            self._put_off(delivery, error)
            return
        try:
            if self._carrier is None:
                self._carrier = self._route.carrier()
            receipt = self._carrier.carry(delivery, content, lambda progress: self._outbox.note(delivery, progress))
        except ContentGone as gone:
            self._end(delivery, gone)
        except (DeliveryError, StorageError) as error:
            if delivery.what is DeliveryKind.REMOVAL and isinstance(error, TargetRefused):
                self._end(delivery, error)  # a login that may not delete can still upload
            else:
                self.close()
                self._put_off(delivery, error)
        else:
            self._misses, self._used_s = 0, self._clock.mono_s()
            self._outbox.done(delivery, receipt, content.size_bytes)
            self._tell(delivery)
        finally:
            content.close()

    def _end(self, delivery: Delivery, error: DeliveryError) -> None:
        """Drop the delivery: a retry would not help."""
        log.warning("%s: %s", delivery.name, error)
        self._outbox.drop(delivery, error.message)
        self._tell(delivery)

    def _put_off(self, delivery: Delivery, error: TawnyError) -> None:
        """Retry later: all deliveries wait if the target failed, otherwise only this one."""
        is_targets = isinstance(error, TARGETS_FAULT)
        wait_s = spread_s(self._misses if is_targets else delivery.tries, FIRST_WAIT_S, MOST_WAIT_S)
        if is_targets:
            self._misses += 1
            self._resume_s = self._clock.mono_s() + wait_s
        log.warning("%s (tried %d times; again in %.0f s)", error, delivery.tries + 1, wait_s)
        own_ms = 0 if is_targets else round(wait_s * 1000)  # otherwise less important deliveries would be sent first
        self._outbox.failed(delivery, error.message, self._clock.now_ms() + own_ms)

    def _until_due_s(self, most_rank: int) -> float:
        next_ms = self._outbox.next_ms(self._route.to, most_rank)
        return IDLE_S if next_ms is None else max(0.5, (next_ms - self._clock.now_ms()) / 1000)

    def _let_go_if_idle(self) -> None:
        if self._carrier is not None and self._clock.mono_s() - self._used_s > HELD_S:
            self.close()

    def _added(self, to: str) -> None:
        if to == self._route.to and self.handle is not None:
            self.handle.wake()
