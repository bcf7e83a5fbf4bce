"""Redacted clip: blurs chosen areas, or everything except one tracked subject. Without audio.

Everything except the subject is hidden, including people that were not detected. Blocking; decodes everything twice and
re-encodes it.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import median, mode
from typing import Any, Final

import cv2
import numpy as np

from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.media.codec.transcoder import RewriteSpan, write_anew
from tawny.media.image.mask import blur_picture, mask_picture
from tawny.media.mp4.progressive import NoFrameInRange, ProgressiveMp4, SegmentPart, cut_clip
from tawny.media.mp4.segment_reader import SegmentReader, samples
from tawny.model.errors import NotDone, StorageError
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId
from tawny.model.packets import SourcePacket
from tawny.model.segments import Gap, Segment
from tawny.model.times import Span
from tawny.playback.clips import UnreadableParts, chosen_segments, left_out
from tawny.playback.frame_reader import FrameReader
from tawny.playback.recordings import RecordingArchive
from tawny.playback.redaction_areas import Redaction, SubjectMark
from tawny.playback.segment_player import reread_segment

# Tracks one person through frames so that everything else can be hidden; if in doubt, the track ends.

WIDTH: Final = 192
"""Width of a frame in cells."""
DIFFERS: Final = 16
"""Minimum difference of a cell to the scene in gray levels..."""
NOISE: Final = 5.0
"""...and as a multiple of the frame's median difference."""
LEAST_CELLS: Final = 12
REACH: Final = 2
"""Maximum movement between two frames in cells, in addition to its own size; frames come at least ten a second."""
GROWS: Final = 1.4
SHRINKS: Final = 0.3
"""Maximum and minimum area relative to its recent area."""
BESIDE: Final = 0.2
"""Maximum area of side parts relative to the largest part: two people who separate stand next to each other."""
SHOWN: Final = 2
APART: Final = 4
"""Margin in cells shown around the subject, and hidden around others."""
PATIENCE_MS: Final = 400
"""Maximum time for which the subject is not seen, recorded or not, in ms."""
LATE_MS: Final = 1_500

Grey = np.ndarray[Any, np.dtype[np.uint8]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class TrackedPicture:
    """The packed difference of a frame to the scene."""

    at_ms: int
    shape: tuple[int, int]
    bits: bytes

    @property
    def mask(self) -> Mask:
        count = self.shape[0] * self.shape[1]
        return np.unpackbits(np.frombuffer(self.bits, np.uint8), count=count).reshape(self.shape).astype(bool)


def downscaled_grid(luma: Any) -> Grey:
    """Return the downscaled frame, uint8 [height, WIDTH]."""
    height, width = luma.shape[:2]
    size = (WIDTH, max(2, round(WIDTH * height / width)))
    return np.asarray(cv2.resize(np.ascontiguousarray(luma), size, interpolation=cv2.INTER_AREA), np.uint8)


def place_of(pictures: Sequence[Grey]) -> Grey:
    """Return the usual scene: the median of the frames."""
    return np.asarray(np.median(np.stack(pictures), axis=0), np.uint8)


def seen_in(at_ms: int, picture: Grey, place: Grey) -> TrackedPicture:
    apart = cv2.absdiff(picture, place)
    differs = apart > max(DIFFERS, NOISE * float(np.median(apart)))
    closed = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return TrackedPicture(at_ms, (closed.shape[0], closed.shape[1]), np.packbits(closed.astype(np.bool_)).tobytes())


def follow_subject(seen: Sequence[TrackedPicture], marks: Sequence[SubjectMark]) -> dict[int, Mask]:
    """Return the visible mask by frame time, for frames that show the subject. seen: in order of time."""
    shown: dict[int, Mask] = {}
    for mark in marks:
        begin = min(range(len(seen)), key=lambda number: abs(seen[number].at_ms - mark.at_ms), default=None)
        if begin is not None:
            for order in (range(begin, len(seen)), range(begin, -1, -1)):
                shown |= _followed([seen[number] for number in order], mark)
    return shown


def _followed(seen: Sequence[TrackedPicture], mark: SubjectMark) -> dict[int, Mask]:
    height, width = seen[0].shape
    at = min(height - 1, int(mark.y * height)), min(width - 1, int(mark.x * width))
    patches = _patches(seen[0].mask)
    mine = next((one for one in patches if _grown(one, REACH)[at]), None)
    if mine is None:
        return {}
    others = [one for one in patches if one is not mine]
    areas = deque([(seen[0].at_ms, int(mine.sum()))])
    shown = {seen[0].at_ms: _window(mine, others)}
    last_ms = seen[0].at_ms
    for one in seen[1:]:
        if abs(one.at_ms - last_ms) > PATIENCE_MS:
            break
        patches = _patches(one.mask)
        near = _grown(mine, REACH)
        parts = [patch for patch in patches if (patch & near).any()]
        if not parts:
            continue
        whole = np.any(np.stack(parts), axis=0)
        area, of_late = int(whole.sum()), [each for _, each in areas]
        meets = any((_grown(other, REACH) & whole).any() for other in others)
        if meets or _comes_apart(parts) or not SHRINKS * median(of_late) <= area <= GROWS * max(of_late):
            break
        others = [patch for patch in patches if not (patch & near).any()]
        mine, last_ms = whole, one.at_ms
        areas.append((one.at_ms, area))
        while abs(areas[0][0] - last_ms) > LATE_MS:
            areas.popleft()
        shown[one.at_ms] = _window(mine, others)
    return shown


def _comes_apart(parts: Sequence[Mask]) -> bool:
    """Return whether parts lie side by side. A head may separate from the body where clothes match the background."""
    largest = max(parts, key=np.count_nonzero)
    columns = largest.any(axis=0)
    beside = sum(int(part.sum()) for part in parts if not (part.any(axis=0) & columns).any())
    return beside > BESIDE * int(largest.sum())


def _patches(mask: Mask) -> list[Mask]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = [n for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] >= LEAST_CELLS]
    return [labels == n for n in large]


def _window(mine: Mask, others: Sequence[Mask]) -> Mask:
    shown = _grown(mine, SHOWN)
    for other in others:
        shown &= ~_grown(other, APART)
    return shown


def _grown(mask: Mask, by: int) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)).astype(bool)


MOST_S = 600.0
_PLACE_LOOKS, _PLACE_AROUND_MS = 60, 60_000
"""Number of frames for the background, and the time around the span from which they are taken, ms."""
_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class RedactionResult:
    """A written clip.

    start_ms: ms UTC. shown_s: seconds that show the subject; None without one. summary: what was hidden, for the
    manifest, as integers: thousandths of the frame and ms UTC. cut_at_ms, unreadable, elsewhere: as of a `ClipFile`.
    """

    start_ms: int
    pictures: int
    shown_s: int | None
    summary: dict[str, object] = field(default_factory=dict)
    cut_at_ms: int | None = None
    unreadable: tuple[Gap, ...] = ()
    elsewhere: tuple[Span, ...] = ()


Progress = Callable[[float], None]
"""Receives the progress, 0..1. Raises to cancel."""


def redact(
    archive: RecordingArchive, camera: CameraId, span: Span, wanted: Redaction, out: Path, progress: Progress
) -> RedactionResult:
    """Write the clip.

    Raises NotDone: if nothing is recorded, it is too long, or the subject cannot be tracked; OSError.
    """
    if span.seconds > MOST_S:
        raise NotDone(f"A redacted clip can be at most {MOST_S / 60:.0f} min long.", "Choose a shorter time.")
    found, unreadable = chosen_segments(archive, camera, span), UnreadableParts()
    if not found:
        raise NotDone("There is no video in this time.", "Choose another time.")
    shown = _shown(archive, camera, found, span, wanted, progress, unreadable) if wanted.marks else {}
    if wanted.marks and not shown:
        unreadable.check()
        raise NotDone(
            "Nothing moves at that point, so there is nothing to follow.",
            "Choose a point on someone who moves, at a time when no other person touches them.",
        )
    private, begins, count = archive.private(camera), list[SegmentPart](), 0
    with ExitStack() as held:
        for number, segment in enumerate(found):
            change = _Change(segment.start_ms, wanted, shown, private)
            begin = max(0, (span.begin_ms - segment.start_ms) * 90)
            end = (span.end_ms - segment.start_ms) * 90 if span.end_ms < segment.end_ms else None
            made = held.enter_context(os.fdopen(os.memfd_create("redacted", os.MFD_CLOEXEC), "wb"))
            try:
                file = reread_segment(archive, segment)
                if unreadable.add_end(segment, file, span):
                    continue
                encoded = write_anew(made, file, RewriteSpan(begin, end), change)
            except StorageError as error:
                unreadable.add(segment.start_ms, error)
                continue
            made.flush()
            if encoded:
                begins.append(SegmentPart(Path(f"/dev/fd/{made.fileno()}"), segment.start_ms, begin, end))
            count += encoded
            progress((0.5 if wanted.marks else 0.0) + (number + 1) / len(found) * (0.45 if wanted.marks else 0.95))
        try:
            whole = cut_clip(begins, with_sound=False)
        except NoFrameInRange:
            unreadable.check()
            raise NotDone("There is no video in this time.", "Choose another time.") from None
        with out.open("wb") as film:
            for data in ProgressiveMp4(whole, is_silent=True).read():
                film.write(data)
    seconds = len({at_ms // _SECOND_MS for at_ms in shown}) if wanted.marks else None
    summary = _report(wanted, shown)
    return RedactionResult(whole.begin_ms, count, seconds, summary, *left_out(archive, span, found, whole, unreadable))


def _shown(
    archive: RecordingArchive,
    camera: CameraId,
    found: Sequence[Segment],
    span: Span,
    wanted: Redaction,
    progress: Progress,
    unreadable: UnreadableParts,
) -> dict[int, Mask]:
    around = Span(span.begin_ms - _PLACE_AROUND_MS, span.end_ms + _PLACE_AROUND_MS)
    step_ms = max(1, (around.end_ms - around.begin_ms) // _PLACE_LOOKS)
    pictures = FrameReader(archive, camera, found[0].stream, is_coarse=True)
    looks = [pictures.at(at_ms) for at_ms in range(around.begin_ms, around.end_ms, step_ms)]
    greys = [downscaled_grid(look.luma) for look in looks if look is not None]
    usual = mode(grey.shape for grey in greys) if greys else None
    place = place_of([grey for grey in greys if grey.shape == usual]) if greys else None
    seen = []
    for at_ms, frame in _frames(archive, found, span, unreadable):
        grey = downscaled_grid(frame.luma)
        if place is not None and grey.shape == place.shape:
            seen.append(seen_in(at_ms, grey, place))
        progress(0.5 * (at_ms - span.begin_ms) / max(1, span.end_ms - span.begin_ms))
    return follow_subject(seen, wanted.marks) if seen else {}


def _frames(
    archive: RecordingArchive, found: Sequence[Segment], span: Span, unreadable: UnreadableParts
) -> Iterator[tuple[int, DecodedFrame]]:
    for segment in found:
        try:
            for frame in _decoded(reread_segment(archive, segment), segment.start_ms, span):
                yield segment.start_ms + frame.at_ms, frame
        except StorageError as error:
            unreadable.add(segment.start_ms, error)


def _decoded(file: SegmentReader, start_ms: int, span: Span) -> Iterator[DecodedFrame]:
    keys = [
        n
        for n, one in enumerate(file.fragments)
        if one.is_keyframe and start_ms + one.start_ticks // 90 <= span.begin_ms
    ]
    decoder = Decoder(file.video)
    for sample in samples(file, file.fragments[keys[-1] if keys else 0 :]):
        if sample.is_video:
            packet = SourcePacket(file.video, sample.data, sample.pts, sample.is_keyframe)
            yield from decoder.decode(packet)
        if start_ms + sample.pts // 90 > span.end_ms + _SECOND_MS and sample.is_video:
            break
    yield from decoder.drain()


class _Change:
    """Blurs the hidden areas of a segment's frames."""

    def __init__(self, start_ms: int, wanted: Redaction, shown: dict[int, Mask], private: tuple[Polygon, ...]) -> None:
        self._start_ms, self._wanted, self._shown, self._private = start_ms, wanted, shown, private

    def __call__(self, frame: DecodedFrame) -> DecodedFrame:
        size = (WIDTH * 2, max(2, round(WIDTH * 2 * frame.height / frame.width)))
        shown = self._shown.get(self._start_ms + frame.at_ms)
        hidden = np.full((size[1], size[0]), bool(self._wanted.marks), np.uint8)
        if shown is not None:
            hidden[cv2.resize(shown.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0] = 0
        for area in self._wanted.areas:
            corners = np.round(np.array(area.points) * np.array(size)).astype(np.int32)
            cv2.fillPoly(hidden, [corners], (1,))
        return blur_picture(mask_picture(frame, self._private), hidden.astype(np.bool_))


def _report(wanted: Redaction, shown: dict[int, Mask]) -> dict[str, object]:
    areas = [[[round(x * 1000), round(y * 1000)] for x, y in area.points] for area in wanted.areas]
    marks = [[mark.at_ms, round(mark.x * 1000), round(mark.y * 1000)] for mark in wanted.marks]
    boxes = [
        [second * _SECOND_MS, *_around([mask for _, mask in group])]
        for second, group in groupby(sorted(shown.items()), key=lambda one: one[0] // _SECOND_MS)
    ]
    return {"areas": areas, "all_but": marks, "shown": boxes}


def _around(masks: Sequence[Mask]) -> list[int]:
    whole = np.any(np.stack(masks), axis=0)
    rows, columns = np.flatnonzero(whole.any(axis=1)), np.flatnonzero(whole.any(axis=0))
    if not len(rows):
        return [0, 0, 0, 0]
    height, width = whole.shape
    edges = (columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height)
    return [round(float(edge) * 1000) for edge in edges]
