"""`tawny check`: compare files, index and wall-clock time. Exit 0: no problems; 1: findings."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tawny.cli import history_witnesses, options
from tawny.cli.output import Output
from tawny.cli.paths import existing_data
from tawny.cli.times import time_text
from tawny.model.clock import Clock, SystemClock
from tawny.model.damage import DamageSum, damage_detail
from tawny.model.errors import FolderInUse, IndexOutdated
from tawny.model.times import utc_text
from tawny.service import json_format
from tawny.storage.disk.lock import VolumeLock
from tawny.storage.disk.secondary_volumes import attach_all
from tawny.storage.disk.volume import Volume
from tawny.storage.history.journal import HistoryJournal
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.opening import INDEX_NAME, index_of_files, index_to_write
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.repair.check import check_volume
from tawny.storage.repair.findings import CheckReport, FindingKind

MOST_GAPS = 1000
"""Maximum number of gaps that `--wall --json` lists; the newest are kept."""


def describe(parser: ArgumentParser) -> None:
    options.data(parser)
    parser.add_argument(
        "--repair", action="store_true", help="repair what can be repaired; never deletes playable video"
    )
    parser.add_argument("--deep", action="store_true", help="read every file and verify it against the signed history")
    history_witnesses.describe(parser)
    parser.add_argument(
        "--wall", action="store_true", help="verify that recorded plus explained time equals wall-clock time"
    )


def run(args: Namespace, out: Output) -> int:
    settings, folder = existing_data(args)
    given = history_witnesses.given(args)
    clock = SystemClock()
    volume = Volume.at(folder)
    for error in attach_all(volume):
        out.say(str(error))
    history = HistoryJournal(volume.disk)
    lock = _lock_if_free(volume, clock) if args.repair else None
    try:
        with _index(volume, history, out, repair=args.repair, is_alone=lock is not None) as index:
            report = check_volume(
                volume,
                index,
                clock,
                ledger=HistoryLedger(history, index, clock) if args.repair else None,
                deep=args.deep,
                with_wall=args.wall,
                beside_recorder=False if lock is not None else None,
                progress=lambda count: out.progress(f"checking: {count} files"),
            )
        if args.deep:
            given += history_witnesses.uploaded(settings, volume, clock, out)
        if args.confirm_history:
            history_witnesses.confirm(volume, folder, clock, given, out)
        report.findings.extend(history_witnesses.findings(volume, given, deep=args.deep))
    finally:
        history.close()
        if lock is not None:
            lock.release()
    out.progress("")
    out.data(as_json(report), _text(report, out, repair=args.repair))
    return 0 if all(finding.repaired for finding in report.findings) and not _unexplained(report) else 1


def _lock_if_free(volume: Volume, clock: Clock) -> VolumeLock | None:
    """Lock the volume; None if a recorder holds the lock.

    Repairs are then limited to files the recorder does not use.
    """
    try:
        return volume.lock(clock)
    except FolderInUse:
        return None


@contextmanager
def _index(
    volume: Volume, history: HistoryJournal, out: Output, *, repair: bool, is_alone: bool
) -> Iterator[SqliteIndex]:
    """Yield the index; if it is of another version and not repaired, one that is made of the files for this check."""
    try:
        if repair and is_alone:
            index = index_to_write(volume, history)
        else:
            index = SqliteIndex(volume.root / INDEX_NAME, Catalogue(volume), read_only=not repair)
    except IndexOutdated as error:
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


def as_json(report: CheckReport) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ok": report.ok,
        "segments": report.segments,
        "seconds": round(report.seconds, 3),
        "thinned": report.thinned,
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
        told["wall"] = sums | {"gaps": [{"camera": gap.camera} | json_format.gap(gap) for gap in newest]}
    return told


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
    lines += [f"{camera}: {_damage_words(found)}" for camera, found in sorted(report.damage.items())]
    if report.wall is not None:
        wall = report.wall
        known = f"Recorded {wall.recorded_s:.0f} s + explained {wall.explained_s:.0f} s"
        lines.append(f"{known}; unexplained: {wall.unexplained_s:.1f} s.")
        lines += [f"  {camera}: {time_text(span.begin_ms)}, {span.seconds:.1f} s" for camera, span in wall.unexplained]
    if any(one.what is FindingKind.WITNESS for one in report.findings):
        lines.append(history_witnesses.ADVICE)
    if any(one.what is not FindingKind.WITNESS for one in report.findings) and not repair:
        lines.append(
            "Run `tawny check --repair`. It adds missing index entries and closes files; it never deletes "
            "playable video."
        )
    return "\n".join(lines)
