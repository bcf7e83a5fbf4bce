"""Redacted clip: blurs chosen areas, or everything except one tracked subject. Without audio.

Everything except the subject is hidden, including people that were not detected. Blocking; decodes everything twice and
re-encodes it.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np

from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.media.codec.rewrite import RewriteSpan, write_anew
from tawny.media.image.blur import blur_picture
from tawny.media.image.mask import mask_picture
from tawny.media.mp4.progressive import ProgressiveMp4, SegmentPart, cut_clip
from tawny.media.mp4.segment_reader import read_segment, samples
from tawny.model.errors import NotDone
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import SourcePacket
from tawny.model.polygon import Polygon
from tawny.model.segments import Segment
from tawny.model.times import Span
from tawny.playback.frame_reader import FrameReader
from tawny.playback.recordings import RecordingArchive
from tawny.playback.redaction_areas import Redaction
from tawny.playback.segment_lookup import segments
from tawny.playback.subject_tracker import WIDTH, Mask, downscaled_grid, follow_subject, place_of, seen_in

MOST_S = 600.0
_PLACE_LOOKS, _PLACE_AROUND_MS = 60, 60_000
"""Number of frames for the background, and the time around the span from which they are taken, ms."""
_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class RedactionResult:
    """A written clip.

    start_ms: ms UTC. shown_s: seconds that show the subject; None without one. summary: what was hidden, for
    the manifest,
    as integers: thousandths of the frame and ms UTC.
    """

    start_ms: int
    pictures: int
    shown_s: int | None
    summary: dict[str, object] = field(default_factory=dict)


HasDone = Callable[[float], None]
"""Receives the progress, 0..1. Raises to cancel."""


def redact(
    archive: RecordingArchive, camera: CameraId, span: Span, wanted: Redaction, out: Path, has_done: HasDone
) -> RedactionResult:
    """Write the clip.

    Raises NotDone: if nothing is recorded, it is too long, or the subject cannot be tracked; OSError.
    """
    if span.seconds > MOST_S:
        raise NotDone(f"A redacted clip can be at most {MOST_S / 60:.0f} min long.", "Choose a shorter time.")
    found = _found(archive, camera, span)
    if not found:
        raise NotDone("There is no video in this time.", "Choose another time.")
    shown = _shown(archive, camera, found, span, wanted, has_done) if wanted.marks else {}
    if wanted.marks and not shown:
        raise NotDone(
            "Nothing moves at that point, so there is nothing to follow.",
            "Choose a point on someone who moves, at a time when no other person touches them.",
        )
    private, begins, count = archive.private(camera), list[SegmentPart](), 0
    with ExitStack() as held:
        for number, segment in enumerate(found):
            change = _Change(segment.start_ms, wanted, shown, private)
            path = archive.segment_path(segment)
            file = read_segment(path)
            begin = max(0, (span.begin_ms - segment.start_ms) * 90)
            end = (span.end_ms - segment.start_ms) * 90 if span.end_ms < segment.end_ms else None
            made = held.enter_context(os.fdopen(os.memfd_create("redacted", os.MFD_CLOEXEC), "wb"))
            encoded = write_anew(made, file, RewriteSpan(begin, end), change)
            made.flush()
            if encoded:
                begins.append(SegmentPart(Path(f"/dev/fd/{made.fileno()}"), segment.start_ms, begin, end))
            count += encoded
            has_done((0.5 if wanted.marks else 0.0) + (number + 1) / len(found) * (0.45 if wanted.marks else 0.95))
        try:
            whole = cut_clip(begins)
        except ValueError:
            raise NotDone("There is no video in this time.", "Choose another time.") from None
        with out.open("wb") as film:
            for data in ProgressiveMp4(whole, is_silent=True).read():
                film.write(data)
    seconds = len({at_ms // _SECOND_MS for at_ms in shown}) if wanted.marks else None
    return RedactionResult(whole.begin_ms, count, seconds, _told(wanted, shown))


def _found(archive: RecordingArchive, camera: CameraId, span: Span) -> list[Segment]:
    for stream in (StreamName.MAIN, StreamName.SUB):
        found = segments(archive, camera, stream, span)
        if found:
            return found
    return []


def _shown(
    archive: RecordingArchive,
    camera: CameraId,
    found: Sequence[Segment],
    span: Span,
    wanted: Redaction,
    has_done: HasDone,
) -> dict[int, Mask]:
    around = Span(span.begin_ms - _PLACE_AROUND_MS, span.end_ms + _PLACE_AROUND_MS)
    step_ms = max(1, (around.end_ms - around.begin_ms) // _PLACE_LOOKS)
    pictures = FrameReader(archive, camera, found[0].stream, is_coarse=True)
    looks = [pictures.at(at_ms) for at_ms in range(around.begin_ms, around.end_ms, step_ms)]
    greys = [downscaled_grid(look.luma) for look in looks if look is not None]
    greys = [grey for grey in greys if grey.shape == greys[-1].shape]
    place = place_of(greys)
    seen = []
    for at_ms, frame in _frames(archive, found, span):
        grey = downscaled_grid(frame.luma)
        if grey.shape == place.shape:
            seen.append(seen_in(at_ms, grey, place))
        has_done(0.5 * (at_ms - span.begin_ms) / max(1, span.end_ms - span.begin_ms))
    return follow_subject(seen, wanted.marks) if seen else {}


def _frames(archive: RecordingArchive, found: Sequence[Segment], span: Span) -> Iterator[tuple[int, DecodedFrame]]:
    for segment in found:
        file = read_segment(archive.segment_path(segment))
        keys = [
            n
            for n, one in enumerate(file.fragments)
            if one.is_keyframe and segment.start_ms + one.start_ticks // 90 <= span.begin_ms
        ]
        inside = file.fragments[keys[-1] if keys else 0 :]
        decoder = Decoder(file.video)
        for sample in samples(file, inside):
            if sample.is_video:
                packet = SourcePacket(file.video, sample.data, sample.pts, sample.is_keyframe)
                yield from ((segment.start_ms + frame.at_ms, frame) for frame in decoder.decode(packet))
            if segment.start_ms + sample.pts // 90 > span.end_ms + _SECOND_MS and sample.is_video:
                break
        yield from ((segment.start_ms + frame.at_ms, frame) for frame in decoder.drain())


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


def _told(wanted: Redaction, shown: dict[int, Mask]) -> dict[str, object]:
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
    high, wide = whole.shape
    edges = (columns[0] / wide, rows[0] / high, (columns[-1] + 1) / wide, (rows[-1] + 1) / high)
    return [round(float(edge) * 1000) for edge in edges]
