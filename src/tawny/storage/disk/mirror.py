"""Mirror: a copy of all recordings on a second volume, with its own index and history.

The mirror copies segments when they close. Segments missing when it is opened are copied then, oldest first. Gaps and
events go into its own ledger. Its retention runs separately with the same settings.

While the main disk works, recordings missing there are read from the mirror. Only open segments, about one minute,
exist on the main disk alone.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from tawny.engine import ActorHandle, Engine
from tawny.model.damage import DamagedSpan
from tawny.model.errors import DiskFull, StorageError, StorageUnavailable
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.messages import DamageFound, EventChanged, GapChanged, Message, SegmentClosed
from tawny.model.segments import Gap, GapReason, Segment
from tawny.model.times import Clock, Span, missing_spans
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import event_paths, is_of_day, is_sealed, keys_path, objects_path, sealed_path
from tawny.storage.disk.lock import boot_id
from tawny.storage.disk.secondary_volumes import VolumeUse, check_present, join
from tawny.storage.disk.volume import FileUnreadable, Volume, copy
from tawny.storage.history.deleted_events import DeletedEvents, deleted_events
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.history.left_cameras import LEFT
from tawny.storage.history.signed_files import public_files
from tawny.storage.history.witnesses import HistoryWitnesses, mirror_witnesses
from tawny.storage.index.opening import index_to_write
from tawny.storage.index.protocol import Index, all_events
from tawny.storage.repair.findings import wall_coverage
from tawny.storage.repair.recovery import folders_left_over, put_in_order
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.removal import events_at, finish_removals, has_video
from tawny.storage.retention.runner import EVERY_S, CameraDeletion, Retention
from tawny.storage.retention.tiers import copy_keys
from tawny.storage.segments.detection_files import EventFiles

log = logging.getLogger(__name__)

STEP_S: Final = 2.0
AGAIN_S: Final = 30.0
"""Retry interval while the mirror is not available."""
_UNREADABLE_AGAIN_S: Final = 3600.0
"""Retry interval of files that could not be read."""
_HANGS_S: Final = 30.0
"""A copy of one file that takes longer means that the disk does not respond."""
_AT_ONCE: Final = 20
_ROWS_AT_ONCE: Final = 500
_DAYS_EVERY_S: Final = 600.0
"""Interval at which today's scores are copied: the maximum loss if the main disk fails."""
_SETTLED_MS: Final = 600_000
"""Segments still missing after this time become gaps of the mirror."""
_MOST_WAITING: Final = 10_000
_EVER: Final = Span(0, 1 << 45)


class MirrorFull(DiskFull):
    """where: the folder. Which of its files didn't fit says nothing to users."""

    says = "The mirror at {where} (`storage.mirror`) is full."
    advice = "Free up space there, or set `storage.mirror` to a larger disk."


class _Copy:
    """The open mirror. Raises StorageError when its disk fails."""

    def __init__(self, volume: Volume, index: Index, clock: Clock, root: Path, contract: RetentionContract) -> None:
        self._volume, self._index, self._clock = volume, index, clock
        with ExitStack() as opened:
            self.mirror = join(volume, root, VolumeUse.MIRROR)
            opened.callback(self._leave)
            opened.callback(self.mirror.lock(clock).release)
            history = HistoryJournal(self.mirror.disk)
            opened.callback(history.close)
            self.index = index_to_write(self.mirror, history)
            opened.callback(self.index.close)
            self.ledger = HistoryLedger(history, self.index, clock)
            self.retention = Retention(self.mirror, self.index, self.ledger, clock, contract)
            put_in_order(self.mirror, self.index, folders_left_over(self.mirror), "found open")
            finish_removals(self.mirror, self.index, self.ledger, clock)
            self.ledger.started(boot_id())
            self._take_over_stars()
            self._lacking = self._all_lacking()
            self._opened = opened.pop_all()
        self._at_hand: Segment | None = None
        self.has_caught_up = False
        self.unreadable: FileUnreadable | None = None
        """Why a file lacks a copy; None if every file could be read."""
        self._skipped: deque[Segment] = deque(maxlen=_MOST_WAITING)
        self._again_s = 0.0
        self._retention_s = clock.mono_s()
        self._days_s = clock.mono_s() + _DAYS_EVERY_S
        self._deleted, self._deleted_s = DeletedEvents(self.mirror, history), clock.mono_s()

    def close(self) -> None:
        self._opened.close()

    def _leave(self) -> None:
        self._volume.drop_copy(self.mirror)

    def put_segment(self, segment: Segment) -> bool:
        """Copy a segment. Return False if the mirror has it already, or the file can't be read or no longer exists."""
        source = self._volume.holding(segment.path)
        if source is None or self.index.segment(segment.id) is not None:
            return False
        folder = parent_of(segment.path)
        self.mirror.open_folders.enter(folder)
        is_copied = self._copy_file(source, segment.path)
        if is_copied:
            self._copy_keys(source, segment)
            self._take_over_events(segment)
            self.index.add_segment(segment)
        else:
            self._skipped.append(segment)
        self.mirror.open_folders.leave(folder)
        self.mirror.open_folders.save()
        return is_copied

    def _copy_keys(self, source: Volume, segment: Segment) -> None:
        """Copy the keys of a sealed segment's day: the main disk may fail before `put_days` does."""
        if is_sealed(segment.path):
            try:
                copy_keys(keys_path(segment.camera, segment.start_ms), source, self.mirror)
            except FileUnreadable as error:
                log.warning("cannot copy keys to the mirror: %s", error)

    def _take_over_events(self, segment: Segment) -> None:
        """List the events of a segment, so that retention here knows how long to keep it."""
        with self.ledger.together():
            for event in events_at(self._index, segment.camera, segment.span):
                if self.index.event(event.id) is None:
                    self._take_over(event)

    def _take_over(self, event: Event) -> None:
        """List an event with another image than it has, so that `put_event` copies its files later."""
        self.ledger.put_event(replace(event, picture_ms=event.start_ms if event.picture_ms is None else None))

    def _copy_file(self, source: Volume, path: str) -> bool:
        """Copy a file. Return False if it can't be read, or was removed meanwhile: the next is copied anyway."""
        try:
            copy(source, self.mirror, path)
        except FileUnreadable as error:
            if source.disk.entry(path) is not None:
                log.warning("cannot copy a file to the mirror: %s", error)
                if self.unreadable is None:
                    self.unreadable, self._again_s = error, self._clock.mono_s() + _UNREADABLE_AGAIN_S
            return False
        return True

    def put_gap(self, gap: Gap) -> None:
        """Store a gap, except REMOVED: retention of the mirror is separate."""
        if gap.reason is not GapReason.REMOVED:
            self.ledger.put_gap(gap)

    def put_event(self, event: Event) -> None:
        known = self.index.event(event.id)
        if known == event:
            return
        self.ledger.put_event(event)
        if known is not None and known.picture_ms is not None and event.picture_ms is None:
            self.mirror.remove_picture(event)  # its owner deleted that time while this mirror was away
        picture = self._volume.read_picture(event)
        if picture is not None and self.mirror.read_picture(event) != picture:
            EventFiles(self.mirror).write_picture(event, picture)
        for path in (*map(sealed_path, event_paths(event)), objects_path(event)):
            if (source := self._volume.holding(path)) is not None:
                self._copy_file(source, path)
        loop = self._volume.read_loop(event)
        if loop is not None and self.mirror.read_loop(event) != loop:
            EventFiles(self.mirror).write_loop(event, loop)

    def put_days(self, newest: int | None = None) -> None:
        """Copy day files (scores, grids and keys), and the privacy masks of others' cameras.

        newest: number of newest days to copy. None compares sizes on all days.
        """
        for camera in self._volume.cameras():
            days = list(self._volume.day_folders(camera))
            for day in days if newest is None else days[-newest:]:
                for path, entry in self._volume.files(day):
                    there = self.mirror.disk.entry(path)
                    is_of_us = entry.kind == "file" and is_of_day(entry.name)
                    if is_of_us and (newest is not None or there is None or there.size_bytes != entry.size_bytes):
                        self._copy_file(self._volume, path)
        if self._volume.disk.entry(LEFT) is not None:
            self._copy_file(self._volume, LEFT)
        witnesses = HistoryWitnesses(self._volume)
        if witnesses.compare((head for _, head in mirror_witnesses(self._volume)), ""):
            log.warning("the mirror keeps its signed history, which is newer than the one here")
            return
        for path in public_files(self._volume.disk):
            copy(self._volume, self.mirror, path)

    def catch_up(self, report: Callable[[], None]) -> None:
        """Copy some of the segments that were missing at opening. Call the callback after each."""
        if self.has_caught_up:
            return
        for _ in range(_AT_ONCE):
            self._at_hand = self._at_hand or next(self._lacking, None)
            if self._at_hand is None:
                break
            self.put_segment(self._at_hand)
            self._at_hand = None
            report()
        else:
            return
        self._put_all_reported()
        self.put_days()
        self.has_caught_up = True

    def look_after(self) -> None:
        """Run retention at intervals, copy the newest day files, and record gaps for segments that stay missing."""
        now_s = self._clock.mono_s()
        if now_s >= self._deleted_s:
            self._deleted_s = now_s + self._deleted.step()
        if now_s < self._retention_s:
            return
        self._retention_s = now_s + EVERY_S
        self.retention.run()
        if self.has_caught_up and self.unreadable is not None and now_s >= self._again_s:
            rows = [self._index.segment(one.id) for one in self._skipped]
            self._lacking, self.has_caught_up = iter([row for row in rows if row is not None]), False
            self._skipped.clear()
            self.unreadable = None
        if self.has_caught_up and now_s >= self._days_s:
            self._days_s = now_s + _DAYS_EVERY_S
            self.put_days(newest=2)
        if self.has_caught_up:
            for camera, hole in wall_coverage(
                self.index, self.mirror.cameras(), self._clock.now_ms() - _SETTLED_MS
            ).unexplained:
                self.ledger.put_gap(
                    Gap(camera, hole.begin_ms, hole.end_ms, GapReason.DISK_ERROR, "it was not copied to the mirror")
                )

    def _all_lacking(self) -> Iterator[Segment]:
        """Yield what is not here, but for what the mirror had to remove, while it would have to do so again."""
        last: Segment | None = None
        while page := self._index.oldest_segments(_ROWS_AT_ONCE, after=last):
            lacking = [segment for segment in page if self.index.segment(segment.id) is None]
            for segment in lacking:
                if not self._has_removed(segment) or self.retention.has_space_for(segment.size_bytes):
                    yield segment
            last = page[-1]

    def _has_removed(self, segment: Segment) -> bool:
        gaps = self.index.gaps(segment.camera, segment.span)
        removed = [gap.span(segment.end_ms) for gap in gaps if gap.reason is GapReason.REMOVED]
        return not missing_spans(removed, segment.span)

    def _take_over_stars(self) -> None:
        """Keep what is kept at the first disk, and nothing else, before retention runs: the mirror may have been away.

        An event that the first disk lacks loses its star only if the history there lists its deletion: an index or a
        disk that was replaced lacks all of them.
        """
        with self.ledger.together():
            for event in _kept(self._index):
                known = self.index.event(event.id)
                if known is None and has_video(self.index, event, self._clock.now_ms()):
                    self._take_over(event)
                elif known is not None and not known.kept:
                    self.ledger.put_event(replace(known, kept=True))
            gone: dict[EventId, Event] = {}
            for here in _kept(self.index):
                there = self._index.event(here.id)
                if there is None:
                    gone[here.id] = here
                elif not there.kept:
                    self.ledger.put_event(replace(here, kept=False))
            if not gone:
                return
            with closing(HistoryJournal(self._volume.disk)) as history:
                for one in deleted_events(self._volume, history):
                    if one in gone:
                        self.ledger.put_event(replace(gone.pop(one), kept=False))

    def _put_all_reported(self) -> None:
        for camera in self._volume.cameras():
            known = set(self.index.gaps(camera, _EVER))
            for gap in self._index.gaps(camera, _EVER):
                if gap not in known:
                    self.put_gap(gap)
        noted = set(self.index.damage(None, _EVER))
        self.ledger.put_damage(damage for damage in self._index.damage(None, _EVER) if damage not in noted)
        for event in all_events(lambda after: self._index.events(_EVER, after=after, limit=_ROWS_AT_ONCE)):
            if self.index.event(event.id) is not None or has_video(self.index, event, self._clock.now_ms()):
                self.put_event(event)


def _kept(index: Index) -> list[Event]:
    return list(all_events(lambda after: index.events(_EVER, only="kept", after=after, limit=_ROWS_AT_ONCE)))


class Mirror:
    """Actor that maintains the mirror. root: the mirror's folder.

    The bus listener may be called from any thread.
    """

    name = "mirror"

    def __init__(self, volume: Volume, index: Index, clock: Clock, root: Path, contract: RetentionContract) -> None:
        self._volume, self._index, self._clock, self._root = volume, index, clock, root
        self._contract = contract
        self._waiting: deque[Segment | Gap | DamagedSpan | Event] = deque()
        self._deletions: deque[CameraDeletion] = deque()
        self._deletes_s = 0.0
        self._is_behind = False
        self._copy: _Copy | None = None
        self._handle = ActorHandle()
        self._problem: StorageError | None = None
        self._copying_s: float | None = None

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    def set_rules(self, contract: RetentionContract) -> None:
        """Apply a new retention contract."""
        self._contract = contract
        if self._copy is not None:
            self._copy.retention.set_rules(contract)

    def delete_recordings(self, wanted: CameraDeletion) -> None:
        """Delete the copies too: soon, or when the mirror is back."""
        self._deletions.append(wanted)
        self._handle.wake()

    def on_message(self, message: Message) -> None:
        match message:
            case SegmentClosed(segment):
                self._waiting.append(segment)
            case GapChanged(gap):
                self._waiting.append(gap)
            case DamageFound(damage):
                self._waiting.append(damage)
            case EventChanged(_, event):
                self._waiting.append(event)
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popleft()
            self._is_behind = True

    @property
    def is_deleting(self) -> bool:
        """Whether something is still to be deleted. Call from any thread."""
        return bool(self._deletions)

    @property
    def problem(self) -> StorageError | None:
        """The error that stops copying now, or kept one file from it, or None. Call from any thread."""
        since_s = self._copying_s
        if since_s is not None and self._clock.mono_s() - since_s > _HANGS_S:
            return StorageError(str(self._root), "it isn't responding")
        return self._problem

    @property
    def root(self) -> Path:
        return self._root

    @property
    def waiting(self) -> int:
        """Number of items still to be written to the mirror."""
        return len(self._waiting) + len(self._deletions)

    @property
    def has_caught_up(self) -> bool:
        return self._copy is not None and self._copy.has_caught_up and not self.waiting

    def step(self) -> float:
        self._goes_on()
        try:
            return self._step()
        except DiskFull as error:
            self._problem = self._named(error)
            return self._make_room(error)
        except StorageError as error:
            self._give_up(error)
            return AGAIN_S
        finally:
            self._copying_s = None

    def _named(self, error: StorageError) -> StorageError:
        is_full = isinstance(error, DiskFull) and Path(error.where).is_relative_to(self._root)
        return MirrorFull(str(self._root)) if is_full else error

    def _goes_on(self) -> None:
        self._copying_s = self._clock.mono_s()

    def finish(self) -> None:
        """Copy the last closed segments and release the mirror. Call at shutdown, after the last `step`."""
        self.step()
        if self._copy is not None:
            self._copy.ledger.stopped("person")
            self._copy.close()
            self._copy = None

    def close(self) -> None:
        """No effect: `finish` releases the mirror."""

    def _step(self) -> float:
        if self._copy is None:
            self._copy = _Copy(self._volume, self._index, self._clock, self._root, self._contract)
        check_present(self._copy.mirror)
        if self._is_behind:
            self._is_behind = False
            raise StorageError(str(self._root), "it did not keep up, and begins again")
        while self._waiting:
            self._put(self._copy, self._waiting[0])
            self._waiting.popleft()
            self._goes_on()
        self._delete(self._copy.retention)
        self._copy.catch_up(self._goes_on)
        self._copy.look_after()
        self._problem = self._copy.unreadable
        return STEP_S if self._copy.has_caught_up else 0.0

    def _delete(self, retention: Retention) -> None:
        """Carry out what was asked. A file that can't be deleted keeps nothing from being copied."""
        if self._clock.mono_s() < self._deletes_s:
            return
        try:
            while self._deletions:
                while retention.delete_recordings(self._deletions[0]):
                    self._goes_on()
                self._deletions.popleft()
        except (DiskFull, StorageUnavailable):
            raise
        except StorageError as error:
            log.warning("cannot delete on the mirror, retrying: %s", error)
            self._deletes_s = self._clock.mono_s() + AGAIN_S

    def _put(self, to: _Copy, what: Segment | Gap | DamagedSpan | Event) -> None:
        match what:
            case Segment():
                to.put_segment(what)
            case Gap():
                to.put_gap(what)
            case DamagedSpan():
                to.ledger.put_damage([what])
            case Event():
                to.put_event(what)

    def _make_room(self, full: DiskFull) -> float:
        """Free space on the open mirror. One that was full when it was opened is tried again later."""
        try:
            if self._copy is None:
                raise full
            self._copy.retention.run(urgent=True)
        except StorageError as error:
            self._give_up(error)
            return AGAIN_S
        return STEP_S

    def _give_up(self, error: StorageError) -> None:
        """Close the mirror. Reopening it finds the missing segments, so the queue is dropped."""
        error = self._named(error)
        if self._problem is None or isinstance(self._problem, FileUnreadable):
            log.warning("mirror not available, retrying: %s", error)
        self._problem = error
        self._waiting.clear()
        copied, self._copy = self._copy, None
        if copied is not None:
            try:
                copied.close()
            except (StorageError, OSError) as failed:
                log.warning("cannot close the mirror: %s", failed)
