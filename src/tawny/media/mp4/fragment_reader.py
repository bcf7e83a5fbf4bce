"""Reads one fragment: header summary and integrity of its video data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from operator import add
from pathlib import Path
from struct import unpack_from

from tawny.media.codec.parameter_sets import video_format
from tawny.media.mp4.boxes import BoxContent, boxes, find, first, numbers, stated_orientation, version
from tawny.media.mp4.byte_reader import StoredFile, read_exactly
from tawny.model.errors import FileDamaged
from tawny.model.packets import VIDEO_RATE, AudioCodec, AudioFormat, Format, VideoCodec, VideoFormat

# Parses sample entries of an MP4 header to formats; supports other software's files as far as possible.

_VIDEO: dict[bytes, VideoCodec] = {b"avc1": "h264", b"avc3": "h264", b"hvc1": "h265", b"hev1": "h265"}
_SOUND: dict[bytes, AudioCodec] = {b"mp4a": "aac", b"ulaw": "pcmu", b"alaw": "pcma"}
_VIDEO_HEAD, _SOUND_HEAD = 78, 28
"""Size of a sample entry before its child boxes, in bytes."""


@dataclass(frozen=True, slots=True)
class TrackFormat:
    """Track properties required to read its fragments."""

    number: int
    format: Format
    rate: int
    """Ticks per second in the file; tawny's own files use the format's rate."""
    duration: int = 0
    size: int = 0
    flags: int = 0
    """Default sample flags."""

    @property
    def is_video(self) -> bool:
        return isinstance(self.format, VideoFormat)

    def ticks(self, stored: int) -> int:
        """Convert a time of the file to ticks of the format."""
        return stored if self.rate == self.format.rate else round(stored * self.format.rate / self.rate)


def tracks_of(moov: bytes) -> list[TrackFormat]:
    """Return the first supported video and audio track, in this order, from a `moov` box's content.

    Raises ValueError without video, for a file that is not fragmented, or for invalid values.
    """
    whole = BoxContent(b"moov", 0, len(moov))
    defaults = _defaults(moov, find(moov, whole, b"mvex"))
    found = [_track(moov, trak, defaults) for trak in boxes(moov, 0, len(moov)) if trak.kind == b"trak"]
    video = [track for track in found if track is not None and track.is_video]
    sound = [track for track in found if track is not None and not track.is_video]
    if not video:
        raise ValueError("there is no H.264 or H.265 video")
    return video[:1] + sound[:1]


def _defaults(moov: bytes, mvex: BoxContent) -> dict[int, tuple[int, ...]]:
    """Return default duration, size and flags by track number."""
    every = [numbers(moov, trex, "IIIII", 4) for trex in boxes(moov, mvex.begin, mvex.end) if trex.kind == b"trex"]
    return {values[0]: values[2:] for values in every}


def _track(moov: bytes, trak: BoxContent, defaults: dict[int, tuple[int, ...]]) -> TrackFormat | None:
    header, media = find(moov, trak, b"tkhd"), find(moov, trak, b"mdia", b"mdhd")
    (number,) = numbers(moov, header, "I", 20 if version(moov, header) == 1 else 12)
    (rate,) = numbers(moov, media, "I", 20 if version(moov, media) == 1 else 12)
    described = find(moov, trak, b"mdia", b"minf", b"stbl", b"stsd")
    entry = next(boxes(moov, described.begin + 8, described.end), None)
    if entry is None or not rate:
        raise ValueError("a track has no description")
    if entry.kind in _VIDEO:
        video = replace(_video(moov, entry), orientation=stated_orientation(moov, header))
        return TrackFormat(number, video, rate, *defaults.get(number, ()))
    if entry.kind in _SOUND:
        return TrackFormat(number, _sound(moov, entry, rate), rate, *defaults.get(number, ()))
    return None


def _video(moov: bytes, entry: BoxContent) -> VideoFormat:
    codec = _VIDEO[entry.kind]
    inside = entry._replace(begin=entry.begin + _VIDEO_HEAD)
    if codec == "h264":
        config = find(moov, inside, b"avcC")
        return video_format(codec, _avc_sets(moov[config.begin : config.end]))
    config = find(moov, inside, b"hvcC")
    return video_format(codec, _hevc_sets(moov[config.begin : config.end]))


def _avc_sets(config: bytes) -> list[bytes]:
    if len(config) < 7 or config[0] != 1 or config[4] & 3 != 3:
        raise ValueError("an avcC box that we cannot read")
    sets, at = _sets(config, 6, config[5] & 31)
    return sets + _sets(config, at + 1, _byte(config, at))[0]


def _hevc_sets(config: bytes) -> list[bytes]:
    if len(config) < 23 or config[0] != 1 or config[21] & 3 != 3:
        raise ValueError("an hvcC box that we cannot read")
    sets, at = list[bytes](), 23
    for _ in range(config[22]):
        more, at = _sets(config, at + 3, _byte(config, at + 1) << 8 | _byte(config, at + 2))
        sets += more
    return sets


def _sets(config: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """Read `count` parameter sets with 2-byte length prefixes. Return them and the end offset."""
    sets = []
    for _ in range(count):
        begin = at + 2
        at = begin + (_byte(config, at) << 8 | _byte(config, at + 1))
        if at > len(config):
            raise ValueError("a parameter set in the header is cut off")
        sets.append(config[begin:at])
    return sets, at


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise ValueError("the description of a track is cut off")
    return data[at]


def _sound(moov: bytes, entry: BoxContent, rate: int) -> AudioFormat:
    codec = _SOUND[entry.kind]
    (channels,) = numbers(moov, entry, "H", 16)
    (declared_rate,) = numbers(moov, entry, "H", 24)
    config = b""
    if codec == "aac":
        esds = find(moov, entry._replace(begin=entry.begin + _SOUND_HEAD), b"esds")
        config = _aac_config(moov[esds.begin + 4 : esds.end])
    return AudioFormat(codec, declared_rate or rate, channels, config)


def _aac_config(descriptors: bytes) -> bytes:
    """Extract the AudioSpecificConfig from the nested ES and decoder descriptors."""
    stream = _descriptor(descriptors, 3)
    decoder = _descriptor(stream[3:], 4)
    if _byte(decoder, 0) != 0x40:
        raise ValueError("sound that is not AAC")
    return _descriptor(decoder[13:], 5)


def _descriptor(data: bytes, tag: int) -> bytes:
    if _byte(data, 0) != tag:
        raise ValueError("the description of the sound is damaged")
    size, at = 0, 1
    while _byte(data, at) & 0x80 and at < 4:
        size, at = (size | data[at] & 0x7F) << 7, at + 1
    size |= data[at] & 0x7F
    if at + 1 + size > len(data):
        raise ValueError("the description of the sound is cut off")
    return data[at + 1 : at + 1 + size]


# Parser of a fragment's header: sample positions and times. Validates every value. No I/O.

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
    def shown(self) -> Sequence[int]:
        """How long each sample is shown: until the next one in display order, the last of them as long as usual, and at
        least until the last one ends in decode order.

        With B-frames, that of a sample's own duration is the time until another one is decoded.
        """
        if not self.offsets or len(self.durations) == 1:
            return self.durations
        pts = self.pts
        order = sorted(range(len(pts)), key=pts.__getitem__)
        steps = [pts[after] - pts[before] for before, after in pairwise(order)]
        left = self.decode_at + sum(self.durations) - pts[order[-1]]
        last = max(sorted(steps)[len(steps) // 2], left)
        return [step for _, step in sorted(zip(order, [*steps, last], strict=True))]

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


_MOST_LOOKED_THROUGH_BYTES = 256 << 20
_SECTOR_OF_ZEROS = bytes(512)
"""Three zero bytes never occur in a NAL unit; a zeroed sector means that a write did not reach the disk."""


@dataclass(frozen=True, slots=True)
class StoredFragment:
    """One moof and mdat. Times cover its video, in 90 kHz ticks since the segment's start."""

    offset: int
    size: int
    start_ticks: int
    duration_ticks: int
    is_keyframe: bool
    """The first frame is a keyframe."""
    head_bytes: int
    """Size of the moof box."""

    @property
    def end_ticks(self) -> int:
        return self.start_ticks + self.duration_ticks


def summary(offset: int, head_bytes: int, data_bytes: int, runs: list[SampleRun]) -> StoredFragment:
    video = [run for run in runs if run.track.is_video]
    begins: list[int] = []
    ends: list[int] = []
    for run in video or runs:
        pts, rate = run.pts, run.track.rate
        begins.append(min(pts) * VIDEO_RATE // rate)
        ends.append(max(map(add, pts, run.shown)) * VIDEO_RATE // rate)
    begin = min(begins, default=0)
    return StoredFragment(
        offset=offset,
        size=head_bytes + data_bytes,
        start_ticks=begin,
        duration_ticks=max(ends, default=0) - begin,
        is_keyframe=bool(video) and not video[0].flags[0] & NOT_SYNC,
        head_bytes=head_bytes,
    )


def runs_in(path: Path, file: StoredFile, tracks: tuple[TrackFormat, ...], fragment: StoredFragment) -> list[SampleRun]:
    """Return the fragment's runs, video first. Raises FileDamaged if the file changed since it was scanned."""
    head = read_exactly(path, file, fragment.head_bytes, fragment.offset)
    try:
        runs = runs_of(head[8:], fragment.offset, tracks)
    except ValueError as problem:
        raise FileDamaged(str(path), str(problem)) from problem
    if any(run.data_at < fragment.head_bytes or run.data_end > fragment.size for run in runs):
        raise FileDamaged(str(path), "a fragment changed while it was read")
    return sorted(runs, key=lambda run: not run.track.is_video)


def flaw_in(path: Path, file: StoredFile, tracks: tuple[TrackFormat, ...], fragment: StoredFragment) -> str:
    """Read the video data and return a description of the first defect; empty if intact."""
    for run in runs_in(path, file, tracks, fragment):
        if not run.track.is_video or run.data_end - run.data_at > _MOST_LOOKED_THROUGH_BYTES:
            continue
        data = read_exactly(path, file, run.data_end - run.data_at, fragment.offset + run.data_at)
        if _SECTOR_OF_ZEROS in data:
            return "there are zeros where pictures should be"
        at = 0
        for size in run.sizes:
            end = at + size
            while at < end:
                at += 4 + int.from_bytes(data[at : at + 4], "big")
            if at != end:
                return "a picture's units do not add up"
    return ""
