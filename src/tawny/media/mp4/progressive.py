"""Regular (progressive) MP4 file of a clip: header first, then all samples.

Nothing is decoded and no file is created. The header is built from the segments' headers; samples are read from the
segments on request. So the size is known in advance and any byte range can be served.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import sub
from pathlib import Path
from struct import pack
from typing import BinaryIO

from tawny.media.codec.nal import join_lengths
from tawny.media.codec.parameter_sets import can_follow, same_picture
from tawny.media.mp4.boxes import box, full_box, media, movie_header, track_header
from tawny.media.mp4.byte_reader import read_bytes
from tawny.media.mp4.fragment_writer import VIDEO_TRACK, Sample, sample_entry
from tawny.media.mp4.segment_reader import END_MISSING, SamplePlace, SegmentReader, places, read_segment
from tawny.model.errors import FileDamaged, StorageError
from tawny.model.geometry import Orientation
from tawny.model.packets import VIDEO_RATE, AudioFormat, Format, VideoFormat

# Sample tables of a progressive MP4 track: times, sizes and positions.

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


# Clip assembly: selects samples of segments and maps them to one timeline that begins at 0.

_TICKS_A_MS = VIDEO_RATE // 1000
_SNAP_TICKS = 50 * _TICKS_A_MS
"""Segments with a smaller gap or overlap are joined seamlessly: their start times are rounded."""
_LONGEST_GAP_TICKS = 12 * 3600 * VIDEO_RATE
"""Upper limit of a gap: the duration table of an MP4 file has 32-bit entries."""


class NoFrameInRange(ValueError):
    """None of the parts of a clip has a frame to show."""


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """Part of a segment file: frames displayed from `begin_ticks` up to `end_ticks`; None: to its end."""

    path: Path
    start_ms: int
    """UTC of the file's tick 0, ms."""
    begin_ticks: int = 0
    end_ticks: int | None = None
    is_anew: bool = False
    """The part was re-encoded by tawny, to precede samples encoded by a camera."""
    lasts_ticks: int = 0
    """Length of the file by its name, if it is closed: `cut_clip` reports a missing end."""


@dataclass(frozen=True, slots=True)
class SampleChunk:
    """Contiguous samples of one track, in decode order. Times: ticks of the track's format since the clip's start."""

    is_video: bool
    path: Path
    offset: int
    sizes: "array[int]"
    pts: "array[int]"
    are_keyframes: bytearray
    """1 for a keyframe, 0 otherwise."""
    last_duration: int
    video: VideoFormat
    """Format of the segment's video, also in audio chunks."""

    @property
    def size_bytes(self) -> int:
        return sum(self.sizes)


@dataclass(slots=True)
class ClipSamples:
    """Samples of a clip.

    begin_ms: UTC of clip time 0. Chunks are in time order, a fragment's video before its audio.
    """

    video: VideoFormat
    audio: AudioFormat | None
    begin_ms: int
    end_ticks: int
    """In video ticks: end of the last frame, or the requested end if earlier."""
    chunks: list[SampleChunk]
    left_out: tuple[SegmentPart, ...]
    """Parts, from the first incompatible one on, whose video or audio format does not fit into the same file."""

    @property
    def has_changes(self) -> bool:
        """The parameter sets change within the clip, so those in the header are not sufficient."""
        return any(chunk.video != self.video for chunk in self.chunks)

    def sound(self, go_past: Callable[[StorageError], None]) -> Iterator[Sample]:
        """Yield the stored audio with clip times; the first sample may begin before 0.

        go_past: called with the error of a chunk that can't be read; the next one follows unless this raises.
        """
        for chunk in self.chunks:
            if not chunk.is_video:
                try:
                    data = b"".join(read_bytes(chunk.path, chunk.offset, chunk.offset + chunk.size_bytes))
                except StorageError as error:
                    go_past(error)
                    continue
                ends = [*chunk.pts[1:], chunk.pts[-1] + chunk.last_duration]
                at = 0
                for size, pts, end in zip(chunk.sizes, chunk.pts, ends, strict=True):
                    yield Sample(data[at : at + size], pts, end - pts, is_keyframe=False)
                    at += size


def _end(_part: SegmentPart, error: StorageError) -> None:
    """Default for `go_past`: a clip is whole or not made."""
    raise error


def cut_clip(
    pieces: Sequence[SegmentPart],
    go_past: Callable[[SegmentPart, StorageError], None] = _end,
    *,
    with_sound: bool = True,
) -> ClipSamples:
    """Assemble a clip from parts in time order.

    The clip begins with the frame displayed at the first part's `begin_ticks`. Samples needed from before, back to a
    keyframe, have negative times. Without such a keyframe the clip begins at the first keyframe after it. Later parts
    begin at their first keyframe at or after `begin_ticks`.
    go_past: called with a part whose headers can't be read, and with the missing end of one; the clip goes on after it
    unless this raises.
    with_sound: else the parts' audio is ignored, and a change of its format ends nothing.
    Raises NoFrameInRange, StorageError.
    """
    cutter = _Cutter(go_past, with_sound=with_sound)
    for number, piece in enumerate(pieces):
        try:
            fits = cutter.take(piece)
        except StorageError as error:
            go_past(piece, error)
            continue
        if not fits:
            cutter.left_out = tuple(pieces[number:])
            break
    return cutter.result()


class _Cutter:
    """Appends parts while their formats are compatible."""

    def __init__(self, go_past: Callable[[SegmentPart, StorageError], None], *, with_sound: bool) -> None:
        self.left_out: tuple[SegmentPart, ...] = ()
        self._go_past = go_past
        self._with_sound = with_sound
        self._chunks: list[SampleChunk] = []
        self._video: VideoFormat | None = None
        self._has_anew = False
        self._audio: AudioFormat | None = None
        self._last_heard: int | None = None  # last audio sample so far, in ticks of its rate
        self._zero_ms = 0.0  # UTC of clip time 0
        self._end = 0  # end of the video so far
        self._declared_end = 0

    def take(self, piece: SegmentPart) -> bool:
        """Append a part. Return False if it does not fit into the same file."""
        segment = read_segment(piece.path)
        if not self._fits(piece, segment):
            return False
        if _lacks_end(piece, segment):
            lost = replace(piece, begin_ticks=max(piece.begin_ticks, segment.duration_ticks))
            self._go_past(lost, FileDamaged(str(piece.path), END_MISSING))
            if lost == piece:
                return True
        kept, begin = _kept(piece, segment, is_first=self._video is None)
        if not self._with_sound:
            kept = [place for place in kept if place.is_video]
        if not kept:
            return True
        if self._video is None:
            self._zero_ms = piece.start_ms + begin / _TICKS_A_MS
        shift = round((piece.start_ms - self._zero_ms) * _TICKS_A_MS)
        if self._video is not None:
            first = next(place.pts for place in kept if place.is_video) + shift
            if first - self._end > _LONGEST_GAP_TICKS:
                return False
            if first < self._end + _SNAP_TICKS:
                shift += self._end - first
        kept = self._once_heard(kept, _audio_shift(shift, segment))
        heard = [place.pts + _audio_shift(shift, segment) for place in kept if not place.is_video]
        if heard and self._last_heard is not None and heard[0] - self._last_heard > _MOST_32:
            return False
        if self._video is None or self._has_anew:  # the header describes the main part of the clip
            self._video, self._has_anew = segment.video, piece.is_anew
        self._audio = self._audio or (segment.audio if self._with_sound else None)
        self._last_heard = heard[-1] if heard else self._last_heard
        self._chunks += (_chunk(piece.path, segment, group, shift) for group in _together(kept))
        self._end = shift + max(place.pts + place.duration for place in kept if place.is_video)
        self._declared_end = self._end if piece.end_ticks is None else piece.end_ticks + shift
        return True

    def _once_heard(self, kept: list[SamplePlace], shift: int) -> list[SamplePlace]:
        """Return samples without the sound at the join, which a re-encoded part before them has, too."""
        last = self._last_heard
        if last is None or not self._has_anew:
            return kept
        return [place for place in kept if place.is_video or place.pts + shift > last + place.duration // 2]

    def _fits(self, piece: SegmentPart, segment: SegmentReader) -> bool:
        if self._audio is not None and segment.audio is not None and self._audio != segment.audio:
            return False
        fits = can_follow if self._has_anew or piece.is_anew else same_picture
        return self._video is None or fits(self._video, segment.video)

    def result(self) -> ClipSamples:
        if self._video is None:
            raise NoFrameInRange("there is nothing to be shown in this time")
        end = min(self._end, self._declared_end)
        return ClipSamples(self._video, self._audio, round(self._zero_ms), end, self._chunks, self.left_out)


def _lacks_end(piece: SegmentPart, segment: SegmentReader) -> bool:
    """Return whether something of a part's end is missing in its file."""
    reaches = piece.end_ticks is None or piece.end_ticks > segment.duration_ticks
    return reaches and segment.lacks_end(piece.lasts_ticks)


def _kept(piece: SegmentPart, segment: SegmentReader, *, is_first: bool) -> tuple[list[SamplePlace], int]:
    """Return the part's samples that belong to the clip, and the tick at which its time begins."""
    end = segment.duration_ticks if piece.end_ticks is None else piece.end_ticks
    inside = list(places(segment, [fragment for fragment in segment.fragments if fragment.start_ticks < end]))
    video = [place for place in inside if place.is_video]
    keyframes = [place for place in video if place.is_keyframe and place.pts < end]
    before = [place for place in keyframes if place.pts <= piece.begin_ticks]
    after = [place for place in keyframes if place.pts >= piece.begin_ticks]
    first = before[-1] if is_first and before else after[0] if after else None
    if first is None or piece.begin_ticks >= end:
        return [], 0
    # players agree on a clip's start only if a frame begins there
    begin = max((place.pts for place in video if first.pts <= place.pts <= piece.begin_ticks), default=first.pts)
    return _shown(inside, segment, first, begin, end), begin


def _shown(
    inside: list[SamplePlace], segment: SegmentReader, first: SamplePlace, begin: int, end: int
) -> list[SamplePlace]:
    """Return the samples from the first keyframe to the last frame before the end, and the audio of that time.

    Frames decoded after the keyframe but displayed before it may depend on missing frames: they are dropped.
    """
    last = [place for place in inside if place.is_video and place.pts < end][-1]
    kept: list[SamplePlace] = []
    for place in inside:
        if place.is_video:
            is_kept = first.offset <= place.offset <= last.offset and place.pts >= first.pts
        else:
            assert segment.audio is not None
            rate = segment.audio.rate
            is_kept = (place.pts + place.duration) * VIDEO_RATE > begin * rate and place.pts * VIDEO_RATE < end * rate
        if is_kept:
            kept.append(place)
    return kept


def _together(kept: list[SamplePlace]) -> Iterator[list[SamplePlace]]:
    """Yield groups of samples of one track that are contiguous in the file."""
    group = kept[:1]
    for place in kept[1:]:
        last = group[-1]
        if place.is_video != last.is_video or place.offset != last.offset + last.size:
            yield group
            group = []
        group.append(place)
    yield group


def _audio_shift(shift: int, segment: SegmentReader) -> int:
    """Return a shift in video ticks as ticks of the segment's audio."""
    return 0 if segment.audio is None else round(shift * segment.audio.rate / VIDEO_RATE)


def _chunk(path: Path, segment: SegmentReader, group: list[SamplePlace], shift: int) -> SampleChunk:
    """Build a chunk. shift: offset from file time to clip time, in video ticks."""
    first, last = group[0], group[-1]
    if not first.is_video:
        shift = _audio_shift(shift, segment)
    return SampleChunk(
        is_video=first.is_video,
        path=path,
        offset=first.offset,
        sizes=array("I", [place.size for place in group]),
        pts=array("q", [place.pts + shift for place in group]),
        are_keyframes=bytearray(place.is_keyframe for place in group),
        last_duration=last.duration,
        video=segment.video,
    )


_MOVIE_RATE = VIDEO_RATE
_FROM_1904_S = 2_082_844_800
"""Seconds from the MP4 epoch, 1904, to the Unix epoch."""
_SMALL_FILE = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class ClipSoundtrack:
    """Audio that replaces a clip's stored audio. pts: ticks of the format's rate since the clip's start."""

    format: AudioFormat
    samples: Sequence[Sample]


class ProgressiveMp4:
    """Virtual file of a clip. sound: replaces the stored audio; is_silent: without audio.

    Thread-safe. No file stays open: reading a segment deleted in the meantime raises StorageError.
    """

    def __init__(self, clip: ClipSamples, sound: ClipSoundtrack | None = None, *, is_silent: bool = False) -> None:
        self._body = _Body()
        audio = None if is_silent else sound.format if sound else clip.audio
        self._tracks = _filled(clip, audio, None if is_silent or not sound else sound.samples, self._body)
        self._clip = clip
        self._timings = [Timing(track.pts, track.last_duration) for track in self._tracks]
        samples = sum(len(track.sizes) for track in self._tracks)
        self._is_long = self._body.size_bytes + 64 * samples + 65_536 > _SMALL_FILE
        before = _FILE_TYPE + _mdat(self._body.size_bytes)
        at = len(before) + len(self._moov(0))
        self.header = _FILE_TYPE + self._moov(at) + _mdat(self._body.size_bytes)
        """All bytes before the samples."""
        self.size_bytes = len(self.header) + self._body.size_bytes

    @property
    def orientation(self) -> Orientation:
        """How the header says that it is shown."""
        return self._clip.video.orientation

    def read(self, begin: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the file's bytes from `begin` up to `end`, in chunks of at most 256 kB apart from the header."""
        end = self.size_bytes if end is None else min(end, self.size_bytes)
        in_header = self.header[begin:end]
        if in_header:
            yield in_header
        at = len(self.header)
        yield from self._body.read(max(0, begin - at), end - at)

    @property
    def origins(self) -> Sequence[tuple[Path | None, int, int]]:
        """Return the origin of the bytes behind `header`, in order: segment file, offset and size.

        The file is None for generated bytes.
        """
        return self._body.origins

    def _moov(self, body_at: int) -> bytes:
        created = self._clip.begin_ms // 1000 + _FROM_1904_S
        length = self._clip.end_ticks
        tracks = [
            self._trak(number, track, timing, body_at, created)
            for number, (track, timing) in enumerate(zip(self._tracks, self._timings, strict=True), VIDEO_TRACK)
        ]
        return box(b"moov", movie_header(_MOVIE_RATE, length, len(tracks) + 1, created), *tracks)

    def _trak(self, number: int, track: "_Track", timing: Timing, body_at: int, created: int) -> bytes:
        rate, length = track.format.rate, self._clip.end_ticks
        tables = box(
            b"stbl",
            full_box(b"stsd", 0, 0, pack(">I", 1), sample_entry(track.format)),
            timing.tables,
            sync_table(track.keyframes) if number == VIDEO_TRACK else b"",
            chunk_table(track.counts),
            size_table(track.sizes),
            offset_table([body_at + at for at in track.offsets], is_long=self._is_long),
        )
        return box(
            b"trak",
            track_header(number, length, track.format, created),
            edits(timing.zero, rate, timing.length, length, _MOVIE_RATE),
            media(rate, timing.length, tables, is_video=number == VIDEO_TRACK, created=created),
        )


def write_mp4(out: BinaryIO, pieces: Sequence[SegmentPart]) -> ClipSamples:
    """Write the clip of these parts. The result lists omitted parts. Raises NoFrameInRange."""
    clip = cut_clip(pieces)
    for data in ProgressiveMp4(clip).read():
        out.write(data)
    return clip


_FILE_TYPE = box(b"ftyp", b"isom", pack(">I", 512), b"isomiso2mp41")


def _mdat(size: int) -> bytes:
    """Return the header of the box that contains all samples."""
    return pack(">I4s", size + 8, b"mdat") if size + 8 <= _SMALL_FILE else pack(">I4sQ", 1, b"mdat", size + 16)


class _Track:
    """Data for the tables of one track."""

    def __init__(self, stored: Format) -> None:
        self.format = stored
        self.pts, self.sizes, self.keyframes = array("q"), array("I"), array("I")
        self.offsets: list[int] = []
        """Chunk offsets in the body."""
        self.counts: list[int] = []
        """Samples per chunk."""
        self.last_duration = 0

    def add(self, offset: int, sizes: Sequence[int], pts: Sequence[int], last_duration: int) -> None:
        self.offsets.append(offset)
        self.counts.append(len(sizes))
        self.sizes.extend(sizes)
        self.pts.extend(pts)
        self.last_duration = last_duration


class _Body:
    """The content of mdat: ranges of segment files, with generated bytes in between."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._begins: list[int] = []
        self._spans: list[tuple[Path, int] | bytes] = []  # a file and an offset, or generated bytes
        self._continues: tuple[Path, int] | None = None  # end of the last file range

    def add_stored(self, path: Path, offset: int, size: int) -> None:
        if self._continues != (path, offset):
            self._begin((path, offset))
        self.size_bytes += size
        self._continues = path, offset + size

    def add_bytes(self, data: bytes) -> None:
        self._begin(data)
        self.size_bytes += len(data)
        self._continues = None

    @property
    def origins(self) -> list[tuple[Path | None, int, int]]:
        ends = [*self._begins[1:], self.size_bytes]
        sizes = [end - begin for begin, end in zip(self._begins, ends, strict=True)]
        pairs = zip(self._spans, sizes, strict=True)
        return [(None, 0, size) if isinstance(span, bytes) else (*span, size) for span, size in pairs]

    def _begin(self, span: tuple[Path, int] | bytes) -> None:
        self._begins.append(self.size_bytes)
        self._spans.append(span)

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        number = max(0, bisect_right(self._begins, begin) - 1)
        while begin < end:
            span, span_begin = self._spans[number], self._begins[number]
            number += 1
            span_end = min(end, self._begins[number] if number < len(self._begins) else self.size_bytes)
            if isinstance(span, bytes):
                yield span[begin - span_begin : span_end - span_begin]
            else:
                path, offset = span
                yield from read_bytes(path, offset + begin - span_begin, offset + span_end - span_begin)
            begin = span_end


def _filled(clip: ClipSamples, audio: AudioFormat | None, made: Sequence[Sample] | None, body: _Body) -> list[_Track]:
    """Return the tracks that have samples. made: audio that replaces the stored one; None: no replacement."""
    video, sound = _Track(clip.video), None if audio is None else _Track(audio)
    taken, has_changes = 0, clip.has_changes
    for chunk in clip.chunks:
        if chunk.is_video:
            _add_video(video, chunk, body, join_lengths(chunk.video.parameter_sets) if has_changes else b"")
            if sound is not None and made is not None:
                taken = _add_made(sound, made, taken, max(chunk.pts), body)
        elif sound is not None and made is None:
            sound.add(body.size_bytes, chunk.sizes, chunk.pts, chunk.last_duration)
            body.add_stored(chunk.path, chunk.offset, chunk.size_bytes)
    if sound is not None and made is not None:
        _add_made(sound, made, taken, clip.end_ticks, body)
    return [track for track in (video, sound) if track is not None and track.counts]


def _add_video(track: _Track, chunk: SampleChunk, body: _Body, sets: bytes) -> None:
    """Append a chunk of video. sets: inserted before each keyframe."""
    offset, before, at = body.size_bytes, len(track.sizes), chunk.offset
    sizes = array("I")
    for number, (size, is_keyframe) in enumerate(zip(chunk.sizes, chunk.are_keyframes, strict=True), before + 1):
        if is_keyframe:
            track.keyframes.append(number)
            if sets:
                body.add_bytes(sets)
        body.add_stored(chunk.path, at, size)
        at += size
        sizes.append(size + len(sets) * is_keyframe)
    track.add(offset, sizes, chunk.pts, chunk.last_duration)


def _add_made(track: _Track, made: Sequence[Sample], taken: int, until_ticks: int, body: _Body) -> int:
    """Append replacement audio that begins before `until_ticks` (of video) as one chunk.

    Return the new `taken` count.
    """
    until = until_ticks * track.format.rate / VIDEO_RATE
    end = taken
    while end < len(made) and made[end].pts < until:
        end += 1
    if end > taken:
        new = made[taken:end]
        sizes, pts = [len(sample.data) for sample in new], [sample.pts for sample in new]
        track.add(body.size_bytes, sizes, pts, new[-1].duration)
        body.add_bytes(b"".join(sample.data for sample in new))
    return end
