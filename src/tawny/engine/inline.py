"""Engine for tests: all actors on the caller's thread, in order of due time, with a clock that the engine advances."""

import heapq
import itertools
from collections.abc import Callable
from typing import Protocol

from tawny.engine.actor import Actor, Handle, ReportFailure, Supervised
from tawny.model.times import Clock


class MovableClock(Clock, Protocol):
    def advance(self, seconds: float) -> None: ...


class InlineEngine:
    """Deterministic engine. Time passes only in `run_for`."""

    LEAST_S = 1e-6  # an actor that always requests "at once" still lets time pass

    def __init__(self, clock: MovableClock, report: ReportFailure) -> None:
        self._clock, self._report = clock, report
        self._due: list[tuple[float, int, _Inline]] = []
        self._order = itertools.count()
        self._all: list[_Inline] = []

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        handle = _Inline(self, Supervised(name, make, self._clock, self._report))
        self._all.append(handle)
        self.schedule(handle, self._clock.mono_s())
        return handle

    def schedule(self, handle: "_Inline", at_s: float) -> None:
        handle.due_s = at_s
        heapq.heappush(self._due, (at_s, next(self._order), handle))

    def run_for(self, seconds: float) -> None:
        """Advance the clock by this time and run every step that becomes due."""
        until_s = self._clock.mono_s() + seconds
        while self._due and self._due[0][0] <= until_s:
            at_s, _, handle = heapq.heappop(self._due)
            if handle.ended or handle.due_s != at_s:
                continue  # stopped or woken: an outdated entry
            self._clock.advance(max(0.0, at_s - self._clock.mono_s()))
            wait_s = handle.supervised.step()
            self.schedule(handle, self._clock.mono_s() + max(wait_s, self.LEAST_S))
        self._clock.advance(max(0.0, until_s - self._clock.mono_s()))

    def now_s(self) -> float:
        return self._clock.mono_s()

    def stop(self, timeout_s: float = 5.0) -> list[str]:
        for handle in reversed(self._all):
            handle.stop()
        return []


class _Inline:
    def __init__(self, engine: InlineEngine, supervised: Supervised) -> None:
        self._engine, self.supervised = engine, supervised
        self.due_s, self.ended = 0.0, False

    def wake(self) -> None:
        if not self.ended and self.due_s > self._engine.now_s():
            self._engine.schedule(self, self._engine.now_s())

    def stop(self) -> None:
        if not self.ended:
            self.ended = True
            self.supervised.close()

    def join(self, timeout_s: float) -> bool:
        return self.ended
