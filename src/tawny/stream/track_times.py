"""Timestamp alignment: monotonic track times without jumps or duplicates, and their mapping to UTC."""

import math
from collections import deque
from dataclasses import dataclass, field

BACK_S, AHEAD_S = 1.0, 10.0
"""A step outside these limits, in s, is a clock jump; smaller steps back are B-frames."""
APART_S = 2.5
"""Sound that stays this far ahead of its video, in s, or this far behind its video and zero, has another zero."""
BURST_S = 1.0
"""For this time, in s, sound may be apart: an old keyframe comes first, the sound of now, then the frames between.

It may also be behind by up to AHEAD_S, and by what its video came too early: a fragment brings the frames of seconds,
then their sound.
"""
TOGETHER_S = 2.0
"""Clock jumps of both tracks within this time, in s, and of the same length but for BACK_S, are one."""
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
    is_sound: bool = False
    """Audio never steps back."""
    _pts: int | None = None
    """Camera ticks of the packet before."""
    _recent: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=16))
    newest: int = -1
    """Newest time, in ticks since the run's start; -1 before the first."""
    arrived_s: float = 0.0
    """When that arrived, in s monotonic."""
    jumps: int = 0
    jumped_s: float = -math.inf
    """Arrival of the newest clock jump, in s monotonic."""
    jump_s: float = 0.0
    """Its length, in s."""
    first_s: float = math.inf
    """Arrival of the first packet, in s monotonic."""

    def place(self, pts: int, data: bytes, arrived_s: float, other: "TrackTimes | None" = None) -> int | None:
        """Return ticks since the run's start. None for a duplicate, a packet before the start, or sound apart at first.

        arrived_s: s monotonic. A packet with the time and bytes of a recent one is a duplicate.
        other: the run's other track. Sound with another zero than its video is placed by its arrival; when the clock
        of both jumps, sound takes the length from its video.
        """
        self.first_s = min(self.first_s, arrived_s)
        if self.newest < 0 and self.is_sound and other is not None and not self._align(pts, arrived_s, other):
            return None
        at = pts - self.zero
        if self.newest >= 0:
            same = [earlier for when, earlier in self._recent if when == at] if at <= self.newest else []
            if any(_are_alike(data, earlier) for earlier in same):
                return None
            passed_s = arrived_s - self.arrived_s
            step_s = (at - self.newest) / self.rate
            stands = pts == self._pts
            if stands or step_s < -BACK_S or step_s > AHEAD_S + passed_s:
                by_s = step_s - passed_s
                if not stands:
                    by_s = self._jump_length_s(by_s, arrived_s, other)
                self.zero += round(by_s * self.rate)
                at = max(pts - self.zero, self.newest + 1)
            elif self.is_sound:
                at = max(at, self.newest + 1)
            else:
                while any(when == at for when, _ in self._recent):
                    at += 1
        if at < 0:
            return None
        self._pts = pts
        self._recent.append((at, data))
        if at > self.newest:
            self.newest, self.arrived_s = at, arrived_s
        return at

    def _align(self, pts: int, arrived_s: float, video: "TrackTimes") -> bool:
        """Correct the zero before sound begins, if it isn't that of the video. Return False while that is unknown."""
        position_s = video.newest / video.rate + arrived_s - video.arrived_s
        earliest_s = min(position_s, arrived_s - video.first_s) - AHEAD_S
        at_s = (pts - self.zero) / self.rate
        ahead_s = at_s - position_s
        is_apart = ahead_s > APART_S or (at_s < 0 and ahead_s < -APART_S)
        if at_s < earliest_s or (is_apart and arrived_s - self.first_s >= BURST_S):
            self.zero += round(ahead_s * self.rate)
            return True
        return not is_apart

    def _jump_length_s(self, by_s: float, now_s: float, other: "TrackTimes | None") -> float:
        """Note a clock jump that is of this length by its arrival. Return the length to use."""
        self.jumps += 1
        is_same = other is not None and now_s - other.jumped_s <= TOGETHER_S and abs(by_s - other.jump_s) <= BACK_S
        if other is not None and is_same:
            if self.is_sound:
                by_s = other.jump_s
            else:  # the sound jumped first
                other.zero += round((by_s - other.jump_s) * other.rate)
        self.jumped_s, self.jump_s = now_s, by_s
        return by_s


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
