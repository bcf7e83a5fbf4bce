"""Keeps a viewer's pictures fresh on a line that is too slow for them, by what it says it has got.

Without that, seconds of old pictures wait in the network, and nobody here sees it. In the event loop.
"""

from collections import deque
from typing import Protocol

from tawny.model.clock import Clock

LATE_S = 1.0
"""What was sent so long ago and has not come is too much on its way."""


class PacedViewer(Protocol):
    def pause(self, *, paused: bool) -> None: ...


class ViewerPacing:
    """One viewer's. It is paused when too much is on its way, and goes on with the newest keyframe when all has come.

    Viewers that say nothing are not held up.
    """

    def __init__(self, viewer: PacedViewer, clock: Clock) -> None:
        self._viewer, self._clock = viewer, clock
        self._on_way: deque[float] = deque()
        self._got = 0
        self._says_so = self._wants_pause = self._holds_up = False
        self.held_up = 0
        """How often it was."""

    def sent(self) -> None:
        """One more message is on its way."""
        now_s = self._clock.mono_s()
        self._on_way.append(now_s)
        if self._says_so and not self._holds_up and now_s - self._on_way[0] > LATE_S:
            self._holds_up = True
            self.held_up += 1
            self._apply()

    def got(self, count: int) -> None:
        """So many have come, all in all."""
        self._says_so = True
        while self._on_way and self._got < count:
            self._on_way.popleft()
            self._got += 1
        if self._holds_up and not self._on_way:
            self._holds_up = False
            self._apply()

    def pause(self, *, paused: bool) -> None:
        """The viewer wants nothing at present."""
        self._wants_pause = paused
        self._apply()

    def _apply(self) -> None:
        self._viewer.pause(paused=self._wants_pause or self._holds_up)
