"""`tawny scan`: detect events in video files or recordings as fast as possible; optionally export clips."""

import gc
from argparse import ArgumentParser, Namespace
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.scan_computers import ThreadComputer
from tawny.cli.scan_events import ScanEventWriter
from tawny.cli.scan_inputs import InputFinder, ScanTarget, clock_text
from tawny.cli.scan_pool import ScanDriver, ScanJob, ScanLog, ScannedInput
from tawny.cli.scan_recipe import ScanRecipe, masks_of, pair, polygon, prepare
from tawny.model.errors import NotDone, UsageError
from tawny.model.ids import StreamName
from tawny.model.times import SystemClock, utc_from_text

if TYPE_CHECKING:
    from tawny.cli.archive import RecordingFolder


def describe_scan(parser: ArgumentParser) -> None:
    add = parser.add_argument
    polygon = "only this area: a polygon with x and y from 0 to 1, for example 0,0.5,1,0.5,1,1,0,1 (repeatable)"
    add("files", metavar="FILE", nargs="*", help="video files of any format")
    add("--on", metavar="WHERE", help="where to compute: boxes (of this hub), or ray://HOST")
    add("--box", metavar="ID", action="append", default=[], help="with --on boxes: only this one (repeatable)")
    add("--wait", metavar="TIME", default="1 h", help="with --on boxes: how long to wait for an offline box")
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
    if args.compare and args.on:
        raise UsageError("Comparisons run on this computer only.", "Leave out `--on`.")
    if args.compare:
        return _run_comparison(args, out)
    if args.csv or args.video:
        raise UsageError("`--csv` and `--video` belong to a comparison.", "Add `--compare`.")
    if args.on:
        return _run_elsewhere(args, out)
    scan = prepare(ScanRecipe.of(args), args, args.camera or "", out.say)
    with ExitStack() as stack:
        finder, targets = _targets(args, stack)
        log = _log(args)
        computer = ThreadComputer(scan, finder, args.jobs, resumes=args.log is not None, show=out.progress)
        gc.freeze()  # loaded modules stay in memory: exclude them from garbage collection
        return _printed(ScanDriver(_job(args, targets, finder, stack), log).scan(computer), out)


def _run_elsewhere(args: Namespace, out: Output) -> int:
    if args.on == "boxes":
        from tawny.cli.scan_boxes import boxes_scan  # lazy: loads asyncio

        return _printed(boxes_scan(args, out), out)
    if not args.on.startswith("ray://"):
        raise UsageError(f"--on {args.on} is unknown.", "Use `boxes`, or an address such as ray://server.")
    from tawny.cli.scan_ray import RayComputer  # lazy: loads Ray

    recipe = ScanRecipe.of(args)
    prepare(recipe, args, args.camera or "", out.say)  # so that errors are shown here
    with ExitStack() as stack:
        finder, targets = _targets(args, stack)
        computer = RayComputer(args.on, recipe, _place(args), out.progress)
        log = _log(args)
        return _printed(ScanDriver(_job(args, targets, finder, stack), log).scan(computer), out)


def _place(args: Namespace) -> tuple[str, str]:
    """Return settings file and data folder as absolute paths; empty: none. They must be the same on every computer."""
    from tawny.cli.paths import config_file, existing_data

    config = config_file(args)
    data = existing_data(args)[1] if args.camera else None
    return str(config.absolute()) if config else "", str(data.absolute()) if data else ""


def _log(args: Namespace) -> ScanLog:
    return ScanLog(Path(args.log) if args.log else None, with_scores=bool(args.events_out))


def _job(args: Namespace, targets: Sequence[ScanTarget], finder: InputFinder, stack: ExitStack) -> ScanJob:
    before_s, after_s = options.option_s(args.before, "--before"), options.option_s(args.after, "--after")
    events = None
    if args.events_out:
        if Path(args.events_out).is_file():
            raise NotDone(f"{args.events_out} is a file.", "Pass a folder for clips and images with `--events-out`.")
        covered = _covered(args, stack) if args.camera else None
        events = ScanEventWriter(Path(args.events_out), finder, before_s, after_s, exact=args.exact, covered=covered)
    return ScanJob(targets, options.option_s(args.join, "--join"), events)


def _covered(args: Namespace, stack: ExitStack) -> "RecordingFolder":
    """Return the recordings with privacy masks. Those that are scanned are without: all of them would be encoded."""
    from tawny.cli.archive import open_folder  # lazy, as in `_targets`
    from tawny.cli.paths import existing_data

    chosen, folder = existing_data(args)
    private = {args.camera: masks_of(args, args.camera)}
    return stack.enter_context(open_folder(folder, private=private, settings=chosen))


def _printed(results: Generator[ScannedInput], out: Output) -> int:
    """Print results as they come. Return the exit code."""
    failed = False
    with closing(results):
        for scanned in results:
            out.progress("")
            failed |= scanned.error is not None
            out.data(scanned.summary, _words(scanned))
    return 1 if failed else 0


def _run_comparison(args: Namespace, out: Output) -> int:
    # lazy import: all detectors and the encoder take longer to load than a short file to scan
    from tawny.cli.compare import Comparison, run_comparison

    try:
        regions = tuple(map(polygon, args.region))
    except ValueError as error:
        raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.", "See `tawny scan --help`.") from None
    with ExitStack() as stack:
        join_s = options.option_s(args.join, "--join")
        finder, targets = _targets(args, stack)
        inputs = [each for target in targets for each in finder.all(target)]
        private = masks_of(args, args.camera or "")
        return run_comparison(Comparison.of(args, inputs, regions, private, join_s, pair), out)


def _targets(args: Namespace, stack: ExitStack) -> tuple[InputFinder, list[ScanTarget]]:
    """Return what is to be scanned, and what finds it here."""
    if bool(args.files) == bool(args.camera):
        raise UsageError("Nothing to scan.", "Pass video files, or `--camera` with `--from` and `--to`.")
    if args.files:
        return InputFinder(None), [ScanTarget(file=str(Path(name))) for name in args.files]
    if not args.begin:
        raise UsageError("No start time.", 'Pass --from, for example --from "2 h ago".')
    # lazy import: loading the storage code takes longer than scanning a short file
    from tawny.cli.archive import open_folder
    from tawny.cli.paths import existing_data
    from tawny.storage.index.opening import known_camera

    chosen, folder = existing_data(args)
    within = options.span(args.begin, args.end, SystemClock().now_ms())
    camera = known_camera(folder, args.camera)
    finder = InputFinder(stack.enter_context(open_folder(folder, settings=chosen)))
    target = ScanTarget("", "", camera, args.stream, within.begin_ms, within.end_ms)
    if not finder.all(target):
        wanted = f"from {options.time_text(within.begin_ms)} to {options.time_text(within.end_ms)}"
        raise NotDone(f"No recording from {camera} {wanted}.", "See `tawny timeline` for what is recorded.")
    return finder, [target]


def _words(scanned: ScannedInput) -> str:
    """Return the result as text for people."""
    if scanned.error is not None:
        return str(scanned.error)
    summary: Mapping[str, Any] = scanned.summary
    events = summary["events"]
    count = f"{len(events)} event{'s' if len(events) != 1 else ''}"
    head = f"{scanned.name}: {clock_text(summary['duration_s'])} long, {count}"
    return "\n".join([f"{head}, {summary['cpu_s']:.1f} s of CPU time", *map(_line, events)])


def _line(event: Mapping[str, Any]) -> str:
    length_s = event["end_s"] - event["start_s"]
    when = options.time_text(utc_from_text(event["at"])) if "at" in event else clock_text(event["start_s"])
    what = f"{event['type']}: {event['sound']}" if "sound" in event else event["type"]
    without = f"  (no clip: {event['no_clip']})" if "no_clip" in event else ""
    return f"  {when}  {length_s:5.1f} s  {what}  {event['score']}{without}"
