"""Failover to a spare when the main disk is missing at start, and the import of its data afterwards.

While the main disk is missing, the spare is a recorder folder with its own index and history. When the main disk is
back, `move_back` imports segments, gaps and events into its index and history.

Recordings stay on the spare. What else belongs to them moves, because it is looked for on the main disk only.
`history/standing-in` on the spare marks data to import and holds the time of the
failover. It is removed last, so that an interrupted import is repeated at the next start.
"""

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from tawny.model.errors import DiskFull, FileDamaged
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason, explaining
from tawny.model.times import Span, merge_spans, missing_spans
from tawny.storage.disk.layout import is_of_day, picture_event
from tawny.storage.disk.volume import FileUnreadable, Volume, copy, read_source
from tawny.storage.disk.volume_walk import FileKind, walk
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger, replay
from tawny.storage.index.catalogue import row_of
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import INDEX_NAME
from tawny.storage.index.protocol import Index, all_events
from tawny.storage.index.sqlite_file import SUFFIXES
from tawny.storage.repair.recovery import folders_left_over, put_in_order
from tawny.storage.retention.tiers import copy_keys
from tawny.storage.segments.detection_files import merged_day

log = logging.getLogger(__name__)

WHY: Final = "its disk was not there"
_MARK: Final = "history/standing-in"
_EVER: Final = 1 << 45


def fail_over(spare: Volume, now_ms: int) -> None:
    """Make the spare a standalone recorder folder. No effect if it is one already. Raises StorageError."""
    if spare.disk.entry(_MARK) is not None:
        return
    spare.disk.make_folder("history")
    file = spare.disk.create(_MARK)
    try:
        file.append([json.dumps({"since_ms": now_ms}).encode() + b"\n"])
        file.sync()
    finally:
        file.close()
    spare.disk.sync_folder("history")


def move_back(volume: Volume, index: Index, ledger: HistoryLedger, cameras: Iterable[CameraId], now_ms: int) -> int:
    """Import what the spares recorded during a failover.

    Return the number of imported segments. Raises StorageError.
    """
    count = 0
    for spare in volume.spares:
        since_ms = _since_ms(spare)
        if since_ms is not None:
            before = {camera: index.bounds(camera) for camera in cameras}
            count += _list(spare, index)
            _copy_history(spare, index, ledger, since_ms)
            is_moved = _move_files(spare, volume)
            for camera, bounds in before.items():
                if bounds is not None and bounds.end_ms < since_ms:
                    _explain(index, ledger, camera, Span(bounds.end_ms, now_ms), since_ms)
            if is_moved:
                _forget(spare)
    return count


def _since_ms(spare: Volume) -> int | None:
    if spare.disk.entry(_MARK) is None:
        return None
    try:
        said: Any = json.loads(spare.disk.read(_MARK))
        return int(said["since_ms"])
    except (ValueError, KeyError, TypeError):
        return 0


def _list(spare: Volume, index: Index) -> int:
    put_in_order(spare, index, folders_left_over(spare), "the recorder was stopped")
    rows = []
    for found in walk(spare):
        if found.kind is FileKind.CLOSED and found.name is not None:
            with suppress(FileDamaged):  # reported by `check`
                row = row_of(spare, found.name, found.entry.size_bytes)
                if index.segment(row.id) is None:
                    rows.append(row)
    with index.together():
        for row in rows:
            index.add_segment(row)
    return len(rows)


def _copy_history(spare: Volume, index: Index, ledger: HistoryLedger, since_ms: int) -> None:
    """Copy gaps and events since `since_ms` from the spare's history to the ledger."""
    seen, history = MemoryIndex(), HistoryJournal(spare.disk)
    replay([line for line in history.lines() if line.at_ms >= since_ms], seen)
    history.close()
    for camera in spare.cameras():
        for gap in seen.gaps(camera, Span(0, _EVER)):
            if gap.begin_ms >= since_ms and gap.reason is not GapReason.REMOVED:
                ledger.put_gap(gap)
    for event in all_events(lambda after: seen.events(Span(0, _EVER), after=after, limit=200)):
        if index.event(event.id) is None:
            ledger.put_event(event)


def _move_files(spare: Volume, volume: Volume) -> bool:
    """Move the files of events and days, and periodic snapshots. Return False if the main disk lacks space for them."""
    try:
        for camera in spare.cameras():
            for day in list(spare.day_folders(camera)):
                _move(spare, volume, day, is_of_day)
            for hour in list(spare.hour_folders(camera)):
                _move(spare, volume, hour, lambda name: picture_event(name) is not None)
        _move_below(spare, volume, "snapshots")
    except DiskFull as error:
        log.warning("images of events stay on %s until the next start: %s", spare.root, error)
        return False
    return True


def _move_below(spare: Volume, volume: Volume, folder: str) -> None:
    _move(spare, volume, folder, lambda name: name.endswith(".jpg"))
    for path, entry in list(spare.files(folder)):
        if entry.kind == "folder":
            _move_below(spare, volume, path)


def _move(spare: Volume, volume: Volume, folder: str, is_moved: Callable[[str], bool]) -> None:
    """Move files of a folder. One that can't be read stays."""
    found = [path for path, entry in list(spare.files(folder)) if entry.kind == "file" and is_moved(entry.name)]
    for path in found:
        name = path.rpartition("/")[2]
        try:
            if name.endswith(".keys"):  # the spare's recordings need it there, too
                copy_keys(path, spare, volume)
                continue
            if is_of_day(name) and volume.disk.entry(path) is not None:
                volume.write_whole(path, merged_day(name, volume.disk.read(path), read_source(spare, path)))
            else:
                copy(spare, volume, path)
        except FileUnreadable as error:
            log.warning("a file stays on the fallback disk: %s", error)
            continue
        spare.disk.unlink(path)
    if found:
        spare.disk.sync_folder(folder)


def _explain(index: Index, ledger: HistoryLedger, camera: CameraId, away: Span, since_ms: int) -> None:
    """Record RECORDER_OFF gaps for the part of `away` before and after the spare's activity.

    Activity lasts from the first to the last span the spare recorded or explained.
    """
    gaps = [gap.span(away.end_ms) for gap in explaining(index.gaps(camera, away))]
    known = merge_spans([*gaps, *index.spans(camera, None, away)])
    life = [span for span in known if span.end_ms > since_ms]
    inside = [Span(life[0].begin_ms, life[-1].end_ms)] if life else []
    for span in missing_spans([*known, *inside], away):
        ledger.put_gap(Gap(camera, span.begin_ms, span.end_ms, GapReason.RECORDER_OFF, WHY))


def _forget(spare: Volume) -> None:
    """Make the folder a plain spare again: remove its history, index and mark."""
    for entry in spare.disk.entries("history"):
        if entry.name.endswith(".jsonl"):
            spare.disk.unlink(f"history/{entry.name}")
    for suffix in SUFFIXES:
        spare.disk.unlink(f"{INDEX_NAME}{suffix}")
    spare.disk.unlink(_MARK)
    spare.disk.sync_folder("history")
