"""A thread an actor: simple, and as fast as processes here, because decoding, disk and network wait without the GIL."""

import threading
from collections.abc import Callable

from tawny.engine.actor import Actor, Handle
from tawny.engine.supervisor import Supervised, Tell
from tawny.model.clock import Clock


class ThreadEngine:
    """tell: called with a part's name and its error whenever one died."""

    def __init__(self, clock: Clock, tell: Tell) -> None:
        self._clock, self._tell = clock, tell
        self._running: list[_Worker] = []
        self._lock = threading.Lock()

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        """Any thread may call, an actor's too."""
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
    """The thread is daemonic: a source that hangs in the network must not keep the program from ending."""

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
        self._ending = True  # first the flag, then the wake: the other order could sleep through it
        self._due.set()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()
