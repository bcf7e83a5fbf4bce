"""Computes increasing decode times for packets that have only presentation times: cameras send no others.

The nth frame in decode order gets the nth smallest presentation time. A file knows the packets of a fragment; a live
viewer gets each frame alone, so its times are `depth` frames early. Not thread-safe.
"""

import heapq
from collections.abc import Iterable, Sequence
from typing import Protocol

from tawny.media.mp4.fragment_writer import Sample

USUAL_TICKS = 3000


class Timed(Protocol):
    """The required attributes of a packet."""

    @property
    def data(self) -> bytes: ...
    @property
    def pts(self) -> int: ...
    @property
    def is_keyframe(self) -> bool: ...


class FileDecodeTimes:
    """Decode times of one track of one file.

    At the end of a fragment, frames displayed earlier may still be missing. So the next packet is included in the sort,
    and a decode time that is too small becomes the previous one plus 1.

    first_pts: maps to the file's zero. usual: initial estimate of the ticks between packets. reorders: decode order is
    known to differ from display order; otherwise detected.
    """

    def __init__(self, first_pts: int, usual: int, *, reorders: bool = False) -> None:
        self._first_pts, self._usual, self._reorders = first_pts, usual, reorders
        self._end = 0  # Invariant: no later decode time is smaller
        self._ahead: int | None = None  # presentation time of the next packet, already included in the last sort
        self._left_over = 0  # if `_ahead` is set: the greatest time of that sort, not yet used as a decode time

    def __copy__(self) -> "FileDecodeTimes":
        copied = FileDecodeTimes(self._first_pts, self._usual, reorders=self._reorders)
        copied._end, copied._ahead, copied._left_over = self._end, self._ahead, self._left_over
        return copied

    @property
    def usual(self) -> int:
        """The estimated ticks between packets."""
        return self._usual

    def samples(self, packets: Sequence[Timed], next_pts: int | None = None) -> tuple[int, list[Sample]]:
        """Return the decode time of the fragment's first sample (`fragment`'s base), and the packets as samples.

        next_pts: presentation time of the following packet, which ends the last sample. None: the last sample has the
        previous duration, after a gap at most twice the usual one.
        """
        if not packets:
            return self._end, []
        times = [packet.pts - self._first_pts for packet in packets]
        decode = self._decode_times(times, None if next_pts is None else next_pts - self._first_pts)
        samples = [
            Sample(packet.data, pts, end - begin, packet.is_keyframe)
            for packet, pts, begin, end in zip(packets, times, decode, [*decode[1:], self._end], strict=True)
        ]
        return decode[0], samples

    def _decode_times(self, times: list[int], following: int | None) -> list[int]:
        seen = times if times[0] != self._ahead else [self._left_over, *times[1:]]
        if following is not None:
            seen = [*seen, following]
        in_order = sorted(seen)
        self._reorders = self._reorders or seen != in_order
        decode, at = [], self._end - 1
        for pts in in_order[: len(times)]:
            at = max(at + 1, pts)
            decode.append(at)
        if len(times) > 1:
            self._learn(at - decode[-2])
        self._end = at + self._usual
        if following is not None and self._reorders:
            # it may be far ahead of frames that are still to come
            self._end = max(at + 1, min(in_order[-1], self._end))
        elif following is not None:
            self._end = max(at + 1, following)
            self._learn(self._end - at)
        self._ahead, self._left_over = following, in_order[-1]
        return decode

    def _learn(self, step: int) -> None:
        """Update the usual step. Limited to twice the previous value, so that gaps have little effect."""
        if step > 1:
            self._usual = min(step, 2 * self._usual)


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
