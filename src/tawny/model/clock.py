"""The only place that reads a clock. Everything else is handed a `Clock`, so tests decide what time it is."""

import ctypes
import time
from typing import Protocol

_UNSYNC = 0x0040
"""`STA_UNSYNC` of `<linux/timex.h>`."""
_STATUS_AT, _TIMEX_BYTES, _LONG_BYTES = 40, 256, 8
"""Where `struct timex` has its status on 64-bit Linux, and more than its size."""


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


def is_kept_right() -> bool | None:
    """Whether something on this machine keeps its clock right, as the kernel knows; None where it does not say."""
    if ctypes.sizeof(ctypes.c_long) != _LONG_BYTES:
        return None
    about = ctypes.create_string_buffer(_TIMEX_BYTES)
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(about)
    except (AttributeError, OSError):
        return None
    if state < 0:
        return None
    return not int.from_bytes(about.raw[_STATUS_AT : _STATUS_AT + 4], "little") & _UNSYNC
