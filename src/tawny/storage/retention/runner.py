"""Retention: makes a plan every minute and carries it out.

A plan is a value (`storage.retention.planning`), so that a dry run shows exactly what the next run does.
"""

import logging
import math
import threading
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

from tawny.engine import ActorHandle, Engine
from tawny.model.errors import StorageError, StorageUnavailable
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.segments import BY_CHOICE, Gap, GapReason, Segment
from tawny.model.times import LATEST_MS, Clock, ClockSteps, Span, merge_spans, missing_spans, stamp_ms
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.layout import HOUR_MS, event_paths
from tawny.storage.disk.secondary_volumes import awaited, spaces
from tawny.storage.disk.volume import Reserve, Volume
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.protocol import Index, all_events
from tawny.storage.retention.contract import RetentionContract, RetentionRule, size_words
from tawny.storage.retention.planning import (
    ALL,
    LATER_MS,
    THINNED_AT_ONCE,
    DiskSpace,
    Looked,
    RemovalConditions,
    RemovalPlan,
    RemovalPlanner,
    newest_ms,
    recorded_rate,
)
from tawny.storage.retention.removal import (
    Removal,
    UnsentRemovals,
    drop_event,
    drop_events,
    events_at,
    finish_removals,
    has_video,
    lasted,
    remove_segments,
    tidy,
    without_video,
)
from tawny.storage.retention.thinning import thin
from tawny.storage.segments.detection_files import MotionFigures, MotionGrids, MotionScoreFile

__all__ = ["RemovalPlan", "Retention", "RetentionRule"]

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0
LEAST_S: Final = 3600.0
"""Minimum age for removal for free space unless the disk is full: another program may be filling it."""
_SOON_S: Final = 5.0
_AGAIN_S: Final = 60.0
"""A call for room within this time after one that was passed over counts: the writer that calls is still refused."""
_SETTLE_EVERY_S: Final = 3600.0
_LOOK_AGAIN_S: Final = 86_400.0
"""Recordings that were looked at for a reduction are looked at again: some came later, or an event is kept no more."""
_SETTLED_MS: Final = 2 * HOUR_MS
"""Segments that ended earlier no longer change, except by retention."""
_URGENT_BYTES: Final = 256_000_000
_URGENT_FILES: Final = 100
_DELETED_AT_ONCE: Final = 300
"""Segments of one camera that are deleted on request before retention may run."""
_GAPS_AT_ONCE: Final = 1000
"""Gaps of one camera that are written with one sync, while other changes of the history wait."""


@dataclass(frozen=True, slots=True)
class RetentionPace:
    """How often and how much. every_s: interval between runs. least_s, thin_at_once: as in `RemovalConditions`.

    most_files: maximum number of files, regardless of settings; None: unlimited.
    """

    every_s: float = EVERY_S
    least_s: float = LEAST_S
    thin_at_once: int = THINNED_AT_ONCE
    most_files: int | None = None


FORWARD_MS: Final = 86_400_000
"""A clock that is set forward by more than this is doubted: a wrong time would make every recording too old at once."""
DOUBTED_S: Final = 86_400.0
"""Time, s, for which it is doubted, and can be corrected."""


class AgeClock:
    """The clock that ages are counted by. Not thread-safe."""

    def __init__(self, clock: Clock, known_ms: int | None = None) -> None:
        """known_ms: when the clock was right last, such as the time of the newest file; None: now."""
        self._clock = clock
        self._known_ms, self._known_s = clock.now_ms() if known_ms is None else known_ms, clock.mono_s()
        self._doubted_s: float | None = None

    def ahead_ms(self) -> int:
        """Return by how much the clock was set forward, ms, while that is doubted; else 0."""
        now_ms, now_s = self._clock.now_ms(), self._clock.mono_s()
        ahead_ms = now_ms - self._known_ms - round((now_s - self._known_s) * 1000)
        if ahead_ms > FORWARD_MS:
            if self._doubted_s is None:
                self._doubted_s = now_s
                days = ahead_ms / 86_400_000
                log.warning("the clock is %.0f days ahead of what was expected: deleting by age a day later", days)
            if now_s - self._doubted_s < DOUBTED_S:
                return ahead_ms
        self._known_ms, self._known_s, self._doubted_s = now_ms, now_s, None
        return 0


class _LaterAge:
    """The age of recordings that are later than the clock: it was ahead, or is behind. Not thread-safe.

    They count from when it was noticed, by no clock that can be set: at the start, or when the clock was set back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock, self._steps = clock, ClockSteps(clock)
        self._since_s, self._newest_ms = clock.mono_s(), LATEST_MS  # what the first look finds is not more

    def seconds(self, newest_ms: int) -> float:
        """newest_ms: when the latest recording ends, by its date, ms UTC."""
        is_set_back = self._steps.moved_ms() < -LATER_MS
        if is_set_back or newest_ms > max(self._newest_ms, self._clock.now_ms() + LATER_MS):
            self._since_s = self._clock.mono_s()
        self._newest_ms = newest_ms
        return self._clock.mono_s() - self._since_s


@dataclass(frozen=True, slots=True)
class CameraDeletion:
    """What an owner deletes of a camera. why: for the history, with who asked. with_kept: kept events too.

    begin_ms: every file that has something of this span, as a whole; None: all that ended until until_ms.
    event: goes in any case, also without a recording. is_gone: the camera is removed, so nothing uses its folders.
    running: not empty: only what these events show of the time goes, once it was deleted.
    is_later: the time was still to come by the clock when it was asked for.
    """

    camera: CameraId
    until_ms: int
    why: str
    with_kept: bool = False
    is_gone: bool = False
    begin_ms: int | None = None
    event: str = ""
    running: Sequence[EventId] = ()
    is_later: bool = False

    @property
    def span(self) -> Span:
        begin_ms = self.begin_ms or 0
        return Span(begin_ms, max(begin_ms, self.until_ms))


@dataclass(frozen=True, slots=True)
class DeletedWith:
    """What is deleted with recordings. motion: of the same time; where detection runs, its own: they have something
    queued. forget: called after an event was deleted. tell: called with what is missing after a deletion on request.
    """

    motion: tuple[MotionScoreFile, MotionGrids, MotionFigures]
    forget: Callable[[EventId], None] = lambda _event: None
    tell: Callable[[Gap], None] = lambda _gap: None


_LASTING_SHARE: Final = 0.02
"""Share of a disk, beyond what is kept free, from which on it counts as having space."""


class Retention:
    """Plans and applies retention, also as an actor (`start`). contract: the `free_share` of cameras is ignored.

    Call `plan` and `apply` from any thread, one at a time.
    """

    name = "retention"

    def __init__(
        self,
        volume: Volume,
        index: Index,
        ledger: HistoryLedger,
        clock: Clock,
        contract: RetentionContract,
        pace: RetentionPace | None = None,
        also: DeletedWith | None = None,
    ) -> None:
        """also: None: what is stored of motion, without anything queued."""
        self._volume, self._index, self._ledger, self._clock = volume, index, ledger, clock
        self._contract, self._pace = contract, pace or RetentionPace()
        self._reserve = Reserve(volume.disk)
        self._lock = threading.Lock()
        self._ages, self._later = AgeClock(clock), _LaterAge(clock)
        self._is_urgent = False
        self._passed_over_s = -math.inf
        """When a call for room was not urgent, because the disk had space again."""
        self._settle_s, self._look_again_s = clock.mono_s(), clock.mono_s() + _LOOK_AGAIN_S
        self._unrecorded_s = -math.inf
        self._looked: Looked = {}
        self._aged: Segment | None = None
        self._handle = ActorHandle()
        self.last: RemovalPlan | None = None
        """The last plan that was carried out."""
        self._held: Callable[[], Sequence[tuple[CameraId, Span]]] = tuple
        self._gone: Callable[[Sequence[Segment]], None] = lambda _: None
        self.also = also or DeletedWith(
            (MotionScoreFile(volume, clock), MotionGrids(volume, clock), MotionFigures(volume, clock))
        )
        self._unsent = UnsentRemovals(ledger, clock)

    def start(self, engine: Engine) -> None:
        self._handle.start(engine, self.name, lambda: self)

    def hold_back(
        self,
        held: Callable[[], Sequence[tuple[CameraId, Span]]],
        gone: Callable[[Sequence[Segment]], None] = lambda _: None,
    ) -> None:
        """Delete the recordings that `held` returns last: their upload is pending. gone: receives those deleted."""
        self._held, self._gone = held, gone

    def make_room(self) -> None:
        """Request an urgent run because the disk is full. Returns at once."""
        self._is_urgent = True
        self._handle.wake()

    def step(self) -> float:
        urgent, self._is_urgent = self._is_urgent, False
        try:
            if urgent:
                now_s = self._clock.mono_s()
                is_again = now_s - self._passed_over_s < _AGAIN_S
                urgent = is_again or self._reserve.is_disk_full()
                self._passed_over_s = -math.inf if urgent else now_s
            plan = self.run(urgent=urgent)
        except StorageError:
            self._is_urgent = self._is_urgent or urgent  # the next step is urgent too
            raise
        return _SOON_S if plan.goes_on else min(self._pace.every_s, max(_SOON_S, self._lasts_s()))

    def _lasts_s(self) -> float:
        """Return how long half of the space to be kept free lasts, in s: on a small disk less than a minute."""
        free_bytes = self._contract.everyone.free_share * self._volume.space().total_bytes
        rate = recorded_rate(self._index, self._volume.cameras())
        return free_bytes / 2 / rate if rate and free_bytes else self._pace.every_s

    def close(self) -> None:
        """No effect."""

    def set_rules(self, contract: RetentionContract) -> None:
        """Apply new rules from the next run on."""
        self._contract, self._looked, self._aged = contract, {}, None

    def run(self, *, urgent: bool = False) -> RemovalPlan:
        """Plan and apply. Raises StorageError."""
        with self._lock:
            if urgent:
                self._reserve.give_up()
            plan = self.plan(urgent=urgent)
            self.apply(plan)
            self.last = plan
            self._reserve.fill()
            if not urgent:  # a full disk may have no space for it
                self._settle()
        return plan

    def _settle(self) -> None:
        now_s = self._clock.mono_s()
        if now_s >= self._settle_s:
            self._settle_s = now_s + _SETTLE_EVERY_S
            self._aged = None  # events may have lost their promise since
            if now_s >= self._look_again_s:
                self._look_again_s, self._looked = now_s + _LOOK_AGAIN_S, {}
            self._index.settle(self._clock.now_ms() - _SETTLED_MS)
            if self._volume.others:  # a volume was away when something on it was removed
                finish_removals(self._volume, self._index, self._ledger, self._clock, self._drop)
            marks = [other.mark for other in self._volume.others if other.archive is None and other.mark is not None]
            is_all_there = not awaited(self._volume) and all(map(self._index.is_volume_listed, marks))
            if is_all_there and now_s >= self._unrecorded_s:  # else their video may be on what is away
                found = list(islice(self._unrecorded_events(), _DELETED_AT_ONCE))
                self._unrecorded_s = now_s + (_LOOK_AGAIN_S if len(found) < _DELETED_AT_ONCE else 0)
                drop_events(found, self._drop)

    def _unrecorded_events(self) -> Iterator[Event]:
        """Yield events without video, as with `record = "off"` or of a gap, once video of them would be too old."""
        now_ms = self._clock.now_ms()
        known_ms = now_ms - self._ages.ahead_ms()
        shortest_s = min(math.inf if keep.max_s is None else keep.max_s for keep in self._contract.each())
        if shortest_s * 1000 > known_ms:
            return
        within = Span(0, known_ms - round(shortest_s * 1000))
        for event in all_events(lambda after: self._index.events(within, limit=_DELETED_AT_ONCE, after=after)):
            keeps = [self._contract.of(event.camera, stream) for stream in StreamName]
            limits = (math.inf if keep.max_s is None else max(keep.max_s, keep.event_s(event.kind)) for keep in keeps)
            is_old = event.end_ms is not None and event.end_ms <= known_ms - max(limits) * 1000
            if is_old and not event.kept and not has_video(self._index, event, now_ms):
                yield event

    def wake(self) -> None:
        """Run soon, because the rules changed."""
        self._handle.wake()

    def plan(
        self,
        *,
        urgent: bool = False,
        chosen: RetentionContract | None = None,
        ahead_s: float = 0.0,
        ahead_bytes: int = 0,
    ) -> RemovalPlan:
        """Return what a run would do now.

        urgent: free space regardless of settings. chosen: rules to use instead of the current ones, for as many runs
        as they take. ahead_s, ahead_bytes: plan for a later time with this much more written to the main disk.
        """
        contract = chosen or self._contract
        space, (rooms, asked) = self._volume.space(), self._rooms(ahead_bytes)
        cameras = self._volume.cameras()  # after the rooms, which find out whether a disk hangs
        urgent_bytes = min(_URGENT_BYTES, space.total_bytes // 20) + 2 * self._reserve.size_bytes if urgent else 0
        urgent_files = 0
        if urgent and space.has_few_files and space.free_bytes >= urgent_bytes:  # it is full of files, not of bytes
            urgent_bytes, urgent_files = 0, min(_URGENT_FILES, self._index.count() // 20 + 1)
        plan = RemovalPlanner(
            replace(contract, everyone=self._limited(contract.everyone)),
            self._index,
            rooms,
            self._clock.now_ms() + round(ahead_s * 1000),
            RemovalConditions(
                cameras,
                urgent_bytes,
                self._pace.least_s,
                self._looked,
                self._pace.thin_at_once if chosen is None else ALL,
                self._held(),
                self._aged if chosen is None else None,
                self._ages.ahead_ms(),
                urgent_files,
                self._later.seconds(newest_ms(self._index, cameras)) + ahead_s,
                [size_bytes for _, size_bytes in asked],
            ),
        ).plan()
        return replace(plan, asked=asked)

    def has_space_for(self, size_bytes: int) -> bool:
        """Return whether the first disk can hold this much more for long, without removing anything for it."""
        space = self._volume.space()
        return space.free_bytes - size_bytes > (self._contract.everyone.free_share + _LASTING_SHARE) * space.total_bytes

    def _rooms(self, ahead_bytes: int) -> tuple[list[DiskSpace], list[tuple[Volume, int]]]:
        """Return the space of each disk, and what others refused. Only segments on a disk free space there."""
        (first, space), *more = spaces(self._volume)
        found = [(first, space._replace(free_bytes=max(0, space.free_bytes - ahead_bytes)))]
        begun = self._index.removing()
        for other, space in more:  # as if free: a disk that refuses to delete would be given up file by file
            begun_bytes = sum(one.size_bytes for one in begun if _holds(other, one))
            found.append((other, space._replace(free_bytes=space.free_bytes + begun_bytes)))
        if not self._volume.others:
            return [(space, None) for _, space in found], []
        asked = [(other, other.refused_bytes) for other, _ in more]
        return [(space, partial(_holds, volume)) for volume, space in found], asked

    def _limited(self, keep: RetentionRule) -> RetentionRule:
        most = [count for count in (keep.count, self._pace.most_files) if count is not None]
        return replace(keep, count=min(most)) if most else keep

    def apply(self, plan: RemovalPlan) -> None:
        """Remove and thin according to the plan, and drop events without remaining video. Raises StorageError."""
        remove_segments(self._volume, self._index, self._ledger, self._clock, plan.removals, self._drop)
        for other, size_bytes in plan.asked:
            other.refused_bytes -= size_bytes  # it may have been asked since the plan was made
        self._thin(plan)
        self._looked, self._aged = plan.looked, plan.aged
        unsent = [one.segment for one in plan.removals if one.is_waiting]
        if unsent:
            size = size_words(sum(one.size_bytes for one in unsent))
            log.warning("removed %d recordings (%s) before they were uploaded, to make room", len(unsent), size)
            self._unsent.add(len(unsent))
            self._gone(unsent)

    def delete_recordings(self, wanted: CameraDeletion) -> bool:
        """Delete what an owner wants of a camera's recordings. Return whether there is more. Raises StorageError.

        Their events go too, except kept ones with their recordings, unless they are wanted as well.
        """
        with self._lock:
            if wanted.running:
                self._strip_running(wanted)
                return False
            segments = list(islice(self._unwanted(wanted), _DELETED_AT_ONCE))
            is_last = len(segments) < _DELETED_AT_ONCE
            removals = [Removal(segment, wanted.why) for segment in segments]
            remove_segments(self._volume, self._index, self._ledger, self._clock, removals)
            gone = self._unrecorded(wanted, [*self._asked(wanted)] if is_last else [], segments)
            for event in without_video(self._index, segments, self._clock.now_ms(), with_kept=wanted.with_kept):
                if event.end_ms is not None:  # one that lasts is written again
                    self._drop(event)
            self._forget_events(wanted, self._unrecorded(wanted, [wanted.span] if is_last else [], segments))
            named = self._index.event(EventId(wanted.event)) if wanted.event else None
            if named is not None and (wanted.with_kept or not named.kept):
                self._drop(named)
            if wanted.is_gone:
                folders = sorted({parent_of(one.path) for one in segments})
                for each in self._volume.everywhere:
                    tidy(each, self._clock, folders, is_in_use=False)
            if is_last:
                self._cover_gaps(wanted)
            self._forget_motion(wanted.camera, gone)
        if is_last:
            self._tell(wanted)
        return not is_last

    def _tell(self, wanted: CameraDeletion) -> None:
        for gap in self._index.gaps(wanted.camera, wanted.span):
            if gap.reason is GapReason.REMOVED and gap.detail == wanted.why:
                self.also.tell(gap)

    def _cover_gaps(self, wanted: CameraDeletion) -> None:
        """Record that missing time was deleted, too, so that nothing is fetched for it later, as from a camera's card.

        The gap stays, with its reason: it is keyed by its begin.
        """
        now_ms = self._clock.now_ms()
        asked = wanted.span
        gaps = self._index.gaps(wanted.camera, asked)
        chosen = merge_spans([one.span(now_ms) for one in gaps if one.reason in BY_CHOICE - {GapReason.FILLED}])
        made: list[Gap] = []
        for gap in gaps:
            if gap.reason in BY_CHOICE or gap.is_start or gap.reason is GapReason.CLOCK:
                continue
            begin_ms = max(gap.begin_ms + 1, asked.begin_ms)
            missing = Span(begin_ms, max(begin_ms, min(asked.end_ms, gap.span(now_ms).end_ms)))
            left = missing_spans(_touching(chosen, missing), missing)
            made += [Gap(wanted.camera, one.begin_ms, one.end_ms, GapReason.REMOVED, wanted.why) for one in left]
        for at in range(0, len(made), _GAPS_AT_ONCE):  # others write in between
            with self._ledger.together():
                for gap in made[at : at + _GAPS_AT_ONCE]:
                    self._ledger.put_gap(gap)

    def _asked(self, wanted: CameraDeletion) -> Iterator[Span]:
        """Yield the time a deletion names, from the first day on that has something."""
        for stored in self.also.motion:  # what is queued has no folder yet
            stored.flush()
        first = next(self._volume.day_folders(wanted.camera), None)
        if first is not None:
            day_ms = stamp_ms(f"{''.join(first.split('/')[1:])}T000000.000Z")
            begin_ms = max(wanted.begin_ms or 0, day_ms)
            if begin_ms < wanted.until_ms:
                yield Span(begin_ms, wanted.until_ms)

    def _unrecorded(self, wanted: CameraDeletion, asked: Sequence[Span], removed: Sequence[Segment]) -> list[Span]:
        """Return the deleted time of which no recording remains."""
        found: list[Span] = []
        for span in merge_spans([*asked, *(one.span for one in removed)]):
            left = [one.span for one in self._index.segments(wanted.camera, None, span)]
            found += missing_spans(left, span)
        return found

    def _forget_motion(self, camera: CameraId, gone: Sequence[Span]) -> None:
        for span in gone:
            for stored in self.also.motion:
                stored.remove(camera, span)

    def _forget_events(self, wanted: CameraDeletion, gone: Sequence[Span]) -> None:
        """Drop the events of a deleted time without video elsewhere, and delete what others show of that time."""
        # an image may be from shortly before its event
        found = {one.id: one for span in gone for one in events_at(self._index, wanted.camera, span)}
        now_ms = self._clock.now_ms()
        for event in found.values():
            if event.kept and not wanted.with_kept:
                continue
            has_ended = event.end_ms is not None
            if has_ended and self._is_within(wanted, event) and not has_video(self._index, event, now_ms):
                self._drop(event)
            else:
                self._strip(event, gone, wanted.why)

    def _is_within(self, wanted: CameraDeletion, event: Event) -> bool:
        """Return whether an event without video goes with the time asked for: not one around it, nor with an event."""
        span = lasted(event, self._clock.now_ms())
        return not wanted.event and (wanted.begin_ms or 0) <= span.begin_ms and span.end_ms <= wanted.until_ms

    def _strip_running(self, wanted: CameraDeletion) -> None:
        gone = self._unrecorded(wanted, [wanted.span], [])
        for event in map(self._index.event, wanted.running):
            if event is not None:
                self._strip(event, gone, wanted.why)

    def _is_there(self, event: Event, gone: Sequence[Span]) -> bool:
        span = lasted(event, self._clock.now_ms())
        return any(span.cut_to(one) is not None for one in gone)

    def _strip(self, event: Event, gone: Sequence[Span], why: str) -> None:
        """Delete the files of an event that show something of the time that is gone; the event stays."""
        is_shown = event.picture_ms is not None and any(one.begin_ms <= event.picture_ms < one.end_ms for one in gone)
        picture, *others = event_paths(event)
        has_ended = event.end_ms is not None  # until then the others are still written to
        paths = others if has_ended and self._is_there(event, gone) else []
        self._volume.remove_event_files([picture, *paths] if is_shown else paths, why)
        if not is_shown:
            return
        with self._ledger.together():  # its end or a mark, written meanwhile, stays
            newest = self._ledger.event(event.id)
            if newest is not None and newest.picture_ms == event.picture_ms:
                self._ledger.put_event(replace(newest, picture_ms=None))
        self.also.forget(event.id)

    def _drop(self, event: Event) -> None:
        drop_event(self._volume, self._ledger, event)
        self.also.forget(event.id)

    def _unwanted(self, wanted: CameraDeletion) -> Iterator[Segment]:
        """Yield what a deletion takes, the oldest first."""
        if wanted.begin_ms:
            within = Span(wanted.begin_ms, wanted.until_ms)
            listed = self._index.segments(wanted.camera, None, within)
            yield from (one for one in listed if self._is_unwanted(one, wanted))
            return
        after: Segment | None = None
        while page := self._index.oldest_segments(_DELETED_AT_ONCE, wanted.camera, after=after):
            for segment in page:
                ends_ms = segment.end_ms if wanted.begin_ms is None else segment.start_ms + 1
                if ends_ms > wanted.until_ms:
                    return
                if self._is_unwanted(segment, wanted):
                    yield segment
            after = page[-1]

    def _is_unwanted(self, segment: Segment, wanted: CameraDeletion) -> bool:
        events = () if wanted.with_kept else events_at(self._index, wanted.camera, segment.span)
        return not any(one.kept for one in events)

    def unsent(self) -> int:
        """Return how many recordings were removed before their upload within the last day."""
        return self._unsent.count()

    def _thin(self, plan: RemovalPlan) -> None:
        """Thin the planned segments and record them, one history entry per reason."""
        done: defaultdict[str, list[Segment]] = defaultdict(list)
        try:
            for one in plan.thinnings:
                try:
                    thinned = thin(self._volume, self._index, one.segment)
                except StorageUnavailable:
                    raise
                except StorageError as error:
                    log.warning("skipped a file that cannot be thinned: %s", error)
                    continue
                if thinned is not None:
                    done[one.why].append(thinned)
        finally:
            for why, segments in done.items():
                self._ledger.thinned(segments, why)


def _touching(merged: Sequence[Span], within: Span) -> list[Span]:
    """Return the spans of an ordered list without overlaps that have a part of `within`."""
    first = bisect_right(merged, within.begin_ms, key=lambda one: one.end_ms)
    return list(merged[first : bisect_left(merged, within.end_ms, key=lambda one: one.begin_ms)])


def _holds(volume: Volume, segment: Segment) -> bool:
    try:
        return volume.disk.entry(segment.path) is not None
    except StorageError:
        return False
