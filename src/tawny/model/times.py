"""Instants and spans. An instant is UTC in whole milliseconds since 1970 (`_ms`); a duration is seconds (`_s`)."""

import ctypes
import re
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

LATEST_MS = 4_102_444_800_000
"""The year 2100, the upper limit of times that people may set, ms UTC."""
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_STAMP = re.compile(r"(\d{8}T(?!24)\d{6})\.(\d{3})Z")  # 24:00 is an hour of ISO 8601, not of a stamp
_SETTLE_SLIDE, _SLIDE = 0.02, 0.0005
"""Maximum slide of the UTC mapping per second: in a run's first ten seconds, and later (500 ppm).

Towards earlier times the first value always applies: nothing arrives before it was taken.
"""
_SETTLING_S = 10.0
_WINDOW_S = 30.0
_BUFFERED_S = 10.0
"""Packets that keep coming later than this, because cameras don't buffer for longer, are dated by a faster slide."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `begin_ms` to before `end_ms`. Invariant: `end_ms >= begin_ms`."""

    begin_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        if self.end_ms < self.begin_ms:
            raise ValueError(f"a span cannot end before it begins: {self.begin_ms} to {self.end_ms}")

    @property
    def seconds(self) -> float:
        return (self.end_ms - self.begin_ms) / 1000

    def overlaps(self, other: "Span") -> bool:
        return self.begin_ms < other.end_ms and other.begin_ms < self.end_ms

    def cut_to(self, other: "Span") -> "Span | None":
        """Return the part inside `other`. None if empty."""
        begin, end = max(self.begin_ms, other.begin_ms), min(self.end_ms, other.end_ms)
        return Span(begin, end) if begin < end else None


def merge_spans(spans: list[Span], *, join_ms: int = 0) -> list[Span]:
    """Merge spans, in order. Spans at most `join_ms` apart become one."""
    whole: list[Span] = []
    for span in sorted(spans):
        if whole and span.begin_ms - whole[-1].end_ms <= join_ms:
            whole[-1] = Span(whole[-1].begin_ms, max(whole[-1].end_ms, span.end_ms))
        else:
            whole.append(span)
    return whole


def missing_spans(spans: list[Span], within: Span) -> list[Span]:
    """Return the parts of `within` that no span covers, in order."""
    holes: list[Span] = []
    at_ms = within.begin_ms
    for span in merge_spans(spans):
        if span.begin_ms > at_ms and at_ms < within.end_ms:
            holes.append(Span(at_ms, min(span.begin_ms, within.end_ms)))
        at_ms = max(at_ms, span.end_ms)
    if at_ms < within.end_ms:
        holes.append(Span(at_ms, within.end_ms))
    return holes


def utc_text(ms: int) -> str:
    """Return RFC 3339 with milliseconds and Z: `2026-11-20T05:58:12.345Z`."""
    whole = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def utc_from_text(text: str) -> int:
    """Parse an RFC 3339 time with offset to ms UTC. Raises ValueError for other texts, including local times."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text!r} is not a time like 2026-11-20T05:58:12Z")
    at = datetime.fromisoformat(text.upper().replace(" ", "T"))
    return round(at.timestamp() * 1000)


def stamp(ms: int) -> str:
    """Return the instant as in file names: `20261120T055812.345Z`."""
    return utc_text(ms).replace("-", "").replace(":", "")


def stamp_ms(text: str) -> int:
    """Parse a stamp from a file name. Raises ValueError if invalid."""
    found = _STAMP.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a stamp like 20261120T055812.345Z")
    whole = datetime.fromisoformat(f"{found[1]}Z")
    return int(whole.timestamp()) * 1000 + int(found[2])


# Clocks.

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


def is_kernel_synchronized() -> bool | None:
    """Return whether the kernel reports a synchronized clock. None if unknown, or not allowed to ask."""
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


# Steps of the wall clock, by which the end of what was set for a time moves.

CLOCK_STEP_MS: Final = 2_000
"""A change of the wall clock against the monotonic one is a step from this on, ms."""


class ClockSteps:
    """Notices steps of the wall clock. Not thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ms = self._now_ahead_ms()
        self._began_ms = clock.now_ms()
        """Time of creation, ms UTC as of the clock now."""

    def moved_ms(self) -> int:
        """Return how far the clock was set forward since the last call, ms, negative if back; 0 if not by a step."""
        ahead_ms = self._now_ahead_ms()
        moved_ms, self._ahead_ms = ahead_ms - self._ahead_ms, ahead_ms
        if abs(moved_ms) < CLOCK_STEP_MS:
            return 0
        self._began_ms += moved_ms
        return moved_ms

    def shift_ms(self, since_ms: int, moved_ms: int | None) -> int:
        """Return by how much, ms, the times of what was set at `since_ms` change after a step of `moved_ms`.

        moved_ms: None at the start. What was set later than the start, before it, counts from then. It follows each
        step of the clock, and so does what was set since. What was set earlier keeps its times.
        """
        if moved_ms is None:
            return min(0, self._began_ms - since_ms)  # now is later, and would not be known again
        follows = since_ms >= self._began_ms - moved_ms
        return min(moved_ms if follows else 0, self._clock.now_ms() - since_ms)

    def _now_ahead_ms(self) -> int:
        return self._clock.now_ms() - round(self._clock.mono_s() * 1000)


class UtcMap:
    """Maps positions in a run to UTC. Fed with every packet's position and arrival."""

    def __init__(self, position_s: float, arrived_utc_s: float) -> None:
        self._begun_utc_s = arrived_utc_s
        self._offset_s = arrived_utc_s - position_s
        self._last_utc_s = arrived_utc_s
        # (arrival, offset) with rising offsets: the first is the minimum
        self._least: deque[tuple[float, float]] = deque()

    def feed(self, position_s: float, arrived_utc_s: float) -> None:
        offset_s = arrived_utc_s - position_s
        while self._least and self._least[-1][1] >= offset_s:
            self._least.pop()
        self._least.append((arrived_utc_s, offset_s))
        while self._least[0][0] < arrived_utc_s - _WINDOW_S:
            self._least.popleft()
        passed_s = max(0.0, arrived_utc_s - self._last_utc_s)
        self._last_utc_s = max(self._last_utc_s, arrived_utc_s)
        wanted_s = self._least[0][1] - self._offset_s
        # a backlog that shrinks is none of these
        is_late = wanted_s > _BUFFERED_S and arrived_utc_s - self._least[0][0] > _WINDOW_S / 2
        settling = wanted_s < 0 or is_late or arrived_utc_s - self._begun_utc_s < _SETTLING_S
        most_s = (_SETTLE_SLIDE if settling else _SLIDE) * passed_s
        self._offset_s += max(-most_s, min(most_s, wanted_s))

    def settle(self, offsets_s: list[float]) -> None:
        """Start with the smallest delay among the first packets."""
        self._offset_s = min(self._offset_s, *offsets_s)

    def at_ms(self, position_s: float) -> int:
        return round((self._offset_s + position_s) * 1000)
