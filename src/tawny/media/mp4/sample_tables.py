"""Sample tables of a progressive MP4 track: times, sizes and positions."""

from array import array
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import sub
from struct import pack

from tawny.media.mp4.boxes import box, full_box

_MOST_32 = (1 << 32) - 1


class Timing:
    """Times of a track, in ticks of its rate. pts: in decode order, any sign; last_duration: of the last sample."""

    def __init__(self, pts: Sequence[int], last_duration: int) -> None:
        decode = sorted(pts)
        steps = list(map(sub, decode[1:], decode))
        if max(steps, default=0) > _MOST_32:
            raise ValueError("a gap is too long for an MP4 file")
        self._durations = [*steps, max(0, last_duration)]
        offsets = list(map(sub, pts, decode))
        delay = -min(offsets)  # no sample is displayed before its decode time
        self._offsets = [offset + delay for offset in offsets]
        self.zero = delay - decode[0]
        """The clip's 0 on the track's timeline."""
        self.length = sum(self._durations)

    @property
    def tables(self) -> bytes:
        """stts, and ctts if needed."""
        durations = full_box(b"stts", 0, 0, *_runs(self._durations))
        return durations + (full_box(b"ctts", 0, 0, *_runs(self._offsets)) if any(self._offsets) else b"")


def edits(zero: int, rate: int, track_length: int, length: int, movie_rate: int) -> bytes:
    """Return the edit list that maps the track to the clip. Empty if the track plays completely from the clip's start.

    zero: the clip's 0 on the track's timeline, negative if the track begins later. zero and track_length in ticks of
    `rate`. length: of the clip, in ticks of `movie_rate`.
    """
    if zero == 0 and track_length * movie_rate <= length * rate:
        return b""
    if zero >= 0:
        return _edit_list([(length, zero)])
    wait = min(length, -zero * movie_rate // rate)
    return _edit_list([(wait, -1), (length - wait, 0)])


def _edit_list(entries: list[tuple[int, int]]) -> bytes:
    rows = b"".join(pack(">QqHH", *entry, 1, 0) for entry in entries)
    return box(b"edts", full_box(b"elst", 1, 0, pack(">I", len(entries)), rows))


def sync_table(keyframes: Sequence[int]) -> bytes:
    """Return stss. keyframes: sample numbers, from 1."""
    return full_box(b"stss", 0, 0, pack(">I", len(keyframes)), _array(keyframes))


def size_table(sizes: Sequence[int]) -> bytes:
    return full_box(b"stsz", 0, 0, pack(">II", 0, len(sizes)), _array(sizes))


def chunk_table(counts: Iterable[int]) -> bytes:
    """Return stsc. counts: samples per chunk."""
    rows, first = [], 1
    for count, group in groupby(counts):
        rows.append(pack(">III", first, count, 1))
        first += sum(1 for _ in group)
    return full_box(b"stsc", 0, 0, pack(">I", len(rows)), *rows)


def offset_table(offsets: Sequence[int], *, is_long: bool) -> bytes:
    """Return the chunk offset table; is_long: with 64-bit offsets."""
    kind, letter = (b"co64", "Q") if is_long else (b"stco", "I")
    return full_box(kind, 0, 0, pack(">I", len(offsets)), pack(f">{len(offsets)}{letter}", *offsets))


def _runs(values: Iterable[int]) -> list[bytes]:
    """Return run-length encoded rows: the number of rows, then count and value of each."""
    rows = [pack(">II", sum(1 for _ in group), value) for value, group in groupby(values)]
    return [pack(">I", len(rows)), *rows]


def _array(values: Sequence[int]) -> bytes:
    numbers = array("I", values)
    numbers.byteswap()
    return numbers.tobytes()
