"""Actors, the supervisor that restarts them, the bus of messages between them, and engines that step them in threads.

As fast as processes here, because decoding, disk and network release the GIL.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from operator import attrgetter
from typing import Any, Protocol, TypeVar, get_args

from tawny.engine.backoff import Backoff
from tawny.engine.plugins import PluginFailed
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
        self._logged = ""  # last failure logged with traceback; repetitions take one line
        self._backoff = Backoff(forget_s=300)

    def step(self) -> float:
        """Like an actor's step, but never raises: a failure returns the restart delay."""
        try:
            if self._actor is None:
                self._begun_s = self._clock.mono_s()
                self._actor = self._make()
            return self._actor.step()
        except (Exception, SystemExit) as error:  # a plug-in that exits would end the thread without a word
            held_s = self._clock.mono_s() - self._begun_s
            is_new = repr(error) != self._logged
            self._logged = repr(error)
            if isinstance(error, PluginFailed):  # a traceback ends with the text of its error
                log.error("%s failed after %.0f s and restarts: %s%s", self.name, held_s, error, error.place)
            else:
                log.error("%s failed after %.0f s and restarts: %r", self.name, held_s, error, exc_info=is_new)
            self._report(self.name, error)
            self.close()
            return self._backoff.next_s(held_s)

    def close(self) -> None:
        actor, self._actor = self._actor, None
        if actor is not None:
            try:
                actor.close()
            except (Exception, SystemExit) as error:
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


# Names of threads, and calls from threads into the asyncio loop.

_PR_SET_NAME = 15


@cache
def _libc() -> Any:
    import ctypes  # commands that run no thread do not pay for it

    return ctypes.CDLL(None)


def name_thread(name: str) -> None:
    """Name the current thread, also for `top -H` and `ps -L`, which show the first 15 characters."""
    threading.current_thread().name = name
    if sys.platform == "linux":
        _libc().prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def start_thread(name: str, run: Callable[[], None]) -> threading.Thread:
    """Start a named daemon thread: one blocked in the network must not delay the program's exit."""

    def named() -> None:
        name_thread(name)
        run()

    thread = threading.Thread(target=named, name=name, daemon=True)
    thread.start()
    return thread


def run_in_thread(name: str, run: Callable[[], None], most_s: float) -> bool:
    """Run what may hang, in a thread of its own, and return whether it ended in time.

    Without one, where the system has no more threads: at a stop, what hangs there is better than what is never done.
    """
    try:
        thread = start_thread(name, run)
    except RuntimeError:
        try:
            run()
        except Exception:  # as in a thread, it ends nothing else: more is to be done
            log.exception("%s failed", name)
        return True
    thread.join(most_s)
    return not thread.is_alive()


def named_executor(name: str, most: int | None = None) -> ThreadPoolExecutor:
    """Return an executor whose threads all have this name. most: None: as many as asyncio has by default."""
    return ThreadPoolExecutor(most, name, initializer=partial(name_thread, name))


def caller(loop: asyncio.AbstractEventLoop, do: Callable[[], None]) -> Callable[[], None]:
    """Return a thread-safe function that calls `do` on the loop. No effect after the loop is closed."""

    def call() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(do)

    return call


# Engine that runs many actors in one thread, for actors that never block: wakeups cost more than the work.

_EVEN_S = 1.0
"""Intervals up to this, in s, are aligned to multiples of themselves. Longer ones count from the request."""


class SharedThread:
    """An `Engine`. The thread runs while it has actors."""

    def __init__(self, name: str, clock: Clock, report: ReportFailure) -> None:
        self.stepped_s = clock.mono_s()
        """Time of the last check for due actors, in s monotonic."""
        self._name, self._clock, self._report = name, clock, report
        self._lock = threading.Lock()
        self._due = threading.Event()
        self._turns: list[_Turn] = []
        self._thread: threading.Thread | None = None

    @property
    def has_work(self) -> bool:
        return bool(self._turns)

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        turn = _Turn(Supervised(name, make, self._clock, self._report), self._due)
        with self._lock:
            if self._thread is None:  # first: it raises where the system has no more threads
                self.stepped_s = self._clock.mono_s()
                self._thread = start_thread(self._name, self._run)
            self._turns.append(turn)
        self._due.set()
        return turn

    def stop(self, timeout_s: float = 5.0) -> list[str]:
        with self._lock:
            turns = list(self._turns)
        for turn in turns:
            turn.stop()
        until_s = self._clock.mono_s() + timeout_s
        return [turn.name for turn in reversed(turns) if not turn.join(max(0.0, until_s - self._clock.mono_s()))]

    def _run(self) -> None:
        while True:
            self._due.clear()
            with self._lock:
                turns = list(self._turns)
                if not turns:
                    self._thread = None
                    return
            for turn in turns:
                self._take(turn)
            wait_s = min(turn.due_s for turn in turns) - self._clock.mono_s()
            if wait_s > 0:
                self._due.wait(wait_s)

    def _take(self, turn: "_Turn") -> None:
        now_s = self.stepped_s = self._clock.mono_s()
        if turn.is_ending:
            with self._lock:
                self._turns.remove(turn)
            turn.close()
        elif turn.is_woken or turn.due_s <= now_s:
            turn.is_woken = False  # a wake after this counts
            turn.due_s = _next_s(now_s, turn.step())


class _Turn:
    """An actor and its due time."""

    def __init__(self, supervised: Supervised, changed: threading.Event) -> None:
        self.name = supervised.name
        self.due_s, self.is_woken, self.is_ending = 0.0, False, False
        self._supervised, self._changed = supervised, changed
        self._closed = threading.Event()

    def step(self) -> float:
        return self._supervised.step()

    def close(self) -> None:
        self._supervised.close()
        self._closed.set()

    def wake(self) -> None:
        self.is_woken = True  # set the flag before the event: in reverse order the thread could sleep through it
        self._changed.set()

    def stop(self) -> None:
        self.is_ending = True
        self.wake()

    def join(self, timeout_s: float) -> bool:
        return self._closed.wait(timeout_s)


def _next_s(now_s: float, wait_s: float) -> float:
    if wait_s <= 0 or wait_s > _EVEN_S:
        return now_s + max(0.0, wait_s)
    return (now_s // wait_s + 1) * wait_s


class ThreadEngine:
    """Starts a thread per actor.

    report: called with an actor's name and error after each failure.
    """

    def __init__(self, clock: Clock, report: ReportFailure) -> None:
        self._clock, self._report = clock, report
        self._running: list[_Worker] = []
        self._lock = threading.Lock()

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        """Start an actor. Call from any thread, also from an actor's."""
        worker = _Worker(Supervised(name, make, self._clock, self._report))
        with self._lock:
            self._running = [*(one for one in self._running if one.is_alive), worker]
        return worker

    def stop(self, timeout_s: float = 5.0) -> list[str]:
        for worker in reversed(self._running):
            worker.stop()
        until_s = self._clock.mono_s() + timeout_s
        return [w.name for w in reversed(self._running) if not w.join(max(0.0, until_s - self._clock.mono_s()))]


class _Worker:
    """One actor's thread."""

    def __init__(self, supervised: Supervised) -> None:
        self.name = supervised.name
        self._supervised = supervised
        self._due = threading.Event()
        self._ending = False
        self._thread = start_thread(self.name, self._run)

    def _run(self) -> None:
        while not self._ending:
            wait_s = self._supervised.step()
            if wait_s > 0 and not self._ending:
                self._due.wait(wait_s)
            self._due.clear()
        self._supervised.close()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def wake(self) -> None:
        self._due.set()

    def stop(self) -> None:
        self._ending = True  # set the flag before the event: in reverse order the thread could sleep through it
        self._due.set()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()


# Engine whose actors have a thread only for each step, for actors that mostly wait.

WAITING = "waiting"
"""Name of a pool's thread between steps."""
_NEVER_S = float("inf")
LATE_S = 1.0
"""Maximum time in s that a timed step waits for another one that hangs. A hand-over before each step costs more than
most steps."""


class ActorPool:
    """Threads for actors of several engines. It has none while it has no actors."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        lock = threading.Lock()
        self._changed, self._promoted = threading.Condition(lock), threading.Condition(lock)
        self._turns: list[_PooledActor] = []
        """Actors that wait; the others are being stepped."""
        self._stepped = 0
        self._is_awaited = self._has_spare = False
        """A thread waits for the next due actor; another waits to follow it if its step takes long."""
        self._until_s = 0.0
        """How long the first of them sleeps: it need not wake for what is due later."""

    def add(self, turn: "_PooledActor") -> None:
        with self._changed:
            self._hand_over()
            self._turns.append(turn)

    def wake(self, turn: "_PooledActor") -> None:
        with self._changed:
            turn.due_s = 0.0  # during a step: it steps again
            if turn in self._turns and (self._until_s > 0.0 or not self._is_awaited):
                self._hand_over()

    def _hand_over(self) -> None:
        """Have a thread wait for the next due actor. Call with the lock."""
        if self._is_awaited:
            self._changed.notify()
        elif self._has_spare:
            self._promoted.notify()
        else:
            self._is_awaited = True  # the new thread leads as soon as it runs
            try:
                start_thread(WAITING, self._run)
            except RuntimeError:  # no more threads: the one that steps now waits afterwards
                self._is_awaited = False
                if not self._stepped:
                    raise

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            name_thread(turn.name)
            wait_s = turn.take()
            name_thread(WAITING)
            self._put_back(turn, wait_s)
            if not self._follow():
                return

    def _follow(self) -> bool:
        """Wait until this thread is the one that waits for due actors. Return False if it is not needed."""
        with self._promoted:
            if self._is_awaited and self._has_spare:
                return False
            if self._is_awaited:
                self._has_spare = True
                while not self._is_late:
                    self._promoted.wait(LATE_S)
                self._has_spare = False
            self._is_awaited = True
            return True

    @property
    def _is_late(self) -> bool:
        """No thread waits although an actor is due, or none is left. Call with the lock."""
        if self._is_awaited:
            return False
        now_s = self._clock.mono_s()
        return any(turn.due_s <= now_s for turn in self._turns) or not (self._turns or self._stepped)

    def _next(self) -> "_PooledActor | None":
        """Wait for the next due actor. Return None if no actor is left."""
        with self._changed:
            while self._turns or self._stepped:
                turn = min(self._turns, key=attrgetter("due_s"), default=None)
                self._until_s = _NEVER_S if turn is None else turn.due_s
                if turn is None or turn.due_s == _NEVER_S:
                    self._changed.wait()
                elif (wait_s := turn.due_s - self._clock.mono_s()) > 0:
                    self._changed.wait(wait_s)
                else:
                    turn.due_s = _NEVER_S  # a wake after this counts
                    self._turns.remove(turn)
                    self._stepped += 1
                    self._is_awaited = False
                    if not self._has_spare:
                        self._hand_over()
                    return turn
            self._is_awaited = False
            self._promoted.notify()
            return None

    def _put_back(self, turn: "_PooledActor", wait_s: float) -> None:
        with self._changed:
            self._stepped -= 1
            if not turn.is_closed.is_set():
                turn.due_s = min(turn.due_s, self._clock.mono_s() + wait_s)
                self._turns.append(turn)
            if turn.is_closed.is_set() or turn.due_s < self._until_s:
                self._changed.notify()


class PooledEngine:
    """An `Engine` on a pool that it may share with others.

    report: called with an actor's name and error after each failure.
    """

    def __init__(self, pool: ActorPool, clock: Clock, report: ReportFailure) -> None:
        self._pool, self._clock, self._report = pool, clock, report
        self._turns: list[_PooledActor] = []
        self._lock = threading.Lock()

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        """Start an actor. Call from any thread, also from an actor's."""
        turn = _PooledActor(Supervised(name, make, self._clock, self._report), self._pool)
        with self._lock:
            self._turns = [*(one for one in self._turns if not one.is_closed.is_set()), turn]
        self._pool.add(turn)
        return turn

    def stop(self, timeout_s: float = 5.0) -> list[str]:
        with self._lock:
            turns = self._turns[::-1]
        for turn in turns:
            turn.stop()
        until_s = self._clock.mono_s() + timeout_s
        return [turn.name for turn in turns if not turn.join(max(0.0, until_s - self._clock.mono_s()))]


class _PooledActor:
    """An actor and its due time."""

    def __init__(self, supervised: Supervised, pool: ActorPool) -> None:
        self.name = supervised.name
        self.due_s = 0.0
        self.is_closed = threading.Event()
        self._supervised, self._pool = supervised, pool
        self._is_ending = False

    def take(self) -> float:
        """Step the actor, or close it if it is to end. Return the seconds until the next step."""
        if not self._is_ending:
            return self._supervised.step()
        self._supervised.close()
        self.is_closed.set()
        return 0.0

    def wake(self) -> None:
        self._pool.wake(self)

    def stop(self) -> None:
        self._is_ending = True
        self.wake()

    def join(self, timeout_s: float) -> bool:
        return self.is_closed.wait(timeout_s)
