"""A few threads that wait for disks, so that nobody else has to."""

from collections import deque
from collections.abc import Callable
from typing import Final

from tawny.engine import Engine, Handle

Job = Callable[[], None]
_IDLE_S: Final = 5.0  # a new job wakes them


class Writers:
    """Jobs begin in the order in which they were submitted; any thread may submit. name: of their threads."""

    def __init__(self, engine: Engine, threads: int = 2, name: str = "writer") -> None:
        self._jobs: deque[Job] = deque()
        self._handles: list[Handle] = [
            engine.start(f"{name} {number}", lambda: _Writer(self._jobs)) for number in range(1, threads + 1)
        ]

    def submit(self, *jobs: Job) -> None:
        self._jobs.extend(jobs)
        for handle in self._handles:
            handle.wake()

    def stop(self) -> None:
        for handle in self._handles:
            handle.stop()


class _Writer:
    """An actor: one job a step."""

    name = "writer"

    def __init__(self, jobs: deque[Job]) -> None:
        self._jobs = jobs

    def step(self) -> float:
        try:
            job = self._jobs.popleft()
        except IndexError:
            return _IDLE_S
        job()
        return 0.0

    def close(self) -> None:
        """Nothing is held."""
