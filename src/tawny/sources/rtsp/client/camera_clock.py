"""What a camera's own clock says, from its sender reports: how wrong it is, and how old pictures are when they come.

The offset is taken from the report that was on its way for the shortest time. A picture's age does not depend on the
offset, as the clock that stamped it stamped the reports, too; it is believed as long as nobody sets that clock.
"""

from collections import deque
from statistics import median

from tawny.sources.rtsp.client.rtcp import SenderReport

_BACK_S = 1.0
"""A clock that goes back by more was set; what it says the first time after it is left out."""
_SET_S = 0.5
"""Two reports that differ by more, and not only because one was on its way for longer, say that it was set."""
_KEPT = 12
_CREDIBLE = 3
"""So many reports that agree with each other make an age of pictures credible."""
_MOST_LATENCY_S = 10.0


class CameraClock:
    """Fed with reports on the pictures' track."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._offsets: deque[float] = deque(maxlen=_KEPT)
        self._latencies: deque[float] = deque(maxlen=_KEPT)
        self._said_s = 0.0

    def report(self, report: SenderReport, arrived_s: float, picture: tuple[int, float] | None) -> None:
        """arrived_s: UTC. picture: the RTP time of the newest picture, and when it came (UTC)."""
        said_s = report.utc_s
        if said_s is None:
            return
        before_s, self._said_s = self._said_s, said_s
        if said_s < before_s - _BACK_S:
            self._forget()
            return
        offset_s = said_s - arrived_s
        if self._offsets and abs(offset_s - self._offsets[-1]) > _SET_S:
            self._forget()
        self._offsets.append(offset_s)
        if picture is not None:
            time, came_s = picture
            step = (time - report.time) & 0xFFFFFFFF
            taken_s = said_s + (step - (1 << 32) if step >> 31 else step) / self._rate
            self._latencies.append(came_s + max(self._offsets) - taken_s)

    def restart(self) -> None:
        """Another stream, maybe of another clock."""
        self._forget()
        self._said_s = 0.0

    @property
    def offset_s(self) -> float | None:
        """By how much it is ahead of ours; negative: behind. None while it does not say."""
        return max(self._offsets, default=None)

    @property
    def latency_s(self) -> float | None:
        """From the moment a picture was taken until it was here; None while that is not credible."""
        if len(self._latencies) < _CREDIBLE:
            return None
        found_s = median(self._latencies)
        return max(0.0, found_s) if -_SET_S < found_s < _MOST_LATENCY_S else None

    def _forget(self) -> None:
        self._offsets.clear()
        self._latencies.clear()
