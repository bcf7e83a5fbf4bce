"""Frame sampling: selects evenly spaced frames, five a second by default, at any camera frame rate."""

from collections import deque

from tawny.model.packets import VIDEO_RATE, Packet

LOOKS_A_SECOND = 5.0
_PICTURES = 30
"""Number of packets over which the frame rate is measured."""


class FrameSampler:
    """Selects frames to process. Call `packet` for every video packet and `is_due` for every decoded frame."""

    def __init__(self, looks_a_second: float = LOOKS_A_SECOND) -> None:
        self._apart_ms = 1000 / looks_a_second
        self._pts: deque[int] = deque(maxlen=_PICTURES)
        self._due_ms: float | None = None
        self._last_ms = 0

    def packet(self, packet: Packet) -> None:
        if self._pts and not 0 <= packet.pts - self._pts[0] <= 60 * VIDEO_RATE:
            self._pts.clear()  # another run
        self._pts.append(packet.pts)

    @property
    def fps(self) -> float | None:
        """Recent frame rate; None until enough packets arrived."""
        if len(self._pts) < _PICTURES // 2:
            return None
        ticks = max(self._pts) - min(self._pts)
        return (len(self._pts) - 1) * VIDEO_RATE / ticks if ticks else None

    def is_due(self, at_ms: int) -> bool:
        """Return whether to process the frame at this time. Up to half a frame interval early counts as in time."""
        due_ms = self._due_ms
        if due_ms is None or at_ms < self._last_ms or at_ms > due_ms + 1000:
            due_ms = at_ms  # start, or restart after a pause or a backward step
        self._last_ms = at_ms
        slack_ms = 500 / (self.fps or 25.0)
        if at_ms < due_ms - slack_ms:
            self._due_ms = due_ms
            return False
        self._due_ms = max(due_ms + self._apart_ms, at_ms + self._apart_ms / 2)
        return True
