"""Failover to a spare when the main disk is missing at start, and the import of its data afterwards.

While the main disk is missing, the spare is a recorder folder with its own index and history. When the main disk is
back, `move_back` imports segments, gaps and events into its index and history.

Recordings stay on the spare. What else belongs to them moves, because it is looked for on the main disk: the files of
days at the start, images while the recorder runs. `history/standing-in` on the spare marks data to import and holds
the time of the failover. It is renamed last, so that an import that was interrupted, or that a full main disk refused,
is repeated at the next start, but a complete one isn't: what is deleted later stays deleted. `history/moving`, its new
name, marks files to move.
"""

import json
import logging
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from tawny.engine import Engine
from tawny.model.errors import FileDamaged, StorageError, StorageUnavailable
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason, explaining
from tawny.model.times import Span, merge_spans, missing_spans, utc_text
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import DAY_MS, is_hour_folder, is_of_day, picture_event, picture_path, sealed_path
from tawny.storage.disk.volume import FAILOVER_MARKS, FileUnreadable, Volume, copy, read_source
from tawny.storage.disk.volume_walk import FileKind, walk
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger, replay
from tawny.storage.index.catalogue import row_of
from tawny.storage.index.damaged_files import SUFFIXES
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.opening import INDEX_NAME
from tawny.storage.index.protocol import Index, all_events
from tawny.storage.repair.recovery import folders_left_over, put_in_order
from tawny.storage.retention.tiers import copy_keys
from tawny.storage.segments.detection_files import merged_day

log = logging.getLogger(__name__)

WHY: Final = "its disk was not there"
_MARK, _MOVING = FAILOVER_MARKS
_AT_ONCE: Final = 20
_SOON_S: Final = 0.5
_AGAIN_S: Final = 3600.0
_LOOKED_BACK_MS: Final = 40 * DAY_MS
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
    """Import what the spares recorded during a failover. `ImageReturn` moves their images later.

    Return the number of imported segments. Raises StorageError.
    """
    count = 0
    for spare in volume.disks_to_move_from:
        since_ms = _since_ms(spare)
        if since_ms is not None:
            ends_ms = {camera: _end_before(index, camera, since_ms) for camera in cameras}
            count += _list(spare, index)
            with ledger.together():
                _copy_history(spare, index, ledger, since_ms, _dropped(volume, ledger, since_ms))
            with ledger.together():
                for camera, end_ms in ends_ms.items():
                    if end_ms is not None and end_ms < since_ms:
                        _explain(index, ledger, camera, Span(end_ms, now_ms), since_ms)
            if ledger.flush():  # else a full disk refused some of it, and the spare still has it
                _forget(spare)
    for other in volume.disks_to_move_from:
        _move_days(other, volume)
    return count


def _since_ms(spare: Volume) -> int | None:
    if spare.disk.entry(_MARK) is None:
        return None
    try:
        data: Any = json.loads(spare.disk.read(_MARK))
        return int(data["since_ms"])
    except (ValueError, KeyError, TypeError):
        return 0


def _end_before(index: Index, camera: CameraId, at_ms: int) -> int | None:
    """Return up to when something is recorded before a failover, also while its import is repeated; None if nothing."""
    bounds = index.bounds(camera)
    if bounds is None or bounds.end_ms <= at_ms:
        return bounds.end_ms if bounds is not None else None
    spans = index.spans(camera, None, Span(max(0, at_ms - _LOOKED_BACK_MS), at_ms))
    return spans[-1].end_ms if spans else None


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


def _dropped(volume: Volume, ledger: HistoryLedger, since_ms: int) -> set[str]:
    """Return the events that were deleted since a failover, perhaps after an import that is repeated now."""
    day, dropped = utc_text(since_ms)[:10], set[str]()
    newest = sum(entry.name.endswith(".jsonl") and entry.name >= day for entry in volume.disk.entries("history"))
    with suppress(StorageError):  # an event that comes back is better than none
        for line in ledger.history.lines(newest) if newest else ():
            if line.what == "event_dropped":
                dropped.add(str(line.record.get("id")))
    return dropped


def _copy_history(spare: Volume, index: Index, ledger: HistoryLedger, since_ms: int, dropped: Container[str]) -> None:
    """Copy gaps and events since `since_ms` from the spare's history to the ledger. dropped: events to leave out."""
    seen, history = MemoryIndex(), HistoryJournal(spare.disk)
    replay([line for line in history.lines() if line.at_ms >= since_ms], seen)
    history.close()
    for camera in spare.cameras():
        for gap in seen.gaps(camera, Span(0, _EVER)):
            at = Span(gap.begin_ms, gap.begin_ms + 1)
            is_known = any(one.begin_ms == gap.begin_ms for one in index.gaps(camera, at))  # it may be filled since
            if gap.begin_ms >= since_ms and gap.reason is not GapReason.REMOVED and not is_known:
                ledger.put_gap(gap)
    for event in all_events(lambda after: seen.events(Span(0, _EVER), after=after, limit=200)):
        if index.event(event.id) is None and event.id not in dropped:
            ledger.put_event(event)


def _move_days(spare: Volume, volume: Volume) -> None:
    """Move the files of days before something is added to those of the main disk. One that can't be moved stays."""
    try:
        if spare.disk.entry(_MOVING) is None:
            return
        for camera in spare.cameras():
            for day in list(spare.day_folders(camera)):
                found = [path for path, entry in spare.files(day) if entry.kind == "file" and is_of_day(entry.name)]
                for path in found:
                    _move_day(spare, volume, path)
                if found:
                    spare.disk.sync_folder(day)
    except StorageError as error:
        log.warning("motion scores stay on %s until the next start: %s", spare.root, error)


def _move_day(spare: Volume, volume: Volume, path: str) -> None:
    name = path.rpartition("/")[2]
    try:
        if name.endswith(".keys"):  # the spare's recordings need it there, too
            copy_keys(path, spare, volume)
            return
        if volume.disk.entry(path) is not None:
            volume.write_whole(path, merged_day(name, volume.disk.read(path), read_source(spare, path)))
        else:
            copy(spare, volume, path)
        spare.disk.unlink(path)
    except StorageUnavailable:
        raise
    except StorageError as error:
        log.warning("a file stays on the fallback disk: %s", error)


class ImageReturn:
    """Actor that moves images of events and periodic snapshots from a spare, because recording doesn't wait for them.

    Those of events that were deleted meanwhile are deleted, so it waits until all events are imported. What can't be
    moved is tried again an hour later.
    """

    name = "images from the fallback disk"

    def __init__(self, spare: Volume, volume: Volume, index: Index) -> None:
        self._spare, self._volume, self._index = spare, volume, index
        self._moving = self._move()

    def start(self, engine: Engine) -> None:
        engine.start(self.name, lambda: self)

    def step(self) -> float:
        try:
            if sum(1 for _ in islice(self._moving, _AT_ONCE)) == _AT_ONCE:
                return _SOON_S
        except StorageError as error:
            log.warning("images stay on %s for now: %s", self._spare.root, error)
        self._moving = self._move()
        return _AGAIN_S

    def close(self) -> None:
        """No effect."""

    def _move(self) -> Iterator[None]:
        """Move one file, or go to the next folder, at each step. Raises StorageError."""
        disk = self._spare.disk
        if disk.entry(_MOVING) is None or disk.entry(_MARK) is not None:
            return
        is_left, folders = False, ["snapshots", *self._spare.cameras()]
        while folders:
            folder = folders.pop()
            found = list(self._spare.files(folder))
            folders += [path for path, entry in found if entry.kind == "folder"]
            files = [path for path, entry in found if entry.kind == "file"]
            images = [path for path in files if _is_image(path)]
            for path in images:
                is_left |= not self._is_moved(path)
                yield
            if images:
                disk.sync_folder(folder)
            for path in files:
                if is_of_day(path.rpartition("/")[2]):
                    is_left |= not (path.endswith(".keys") and self._are_keys_copied(path))
            yield
        if not is_left:
            disk.unlink(_MOVING)
            self._spare.has_moving_files = False
            disk.sync_folder("history")

    def _is_moved(self, path: str) -> bool:
        try:
            if self._is_wanted(path):
                copy(self._spare, self._volume, path)
            if not self._is_wanted(path):  # its event was deleted, perhaps during the copy
                self._volume.disk.unlink(path)
            self._spare.disk.unlink(path)
        except StorageUnavailable:
            raise
        except StorageError as error:
            log.warning("a file stays on the fallback disk: %s", error)
            return isinstance(error, FileUnreadable)  # there is no use in another try
        return True

    def _are_keys_copied(self, path: str) -> bool:
        try:
            copy_keys(path, self._spare, self._volume)
        except StorageUnavailable:
            raise
        except StorageError as error:
            log.warning("keys are only on the fallback disk: %s", error)
            return isinstance(error, FileUnreadable)
        return True

    def _is_wanted(self, path: str) -> bool:
        event_id = picture_event(path)
        if not is_hour_folder(parent_of(path)) or event_id is None:
            return True
        event = self._index.event(event_id)
        if event is None:
            return False
        picture = picture_path(event)  # of one without a time, that time was deleted
        return event.picture_ms is not None or path not in (picture, sealed_path(picture))


def _is_image(path: str) -> bool:
    if is_hour_folder(parent_of(path)):
        return picture_event(path) is not None
    return path.startswith("snapshots/") and path.endswith(".jpg")


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
    """Make the folder a plain spare again, with files to move: remove its history and index, and rename the mark."""
    for entry in spare.disk.entries("history"):
        if entry.name.endswith(".jsonl"):
            spare.disk.unlink(f"history/{entry.name}")
    for suffix in SUFFIXES:
        spare.disk.unlink(f"{INDEX_NAME}{suffix}")
    spare.disk.rename(_MARK, _MOVING)
    spare.disk.sync_folder("history")
