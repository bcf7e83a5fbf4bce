"""`tawny timeline`, `check`, `delete` and `prune`."""

import os
import threading
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tawny.cli import options
from tawny.cli.archive import open_folder
from tawny.cli.check_witnesses import (
    ADVICE,
    SHARED_ADVICE,
    UPLOAD_ADVICE,
    SeenWitness,
    confirm,
    describe_witness_options,
    findings,
    given_witnesses,
    uploaded,
)
from tawny.cli.control_client import ask_once
from tawny.cli.options import time_text
from tawny.cli.output import Output, table_text
from tawny.cli.paths import existing_data, masked, running_data
from tawny.config.settings import Settings
from tawny.config.units import seconds, size, size_text
from tawny.engine.system_user import user_name
from tawny.model.damage import DamageSum, damage_detail
from tawny.model.errors import FolderInUse, IndexOutdated, NotDone, StorageError, UsageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import GapReason, Segment, gap_text
from tawny.model.times import Span, SystemClock, utc_text
from tawny.playback.recordings import RecordingArchive, RecordingIndex
from tawny.playback.timeline import recorded_spans
from tawny.service import json_format
from tawny.service.delivery.delivery_service import waiting_recordings
from tawny.service.retention.promises import contract
from tawny.service.sealing.policy import recipients_of
from tawny.service.storage_setup import archives
from tawny.storage.disk.disk import RealDisk
from tawny.storage.disk.private_files import given_to_recorder
from tawny.storage.disk.secondary_volumes import attach_all
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.opening import INDEX_NAME, index_of_files, index_to_write, known_camera
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.findings import CheckReport, FindingKind
from tawny.storage.retention import dated_folders
from tawny.storage.retention.contract import RetentionRule
from tawny.storage.retention.planning import ALL, RemovalPlan
from tawny.storage.retention.runner import Retention, RetentionPace

_GAP_WORDS: Final = {GapReason.FILLED: "filled  "}


def describe_timeline(parser: ArgumentParser) -> None:
    options.data(parser)
    options.times(parser, begin="today", end="now")
    parser.add_argument("--camera", metavar="C", required=True, help="camera ID, for example front-door")


def run_timeline(args: Namespace, out: Output) -> int:
    _, folder = existing_data(args)
    within = options.span(args.begin, args.end, SystemClock().now_ms())
    with open_folder(folder) as archive:
        camera = known_camera(folder, args.camera, archive.index)
        out.data(timeline_as_json(archive, camera, within), "\n".join(lines(archive, camera, within)))
    return 0


def timeline_as_json(archive: RecordingArchive, camera: CameraId, within: Span) -> dict[str, Any]:
    index = archive.index
    spans = [
        json_format.span(span, name) for name in StreamName for span in recorded_spans(archive, camera, within, name)
    ]
    return {
        "camera": camera,
        "from": utc_text(within.begin_ms),
        "to": utc_text(within.end_ms),
        "spans": spans,
        "gaps": [json_format.gap(gap) for gap in index.gaps(camera, within)],
        "damage": [json_format.damage(damage) for damage in index.damage(camera, within)],
        "events": [json_format.event(event) for event in _events(index, camera, within)],
    }


def _events(index: RecordingIndex, camera: CameraId, within: Span) -> list[Any]:
    return list(reversed(index.events(within, cameras=[camera], limit=10_000).events))


def _lasting(begin_ms: int, end_ms: int | None) -> str:
    """Return until when it lasts, or how long if both times look the same."""
    if end_ms is None:
        return "still"
    if time_text(begin_ms) == time_text(end_ms):
        return f"for {(end_ms - begin_ms) / 1000:g} s"
    return f"until {time_text(end_ms)}"


def lines(archive: RecordingArchive, camera: CameraId, within: Span) -> list[str]:
    """Return the timeline as text for people."""
    index, spans = archive.index, recorded_spans(archive, camera, within)
    found = [(span.begin_ms, f"recorded {_lasting(span.begin_ms, span.end_ms)}") for span in spans]
    found += [
        (
            gap.begin_ms,
            f"{_GAP_WORDS.get(gap.reason, 'missing ')} {_lasting(gap.begin_ms, gap.end_ms)}: {gap_text(gap)}",
        )
        for gap in index.gaps(camera, within)
    ]
    found += [
        (
            damage.begin_ms,
            f"damaged  {_lasting(damage.begin_ms, damage.end_ms)}: {damage_detail(damage)} ({damage.stream})",
        )
        for damage in index.damage(camera, within)
    ]
    found += [(event.start_ms, f"{event.kind}, score {event.score:.0f}") for event in _events(index, camera, within)]
    return [f"{time_text(at_ms)}  {what}" for at_ms, what in sorted(found)] or ["No recordings in this time."]


# `tawny check`: compare files, index and wall-clock time. Exit 0: no problems; 1: findings.

OUTSIDE = frozenset({FindingKind.WITNESS, FindingKind.UPLOADS, FindingKind.NOT_COMPARED, FindingKind.SHARED})
"""Findings that are not of the recordings here, so that no repair helps."""
MOST_GAPS = 1000
"""Maximum number of gaps that `--wall --json` lists; the newest are kept."""


def describe_check(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument(
        "--repair", action="store_true", help="repair what can be repaired; never deletes playable video"
    )
    parser.add_argument(
        "--deep", action="store_true", help="read every file and verify it against the signed history; compare uploads"
    )
    describe_witness_options(parser)
    parser.add_argument(
        "--wall", action="store_true", help="verify that recorded plus explained time equals wall-clock time"
    )


def run_check(args: Namespace, out: Output) -> int:
    settings, folder = existing_data(args)
    given = given_witnesses(args)
    with given_to_recorder(folder):
        return _check(args, out, settings, folder, given)


def _check(args: Namespace, out: Output, settings: Settings, folder: Path, given: list[SeenWitness]) -> int:
    clock = SystemClock()
    volume = Volume.at(folder)
    for error in attach_all(volume, archives(settings, clock)):
        out.say(str(error))
    history = HistoryJournal(volume.disk)
    lock = None
    if args.repair:
        with suppress(FolderInUse):  # a recorder is running: only files that it does not use are repaired
            lock = volume.lock(clock)
    try:
        with _index(volume, history, out, repair=args.repair, is_alone=lock is not None) as index:
            report = check_volume(
                volume,
                index,
                clock,
                CheckScope(deep=args.deep, with_wall=args.wall, beside_recorder=False if lock is not None else None),
                ledger=HistoryLedger(history, index, clock) if args.repair else None,
                progress=lambda count: out.progress(f"checking: {count} files"),
            )
        if args.deep:
            held, lacking = uploaded(settings, volume, clock, out)
            given += held
            report.findings.extend(lacking)
        if args.confirm_history:
            confirm(volume, folder, clock, given, out)
        report.findings.extend(findings(volume, given, deep=args.deep))
    finally:
        history.close()
        if lock is not None:
            lock.release()
    out.progress("")
    out.data(check_as_json(report), _text(report, out, repair=args.repair))
    return 0 if all(finding.repaired for finding in report.findings) and not _unexplained(report) else 1


@contextmanager
def _index(
    volume: Volume, history: HistoryJournal, out: Output, *, repair: bool, is_alone: bool
) -> Iterator[SqliteIndex]:
    """Yield the index; if it is missing or outdated and not repaired, one that is made of the files for this check."""
    try:
        if repair and is_alone:
            index = index_to_write(volume, history)
        elif repair or (volume.root / INDEX_NAME).exists():
            index = SqliteIndex(volume.root / INDEX_NAME, Catalogue(volume), read_only=not repair)
        else:
            raise NotDone(f"There is no index {INDEX_NAME} yet.", "The recorder makes it when it starts.")
    except (IndexOutdated, NotDone) as error:
        if repair:
            raise
        out.say(f"{error} Only the files and the history were checked.")
        with index_of_files(volume, history) as index:
            yield index
        return
    try:
        yield index
    finally:
        index.close()


def check_as_json(report: CheckReport) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ok": report.ok,
        "segments": report.segments,
        "seconds": round(report.seconds, 3),
        "thinned": report.thinned,
        "set_aside": list(report.set_aside),
        "thinned_spans": [
            {"camera": camera, "start": utc_text(span.begin_ms), "end": utc_text(span.end_ms)}
            for camera, spans in report.thinned_spans.items()
            for span in spans
        ],
        "findings": [
            {"what": one.what.value, "path": one.path, "detail": one.detail, "repaired": one.repaired}
            for one in report.findings
        ],
        "damage": [
            {"camera": camera} | json_format.damage_sum(found) for camera, found in sorted(report.damage.items())
        ],
        "wall": None,
    }
    if report.wall is not None:
        wall = report.wall
        sums = {"recorded_s": wall.recorded_s, "explained_s": wall.explained_s, "unexplained_s": wall.unexplained_s}
        newest = sorted(wall.gaps, key=lambda gap: gap.begin_ms)[-MOST_GAPS:]
        result["wall"] = sums | {"gaps": [{"camera": gap.camera} | json_format.gap(gap) for gap in newest]}
    return result


def _unexplained(report: CheckReport) -> bool:
    return report.wall is not None and report.wall.unexplained_s > 0


def _damage_words(found: DamageSum) -> str:
    stretches = "1 section" if found.spans == 1 else f"{found.spans} sections"
    return f"{found.seconds:.1f} s damaged in {stretches}: {damage_detail(found)}."


def _text(report: CheckReport, out: Output, *, repair: bool) -> str:
    rows = [(one.what.value, one.path, one.detail, "repaired" if one.repaired else "") for one in report.findings]
    well = "No problems found."
    lines = [out.table(("found", "where", "", ""), rows, empty=well)]
    lines.append(f"Checked {report.segments} files with {report.seconds / 3600:.2f} hours of video.")
    if report.thinned:
        lines.append(f"{report.thinned} of them contain keyframes only:")
        lines += [
            f"  {camera}: {time_text(span.begin_ms)} to {time_text(span.end_ms)}"
            for camera, spans in report.thinned_spans.items()
            for span in spans
        ]
    if report.set_aside:
        lines.append("Files in which no video was found are set aside; tawny never deletes them:")
        lines += [f"  {table_text(path)}" for path in report.set_aside]
    lines += [f"{camera}: {_damage_words(found)}" for camera, found in sorted(report.damage.items())]
    if report.wall is not None:
        wall = report.wall
        known = f"Recorded {wall.recorded_s:.0f} s + explained {wall.explained_s:.0f} s"
        lines.append(f"{known}; unexplained: {wall.unexplained_s:.1f} s.")
        lines += [f"  {camera}: {time_text(span.begin_ms)}, {span.seconds:.1f} s" for camera, span in wall.unexplained]
    if any(one.what is FindingKind.WITNESS for one in report.findings):
        lines.append(ADVICE)
    shared = {one.path for one in report.findings if one.what is FindingKind.SHARED}
    if any(one.what is FindingKind.UPLOADS and one.path not in shared for one in report.findings):
        lines.append(UPLOAD_ADVICE)
    if shared:
        lines.append(SHARED_ADVICE)
    if any(one.what not in OUTSIDE for one in report.findings) and not repair:
        lines.append(
            "Run `tawny check --repair`. It adds missing index entries and closes files; it never deletes "
            "playable video."
        )
    return "\n".join(lines)


# `tawny delete`: what an owner wants deleted; shown first, deleted with `--yes`.


def describe_delete(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("event", metavar="EVENT", nargs="?", help="ID of an event, as `tawny events --json` shows it")
    parser.add_argument("--camera", metavar="C", action="append", default=[], help="camera ID; may be given repeatedly")
    parser.add_argument("--from", dest="begin", metavar="T", help='for example 05:58, yesterday or "2 h ago"')
    parser.add_argument("--to", dest="end", metavar="T", help="likewise")
    parser.add_argument("--everything", action="store_true", help="all recordings of all cameras")
    parser.add_argument("--with-kept", action="store_true", help="kept events and their recordings, too")
    parser.add_argument("--yes", action="store_true", help="delete it now; without this, show what would be deleted")


def run_delete(args: Namespace, out: Output) -> int:
    has_time = args.begin is not None or args.end is not None
    if (args.event is not None) + has_time + args.everything != 1 or (args.event is not None and args.camera):
        raise UsageError(
            "Say what to delete: an event, a time or everything.",
            "`tawny delete EVENT`, `tawny delete --from 05:58 --to 06:10 --camera C` or `tawny delete --everything`.",
        )
    wanted: dict[str, Any] = {"event": args.event, "cameras": args.camera, "with_kept": args.with_kept}
    if has_time:
        if args.begin is None or args.end is None:
            raise UsageError("A time needs --from and --to.", 'For example `--from "2 h ago" --to "1 h ago"`.')
        within = options.span(args.begin, args.end, SystemClock().now_ms())
        wanted |= {"from_ms": within.begin_ms, "to_ms": within.end_ms}
    size = ask_once(
        running_data(args), {"command": "delete", **wanted, "yes": args.yes, "by": user_name() or str(os.getuid())}
    )
    out.data(size, _delete_text(size, yes=args.yes, with_kept=args.with_kept))
    return 0


def _delete_text(size: dict[str, Any], *, yes: bool, with_kept: bool) -> str:
    verb = "is deleted now" if yes else "would be deleted"
    if not size["files"] and not size["events"] and not size.get("images"):
        lines = [f"Nothing {verb}."]
    else:
        images = f" and {size['images']} images at intervals" if size.get("images") else ""
        lines = [f"{size_text(size['bytes'])} in {size['files']} files{images}, with {size['events']} events, {verb}."]
    if size["files"]:
        lines.append(f"The first file begins {size['from']}, the last one ends {size['to']} (UTC).")
    if size["kept"] and not with_kept:
        lines.append(f"{size['kept']} kept events stay, with {size_text(size['kept_bytes'])}; see `--with-kept`.")
    if size.get("away"):
        lines.append(f"What {' and '.join(size['away'])} has of it is deleted when that disk is back.")
    if not yes:
        lines.append("Uploads, files in other folders and clips that you saved stay.")
        lines.append("To delete it, repeat the command with `--yes`.")
    return "\n".join(lines)


# `tawny fill`: fill gaps from a camera's card, and follow that.

_FOLLOW_S: Final = 1.0


def describe_fill(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("camera", metavar="CAMERA", help="ID from the settings")
    options.times(parser, begin="24 h ago", end="now")
    parser.add_argument("--no-wait", action="store_true", help="begin, and don't wait until it is done")


def run_fill(args: Namespace, out: Output) -> int:
    within = options.span(args.begin, args.end, SystemClock().now_ms())
    folder, request = running_data(args), {"command": "fill", "camera": args.camera}
    answer = ask_once(folder, {**request, "from_ms": within.begin_ms, "to_ms": within.end_ms})
    missing_s = answer["missing_s"]
    if not missing_s:
        out.data(answer, "No gap in this time can be filled.")
        return 0
    out.say(f"{missing_s:.1f} s are missing.")
    while not args.no_wait and answer["state"] in ("filling", "waiting"):
        out.progress(f"{answer['text']} {answer['left_s']:.0f} s left. {answer['why']}".rstrip())
        threading.Event().wait(_FOLLOW_S)
        answer = ask_once(folder, request)
    out.data({**answer, "missing_s": missing_s}, answer["text"] or "Filled.")
    return 0 if args.no_wait or answer["state"] == "done" else 1


# `tawny prune`: apply retention now or as a dry run, or delete old files in a dated folder of another program.


def describe_prune(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("--dry-run", action="store_true", help="dry run: show what would be deleted and why")
    parser.add_argument(
        "--folder",
        metavar="DIR",
        help="delete old files in this folder instead, which other programs fill, by the dates in the file paths",
    )
    parser.add_argument(
        "--keep", metavar="TIME", help='with --folder: delete files older than this, for example "14 days"'
    )
    parser.add_argument(
        "--days", metavar="N", type=int, help="with --folder: keep the newest N days that have files, whatever today is"
    )
    parser.add_argument("--files", metavar="N", type=int, help="with --folder: keep at most this many files")
    parser.add_argument("--size", metavar="SIZE", help='with --folder: keep at most this much, for example "200 GB"')


def run_prune(args: Namespace, out: Output) -> int:
    undated = 0
    if args.folder:
        plan, undated = _prune_folder(args, _keep(args))
        paths = True
    else:
        if args.keep or args.days is not None or args.files is not None or args.size:
            raise UsageError(
                "--keep, --days, --files and --size require --folder.", "For recordings, set `storage.retention`."
            )
        chosen, folder = existing_data(args)
        with given_to_recorder(folder):
            plan, paths = _prune(args, out, chosen, folder), False
    text = _prune_text(plan, out, dry_run=args.dry_run, paths=paths)
    if undated:
        one, many = "file without a date in its path stays", "files without a date in their path stay"
        text += f"\n{undated} {one if undated == 1 else many}."
    out.data(_as_json(plan, dry_run=args.dry_run) | ({"undated_files": undated} if args.folder else {}), text)
    return 1 if plan.missing_bytes or plan.missing_files or plan.breaks_promise else 0


def _prune(args: Namespace, out: Output, chosen: Settings, folder: Path) -> RemovalPlan:
    clock = SystemClock()
    volume, lock = Volume.at(folder), None
    if not args.dry_run:
        lock, disk = volume.lock(clock), volume.disk
        volume = Volume(disk, SignedHistory.opened(disk, clock.now_ms(), lambda: recipients_of(chosen)))
    for error in attach_all(volume, archives(chosen, clock)):
        out.say(str(error))
    history = HistoryJournal(volume.disk)
    index = (
        SqliteIndex(folder / INDEX_NAME, Catalogue(volume), read_only=True)
        if args.dry_run
        else index_to_write(volume, history)
    )
    try:
        ledger = HistoryLedger(history, index, clock)
        kept = contract(masked(chosen, folder))  # with the retention of removed cameras
        retention = Retention(volume, index, ledger, clock, kept, RetentionPace(thin_at_once=ALL))
        retention.hold_back(lambda: _waiting(folder, chosen, out))
        if volume.signed is None:
            return retention.plan()
        done = retention.run()
        volume.signed.state(clock.now_ms())
        return done
    finally:
        index.close()
        history.close()
        if lock is not None:
            lock.release()


def _waiting(folder: Path, chosen: Settings, out: Output) -> Sequence[tuple[CameraId, Span]]:
    try:
        return waiting_recordings(folder, chosen)
    except StorageError as error:  # as at a start, which makes another file
        out.say(f"Which recordings wait for upload isn't known: {error.message}")
        return ()


def _keep(args: Namespace) -> RetentionRule:
    if args.keep is None and args.days is None and args.files is None and args.size is None:
        raise UsageError("--folder needs a limit.", 'Add --keep "14 days", --days N, --files N or --size "200 GB".')
    try:
        max_s = None if args.keep is None else seconds(args.keep)
        size_bytes = None if args.size is None else size(args.size)
    except ValueError as error:
        raise UsageError(f"Invalid value. Use {error}.") from None
    if args.files is not None and args.files < 0:
        raise UsageError("--files must be zero or more.")
    if args.days is not None and args.days < 1:
        raise UsageError("--days must be one or more.")
    return RetentionRule(max_s=max_s, size_bytes=size_bytes, count=args.files, free_share=0.0)


def _prune_folder(args: Namespace, keep: RetentionRule) -> tuple[RemovalPlan, int]:
    """Return the plan, which is carried out, and the number of files without a date."""
    folder = Path(args.folder)
    if not folder.is_dir():
        raise NotDone(f"Folder {folder} doesn't exist.")
    disk, now_ms = RealDisk(folder), SystemClock().now_ms()
    plan, undated = dated_folders.plan(disk, keep, now_ms, None, args.days)
    if not args.dry_run:
        dated_folders.apply(disk, plan)
    return plan, undated


def _as_json(plan: RemovalPlan, *, dry_run: bool) -> dict[str, object]:
    return {
        "removed": not dry_run,
        "size_bytes": plan.size_bytes,
        "missing_bytes": plan.missing_bytes,
        "missing_files": plan.missing_files,
        "removals": [
            {**_segment(one.segment), "why": one.why, "breaks_promise": one.breaks_promise} for one in plan.removals
        ],
        "thinnings": [{**_segment(one.segment), "why": one.why} for one in plan.thinnings],
    }


def _segment(segment: Segment) -> dict[str, object]:
    return {
        "path": segment.path,
        "camera": segment.camera,
        "stream": segment.stream.value,
        "start": utc_text(segment.start_ms),
        "end": utc_text(segment.end_ms),
        "size_bytes": segment.size_bytes,
    }


def _prune_text(plan: RemovalPlan, out: Output, *, dry_run: bool, paths: bool) -> str:
    verb = "would be deleted" if dry_run else "were deleted"
    nothing = "Nothing would be deleted." if dry_run else "Nothing was deleted."
    lines = [_table([(one.segment, one.why) for one in plan.removals], out, paths=paths, empty=nothing)]
    if plan.removals:
        lines.append(f"{len(plan.removals)} files, {size_text(plan.size_bytes)} {verb}.")
    if plan.thinnings:
        verb = "would be reduced to keyframes" if dry_run else "were reduced to keyframes"
        lines += [
            _table([(one.segment, one.why) for one in plan.thinnings], out, paths=False, empty=""),
            f"{len(plan.thinnings)} files {verb}.",
        ]
    if plan.breaks_promise:
        lines.append(
            "Some of it is below its minimum retention (`storage.retention`), because there isn't enough space."
        )
    if plan.missing_bytes:
        lines.append(f"{size_text(plan.missing_bytes)} more is needed, but nothing else may be deleted.")
    if plan.missing_files:
        lines.append(f"{plan.missing_files} files too many, but nothing else may be deleted.")
    return "\n".join(lines)


def _table(rows: Sequence[tuple[Segment, str]], out: Output, *, paths: bool, empty: str) -> str:
    if paths:
        texts = [(file.path, size_text(file.size_bytes), why) for file, why in rows]
        return out.table(("file", "size", "why"), texts, empty=empty)
    cells = [
        (time_text(file.start_ms), file.camera, file.stream.value, size_text(file.size_bytes), why)
        for file, why in rows
    ]
    return out.table(("start", "camera", "stream", "size", "why"), cells, empty=empty)
