"""Decode times, which MP4 wants and cameras do not send, from presentation times."""

import heapq
from collections.abc import Iterable

USUAL_TICKS = 3000


class LiveDecodeTimes:
    """Pictures come in decode order; each gets the time that the one `depth` places before it is shown.

    depth: how many pictures may come before one that is shown earlier; 0 where there are no B-frames: both are equal.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._shown: list[int] = []
        self._first: int | None = None
        self._last: int | None = None

    def next(self, pts: int) -> int:
        """The decode time of the next picture: never later than it is shown, always later than the last one's."""
        if self._first is None:
            self._first = pts
        heapq.heappush(self._shown, pts)
        if len(self._shown) > self.depth:
            dts = heapq.heappop(self._shown)
        else:
            dts = self._first - (self.depth - len(self._shown) + 1) * USUAL_TICKS
        self._last = dts if self._last is None else max(dts, self._last + 1)
        return self._last

    def skip(self) -> None:
        """Pictures are left out here; the next one is a keyframe."""
        self._shown.clear()
        self._first = None


def reorder_depth(shown: Iterable[int]) -> int:
    """The depth that these presentation times, in decode order, need."""
    depth, earlier = 0, list[int]()
    for pts in shown:
        depth = max(depth, sum(1 for other in earlier[-16:] if other > pts))
        earlier.append(pts)
    return depth
