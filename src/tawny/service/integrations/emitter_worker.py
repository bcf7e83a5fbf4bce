"""Emitter worker: sends messages to one integration as they occur. Recording does not depend on it.

Messages that are not accepted are dropped, counted and reported.
"""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from typing import Any

from tawny.delivery.emitters import Emitter
from tawny.engine import Handle
from tawny.engine.backoff import Backoff
from tawny.model.clock import Clock
from tawny.model.errors import DeliveryError, TargetUnreachable
from tawny.model.messages import Message
from tawny.service.integrations.message_formats import FormattedMessage, MessageFormat

MOST_WAITING = 1000
"""Queue limit; the oldest messages are dropped."""
IDLE_S = 30.0
log = logging.getLogger(__name__)


class EmitterWorker:
    """Sends messages as an actor. Call `heard` from any thread."""

    def __init__(self, name: str, open_emitter: Callable[[], Emitter], form: MessageFormat, clock: Clock) -> None:
        self.name, self._open, self._form, self._clock = f"emit {name}", open_emitter, form, clock
        self._emitter: Emitter | None = None
        self._lock, self._order = threading.Lock(), itertools.count()
        self._due: list[tuple[float, int, Callable[[], dict[str, Any]]]] = []
        self._backoff, self._not_before_s = Backoff(), 0.0
        self._again: dict[str, Any] | None = None
        self.handle: Handle | None = None
        self.sent = self.dropped = 0
        self.trouble = self.said = ""
        """Error of the last message; empty if none. Response to the last message."""

    def heard(self, message: Message) -> None:
        with self._lock:
            for said in self._form.of(message):
                self._put(said)
        if self.handle is not None:
            self.handle.wake()

    def step(self) -> float:
        while (wait_s := self._wait_s()) <= 0:
            self._next()
        return wait_s

    def close(self) -> None:
        emitter, self._emitter = self._emitter, None
        if emitter is not None:
            emitter.close()

    @property
    def waiting(self) -> int:
        return len(self._due) + (self._again is not None)

    def _put(self, said: FormattedMessage) -> None:
        if len(self._due) >= MOST_WAITING:
            self._due.remove(min(self._due, key=lambda one: one[1]))
            heapq.heapify(self._due)
            self.dropped += 1
        heapq.heappush(self._due, (self._clock.mono_s() + said.in_s, next(self._order), said.make))

    def _wait_s(self) -> float:
        now_s = self._clock.mono_s()
        with self._lock:
            due_s = self._due[0][0] if self._due else now_s + IDLE_S
        return max(self._not_before_s, now_s if self._again is not None else due_s) - now_s

    def _next(self) -> None:
        told = self._again
        if told is None:
            with self._lock:
                _, _, make = heapq.heappop(self._due)
            told = make()
        self._again = None
        emitter = self._emitter = self._emitter or self._open()
        try:
            self.said = emitter.send(told)
        except DeliveryError as error:
            self._failed(told, error, tries_again=emitter.tries_again)
            return
        self.sent += 1
        self.trouble = ""
        self._backoff.reset()

    def _failed(self, told: dict[str, Any], error: DeliveryError, *, tries_again: bool) -> None:
        is_news, self.trouble = error.message != self.trouble, error.message
        if is_news:
            log.warning("%s", error)
        if tries_again and isinstance(error, TargetUnreachable):
            self._again, self._not_before_s = told, self._clock.mono_s() + self._backoff.next_s()
        else:
            self.dropped += 1
