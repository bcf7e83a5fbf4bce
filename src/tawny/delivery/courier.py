"""Courier: transfers the waiting deliveries of one target one by one, and retries without limit.

One actor with its own thread, so that a target that hangs blocks no other. A target may have several couriers.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from tawny.config.week import stretch
from tawny.delivery.delivery import (
    REST_GAP_S,
    REST_MS,
    REST_TRIES,
    URGENT_RANK,
    Carrier,
    Delivery,
    DeliveryContent,
    DeliveryKind,
    NoLongerSo,
    NoRecipient,
    PartlySent,
    rest_of,
)
from tawny.delivery.outbox import Outbox
from tawny.engine import Actor, ActorHandle, Engine
from tawny.engine.backoff import spread_s
from tawny.events.rule_engine import Calendar
from tawny.model.errors import (
    ContentGone,
    DeliveryError,
    StorageError,
    StrangeTarget,
    TargetBusy,
    TargetFull,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
    TawnyError,
)
from tawny.model.times import Clock

FIRST_WAIT_S: Final = 5.0
MOST_WAIT_S: Final = 900.0
IDLE_S: Final = 60.0
ASIDE_TRIES: Final = 3
"""How often a delivery holds up those behind it while the target responds that it can't: it may be this one's fault."""
HELD_S: Final = 20.0
"""Time, s, an idle connection is kept open."""
log = logging.getLogger(__name__)


REMEDIED = (TargetRefused, TargetFull, TargetMissing, StrangeTarget)
"""Errors that last until their remedy is applied."""
TARGETS_FAULT = (TargetUnreachable, *REMEDIED)


class CourierStopped(Exception):
    """Shutdown: the current delivery waits for the next start."""


class UnexpectedFailure(DeliveryError):
    """An error of tawny itself. detail: its type; its text may contain secrets."""

    says = "tawny couldn't send it to {where} because of an error of its own ({detail})."


@dataclass(frozen=True, slots=True)
class DeliveryRoute:
    """Access to one target. carrier: connects; raises DeliveryError. content: raises ContentGone and StorageError."""

    to: str
    carrier: Callable[[], Carrier]
    content: Callable[[Delivery], DeliveryContent]
    open_in_s: Callable[[], float] = lambda: 0.0
    """Returns the delay until the target may be used, s: 0 for now; more outside its hours. `ALWAYS` ignores it."""
    is_paused: Callable[[], bool] = lambda: False
    """Returns whether everything waits, also what ignores the hours."""
    held_until_ms: Callable[[Delivery], int] = lambda _: 0
    """Returns until when this delivery waits, ms UTC; 0 if it doesn't."""
    replaced: Callable[[Delivery], Sequence[Delivery]] = lambda _: ()
    """Returns the removals of what a delivery replaces that was sent, or that itself (`Outbox.done`)."""


class Courier:
    """Transfers deliveries of one target. Call `stop` from any thread."""

    def __init__(
        self, number: int, route: DeliveryRoute, outbox: Outbox, clock: Clock, report: Callable[[Delivery], None]
    ) -> None:
        """report: called with every ended delivery, successful or not, on the courier's thread."""
        self._route, self._outbox, self._clock, self._report = route, outbox, clock, report
        self.name = f"to {route.to} {number}"
        self._carrier: Carrier | None = None
        self._carried: tuple[Delivery, str, int, Sequence[Delivery]] | None = None
        """A delivery that was sent and is not stored as such yet, with its receipt, its size, bytes, and its rest."""
        self._used_s = 0.0
        self._misses = 0
        self._busy: dict[int, tuple[int, float]] = {}
        """How often the target responded to a delivery, by its ID, that it can't, since it took it or was away, and
        when last, s."""
        self._resume_s = 0.0
        self._must_make_room = self._has_room = False
        """Whether what is to be deleted there goes first, as the target had no space for an upload; and whether any of
        that was deleted."""
        self._is_new = True
        self.is_stopping = False
        self.handle = ActorHandle()
        self._no_more = outbox.whenever_added(self._added)

    def stop(self) -> None:
        """End soon and interrupt the current delivery. Call from any thread."""
        self.is_stopping = True
        self._no_more()

    def try_now(self) -> None:
        """Forget the failures of the target and step now. Call from any thread."""
        self._misses, self._resume_s = 0, 0.0
        self.handle.wake()

    def step(self) -> float:
        """Transfer one delivery, however long it takes, unless interrupted by `stop`."""
        now_s = self._clock.mono_s()
        if self.is_stopping:
            return IDLE_S
        if not self._store_carried():
            return IDLE_S
        is_paused = self._route.is_paused()
        if self._must_make_room and not is_paused and (removal := self._removal()) is not None:
            return 0.0 if self._attempt(removal) else IDLE_S
        if now_s < self._resume_s:
            return self._resume_s - now_s
        closed_s = NEVER_S if is_paused else self._route.open_in_s()
        held_rank = URGENT_RANK if is_paused else ALWAYS.rank + 1
        most_rank = len(DeliveryKind) if closed_s <= 0 else held_rank
        delivery = self._outbox.take(self._route.to, most_rank)
        if delivery is None:
            if self._is_new and closed_s <= 0:
                self._connect_ahead()
            self._let_go_if_idle()
            return min(IDLE_S, closed_s or IDLE_S, self._until_due_s(most_rank))
        self._is_new = False
        if not self._attempt(delivery) or self._carried is not None:
            return IDLE_S
        return 0.0 if self._must_make_room else max(0.0, self._resume_s - self._clock.mono_s())

    def close(self) -> None:
        if self._carrier is not None:
            self._carrier.close()
            self._carrier = None

    def _removal(self) -> Delivery | None:
        """Take what is to be deleted there next. None: nothing is; if room was made, all uploads are due at once."""
        removal = self._outbox.take(self._route.to, DeliveryKind.REMOVAL.rank + 1, DeliveryKind.REMOVAL.rank)
        if removal is None and self._has_room:
            self._resume_s = 0.0
            self._outbox.try_now(self._route.to)
        self._must_make_room = removal is not None
        return removal

    def _attempt(self, delivery: Delivery) -> bool:
        """Transfer a delivery that was taken. Return False if the program ends."""
        with ExitStack() as attempt:
            attempt.push(partial(self._put_off_failed, delivery))
            try:
                self._carry(delivery)
            except CourierStopped:
                self._outbox.put_back(delivery)
                return False
        return True

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
        if held_ms := self._route.held_until_ms(delivery):
            log.info("%s waits for the end of quiet hours or a snooze of %s", delivery.name, self._route.to)
            self._outbox.failed(delivery, "", held_ms)
            return
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
            self.close()  # the connection may be in the middle of the file
            self._end(delivery, gone)
        except PartlySent as part:
            log.warning("%s Until it does, %s is tried for 6 h.", part.message, delivery.name)
            rest = rest_of(delivery, part.left, self._clock.now_ms())
            self._was_carried(delivery, part.receipt, content.size_bytes, [rest])
        except (DeliveryError, StorageError) as error:
            is_signed_in = self._carrier is not None  # it may refuse, or have no room for, this one alone
            is_denial = is_signed_in and isinstance(error, TargetRefused) and not error.is_sign_in
            if delivery.what is DeliveryKind.REMOVAL and is_denial:
                self._end(delivery, error)  # a login that may not delete can still upload
            else:
                is_answer = isinstance(error, TargetBusy) or is_denial
                is_answer |= is_signed_in and isinstance(error, TargetFull)
                self.close()
                self._put_off(delivery, error, is_answer=is_answer)
        else:
            self._was_carried(delivery, receipt, content.size_bytes)

    def _was_carried(self, delivery: Delivery, receipt: str, size_bytes: int, rest: Sequence[Delivery] = ()) -> None:
        self._misses, self._used_s = 0, self._clock.mono_s()
        self._has_room |= delivery.what is DeliveryKind.REMOVAL
        self._busy.pop(delivery.id, None)
        self._carried = delivery, receipt, size_bytes, rest
        self._store_carried()

    def _store_carried(self) -> bool:
        """Store the delivery that was sent, if any; return False after a disk error."""
        if self._carried is None:
            return True
        delivery, receipt, size_bytes, rest = self._carried
        try:
            self._outbox.done(delivery, receipt, size_bytes, [*self._route.replaced(delivery), *rest])
        except StorageError as error:
            log.warning("%s was sent to %s, which is not stored yet: %s", delivery.name, self._route.to, error)
            return False
        self._carried = None
        self._report(delivery)
        return True

    def _end(self, delivery: Delivery, error: TawnyError) -> None:
        """Drop the delivery: a retry would not help."""
        self._busy.pop(delivery.id, None)
        level = logging.INFO if isinstance(error, (NoRecipient, NoLongerSo)) else logging.WARNING
        log.log(level, "%s: %s", delivery.name, error.message)
        if lost := self._outbox.drop(delivery, error.message):
            log.warning(
                "the queue was full: dropped %d parts for %s that %s was to replace", lost, delivery.to, delivery.name
            )
        self._report(delivery)

    def _put_off(self, delivery: Delivery, error: TawnyError, *, is_answer: bool = False) -> None:
        """Retry later: all deliveries wait if the target failed, otherwise only this one.

        is_answer: the target responded to this delivery that it can't. One mailbox, as a full one, is no trouble of it.
        """
        is_answer |= delivery.is_rest and isinstance(error, DeliveryError) and not isinstance(error, TARGETS_FAULT)
        is_targets = isinstance(error, TARGETS_FAULT) and not (is_answer and delivery.is_rest)
        wait_s, own_s, now_s = 0.0, 0.0, self._clock.mono_s()
        before, last_s = self._busy.pop(delivery.id, (0, now_s))
        if delivery.is_rest and now_s - last_s > REST_GAP_S:
            before = 0
        busy = before + 1 if is_answer else 0
        if delivery.is_rest and busy >= REST_TRIES and abs(self._clock.now_ms() - delivery.made_ms) >= REST_MS:
            self._end(delivery, error)
            return
        if busy:
            self._busy[delivery.id] = busy, now_s
        if is_targets:
            asked_s = min(error.wait_s, MOST_WAIT_S) if isinstance(error, TargetBusy) else 0.0
            wait_s = max(spread_s(self._misses, FIRST_WAIT_S, MOST_WAIT_S), asked_s)
            self._misses += 1
            self._resume_s = now_s + wait_s
            is_full = is_answer and isinstance(error, TargetFull)
            self._must_make_room, self._has_room = is_full and delivery.what is not DeliveryKind.REMOVAL, False
        if busy >= ASIDE_TRIES or not is_targets:  # otherwise less important deliveries would be sent first
            own_s = spread_s(busy or delivery.tries, FIRST_WAIT_S, MOST_WAIT_S)
        level, why = logging.WARNING, error.message
        if delivery.is_rest:
            level, why = logging.INFO, ""
        elif isinstance(error, (StorageError, *REMEDIED)):
            why = str(error)
        log.log(level, "%s (tried %d times; again in %.0f s)", error, delivery.tries + 1, max(wait_s, own_s))
        self._outbox.failed(delivery, why, self._clock.now_ms() + round(own_s * 1000))

    def _put_off_failed(self, delivery: Delivery, failure: type[BaseException] | None, *_: object) -> None:
        """Retry later after an error that nothing expected, and leave it to the supervisor. failure: None without one.

        Otherwise the delivery would stay taken until the next start. What was sent stays taken until that is stored.
        """
        if failure is not None and issubclass(failure, (Exception, SystemExit)) and self._carried is None:
            self.close()
            self._put_off(delivery, UnexpectedFailure(self._route.to, failure.__name__))

    def _until_due_s(self, most_rank: int) -> float:
        next_ms = self._outbox.next_ms(self._route.to, most_rank)
        return IDLE_S if next_ms is None else max(0.5, (next_ms - self._clock.now_ms()) / 1000)

    def _let_go_if_idle(self) -> None:
        if self._carrier is not None and self._clock.mono_s() - self._used_s > HELD_S:
            self.close()

    def _added(self, to: str) -> None:
        if to == self._route.to:
            self.handle.wake()


# Send schedule of a target: at once, in batches, at minutes of each hour, or during certain hours. A started batch
# continues until the queue is empty, also after a restart; a scheduled minute during it is skipped.


MINUTE_MS: Final = 60_000
NEVER_S: Final = 86_400.0
ALWAYS: Final = DeliveryKind.PICTURE
"""Deliveries of this kind and more important ones ignore the schedule."""


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
    return max(0, Calendar(zone).daily(stretch(hours), now_ms).begin_ms - now_ms) / 1000


# Workers of targets: started and stopped when targets are added, changed or removed.


T = TypeVar("T")


class TargetWorker(Actor, Protocol):
    """A worker of one target, such as a courier."""

    handle: ActorHandle

    def stop(self) -> None:
        """End soon and interrupt the work in progress. Call from any thread."""
        ...


Begin = Callable[[str, T, threading.Event], Sequence[TargetWorker]]
"""Creates the workers of a target from its name and settings. The event is set when they must end."""


@dataclass(frozen=True, slots=True)
class _Post(Generic[T]):
    wanted: T
    ending: threading.Event
    workers: Sequence[TargetWorker]


class WorkerPool(Generic[T]):
    """Workers by target. Only `try_now` is thread-safe.

    Interrupted work of a changed or removed target returns to the outbox.
    """

    def __init__(self, engine: Engine, begin: Begin[T]) -> None:
        self._engine, self._begin = engine, begin
        self._posts: dict[str, _Post[T]] = {}

    def take_over(self, wanted: Mapping[str, T]) -> None:
        """Apply changed targets. Only the workers of new, changed and removed targets are started or stopped."""
        for name, post in list(self._posts.items()):
            if name not in wanted or wanted[name] != post.wanted:
                del self._posts[name]
                _end(post)
        for name, one in wanted.items():
            if name not in self._posts:
                ending = threading.Event()
                workers = self._begin(name, one, ending)
                for worker in workers:
                    worker.handle.start(self._engine, worker.name, partial(_same, worker))
                self._posts[name] = _Post(one, ending, workers)

    def workers(self) -> list[TargetWorker]:
        return [worker for post in self._posts.values() for worker in post.workers]

    def try_now(self, name: str) -> None:
        """End the backoff of a target's couriers. Call from any thread."""
        post = self._posts.get(name)
        for worker in post.workers if post is not None else ():
            if isinstance(worker, Courier):
                worker.try_now()

    def stop(self) -> None:
        """Stop all workers; does not wait for them."""
        self.take_over({})


def _end(post: _Post[T]) -> None:
    post.ending.set()
    for worker in post.workers:
        worker.stop()
        worker.handle.stop()


def _same(worker: TargetWorker) -> TargetWorker:
    """Return the worker itself. The engine also restarts the same object after a failure; it keeps no state that can be

    invalid.
    """
    return worker
