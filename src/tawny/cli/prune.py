"""`tawny prune`: apply retention now or as a dry run, or delete old files in a dated folder of another program."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.paths import existing_data
from tawny.cli.times import time_text
from tawny.config.units import seconds, size, size_text
from tawny.model.clock import SystemClock
from tawny.model.errors import NotDone, UsageError
from tawny.model.segments import Segment
from tawny.model.times import utc_text
from tawny.service.retention.promises import contract
from tawny.service.sealing.policy import signed_history
from tawny.storage.disk.disk import RealDisk
from tawny.storage.disk.secondary_volumes import attach_all
from tawny.storage.disk.volume import Volume
from tawny.storage.history.journal import HistoryJournal
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.opening import INDEX_NAME, index_to_write
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.retention import dated_folders
from tawny.storage.retention.contract import RetentionRule
from tawny.storage.retention.planning import RemovalPlan
from tawny.storage.retention.runner import Retention

ALL = 10**9


def describe(parser: ArgumentParser) -> None:
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
    parser.add_argument("--files", metavar="N", type=int, help="with --folder: keep at most this many files")
    parser.add_argument("--size", metavar="SIZE", help='with --folder: keep at most this much, for example "200 GB"')


def run(args: Namespace, out: Output) -> int:
    if args.folder:
        plan = _prune_folder(Path(args.folder), _keep(args), dry_run=args.dry_run)
        paths = True
    else:
        if args.keep or args.files or args.size:
            raise UsageError("--keep, --files and --size require --folder.", "For recordings, set `storage.retention`.")
        plan, paths = _prune(args, out), False
    out.data(_as_json(plan, dry_run=args.dry_run), _text(plan, out, dry_run=args.dry_run, paths=paths))
    return 1 if plan.missing_bytes or plan.missing_files or plan.breaks_promise else 0


def _prune(args: Namespace, out: Output) -> RemovalPlan:
    chosen, folder = existing_data(args)
    clock = SystemClock()
    volume = Volume.at(folder)
    for error in attach_all(volume):
        out.say(str(error))
    history = HistoryJournal(volume.disk)
    lock = None if args.dry_run else volume.lock(clock)
    index = (
        SqliteIndex(folder / INDEX_NAME, Catalogue(volume), read_only=True)
        if args.dry_run
        else index_to_write(volume, history)
    )
    try:
        kept = contract(chosen)
        ledger = HistoryLedger(history, index, clock)
        retention = Retention(volume, index, ledger, clock, kept.everyone, kept.cameras, thin_at_once=ALL)
        if args.dry_run:
            return retention.plan()
        signed = signed_history(volume, clock, lambda: chosen)
        done = retention.run()
        signed.state(clock.now_ms())
        return done
    finally:
        index.close()
        history.close()
        if lock is not None:
            lock.release()


def _keep(args: Namespace) -> RetentionRule:
    if args.keep is None and args.files is None and args.size is None:
        raise UsageError("--folder needs a limit.", 'Add --keep "14 days", --files N or --size "200 GB".')
    try:
        max_s = None if args.keep is None else seconds(args.keep)
        size_bytes = None if args.size is None else size(args.size)
    except ValueError as error:
        raise UsageError(f"Invalid value. Use {error}.") from None
    if args.files is not None and args.files < 0:
        raise UsageError("--files must be zero or more.")
    return RetentionRule(max_s=max_s, size_bytes=size_bytes, count=args.files, free_share=0.0)


def _prune_folder(folder: Path, keep: RetentionRule, *, dry_run: bool) -> RemovalPlan:
    if not folder.is_dir():
        raise NotDone(f"Folder {folder} doesn't exist.")
    disk, now_ms = RealDisk(folder), SystemClock().now_ms()
    zone = datetime.fromtimestamp(now_ms / 1000).astimezone().tzinfo
    assert zone is not None
    plan = dated_folders.plan(disk, keep, now_ms, zone)
    if not dry_run:
        dated_folders.apply(disk, plan)
    return plan


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


def _text(plan: RemovalPlan, out: Output, *, dry_run: bool, paths: bool) -> str:
    verb = "would be deleted" if dry_run else "were deleted"
    lines = [_table([(one.segment, one.why) for one in plan.removals], out, paths=paths, empty=f"Nothing {verb}.")]
    if plan.removals:
        lines.append(f"{len(plan.removals)} files, {size_text(plan.size_bytes)} {verb}.")
    if plan.thinnings:
        verb = "would be reduced to keyframes" if dry_run else "were reduced to keyframes"
        lines += [_table(plan.thinnings, out, paths=False, empty=""), f"{len(plan.thinnings)} files {verb}."]
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
        told = [(file.path, size_text(file.size_bytes), why) for file, why in rows]
        return out.table(("file", "size", "why"), told, empty=empty)
    cells = [
        (time_text(file.start_ms), file.camera, file.stream.value, size_text(file.size_bytes), why)
        for file, why in rows
    ]
    return out.table(("start", "camera", "stream", "size", "why"), cells, empty=empty)
