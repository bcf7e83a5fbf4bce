"""The tables of an ordinary MP4 file's track: when samples are decoded and shown, how long they are, where they lie."""

from array import array
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import sub
from struct import pack

from tawny.media.mp4.boxes import box, full_box

_MOST_32 = (1 << 32) - 1


class Timing:
    """A track's times in ticks of its rate. pts: in decode order, of any sign; last_duration: of the last sample."""

    def __init__(self, pts: Sequence[int], last_duration: int) -> None:
        decode = sorted(pts)
        steps = list(map(sub, decode[1:], decode))
        if max(steps, default=0) > _MOST_32:
            raise ValueError("a gap is too long for an MP4 file")
        self._durations = [*steps, max(0, last_duration)]
        offsets = list(map(sub, pts, decode))
        delay = -min(offsets)  # so that nothing is shown before it is decoded
        self._offsets = [offset + delay for offset in offsets]
        self.zero = delay - decode[0]
        """Where the clip's 0 is in the track's own time."""
        self.length = sum(self._durations)

    @property
    def tables(self) -> bytes:
        """stts, and ctts if it is needed."""
        durations = full_box(b"stts", 0, 0, *_runs(self._durations))
        return durations + (full_box(b"ctts", 0, 0, *_runs(self._offsets)) if any(self._offsets) else b"")


def edits(zero: int, rate: int, track_length: int, length: int, movie_rate: int) -> bytes:
    """Which part of a track's own time is shown, and when. Empty if it is the whole track from the clip's begin on.

    zero: where the clip's 0 is in the track, below 0 if the track begins later; this and track_length in ticks of
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
    """Numbers of the samples where decoding can begin, from 1."""
    return full_box(b"stss", 0, 0, pack(">I", len(keyframes)), _array(keyframes))


def size_table(sizes: Sequence[int]) -> bytes:
    return full_box(b"stsz", 0, 0, pack(">II", 0, len(sizes)), _array(sizes))


def chunk_table(counts: Iterable[int]) -> bytes:
    """How many samples each chunk has."""
    rows, first = [], 1
    for count, group in groupby(counts):
        rows.append(pack(">III", first, count, 1))
        first += sum(1 for _ in group)
    return full_box(b"stsc", 0, 0, pack(">I", len(rows)), *rows)


def offset_table(offsets: Sequence[int], *, is_long: bool) -> bytes:
    """Where each chunk lies in the file; is_long: in 64 bits."""
    kind, letter = (b"co64", "Q") if is_long else (b"stco", "I")
    return full_box(kind, 0, 0, pack(">I", len(offsets)), pack(f">{len(offsets)}{letter}", *offsets))


def _runs(values: Iterable[int]) -> list[bytes]:
    """How many there are, then each with how often it comes in a row."""
    rows = [pack(">II", sum(1 for _ in group), value) for value, group in groupby(values)]
    return [pack(">I", len(rows)), *rows]


def _array(values: Sequence[int]) -> bytes:
    numbers = array("I", values)
    numbers.byteswap()
    return numbers.tobytes()
