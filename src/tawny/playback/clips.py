"""Clips: a progressive MP4 file of a time span, cut from segments without re-encoding and without temporary files.

The size is known at once and any range can be read, so players can seek. Only G.711 audio is transcoded, up to an hour.
Blocking; run in a thread.
"""

import hashlib
import logging
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from tawny.media.audio import soundtrack
from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.parameter_sets import sps_of
from tawny.media.codec.transcoder import CRF, Change, RewriteSpan, as_it_was, write_anew
from tawny.media.image.mask import mask_picture
from tawny.media.mp4.byte_reader import ArchivedPath
from tawny.media.mp4.progressive import ClipSamples as Cut
from tawny.media.mp4.progressive import ClipSoundtrack, NoFrameInRange, ProgressiveMp4, SegmentPart, cut_clip
from tawny.media.mp4.segment_reader import END_MISSING, SegmentReader, places, read_segment
from tawny.model.errors import FileDamaged, FileSealed, SourceUnusable, StorageError, StorageUnavailable
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import VideoCodec
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.playback.recordings import JOIN_MS, RecordingArchive, closed_since, in_run_order, lasts_ticks, segments
from tawny.storage.disk.disk import turned
from tawny.storage.disk.layout import is_open, is_thinned

log = logging.getLogger(__name__)

# Re-encodes part of a recording in memory; clips are cut from the result.

_LIKE_BEFORE_CRF = 17.0
"""Quality of frames next to original ones: the boundary must not be visible."""


def covered_file(path: Path, begin_ticks: int, end_ticks: int | None, private: Sequence[Polygon]) -> BinaryIO:
    """Return a file like the one at `path` for this time, with privacy masks. Closed by the caller.

    Raises StorageError; SourceUnusable: if no encoder works. Decodes and encodes everything: takes seconds or minutes.
    """

    def black(frame: DecodedFrame) -> DecodedFrame:
        return mask_picture(frame, private)

    return _made(path, RewriteSpan(begin_ticks, end_ticks), black, "h264", CRF)[0]


def begun_file(path: Path, begin_ticks: int, end_ticks: int, codec: VideoCodec) -> tuple[BinaryIO, int]:
    """Return the same with unchanged frames, and their number."""
    return _made(path, RewriteSpan(begin_ticks, end_ticks), as_it_was, codec, _LIKE_BEFORE_CRF)


def _made(path: Path, stretch: RewriteSpan, change: Change, codec: VideoCodec, crf: float) -> tuple[BinaryIO, int]:
    file = read_segment(path)
    with ExitStack() as undo:
        made = undo.enter_context(os.fdopen(os.memfd_create("reencoded", os.MFD_CLOEXEC), "wb"))
        count = write_anew(made, file, stretch, change, codec=codec, crf=crf)
        made.flush()
        undo.pop_all()
    return made, count


# Exact start of a clip between two keyframes: re-encodes the frames up to the next keyframe.


@dataclass(frozen=True, slots=True)
class ExactStart:
    """pieces: replace the first one.

    anew: number of re-encoded frames. is_exact: contains nothing from before the start.
    """

    pieces: list[SegmentPart]
    anew: int
    is_exact: bool


def begun_exactly(piece: SegmentPart, held: ExitStack) -> ExactStart:
    """Return the re-encoded start. held: closes the temporary files.

    Video with more than 8 bits, interlaced video, and H.265 without an encoder stay unchanged.
    """
    file = read_segment(piece.path)
    video = [place for place in places(file, file.fragments) if place.is_video]
    end = file.duration_ticks if piece.end_ticks is None else piece.end_ticks
    begin = max((place.pts for place in video if place.pts <= piece.begin_ticks), default=None)
    keys = sorted(place.pts for place in video if place.is_keyframe)
    lacks_end = file.lacks_end(piece.lasts_ticks)
    if begin is None or begin in keys or (lacks_end and piece.begin_ticks >= file.duration_ticks):
        return ExactStart([piece], 0, is_exact=True)
    following = next((pts for pts in keys if begin < pts < end), None)
    if not _can_be_made(file):
        return ExactStart([piece], 0, is_exact=False)
    try:
        made, count = begun_file(piece.path, begin, end if following is None else following, file.video.codec)
    except SourceUnusable:
        return ExactStart([piece], 0, is_exact=False)
    held.callback(made.close)
    rest = [replace(piece, begin_ticks=following)] if following is not None else []
    lasts, until = (0, following) if rest else (piece.lasts_ticks if lacks_end else 0, piece.end_ticks)
    place = Path(f"/dev/fd/{made.fileno()}")
    head = SegmentPart(place, piece.start_ms, begin, until, is_anew=True, lasts_ticks=lasts)
    return ExactStart([head, *rest], count, is_exact=True)


def _can_be_made(file: SegmentReader) -> bool:
    sps = sps_of(file.video)
    return (sps.chroma, sps.bit_depth, sps.chroma_bit_depth, sps.interlaced) == (1, 8, 8, False)


MOST_KEPT = 4
MOST_SOUND_S = 3600.0
"""Maximum length, s, of clips with G.711 audio: transcoding more would delay the first byte too long."""


MOST_COVERED_S = 300.0
"""Maximum length, s, of clips with privacy masks: they are fully re-encoded and held in memory."""


class ClipTooLarge(Exception):
    """The clip exceeds the allowed size."""


class ClipTooLongToMask(ClipTooLarge):
    """The clip needs re-encoding and is longer than `MOST_COVERED_S`."""


@dataclass(frozen=True, slots=True)
class ClipFile:
    """A clip.

    start_ms: time 0 of the clip, ms UTC. cut_at_ms: early end if the video format changed there. anew: number of
    re-encoded frames. is_exact: contains nothing from before its start; otherwise an edit list hides it. unreadable:
    recorded time that is not in the clip, because its files can't be read. rest_ms: start of the first segment that
    is left out because of its format, ms UTC; it may have begun before the span. rest_from_ms: where the time of those
    left out begins: before cut_at_ms, if the clock was set back. span: what was asked for. stream: the one of the clip.
    elsewhere: time up to the clip's end that only the other stream has. is_mute: its sound is left out, because the
    clip is longer than MOST_SOUND_S. paths: of the files that its samples are read from. holds: the recorded times that
    are in it with all of their frames.
    """

    file: ProgressiveMp4
    start_ms: int
    etag: str
    span: Span
    stream: StreamName
    cut_at_ms: int | None
    anew: int = 0
    is_exact: bool = False
    unreadable: tuple[Gap, ...] = ()
    rest_ms: int | None = None
    rest_from_ms: int | None = None
    elsewhere: tuple[Span, ...] = ()
    is_mute: bool = False
    paths: frozenset[Path] = frozenset()
    holds: tuple[Span, ...] = ()

    @property
    def end_ms(self) -> int:
        """Where it was to end, or ends early, ms UTC."""
        return self.cut_at_ms or self.span.end_ms

    @property
    def size_bytes(self) -> int:
        return self.file.size_bytes

    def read(self, begin: int, end: int) -> Iterator[bytes]:
        return self.file.read(begin, end)

    def is_in_place(self) -> bool:
        """Return whether its files are where they were: they may have been moved to another disk or an archive."""
        return all(isinstance(path, ArchivedPath) or os.access(path, os.R_OK) for path in self.paths)


def go_past(error: StorageError) -> None:
    """Leave something out of a clip. Raises the error if it is not one of this file, or the caller may have its key."""
    if isinstance(error, (FileSealed, StorageUnavailable)):
        raise error
    log.warning("left out of a clip: %s", error)


class UnreadableParts:
    """Errors of the segments of a clip that can't be read, by their start, and from when on each can't, ms UTC."""

    def __init__(self) -> None:
        self._errors: dict[int, tuple[int, StorageError]] = {}

    def add(self, start_ms: int, error: StorageError, from_ms: int = 0) -> None:
        """Leave a segment out, or what follows an instant. Raises the error as `go_past` does."""
        go_past(error)
        self._errors[start_ms] = from_ms, error

    def add_end(self, segment: Segment, file: SegmentReader, span: Span) -> bool:
        """Leave the end out if it is missing in the file. Return whether that is all of the segment in the span."""
        from_ms = segment.start_ms + file.duration_ticks // 90
        if from_ms >= span.end_ms or not file.lacks_end(lasts_ticks(segment)):
            return False
        self.add(segment.start_ms, FileDamaged(segment.path, END_MISSING), from_ms)
        return from_ms <= span.begin_ms

    def check(self) -> None:
        """Raise the first error, if there is one."""
        for _, error in self._errors.values():
            raise error

    def gaps(self, found: Sequence[Segment], span: Span) -> tuple[Gap, ...]:
        """Return them as gaps within the span, in order of the clip. found: its segments."""
        failed = ((one, *self._errors[one.start_ms]) for one in found if one.start_ms in self._errors)
        return tuple(
            Gap(one.camera, part.begin_ms, part.end_ms, GapReason.DISK_ERROR, error.detail)
            for one, from_ms, error in failed
            if (part := Span(max(one.start_ms, from_ms), one.end_ms).cut_to(span)) is not None
        )


LEAST_ELSEWHERE_MS = 4_000
"""Shorter times that only the other stream has, such as until the first keyframe of a connection, are not listed."""
_EVER_MS = 1 << 53


def chosen_segments(archive: RecordingArchive, camera: CameraId, span: Span) -> list[Segment]:
    """Return the segments of a span, of the main stream or, if that has none, of the sub stream."""
    return next((in_run_order(found) for name in StreamName if (found := segments(archive, camera, name, span))), [])


def other_stream(stream: StreamName) -> StreamName:
    return StreamName.SUB if stream is StreamName.MAIN else StreamName.MAIN


def times_of(archive: RecordingArchive, camera: CameraId, stream: StreamName, span: Span) -> tuple[Span, ...]:
    """Return the recorded times of a span."""
    times = (one.span.cut_to(span) for one in segments(archive, camera, stream, span))
    return tuple(one for one in times if one is not None)


def held_times(found: Iterable[Segment], span: Span, unreadable: Iterable[Gap]) -> tuple[Span, ...]:
    """Return the times of a clip's segments, less those that are unreadable or reduced to keyframes."""
    holes = [gap.span(span.end_ms) for gap in unreadable]
    times = (None if is_thinned(one) else one.span.cut_to(span) for one in found)
    return tuple(part for one in times if one is not None for part in missing_spans(holes, one))


def only_elsewhere(
    span: Span, there: Iterable[Span], found: Sequence[Segment], unreadable: Iterable[Gap] = ()
) -> tuple[Span, ...]:
    """Return the parts of a span that only the other stream has.

    there: times of the other stream. found: the segments of the stream, of which some are unreadable.
    """
    holes = missing_spans([one.span for one in found], span) + [gap.span(span.end_ms) for gap in unreadable]
    has = merge_spans(list(there), join_ms=JOIN_MS)
    parts = (part for hole in merge_spans(holes) for one in has if (part := one.cut_to(hole)) is not None)
    return tuple(part for part in parts if part.end_ms - part.begin_ms >= LEAST_ELSEWHERE_MS)


def left_out(
    archive: RecordingArchive, span: Span, found: Sequence[Segment], whole: Cut, unreadable: UnreadableParts
) -> tuple[int | None, tuple[Gap, ...], tuple[Span, ...]]:
    """Return `cut_at_ms`, `unreadable` and `elsewhere` of a re-encoded clip. found: what it was made of."""
    cut_at_ms = max(span.begin_ms, whole.left_out[0].start_ms) if whole.left_out else None
    upto, first = Span(span.begin_ms, cut_at_ms or span.end_ms), found[0]
    gaps, there = unreadable.gaps(found, upto), times_of(archive, first.camera, other_stream(first.stream), upto)
    return cut_at_ms, gaps, only_elsewhere(upto, there, found, gaps)


class ClipCache:
    """Creates clips and caches the latest: players request many ranges of one clip.

    settled_ms: until when all files of both streams are known, ms UTC.
    """

    def __init__(self, archive: RecordingArchive, settled_ms: int = _EVER_MS) -> None:
        self._archive, self._settled_ms = archive, settled_ms
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Wanted, ClipFile] = OrderedDict()
        self._making: dict[_Wanted, threading.Lock] = {}

    def clip(
        self,
        camera: CameraId,
        stream: StreamName,
        span: Span,
        most_bytes: int,
        *,
        with_sound: bool = True,
        exact: bool = False,
        rest_ms: int | None = None,
    ) -> ClipFile | None:
        """Return the clip from the start of the span, or the first keyframe in it; None if nothing is recorded.

        Uses the other stream if this one has no recording, or none that can be read. Privacy masks require re-encoding.
        exact: also re-encode the frames before the first keyframe if possible, so that nothing from before the start is
        included. Segments that cannot be read are left out, unless none can. rest_ms: that of the clip before, which
        left out the segment that begins there and those after it. Raises ClipTooLarge: if it exceeds `most_bytes` or is
        too long to mask; StorageError.
        """
        failed: StorageError | None = None
        for name in (stream, other_stream(stream)):
            found = in_run_order(segments(self._archive, camera, name, span))
            found = found[next((n for n, segment in enumerate(found) if segment.start_ms == rest_ms), 0) :]
            if sum(segment.size_bytes for segment in found) > most_bytes:
                raise ClipTooLarge
            private = self._archive.private(camera)
            if found and private and span.seconds > MOST_COVERED_S:
                raise ClipTooLongToMask
            if not found:
                continue
            known = Span(span.begin_ms, max(span.begin_ms, min(span.end_ms, self._settled_ms)))
            there = times_of(self._archive, camera, other_stream(name), known)
            try:
                made = self._made(_Wanted(span, tuple(found), private, there, with_sound, exact))
            except StorageError as error:
                go_past(error)
                failed = failed or error
                continue
            if made:
                return made
        if failed is not None:
            raise failed
        return None

    def each(
        self, camera: CameraId, stream: StreamName, span: Span, most_bytes: int, *, exact: bool = False
    ) -> Iterator[ClipFile]:
        """Yield the clips of a span: one, and another after each change of the video format.

        After each of them those of the time that only the other stream has. Raises as `clip` does.
        """
        for clip in self._in_turn(camera, stream, span, most_bytes, exact=exact):
            yield clip
            for part in clip.elsewhere:
                try:
                    yield from self._in_turn(camera, other_stream(clip.stream), part, most_bytes, exact=exact)
                except StorageError as error:  # also of a disk that is away: what was asked for is there
                    log.warning("left out of a clip: %s", error)

    def of_parts(
        self, camera: CameraId, stream: StreamName, parts: Iterable[Span], most_bytes: int, *, exact: bool = False
    ) -> Iterator[tuple[Span, ClipFile]]:
        """Yield the clips of each part. Raises as `clip` does, for a part that can't be read after all the others."""
        failed: StorageError | None = None
        for part in parts:
            try:
                for clip in self.each(camera, stream, part, most_bytes, exact=exact):
                    yield part, clip
            except StorageError as error:
                go_past(error)
                failed = failed or error
        if failed is not None:
            raise failed

    def _in_turn(
        self, camera: CameraId, stream: StreamName, span: Span, most_bytes: int, *, exact: bool
    ) -> Iterator[ClipFile]:
        rest, rest_ms = span, None
        while (clip := self.clip(camera, stream, rest, most_bytes, exact=exact, rest_ms=rest_ms)) is not None:
            yield clip
            if clip.rest_from_ms is None:
                return
            rest, rest_ms = Span(clip.rest_from_ms, span.end_ms), clip.rest_ms

    def _made(self, wanted: "_Wanted") -> ClipFile | None:
        key = replace(wanted, found=tuple(replace(segment, path="") for segment in wanted.found))
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:  # a page asks for headers and file at the same time
            try:
                return self._kept_or_cut(key, wanted)
            finally:
                with self._lock:
                    self._making.pop(key, None)

    def _kept_or_cut(self, key: "_Wanted", wanted: "_Wanted") -> ClipFile | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        if kept is not None and kept.is_in_place():
            return kept
        try:
            made = self._cut(wanted)
        except NoFrameInRange:
            return None
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return made

    def _cut(self, wanted: "_Wanted") -> ClipFile:
        span, found = wanted.span, wanted.found
        begun, unreadable = ExactStart([], 0, is_exact=False), UnreadableParts()
        with ExitStack() as held:
            pieces = self._pieces(span, found, wanted.private, held, unreadable)
            if wanted.exact and pieces:
                try:
                    begun = begun_exactly(pieces[0], held)
                except StorageError as error:
                    unreadable.add(pieces[0].start_ms, error)
                pieces = [*begun.pieces, *pieces[1:]]
            try:
                whole = cut_clip(
                    pieces,
                    lambda piece, error: unreadable.add(
                        piece.start_ms, error, piece.start_ms + piece.begin_ticks // 90
                    ),
                    with_sound=wanted.with_sound,
                )
            except NoFrameInRange:
                unreadable.check()
                raise
            file = as_file(whole, with_sound=wanted.with_sound)
            weakref.finalize(file, held.pop_all().close)
        etag = hashlib.blake2s(file.header, digest_size=12).hexdigest()
        rest_ms = whole.left_out[0].start_ms if whole.left_out else None
        cut_at_ms = max(span.begin_ms, rest_ms) if rest_ms is not None else None
        starts_ms = [piece.start_ms for piece in whole.left_out]
        upto = Span(span.begin_ms, cut_at_ms or span.end_ms)
        gaps = unreadable.gaps(found, upto)
        return ClipFile(
            file,
            whole.begin_ms,
            f'"{etag}"',
            span,
            found[0].stream,
            cut_at_ms,
            begun.anew,
            begun.is_exact,
            gaps,
            rest_ms,
            max(span.begin_ms, min(starts_ms)) if starts_ms else None,
            only_elsewhere(upto, wanted.there, found, gaps),
            is_mute=wanted.with_sound and is_too_long_for_sound(whole),
            paths=frozenset(path for path, _, _ in file.origins if path),
            holds=held_times(
                [one for one in found if one.start_ms not in starts_ms], span, unreadable.gaps(found, span)
            ),
        )

    def _pieces(
        self,
        span: Span,
        found: Sequence[Segment],
        private: Sequence[Polygon],
        held: ExitStack,
        unreadable: UnreadableParts,
    ) -> list[SegmentPart]:
        pieces: list[SegmentPart] = []
        for segment in found:
            try:
                piece = _piece(span, segment, self._path(segment, held))
                pieces.append(_covered(piece, private, held) if private else piece)
            except StorageError as error:
                unreadable.add(segment.start_ms, error)
        return pieces

    def _path(self, segment: Segment, held: ExitStack) -> Path:
        """Return the path to read.

        An open segment is opened now, because closing renames it; so is one in memory, because its path may be reused
        after removal.
        """
        path = self._archive.segment_path(segment)
        if not is_open(segment) and not path.is_relative_to("/proc"):
            return path
        try:
            opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return closed_since(self._archive, segment) or path
        except OSError as error:
            raise turned(error, str(path)) from error
        held.callback(os.close, opened)
        return Path(f"/dev/fd/{opened}")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a clip is made of. there: the times of the other stream's segments."""

    span: Span
    found: tuple[Segment, ...]
    private: tuple[Polygon, ...]
    there: tuple[Span, ...]
    with_sound: bool
    exact: bool


def as_file(whole: Cut, *, with_sound: bool) -> ProgressiveMp4:
    """Return the file, with audio that players support or none."""
    sound = _sound(whole) if with_sound else None
    return ProgressiveMp4(whole, sound, is_silent=not with_sound or is_too_long_for_sound(whole))


def _piece(span: Span, segment: Segment, path: Path) -> SegmentPart:
    begin_ticks = max(0, (span.begin_ms - segment.start_ms) * 90)
    end_ticks = (span.end_ms - segment.start_ms) * 90 if span.end_ms < segment.end_ms else None
    return SegmentPart(path, segment.start_ms, begin_ticks, end_ticks, lasts_ticks=lasts_ticks(segment))


def _covered(piece: SegmentPart, private: Sequence[Polygon], held: ExitStack) -> SegmentPart:
    made = covered_file(piece.path, piece.begin_ticks, piece.end_ticks, private)
    held.callback(made.close)
    lasts = piece.lasts_ticks if read_segment(piece.path).lacks_end(piece.lasts_ticks) else 0
    return replace(piece, path=Path(f"/dev/fd/{made.fileno()}"), lasts_ticks=lasts)


def is_too_long_for_sound(whole: Cut) -> bool:
    """Return whether the sound of a clip is left out, because it would have to be transcoded for too long."""
    return whole.audio is not None and whole.audio.codec != "aac" and whole.end_ticks / 90_000 > MOST_SOUND_S


def _sound(whole: Cut) -> ClipSoundtrack | None:
    """Return AAC audio for G.711, silent where it can't be read; None if the stored audio is usable or absent."""
    if whole.audio is None or whole.audio.codec == "aac" or is_too_long_for_sound(whole):
        return None
    track = soundtrack(whole.audio)
    if track is None:
        return None
    for sample in whole.sound(go_past):
        track.add(bytes(sample.data), sample.pts)
    track.finish()
    made = track.take()
    return ClipSoundtrack(track.format, made) if made else None
