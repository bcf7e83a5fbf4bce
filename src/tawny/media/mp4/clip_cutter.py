"""A clip: which samples of which segments make it up, and when each is shown, in one time that begins at 0.

Nothing is decoded or copied. Time in a clip is wall time: where the recording has a gap, the clip stands still as long.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tawny.media.codec.parameter_sets import can_follow, same_picture
from tawny.media.mp4.byte_reader import read_bytes
from tawny.media.mp4.fragment_writer import Sample
from tawny.media.mp4.segment_reader import SamplePlace, SegmentReader, places, read_segment
from tawny.model.packets import VIDEO_RATE, AudioFormat, VideoFormat

_TICKS_A_MS = VIDEO_RATE // 1000
_SNAP_TICKS = 50 * _TICKS_A_MS
"""Segments that lie no further apart, or overlap no more, follow one another: their starts are rounded instants."""
_LONGEST_GAP_TICKS = 12 * 3600 * VIDEO_RATE
"""More does not fit into an MP4 file's table of durations."""


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """A part of one segment's file: all that is shown from `begin_ticks` up to `end_ticks`, None: to its end."""

    path: Path
    start_ms: int
    """UTC of the file's tick 0."""
    begin_ticks: int = 0
    end_ticks: int | None = None
    is_anew: bool = False
    """It was encoded by us, to stand before what a camera encoded."""


@dataclass(frozen=True, slots=True)
class SampleChunk:
    """Samples of one track that lie together, in decode order. Times: of the track's format, since the clip's begin."""

    is_video: bool
    path: Path
    offset: int
    sizes: "array[int]"
    pts: "array[int]"
    are_keyframes: bytearray
    """1 for a keyframe, 0 for others."""
    last_duration: int
    video: VideoFormat
    """Of its segment, also for a chunk of sound."""

    @property
    def size_bytes(self) -> int:
        return sum(self.sizes)


@dataclass(slots=True)
class ClipSamples:
    """begin_ms: UTC of the clip's 0. Chunks are in the order of their time, a fragment's video before its sound."""

    video: VideoFormat
    audio: AudioFormat | None
    begin_ms: int
    end_ticks: int
    """Of the video's rate: where the last picture ends, or the clip was told to end."""
    chunks: list[SampleChunk]
    left_out: tuple[SegmentPart, ...]
    """Pieces from the first on that cannot be in one file with those before: another picture or other sound."""

    @property
    def has_changes(self) -> bool:
        """The parameter sets are not the same throughout: the header's alone do not do."""
        return any(chunk.video != self.video for chunk in self.chunks)

    def sound(self) -> Iterator[Sample]:
        """The stored sound with its times in the clip; the first may begin before 0."""
        for chunk in self.chunks:
            if not chunk.is_video:
                data = b"".join(read_bytes(chunk.path, chunk.offset, chunk.offset + chunk.size_bytes))
                ends = [*chunk.pts[1:], chunk.pts[-1] + chunk.last_duration]
                at = 0
                for size, pts, end in zip(chunk.sizes, chunk.pts, ends, strict=True):
                    yield Sample(data[at : at + size], pts, end - pts, is_keyframe=False)
                    at += size


def cut_clip(pieces: Sequence[SegmentPart]) -> ClipSamples:
    """The clip of these pieces, which are in order of time.

    It begins with the picture that is shown at the first piece's `begin_ticks` (what is needed from before, back to a
    keyframe, is in it with times below 0), or at the first keyframe after it. Later pieces begin at their first
    keyframe not before `begin_ticks`.
    ValueError if there is nothing to be shown.
    """
    cutter = _Cutter()
    for number, piece in enumerate(pieces):
        if not cutter.take(piece):
            cutter.left_out = tuple(pieces[number:])
            break
    return cutter.result()


class _Cutter:
    """Pieces are taken one after the other, as long as they fit together."""

    def __init__(self) -> None:
        self.left_out: tuple[SegmentPart, ...] = ()
        self._chunks: list[SampleChunk] = []
        self._video: VideoFormat | None = None
        self._has_anew = False
        self._audio: AudioFormat | None = None
        self._zero_ms = 0.0  # UTC of the clip's 0
        self._end = 0  # of the pictures so far
        self._told_end = 0

    def take(self, piece: SegmentPart) -> bool:
        """False if it cannot be in one file with those before."""
        segment = read_segment(piece.path)
        if not self._fits(piece, segment):
            return False
        kept, begin = _kept(piece, segment, is_first=self._video is None)
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
        if self._video is None or self._has_anew:  # what most of the clip is, is told in its header
            self._video, self._has_anew = segment.video, piece.is_anew
        self._audio = self._audio or segment.audio
        self._chunks += (_chunk(piece.path, segment, group, shift) for group in _together(kept))
        self._end = shift + max(place.pts + place.duration for place in kept if place.is_video)
        self._told_end = self._end if piece.end_ticks is None else piece.end_ticks + shift
        return True

    def _fits(self, piece: SegmentPart, segment: SegmentReader) -> bool:
        if self._audio is not None and segment.audio is not None and self._audio != segment.audio:
            return False
        fits = can_follow if self._has_anew or piece.is_anew else same_picture
        return self._video is None or fits(self._video, segment.video)

    def result(self) -> ClipSamples:
        if self._video is None:
            raise ValueError("there is nothing to be shown in this time")
        end = min(self._end, self._told_end)
        return ClipSamples(self._video, self._audio, round(self._zero_ms), end, self._chunks, self.left_out)


def _kept(piece: SegmentPart, segment: SegmentReader, *, is_first: bool) -> tuple[list[SamplePlace], int]:
    """What of the piece is in the clip, and where its time begins."""
    end = segment.duration_ticks if piece.end_ticks is None else piece.end_ticks
    inside = list(places(segment, [fragment for fragment in segment.fragments if fragment.start_ticks < end]))
    video = [place for place in inside if place.is_video]
    keyframes = [place for place in video if place.is_keyframe and place.pts < end]
    before = [place for place in keyframes if place.pts <= piece.begin_ticks]
    after = [place for place in keyframes if place.pts >= piece.begin_ticks]
    first = before[-1] if is_first and before else after[0] if after else None
    if first is None or piece.begin_ticks >= end:
        return [], 0
    # players agree on where a clip begins only if a picture begins there
    begin = max((place.pts for place in video if first.pts <= place.pts <= piece.begin_ticks), default=first.pts)
    return _shown(inside, segment, first, begin, end), begin


def _shown(
    inside: list[SamplePlace], segment: SegmentReader, first: SamplePlace, begin: int, end: int
) -> list[SamplePlace]:
    """From the first keyframe to the last picture shown before the end, and the sound that is heard meanwhile.

    Pictures that are decoded after the keyframe and shown before it may need what is not there: they are dropped.
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
    """Groups of one track that lie one behind the other in the file."""
    group = kept[:1]
    for place in kept[1:]:
        last = group[-1]
        if place.is_video != last.is_video or place.offset != last.offset + last.size:
            yield group
            group = []
        group.append(place)
    yield group


def _chunk(path: Path, segment: SegmentReader, group: list[SamplePlace], shift: int) -> SampleChunk:
    """shift: from ticks of video in the file to those in the clip."""
    first, last = group[0], group[-1]
    if not first.is_video and segment.audio is not None:
        shift = round(shift * segment.audio.rate / VIDEO_RATE)
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
