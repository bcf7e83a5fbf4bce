"""Actors, engines, the supervisor that restarts a dead actor, and the bus of messages."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar, get_args

from tawny.engine.backoff import Backoff
from tawny.model.messages import Message
from tawny.model.times import Clock


class Actor(Protocol):
    """A piece of work that runs until it is stopped."""

    @property
    def name(self) -> str: ...

    def step(self) -> float:
        """Do the work that is due. Return the seconds until the next step (0: at once).

        Called from one thread at a time, not always the same. May block for at most 3 s. An exception ends this actor;
        the supervisor closes it, waits, and creates a new one.
        """
        ...

    def close(self) -> None:
        """Release all resources. Called once, never during a step, also after `step` raised."""
        ...


class Handle(Protocol):
    """A running actor."""

    def wake(self) -> None:
        """Step now instead of at the requested time. Cheap; call from any thread."""
        ...

    def stop(self) -> None:
        """Request the end. The thread that steps the actor closes it. Returns at once."""
        ...

    def join(self, timeout_s: float) -> bool:
        """Wait until it is closed. Return False on timeout."""
        ...


class ActorHandle:
    """The handle of an actor that is started later. Without effect until then. Call from any thread."""

    def __init__(self) -> None:
        self._handle: Handle | None = None

    def start(self, engine: "Engine", name: str, make: Callable[[], Actor]) -> None:
        self._handle = engine.start(name, make)

    def wake(self) -> None:
        if self._handle is not None:
            self._handle.wake()

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.stop()

    def join(self, timeout_s: float) -> bool:
        return self._handle is None or self._handle.join(timeout_s)


class Engine(Protocol):
    """Creates, steps, restarts and stops actors."""

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        """Create and run an actor. After a failure `make` is called again, with increasing delays."""
        ...

    def stop(self, timeout_s: float = 5.0) -> list[str]:
        """Stop all actors at once, the last started first.

        Return the names of those still running after the timeout.
        """
        ...


# Supervisor: closes an actor that raises, reports the error, and restarts the actor after a delay.

log = logging.getLogger(__name__)
ReportFailure = Callable[[str, BaseException], None]


class Supervised:
    """One actor with its restarts. Engines step this instead of the actor."""

    def __init__(self, name: str, make: Callable[[], Actor], clock: Clock, report: ReportFailure) -> None:
        self.name = name
        self._make, self._clock, self._report = make, clock, report
        self._actor: Actor | None = None
        self._begun_s = 0.0
        self._said = ""  # last failure logged with traceback; repetitions take one line
        self._backoff = Backoff(forget_s=300)

    def step(self) -> float:
        """Like an actor's step, but never raises: a failure returns the restart delay."""
        try:
            if self._actor is None:
                self._begun_s = self._clock.mono_s()
                self._actor = self._make()
            return self._actor.step()
        except Exception as error:
            held_s = self._clock.mono_s() - self._begun_s
            is_new = repr(error) != self._said
            self._said = repr(error)
            log.error("%s failed after %.0f s and restarts: %r", self.name, held_s, error, exc_info=is_new)
            self._report(self.name, error)
            self.close()
            return self._backoff.next_s(held_s)

    def close(self) -> None:
        actor, self._actor = self._actor, None
        if actor is not None:
            try:
                actor.close()
            except Exception as error:
                log.exception("%s failed while closing", self.name)
                self._report(self.name, error)


# Bus: publishes messages to listeners. Nothing is stored; use the index for data that must not be lost.

Listener = Callable[[Message], None]
Unsubscribe = Callable[[], None]
MessageType = TypeVar("MessageType", bound=Message)
_Subscription = tuple[type | None, Callable[[Any], None]]
"""The type of message, None for all, and the listener."""


class Bus:
    """Publish and subscribe. Thread-safe.

    Listeners run on the publisher's thread, must return at once and must not raise.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: tuple[_Subscription, ...] = ()
        self._listeners: dict[type, tuple[Callable[[Any], None], ...]] = {}
        """By the type of message, in the order in which they subscribed."""

    def __len__(self) -> int:
        return len(self._subscriptions)

    def publish(self, message: Message) -> None:
        for listener in self._listeners.get(type(message), ()):
            listener(message)

    def subscribe(self, kind: type[MessageType], listener: Callable[[MessageType], None]) -> Unsubscribe:
        """Receive every message of a type from now on. Call the returned function to unsubscribe."""
        return self._add((kind, listener))

    def subscribe_all(self, listener: Listener) -> Unsubscribe:
        """Receive every message from now on."""
        return self._add((None, listener))

    def _add(self, subscription: _Subscription) -> Unsubscribe:
        def unsubscribe() -> None:
            with self._lock:
                self._set(other for other in self._subscriptions if other is not subscription)

        with self._lock:
            self._set((*self._subscriptions, subscription))
        return unsubscribe

    def _set(self, subscriptions: Iterable[_Subscription]) -> None:
        self._subscriptions = tuple(subscriptions)
        self._listeners = {
            kind: tuple(listener for chosen, listener in self._subscriptions if chosen in (None, kind))
            for kind in get_args(Message)
        }
