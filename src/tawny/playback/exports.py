"""Exports of a time span as one file: a clip as recorded, or re-encoded video and images.

Re-encoded: GIF, time-lapse, side by side with one clock, contact sheet. Blocking; call from one thread each. The
progress callback raises to cancel.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Protocol
from zipfile import ZIP_STORED, ZipFile
from zoneinfo import ZoneInfo

from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.transcoder import RewriteSpan, VideoWriter, write_anew
from tawny.media.image.canvas import FPS as GIF_FPS
from tawny.media.image.canvas import GIF_WIDTH, Canvas, GifPicture, gif_picture, write_gif
from tawny.media.image.jpeg import Tiles
from tawny.media.image.mask import mask_picture
from tawny.media.image.stamp import downscaled, stamped
from tawny.media.mp4.progressive import SegmentPart, cut_clip
from tawny.model.errors import FileMissing, NotDone, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span, missing_spans
from tawny.playback.clips import (
    MOST_COVERED_S,
    ClipCache,
    ClipFile,
    ClipTooLarge,
    ClipTooLongToMask,
    UnreadableParts,
    as_file,
    chosen_segments,
    is_too_long_for_sound,
    left_out,
)
from tawny.playback.evidence import EvidenceResult
from tawny.playback.frame_reader import FrameReader
from tawny.playback.recordings import RecordingArchive
from tawny.playback.redaction_areas import Redaction
from tawny.playback.segment_player import reread_segment
from tawny.playback.stamps import FrameStamps, StampMaker
from tawny.playback.timeline import LaneHole, lane_holes, recorded_spans
from tawny.storage.retention.contract import duration_words

MOST_GIF_S = 30.0
MOST_BESIDE_S = 600.0
MOST_LAPSE_S = 600.0
"""Length of the resulting film, s."""
LEAST_SPEED, MOST_SPEED = 2.0, 100_000.0
MOST_STAMPED_S = 600.0
MINUTE_S = 60.0
LAPSE_FPS, BESIDE_FPS = 25, 15
COARSE_MS = 1500
"""Interval from which only keyframes are decoded, ms."""
SHEET_COLUMNS, SHEET_ROWS, SHEET_WIDTH = 10, 12, 320
LAPSE_WIDTH = 1280
MOST_BESIDE = 9
CELLS = {2: (640, 360), 3: (480, 270)}
"""Size of each camera's cell, by columns."""


class ExportKind(StrEnum):
    MP4 = "mp4"
    """As recorded, without re-encoding."""
    GIF = "gif"
    TIMELAPSE = "timelapse"
    SIDE_BY_SIDE = "side-by-side"
    SHEET = "sheet"
    EVIDENCE = "evidence"
    """A ZIP file of an evidence folder."""

    @property
    def suffix(self) -> str:
        return {ExportKind.GIF: ".gif", ExportKind.SHEET: ".jpg", ExportKind.EVIDENCE: ".zip"}.get(self, ".mp4")

    @property
    def media_type(self) -> str:
        types = {ExportKind.GIF: "image/gif", ExportKind.SHEET: "image/jpeg", ExportKind.EVIDENCE: "application/zip"}
        return types.get(self, "video/mp4")


STAMPED = (ExportKind.MP4, ExportKind.GIF, ExportKind.SHEET)
"""What a stamp can be burned into."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """A requested export.

    cameras: one, except for side by side. speed: of a time-lapse; None: such that it lasts one minute.
    """

    kind: ExportKind
    cameras: tuple[CameraId, ...]
    span: Span
    speed: float | None = None
    columns: int = SHEET_COLUMNS
    rows: int = SHEET_ROWS
    """Size of a contact sheet."""
    with_sound: bool = True
    """For a clip as recorded."""
    exact: bool = False
    """Start such a clip at the exact frame in any player: re-encode up to the next keyframe."""
    redaction: Redaction | None = None
    """Areas or people to hide; the clip then has no audio and is re-encoded."""
    stamp: StampMaker | None = None
    """Burn boxes, times and figures into a clip, which is then re-encoded, a GIF or a contact sheet."""

    def lapse_speed(self, recorded_s: float) -> float:
        """Return the speed of a time-lapse. recorded_s: how much of its time is recorded."""
        fitting = min(max(LEAST_SPEED, recorded_s / MINUTE_S), MOST_SPEED)
        return fitting if self.speed is None else self.speed


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A finished export.

    start_ms: its start, ms UTC. cut_at_ms: early end if the video format changed there. shown_s: seconds in which a
    redacted clip shows its subject. unreadable, elsewhere, is_mute: as of a `ClipFile`, but without what was deleted
    meanwhile. problem, todo: why evidence can't be verified, or what is not recorded or was deleted, for users.
    fingerprint: that evidence is verified with; empty: other clips. speed: of a time-lapse.
    """

    start_ms: int
    cut_at_ms: int | None = None
    shown_s: int | None = None
    unreadable: tuple[Gap, ...] = ()
    elsewhere: tuple[Span, ...] = ()
    is_mute: bool = False
    problem: str = ""
    todo: str = ""
    fingerprint: str = ""
    speed: float | None = None


class ExportTarget(Protocol):
    """Output of an export and its progress."""

    @property
    def out(self) -> Path: ...
    @property
    def scratch(self) -> Path:
        """Path prefix for temporary files."""
        ...

    def needs(self, size_bytes: int) -> None:
        """Called as soon as the size is known. Raises NotDone: if space is insufficient."""
        ...

    def progress(self, part: float) -> None:
        """Receives the progress, 0..1, every few frames. Raises to cancel."""
        ...


def check_export(options: ExportOptions) -> None:
    """Raises NotDone: if the request exceeds a limit or is inconsistent."""
    seconds = options.span.seconds
    if seconds <= 0:
        raise NotDone("The end must be after the start.", "Choose another time.")
    if options.kind is ExportKind.GIF and seconds > MOST_GIF_S:
        raise NotDone(
            f"A GIF can be at most {MOST_GIF_S:.0f} s long.", "Choose a shorter time, or export a time-lapse."
        )
    if options.kind is ExportKind.SIDE_BY_SIDE:
        if seconds > MOST_BESIDE_S:
            raise NotDone("Side by side can be at most 10 min long.", "Choose a shorter time.")
        if not 2 <= len(options.cameras) <= MOST_BESIDE:
            raise NotDone(f"Side by side requires 2 to {MOST_BESIDE} cameras.", "Choose other cameras.")
    elif len(options.cameras) != 1:
        raise NotDone("This format supports only one camera.", "Choose one camera.")
    if options.stamp is not None:
        _check_stamp(options)
    if options.kind is ExportKind.TIMELAPSE:
        _check_speed(options.speed)


def _check_speed(speed: float | None) -> None:
    if speed is not None and not LEAST_SPEED <= speed <= MOST_SPEED:
        raise NotDone(
            f"A time-lapse must be {LEAST_SPEED:.0f} to {MOST_SPEED:.0f} times as fast.", "Choose another speed."
        )


def _check_stamp(options: ExportOptions) -> None:
    if options.kind not in STAMPED or options.redaction is not None:
        raise NotDone("This export can't be stamped or get boxes.", "Choose a clip, a GIF or a contact sheet.")
    if options.kind is ExportKind.MP4 and options.span.seconds > MOST_STAMPED_S:
        long = f"{MOST_STAMPED_S / 60:.0f} min"
        what = f"Clips with stamps or boxes can be at most {long} long, because they are re-encoded."
        raise NotDone(what, "Choose a shorter time.")


Prove = Callable[[CameraId, Span, Path, Callable[[float], None]], EvidenceResult]
"""Writes an evidence folder and verifies it."""


def make_export(
    archive: RecordingArchive,
    clips: ClipCache,
    options: ExportOptions,
    zone: ZoneInfo,
    place: ExportTarget,
    most_bytes: int,
    prove: Prove | None = None,
) -> ExportResult:
    """Write the export to `place.out`.

    Raises NotDone: if nothing is recorded or the request exceeds a limit; OSError; any error of `place`.
    """
    check_export(options)
    holes = [lane_holes(archive, camera, options.span) for camera in options.cameras]
    made = _export(archive, clips, options, zone, place, most_bytes, prove)
    left = tuple(gap for gap in made.unreadable if not _is_deleted(archive, gap))
    what = "Part of it is missing, because its recording was deleted meanwhile." if left != made.unreadable else ""
    words = (_lacking(holes, Span(options.span.begin_ms, made.cut_at_ms or options.span.end_ms)), made.problem or what)
    return replace(made, unreadable=left, problem=" ".join(filter(None, words)))


def _lacking(holes: Sequence[Iterable[LaneHole]], within: Span) -> str:
    """Return what of a span was not recorded when the export began, for users. holes: of each camera."""
    lacking = Counter[tuple[str, str]]()
    for of_one in holes:
        lost: dict[str, float] = {}
        for hole in of_one:
            if part := hole.span.cut_to(within):
                lost[hole.words] = lost.get(hole.words, 0.0) + part.seconds
        lacking.update((duration_words(round(lost_s)), why) for why, lost_s in lost.items() if round(lost_s))
    return " ".join(_lack(time, why, n, len(holes)) for (time, why), n in lacking.items())


def _lack(time: str, why: str, n: int, count: int) -> str:
    if n == count:
        return f"The clip lacks {time} of the chosen time ({why})."
    return f"For {n} of {count} cameras, the clip lacks {time} of the chosen time ({why})."


def _is_deleted(archive: RecordingArchive, gap: Gap) -> bool:
    span = gap.span(gap.begin_ms)
    middle_ms = (span.begin_ms + span.end_ms) // 2  # what is deleted before or after it may overlap a little
    known = archive.index.gaps(gap.camera, Span(middle_ms, middle_ms + 1))
    return any(one.reason is GapReason.REMOVED for one in known)


def _export(
    archive: RecordingArchive,
    clips: ClipCache,
    options: ExportOptions,
    zone: ZoneInfo,
    place: ExportTarget,
    most_bytes: int,
    prove: Prove | None,
) -> ExportResult:
    match options.kind:
        case ExportKind.EVIDENCE:
            return _evidence(archive, options, zone, place, prove)
        case ExportKind.MP4 if options.stamp is not None:
            return _stamped(archive, options, options.stamp, place)
        case ExportKind.MP4 if options.redaction is not None:
            return _redact(archive, options, options.redaction, place)
        case ExportKind.MP4:
            return _copy(clips, options, place, most_bytes)
        case ExportKind.GIF:
            return _gif(archive, options, place)
        case ExportKind.SHEET:
            return _sheet(archive, options, place)
        case ExportKind.TIMELAPSE:
            return _lapse(archive, options, zone, place)
    return _beside(archive, options, zone, place)


def nothing_recorded() -> NotDone:
    return NotDone("There is no video in this time.", "Choose another time.")


def _copy(clips: ClipCache, options: ExportOptions, place: ExportTarget, most_bytes: int) -> ExportResult:
    """Write the clip as recorded; begin again, without what is deleted, if that happens meanwhile."""
    clip = _cut(clips, options, most_bytes)
    begun, lost = clip, tuple[Gap, ...]()
    while True:
        place.needs(clip.size_bytes)
        try:
            with place.out.open("wb") as file:
                for data in clip.read(0, clip.size_bytes):
                    file.write(data)
                    place.progress(file.tell() / clip.size_bytes)
        except FileMissing as error:
            tag, clip = clip.etag, _cut(clips, options, most_bytes)
            if clip.etag == tag:
                raise
            there = [*clip.holds, *(gap.span(gap.begin_ms) for gap in clip.unreadable)]
            parts = [part for held in begun.holds for part in missing_spans(there, held)]
            lost = tuple(
                Gap(options.cameras[0], part.begin_ms, part.end_ms, GapReason.DISK_ERROR, error.detail)
                for part in parts
            )
        else:
            unreadable = (*clip.unreadable, *lost)
            return ExportResult(
                clip.start_ms, clip.cut_at_ms, unreadable=unreadable, elsewhere=clip.elsewhere, is_mute=clip.is_mute
            )


def _cut(clips: ClipCache, options: ExportOptions, most_bytes: int) -> ClipFile:
    camera, sound, exact = options.cameras[0], options.with_sound, options.exact
    try:
        clip = clips.clip(camera, StreamName.MAIN, options.span, most_bytes, with_sound=sound, exact=exact)
    except ClipTooLongToMask:
        long = f"{MOST_COVERED_S / 60:.0f} min"
        what = f"Clips from cameras with privacy masks can be at most {long} long, because they are re-encoded."
        raise NotDone(what, "Choose a shorter time.") from None
    except ClipTooLarge:
        raise NotDone("This clip would be too large.", "Choose a shorter time.") from None
    if clip is None:
        raise nothing_recorded()
    return clip


def _evidence(
    archive: RecordingArchive, options: ExportOptions, zone: ZoneInfo, place: ExportTarget, prove: Prove | None
) -> ExportResult:
    """Write the folder into a ZIP without compression; delete each file once it is stored."""
    if prove is None or place.out.is_relative_to("/proc"):
        raise NotDone("Evidence isn't available for recordings kept in memory only.", "Download a clip instead.")
    found = archive.index.segments(options.cameras[0], StreamName.MAIN, options.span)
    place.needs(2 * sum(segment.size_bytes for segment in found))
    with TemporaryDirectory(dir=place.out.parent, prefix=place.scratch.name) as scratch:
        folder = Path(scratch) / "evidence"
        made = prove(options.cameras[0], options.span, folder, lambda part: place.progress(0.7 * part))
        paths = sorted(folder.iterdir())
        with ZipFile(place.out, "w", ZIP_STORED) as file:
            for number, path in enumerate(paths):
                file.write(path, f"evidence/{path.name}")
                path.unlink()
                place.progress(0.7 + 0.3 * number / len(paths))
    problem, todo = _unproven(made, zone)
    if made.fallback:
        problem = f"{problem} {_OF_FALLBACK}".lstrip()
    unreadable = tuple(gap for gap in made.unreadable if gap.reason is GapReason.DISK_ERROR)
    return ExportResult(
        options.span.begin_ms, unreadable=unreadable, problem=problem, todo=todo, fingerprint=made.fingerprint
    )


_OF_FALLBACK = "This was recorded on the fallback disk, whose fingerprint isn't that of the main disk."


def _unproven(made: EvidenceResult, zone: ZoneInfo) -> tuple[str, str]:
    """Return why evidence can't be verified, and what to do; empty texts if it can."""
    if made.check.problems:
        return "Verifying this evidence failed.", "Unpack it and run `tawny verify`: it lists why."
    if made.check.until_ms:
        at = f"{datetime.fromtimestamp(made.check.until_ms / 1000, zone):%Y-%m-%d %H:%M}"
        what = "The newest video isn't in this yet: its file is still being written."
        if made.check.waiting:
            what = "The newest recordings in this can't be verified yet, because the recorder signs every ten minutes."
        return what, f"Save this time as evidence again after {at}."
    if any(gap.reason is not GapReason.DISK_ERROR for gap in made.unreadable):
        what = (
            "This lacks video that can't be proven: only its keyframes are left, its file isn't closed yet, it was "
            "recorded without a proof, or it was signed on another disk."
        )
        return what, "Unpack it and run `tawny verify`: it lists what is missing."
    return "", ""


def _redact(
    archive: RecordingArchive, options: ExportOptions, redaction: Redaction, place: ExportTarget
) -> ExportResult:
    from tawny.playback.redactor import redact  # not at module level: large dependencies, rarely used

    made = redact(archive, options.cameras[0], options.span, redaction, place.out, place.progress)
    return ExportResult(made.start_ms, made.cut_at_ms, made.shown_s, made.unreadable, made.elsewhere)


def _stamped(archive: RecordingArchive, options: ExportOptions, make: StampMaker, place: ExportTarget) -> ExportResult:
    """Re-encode the clip with each frame's own time. Frames keep their times; sound is copied."""
    camera, span = options.cameras[0], options.span
    stamps, private = make(camera, span), archive.private(camera)
    found, unreadable = chosen_segments(archive, camera, span), UnreadableParts()
    pieces: list[SegmentPart] = []
    stopped: list[StorageError] = []
    with ExitStack() as held:
        for segment in found:

            def change(frame: DecodedFrame, start_ms: int = segment.start_ms) -> DecodedFrame:
                at_ms = start_ms + frame.at_ms
                try:
                    place.progress(min(0.99, max(0.0, (at_ms - span.begin_ms) / (span.seconds * 1000))))
                except StorageError as error:
                    stopped.append(error)
                    raise
                return stamped(mask_picture(frame, private), stamps.at(at_ms))

            made = _scratch_file(place, len(pieces), held)
            begin_ticks = max(0, (span.begin_ms - segment.start_ms) * 90)
            end_ticks = (span.end_ms - segment.start_ms) * 90 if span.end_ms < segment.end_ms else None
            try:
                file = reread_segment(archive, segment)
                if unreadable.add_end(segment, file, span):
                    continue
                count = write_anew(made, file, RewriteSpan(begin_ticks, end_ticks), change)
            except StorageError as error:
                if error in stopped:
                    raise
                unreadable.add(segment.start_ms, error)
                continue
            if count:
                made.flush()
                pieces.append(SegmentPart(Path(f"/dev/fd/{made.fileno()}"), segment.start_ms, begin_ticks, end_ticks))
        if not pieces:
            unreadable.check()
            raise nothing_recorded()
        whole = cut_clip(pieces, with_sound=options.with_sound)
        film = as_file(whole, with_sound=options.with_sound)
        place.needs(film.size_bytes)
        with place.out.open("wb") as out:
            for data in film.read(0, film.size_bytes):
                out.write(data)
    cut_at_ms, gaps, elsewhere = left_out(archive, span, found, whole, unreadable)
    is_mute = options.with_sound and is_too_long_for_sound(whole)
    return ExportResult(whole.begin_ms, cut_at_ms, None, gaps, elsewhere, is_mute)


def _scratch_file(place: ExportTarget, number: int, held: ExitStack) -> BinaryIO:
    """Return a file next to the target; in memory for a target in memory, which has no folder."""
    if place.scratch.is_relative_to("/proc"):
        return held.enter_context(os.fdopen(os.memfd_create("stamped", os.MFD_CLOEXEC), "w+b"))
    path = place.scratch.with_name(f"{place.scratch.name}-{number}")
    held.callback(path.unlink, missing_ok=True)
    return held.enter_context(path.open("w+b"))


def _gif(archive: RecordingArchive, options: ExportOptions, place: ExportTarget) -> ExportResult:
    """Write the GIF in the size of its first frame; later ones of another size are fitted into it."""
    step_ms = 1000 // GIF_FPS
    stamps = options.stamp(options.cameras[0], options.span) if options.stamp else None
    found: list[GifPicture] = []
    start_ms = options.span.begin_ms
    pictures = FrameReader(archive, options.cameras[0], StreamName.SUB, is_coarse=_is_coarse(step_ms))
    absent = 0
    for shown_ms in _instants([options.span], step_ms, place, 0.7):
        frame = pictures.at(shown_ms)
        if frame is None:
            absent += 1
            continue
        at_ms = (pictures.start_ms or shown_ms) + frame.at_ms
        start_ms = start_ms if found else at_ms
        found += found[-1:] * absent  # the image before a gap stays, as in a clip
        absent = 0
        shown = stamped(downscaled(frame, GIF_WIDTH), stamps.at(at_ms)) if stamps else frame
        found.append(gif_picture(shown, found[0] if found else None))
    if not found:
        pictures.check()
        raise nothing_recorded()
    write_gif(place.out, found)
    return ExportResult(max(start_ms, options.span.begin_ms), unreadable=pictures.unreadable(options.span))


def _sheet(archive: RecordingArchive, options: ExportOptions, place: ExportTarget) -> ExportResult:
    """Write frames evenly spread over the time, row by row."""
    stamps = options.stamp(options.cameras[0], options.span) if options.stamp else None
    made, gaps = sheet_jpeg(
        archive, options.cameras[0], options.span, (options.columns, options.rows), place.progress, stamps
    )
    place.out.write_bytes(made)
    return ExportResult(options.span.begin_ms, unreadable=gaps)


def sheet_jpeg(
    archive: RecordingArchive,
    camera: CameraId,
    span: Span,
    size: tuple[int, int],
    progress: Callable[[float], None] = lambda _: None,
    stamps: FrameStamps | None = None,
) -> tuple[bytes, tuple[Gap, ...]]:
    """Return a contact sheet of a time, with `size` columns and rows, and what of it can't be read.

    Raises NotDone: if nothing is recorded; StorageError: if nothing can be read.
    """
    columns, rows = size
    count = columns * rows
    tiles = Tiles(columns, rows, SHEET_WIDTH)
    pictures = FrameReader(archive, camera, StreamName.SUB, is_coarse=_is_coarse(span.seconds * 1000 / count))
    for number in range(count):
        at_ms = span.begin_ms + round(span.seconds * 1000 * number / count)
        frame = pictures.at(at_ms)
        if frame is not None and stamps is not None:
            shown_ms = (pictures.start_ms or at_ms) + frame.at_ms
            frame = stamped(downscaled(frame, SHEET_WIDTH), stamps.at(shown_ms))
        if frame is not None:
            tiles.put(number, frame)
        progress(number / count)
    if tiles.is_empty:
        pictures.check()
        raise nothing_recorded()
    return tiles.jpeg(), pictures.unreadable(span)


def _lapse(archive: RecordingArchive, options: ExportOptions, zone: ZoneInfo, place: ExportTarget) -> ExportResult:
    """Write the time-lapse without unrecorded time."""
    film: VideoWriter | None = None
    canvas: Canvas | None = None
    start_ms = options.span.begin_ms
    parts = recorded_spans(archive, options.cameras[0], options.span)
    recorded_s = sum(part.seconds for part in parts)
    speed = options.lapse_speed(recorded_s)
    if recorded_s / speed > MOST_LAPSE_S:
        raise NotDone("This time-lapse would be longer than 10 min.", "Choose a higher speed.")
    try:
        step_ms = speed * 1000 / LAPSE_FPS
        pictures = FrameReader(archive, options.cameras[0], StreamName.MAIN, is_coarse=_is_coarse(step_ms))
        for at_ms, frame in _shown(pictures, parts, step_ms, place, 1.0):
            if film is None or canvas is None:
                start_ms = max(at_ms, options.span.begin_ms)
                width = min(LAPSE_WIDTH, frame.width) // 2 * 2
                canvas = Canvas(1, 1, width, round(frame.height * width / frame.width / 2) * 2)
                film = VideoWriter(place.out, place.scratch, canvas.width, canvas.height, LAPSE_FPS)
            canvas.put(0, frame)
            canvas.write(clock_text(zone, at_ms))
            film.add(canvas.picture)
        if film is None:
            pictures.check()
            raise nothing_recorded()
        film.finish(start_ms)
    finally:
        if film is not None:
            film.close()
    return ExportResult(start_ms, unreadable=pictures.unreadable(options.span), speed=speed)


def _beside(archive: RecordingArchive, options: ExportOptions, zone: ZoneInfo, place: ExportTarget) -> ExportResult:
    """Write the film; a camera without recording stays dark."""
    columns = 2 if len(options.cameras) <= 4 else 3
    canvas = Canvas(len(options.cameras), columns, *CELLS[columns])
    each = [FrameReader(archive, camera, StreamName.SUB) for camera in options.cameras]
    film = VideoWriter(place.out, place.scratch, canvas.width, canvas.height, BESIDE_FPS)
    try:
        has_any = False
        for at_ms in _instants([options.span], 1000 / BESIDE_FPS, place, 1.0):
            frames = [pictures.at(at_ms) for pictures in each]
            has_any = has_any or any(frames)
            for cell, frame in enumerate(frames):
                canvas.put(cell, frame)
            canvas.write(clock_text(zone, at_ms))
            film.add(canvas.picture)
        if not has_any:
            for pictures in each:
                pictures.check()
            raise nothing_recorded()
        film.finish(options.span.begin_ms)
    finally:
        film.close()
    gaps = tuple(gap for pictures in each for gap in pictures.unreadable(options.span))
    return ExportResult(options.span.begin_ms, unreadable=gaps)


def clock_text(zone: ZoneInfo, at_ms: int) -> str:
    """Return `2026-11-20 05:58:12` with the UTC offset, which distinguishes repeated hours."""
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone):%Y-%m-%d  %H:%M:%S  %z}"


def _shown(
    pictures: FrameReader, parts: Sequence[Span], step_ms: float, place: ExportTarget, share: float
) -> Iterator[tuple[int, DecodedFrame]]:
    for at_ms in _instants(parts, step_ms, place, share):
        frame = pictures.at(at_ms)
        if frame is not None:
            yield (pictures.start_ms or at_ms) + frame.at_ms, frame


def _instants(parts: Sequence[Span], step_ms: float, place: ExportTarget, share: float) -> Iterator[int]:
    """Yield the instants of the parts, as if there were no time between them. share: share of the total work."""
    count = max(1, round(sum(part.end_ms - part.begin_ms for part in parts) / step_ms))
    number, passed_ms = 0, 0
    for part in parts:
        passed_ms += part.end_ms - part.begin_ms
        while number < count and round(number * step_ms) < passed_ms:
            place.progress(share * number / count)
            yield part.end_ms - passed_ms + round(number * step_ms)
            number += 1


def _is_coarse(step_ms: float) -> bool:
    return step_ms >= COARSE_MS
