"""Reading segments back: what is in the file, how much of it is whole, and its samples.

Only headers are read to know what is there. A file may end anywhere, in zeros or in garbage, after a power cut: what is
not proved to be whole is reported and never believed. Plain functions, any thread; a file may still be growing.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from
from typing import NamedTuple

from tawny.media.mp4.box_reader import boxes
from tawny.media.mp4.boxes import OURS
from tawny.media.mp4.byte_reader import open_stored, read_bytes, read_exactly
from tawny.media.mp4.format_reader import TrackFormat, tracks_of
from tawny.media.mp4.fragment_reader import StoredFragment, flaw_in, runs_in, summary
from tawny.media.mp4.moof import NOT_SYNC, SampleRun, runs_of
from tawny.model.errors import FileDamaged, FileSealed
from tawny.model.packets import AudioFormat, VideoFormat
from tawny.sealed.header import MAGIC

__all__ = [
    "SamplePlace",
    "SegmentReader",
    "StoredFragment",
    "StoredSample",
    "flaw",
    "places",
    "read_bytes",
    "read_segment",
    "samples",
]

_MOST_HEADER_BYTES = 1 << 20
_MOST_JSON_BYTES = 1 << 16
_MOST_FRAGMENTS = 200_000
_PEEK_BYTES = 4096
"""Read at once where a box begins: a fragment's whole header, nearly always."""
_SKIPPED = frozenset({b"free", b"skip", b"styp", b"sidx", b"ssix", b"emsg", b"prft", b"mfra", b"uuid"})

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class SegmentReader:
    """What a segment's file holds. `fragments` are whole; after `intact_bytes` comes nothing that is."""

    path: Path
    video: VideoFormat
    audio: AudioFormat | None
    about: Json | None
    """Our own box in the header; None in foreign files."""
    end: Json | None
    """Our own box at the end; None if the file was not closed."""
    init_bytes: int
    """ftyp and moov: needed in front of any fragment."""
    fragments: list[StoredFragment]
    intact_bytes: int
    reason: str
    """Why the bytes behind `intact_bytes` are not believed; empty if there are none."""
    tracks: tuple[TrackFormat, ...]

    @property
    def torn(self) -> bool:
        return self.reason != ""

    @property
    def duration_ticks(self) -> int:
        return max((fragment.end_ticks for fragment in self.fragments), default=0)


class StoredSample(NamedTuple):
    """A sample of a file. Times in ticks of its track's format, since the segment's start."""

    data: bytes
    pts: int
    duration: int
    is_keyframe: bool
    is_video: bool


class SamplePlace(NamedTuple):
    """A sample without its data, and where that is."""

    offset: int
    size: int
    pts: int
    duration: int
    is_keyframe: bool
    is_video: bool


def read_segment(path: Path) -> SegmentReader:
    """FileDamaged if not even the header can be used, FileSealed, StorageError if the file cannot be read."""
    with open_stored(path) as file:
        return _Scan(path, file).result()


def samples(segment: SegmentReader, fragments: Iterable[StoredFragment]) -> Iterator[StoredSample]:
    """The samples of these fragments, read one by one, in the file's order: each fragment's video, then its sound."""
    with open_stored(segment.path) as file:
        for place in _places(segment, file, fragments):
            data = read_exactly(segment.path, file, place.size, place.offset)
            yield StoredSample(data, place.pts, place.duration, place.is_keyframe, place.is_video)


def places(segment: SegmentReader, fragments: Iterable[StoredFragment]) -> Iterator[SamplePlace]:
    """Where the samples of these fragments lie."""
    with open_stored(segment.path) as file:
        yield from _places(segment, file, fragments)


def flaw(segment: SegmentReader, fragment: StoredFragment) -> str:
    """What is wrong with a fragment's pictures, found by reading them all; empty if nothing is."""
    with open_stored(segment.path) as file:
        return flaw_in(segment.path, file, segment.tracks, fragment)


def _places(segment: SegmentReader, file: int, fragments: Iterable[StoredFragment]) -> Iterator[SamplePlace]:
    for fragment in fragments:
        for run in runs_in(segment.path, file, segment.tracks, fragment):
            yield from _run_places(run, fragment.offset + run.data_at)


def _run_places(run: SampleRun, offset: int) -> Iterator[SamplePlace]:
    track, is_video = run.track, run.track.is_video
    for size, pts, duration, flags in zip(run.sizes, run.pts, run.durations, run.flags, strict=True):
        is_keyframe = is_video and not flags & NOT_SYNC
        yield SamplePlace(offset, size, track.ticks(pts), track.ticks(duration), is_keyframe, is_video)
        offset += size


class _Scan:
    """One reading of a file's headers, from its begin to where it can no longer be believed."""

    def __init__(self, path: Path, file: int) -> None:
        self._path, self._file = path, file
        self._size = os.fstat(file).st_size
        self._at = 0  # always true: all before it is whole
        self._tracks: tuple[TrackFormat, ...] = ()
        self._latest: dict[int, int] = {}  # decode time by track
        self._end: Json | None = None
        self._fragments: list[StoredFragment] = []

    def result(self) -> SegmentReader:
        moov = self._header()
        try:
            self._tracks = tuple(tracks_of(moov))
            about = _about(moov)
        except ValueError as problem:
            raise FileDamaged(str(self._path), str(problem)) from problem
        init_bytes = self._at
        reason = self._body()
        if self._end is None:
            reason = self._without_flawed_tail() or reason
        formats = [track.format for track in self._tracks]
        video, audio = formats[0], formats[1] if len(formats) > 1 else None
        assert isinstance(video, VideoFormat)
        assert audio is None or isinstance(audio, AudioFormat)
        return SegmentReader(
            path=self._path,
            video=video,
            audio=audio,
            about=about,
            end=self._end,
            init_bytes=init_bytes,
            fragments=self._fragments,
            intact_bytes=self._at,
            reason=reason,
            tracks=self._tracks,
        )

    def _header(self) -> bytes:
        """The content of the moov box, found among the first few."""
        if os.pread(self._file, len(MAGIC), 0) == MAGIC:
            raise FileSealed(str(self._path))
        for _ in range(8):
            kind, head, size = self._box(os.pread(self._file, 16, self._at))
            if kind not in (b"ftyp", b"moov", *_SKIPPED) or size > _MOST_HEADER_BYTES:
                break
            begin, self._at = self._at, self._at + size
            if kind == b"moov":
                return read_exactly(self._path, self._file, size - head, begin + head)
        raise FileDamaged(str(self._path), "it has no header" if self._size else "it is empty")

    def _box(self, peek: bytes) -> tuple[bytes, int, int]:
        """Kind, bytes of the head, and bytes of the box at hand; the kind is empty if it is not whole."""
        if len(peek) < 8:
            return b"", 0, 0
        head, (size, kind) = 8, unpack_from(">I4s", peek)
        if size == 1 and len(peek) >= 16:
            head, (size,) = 16, unpack_from(">Q", peek, 8)
        return (kind, head, size) if head <= size <= self._size - self._at else (b"", 0, 0)

    def _body(self) -> str:
        """Take fragments in; why it had to stop before the file's end, or nothing."""
        while self._at < self._size:
            peek = os.pread(self._file, _PEEK_BYTES, self._at)
            kind, head, size = self._box(peek)
            if not kind:
                return "zeros at the end" if not peek.strip(b"\0") else "cut off, or garbage, at the end"
            if kind == b"moof":
                try:
                    fragment = self._fragment(peek, head, size)
                except ValueError as problem:
                    return str(problem)
                self._fragments.append(fragment)
                self._at += fragment.size
            elif kind == b"uuid" and peek[head : head + 16] == OURS:
                self._end = self._end_box(head, size)
                if self._end is None:
                    return "the last box is damaged"
                self._at += size
                return "" if self._at == self._size else "data behind the last box"
            elif kind in _SKIPPED:
                self._at += size
            else:
                return "garbage at the end"
        return ""

    def _end_box(self, head: int, size: int) -> Json | None:
        begin = head + len(OURS)
        return _json(os.pread(self._file, min(size, _MOST_HEADER_BYTES) - begin, self._at + begin))

    def _fragment(self, peek: bytes, head: int, size: int) -> StoredFragment:
        """The moof at hand with the mdat that must follow it. ValueError if they are not whole or do not fit."""
        if head != 8 or size > _MOST_HEADER_BYTES or len(self._fragments) >= _MOST_FRAGMENTS:
            raise ValueError("a fragment's header is too large")
        if size + 16 > len(peek):
            peek = os.pread(self._file, size + 16, self._at)
        runs = runs_of(peek[8:size], self._at, self._tracks)
        begin, self._at = self._at, self._at + size
        kind, data_head, data_size = self._box(peek[size : size + 16])
        self._at = begin
        if kind != b"mdat":
            raise ValueError("the last fragment is not whole")
        for run in runs:
            if run.data_at < size + data_head or run.data_end > size + data_size:
                raise ValueError("a fragment's samples lie outside of it")
            if run.decode_at < self._latest.get(run.track.number, 0):
                raise ValueError("a fragment's time goes back")
        self._latest |= {run.track.number: run.decode_at for run in runs}
        return summary(begin, size, data_size, runs)

    def _without_flawed_tail(self) -> str:
        """Take back fragments at the end that a disk did not get whole: at most the two that were on their way."""
        for fragment in self._fragments[-2:]:
            found = flaw_in(self._path, self._file, self._tracks, fragment)
            if found:
                del self._fragments[self._fragments.index(fragment) :]
                self._at = fragment.offset
                return found
        return ""


def _about(moov: bytes) -> Json | None:
    """ValueError if our box is there and cannot be read."""
    for content in boxes(moov, 0, len(moov)):
        if content.kind == b"uuid" and moov[content.begin : content.begin + 16] == OURS:
            about = _json(moov[content.begin + 16 : content.end])
            if about is None:
                raise ValueError("what the file says of itself is damaged")
            return about
    return None


def _json(text: bytes) -> Json | None:
    """An object, None if it is none."""
    try:
        value = json.loads(text) if len(text) <= _MOST_JSON_BYTES else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
