"""Engine that runs many actors in one thread, for actors that never block: wakeups cost more than the work.

Actors with the same interval are stepped together, whenever they were started. Each has its own supervisor: a failure
ends and restarts only that actor.
"""

import threading
from collections.abc import Callable

from tawny.engine.actor import Actor, Handle
from tawny.engine.supervisor import Supervised, Tell
from tawny.model.clock import Clock

_EVEN_S = 1.0
"""Intervals up to this, in s, are aligned to multiples of themselves. Longer ones count from the request."""


class SharedThread:
    """An `Engine`. The thread runs while it has actors."""

    def __init__(self, name: str, clock: Clock, tell: Tell) -> None:
        self.stepped_s = clock.mono_s()
        """Time of the last check for due actors, in s monotonic."""
        self._name, self._clock, self._tell = name, clock, tell
        self._lock = threading.Lock()
        self._due = threading.Event()
        self._turns: list[_Turn] = []
        self._thread: threading.Thread | None = None

    @property
    def has_work(self) -> bool:
        return bool(self._turns)

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        turn = _Turn(Supervised(name, make, self._clock, self._tell), self._due)
        with self._lock:
            self._turns.append(turn)
            if self._thread is None:
                self.stepped_s = self._clock.mono_s()
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
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
        elif turn.due_s <= now_s:
            turn.due_s = float("inf")  # a wake after this counts
            wait_s = turn.step()
            turn.due_s = min(turn.due_s, _next_s(now_s, wait_s))


class _Turn:
    """An actor and its due time."""

    def __init__(self, supervised: Supervised, changed: threading.Event) -> None:
        self.name = supervised.name
        self.due_s, self.is_ending = 0.0, False
        self._supervised, self._changed = supervised, changed
        self._closed = threading.Event()

    def step(self) -> float:
        return self._supervised.step()

    def close(self) -> None:
        self._supervised.close()
        self._closed.set()

    def wake(self) -> None:
        self.due_s = 0.0  # set the time before the event: in reverse order the thread could sleep through it
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
