"""Steps of the wall clock, by which the end of what was set for a time moves."""

from typing import Final

from tawny.model.times import Clock

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

        moved_ms: None at the start. What was set later than the start, before it, counts from then, and follows a clock
        that is set forward, too: it is that of the start that was wrong. What was set since only follows one set back.
        """
        if moved_ms is None:
            return min(0, self._began_ms - since_ms)  # now is later, and would not be known again
        began_ms = self._began_ms - moved_ms
        follows = since_ms >= began_ms if moved_ms < 0 else since_ms == began_ms
        return min(moved_ms if follows else 0, self._clock.now_ms() - since_ms)

    def _now_ahead_ms(self) -> int:
        return self._clock.now_ms() - round(self._clock.mono_s() * 1000)
