"""The detector's own seconds: they only grow, whatever the times of frames do."""

from typing import NamedTuple

LONGEST_S = 2.0
"""No look counts for more time than this."""
BREAK_S = 10.0
"""After a pause of so long, or a step back, nothing is the same thing any more."""
FORGET_S = 300.0
"""After so long the light is another, too."""
BACK_STEP_S = 0.2


class Tick(NamedTuple):
    t: float
    dt: float
    """Seconds since the last look, 0 to 2."""
    forget: bool
    """The picture has to be taken as it is."""


class DetectorClock:
    """Zero at the first frame."""

    def __init__(self, at_ms: int) -> None:
        self._zero_ms = self._last_ms = at_ms
        self.t = 0.0

    def breaks(self, at_ms: int) -> bool:
        """Whether what was followed before cannot be followed on. Ask before `tick`."""
        return not 0 <= at_ms - self._last_ms <= BREAK_S * 1000

    def after(self, at_ms: int) -> float:
        """Its seconds at this frame, which has not come yet and does not break."""
        return (at_ms - self._zero_ms) / 1000

    def tick(self, at_ms: int) -> Tick:
        """Go on to this frame."""
        passed_s = (at_ms - self._last_ms) / 1000
        if self.breaks(at_ms):
            own_s = LONGEST_S if passed_s > 0 else BACK_STEP_S
            self._zero_ms = at_ms - round((self.t + own_s) * 1000)
        t = (at_ms - self._zero_ms) / 1000
        dt = min(max(t - self.t, 0.0), LONGEST_S)
        self.t, self._last_ms = t, at_ms
        return Tick(t, dt, forget=passed_s > FORGET_S)

    def at_ms(self, t: float) -> int:
        """UTC of one of its seconds, since the last break."""
        return self._zero_ms + round(t * 1000)
