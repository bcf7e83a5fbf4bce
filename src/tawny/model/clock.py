"""The only module that reads a clock. All other code receives a `Clock`, so that tests control the time."""

import ctypes
import time
from typing import Protocol

_UNSYNC = 0x0040
"""`STA_UNSYNC` of `<linux/timex.h>`."""
_STATUS_AT, _TIMEX_BYTES, _LONG_BYTES = 40, 256, 8
"""Offset of the status in `struct timex` on 64-bit Linux, and a buffer size larger than the struct."""


class Clock(Protocol):
    """A wall clock, which may jump, and a monotonic clock for durations."""

    def now_ms(self) -> int:
        """Return UTC in ms since 1970 by the system's clock. May jump in either direction."""
        ...

    def mono_s(self) -> float:
        """Return monotonic seconds from an arbitrary zero, including suspend time."""
        ...


class SystemClock:
    """The system's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def mono_s(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)


def thread_cpu_s() -> float:
    """Return the CPU seconds used by the calling thread, for reports."""
    return time.thread_time()


def is_kept_right() -> bool | None:
    """Return whether the kernel reports a synchronized clock. None if unknown."""
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
