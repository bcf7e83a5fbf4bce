"""Timestamp alignment: monotonic track times without jumps or duplicates, and their mapping to UTC.

The camera's clock is used only for intervals between frames. It may stop, or jump back by more than one second or ahead
by more than ten. The frame is then placed at its arrival, and the clock continues from there.

UTC comes from the recorder's clock. The packet with the smallest delay among the first ones sets the run's start,
because the first may come from the camera's buffer in a burst. Afterwards the mapping slides slowly to follow drift.
"""

from collections import deque
from dataclasses import dataclass, field

BACK_S, AHEAD_S = 1.0, 10.0
"""A step outside these limits, in s, is a clock jump; smaller steps back are B-frames."""
SETTLE_SLIDE, SLIDE = 0.02, 0.0005
"""Maximum slide of the UTC mapping per second: in a run's first ten seconds, and later (500 ppm).

Towards earlier times the first value always applies: nothing arrives before it was taken.
"""
SETTLING_S = 10.0
WINDOW_S = 30.0
_LOOKED_AT = 64
"""Number of bytes at each end of a packet that are compared to detect a duplicate."""


@dataclass(slots=True)
class TrackTimes:
    """Times of one track: converts camera ticks to ticks since the run's start."""

    rate: int
    zero: int
    """Camera tick at which the run begins."""
    _newest: int = -1
    _arrived_s: float = 0.0
    _recent: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=16))
    jumps: int = 0

    def place(self, pts: int, data: bytes, arrived_s: float) -> int | None:
        """Return ticks since the run's start. None for a duplicate or a packet before the start.

        arrived_s: s monotonic. A packet with the time and bytes of a recent one is a duplicate.
        """
        at = pts - self.zero
        if self._newest >= 0:
            same = [earlier for when, earlier in self._recent if when == at] if at <= self._newest else []
            if any(_are_alike(data, earlier) for earlier in same):
                return None
            passed_s = arrived_s - self._arrived_s
            step_s = (at - self._newest) / self.rate
            stands = bool(same)
            if stands or step_s < -BACK_S or step_s > AHEAD_S + passed_s:
                self.jumps += not stands
                here = self._newest + max(1, round(passed_s * self.rate))
                self.zero += at - here
                at = here
        if at < 0:
            return None
        self._recent.append((at, data))
        if at > self._newest:
            self._newest, self._arrived_s = at, arrived_s
        return at


def _are_alike(one: bytes, other: bytes) -> bool:
    return (
        len(one) == len(other) and one[:_LOOKED_AT] == other[:_LOOKED_AT] and one[-_LOOKED_AT:] == other[-_LOOKED_AT:]
    )


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
        while self._least[0][0] < arrived_utc_s - WINDOW_S:
            self._least.popleft()
        passed_s = max(0.0, arrived_utc_s - self._last_utc_s)
        self._last_utc_s = max(self._last_utc_s, arrived_utc_s)
        wanted_s = self._least[0][1] - self._offset_s
        settling = wanted_s < 0 or arrived_utc_s - self._begun_utc_s < SETTLING_S
        most_s = (SETTLE_SLIDE if settling else SLIDE) * passed_s
        self._offset_s += max(-most_s, min(most_s, wanted_s))

    def settle(self, offsets_s: list[float]) -> None:
        """Start with the smallest delay among the first packets."""
        self._offset_s = min(self._offset_s, *offsets_s)

    def at_ms(self, position_s: float) -> int:
        return round((self._offset_s + position_s) * 1000)
