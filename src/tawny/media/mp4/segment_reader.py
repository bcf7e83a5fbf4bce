"""Segment file reader: metadata, intact length, and samples.

The scan reads headers only. After a power cut a file may end anywhere, with zeros or garbage. Data that is not proven
intact is reported and never used. Stateless; call from any thread. The file may still be growing.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from
from typing import NamedTuple

from tawny.media.mp4.boxes import OURS, boxes
from tawny.media.mp4.byte_reader import StoredFile, open_stored, read_bytes, read_chunks, read_exactly
from tawny.media.mp4.fragment_reader import (
    NOT_SYNC,
    SampleRun,
    StoredFragment,
    TrackFormat,
    flaw_in,
    runs_in,
    runs_of,
    summary,
    tracks_of,
)
from tawny.model.errors import FileDamaged, FileSealed
from tawny.model.packets import VIDEO_RATE, AudioFormat, VideoFormat
from tawny.sealed.header import MAGIC

__all__ = [
    "END_MISSING",
    "SamplePlace",
    "SegmentReader",
    "StoredFragment",
    "StoredSample",
    "has_fragment",
    "places",
    "read_bytes",
    "read_segment",
    "read_video_format",
    "samples",
]

END_MISSING = "its end is missing"
_MOST_GUESSED_TICKS = 2 * VIDEO_RATE
"""The name of a sealed file that was closed after a power cut states its end up to this long after its last fragment.
"""
_MOST_HEADER_BYTES = 1 << 20
_MOST_JSON_BYTES = 1 << 16
_MOST_FRAGMENTS = 200_000
_PEEK_BYTES = 4096
"""Read size at the start of a box: covers nearly every fragment header."""
_SEARCHED_BYTES = 1 << 18
_SKIPPED = frozenset({b"free", b"skip", b"styp", b"sidx", b"ssix", b"emsg", b"prft", b"mfra", b"uuid"})

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class SegmentReader:
    """Scan result of a segment file. `fragments` are complete; no intact data follows `intact_bytes`."""

    path: Path
    video: VideoFormat
    audio: AudioFormat | None
    about: Json | None
    """tawny's metadata box in the header; None in other software's files."""
    end: Json | None
    """tawny's end box; None if the file was not closed."""
    init_bytes: int
    """Size of ftyp and moov, which must precede any fragment."""
    fragments: list[StoredFragment]
    trailer_at: int
    """Offset of the first box after the last fragment and its padding: the proof, or nothing yet."""
    intact_bytes: int
    reason: str
    """Why the bytes behind `intact_bytes` are unusable; empty if there are none."""
    tracks: tuple[TrackFormat, ...]

    @property
    def torn(self) -> bool:
        return self.reason != ""

    @property
    def duration_ticks(self) -> int:
        return max((fragment.end_ticks for fragment in self.fragments), default=0)

    def lacks_end(self, lasts_ticks: int) -> bool:
        """Return whether the end of a closed file is missing, which lasts this long by its name.

        That of a sealed file may be a guess, made without its key after a power cut.
        """
        if self.end is not None or lasts_ticks - self.duration_ticks < VIDEO_RATE:
            return False
        last_ticks = max((fragment.start_ticks for fragment in self.fragments), default=0)
        return self.path.suffix != ".tws" or lasts_ticks - last_ticks > _MOST_GUESSED_TICKS


class StoredSample(NamedTuple):
    """A sample of a file. Times in ticks of its track's format, since the segment's start."""

    data: bytes
    pts: int
    duration: int
    is_keyframe: bool
    is_video: bool


class SamplePlace(NamedTuple):
    """Position and times of a sample, without its data."""

    offset: int
    size: int
    pts: int
    duration: int
    is_keyframe: bool
    is_video: bool


def read_segment(path: Path) -> SegmentReader:
    """Scan a file. Raises FileDamaged if the header is unusable, FileSealed, StorageError if it cannot be read."""
    with open_stored(path) as file:
        return _Scan(path, file).result()


def read_video_format(path: Path) -> VideoFormat:
    """Return the format of a file's video from its header alone. Raises as `read_segment`."""
    with open_stored(path) as file:
        return _Scan(path, file).video()


def samples(segment: SegmentReader, fragments: Iterable[StoredFragment]) -> Iterator[StoredSample]:
    """Yield the samples of these fragments in file order: each fragment's video, then its audio.

    Reads one at a time.
    """
    with open_stored(segment.path) as file:
        for place in _places(segment, file, fragments):
            data = read_exactly(segment.path, file, place.size, place.offset)
            yield StoredSample(data, place.pts, place.duration, place.is_keyframe, place.is_video)


def places(segment: SegmentReader, fragments: Iterable[StoredFragment]) -> Iterator[SamplePlace]:
    """Yield the positions of the samples of these fragments."""
    with open_stored(segment.path) as file:
        yield from _places(segment, file, fragments)


def has_fragment(path: Path) -> bool:
    """Return whether there is a whole fragment anywhere in a file, also behind a damaged header. Raises StorageError.

    Other programs can play it, if need be with the header of another file of the same stream.
    """
    with open_stored(path) as file:
        return any(_is_fragment(path, file, at) for at in _found_at(file, b"moof"))


def _found_at(file: StoredFile, kind: bytes) -> Iterator[int]:
    """Yield where a box of this type may begin: 4 bytes before each place that has its name."""
    at, kept = 0, b""
    while data := file.read(at, _SEARCHED_BYTES):
        at += len(data)
        data = kept + data
        found = data.find(kind)
        while found >= 0:
            begin = at - len(data) + found - 4
            if begin >= 0:
                yield begin
            found = data.find(kind, found + 1)
        kept = data[-(len(kind) - 1) :]


def _is_fragment(path: Path, file: StoredFile, at: int) -> bool:
    """Return whether a header of a track and its data, which is not all zeros, are whole."""
    size = int.from_bytes(file.read(at, 4), "big")
    if not 8 < size <= _MOST_HEADER_BYTES or at + size + 16 > file.size:
        return False
    try:
        header = read_exactly(path, file, size + 16, at)
        kinds = {content.kind for content in boxes(header, 8, size)}
    except (ValueError, FileDamaged):
        return False  # it only looked like one
    head, (data_size, kind) = 8, unpack_from(">I4s", header, size)
    if data_size == 1:
        head, (data_size,) = 16, unpack_from(">Q", header, size + 8)
    begin, end = at + size + head, at + size + data_size
    if kind != b"mdat" or not {b"mfhd", b"traf"} <= kinds or not begin < end <= file.size:
        return False
    return any(piece.strip(b"\0") for piece in read_chunks(path, file, begin, end))


def _places(segment: SegmentReader, file: StoredFile, fragments: Iterable[StoredFragment]) -> Iterator[SamplePlace]:
    for fragment in fragments:
        for run in runs_in(segment.path, file, segment.tracks, fragment):
            yield from _run_places(run, fragment.offset + run.data_at)


def _run_places(run: SampleRun, offset: int) -> Iterator[SamplePlace]:
    track, is_video = run.track, run.track.is_video
    for size, pts, duration, flags in zip(run.sizes, run.pts, run.shown, run.flags, strict=True):
        is_keyframe = is_video and not flags & NOT_SYNC
        yield SamplePlace(offset, size, track.ticks(pts), track.ticks(duration), is_keyframe, is_video)
        offset += size


class _Scan:
    """One scan of a file's headers, from the start to the last intact box."""

    def __init__(self, path: Path, file: StoredFile) -> None:
        self._path, self._file = path, file
        self._size = file.size
        self._at = 0  # Invariant: everything before it is intact
        self._trailer_at = 0
        self._tracks: tuple[TrackFormat, ...] = ()
        self._latest: dict[int, int] = {}  # latest decode time by track
        self._end: Json | None = None
        self._fragments: list[StoredFragment] = []

    def video(self) -> VideoFormat:
        self._read_header()
        video = self._tracks[0].format
        assert isinstance(video, VideoFormat)
        return video

    def _read_header(self) -> Json | None:
        """Return tawny's metadata box."""
        moov = self._header()
        try:
            self._tracks = tuple(tracks_of(moov))
            return _about(moov)
        except ValueError as problem:
            raise FileDamaged(str(self._path), str(problem)) from problem

    def result(self) -> SegmentReader:
        about = self._read_header()
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
            trailer_at=self._trailer_at,
            intact_bytes=self._at,
            reason=reason,
            tracks=self._tracks,
        )

    def _header(self) -> bytes:
        """Return the content of the moov box, which must be among the first 8 boxes."""
        if self._file.read(0, len(MAGIC)) == MAGIC:
            raise FileSealed(str(self._path))
        for _ in range(8):
            kind, head, size = self._box(self._file.read(self._at, 16))
            if kind not in (b"ftyp", b"moov", *_SKIPPED) or size > _MOST_HEADER_BYTES:
                break
            begin, self._at = self._at, self._at + size
            if kind == b"moov":
                return read_exactly(self._path, self._file, size - head, begin + head)
        raise FileDamaged(str(self._path), "it has no header" if self._size else "it is empty")

    def _box(self, peek: bytes) -> tuple[bytes, int, int]:
        """Return type, header size and total size of the box at `_at`; an empty type if it is incomplete."""
        if len(peek) < 8:
            return b"", 0, 0
        head, (size, kind) = 8, unpack_from(">I4s", peek)
        if size == 1 and len(peek) >= 16:
            head, (size,) = 16, unpack_from(">Q", peek, 8)
        return (kind, head, size) if head <= size <= self._size - self._at else (b"", 0, 0)

    def _body(self) -> str:
        """Scan the fragments. Return why the scan stopped before the file's end, or an empty string."""
        while self._at < self._size:
            peek = self._file.read(self._at, _PEEK_BYTES)
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
                self._trailer_at = self._at
            elif kind == b"uuid" and peek[head : head + 16] == OURS:
                self._end = self._end_box(head, size)
                if self._end is None:
                    return "the last box is damaged"
                self._at += size
                return "" if self._at == self._size else "data behind the last box"
            elif kind in _SKIPPED:
                if kind == b"free" and self._trailer_at == self._at:
                    self._trailer_at += size
                self._at += size
            else:
                return "garbage at the end"
        return ""

    def _end_box(self, head: int, size: int) -> Json | None:
        begin = head + len(OURS)
        return _json(self._file.read(self._at + begin, min(size, _MOST_HEADER_BYTES) - begin))

    def _fragment(self, peek: bytes, head: int, size: int) -> StoredFragment:
        """Parse the moof at `_at` and the following mdat. Raises ValueError if they are incomplete or inconsistent."""
        if head != 8 or size > _MOST_HEADER_BYTES or len(self._fragments) >= _MOST_FRAGMENTS:
            raise ValueError("a fragment's header is too large")
        if size + 16 > len(peek):
            peek = self._file.read(self._at, size + 16)
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
        """Drop defective fragments at the end: at most the two that were being written."""
        for fragment in self._fragments[-2:]:
            found = flaw_in(self._path, self._file, self._tracks, fragment)
            if found:
                del self._fragments[self._fragments.index(fragment) :]
                self._at = self._trailer_at = fragment.offset
                return found
        return ""


def _about(moov: bytes) -> Json | None:
    """Return the metadata; None without tawny's box. Raises ValueError if the box is damaged."""
    for content in boxes(moov, 0, len(moov)):
        if content.kind == b"uuid" and moov[content.begin : content.begin + 16] == OURS:
            about = _json(moov[content.begin + 16 : content.end])
            if about is None:
                raise ValueError("what the file says of itself is damaged")
            return about
    return None


def _json(text: bytes) -> Json | None:
    """Parse a JSON object; None if invalid."""
    try:
        value = json.loads(text) if len(text) <= _MOST_JSON_BYTES else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
