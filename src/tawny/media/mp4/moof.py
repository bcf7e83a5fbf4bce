"""Parser of a fragment's header: sample positions and times. Validates every value. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add
from struct import unpack_from

from tawny.media.mp4.box_reader import BoxContent, boxes, first, numbers, version
from tawny.media.mp4.format_reader import TrackFormat

NOT_SYNC = 0x10000
_MOST_SAMPLES = 20_000
_MOST_SAMPLE_BYTES = 64 << 20
_MOST_S = 7 * 86_400
"""Maximum start time of a fragment in its file, in seconds; larger values are rejected."""


@dataclass(frozen=True, slots=True)
class SampleRun:
    """Contiguous samples of one track. Times in ticks of the file."""

    track: TrackFormat
    data_at: int
    """Offset from the moof box's start, in bytes."""
    decode_at: int
    durations: Sequence[int]
    sizes: Sequence[int]
    flags: Sequence[int]
    offsets: Sequence[int]
    """Composition offsets: presentation time minus decode time; empty: all 0."""

    @property
    def pts(self) -> list[int]:
        decode = list(accumulate(self.durations[:-1], initial=self.decode_at))
        return list(map(add, decode, self.offsets)) if self.offsets else decode

    @property
    def data_end(self) -> int:
        return self.data_at + sum(self.sizes)


def runs_of(moof: bytes, moof_at: int, tracks: Iterable[TrackFormat]) -> list[SampleRun]:
    """Return the runs in the content of a `moof` box located at `moof_at`; other tracks are ignored.

    Raises ValueError for invalid values. The caller must check that the samples are inside the file.
    """
    known = {track.number: track for track in tracks}
    runs: list[SampleRun] = []
    for traf in boxes(moof, 0, len(moof)):
        if traf.kind == b"traf":
            inside = list(boxes(moof, traf.begin, traf.end))
            header = first(inside, b"tfhd")
            flags, number = numbers(moof, header, "II")
            if number in known:
                runs += _track_runs(moof, moof_at, inside, _with_defaults(moof, header, flags, known[number]))
    return runs


@dataclass(frozen=True, slots=True)
class _Defaults:
    track: TrackFormat
    base: int
    """Absolute base of data offsets."""
    duration: int
    size: int
    flags: int


def _with_defaults(moof: bytes, header: BoxContent, flags: int, track: TrackFormat) -> _Defaults:
    at = 8
    values = {0x1: -1, 0x8: track.duration, 0x10: track.size, 0x20: track.flags}
    for flag, shape in ((0x1, "Q"), (0x2, "I"), (0x8, "I"), (0x10, "I"), (0x20, "I")):
        if flags & flag:
            (values[flag],) = numbers(moof, header, shape, at)
            at += 8 if shape == "Q" else 4
    return _Defaults(track, values[0x1], values[0x8], values[0x10], values[0x20])


def _track_runs(moof: bytes, moof_at: int, inside: list[BoxContent], defaults: _Defaults) -> list[SampleRun]:
    time = first(inside, b"tfdt")
    (decode_at,) = numbers(moof, time, "Q" if version(moof, time) == 1 else "I", 4)
    base = 0 if defaults.base < 0 else defaults.base - moof_at
    if decode_at > _MOST_S * defaults.track.rate:
        raise ValueError("a fragment's time is impossible")
    runs: list[SampleRun] = []
    data_at = base
    for trun in inside:
        if trun.kind == b"trun":
            run = _run(moof, trun, defaults, base, data_at, decode_at)
            runs.append(run)
            data_at = run.data_end
            decode_at += sum(run.durations)
    return runs


def _run(moof: bytes, trun: BoxContent, defaults: _Defaults, base: int, data_at: int, decode_at: int) -> SampleRun:
    flags, count = numbers(moof, trun, "II")
    if not 0 < count <= _MOST_SAMPLES:
        raise ValueError(f"a fragment says it has {count} samples")
    at = trun.begin + 8
    if flags & 0x1:
        data_at = base + numbers(moof, trun, "i", 8)[0]
        at += 4
    first_flags = None
    if flags & 0x4:
        (first_flags,) = numbers(moof, trun, "I", at - trun.begin)
        at += 4
    present = [flag for flag in (0x100, 0x200, 0x400, 0x800) if flags & flag]
    if at + 4 * count * len(present) > trun.end:
        raise ValueError("a fragment's table of samples is cut off")
    # version 1 has signed offsets; in practice writers use them in version 0, too
    shape = "".join("i" if flag == 0x800 else "I" for flag in present)
    rows = unpack_from(">" + shape * count, moof, at)
    columns = {flag: rows[k :: len(present)] for k, flag in enumerate(present)}
    sample_flags = columns.get(0x400, (defaults.flags,) * count)
    if first_flags is not None:
        sample_flags = (first_flags, *sample_flags[1:])
    sizes = columns.get(0x200, (defaults.size,) * count)
    if max(sizes) > _MOST_SAMPLE_BYTES:
        raise ValueError("a fragment says it has a sample that is too large")
    durations = columns.get(0x100, (defaults.duration,) * count)
    return SampleRun(defaults.track, data_at, decode_at, durations, sizes, sample_flags, columns.get(0x800, ()))
