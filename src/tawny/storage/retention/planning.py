"""Planning of retention: which segments are removed or thinned, and why, from the index alone.

A dry run shows a plan; a run carries out the same plan.

Priority of rules: free space, `max`, `size` and `count`, then minimum retention (`min`, `events`). Only free space,
size and count may break minimum retention. `max` is for time without events: time with events has a promise of its own,
and stays until both are over. Time of kept events is never removed or thinned. A recording that waits for
upload is neither thinned nor removed by age; otherwise it goes with those within their minimum retention.

To free space, segments past their minimum retention go first: main stream before sub stream, time without events before
events, oldest first. Therefore the sub stream lasts longer. Time with events is not thinned during its minimum
retention.

A recording that is later than the clock was made by another one: it counts as recorded when that was noticed.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, NamedTuple

from tawny.model.events import Event
from tawny.model.ids import CameraId, RunId, SegmentId, StreamName
from tawny.model.segments import Segment
from tawny.model.times import LATEST_MS, Span
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.disk.layout import is_thinned
from tawny.storage.disk.volume import Volume
from tawny.storage.index.protocol import Index
from tawny.storage.retention.contract import RetentionContract, RetentionRule, duration_words, size_words
from tawny.storage.retention.removal import AROUND_MS, Removal, events_at

THINNED_AT_ONCE: Final = 120
ALL: Final = 10**9
"""For `thin_at_once`: as many as one plan looks at, also behind many that are thinned already."""
_THINNED_COST: Final = 0.1
"""What such a one counts, which needs no look at its events."""
_ROWS_AT_ONCE: Final = 500
_FACTS_AT_ONCE: Final = 50_000
MOST_EXAMINED: Final = 20_000
"""Recordings that one plan looks at for a reduction: the recorder waits for it when its disk is full."""
LATER_MS: Final = 300_000
"""A recording that ends by more than this after now, ms, was made while the clock was another one."""

Looked = Mapping[tuple[CameraId, StreamName, bool], Segment]
"""Last segment examined for thinning, by camera, stream and whether time with events is included."""


Holds = Callable[[Segment], bool]


DiskSpace = tuple[DiskCapacity, Holds | None]
"""Space of one disk, and whether a segment is on it; None: all are."""


@dataclass(frozen=True, slots=True)
class RemovalPlan:
    """Segments to remove, in order, and to thin (`thinnings`) afterwards. goes_on: the next run has more to thin.

    missing_bytes, missing_files: amount that should be removed but has no candidates. asked: archive disks that refused
    a copy, and the room that this makes there for it, bytes.
    """

    removals: list[Removal] = field(default_factory=list)
    missing_bytes: int = 0
    thinnings: list[Removal] = field(default_factory=list)
    missing_files: int = 0
    goes_on: bool = False
    looked: Looked = field(default_factory=dict, compare=False, repr=False)
    aged: Segment | None = field(default=None, compare=False, repr=False)
    """The newest segment older than every `max`: what is left up to it stays for its events, or is kept."""
    asked: Sequence[tuple[Volume, int]] = field(default=(), compare=False, repr=False)

    @property
    def size_bytes(self) -> int:
        return sum(one.segment.size_bytes for one in self.removals)

    @property
    def breaks_promise(self) -> bool:
        return any(one.breaks_promise for one in self.removals)


class _Facts(NamedTuple):
    """Facts about a segment. promised_s: minimum retention in s. eventful_s: the same from events alone."""

    has_events: bool
    is_kept: bool
    promised_s: float
    eventful_s: float
    is_waiting: bool


@dataclass(slots=True)
class _Need:
    """Amount that must still be removed for a rule."""

    size_bytes: int = 0
    files: int = 0

    def is_met(self) -> bool:
        return self.size_bytes <= 0 and self.files <= 0

    def found(self, segment: Segment) -> None:
        self.size_bytes -= segment.size_bytes
        self.files -= 1


def recorded_rate(index: Index, cameras: Iterable[CameraId]) -> float:
    """Return the mean bytes a second of all recordings; 0 without any."""
    found = [bounds for camera in cameras if (bounds := index.bounds(camera)) is not None]
    if not found:
        return 0.0
    recorded_ms = max(one.end_ms for one in found) - min(one.begin_ms for one in found)
    return index.size_bytes() * 1000 / recorded_ms if recorded_ms > 0 else 0.0


@dataclass(frozen=True, slots=True)
class RemovalConditions:
    """What a plan depends on besides the contract and the recordings.

    cameras: cameras whose segments may be thinned. urgent_bytes, urgent_files: minimum to remove from the main disk,
    regardless of settings. least_s: minimum age for removal for free space unless
    urgent; less on a disk of which half holds less time. looked, aged: progress of earlier runs. held: recordings with
    a pending upload. ahead_ms: time by which the clock is perhaps wrong: ages count from as much earlier.
    later_s: for how long recordings are known to be later than the clock: the age of these. None: order by date alone.
    refused_bytes: minimum to remove from each of the other disks, as urgently.
    """

    cameras: Sequence[CameraId] = ()
    urgent_bytes: int = 0
    least_s: float = 0.0
    looked: Looked = field(default_factory=dict)
    thin_at_once: int = THINNED_AT_ONCE
    held: Sequence[tuple[CameraId, Span]] = ()
    aged: Segment | None = None
    ahead_ms: int = 0
    urgent_files: int = 0
    later_s: float | None = None
    refused_bytes: Sequence[int] = ()


class RemovalPlanner:
    """Makes one plan. space: the main disk first, then others."""

    def __init__(
        self,
        contract: RetentionContract,
        index: Index,
        space: DiskCapacity | Sequence[DiskSpace],
        now_ms: int,
        conditions: RemovalConditions | None = None,
    ) -> None:
        self._conditions = conditions or RemovalConditions()
        self._contract, self._index, self._now_ms = contract, index, now_ms
        self._rooms = [(space, None)] if isinstance(space, DiskCapacity) else list(space)
        self._looked, self._aged = dict(self._conditions.looked), self._conditions.aged
        self._removals: dict[SegmentId, Removal] = {}
        self._thinnings: list[Removal] = []
        self._examined = 0.0
        self._missing = _Need()
        self._facts: dict[SegmentId, _Facts] = {}
        later_s = self._conditions.later_s
        self._later_ms = None if later_s is None else self._ago(later_s)

    def plan(self) -> RemovalPlan:
        self._by_age()
        first = _Need(self._conditions.urgent_bytes, self._conditions.urgent_files)
        refused = map(_Need, self._conditions.refused_bytes)
        for room, urgent in zip_longest(self._rooms, (first, *refused)):
            self._for_free_space(room, urgent or _Need())
        for camera, stream, keep in self._contract.limits():
            self._for_limits(camera, stream, keep)
        is_urgent = self._conditions.urgent_bytes or self._conditions.urgent_files
        goes_on = not is_urgent and self._thin()  # recording waits for an urgent plan
        return RemovalPlan(
            list(self._removals.values()),
            self._missing.size_bytes,
            self._thinnings,
            self._missing.files,
            goes_on,
            self._looked,
            self._aged,
        )

    # --- removal

    def _by_age(self) -> None:
        limits = [keep.max_s for keep in self._contract.each() if keep.max_s is not None]
        if not limits:
            return
        for segment in self._in_order(None, None, self._ago(min(limits)), after=self._aged):
            if segment.end_ms <= self._ago(max(limits)):
                self._aged = segment
            max_s = self._keep_of(segment).max_s
            facts = self._of(segment)
            ended_ms = self._ended_ms(segment)
            is_promised = ended_ms > self._ago(facts.eventful_s)
            is_free = not facts.is_kept and not facts.is_waiting and not is_promised
            if max_s is not None and ended_ms <= self._ago(max_s) and is_free:
                self._removals[segment.id] = Removal(segment, f"older than {duration_words(max_s)}")

    def _for_free_space(self, room: DiskSpace, urgent: _Need) -> None:
        share, (space, holds) = self._contract.everyone.free_share, room
        need_bytes = max(round(space.total_bytes * share) - space.free_bytes, urgent.size_bytes)
        gone = [one.segment for one in self._removals.values() if holds is None or holds(one.segment)]
        need = _Need(need_bytes - sum(one.size_bytes for one in gone), urgent.files - len(gone))
        why = f"to keep {share:.0%} of the disk free".replace("%", " %")
        if not urgent.is_met():
            why = "no more files fit on the disk" if urgent.files else "the disk was full"
        youngest_ms = self._now_ms - (round(self._protected_s(space) * 1000) if urgent.is_met() else 0)
        self._take(None, None, need, why, youngest_ms, holds)

    def _protected_s(self, space: DiskCapacity) -> float:
        """Return the age at which recordings may go for free space: less where half of the disk holds less."""
        rate = recorded_rate(self._index, self._conditions.cameras)
        least_s = self._conditions.least_s
        return min(least_s, space.total_bytes / 2 / rate) if rate else least_s

    def _for_limits(self, camera: CameraId | None, stream: StreamName | None, keep: RetentionRule) -> None:
        if keep.size_bytes is not None:
            gone_bytes = sum(one.size_bytes for one in self._gone(camera, stream))
            need = _Need(self._index.size_bytes(camera, stream) - gone_bytes - keep.size_bytes)
            self._take(camera, stream, need, f"to use at most {size_words(keep.size_bytes)}", self._now_ms)
        if keep.count is not None:
            need = _Need(files=self._index.count(camera, stream) - len(self._gone(camera, stream)) - keep.count)
            self._take(camera, stream, need, f"to have at most {keep.count} files", self._now_ms)

    def _gone(self, camera: CameraId | None, stream: StreamName | None) -> list[Segment]:
        """Return the segments that the plan already removes."""
        return [
            one.segment
            for one in self._removals.values()
            if camera in (None, one.segment.camera) and stream in (None, one.segment.stream)
        ]

    def _take(
        self,
        camera: CameraId | None,
        stream: StreamName | None,
        need: _Need,
        why: str,
        youngest_ms: int,
        holds: Holds | None = None,
    ) -> None:
        """Remove candidates in order until the need is met."""
        if not need.is_met():
            for segment, breaks_promise in self._first_to_go(camera, stream, youngest_ms):
                if holds is not None and not holds(segment):
                    continue
                is_waiting = self._of(segment).is_waiting
                reason = f"{why}, before it was uploaded" if is_waiting else why
                self._removals[segment.id] = Removal(segment, reason, breaks_promise, is_waiting)
                need.found(segment)
                if need.is_met():
                    return
        self._missing.size_bytes = max(self._missing.size_bytes, need.size_bytes)
        self._missing.files = max(self._missing.files, need.files)

    def _first_to_go(
        self, camera: CameraId | None, wanted: StreamName | None, youngest_ms: int
    ) -> Iterator[tuple[Segment, bool]]:
        for comes_last in (False, True):
            until_ms = youngest_ms if comes_last else min(youngest_ms, self._unpromised_ms())
            for stream in (StreamName.MAIN, StreamName.SUB):
                if wanted not in (None, stream):
                    continue
                for with_events in (False, True):
                    for segment in self._in_order(camera, stream, until_ms):
                        facts = self._of(segment)
                        is_promised = self._ended_ms(segment) > self._ago(facts.promised_s)
                        is_last = is_promised or facts.is_waiting
                        if is_last == comes_last and facts.has_events == with_events and not facts.is_kept:
                            yield segment, is_promised and not self._is_later(segment)

    def _unpromised_ms(self) -> int:
        """Return the end time after which every segment is within its minimum retention."""
        return self._ago(min(keep.min_s for keep in self._contract.each()))

    # --- reduction to keyframes

    def _thin(self) -> bool:
        """Plan thinning. Return whether the next run has more."""
        if all(keep.thin_s is None for keep in self._contract.each()):
            return False
        for camera in self._conditions.cameras:
            for stream in StreamName:
                keep = self._contract.of(camera, stream)
                if keep.thin_s is None:
                    continue
                for with_events, age_s in ((False, keep.thin_s), (True, max(keep.thin_s, keep.longest_s))):
                    if not self._thin_stream(camera, stream, keep, age_s, with_events=with_events):
                        return True
        return False

    def _thin_stream(
        self, camera: CameraId, stream: StreamName, keep: RetentionRule, age_s: float, *, with_events: bool
    ) -> bool:
        """Plan thinning of one stream up to an age. Return whether all segments were examined."""
        key = (camera, stream, with_events)
        chosen, is_trial = {one.segment.id for one in self._thinnings}, self._conditions.thin_at_once >= ALL
        for segment in self._oldest(camera, stream, self._ago(age_s), after=self._looked.get(key)):
            if len(self._thinnings) >= self._conditions.thin_at_once or self._examined >= MOST_EXAMINED:
                return False
            self._examined += _THINNED_COST if is_trial and is_thinned(segment) else 1
            self._looked[key] = segment
            if is_thinned(segment) or segment.id in chosen:
                continue
            facts = self._of(segment)
            is_free = not facts.is_kept and not facts.is_waiting
            if is_free and segment.end_ms <= self._ago(facts.eventful_s):
                assert keep.thin_s is not None
                self._thinnings.append(Removal(segment, f"older than {duration_words(keep.thin_s)}: keyframes only"))
        return True

    # --- queries

    def _oldest(
        self, camera: CameraId | None, stream: StreamName | None, youngest_ms: int, after: Segment | None = None
    ) -> Iterator[Segment]:
        """Yield segments not planned for removal, those that ended first, up to an instant."""
        while page := self._index.oldest_segments(_ROWS_AT_ONCE, camera, stream=stream, after=after):
            for segment in page:
                if segment.end_ms > youngest_ms:
                    return
                if segment.id not in self._removals:
                    yield segment
            after = page[-1]

    def _in_order(
        self, camera: CameraId | None, stream: StreamName | None, youngest_ms: int, after: Segment | None = None
    ) -> Iterator[Segment]:
        """Yield segments as `_oldest` does, but those that are later than the clock by when that was noticed."""
        earlier = self._oldest(camera, stream, youngest_ms, after)
        if self._later_ms is None or self._later_ms > youngest_ms:
            return earlier
        later = self._oldest(camera, stream, LATEST_MS, ended_at(self._now_ms + LATER_MS))
        return heapq.merge(earlier, later, key=self._ended_ms)

    def _ended_ms(self, segment: Segment) -> int:
        return segment.end_ms if self._later_ms is None or not self._is_later(segment) else self._later_ms

    def _is_later(self, segment: Segment) -> bool:
        return segment.end_ms > self._now_ms + LATER_MS

    def _ago(self, age_s: float) -> int:
        return self._now_ms - self._conditions.ahead_ms - round(age_s * 1000)

    def _keep_of(self, segment: Segment) -> RetentionRule:
        return self._contract.of(segment.camera, segment.stream)

    def _of(self, segment: Segment) -> _Facts:
        known = self._facts.get(segment.id)
        if known is None:
            if len(self._facts) >= _FACTS_AT_ONCE:
                self._facts.clear()
            known = self._facts[segment.id] = self._looked_up(segment)
        return known

    def _looked_up(self, segment: Segment) -> _Facts:
        keep = self._keep_of(segment)
        events = events_at(self._index, segment.camera, segment.span)
        eventful_s = max((keep.event_s(one.kind) for one in events), default=0.0)
        held = self._conditions.held
        is_waiting = any(camera == segment.camera and span.overlaps(segment.span) for camera, span in held)
        is_kept = any(one.kept for one in events)
        return _Facts(bool(events), is_kept, max(keep.min_s, eventful_s), eventful_s, is_waiting)


def ended_at(end_ms: int) -> Segment:
    """Return a place in the order of segments: behind those that ended before."""
    return Segment(CameraId(""), StreamName.MAIN, RunId(""), end_ms, end_ms, 0, "", "", 0, 0)


def newest_ms(index: Index, cameras: Iterable[CameraId]) -> int:
    """Return when the latest recording ends, by its date, ms UTC; 0 without any."""
    return max((bounds.end_ms for camera in cameras if (bounds := index.bounds(camera)) is not None), default=0)


def around(event: Event, now_ms: int) -> Span:
    """Return the time whose video a kept event protects."""
    return Span(max(0, event.start_ms - AROUND_MS), max(event.start_ms + 1, event.end_ms or now_ms) + AROUND_MS)
