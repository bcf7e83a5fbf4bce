"""State of a motion event: starts by the trigger rule (`detection.trigger`), ends after some time without motion.

Pure.
"""

from tawny.detection.trigger import EventTrigger
from tawny.model.observations import Box, Look, Observation

BREAK_MS = 10_000
"""A longer pause, ms, or a backward step ends the event."""


class MotionEventState:
    """hold_s: time without motion that ends the event."""

    def __init__(self, hold_s: float) -> None:
        self._hold_ms = round(hold_s * 1000)
        self._trigger = EventTrigger()
        self._track = 0
        self._since_ms: int | None = None
        self._moved_ms = 0
        self._box: Box = (0.0, 0.0, 1.0, 1.0)

    def step(self, at_ms: int, *, moves: bool, k: int, within: int, box: Box | None, score: int) -> Look:
        """Register one frame. k of the last `within` frames must move. score: at least 50 if it moves, else less."""
        over = self._ended(at_ms)
        since_ms = self._trigger.add(at_ms, moves=moves, k=k, within=within)
        if moves:
            self._moved_ms = at_ms
            self._box = box or (0.0, 0.0, 1.0, 1.0)
        if self._since_ms is None and since_ms is not None:
            self._since_ms = since_ms
            self._track += 1
        seen = () if self._since_ms is None else (self._seen(score),)
        return Look(score, seen, over)

    def forget(self) -> tuple[Observation, ...]:
        """Reset the state. Return the event that this ends."""
        over = self._end() if self._since_ms is not None else ()
        self._trigger.clear()
        return over

    def _ended(self, at_ms: int) -> tuple[Observation, ...]:
        last_ms = self._trigger.last_ms
        if last_ms is not None and not 0 <= at_ms - last_ms <= BREAK_MS:
            return self.forget()
        if self._since_ms is not None and at_ms - self._moved_ms > self._hold_ms:
            return self._end()
        return ()

    def _end(self) -> tuple[Observation, ...]:
        over = Observation("motion", 0.5, self._box, self._track, self._since_ms, self._moved_ms)
        self._since_ms = None
        self._trigger.clear()
        return (over,)

    def _seen(self, score: int) -> Observation:
        return Observation("motion", max(score, 50) / 100, self._box, self._track, self._since_ms)
