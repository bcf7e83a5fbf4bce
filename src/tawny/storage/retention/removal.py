"""Removal of recordings: an interruption leaves no incomplete state, and every removed second is explained.

Order: record the gap in the history, mark the rows, unlink the files, sync their folders, drop the events without
remaining video, drop the rows. After a crash before the mark, the segments are still listed and are removed later.
After the mark, the next start completes the removal (`finish_removals`).
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tawny.model.errors import DiskFull, StorageError, StorageUnavailable
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, SegmentId
from tawny.model.segments import Gap, GapReason, Segment, explaining
from tawny.model.times import CLOCK_STEP_MS, Clock, Span, merge_spans, missing_spans, stamp
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import DAY_MS, HOUR_MS, day_folder, is_of_day
from tawny.storage.disk.secondary_volumes import awaited, check_present
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import skipping_unreadable
from tawny.storage.history.ledger import UNSENT, HistoryLedger
from tawny.storage.index.protocol import Index, all_events
from tawny.storage.segments.metadata import read_header

log = logging.getLogger(__name__)

AROUND_MS: Final = 15_000
"""Time before and after an event that is kept with it."""
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Removal:
    """One removal. why: text for users, for example `Removed: older than 90 days`."""

    segment: Segment
    why: str
    breaks_promise: bool = False
    """The segment is within its minimum retention."""
    is_waiting: bool = False
    """The segment waits for upload."""


def remove_segments(
    volume: Volume,
    index: Index,
    ledger: HistoryLedger,
    clock: Clock,
    removals: Sequence[Removal],
    drop: Callable[[Event], None] | None = None,
) -> None:
    """Remove segments in this order. drop: deletes an event that is without video now; None: such events stay.

    Raises StorageError; some are then removed, the others unchanged. Those of which a file or an event cannot be
    deleted stay marked.
    """
    for begin in range(0, len(removals), _AT_ONCE):
        some = removals[begin : begin + _AT_ONCE]
        _explain(index, ledger, some)
        _state(volume, some)
        try:
            index.mark_removing([one.segment for one in some])
        except DiskFull:
            # the mark needs space too: unlink files first; `check` finds their rows after an interruption
            _unlink_files(volume, [one.segment for one in some])
            index.mark_removing([one.segment for one in some])
        if stuck := _unlink(volume, index, clock, [one.segment for one in some], drop):
            raise stuck[0]


def _state(volume: Volume, removals: Sequence[Removal]) -> None:
    """Record the removals in the signed history, by the numbers of the files. An unreadable file has none."""
    if volume.signed is None:
        return
    for one in removals:
        holding = volume.holding(one.segment.path)
        with skipping_unreadable(one.segment.path):
            place = read_header(holding.disk, one.segment.path) if holding is not None else None
            if place is not None:
                volume.signed.add_removed(place, one.why)
    try:
        volume.signed.write_items()
    except DiskFull as error:
        log.warning("removals are queued for the signed history: %s", error)  # their removal frees the space for it


def finish_removals(
    volume: Volume, index: Index, ledger: HistoryLedger, clock: Clock, drop: Callable[[Event], None] | None = None
) -> int:
    """Complete interrupted removals. Return the number of segments. A file that cannot be unlinked is logged.

    At a start, files that the index lacks must be listed before, or their events would count as without video.
    """

    def drop_ended(event: Event) -> None:
        if event.end_ms is None:  # it may still be recorded
            return
        if drop is None:
            drop_event(volume, ledger, event)
        else:
            drop(event)

    begun = index.removing()
    for segment in begun:
        explained = [gap.span(clock.now_ms()) for gap in explaining(index.gaps(segment.camera, segment.span))]
        others = index.spans(segment.camera, None, segment.span)
        for span in missing_spans([*explained, *others], segment.span):
            ledger.put_gap(Gap(segment.camera, span.begin_ms, span.end_ms, GapReason.REMOVED))
    stuck = _unlink(volume, index, clock, begun, drop_ended)
    for error in stuck:
        log.warning("cannot complete a removal: %s", error)
    return len(begun) - len(stuck)


def _explain(index: Index, ledger: HistoryLedger, removals: Sequence[Removal]) -> None:
    """Record a gap for each span of which no segment remains, not even of the sub stream."""
    ids = {one.segment.id for one in removals}
    by_kind: defaultdict[tuple[CameraId, str], list[Span]] = defaultdict(list)
    for one in removals:
        by_kind[one.segment.camera, one.why].append(one.segment.span)
    for (camera, why), spans in by_kind.items():
        for span in merge_spans(spans):
            left = [other.span for other in index.segments(camera, None, span) if other.id not in ids]
            for gone in missing_spans(left, span):
                _put_gap(index, ledger, Gap(camera, gone.begin_ms, gone.end_ms, GapReason.REMOVED, why))


def _put_gap(index: Index, ledger: HistoryLedger, gap: Gap) -> None:
    """Store a gap, merged with an adjacent earlier gap of the same cause."""
    just_before = Span(max(0, gap.begin_ms - 1), gap.begin_ms)
    for other in index.gaps(gap.camera, just_before):
        if (other.end_ms, other.reason, other.detail) == (gap.begin_ms, gap.reason, gap.detail):
            gap = replace(gap, begin_ms=other.begin_ms)
    for other in index.gaps(gap.camera, gap.span(0)):
        if other.begin_ms == gap.begin_ms and gap.end_ms is not None and (other.end_ms or 0) > gap.end_ms:
            ledger.put_gap(replace(other, begin_ms=gap.end_ms))  # gaps are keyed by their begin: the rest stays
    ledger.put_gap(gap)


def events_at(index: Index, camera: CameraId, span: Span) -> list[Event]:
    """Return the events whose video, with pre-roll and post-roll, overlaps the span."""
    around = Span(max(0, span.begin_ms - AROUND_MS), span.end_ms + AROUND_MS)
    return list(all_events(lambda after: index.events(around, cameras=[camera], limit=100, after=after)))


def without_video(index: Index, segments: Iterable[Segment], now_ms: int, *, with_kept: bool = False) -> list[Event]:
    """Return the events of these segments that have no video any more."""
    gone: dict[EventId, Event] = {}
    for segment in segments:
        for event in events_at(index, segment.camera, segment.span):
            if (with_kept or not event.kept) and not has_video(index, event, now_ms):
                gone[event.id] = event
    return list(gone.values())


def has_video(index: Index, event: Event, now_ms: int) -> bool:
    return bool(index.spans(event.camera, None, lasted(event, now_ms)))


def lasted(event: Event, now_ms: int) -> Span:
    return Span(event.start_ms, max(event.start_ms + 1, event.end_ms or now_ms))


def drop_event(volume: Volume, ledger: HistoryLedger, event: Event) -> None:
    """Delete an event and its files."""
    volume.remove_picture(event)
    ledger.drop_event(event.id)


def _unlink(
    volume: Volume,
    index: Index,
    clock: Clock,
    segments: Sequence[Segment],
    drop: Callable[[Event], None] | None,
) -> list[StorageError]:
    """Unlink the files, then drop their events and the rows. Return the errors of files that cannot be unlinked.

    Segments that may be on a missing volume stay marked until a start with that volume; those with an error, or of
    events with one, until a start at which deleting works.
    """
    folders = sorted({parent_of(segment.path) for segment in segments})
    left = {segment.id for segment in segments if volume.disk.entry(segment.path) is None}
    stuck = _unlink_on(volume, segments, folders)
    well = [volume]
    for other in volume.others:
        try:
            check_present(other)
            stuck |= _unlink_on(other, segments, folders)
            well.append(other)
        except StorageError as error:
            log.warning("removal is pending on another volume: %s", error)
    if len(well) == len(volume.everywhere) and not (left and awaited(volume)):
        left = set()
    gone = [segment for segment in segments if segment.id not in left and segment.id not in stuck]
    if drop is not None and not drop_events(without_video(index, segments, clock.now_ms()), drop):
        gone = []  # by their rows, the next start finds the events
    with index.together():
        index.drop_segments(gone)
        for segment in gone:
            forget_damage(index, segment)
    kept_days = _recorded_days(index, segments)
    for each in well:
        tidy(each, clock, folders, kept_days=kept_days)
    return list(stuck.values())


def drop_events(events: Iterable[Event], drop: Callable[[Event], None]) -> bool:
    """Drop events without video. Return whether all could be."""
    are_gone = True
    for event in events:
        try:
            drop(event)
        except StorageUnavailable:
            raise
        except StorageError as error:
            log.warning("cannot delete an event without video: %s", error)
            are_gone = False
    return are_gone


def _recorded_days(index: Index, segments: Sequence[Segment]) -> set[str]:
    """Return the day folders of these segments of which recordings remain, on any volume."""
    days = {(segment.camera, segment.start_ms // DAY_MS * DAY_MS) for segment in segments}
    return {day_folder(camera, day_ms) for camera, day_ms in days if _is_recorded(index, camera, day_ms)}


def _is_recorded(index: Index, camera: CameraId, day_ms: int) -> bool:
    last_ms = day_ms + DAY_MS - HOUR_MS  # the newest are removed last, so most days need one query
    hours = (Span(begin_ms, begin_ms + HOUR_MS) for begin_ms in range(last_ms, day_ms - 1, -HOUR_MS))
    return any(one.start_ms >= day_ms for hour in hours for one in index.segments(camera, None, hour))


def forget_damage(index: Index, segment: Segment) -> None:
    """Drop damage of a segment that was removed or reduced to keyframes, which were undamaged."""
    for damage in index.damage(segment.camera, segment.span):
        if damage.stream is segment.stream:
            index.drop_damage(damage)


def _unlink_on(volume: Volume, segments: Sequence[Segment], folders: Sequence[str]) -> dict[SegmentId, StorageError]:
    """Unlink the files durably. Return the errors of segments whose file cannot be unlinked."""
    stuck = _unlink_files(volume, segments)
    for folder in folders:
        if volume.disk.entry(folder) is not None:
            volume.disk.sync_folder(folder)
    return stuck


def _unlink_files(volume: Volume, segments: Sequence[Segment]) -> dict[SegmentId, StorageError]:
    """Unlink each file that can be. Return the errors of the others."""
    stuck: dict[SegmentId, StorageError] = {}
    for segment in segments:
        try:
            volume.disk.unlink(segment.path)
        except StorageUnavailable:
            raise
        except StorageError as error:
            stuck[segment.id] = error
    return stuck


def tidy(
    volume: Volume, clock: Clock, folders: Iterable[str], *, is_in_use: bool = True, kept_days: Container[str] = ()
) -> None:
    """Remove empty hour, day, month and year folders, except recent ones that a recorder may use.

    is_in_use: False: nothing records into them any more, so recent ones go too. kept_days: day folders whose scores,
    grids and keys stay, because another volume has recordings of these days.
    """
    now = stamp(clock.now_ms() - 2 * HOUR_MS)
    recent = f"{now[0:4]}/{now[4:6]}/{now[6:8]}/{now[9:11]}"
    for hour in folders:
        folder = hour
        if is_in_use and hour.partition("/")[2] >= recent:
            continue
        while folder.count("/"):
            of_day = [one.name for one in volume.disk.entries(folder)]
            if folder not in kept_days and all(map(is_of_day, of_day)):
                for name in of_day:
                    volume.disk.unlink(f"{folder}/{name}")
            if not volume.disk.remove_folder(folder) and volume.disk.entry(folder) is not None:
                break  # one that is missing here was moved: the files of its day may be left
            folder = parent_of(folder)


# Recordings that were removed before their upload: how many within the last day, also across a restart.

_DAY_FILES: Final = 2
"""Newest files of the history that have its last day: there is one for each."""


class UnsentRemovals:
    """Counts what was removed before its upload, also by earlier runs, which the history says. Thread-safe."""

    def __init__(self, ledger: HistoryLedger, clock: Clock) -> None:
        self._ledger, self._clock, self._lock = ledger, clock, threading.Lock()
        self._known: list[tuple[int, int]] | None = None
        """When recordings were removed, ms UTC, and how many; None: the history was not read yet."""

    def add(self, count: int) -> None:
        with self._lock:
            self._now().append((self._clock.now_ms(), count))
            self._ledger.removed_unsent(count)

    def count(self) -> int:
        """Return how many were removed within the last day."""
        with self._lock:
            return sum(count for _, count in self._now())

    def _now(self) -> list[tuple[int, int]]:
        now_ms = self._clock.now_ms()
        known = self._read() if self._known is None else self._known
        # later ones are of a time when the clock was ahead
        self._known = [one for one in known if now_ms - DAY_MS <= one[0] <= now_ms + CLOCK_STEP_MS]
        return self._known

    def _read(self) -> list[tuple[int, int]]:
        try:
            lines = [one for one in self._ledger.history.lines(_DAY_FILES) if one.what == UNSENT]
        except StorageError as error:
            log.warning("recordings that were removed before their upload may not be reported: %s", error)
            return []
        return [(one.at_ms, count) for one in lines if isinstance(count := one.record.get("count"), int)]
