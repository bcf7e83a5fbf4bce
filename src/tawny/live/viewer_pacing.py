"""Pacing for viewers on slow connections, based on their acknowledgments. Event loop only.

Without pacing, seconds of old frames queue in the network, invisible to the server.
"""

from collections import deque
from typing import Protocol

from tawny.model.clock import Clock

LATE_S = 1.0
"""Maximum age of an unacknowledged message, in seconds."""


class PacedViewer(Protocol):
    def pause(self, *, paused: bool) -> None: ...


class ViewerPacing:
    """Pauses one viewer when too much data is in flight; resumes with the newest keyframe once all is acknowledged.

    Viewers that never acknowledge are not paused.
    """

    def __init__(self, viewer: PacedViewer, clock: Clock) -> None:
        self._viewer, self._clock = viewer, clock
        self._on_way: deque[float] = deque()
        self._got = 0
        self._says_so = self._wants_pause = self._holds_up = False
        self.held_up = 0
        """Number of pauses."""

    def sent(self) -> None:
        """Count one more message in flight."""
        now_s = self._clock.mono_s()
        self._on_way.append(now_s)
        if self._says_so and not self._holds_up and now_s - self._on_way[0] > LATE_S:
            self._holds_up = True
            self.held_up += 1
            self._apply()

    def got(self, count: int) -> None:
        """Process an acknowledgment. count: messages received in total."""
        self._says_so = True
        while self._on_way and self._got < count:
            self._on_way.popleft()
            self._got += 1
        if self._holds_up and not self._on_way:
            self._holds_up = False
            self._apply()

    def pause(self, *, paused: bool) -> None:
        """Pause or resume on behalf of the viewer."""
        self._wants_pause = paused
        self._apply()

    def _apply(self) -> None:
        self._viewer.pause(paused=self._wants_pause or self._holds_up)
