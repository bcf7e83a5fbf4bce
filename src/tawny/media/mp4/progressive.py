"""An ordinary MP4 file of a clip, as people send and players like it: header in front, then all samples.

Nothing is decoded and no file is made: the header is built from the segments' own headers, samples are read from the
segments when they are asked for. So the size is known before the first byte is sent, and any range can be served.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import BinaryIO

from tawny.media.codec.nal import join_lengths
from tawny.media.mp4.boxes import box, full_box, media, movie_header, track_header
from tawny.media.mp4.byte_reader import read_bytes
from tawny.media.mp4.clip_cutter import ClipSamples, SampleChunk, SegmentPart, cut_clip
from tawny.media.mp4.fragment_writer import VIDEO_TRACK, Sample
from tawny.media.mp4.sample_entry import sample_entry
from tawny.media.mp4.sample_tables import Timing, chunk_table, edits, offset_table, size_table, sync_table
from tawny.model.packets import VIDEO_RATE, AudioFormat, Format

__all__ = ["ClipSamples", "ClipSoundtrack", "ProgressiveMp4", "SegmentPart", "cut_clip", "write_mp4"]

_MOVIE_RATE = VIDEO_RATE
_FROM_1904_S = 2_082_844_800
"""From MP4's zero of time to that of UTC here."""
_SMALL_FILE = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class ClipSoundtrack:
    """Sound made for a clip, to stand in for what is stored. pts: ticks of the format's rate since the clip's begin."""

    format: AudioFormat
    samples: Sequence[Sample]


class ProgressiveMp4:
    """The file of a clip. sound: instead of the stored one; is_silent: without any.

    Any thread may read. Nothing is kept open: a segment that is gone by the time it is read is a StorageError.
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
        """All in front of the samples."""
        self.size_bytes = len(self.header) + self._body.size_bytes

    def read(self, begin: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The file's bytes from `begin` up to `end`, in pieces of no more than 256 kB, but for the header."""
        end = self.size_bytes if end is None else min(end, self.size_bytes)
        in_header = self.header[begin:end]
        if in_header:
            yield in_header
        at = len(self.header)
        yield from self._body.read(max(0, begin - at), end - at)

    @property
    def origins(self) -> Sequence[tuple[Path | None, int, int]]:
        """Where the bytes behind `header` come from, in order: a segment's file, where in it, and how many; None for
        bytes of our own."""
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
        rate, length, clip = track.format.rate, self._clip.end_ticks, self._clip
        tables = box(
            b"stbl",
            full_box(b"stsd", 0, 0, pack(">I", 1), sample_entry(track.format)),
            timing.tables,
            sync_table(track.keyframes) if number == VIDEO_TRACK else b"",
            chunk_table(track.counts),
            size_table(track.sizes),
            offset_table([body_at + at for at in track.offsets], is_long=self._is_long),
        )
        size = (clip.video.width, clip.video.height) if number == VIDEO_TRACK else None
        return box(
            b"trak",
            track_header(number, length, size, created),
            edits(timing.zero, rate, timing.length, length, _MOVIE_RATE),
            media(rate, timing.length, tables, is_video=number == VIDEO_TRACK, created=created),
        )


def write_mp4(out: BinaryIO, pieces: Sequence[SegmentPart], *, is_silent: bool = False) -> ClipSamples:
    """Write the clip of these pieces. The clip tells what was left out. ValueError if there is nothing to be shown."""
    clip = cut_clip(pieces)
    for data in ProgressiveMp4(clip, is_silent=is_silent).read():
        out.write(data)
    return clip


_FILE_TYPE = box(b"ftyp", b"isom", pack(">I", 512), b"isomiso2mp41")


def _mdat(size: int) -> bytes:
    """The head of the box that holds all samples."""
    return pack(">I4s", size + 8, b"mdat") if size + 8 <= _SMALL_FILE else pack(">I4sQ", 1, b"mdat", size + 16)


class _Track:
    """What the tables of one track are made from."""

    def __init__(self, stored: Format) -> None:
        self.format = stored
        self.pts, self.sizes, self.keyframes = array("q"), array("I"), array("I")
        self.offsets: list[int] = []
        """Of chunks, in the body."""
        self.counts: list[int] = []
        """Of samples in each chunk."""
        self.last_duration = 0

    def add(self, offset: int, sizes: Sequence[int], pts: Sequence[int], last_duration: int) -> None:
        self.offsets.append(offset)
        self.counts.append(len(sizes))
        self.sizes.extend(sizes)
        self.pts.extend(pts)
        self.last_duration = last_duration


class _Body:
    """All samples one behind the other: parts of segments, and bytes of our own between them."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._begins: list[int] = []
        self._spans: list[tuple[Path, int] | bytes] = []  # a file and where in it, or what itself stands here
        self._continues: tuple[Path, int] | None = None  # where the last span would go on

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
    """The tracks that have samples. made: sound that stands in for the stored one, None: there is none."""
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
    """sets: stand in front of each keyframe."""
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
    """Made sound that begins before `until_ticks` (of video), as one chunk; how many samples are taken by now."""
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
