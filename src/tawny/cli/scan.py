"""`tawny scan`: detect events in video files or recordings as fast as possible; optionally export clips."""

import gc
import json
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from tawny.cli import options
from tawny.cli.options import time_text
from tawny.cli.output import Output
from tawny.cli.scan_pool import ScanInput, ScanJob, ScannedInput, scan_all
from tawny.config.settings import DetectionSettings
from tawny.config.units import seconds
from tawny.detection.detector import DetectorKind, ScanDetectorKind
from tawny.detection.motion import MotionDetector
from tawny.detection.scan.scan import ScannedEvent, ScanOptions
from tawny.detection.watcher import LookStage
from tawny.media.codec.video_file import FileVideo
from tawny.media.mp4.file_part import VirtualFile
from tawny.model.errors import NotDone, UsageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.polygon import Polygon
from tawny.model.times import Span, SystemClock, stamp, utc_from_text, utc_text

if TYPE_CHECKING:
    from tawny.cli.archive import RecordingFolder
    from tawny.playback.clips import ClipFile

# A time span of a camera's recordings as an input of `tawny scan`, read as one virtual file.

MOST_S = 6 * 3600.0
"""Maximum length in s of recordings read as one virtual file."""
MOST_BYTES = 2**40


def recorded(archive: "RecordingFolder", camera: CameraId, stream: StreamName, within: Span) -> Iterator[ScanInput]:
    """Yield the recordings of a time span as inputs of at most MOST_S, each with one video format."""
    # lazy import: loading the storage code takes longer than scanning a short file
    from tawny.playback.clips import ClipCache
    from tawny.playback.recordings import segments

    clips = ClipCache(archive)
    begin_ms = within.begin_ms
    first = segments(archive, camera, stream, within)[:1]
    if first:
        begin_ms = min(begin_ms, first[0].start_ms)  # include the whole first segment, from its first keyframe
    while begin_ms < within.end_ms:
        span = Span(begin_ms, min(within.end_ms, begin_ms + round(MOST_S * 1000)))
        clip = clips.clip(camera, stream, span, MOST_BYTES)
        if clip is not None:
            yield _one_file(camera, within.begin_ms, clip)
        begin_ms = clip.cut_at_ms if clip is not None and clip.cut_at_ms else span.end_ms


def _one_file(camera: CameraId, asked_ms: int, clip: "ClipFile") -> ScanInput:
    """Return recordings as one virtual file. asked_ms: start of the requested range, ms UTC."""

    def source() -> IO[bytes]:
        reader: Any = VirtualFile(clip.file.read, clip.file.size_bytes)
        made: IO[bytes] = reader
        return made

    return ScanInput(
        path=Path(f"{camera} from {time_text(clip.start_ms)}"),
        stem=f"{camera}-{stamp(clip.start_ms)}",
        facts={"file": None, "camera": camera, "start": utc_text(clip.start_ms)},
        source=source,
        begins_ms=clip.start_ms,
        asked_s=(asked_ms - clip.start_ms) / 1000,
        known_by=(camera, clip.start_ms, clip.etag),
    )


def describe_scan(parser: ArgumentParser) -> None:
    add = parser.add_argument
    polygon = "only this area: a polygon with x and y from 0 to 1, for example 0,0.5,1,0.5,1,1,0,1 (repeatable)"
    add("files", metavar="FILE", nargs="*", help="video files of any format")
    add("--camera", metavar="C", help="scan this camera's recordings instead, from --from to --to")
    streams = [name.value for name in StreamName]
    add("--stream", choices=streams, default="main", help="with --camera: main or sub stream")
    options.data(parser)
    options.times(parser, begin="", end="now")
    add("--detector", metavar="D", default="motion", help="detector (default: motion)")
    add("--sensitivity", metavar="N", type=int, help="motion threshold, 1 to 100 (default: 50)")
    add("--set", metavar="KEY=VALUE", action="append", default=[], help="a setting of the detector")
    add("--region", metavar="X,Y,…", action="append", default=[], help=polygon)
    add("--sound", metavar="MODEL", help="also detect sounds, named by this model (default: as the camera's settings)")
    add("--thorough", action="store_true", help="decode every frame, not only where something changed")
    add("--phase", metavar="TIME", default="0 s", help="begin this much later, to see whether results depend on it")
    add("--join", metavar="TIME", default="1 s", help="merge events closer together than this (default: 1 s)")
    add("--events-out", metavar="DIR", help="folder for clips, snapshots, scores and a web page")
    add("--before", metavar="TIME", default="2 s", help="in clips, time before the event (default: 2 s)")
    add("--after", metavar="TIME", default="2 s", help="in clips, time after the event (default: 2 s)")
    add("--exact", action="store_true", help="cut clips exactly; otherwise they start at a keyframe")
    add("--compare", action="store_true", help="compare all detectors: a table of their verdicts, no clips")
    add("--csv", metavar="FILE", help="with --compare: each detector's number, threshold and verdict for every frame")
    add("--video", metavar="FILE", help="with --compare: a copy with boxes and numbers, newly encoded (MP4)")
    add("--log", metavar="FILE", help="cache results here; files already scanned are skipped")
    add("--jobs", metavar="N", type=int, default=0, help="number of parallel scans (default: one per CPU core)")


def run_scan(args: Namespace, out: Output) -> int:
    if args.compare:
        return _run_comparison(args, out)
    if args.csv or args.video:
        raise UsageError("`--csv` and `--video` belong to a comparison.", "Add `--compare`.")
    wanted = _wanted(args, out)
    naming = _naming(args)
    if naming is not None:
        wanted = replace(wanted, name=naming.make)
    hearing = _hearing(args)
    with ExitStack() as stack:
        job = ScanJob(
            inputs=_inputs(args, stack),
            wanted=wanted,
            about={"detector": args.detector, "settings": dict(wanted.settings), "region": args.region}
            | {"thorough": args.thorough, "join": args.join}
            | ({"phase": args.phase} if wanted.phase_s else {})
            | _own_file(wanted.settings)
            | ({"naming": naming.known_by} if naming is not None else {})
            | ({"sound": hearing.known_by} if hearing is not None else {}),
            folder=Path(args.events_out) if args.events_out else None,
            before_s=_time(args.before, "--before"),
            after_s=_time(args.after, "--after"),
            exact=args.exact,
            log=Path(args.log) if args.log else None,
            jobs=args.jobs,
            sounds=hearing.find if hearing is not None else None,
        )
        gc.freeze()  # loaded modules stay in memory: exclude them from garbage collection
        failed = False
        for scanned in scan_all(job, out.progress):
            out.progress("")
            failed |= scanned.error is not None
            out.data(scanned.summary, _words(scanned))
    return 1 if failed else 0


def _run_comparison(args: Namespace, out: Output) -> int:
    # lazy import: all detectors and the encoder take longer to load than a short file to scan
    from tawny.cli.compare import Comparison, run_comparison

    try:
        regions = tuple(map(_polygon, args.region))
    except ValueError as error:
        raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.", "See `tawny scan --help`.") from None
    with ExitStack() as stack:
        join_s = _time(args.join, "--join")
        return run_comparison(Comparison.of(args, _inputs(args, stack), regions, join_s, _pair), out)


def _inputs(args: Namespace, stack: ExitStack) -> list[ScanInput]:
    if bool(args.files) == bool(args.camera):
        raise UsageError("Nothing to scan.", "Pass video files, or `--camera` with `--from` and `--to`.")
    if args.files:
        return [ScanInput.of_file(Path(name)) for name in args.files]
    if not args.begin:
        raise UsageError("No start time.", 'Pass --from, for example --from "2 h ago".')
    return _recorded(args, stack)


def _recorded(args: Namespace, stack: ExitStack) -> list[ScanInput]:
    # lazy import: loading the storage code takes longer than scanning a short file
    from tawny.cli.archive import open_folder
    from tawny.cli.paths import existing_data
    from tawny.storage.index.opening import known_camera

    chosen, folder = existing_data(args)
    within = options.span(args.begin, args.end, SystemClock().now_ms())
    camera = known_camera(folder, args.camera)
    found = list(
        recorded(stack.enter_context(open_folder(folder, settings=chosen)), camera, StreamName(args.stream), within)
    )
    if not found:
        wanted = f"from {options.time_text(within.begin_ms)} to {options.time_text(within.end_ms)}"
        raise NotDone(f"No recording from {camera} {wanted}.", "See `tawny timeline` for what is recorded.")
    return found


def _wanted(args: Namespace, out: Output) -> ScanOptions:
    kind = _kind(args.detector, out)
    settings = dict(map(_pair, args.set)) | ({} if args.sensitivity is None else {"sensitivity": args.sensitivity})
    try:
        kind(settings)
        regions = tuple(map(_polygon, args.region))
    except ValueError as error:
        raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.", "See `tawny scan --help`.") from None
    join_s, phase_s = _time(args.join, "--join"), _time(args.phase, "--phase")
    return ScanOptions(kind, settings, thorough=args.thorough, join_s=join_s, regions=regions, phase_s=phase_s)


class _Naming(NamedTuple):
    """known_by: SHA-256 of the model."""

    make: Callable[[], LookStage]
    known_by: str


def _naming(args: Namespace) -> _Naming | None:
    """Return what names objects: the model that the recorder here uses, else the built-in one, as in live detection.

    Raises NotDone if the model that is set is missing or can't be used.
    """
    # lazy import: models take longer to load than `--help`
    from tawny.cli.paths import data_folder, load_settings
    from tawny.detection.classification import ClassificationQueue, TrackClassifier
    from tawny.detection.kind_model import FallbackClassifier, FallbackLabeller, KindClassifier, card_of
    from tawny.detection.models.object_model import ObjectModel
    from tawny.service.detection.classifier_runtime import OFF, kinds_file
    from tawny.service.detection.model_store import ModelStore

    settings, _ = load_settings(args)
    chosen, shelf = settings.object_detection, ModelStore(data_folder(args, settings), SystemClock())
    found = None if chosen.model == OFF else shelf.chosen(chosen.model)
    if found is not None:
        shelf.check(found)
        model = ObjectModel(shelf.file(found.name), found.labels or None, threshold=chosen.sure)

        def by_model() -> LookStage:
            queue = ClassificationQueue(model, is_inline=True)
            return TrackClassifier(CameraId("scan"), queue, DetectionSettings().notify_types)

        return _Naming(by_model, found.sha256)
    if chosen.kinds == OFF:
        return None
    card = card_of(kinds_file(chosen.kinds))
    built_in = FallbackClassifier(SystemClock(), KindClassifier(kinds_file(chosen.kinds)), slow_s=math.inf)
    built_in.triggers = card.triggers
    built_in.judged = card.tracks
    return _Naming(lambda: FallbackLabeller(built_in, {}), card.sha256)


class _Hearing(NamedTuple):
    """known_by: the settings of sound detection, and the digest of a user's file."""

    find: Callable[[FileVideo], list[ScannedEvent]]
    known_by: str


def _hearing(args: Namespace) -> _Hearing | None:
    """Return what detects sounds: with the model of `--sound`, else as the camera's settings say; None: nothing.

    Raises NotDone if the model is missing or can't be used.
    """
    if not (args.sound or args.camera):
        return None
    # lazy import: sound detection takes longer to load than `--help`
    from tawny.cli.paths import data_folder, load_settings
    from tawny.config.recognition import AudioSettings
    from tawny.detection.audio import SoundRules
    from tawny.detection.scan.sounds import scan_sounds
    from tawny.detection.sound_classes import SoundNamer
    from tawny.engine.plugins import PluginGroup
    from tawny.service.detection.sound_service import SoundService, sound_store

    settings, _ = load_settings(args)
    known = settings.cameras.get(args.camera) if args.camera else None
    own = known.detection.sound if known is not None else AudioSettings()
    wanted = own.model_copy(update={"listen": True, "model": args.sound, "labels": ""}) if args.sound else own
    if not wanted.listen:
        return None
    store, plug_ins = sound_store(data_folder(args, settings), SystemClock()), PluginGroup("tawny.sounds")

    def named() -> SoundNamer | None:
        if not wanted.model:
            return None
        service = SoundService(store, plug_ins, SystemClock(), is_inline=True)
        namer, model = service.namer(CameraId("scan"), wanted)
        try:
            service.await_ready(model)
        except NotDone:
            namer.close()
            raise
        return namer

    if (first := named()) is not None:
        first.close()
    rules = SoundRules(wanted.level, wanted.hold, wanted.cooldown, wanted.loud or not wanted.model)
    file = _own_file({"file": wanted.model} if wanted.model.endswith(".py") else {})
    sums = [card.sha256 for card in store.all() if card.name == wanted.model]
    return _Hearing(lambda video: scan_sounds(video, rules, named()), f"{wanted.model_dump_json()} {file} {sums}")


def _own_file(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the digest of a user detector's file, so that cached results are not used after it changes."""
    file = Path(str(settings["file"])).expanduser() if "file" in settings else None
    return {"file": sha256(file.read_bytes()).hexdigest()} if file is not None and file.is_file() else {}


def _kind(name: str, out: Output) -> DetectorKind:
    if name == MotionDetector.name:
        return MotionDetector
    # lazy import: listing the plug-ins takes longer than motion detection in a minute of video
    from tawny.engine.plugins import PluginGroup

    detectors = PluginGroup("tawny.detectors")
    if name not in detectors:
        raise UsageError(f"No detector named {name}.", f"Use one of {', '.join(sorted(detectors))}.")
    kind: DetectorKind = detectors[name]
    if isinstance(kind, ScanDetectorKind):
        return kind.for_scan(lambda text: out.say(text.rstrip()))
    return kind


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text} is invalid.", "Use KEY=VALUE, for example level=400.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _polygon(text: str) -> Polygon:
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = [0.0]
    if len(numbers) % 2:
        raise ValueError(f"--region {text} must be pairs of x and y")
    return Polygon.of(zip(numbers[::2], numbers[1::2], strict=True))


def _time(text: str, option: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"{option} {text} is invalid.", f"Use {error}.") from None


def _words(scanned: ScannedInput) -> str:
    """Return the result as text for people."""
    if scanned.error is not None:
        return str(scanned.error)
    summary: Mapping[str, Any] = scanned.summary
    events = summary["events"]
    head = f"{scanned.name}: {_clock(summary['duration_s'])} long, {len(events)} event{'s' if len(events) != 1 else ''}"
    return "\n".join([f"{head}, {summary['cpu_s']:.1f} s of CPU time", *map(_line, events)])


def _line(event: Mapping[str, Any]) -> str:
    length_s = event["end_s"] - event["start_s"]
    when = options.time_text(utc_from_text(event["at"])) if "at" in event else _clock(event["start_s"])
    what = f"{event['type']}: {event['sound']}" if "sound" in event else event["type"]
    return f"  {when}  {length_s:5.1f} s  {what}  {event['score']}"


def _clock(at_s: float) -> str:
    minutes, rest_s = divmod(at_s, 60)
    return f"{int(minutes // 60)}:{int(minutes % 60):02}:{rest_s:04.1f}"
