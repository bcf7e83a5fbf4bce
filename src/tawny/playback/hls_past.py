"""HLS of a past span: a playlist with an end, and pieces of stored fragments, for players and programs.

Pieces are the stored bytes, with times counted from the begin of the list; only G.711 audio is transcoded, to AAC. A
gap, or another format, is a discontinuity. Blocking; run in a thread.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from struct import pack_into, unpack_from
from typing import Final, NamedTuple

from tawny.media.mp4.fragment_writer import VIDEO_TRACK
from tawny.media.mp4.segment_reader import SegmentReader
from tawny.model.errors import FileSealed, StorageError, StorageUnavailable
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VIDEO_RATE
from tawny.model.segments import Segment
from tawny.model.times import Span, utc_text
from tawny.playback.clips import only_elsewhere, other_stream, times_of
from tawny.playback.recordings import JOIN_MS, RecordingArchive, segments
from tawny.playback.segment_player import play_fragments, reread_segment

PIECE_S: Final = 4.0
MEDIA_TYPE: Final = "application/vnd.apple.mpegurl"
_INSIDE = frozenset({b"moof", b"traf"})


@dataclass(frozen=True, slots=True)
class PastPiece:
    """Fragments of one segment. begins: whether a run begins with it.

    zero_ms: time 0 of the playlist, ms UTC. Times go on over gaps, as some players expect.
    """

    segment: Segment
    first: int
    count: int
    at_ms: int
    seconds: float
    zero_ms: int
    begins: bool


def past_pieces(archive: RecordingArchive, camera: CameraId, stream: StreamName, span: Span) -> list[PastPiece]:
    """Return what is recorded of a span, from the keyframe at or before its begin to the one at or after its end.

    Uses the other stream where this one has no recording. Leaves out files that cannot be read. Raises FileSealed,
    StorageUnavailable.
    """
    parts = _parts(archive, segments(archive, camera, stream, span), span)
    other, found = other_stream(stream), [part.segment for part in parts]
    for rest in only_elsewhere(span, times_of(archive, camera, other, span), found) if found else (span,):
        parts += _parts(archive, segments(archive, camera, other, rest), rest, is_more=bool(found))
    return list(_pieces(sorted(parts, key=lambda part: max(part.segment.start_ms, part.span.begin_ms))))


def past_playlist(pieces: list[PastPiece]) -> str:
    """Return the media playlist. URIs are relative to that of the playlist, in the folder `past/`."""
    longest_s = max(piece.seconds for piece in pieces)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f"#EXT-X-TARGETDURATION:{math.ceil(longest_s)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]
    for piece in pieces:
        if piece.begins:
            lines += ["#EXT-X-DISCONTINUITY"] if piece is not pieces[0] else []
            lines.append(f'#EXT-X-MAP:URI="past/{piece.segment.id}/header.mp4"')
        lines += [
            f"#EXT-X-PROGRAM-DATE-TIME:{utc_text(piece.at_ms)}",
            f"#EXTINF:{piece.seconds:.5f},",
            f"past/{piece.segment.id}/{piece.zero_ms}-{piece.first}-{piece.count}.m4s",
        ]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"


def past_header(archive: RecordingArchive, segment: Segment) -> bytes:
    """Return the init segment of a run that begins with this segment. Raises StorageError."""
    data = _data(archive, segment, 0, 1)
    return data[: _end_of_header(data)]


def past_piece(archive: RecordingArchive, segment: Segment, first: int, count: int, zero_ms: int) -> bytes:
    """Return fragments of a segment, without header. Empty if it has none of them. Raises StorageError."""
    file = reread_segment(archive, segment)
    if not 0 <= first < first + count <= len(file.fragments):
        return b""
    data = bytearray(_data(archive, segment, first, count))
    del data[: _end_of_header(data)]
    shift_ms = segment.start_ms - zero_ms
    for track, offset, ticks in _decode_times(data, 0, len(data)):
        rate = VIDEO_RATE if track == VIDEO_TRACK or file.audio is None else _sound_rate(file)
        pack_into(">Q", data, offset, max(0, ticks + round(shift_ms * rate / 1000)))
    return bytes(data)


class _Part(NamedTuple):
    """A segment, and the time of which its pieces are listed."""

    segment: Segment
    file: SegmentReader
    span: Span


def _parts(archive: RecordingArchive, found: list[Segment], span: Span, *, is_more: bool = False) -> list[_Part]:
    """is_more: other parts are there already, and are not lost by those that can't be had now."""
    parts: list[_Part] = []
    for segment in found:
        try:
            parts.append(_Part(segment, reread_segment(archive, segment), span))
        except (FileSealed, StorageUnavailable):
            if not is_more:
                raise
        except StorageError:
            continue
    return parts


def _pieces(parts: list[_Part]) -> Iterator[PastPiece]:
    last: _Part | None = None
    zero_ms = min((part.segment.start_ms for part in parts), default=0)
    for part in parts:
        segment, file, _ = part
        for first, count in _groups(file, segment, part.span):
            begins = last is None or (last.segment is not segment and not _goes_on(last, part))
            start, end = file.fragments[first].start_ticks, _end_ticks(file, first + count)
            at_ms = segment.start_ms + start * 1000 // VIDEO_RATE
            yield PastPiece(segment, first, count, at_ms, (end - start) / VIDEO_RATE, zero_ms, begins)
            last = part


def _goes_on(last: _Part, part: _Part) -> bool:
    before, its, _ = last
    segment, file, _ = part
    is_near = before.stream is segment.stream and abs(segment.start_ms - before.end_ms) <= JOIN_MS
    return is_near and (its.video, its.audio) == (file.video, file.audio)


def _groups(file: SegmentReader, segment: Segment, span: Span) -> list[tuple[int, int]]:
    """Return first and count of the fragments of each piece; each begins with a keyframe.

    A file whose audio is transcoded is one piece, as each piece would begin with a moment of silence.
    """
    begin, end = ((at_ms - segment.start_ms) * VIDEO_RATE // 1000 for at_ms in (span.begin_ms, span.end_ms))
    keys = [number for number, one in enumerate(file.fragments) if one.is_keyframe]
    starts = [file.fragments[number].start_ticks for number in keys]
    first = max((at for at, ticks in enumerate(starts) if ticks <= begin), default=0)
    upto = next((at for at, ticks in enumerate(starts) if ticks >= end and at > first), len(keys))
    bounds = [*keys[first:upto], keys[upto] if upto < len(keys) else len(file.fragments)]
    longest = math.inf if file.audio is not None and file.audio.codec != "aac" else PIECE_S * VIDEO_RATE
    groups: list[tuple[int, int]] = []
    for number, following in pairwise(bounds):
        start = file.fragments[groups[-1][0]].start_ticks if groups else 0
        if groups and _end_ticks(file, following) - start <= longest:
            groups[-1] = groups[-1][0], following - groups[-1][0]
        else:
            groups.append((number, following - number))
    return groups


def _end_ticks(file: SegmentReader, following: int) -> int:
    return file.fragments[following].start_ticks if following < len(file.fragments) else file.duration_ticks


def _data(archive: RecordingArchive, segment: Segment, first: int, count: int) -> bytes:
    return b"".join(play_fragments(archive, segment, first, count).data)


def _sound_rate(file: SegmentReader) -> int:
    assert file.audio is not None
    if file.audio.codec == "aac":
        return file.audio.rate
    from tawny.media.audio import soundtrack  # loads libraries that only this needs

    track = soundtrack(file.audio)
    return track.format.rate if track else file.audio.rate


# Boxes of a piece.


def _boxes(data: bytes | bytearray, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, begin of the content and end of each box. Raises StorageError."""
    while at < end:
        size, kind = unpack_from(">I4s", data, at)
        if size < 8 or at + size > end:
            raise StorageError("a recording", "its fragments can't be read")
        yield kind, at + 8, at + size
        at += size


def _end_of_header(data: bytes | bytearray) -> int:
    return next((begin - 8 for kind, begin, _ in _boxes(data, 0, len(data)) if kind == b"moof"), len(data))


def _decode_times(data: bytes | bytearray, at: int, end: int, track: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield the track of each run of samples, where its decode time lies, and that time in ticks."""
    for kind, begin, after in _boxes(data, at, end):
        if kind in _INSIDE:
            yield from _decode_times(data, begin, after)
        elif kind == b"tfhd":
            (track,) = unpack_from(">I", data, begin + 4)
        elif kind == b"tfdt":  # tawny writes 64 bits
            yield track, begin + 4, unpack_from(">Q", data, begin + 4)[0]
