"""`tawny prune`: what retention removes, now or as a rehearsal."""

from argparse import ArgumentParser, Namespace

from tawny.app.room import storage_keep
from tawny.cli import options
from tawny.cli.output import Output
from tawny.cli.places import existing_data
from tawny.cli.times import shown
from tawny.config.units import size_text
from tawny.model.clock import SystemClock
from tawny.model.times import utc_text
from tawny.storage.history import History
from tawny.storage.ledger import Ledger
from tawny.storage.opening import INDEX_NAME, index_to_write
from tawny.storage.retention import Plan, Retention
from tawny.storage.sqlite_index import SqliteIndex
from tawny.storage.volume import Volume


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would go, and why; remove nothing")


def run(args: Namespace, out: Output) -> int:
    chosen, folder = existing_data(args)
    clock = SystemClock()
    volume = Volume.at(folder)
    history = History(volume.disk)
    lock = None if args.dry_run else volume.lock(clock)
    index = SqliteIndex(folder / INDEX_NAME, read_only=True) if args.dry_run else index_to_write(volume, history)
    try:
        retention = Retention(volume, index, Ledger(history, index, clock), clock, storage_keep(chosen.storage.keep))
        plan = retention.plan() if args.dry_run else retention.run()
    finally:
        index.close()
        history.close()
        if lock is not None:
            lock.release()
    out.data(_as_json(plan, dry_run=args.dry_run), _text(plan, out, dry_run=args.dry_run))
    return 1 if plan.missing_bytes or plan.breaks_promise else 0


def _as_json(plan: Plan, *, dry_run: bool) -> dict[str, object]:
    removals = [
        {
            "path": one.segment.path,
            "camera": one.segment.camera,
            "stream": one.segment.stream.value,
            "start": utc_text(one.segment.start_ms),
            "end": utc_text(one.segment.end_ms),
            "size_bytes": one.segment.size_bytes,
            "why": one.why,
            "breaks_promise": one.breaks_promise,
        }
        for one in plan.removals
    ]
    return {
        "removed": not dry_run,
        "size_bytes": plan.size_bytes,
        "missing_bytes": plan.missing_bytes,
        "removals": removals,
    }


def _text(plan: Plan, out: Output, *, dry_run: bool) -> str:
    rows = [
        (shown(file.start_ms), file.camera, file.stream.value, size_text(file.size_bytes), one.why)
        for one in plan.removals
        for file in [one.segment]
    ]
    verb = "would go" if dry_run else "went"
    lines = [out.table(("start", "camera", "stream", "size", "why"), rows, empty=f"Nothing {verb}.")]
    if rows:
        lines.append(f"{len(rows)} files, {size_text(plan.size_bytes)} {verb}.")
    if plan.breaks_promise:
        lines.append("Some of it is younger than `storage.keep.min` promises: there is not enough room.")
    if plan.missing_bytes:
        lines.append(f"{size_text(plan.missing_bytes)} more are needed, and nothing else may be removed.")
    return "\n".join(lines)
