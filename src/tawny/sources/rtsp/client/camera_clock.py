"""Camera clock offset and video latency, derived from RTCP sender reports.

The offset comes from the report with the shortest transmission delay. Latency does not depend on the offset, because
the same clock stamps frames and reports. It is valid until the camera's clock is set.
"""

from collections import deque
from statistics import median

from tawny.sources.rtsp.client.rtcp import SenderReport

_BACK_S = 1.0
"""A clock that goes back by more than this was set; the first report after that is ignored."""
_SET_S = 0.5
"""Offsets of two reports that differ by more than transmission delays can explain: the clock was set."""
_KEPT = 12
_CREDIBLE = 3
"""Minimum number of consistent reports for a latency estimate."""
_MOST_LATENCY_S = 10.0


class CameraClock:
    """Fed with the sender reports of the video track."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._offsets: deque[float] = deque(maxlen=_KEPT)
        self._latencies: deque[float] = deque(maxlen=_KEPT)
        self._said_s = 0.0

    def report(self, report: SenderReport, arrived_s: float, picture: tuple[int, float] | None) -> None:
        """Process a report. arrived_s: UTC. picture: RTP timestamp and arrival time (UTC) of the newest frame."""
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
        """Reset for a new stream, which may have another clock."""
        self._forget()
        self._said_s = 0.0

    @property
    def offset_s(self) -> float | None:
        """Camera clock minus local clock, in seconds. None without a report."""
        return max(self._offsets, default=None)

    @property
    def latency_s(self) -> float | None:
        """Time from capture to arrival of a frame, in seconds. None until credible."""
        if len(self._latencies) < _CREDIBLE:
            return None
        found_s = median(self._latencies)
        return max(0.0, found_s) if -_SET_S < found_s < _MOST_LATENCY_S else None

    def _forget(self) -> None:
        self._offsets.clear()
        self._latencies.clear()
