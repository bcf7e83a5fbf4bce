"""Playback clock: maps recording time to monotonic time, with rate changes and pause."""

import asyncio

from tawny.model.clock import Clock

LATE_S = 0.3
"""Frames later than this many seconds shift the clock: playback continues from them instead of catching up."""


class PlaybackClock:
    """Playback position. Frames up to `begin_ms` are due at once; time runs from there."""

    def __init__(self, clock: Clock, begin_ms: int, rate: float, *, is_held: bool) -> None:
        self._clock = clock
        self._rate, self._is_held = rate, is_held
        self._changed = asyncio.Event()
        self.begin_ms = begin_ms
        self.turns = 0
        """Number of discontinuities: seeks, rate changes, pauses and shifts."""
        self._anchor(begin_ms)

    @property
    def rate(self) -> float:
        return self._rate

    @property
    def is_held(self) -> bool:
        return self._is_held

    def at_ms(self) -> float:
        """Return the current playback position, ms UTC."""
        if self._is_held:
            return self._from_ms
        return self._from_ms + (self._clock.mono_s() - self._from_s) * 1000 * self._rate

    def set(self, *, rate: float | None = None, is_held: bool | None = None) -> None:
        at_ms = self.at_ms()
        self._rate = self._rate if rate is None else rate
        self._is_held = self._is_held if is_held is None else is_held
        self._anchor(at_ms)

    def jump(self, at_ms: int) -> None:
        """Continue from `at_ms` immediately, skipping the time in between."""
        self.begin_ms = at_ms
        self._anchor(at_ms)

    def due_s(self, at_ms: int) -> float:
        """Return the due time on the monotonic clock; infinity while paused."""
        if at_ms <= self.begin_ms:
            return self._from_s
        if self._is_held:
            return float("inf")
        return self._from_s + (at_ms - self._from_ms) / 1000 / self._rate

    async def until(self, at_ms: int) -> float:
        """Wait until the frame is due. Return its due time, s monotonic."""
        if self._clock.mono_s() - self.due_s(at_ms) > LATE_S and at_ms > self.begin_ms:
            self._anchor(at_ms)
        while (wait_s := self.due_s(at_ms) - self._clock.mono_s()) > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(None if wait_s == float("inf") else wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue
        return self.due_s(at_ms)

    async def going(self) -> None:
        """Wait until playback is not paused."""
        while self._is_held:
            self._changed.clear()
            await self._changed.wait()

    def _anchor(self, at_ms: float) -> None:
        self._from_ms, self._from_s = at_ms, self._clock.mono_s()
        self.turns += 1
        self._changed.set()
