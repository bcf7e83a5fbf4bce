"""Still images of the past for previews: the keyframe at or before an instant as JPEG. Blocking; thread-safe.

A limited number of images is cached, because a pointer moving along the timeline requests the same ones repeatedly.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tawny.media.image.jpeg import keyframe_jpeg
from tawny.media.mp4.segment_reader import SegmentReader, read_segment, samples
from tawny.model.errors import FileSealed, StorageError, StorageUnavailable
from tawny.model.ids import CameraId, SegmentId, StreamName
from tawny.model.packets import SourcePacket
from tawny.model.segments import Gap, GapReason, Segment, gap_words
from tawny.model.times import Span, utc_text
from tawny.playback.clips import ClipFile, other_stream
from tawny.playback.exports import clock_text
from tawny.playback.recordings import RecordingArchive, segments
from tawny.playback.timeline import UNNOTED, unnoted

MOST_KEPT_BYTES = 6_000_000
SMALL_WIDTH = 640
"""Maximum width for which the sub stream suffices, px."""
LATE_MS = 3_000
"""Time after the end of a recording, ms, for which its last image is used: the next one is on its way."""


@dataclass(frozen=True, slots=True)
class StillPicture:
    jpeg: bytes
    at_ms: int


_Key = tuple[SegmentId, int, int, int]


def shown_in(archive: RecordingArchive, camera: CameraId, at_ms: int, width: int) -> Iterator[Segment]:
    """Yield the recordings that may contain the image of an instant, most suitable for this width first."""
    by_fitness = [StreamName.SUB, StreamName.MAIN] if width <= SMALL_WIDTH else [StreamName.MAIN, StreamName.SUB]
    for stream in by_fitness:
        yield from reversed(segments(archive, camera, stream, Span(at_ms - LATE_MS, at_ms + 1)))


class StillReader:
    def __init__(self, archive: RecordingArchive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, StillPicture] = OrderedDict()
        self._kept_bytes = 0

    def at(self, camera: CameraId, at_ms: int, width: int) -> StillPicture | None:
        """Return an image of at most `width` px, or None if nothing is recorded or decodable.

        Raises FileSealed: if it is sealed; StorageUnavailable.
        """
        found = (self._of(segment, at_ms, width) for segment in shown_in(self._archive, camera, at_ms, width))
        return next((picture for picture in found if picture), None)

    def _of(self, segment: Segment, at_ms: int, width: int) -> StillPicture | None:
        try:
            file = read_segment(self._archive.segment_path(segment))
            return self._picture(segment, file, at_ms, width)
        except (FileSealed, StorageUnavailable):
            raise  # the caller may have the key
        except StorageError:
            return None  # `tawny check` reports it; the preview has no image

    def _picture(self, segment: Segment, file: SegmentReader, at_ms: int, width: int) -> StillPicture | None:
        places = [fragment for fragment in file.fragments if fragment.is_keyframe]
        ticks = (at_ms - segment.start_ms) * 90
        fragment = next((one for one in reversed(places) if one.start_ticks <= ticks), places[0] if places else None)
        if fragment is None:
            return None
        private = self._archive.private(segment.camera)
        key = (segment.id, fragment.offset, width, hash(private))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        first = next(samples(file, [fragment]))
        jpeg = keyframe_jpeg(SourcePacket(file.video, first.data, first.pts, is_keyframe=True), width, private)
        picture = jpeg and StillPicture(jpeg, segment.start_ms + first.pts // 90)
        if picture:
            self._keep(key, picture)
        return picture or None

    def _keep(self, key: _Key, picture: StillPicture) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = picture
                self._kept_bytes += len(picture.jpeg)
            while self._kept_bytes > MOST_KEPT_BYTES:
                _, gone = self._kept.popitem(last=False)
                self._kept_bytes -= len(gone.jpeg)


# Text sheet for a clip: time range, gaps and SHA-256.


@dataclass(frozen=True, slots=True)
class ClipSheetHeader:
    """Values for the header lines."""

    name: str
    """Name of the clip's file."""
    camera: CameraId
    camera_name: str
    recorder: str
    person: str
    zone: ZoneInfo
    now_ms: int


def clip_sheet(archive: RecordingArchive, clip: ClipFile, request: Span, about: ClipSheetHeader) -> str:
    """Return the sheet as lines of text. request: the requested time."""
    digest = hashlib.sha256()
    for data in clip.read(0, clip.size_bytes):
        digest.update(data)
    end_ms = clip.end_ms
    lines = [
        f"File        {about.name}",
        f"Size        {clip.size_bytes} bytes",
        f"SHA-256     {digest.hexdigest()}",
        f"Camera      {about.camera_name} ({about.camera})",
        f"Start       {_both(about.zone, clip.start_ms)}",
        f"End         {_both(about.zone, end_ms)}",
        f"Recorder    {about.recorder}",
        f"Exported    {_both(about.zone, about.now_ms)}, by {about.person}",
    ]
    if archive.private(about.camera):
        lines.append("Re-encoded, because privacy masks are blacked out.")
    else:
        lines.append("Original video, not re-encoded.")
    whole = Span(min(request.begin_ms, clip.start_ms), max(end_ms, clip.start_ms + 1))
    gaps = [*archive.index.gaps(about.camera, whole), *clip.unreadable]
    quiet = [gap for gap in gaps if gap.reason is GapReason.WAITING]
    missing = sorted((gap for gap in gaps if gap.reason is not GapReason.WAITING), key=lambda gap: gap.begin_ms)
    holes = unnoted(archive, about.camera, whole, gaps)
    if clip.is_mute:
        lines.append("Without sound: G.711 sound is converted only up to an hour.")
    is_whole = not missing and not holes and not clip.elsewhere and clip.cut_at_ms is None
    if missing or holes or is_whole:
        lines += ["", "Nothing is missing." if is_whole else "Missing"]
        lines += [_gap_line(gap, about.zone) for gap in missing]
        lines += [f"{_span_line(hole, about.zone)}: {UNNOTED}" for hole in holes]
    if clip.elsewhere:
        lines += ["", f"Recorded only in the {other_stream(clip.stream)} stream, so not in this file"]
        lines += [_span_line(part, about.zone) for part in clip.elsewhere]
    if clip.cut_at_ms is not None:
        rest = Span(clip.cut_at_ms, max(clip.cut_at_ms, request.end_ms))
        lines += ["", "Not in this file, because the video format changed", _span_line(rest, about.zone)]
    if quiet:
        lines += ["", "Skipped, because the camera records only around events"]
        lines += [_gap_line(gap, about.zone) for gap in quiet]
    return "\n".join(lines) + "\n"


def _gap_line(gap: Gap, zone: ZoneInfo) -> str:
    until = "now" if gap.end_ms is None else _both(zone, gap.end_ms)
    return f"  {_both(zone, gap.begin_ms)} to {until}: {gap_words(gap)}"


def _span_line(span: Span, zone: ZoneInfo) -> str:
    return f"  {_both(zone, span.begin_ms)} to {_both(zone, span.end_ms)}"


def _both(zone: ZoneInfo, at_ms: int) -> str:
    return f"{clock_text(zone, at_ms)} ({utc_text(at_ms)})"
