"""For any archive and any contract: what is kept and what goes obeys the order of the rules."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as some

from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId, RunId, StreamName
from tawny.model.segments import Segment
from tawny.storage.disk.disk import DiskCapacity
from tawny.storage.disk.layout import SegmentName
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.storage.retention.planning import RemovalConditions, RemovalPlan, RemovalPlanner
from tawny.storage.retention.removal import events_at

NOW_MS = 1_795_176_000_000
HOUR_S = 3600
CAMERAS = (CameraId("porch"), CameraId("yard"))
KINDS = ("person", "motion")

hours = some.integers(0, 60)
ages = some.none() | hours.map(lambda count: float(count * HOUR_S))
limits = some.none() | some.integers(0, 40)
sizes = some.none() | some.integers(0, 40_000)


@some.composite
def keeps(draw: some.DrawFn, *, deep: bool = True) -> RetentionRule:
    return RetentionRule(
        min_s=draw(hours) * HOUR_S,
        max_s=draw(ages),
        size_bytes=draw(sizes),
        free_share=draw(some.sampled_from([0.0, 0.1, 0.5])),
        events_s=draw(hours) * HOUR_S,
        kinds_s=draw(some.dictionaries(some.sampled_from(KINDS), hours.map(lambda count: float(count * HOUR_S)))),
        count=draw(limits),
        thin_s=draw(ages),
        sub=draw(some.none() | keeps(deep=False)) if deep else None,
    )


contracts = some.builds(RetentionContract, keeps(), some.dictionaries(some.sampled_from(CAMERAS), keeps(), max_size=2))
segments = some.builds(
    lambda camera, stream, ago, size: _segment(camera, stream, ago, size),
    some.sampled_from(CAMERAS),
    some.sampled_from(StreamName),
    some.integers(1, 50),
    some.integers(500, 3000),
)
happenings = some.tuples(some.sampled_from(CAMERAS), some.integers(1, 50), some.sampled_from(KINDS), some.booleans())


@some.composite
def archives(draw: some.DrawFn) -> MemoryIndex:
    index = MemoryIndex()
    for segment in draw(some.lists(segments, max_size=30)):
        index.add_segment(segment)
    for number, (camera, ago, kind, kept) in enumerate(draw(some.lists(happenings, max_size=8))):
        at_ms = NOW_MS - ago * HOUR_S * 1000 + 60_000
        index.put_event(Event(EventId(f"e{number}"), camera, kind, at_ms, at_ms + 5000, 50.0, kept=kept))
    return index


def _segment(camera: CameraId, stream: StreamName, hours_ago: int, size_bytes: int) -> Segment:
    start_ms = NOW_MS - hours_ago * HOUR_S * 1000
    end_ms = start_ms + 600_000
    path = SegmentName(camera, stream, start_ms, end_ms).path
    return Segment(camera, stream, RunId("r"), start_ms, end_ms, size_bytes, path, "avc1", 640, 480)


def _plan(index: MemoryIndex, contract: RetentionContract, *, free: int = 50_000, urgent: int = 0) -> RemovalPlan:
    space = DiskCapacity(free, 100_000)
    return RemovalPlanner(contract, index, space, NOW_MS, RemovalConditions(CAMERAS, urgent)).plan()


def _age_s(segment: Segment) -> float:
    return (NOW_MS - segment.end_ms) / 1000


def _is_kept(index: MemoryIndex, segment: Segment) -> bool:
    return any(event.kept for event in events_at(index, segment.camera, segment.span))


def _promised_to_events_s(index: MemoryIndex, contract: RetentionContract, segment: Segment) -> float:
    keep = contract.of(segment.camera, segment.stream)
    return max((keep.event_s(event.kind) for event in events_at(index, segment.camera, segment.span)), default=0.0)


def _rank(index: MemoryIndex, contract: RetentionContract, segment: Segment) -> tuple[bool, bool, bool]:
    """What goes first has the smallest; the age comes after it."""
    keep = contract.of(segment.camera, segment.stream)
    events = events_at(index, segment.camera, segment.span)
    promised_s = max(keep.min_s, *(keep.event_s(event.kind) for event in events), 0.0)
    return _age_s(segment) < promised_s, segment.stream is StreamName.SUB, bool(events)


@given(archives(), contracts)
@settings(deadline=None)
def test_kept_time_never_goes_and_is_never_thinned(index: MemoryIndex, contract: RetentionContract) -> None:
    plan = _plan(index, contract, free=0, urgent=100_000)
    for segment in [*(one.segment for one in plan.removals), *(one.segment for one in plan.thinnings)]:
        assert not _is_kept(index, segment)


@given(archives(), contracts)
@settings(deadline=None)
def test_nothing_older_than_its_max_stays_but_for_its_events(index: MemoryIndex, contract: RetentionContract) -> None:
    going = {one.segment.id for one in _plan(index, contract).removals}
    for segment in index.all_segments():
        max_s = contract.of(segment.camera, segment.stream).max_s
        if max_s is None or _age_s(segment) < max_s or _is_kept(index, segment):
            continue
        assert segment.id in going or _age_s(segment) < _promised_to_events_s(index, contract, segment)


@given(archives(), contracts)
@settings(deadline=None)
def test_every_limit_holds_afterwards_or_it_is_said_by_how_much_not(
    index: MemoryIndex, contract: RetentionContract
) -> None:
    plan = _plan(index, contract)
    index.drop_segments([one.segment for one in plan.removals])
    free = 50_000 + plan.size_bytes
    assert free + plan.missing_bytes >= 100_000 * contract.everyone.free_share
    for camera, stream, keep in contract.limits():
        if keep.size_bytes is not None:
            assert index.size_bytes(camera, stream) - plan.missing_bytes <= keep.size_bytes
        if keep.count is not None:
            assert index.count(camera, stream) - plan.missing_files <= keep.count


@given(archives(), keeps(), some.integers(0, 40_000))
@settings(deadline=None)
def test_for_room_the_first_in_rank_go_and_no_more_than_needed(
    index: MemoryIndex, keep: RetentionRule, size_bytes: int
) -> None:
    contract = RetentionContract(replace(keep, max_s=None, free_share=0.0, count=None, size_bytes=size_bytes, sub=None))
    plan = _plan(index, contract)
    gone = [one.segment for one in plan.removals]
    may_go = [one for one in index.all_segments() if not _is_kept(index, one)]
    in_rank = sorted(may_go, key=lambda one: (*_rank(index, contract, one), one.end_ms, one.id))
    assert gone == in_rank[: len(gone)]
    assert [one.breaks_promise for one in plan.removals] == [_rank(index, contract, one)[0] for one in gone]
    if gone:
        all_but_last = sum(one.size_bytes for one in gone[:-1])
        assert index.size_bytes() - all_but_last > size_bytes


@given(archives(), contracts)
@settings(deadline=None)
def test_without_a_need_no_promise_is_broken(index: MemoryIndex, contract: RetentionContract) -> None:
    def without_limits(keep: RetentionRule) -> RetentionRule:
        sub = without_limits(keep.sub) if keep.sub else None
        return replace(keep, size_bytes=None, count=None, free_share=0.0, sub=sub)

    easy = RetentionContract(
        without_limits(contract.everyone), {camera: without_limits(keep) for camera, keep in contract.cameras.items()}
    )
    plan = _plan(index, easy)
    assert not plan.breaks_promise
    for one in plan.removals:
        max_s = easy.of(one.segment.camera, one.segment.stream).max_s
        assert max_s is not None
        assert _age_s(one.segment) >= max(max_s, _promised_to_events_s(index, easy, one.segment))


@given(archives(), contracts)
@settings(deadline=None)
def test_what_is_thinned_is_old_enough_and_no_longer_promised_for_its_events(
    index: MemoryIndex, contract: RetentionContract
) -> None:
    plan = _plan(index, contract)
    thinned = {one.segment.id for one in plan.thinnings}
    gone = {one.segment.id for one in plan.removals}
    assert len(thinned) == len(plan.thinnings)
    assert not thinned & gone
    for segment in index.all_segments():
        keep = contract.of(segment.camera, segment.stream)
        events = events_at(index, segment.camera, segment.span)
        events_s = max((keep.event_s(event.kind) for event in events), default=0.0)
        is_due = keep.thin_s is not None and _age_s(segment) >= max(keep.thin_s, events_s)
        may = segment.id not in gone and not _is_kept(index, segment)
        assert (segment.id in thinned) == (is_due and may)


@given(archives(), contracts)
@settings(deadline=None)
def test_a_plan_is_the_same_again_and_leaves_nothing_to_the_next(
    index: MemoryIndex, contract: RetentionContract
) -> None:
    plan = _plan(index, contract)
    assert _plan(index, contract) == plan
    index.drop_segments([one.segment for one in plan.removals])
    assert _plan(index, contract, free=50_000 + plan.size_bytes).removals == []
