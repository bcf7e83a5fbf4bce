"""The only place that reads a clock. Everything else is handed a `Clock`, so tests decide what time it is."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks that must not be confused: one for people, which may jump, and one for durations, which never does."""

    def now_ms(self) -> int:
        """UTC in milliseconds since 1970, as the system has it; may jump either way."""
        ...

    def mono_s(self) -> float:
        """Seconds that only grow, from an arbitrary zero, also while the machine sleeps."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def mono_s(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)


def thread_cpu_s() -> float:
    """Processor seconds that the calling thread has used, for reports."""
    return time.thread_time()
