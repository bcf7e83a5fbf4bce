"""A camera's times made trustworthy: no jumps, nothing twice, and what each instant is in UTC.

A camera's own clock is used for distances between pictures only. Where it stands, jumps back by more than a second or
ahead by more than ten, the picture is put where it arrived and the clock goes on from there. UTC comes from this
machine's clocks: of the first packets the one with the smallest delay tells when the run began (the first may come out
of the camera's buffer in a burst), and after that the mapping only slides, slowly, so that drift is followed.
"""

from collections import deque
from dataclasses import dataclass, field

BACK_S, AHEAD_S = 1.0, 10.0
"""A step outside these is a jump of the camera's clock; smaller steps back are B-frames."""
SETTLE_SLIDE, SLIDE = 0.02, 0.0005
"""Seconds that the mapping to UTC may move a second: in the first ten seconds of a run, and later (500 ppm). To what is
earlier it always moves as in the first: nothing arrives before it was taken."""
SETTLING_S = 10.0
WINDOW_S = 30.0
_LOOKED_AT = 64
"""Bytes at either end of a packet that tell whether it is another one with the same time."""


@dataclass(slots=True)
class TrackTimes:
    """One track's times, from the camera's ticks to ticks since the run began."""

    rate: int
    zero: int
    """The camera's tick at which the run begins."""
    _newest: int = -1
    _arrived_s: float = 0.0
    _recent: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=16))
    jumps: int = 0

    def place(self, pts: int, data: bytes, arrived_s: float) -> int | None:
        """Ticks since the run began; None for a packet that came before.

        arrived_s: monotonic. A packet with the time and the bytes of a recent one is that one again.
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
    """What instant a position in the run is. Fed with every packet's position and arrival."""

    def __init__(self, position_s: float, arrived_utc_s: float) -> None:
        self._begun_utc_s = arrived_utc_s
        self._offset_s = arrived_utc_s - position_s
        self._last_utc_s = arrived_utc_s
        self._least: deque[tuple[float, float]] = deque()  # (arrival, offset), offsets rising: its head is the least

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
        """Begin with the smallest delay among the first packets."""
        self._offset_s = min(self._offset_s, *offsets_s)

    def at_ms(self, position_s: float) -> int:
        return round((self._offset_s + position_s) * 1000)
