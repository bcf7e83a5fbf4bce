"""Writer pool: threads that block on disks, so that other threads do not."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from tawny.engine import Engine, Handle

Job = Callable[[], None]
_IDLE_S: Final = 5.0  # a new job wakes them


class WriterPool:
    """Starts jobs in the order of submission. Thread-safe. name: prefix of the threads' names."""

    def __init__(self, engine: Engine, threads: int = 2, name: str = "writer") -> None:
        self._jobs: deque[Job] = deque()
        self._desks = [_Desk(self._jobs) for _ in range(threads)]
        self._handles: list[Handle] = [
            engine.start(f"{name} {number}", partial(_Writer, desk)) for number, desk in enumerate(self._desks, 1)
        ]

    def submit(self, *jobs: Job) -> None:
        self._jobs.extend(jobs)
        idle = [handle for handle, desk in zip(self._handles, self._desks, strict=True) if not desk.is_busy]
        for handle in idle[: len(jobs)]:
            handle.wake()

    def stop(self) -> None:
        for handle in self._handles:
            handle.stop()


@dataclass(slots=True)
class _Desk:
    """State of a writer thread, reused by its successor after a failure."""

    jobs: deque[Job]
    is_busy: bool = False
    """The writer checks for another job before it sleeps."""


class _Writer:
    """Actor that runs one job per step."""

    name = "writer"

    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    def step(self) -> float:
        desk = self._desk
        desk.is_busy = True
        try:
            job = desk.jobs.popleft()
        except IndexError:
            desk.is_busy = False  # reset before the check: a submission before it wakes no idle writer
            return 0.0 if desk.jobs else _IDLE_S
        job()
        return 0.0

    def close(self) -> None:
        """No effect apart from the busy flag."""
        self._desk.is_busy = False
