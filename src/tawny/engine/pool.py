"""Engine whose actors have a thread only while they step, for the many that mostly wait.

One thread waits for the next actor that is due. Before it steps the actor, it hands the waiting over to another thread:
a step that blocks, as on a stalled disk, delays no other actor. Two threads are kept, one that waits and one to follow
it; others end with their step. A thread has the name of the actor that it steps.
"""

import threading
from collections.abc import Callable

from tawny.engine.actor import Actor, Handle, Supervised, Tell
from tawny.engine.threads import name_thread, start_thread
from tawny.model.clock import Clock

WAITING = "waiting"
"""Name of a pool's thread between steps."""
_NEVER_S = float("inf")


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
        """A thread waits for the next due actor; another waits to follow it."""
        self._until_s = 0.0
        """How long the first of them sleeps: it need not wake for what is due later."""

    def add(self, turn: "_PooledActor") -> None:
        with self._changed:
            self._hand_over()
            self._turns.append(turn)

    def wake(self, turn: "_PooledActor") -> None:
        with self._changed:
            turn.due_s = 0.0  # during a step: it steps again
            if self._until_s > 0.0:
                self._changed.notify()

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
            except RuntimeError:  # no more threads: whoever steps now waits afterwards
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
                self._promoted.wait_for(lambda: not self._is_awaited)
                self._has_spare = False
            self._is_awaited = True
            return True

    def _next(self) -> "_PooledActor | None":
        """Wait for the next due actor. Return None if no actor is left."""
        with self._changed:
            while self._turns or self._stepped:
                turn = min(self._turns, key=lambda one: one.due_s, default=None)
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

    tell: called with an actor's name and error after each failure.
    """

    def __init__(self, pool: ActorPool, clock: Clock, tell: Tell) -> None:
        self._pool, self._clock, self._tell = pool, clock, tell
        self._turns: list[_PooledActor] = []
        self._lock = threading.Lock()

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        """Start an actor. Call from any thread, also from an actor's."""
        turn = _PooledActor(Supervised(name, make, self._clock, self._tell), self._pool)
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
