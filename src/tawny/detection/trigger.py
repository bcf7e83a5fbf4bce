"""The one trigger rule, everywhere: K looks that move among the last W. Pure.

It says all that is in use: two in ten seconds, five in a row, all of three seconds, one at once. The K-th look
triggers; as the begin counts the first of the K.
"""

from collections import deque


class EventTrigger:
    def __init__(self) -> None:
        self._looks: deque[tuple[int, bool]] = deque()

    def add(self, at_ms: int, *, moves: bool, k: int, within: int) -> int | None:
        """One look. When the first of the last k that moved was, if this one moves and k of `within` did; else None."""
        self._looks.append((at_ms, moves))
        while len(self._looks) > max(within, k):
            self._looks.popleft()
        moving = [ms for ms, moved in self._looks if moved]
        return moving[-k] if moves and len(moving) >= k else None

    @property
    def last_ms(self) -> int | None:
        """Of the newest look."""
        return self._looks[-1][0] if self._looks else None

    def clear(self) -> None:
        self._looks.clear()
