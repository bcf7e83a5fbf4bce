"""Computes increasing decode times for packets that have only presentation times: cameras send no others.

With B-frames they are `depth` frames early, as no frame is decoded after it is shown. Not thread-safe.
"""

import heapq
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, Protocol

from tawny.media.mp4.fragment_writer import Sample

USUAL_TICKS = 3000
_MOST_DEPTH: Final = 16
"""Frames that may precede one that is displayed earlier, by H.264 and H.265."""


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

    Without B-frames they are the presentation times. With them, each frame gets the presentation time `depth` places
    earlier in display order, as `LiveDecodeTimes` gives it: FFmpeg shows a file whose decode times are after
    presentation times late, against its sound. A file can't begin before its zero: its first decode times are less than
    a frame apart, and those of pictures that belong to the file before (an open GOP) are too late. The depth is that of
    the frames so far.

    first_pts: maps to the file's zero. usual: initial estimate of the ticks between packets. most_depth: 0 for sound,
    which has no such order, even if its times step back once.
    """

    def __init__(self, first_pts: int, usual: int, most_depth: int = _MOST_DEPTH) -> None:
        self._first_pts, self._usual, self._most_depth = first_pts, usual, most_depth
        self._depth = 0
        self._recent: list[int] = []
        """The last presentation times, in decode order."""
        self._shown: list[int] = []
        """Heap of up to `depth` presentation times that are not yet used as decode times."""
        self._end = 0  # Invariant: no later decode time is smaller
        self._shown_end = 0

    def __copy__(self) -> "FileDecodeTimes":
        copied = FileDecodeTimes(self._first_pts, self._usual, self._most_depth)
        copied._depth, copied._recent, copied._shown = self._depth, self._recent[:], self._shown[:]
        copied._end, copied._shown_end = self._end, self._shown_end
        return copied

    def next_file(self, first_pts: int) -> "FileDecodeTimes":
        """Return those of the stream's next file, which may get one frame before the next is known."""
        following = FileDecodeTimes(first_pts, self._usual, self._most_depth)
        following._depth = min(self._most_depth, reorder_depth(self._recent))
        return following

    @property
    def shown_end(self) -> int:
        """The end of what the samples so far show, ticks since the file's zero."""
        return self._shown_end

    def samples(
        self, packets: Sequence[Timed], next_pts: int | None = None, *, is_last: bool = False
    ) -> tuple[int, list[Sample]]:
        """Return the decode time of the fragment's first sample (`fragment`'s base), and the packets as samples.

        next_pts: presentation time of the following packet, which ends the last sample. None: the last sample has the
        previous duration, after a gap at most twice the usual one. is_last: the fragment ends the file, and its last
        sample lasts until the end of what is shown.
        """
        if not packets:
            return self._end, []
        times = [packet.pts - self._first_pts for packet in packets]
        following = None if next_pts is None else next_pts - self._first_pts
        decode = self._decode_times(times, following)
        self._note_end(following, is_last=is_last)
        samples = [
            Sample(packet.data, pts, end - begin, packet.is_keyframe)
            for packet, pts, begin, end in zip(packets, times, decode, [*decode[1:], self._end], strict=True)
        ]
        return decode[0], samples

    def _decode_times(self, times: list[int], following: int | None) -> list[int]:
        seen = [*self._recent, *times] if following is None else [*self._recent, *times, following]
        in_order = sorted(seen)
        if seen != in_order:
            self._depth = min(self._most_depth, max(self._depth, reorder_depth(seen)))
        self._recent = [*self._recent, *times][-_MOST_DEPTH:]
        least = 0
        if self._depth:
            least = min([self._usual, *(after - before for before, after in pairwise(in_order) if after > before)])
        decode: list[int] = []
        for pts in times:
            decode.append(max(self._end, self._next(pts)))
            self._end = decode[-1] + 1
            if self._end < least:  # a file begins: those of its first pictures fit between the first two that are shown
                self._end = max(self._end, decode[-1] + least // (self._depth + 1))
        if len(times) > 1:
            self._learn(decode[-1] - decode[-2])
        if following is None:
            self._end = decode[-1] + self._usual
        elif len(self._shown) == self._depth:
            self._end = max(self._end, min([following, *self._shown]))
            self._learn(self._end - decode[-1])
        return decode

    def _note_end(self, following: int | None, *, is_last: bool) -> None:
        if self._depth == 0:
            self._shown_end = self._end
            return
        latest = max(self._recent)
        self._shown_end = latest + self._usual
        if following is not None and following > latest:  # pictures between both may still come
            self._shown_end = following if is_last else min(following, self._shown_end)
        if is_last:
            self._end = max(self._end, self._shown_end)

    def _next(self, pts: int) -> int:
        """Return the decode time of the next frame; too early at the beginning of a file."""
        heapq.heappush(self._shown, pts)
        if len(self._shown) > self._depth:
            return heapq.heappop(self._shown)
        return self._shown[0] - (self._depth - len(self._shown) + 1) * self._usual

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
        depth = max(depth, sum(1 for other in earlier[-_MOST_DEPTH:] if other > pts))
        earlier.append(pts)
    return depth
