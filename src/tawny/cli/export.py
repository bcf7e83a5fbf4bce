"""`tawny export`: export a clip without re-encoding, or as evidence folder, GIF, time-lapse or contact sheet."""

import errno
import os
import shutil
import socket
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from zoneinfo import ZoneInfo

from tawny import __version__
from tawny.app.local_zone import local_zone
from tawny.cli import keys, options
from tawny.cli.archive import RecordingFolder, open_folder
from tawny.cli.keys import named, other_key
from tawny.cli.options import lapse_speed, sheet_tiles, time_text
from tawny.cli.output import Output
from tawny.cli.paths import masked_data, new_file, output_error
from tawny.cli.redact_option import redacted_words, redaction
from tawny.config.settings import Settings, display_name
from tawny.config.units import duration_text, seconds, size, size_text
from tawny.delivery.file_names import name_stamp
from tawny.detection.zones import masks_of
from tawny.media.codec.transcoder import CONTAINERS, remux
from tawny.media.mp4.byte_reader import open_stored, read_exactly
from tawny.model.errors import FileDamaged, NotDone, StorageError, UsageError
from tawny.model.events import POST_S, PRE_S
from tawny.model.geometry import Polygon
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Gap, explaining, gap_words
from tawny.model.times import Span, SystemClock, missing_spans, utc_text
from tawny.playback.clips import MOST_COVERED_S, ClipCache, ClipFile, go_past
from tawny.playback.evidence import EvidenceRequest, EvidenceResult, prove_redacted, write_evidence
from tawny.playback.exports import ExportKind, ExportOptions, ExportResult, check_export, make_export
from tawny.playback.recordings import RecordingArchive
from tawny.playback.stamps import FrameStamps, read_stamps
from tawny.playback.timeline import FRESH_MS, UNNOTED, unnoted
from tawny.sealed.broken import SealedFileBroken, WrongKey
from tawny.sealed.file_reader import InMemorySource, SealedFileReader, open_sealed, scan_file
from tawny.service.storage_setup import archives
from tawny.storage.disk.disk import turned
from tawny.storage.disk.secondary_volumes import attach_all
from tawny.storage.disk.volume import Volume
from tawny.storage.index.opening import known_camera
from tawny.storage.sealing.epoch_keys import from_ring

# `tawny export --evidence`: a folder that anyone can verify without the recorder.


def export(args: Namespace, where: tuple[Path, Settings], within: Span, out: Output) -> int:
    """where: the folder of the recordings, and the settings."""
    folder, chosen = where
    camera, stream = known_camera(folder, args.camera), StreamName(args.stream)
    volume = Volume.at(folder)
    attach_all(volume, archives(chosen, SystemClock()))
    keys = named(args)

    def open_with_keys(path: str) -> SealedFileReader:
        if not keys:
            raise NotDone(
                f"{path} is encrypted.", "Pass your key with `--key`, or enter the recovery sheet with `--words`."
            )
        place = volume.path(path)
        with open_stored(place) as stored:
            try:
                file = scan_file(InMemorySource(read_exactly(place, stored, stored.size, 0)))
                return open_sealed(file, keys, from_ring(place, file))
            except WrongKey:
                raise other_key(path) from None
            except SealedFileBroken as error:
                raise FileDamaged(str(place), str(error)) from error

    software, now_ms = f"tawny {__version__}", SystemClock().now_ms()
    request = EvidenceRequest(camera, stream, within, socket.gethostname(), software, now_ms)
    target = Path(args.output)
    original = _original(args)
    shown: list[str] = []
    is_made = False

    def report(part: float) -> None:
        out.progress(f"{args.output}: {part:.0%}")

    with open_folder(folder, keys, settings=chosen) as archive:
        wanted = redaction(args.redact, archive.index, within) if args.redact else None
        on_disk_ms = max(within.begin_ms, min(within.end_ms, now_ms - FRESH_MS))
        results = [write_evidence(volume, archive.index, request, original, open_with_keys, report)]
        unproven = [gap.span(now_ms) for gap in results[0].unreadable]
        rest = missing_spans(unproven, Span(within.begin_ms, on_disk_ms))
        missing = [one for part in rest for one in _missing(archive, camera, part)]
        try:
            if wanted is not None:
                from tawny.playback.redactor import redact  # lazy import: large dependencies, rarely used

                def film(path: Path) -> dict[str, object]:
                    done = redact(archive, camera, within, wanted, path, report)
                    short = ExportResult(done.start_ms, done.cut_at_ms, elsewhere=done.elsewhere)
                    shown.append(redacted_words(done.shown_s, within) + short_words(short))
                    return done.summary

                proved = prove_redacted(volume, archive.index, request, target, open_with_keys, original, film)
                results.insert(0, proved)
            is_made = True
        finally:
            if not is_made:
                shutil.rmtree(original, ignore_errors=True)
    out.progress("")
    _print_evidence(args, missing, "" if wanted is None else shown[0], results, out)
    return 1 if any(one.unreadable or one.check.problems or one.check.waiting for one in results) else 0


def _original(args: Namespace) -> Path:
    """Return the folder of what is recorded: the redacted one is next to it, if there is one."""
    target = Path(args.output)
    return target.with_name(f"{target.name}-original") if args.redact else target


@contextmanager
def _to_folders(args: Namespace) -> Iterator[None]:
    """Tell errors of these folders from those of the recordings."""
    try:
        yield
    except StorageError as error:
        if Path(error.where) in (Path(args.output), _original(args)):
            raise output_error(error) from error
        raise


def _print_evidence(
    args: Namespace, missing: list[dict[str, object]], redacted: str, results: Sequence[EvidenceResult], out: Output
) -> None:
    """Print what was exported. redacted: the notice, if it is. results: of the folder, and of the original if it is."""
    made, whole = results[0], results[-1]
    words = f"{args.output}: {made.recordings} recordings with proof{_missing_words(missing)}."
    data: dict[str, object] = {"folder": args.output, "recordings": made.recordings, "fingerprint": made.fingerprint}
    data |= {"not_recorded": missing, "fallback": made.fallback or None, "signed_late": made.check.signed_late}
    if redacted:
        data["original"] = str(_original(args))
        words += f"{redacted} Keep {_original(args)}: it is the evidence, and shows everyone."
    problems = [problem for one in results for problem in one.check.problems]
    data |= {
        "ok": not problems and not whole.check.waiting and not whole.unreadable,
        "problems": problems,
        "notes": made.check.notes,
        "unreadable": [
            {"start": utc_text(gap.begin_ms), "end": utc_text(gap.span(gap.begin_ms).end_ms), "error": gap.detail}
            for gap in whole.unreadable
        ],
        "not_signed": whole.check.waiting,
        "signed_after": utc_text(whole.check.until_ms) if whole.check.until_ms else None,
    }
    failed = "".join(dict.fromkeys(_evidence_problems(one) for one in results))
    out.data(data, f"{words} {made.words}{failed}")


def _evidence_problems(made: EvidenceResult) -> str:
    """Return why a folder isn't the whole evidence of its time; empty if it is."""
    words = "".join(f"\nFAILED: {problem}." for problem in made.check.problems)
    if made.unreadable:
        words += "\nMISSING, because it can't be read or proven:"
        words += "".join(
            f"\n  from {time_text(gap.begin_ms)} to {time_text(gap.span(gap.begin_ms).end_ms)}: {gap.detail}"
            for gap in made.unreadable
        )
    if made.check.waiting:
        words += (
            f"\n{made.check.waiting} of these recordings can't be verified yet, because the recorder signs every ten "
            "minutes while it runs."
        )
    if made.check.until_ms:
        words += f"\nExport again after {time_text(made.check.until_ms)}."
    return words


MOST_BYTES = 2**40
_UNCLOSED_MS = 70_000
"""Time up to now in which the files of two streams may not be closed alike."""
LEAST_PART_MS = 1000
LEAST_LISTED_S = 1.0
"""Shorter gaps, such as between two connections, are not listed."""
COVERED = "; privacy masks are blacked out, so the video is re-encoded (use `--unmasked` for the stored version)"
ENDINGS = {ExportKind.GIF: (".gif",), ExportKind.SHEET: (".jpg", ".jpeg")}
"""Endings of the names of exports that are not video."""
Private = Mapping[str, tuple[Polygon, ...]]


def describe_export(parser: ArgumentParser) -> None:
    options.data(parser)
    options.times(parser)
    parser.add_argument(
        "--camera",
        metavar="C",
        required=True,
        help="camera ID, for example front-door; for side by side several: a,b,c",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="output file, .mp4, .mkv, .ts, or .h264 or .h265 for the video packets alone; existing files are never "
        "overwritten",
    )
    parser.add_argument(
        "--stream", choices=[name.value for name in StreamName], default="main", help="main or sub stream"
    )
    parser.add_argument("--split", metavar="HOW", help="split into files of at most this length or size: 15min, 2GB")
    parser.add_argument(
        "--exact",
        action="store_true",
        help="start exactly at the requested frame in any player; re-encodes up to the next keyframe",
    )
    parser.add_argument(
        "--redact",
        metavar="WHAT",
        action="append",
        help="redact: an area, as corners from 0 to 1 ('0.1,0.2 0.5,0.9'), or everything except one moving person "
        "or object ('all-but:0.4,0.6@05:58:12', 'all-but:EVENT'); repeatable",
    )
    parser.add_argument(
        "--stamp",
        action="store_true",
        help="burn in the camera's name, each frame's time in ms, the detector's number and level, REC and boxes; "
        "re-encodes (also with --gif and --sheet)",
    )
    parser.add_argument(
        "--boxes",
        action="store_true",
        help="burn in boxes around what moves, with its type, and the time; re-encodes, which keeps a core busy for "
        "about half the clip's length at 1080p (also with --gif and --sheet)",
    )
    parser.add_argument("--unmasked", action="store_true", help="export as stored, without privacy masks")
    keys.describe(parser)
    _describe_kinds(parser)


def _describe_kinds(parser: ArgumentParser) -> None:
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument(
        "--evidence", action="store_true", help="export a folder that anyone can verify (`tawny verify`)"
    )
    kinds.add_argument("--gif", action="store_true", help="a small animated GIF, up to 30 s")
    kinds.add_argument(
        "--timelapse", metavar="N", nargs="?", const="", help="time-lapse, N times as fast; without N: one minute long"
    )
    kinds.add_argument("--side-by-side", action="store_true", help="several cameras in one synchronized video")
    kinds.add_argument(
        "--sheet",
        metavar="CxR",
        nargs="?",
        const="10x12",
        help="contact sheet: many frames in one JPEG, for example 10x12",
    )


def run_export(args: Namespace, out: Output) -> int:
    _check_ending(args)
    chosen, folder = masked_data(args, [] if args.unmasked or args.evidence else args.camera.split(","))
    within = options.span(args.begin, args.end, SystemClock().now_ms())
    burns = _burns(args)
    if args.evidence and burns:
        raise UsageError(f"{burns} can't be combined with --evidence.", "Evidence is never changed; export it apart.")
    if args.evidence:
        with _to_folders(args):
            return export(args, (folder, chosen), within, out)
    if not args.split:
        new_file(Path(args.output))
    named = {} if args.unmasked else {**chosen.cameras, **chosen.removed_cameras}
    private = {name: masks_of(chosen, name) for name in named}
    kind = ExportKind.MP4 if args.redact else _kind(args) or (ExportKind.MP4 if burns else None)
    if kind is not None:
        return _make(args, kind, (folder, chosen), private, within, out)
    camera, stream = known_camera(folder, args.camera), StreamName(args.stream)
    covers = bool(private.get(camera))
    written: list[dict[str, object]] = []
    taken: set[str] = set()
    with open_folder(folder, keys.named(args), private, chosen) as archive:
        clips = ClipCache(archive, SystemClock().now_ms() - _UNCLOSED_MS)

        def size_of(part: Span) -> int:
            if covers:
                return 0  # masked video is split into parts of MOST_COVERED_S anyway
            return _largest(clips.each(camera, stream, part, MOST_BYTES))

        parts = _parts(within, args.split, size_of)
        if covers:  # in parts short enough to re-encode in one go
            parts = (each for part in parts for each in _each(part, round(MOST_COVERED_S * 1000)))
        for part, clip in clips.of_parts(camera, stream, parts, MOST_BYTES, exact=args.exact):
            many = bool(args.split) or bool(written) or (covers and within.seconds > MOST_COVERED_S)
            path = _name(Path(args.output), clip.start_ms, taken, many=many)
            start_ms = _write(clip, path, out)
            shown = Span(min(start_ms, clip.span.begin_ms), max(start_ms, clip.end_ms))
            missing = _missing(archive, camera, shown) + not_recorded(clip.unreadable, part)
            size_bytes = path.stat().st_size
            result = {
                "file": str(path),
                "start": utc_text(start_ms),
                "size_bytes": size_bytes,
                "exact": clip.is_exact,
                "encoded_anew": clip.anew,
                "covered": covers,
                "not_recorded": missing,
                **_short_of(clip),
            }
            how = (COVERED if covers else "") + _exactly(args, clip) + _missing_words(missing)
            how += short_words(clip, goes_on=True)
            out.data(result, f"{path}: from {time_text(start_ms)}, {size_text(size_bytes)}{how}")
            written.append(result)
            taken.add(path.name)
    if not written:
        wanted = f"from {time_text(within.begin_ms)} to {time_text(within.end_ms)}"
        raise NotDone(f"No recording from {camera} {wanted}.", "See `tawny timeline` for what is recorded.")
    return 0


def not_recorded(gaps: Iterable[Gap], within: Span) -> list[dict[str, object]]:
    """Return the time of a span without video, with its reason: the image before it stays, or it is left out."""
    found = ((gap, gap.span(within.end_ms).cut_to(within)) for gap in explaining(gaps))
    return [
        {"start": utc_text(part.begin_ms), "end": utc_text(part.end_ms), "words": gap_words(gap), "s": part.seconds}
        for gap, part in found
        if part is not None and part.seconds >= LEAST_LISTED_S
    ]


def _missing(archive: RecordingArchive, camera: CameraId, shown: Span) -> list[dict[str, object]]:
    """Return the time of a span without video, also that of which no gap is known."""
    gaps = archive.index.gaps(camera, shown)
    holes = [
        {"start": utc_text(hole.begin_ms), "end": utc_text(hole.end_ms), "words": UNNOTED, "s": hole.seconds}
        for hole in unnoted(archive, camera, shown, gaps)
    ]
    return not_recorded(gaps, shown) + holes


def _missing_words(missing: Sequence[Mapping[str, object]]) -> str:
    if not missing:
        return ""
    reasons = ", ".join(dict.fromkeys(str(one["words"]) for one in missing))
    return f"; {duration_text(round(sum(float(str(one['s'])) for one in missing)))} not recorded ({reasons})"


def _short_of(made: ClipFile | ExportResult) -> dict[str, object]:
    """Return what else a file lacks of the time asked for."""
    return {
        "cut_at": None if made.cut_at_ms is None else utc_text(made.cut_at_ms),
        "other_stream": [{"start": utc_text(one.begin_ms), "end": utc_text(one.end_ms)} for one in made.elsewhere],
        "sound_left_out": made.is_mute,
    }


def short_words(made: ClipFile | ExportResult, *, goes_on: bool = False) -> str:
    """Return the same as text. goes_on: the rest is written to other files."""
    words = ""
    if made.cut_at_ms is not None and not goes_on:
        words += f"; ENDS at {time_text(made.cut_at_ms)}, where the video format changes: export the rest apart"
    if made.elsewhere:
        lacks = duration_text(round(sum(one.seconds for one in made.elsewhere)))
        words += f"; {lacks} only in the other stream, so {'in files of their own' if goes_on else 'not in it'}"
    if made.is_mute:
        words += "; NO SOUND, because G.711 sound is converted only up to an hour (use `--split 1h`)"
    return words


def _check_ending(args: Namespace) -> None:
    """Raise UsageError if the output's name promises another format than that of the export."""
    if args.evidence:
        return
    kind, suffix = _kind(args), Path(args.output).suffix.lower()
    is_copy = kind is None and not args.redact
    known = ENDINGS.get(kind, (".mp4",)) if kind else (".mp4", *CONTAINERS) if is_copy else (".mp4",)
    if suffix and suffix not in known:
        allowed = " or ".join([", ".join(known[:-1]), known[-1]] if known[1:] else known)
        raise UsageError(
            f"tawny can't write {args.output}: this export can't be a {suffix} file.",
            f"Choose a name that ends in {allowed}.",
        )
    if suffix in CONTAINERS and _burns(args):
        raise UsageError(f"{_burns(args)} requires an .mp4 file.", "Choose such a name.")
    if suffix in CONTAINERS and (args.split or "").strip().upper().endswith("B"):
        raise UsageError(
            f"--split {args.split} requires an .mp4 file.", "Choose such a name, or split by time, for example 15min."
        )


def _exactly(args: Namespace, clip: ClipFile) -> str:
    if not args.exact:
        return ""
    if not clip.is_exact:
        return "; NOT exact: this video format can't be re-encoded here, so some players start at the keyframe before"
    return f"; {clip.anew} frames re-encoded" if clip.anew else "; nothing re-encoded"


def _parts(within: Span, split: str | None, size_of: Callable[[Span], int]) -> Iterator[Span]:
    """Yield the parts of `within` according to `--split`. size_of: size of a part's largest clip, bytes."""
    if split is None:
        yield within
        return
    try:
        most_bytes = size(split) if split.strip().upper().endswith("B") else 0
        step_ms = 0 if most_bytes else round(seconds(split) * 1000)
    except ValueError as error:
        raise UsageError(f"--split {split} is invalid.", f"Use {error}, or a size such as 2GB.") from None
    if most_bytes:
        yield from _no_larger(within, most_bytes, size_of)
        return
    if step_ms < LEAST_PART_MS:
        raise UsageError(f"--split {split} is too short.", "Use 1 s or more, for example 15min.")
    yield from _each(within, step_ms)


def _no_larger(part: Span, most_bytes: int, size_of: Callable[[Span], int]) -> Iterator[Span]:
    """Yield parts of at most `most_bytes`; parts of LEAST_PART_MS may be larger."""
    long_ms, size_bytes = part.end_ms - part.begin_ms, size_of(part)
    if size_bytes <= most_bytes or long_ms <= LEAST_PART_MS:
        yield part
        return
    for smaller in _each(part, max(LEAST_PART_MS, long_ms // -(-size_bytes // most_bytes))):
        yield from _no_larger(smaller, most_bytes, size_of)


def _largest(clips: Iterable[ClipFile]) -> int:
    """Return the size of the largest clip, bytes. What is damaged is reported when it is to be written."""
    largest = 0
    try:
        for clip in clips:
            largest = max(largest, clip.size_bytes)
    except StorageError as error:
        go_past(error)
    return largest


def _each(within: Span, step_ms: int) -> Iterator[Span]:
    for begin_ms in range(within.begin_ms, within.end_ms, step_ms):
        yield Span(begin_ms, min(begin_ms + step_ms, within.end_ms))


def _name(output: Path, start_ms: int, taken: Collection[str], *, many: bool) -> Path:
    """Return the output path, with the local start time appended if there are several files.

    taken: names already used by this command.
    """
    if not many:
        return output
    stamp = name_stamp(datetime.fromtimestamp(start_ms / 1000))  # noqa: DTZ006 - with its `fold`
    if f"{output.stem} {stamp}{output.suffix or '.mp4'}" in taken:
        stamp += f".{start_ms % 1000:03}"
    return output.with_name(f"{output.stem} {stamp}{output.suffix or '.mp4'}")


def _write(clip: ClipFile, path: Path, out: Output) -> int:
    """Write the clip. Never overwrite an existing file; delete an incomplete one. Return its start, ms UTC."""
    start_ms = clip.start_ms
    with _new_file(path, out) as part, part.open("wb") as file:
        suffix = path.suffix.lower()
        if suffix in CONTAINERS:
            before_s = remux(clip.read, clip.size_bytes, file, suffix, lambda share: _progress(path, share, out))
            start_ms -= round(1000 * before_s)
            if suffix != ".mkv" and not clip.file.orientation.is_upright:
                out.say(f"A {suffix} file can't say that its image is turned. To have it turned in players, use .mp4.")
        else:
            done = 0
            for piece in clip.read(0, clip.size_bytes):
                file.write(piece)
                done += len(piece)
                _progress(path, done / clip.size_bytes, out)
    return start_ms


_PART, _LEFT_MS = ".tawny-export-", 86_400_000
"""Beginning of the name of what is not complete; time without writing, ms, after which it counts as left."""


def _remove_leftovers(folder: Path) -> None:
    """Remove what exports left that were killed, not what others write now."""
    before_s = (SystemClock().now_ms() - _LEFT_MS) / 1000
    for left in folder.glob(f"{_PART}*"):
        with suppress(OSError):
            if max(one.stat().st_mtime for one in (left, *left.rglob("*"))) < before_s:
                shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


@contextmanager
def _new_file(path: Path, out: Output) -> Iterator[Path]:
    """Give a file to write, which gets its name when it is complete. Raises NotDone: when it exists; StorageError."""
    new_file(path)
    part = path.with_name(f"{_PART}{token_hex(6)}{path.suffix}")
    try:
        _remove_leftovers(path.parent)
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.rename(new_file(path))
    except OSError as error:
        if error.errno == errno.EFBIG:  # such as 4 GB on FAT32
            todo = "Use `--split 2GB` or a shorter time, or write to another file system."
            raise NotDone(f"{path} would be larger than its file system allows.", todo) from None
        raise output_error(turned(error, str(path))) from error
    finally:
        out.progress("")
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _progress(path: Path, share: float, out: Output) -> None:
    out.progress(f"{path}: {share:.0%}")


def _kind(args: Namespace) -> ExportKind | None:
    if args.timelapse is not None:
        return ExportKind.TIMELAPSE
    if args.sheet is not None:
        return ExportKind.SHEET
    return ExportKind.GIF if args.gif else ExportKind.SIDE_BY_SIDE if args.side_by_side else None


def _burns(args: Namespace) -> str:
    """Return the option that draws into the frames; empty for none."""
    return "--stamp" if args.stamp else "--boxes" if args.boxes else ""


@dataclass
class _Place:
    """A `playback.exports.ExportTarget`. named: the file that `out` becomes."""

    out: Path
    scratch: Path
    named: Path
    output: Output

    def needs(self, size_bytes: int) -> None:
        """Do nothing: the user is responsible for free space at the given path."""

    def progress(self, part: float) -> None:
        _progress(self.named, part, self.output)


def _make(
    args: Namespace, kind: ExportKind, where: tuple[Path, Settings], private: Private, within: Span, out: Output
) -> int:
    """where: the folder of the recordings, and the settings."""
    folder, chosen = where
    names = args.camera.split(",") if kind is ExportKind.SIDE_BY_SIDE else [args.camera]
    cameras = tuple(known_camera(folder, name) for name in names)
    columns, rows = sheet_tiles(args.sheet or "10x12")
    options = ExportOptions(kind, cameras, within, lapse_speed(args.timelapse), columns, rows)
    check_export(options)
    burns, is_film = _burns(args), kind is not ExportKind.MP4
    if args.stream != StreamName.MAIN or (is_film and (args.split or args.exact)):
        option = "--stream sub" if args.stream != StreamName.MAIN else "--split" if args.split else "--exact"
        raise UsageError(f"{option} can't be combined with that option.", "It makes one file, of the main stream.")
    if args.redact and (args.split or burns or _kind(args) is not None):
        raise UsageError("--redact can't be combined with that option.", "Use one of them.")
    if burns and (args.split or args.exact or args.timelapse is not None or args.side_by_side):
        raise UsageError(f"{burns} can't be combined with that option.", "Such a clip is one file, and exact.")
    path, clock = Path(args.output), SystemClock()
    begun_s = clock.mono_s()
    with (
        _new_file(path, out) as part,
        open_folder(folder, keys.named(args), private, chosen) as archive,
        tempfile.TemporaryDirectory(dir=path.parent, prefix=_PART) as scratch,
    ):
        place = _Place(part, Path(scratch) / "film", path, out)
        if burns:
            options = replace(options, stamp=partial(_stamps, archive, chosen, only_boxes=not args.stamp))
        if args.redact:
            options = replace(options, redaction=redaction(args.redact, archive.index, within))
        clips = ClipCache(archive, SystemClock().now_ms() - _UNCLOSED_MS)
        made = make_export(archive, clips, options, ZoneInfo(local_zone()), place, MOST_BYTES)
        shown = Span(min(made.start_ms, within.begin_ms), max(made.start_ms, made.cut_at_ms or within.end_ms))
        missing = [one for camera in cameras for one in _missing(archive, camera, shown)]
        missing += not_recorded(made.unreadable, within)
    size_bytes = path.stat().st_size
    result: dict[str, object] = {"file": str(path), "start": utc_text(made.start_ms), "size_bytes": size_bytes}
    result |= {"not_recorded": missing, **_short_of(made)}
    words = f"{path}: from {time_text(made.start_ms)}, {size_text(size_bytes)}"
    words += _missing_words(missing) + short_words(made)
    if burns:
        took_s = round(clock.mono_s() - begun_s, 1)
        result |= {"stamped": args.stamp, "boxes": True, "encoding_s": took_s}
        words += f"; {'stamped' if args.stamp else 'with boxes'}, so re-encoded in {took_s} s"
    if args.redact:
        result, words = result | {"redacted": True}, words + "." + redacted_words(made.shown_s, within)
    out.data(result, words)
    return 0


def _stamps(
    archive: RecordingFolder, chosen: Settings, camera: CameraId, span: Span, *, only_boxes: bool
) -> FrameStamps:
    one = chosen.cameras.get(camera)
    rolls = (one.pre, one.post) if one else (PRE_S, POST_S)
    title = display_name(camera, one) if one else camera
    return read_stamps(archive, camera, span, title, ZoneInfo(local_zone()), rolls, only_boxes=only_boxes)
