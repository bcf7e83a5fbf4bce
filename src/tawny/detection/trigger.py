"""The trigger rule used by all detectors: K moving frames among the last W. Pure.

It covers two in ten seconds, five in a row, all of three seconds, and a single frame. The K-th moving frame triggers;
the event starts at the first of the K.
"""

from collections import deque


class EventTrigger:
    def __init__(self) -> None:
        self._looks: deque[tuple[int, bool]] = deque()

    def add(self, at_ms: int, *, moves: bool, k: int, within: int) -> int | None:
        """Register one frame. Return the time of the k-th newest moving frame if the rule triggers, else None.

        It triggers if this frame moves and at least k of the last `within` frames did.
        """
        self._looks.append((at_ms, moves))
        while len(self._looks) > max(within, k):
            self._looks.popleft()
        moving = [ms for ms, moved in self._looks if moved]
        return moving[-k] if moves and len(moving) >= k else None

    @property
    def last_ms(self) -> int | None:
        """Time of the newest frame, ms UTC; None before the first."""
        return self._looks[-1][0] if self._looks else None

    def clear(self) -> None:
        self._looks.clear()
