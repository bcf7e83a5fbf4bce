"""Decoded frames of one camera at ascending instants. Blocking; one thread at a time.

Falls back to the other stream if the requested one has no recording, or can't be read.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.media.image.jpeg import SQUARE, WIDE, ImageView, event_image, jpeg
from tawny.media.image.mask import mask_picture
from tawny.media.mp4.segment_reader import END_MISSING, SegmentReader, StoredSample, samples
from tawny.model.errors import FileDamaged, FileSealed, StorageError, StorageUnavailable
from tawny.model.events import Event, event_title
from tawny.model.ids import CameraId, SegmentId, StreamName
from tawny.model.packets import SourcePacket
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Span
from tawny.playback.recordings import JOIN_MS, RecordingArchive, lasts_ticks, segments
from tawny.playback.segment_player import reread_segment

LOOK_MS = 6 * 3_600_000
"""Range of the archive looked up at once, ms."""


class FrameReader:
    """Reads frames of one camera. is_coarse: keyframes only, cheap for distant instants."""

    def __init__(
        self, archive: RecordingArchive, camera: CameraId, stream: StreamName, *, is_coarse: bool = False
    ) -> None:
        self._archive, self._camera, self._is_coarse = archive, camera, is_coarse
        self._streams = [stream, *(other for other in StreamName if other is not stream)]
        self._looked = Span(0, 0)
        self._known: list[list[Segment]] = [[] for _ in self._streams]
        self._readers: dict[StreamName, _Reader] = {}
        self._latest: _Reader | None = None
        self._failed: dict[SegmentId, tuple[Span, StorageError]] = {}
        """The latest part of each segment that can't be read."""
        self._missing: dict[Span, StorageError] = {}

    @property
    def start_ms(self) -> int | None:
        """Reference of the last frame's times, ms UTC."""
        return self._latest.segment.start_ms if self._latest else None

    def at(self, at_ms: int) -> DecodedFrame | None:
        """Return the frame shown at an instant, not before the previous one; None if nothing is recorded or readable.

        Raises FileSealed: if the recording is sealed.
        """
        failed: tuple[Span, StorageError] | None = None
        for segment in self._segments(at_ms):
            part = self._failed.get(segment.id)
            if part is None or at_ms >= part[0].end_ms:
                try:
                    frame = self._frame(segment, at_ms)
                except FileSealed:
                    raise  # recorded but not readable without the key
                except StorageUnavailable as error:  # of every file, and perhaps only for now
                    part = Span(at_ms, at_ms + 1), error
                except StorageError as error:  # removed or damaged meanwhile
                    part = self._failed[segment.id] = self._part(segment, at_ms), error
                else:
                    return mask_picture(frame, self._archive.private(self._camera)) if frame else None
            failed = failed or part
        if failed is not None:
            self._missing[failed[0]] = failed[1]
        return None

    def check(self) -> None:
        """Raise the first error because of which `at` has returned no frame, if there is one."""
        for error in self._missing.values():
            raise error

    def unreadable(self, within: Span) -> tuple[Gap, ...]:
        """Return the times of a span for which `at` has returned no frame because of errors, in order."""
        return tuple(
            Gap(self._camera, part.begin_ms, part.end_ms, GapReason.DISK_ERROR, error.detail)
            for span, error in sorted(self._missing.items(), key=lambda one: one[0])
            if (part := span.cut_to(within)) is not None
        )

    def _frame(self, segment: Segment, at_ms: int) -> DecodedFrame | None:
        reader = self._readers.get(segment.stream)
        if reader is None or reader.segment.id != segment.id:
            file, decoder = reread_segment(self._archive, segment), reader.decoder if reader else None
            reader = self._readers[segment.stream] = _Reader(segment, file, decoder, is_coarse=self._is_coarse)
        self._latest = reader
        return reader.at(at_ms)

    def _part(self, segment: Segment, at_ms: int) -> Span:
        """Return what to leave out of a segment after an error: up to its next keyframe, all if it can't be opened."""
        reader = self._readers.pop(segment.stream, None)
        if reader is None or reader.segment.id != segment.id:
            return segment.span
        return Span(at_ms, max(at_ms, reader.next_keyframe_ms(at_ms)))

    def _segments(self, at_ms: int) -> Iterator[Segment]:
        """Yield the segment of an instant of each stream that has one, the requested stream first."""
        if not self._looked.begin_ms <= at_ms < self._looked.end_ms:
            self._looked = Span(at_ms, at_ms + LOOK_MS)
            within = Span(at_ms - JOIN_MS, at_ms + LOOK_MS)
            self._known = [segments(self._archive, self._camera, stream, within) for stream in self._streams]
        for known in self._known:
            place = bisect_right(known, at_ms, key=lambda segment: segment.start_ms) - 1
            if place >= 0 and at_ms < known[place].end_ms + JOIN_MS:
                yield known[place]


def full_size(archive: RecordingArchive, camera: CameraId, at_ms: int) -> tuple[bytes, int] | None:
    """Return the frame of an instant as a full-size JPEG, and its time in ms UTC."""
    pictures = FrameReader(archive, camera, StreamName.MAIN)
    frame = pictures.at(at_ms)
    start_ms = pictures.start_ms
    return None if frame is None or start_ms is None else (jpeg(frame, quality=92), start_ms + frame.at_ms)


SMALL: Final = 0.35
"""Share of the width and height below which an object is cut from the recording: snapshots have fewer pixels."""
NEAR_MS: Final = 300
"""Distance, ms, up to which a recorded frame counts as that of a snapshot."""


def event_snapshot(
    archive: RecordingArchive, event: Event, stored: bytes, view: ImageView, *, is_square: bool = False
) -> bytes:
    """Return an event's snapshot as `view` says. A small object is cut from the full-size frame if it is recorded.

    stored: its JPEG. May decode a group of frames.
    """
    box, at_ms, aspect = event.box, event.picture_ms, SQUARE if is_square else WIDE
    is_small = box is not None and max(box[2] - box[0], box[3] - box[1]) < SMALL
    if view == "closeup" and is_small and at_ms is not None:
        with suppress(FileSealed):
            found = full_size(archive, event.camera, at_ms)
            if found is not None and abs(found[1] - at_ms) <= NEAR_MS:
                return event_image(found[0], box, view, aspect=aspect)
    return event_image(stored, box, view, aspect=aspect, label=event_title(event))


class _Reader:
    """Reads one segment. decoder: of the previous segment, reused if it fits."""

    def __init__(self, segment: Segment, file: SegmentReader, decoder: Decoder | None, *, is_coarse: bool) -> None:
        self.segment, self._file, self._is_coarse = segment, file, is_coarse
        fits = decoder is not None and decoder.format == file.video
        self.decoder = decoder if decoder is not None and fits else Decoder(file.video)
        self._begins = [number for number, one in enumerate(file.fragments) if one.is_keyframe]
        self._key = -1
        """The fragment at which decoding started."""
        self._samples: Iterator[StoredSample] = iter(())
        self._ahead: deque[DecodedFrame] = deque()
        self._shown: DecodedFrame | None = None

    def at(self, at_ms: int) -> DecodedFrame | None:
        wanted_ms = at_ms - self.segment.start_ms
        if wanted_ms * 90 >= self._file.duration_ticks and self._file.lacks_end(lasts_ticks(self.segment)):
            raise FileDamaged(self.segment.path, END_MISSING)
        key = self._key_before(wanted_ms * 90)
        if key is None:
            return None
        if self._is_coarse:
            if key != self._key:
                self._begin(key)
                self._ahead.extend(self._decoded(next(self._samples)) or self.decoder.drain())
                self._shown = self._ahead.popleft() if self._ahead else self._shown
            return self._shown
        if key > self._reached:
            self._begin(key)
        self._go_on(wanted_ms)
        return self._shown

    @property
    def _reached(self) -> int:
        """The last keyframe's fragment at or before the decoded frames."""
        if self._shown is None:
            return self._key
        return max(self._key, self._key_before((self._ahead[-1] if self._ahead else self._shown).at_ms * 90) or 0)

    def next_keyframe_ms(self, at_ms: int) -> int:
        """Return when the first keyframe after an instant begins, ms UTC; the segment's end if there is none."""
        starts_ms = (self.segment.start_ms + self._file.fragments[number].start_ticks // 90 for number in self._begins)
        return next((start_ms for start_ms in starts_ms if start_ms > at_ms), self.segment.end_ms)

    def _key_before(self, ticks: int) -> int | None:
        """Return the keyframe's fragment at or before this time, else the first one."""
        found = bisect_right(self._begins, ticks, key=lambda number: self._file.fragments[number].start_ticks)
        return self._begins[max(0, found - 1)] if self._begins else None

    def _begin(self, fragment: int) -> None:
        self.decoder.reset()
        self._ahead.clear()
        self._key = fragment
        inside = self._file.fragments[fragment : fragment + 1] if self._is_coarse else self._file.fragments[fragment:]
        self._samples = (sample for sample in samples(self._file, inside) if sample.is_video)

    def _go_on(self, wanted_ms: int) -> None:
        while not self._ahead or self._ahead[0].at_ms <= wanted_ms:
            if self._ahead:
                self._shown = self._ahead.popleft()
                continue
            sample = next(self._samples, None)
            self._ahead.extend(self.decoder.drain() if sample is None else self._decoded(sample))
            if sample is None and not self._ahead:
                return

    def _decoded(self, sample: StoredSample) -> list[DecodedFrame]:
        return self.decoder.decode(SourcePacket(self._file.video, sample.data, sample.pts, sample.is_keyframe))
