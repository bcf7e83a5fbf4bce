"""Clip assembly: selects samples of segments and maps them to one timeline that begins at 0.

Nothing is decoded or copied. Clip time is wall time: during a gap in the recording, the clip holds its last frame.
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
"""Segments with a smaller gap or overlap are joined seamlessly: their start times are rounded."""
_LONGEST_GAP_TICKS = 12 * 3600 * VIDEO_RATE
"""Upper limit of a gap: the duration table of an MP4 file has 32-bit entries."""


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

    def sound(self) -> Iterator[Sample]:
        """Yield the stored audio with clip times; the first sample may begin before 0."""
        for chunk in self.chunks:
            if not chunk.is_video:
                data = b"".join(read_bytes(chunk.path, chunk.offset, chunk.offset + chunk.size_bytes))
                ends = [*chunk.pts[1:], chunk.pts[-1] + chunk.last_duration]
                at = 0
                for size, pts, end in zip(chunk.sizes, chunk.pts, ends, strict=True):
                    yield Sample(data[at : at + size], pts, end - pts, is_keyframe=False)
                    at += size


def cut_clip(pieces: Sequence[SegmentPart]) -> ClipSamples:
    """Assemble a clip from parts in time order.

    The clip begins with the frame displayed at the first part's `begin_ticks`. Samples needed from before, back to a
    keyframe, have negative times. Without such a keyframe the clip begins at the first keyframe after it. Later parts
    begin at their first keyframe at or after `begin_ticks`.
    Raises ValueError if no frame is in range.
    """
    cutter = _Cutter()
    for number, piece in enumerate(pieces):
        if not cutter.take(piece):
            cutter.left_out = tuple(pieces[number:])
            break
    return cutter.result()


class _Cutter:
    """Appends parts while their formats are compatible."""

    def __init__(self) -> None:
        self.left_out: tuple[SegmentPart, ...] = ()
        self._chunks: list[SampleChunk] = []
        self._video: VideoFormat | None = None
        self._has_anew = False
        self._audio: AudioFormat | None = None
        self._zero_ms = 0.0  # UTC of clip time 0
        self._end = 0  # end of the video so far
        self._told_end = 0

    def take(self, piece: SegmentPart) -> bool:
        """Append a part. Return False if it does not fit into the same file."""
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
        if self._video is None or self._has_anew:  # the header describes the main part of the clip
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


def _chunk(path: Path, segment: SegmentReader, group: list[SamplePlace], shift: int) -> SampleChunk:
    """Build a chunk. shift: offset from file time to clip time, in video ticks."""
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
