"""Engine with one thread per actor.

As fast as processes here, because decoding, disk and network release the GIL.
"""

import threading
from collections.abc import Callable

from tawny.engine.actor import Actor, Handle
from tawny.engine.supervisor import Supervised, Tell
from tawny.model.clock import Clock


class ThreadEngine:
    """Starts a thread per actor.

    tell: called with an actor's name and error after each failure.
    """

    def __init__(self, clock: Clock, tell: Tell) -> None:
        self._clock, self._tell = clock, tell
        self._running: list[_Worker] = []
        self._lock = threading.Lock()

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        """Start an actor. Call from any thread, also from an actor's."""
        worker = _Worker(Supervised(name, make, self._clock, self._tell))
        with self._lock:
            self._running = [*(one for one in self._running if one.is_alive), worker]
        return worker

    def stop(self, timeout_s: float = 5.0) -> list[str]:
        for worker in reversed(self._running):
            worker.stop()
        until_s = self._clock.mono_s() + timeout_s
        return [w.name for w in reversed(self._running) if not w.join(max(0.0, until_s - self._clock.mono_s()))]


class _Worker:
    """One actor's thread. It is a daemon thread: a source blocked in the network must not delay the program's exit."""

    def __init__(self, supervised: Supervised) -> None:
        self.name = supervised.name
        self._supervised = supervised
        self._due = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

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
