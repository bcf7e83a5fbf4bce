"""Decode times for MP4, derived from presentation times: cameras do not send decode times."""

import heapq
from collections.abc import Iterable

USUAL_TICKS = 3000


class LiveDecodeTimes:
    """Assigns each frame, in decode order, the presentation time `depth` positions earlier in display order.

    depth: maximum number of frames that precede an earlier-displayed frame; 0 without B-frames (then DTS equals PTS).
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self._shown: list[int] = []
        self._first: int | None = None
        self._last: int | None = None

    def next(self, pts: int) -> int:
        """Return the next frame's decode time. Invariant: at most its presentation time, and strictly increasing."""
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
        """Reset after skipped frames. The next frame must be a keyframe."""
        self._shown.clear()
        self._first = None


def reorder_depth(shown: Iterable[int]) -> int:
    """Return the reorder depth required by these presentation times, given in decode order."""
    depth, earlier = 0, list[int]()
    for pts in shown:
        depth = max(depth, sum(1 for other in earlier[-16:] if other > pts))
        earlier.append(pts)
    return depth
