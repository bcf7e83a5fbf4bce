"""Writer pool: threads that block on disks, so that other threads do not.

On a disk whose sync takes long, more threads write: a file system with a journal commits what several of them sync at
the same time at once, so that many cameras wait about as long as one.
"""

import math
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from tawny.engine import Engine, Handle
from tawny.model.clock import Clock

Job = Callable[[], None]
_IDLE_S: Final = 5.0  # a new job wakes them
_MOST: Final = 16
_ROUND_S: Final = 0.1
"""Jobs that take longer than this, in s, one after the other, are divided among more threads."""
_WEIGHT: Final = 0.25
"""Share of a job that was faster than the last ones in the expected duration. A slower one sets it."""


class WriterPool:
    """Starts jobs in the order of submission. Thread-safe. least: number of threads. name: prefix of their names."""

    def __init__(self, engine: Engine, clock: Clock, least: int = 2, name: str = "writer") -> None:
        self._engine, self._clock, self._least, self._name = engine, clock, least, name
        self._jobs: deque[Job] = deque()
        self._job_s = 0.0
        self._busy: set[int] = set()  # a busy writer checks for another job before it sleeps
        self._handles: list[Handle] = []
        self._growing = threading.Lock()
        self._grow(least)

    @property
    def threads(self) -> int:
        return len(self._handles)

    def submit(self, *jobs: Job) -> None:
        self._jobs.extend(jobs)
        self._call()

    def _call(self) -> None:
        """Wake as many writers as the waiting jobs need."""
        waiting = len(self._jobs)
        wanted = min(_MOST, waiting, max(self._least, math.ceil(waiting * self._job_s / _ROUND_S)))
        self._grow(wanted)
        idle = [handle for number, handle in enumerate(self._handles) if number not in self._busy]
        for handle in idle[:wanted]:
            handle.wake()

    def stop(self) -> None:
        for handle in self._handles:
            handle.stop()

    def _grow(self, count: int) -> None:
        with self._growing:
            for number in range(len(self._handles), count):
                try:
                    handle = self._engine.start(f"{self._name} {number + 1}", partial(_Writer, self, number))
                except RuntimeError:  # the system has no more threads: those that run do the work
                    if number < self._least:
                        raise
                    return
                self._handles.append(handle)

    def run_next(self, number: int) -> float:
        """Run a job on the thread of this number. Return the time to sleep, in s."""
        self._busy.add(number)
        try:
            job = self._jobs.popleft()
        except IndexError:
            self._busy.discard(number)  # before the check: a submission before it wakes no idle writer
            return 0.0 if self._jobs else _IDLE_S
        begun_s = self._clock.mono_s()
        job()
        took_s = self._clock.mono_s() - begun_s
        if took_s > self._job_s:
            self._job_s = took_s
            self._call()
        else:
            self._job_s += _WEIGHT * (took_s - self._job_s)
        return 0.0

    def rest(self, number: int) -> None:
        """The thread of this number ended; its successor continues."""
        self._busy.discard(number)


class _Writer:
    """Actor that runs one job per step."""

    name = "writer"

    def __init__(self, pool: WriterPool, number: int) -> None:
        self._pool, self._number = pool, number

    def step(self) -> float:
        return self._pool.run_next(self._number)

    def close(self) -> None:
        self._pool.rest(self._number)
