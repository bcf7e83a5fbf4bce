"""Decode times for packets that have only presentation times, so that they grow through a whole file.

The nth picture to be decoded gets the nth smallest presentation time. Pictures come in decode order, and when a
fragment must end, some that are shown earlier may still be on their way: so one packet ahead is looked at, and a decode
time that turns out too small is put one tick behind the last. One thread.
"""

from collections.abc import Sequence
from typing import Protocol

from tawny.media.mp4.fragment_writer import Sample


class Timed(Protocol):
    """What is needed of a packet."""

    @property
    def data(self) -> bytes: ...
    @property
    def pts(self) -> int: ...
    @property
    def is_keyframe(self) -> bool: ...


class FileDecodeTimes:
    """One track of one file.

    first_pts: becomes the file's zero. usual: ticks between two packets, until they tell. reorders: it is known that
    pictures are decoded in another order than they are shown; else it is found out.
    """

    def __init__(self, first_pts: int, usual: int, *, reorders: bool = False) -> None:
        self._first_pts, self._usual, self._reorders = first_pts, usual, reorders
        self._end = 0  # always true: no later decode time is smaller
        self._ahead: int | None = None  # the next packet's presentation time, counted among the last ones already
        self._left_over = 0  # if so: the greatest of them, not yet given as a decode time

    def __copy__(self) -> "FileDecodeTimes":
        copied = FileDecodeTimes(self._first_pts, self._usual, reorders=self._reorders)
        copied._end, copied._ahead, copied._left_over = self._end, self._ahead, self._left_over
        return copied

    def samples(self, packets: Sequence[Timed], next_pts: int | None = None) -> tuple[int, list[Sample]]:
        """The packets of the next fragment as samples, and the decode time of the first: `fragment`'s base.

        next_pts: of the packet that follows; the last sample lasts until then. None: it lasts as long as the one before
        it, but after a gap no more than twice what was usual.
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
            # it may be far ahead of pictures that are still to come
            self._end = max(at + 1, min(in_order[-1], self._end))
        elif following is not None:
            self._end = max(at + 1, following)
            self._learn(self._end - at)
        self._ahead, self._left_over = following, in_order[-1]
        return decode

    def _learn(self, step: int) -> None:
        """A gap is not a packet's usual length: it grows to no more than twice what it was."""
        if step > 1:
            self._usual = min(step, 2 * self._usual)
