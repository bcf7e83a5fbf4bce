"""Detector time in seconds: monotonic, whatever the times of the frames."""

from typing import NamedTuple

LONGEST_S = 2.0
"""Maximum time credited to one frame, s."""
BREAK_S = 10.0
"""A longer pause, s, or a backward step breaks all tracks."""
FORGET_S = 300.0
"""After a longer pause, s, the lighting counts as changed too."""
BACK_STEP_S = 0.2


class Tick(NamedTuple):
    t: float
    dt: float
    """Seconds since the previous frame, 0..2."""
    forget: bool
    """Whether the frame must be adopted as the background."""


class DetectorClock:
    """Converts frame times to detector time; 0 at the first frame."""

    def __init__(self, at_ms: int) -> None:
        self._zero_ms = self._last_ms = at_ms
        self.t = 0.0

    def breaks(self, at_ms: int) -> bool:
        """Return whether tracks cannot continue at this frame. Call before `tick`."""
        return not 0 <= at_ms - self._last_ms <= BREAK_S * 1000

    def after(self, at_ms: int) -> float:
        """Return the detector time of a coming frame that does not break."""
        return (at_ms - self._zero_ms) / 1000

    def tick(self, at_ms: int) -> Tick:
        """Advance to this frame."""
        passed_s = (at_ms - self._last_ms) / 1000
        if self.breaks(at_ms):
            own_s = LONGEST_S if passed_s > 0 else BACK_STEP_S
            self._zero_ms = at_ms - round((self.t + own_s) * 1000)
        t = (at_ms - self._zero_ms) / 1000
        dt = min(max(t - self.t, 0.0), LONGEST_S)
        self.t, self._last_ms = t, at_ms
        return Tick(t, dt, forget=passed_s > FORGET_S)

    def at_ms(self, t: float) -> int:
        """Return a detector time since the last break as ms UTC."""
        return self._zero_ms + round(t * 1000)
