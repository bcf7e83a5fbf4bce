"""Visits: which events are joined, in pages and periods, and which cameras are neighbors."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tawny.model.events import Event, Level, SeenObject
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.model.times import Span, utc_text
from tawny.service.scoped_recorder import ScopedIndex
from tawny.service.visits import (
    LEARNED_MS,
    LONGEST_MS,
    EventVisit,
    Neighbors,
    NewVisitCounter,
    Scope,
    VisitQuery,
    find_visits,
    group,
    learn_neighbors,
    neighbors_of,
    visit_of,
)
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.index.protocol import EventPage
from tawny.testing.clock import FakeClock

GATE, DRIVE, DOOR, YARD = (CameraId(name) for name in ("gate", "drive", "door", "yard"))
WAY: Neighbors = frozenset({frozenset({GATE, DRIVE}), frozenset({DRIVE, DOOR})})
NOON = 1_764_000_000_000
"""Begin of an hour."""
HOUR = 3_600_000
EVER = Span(0, 1 << 50)


def event(start_s: float, end_s: float | None, camera: CameraId = DOOR, kind: str = "person") -> Event:
    start_ms = NOON + round(start_s * 1000)
    objects = (SeenObject(kind, 0.9),) if kind not in ("motion", "sound") else ()
    end_ms = None if end_s is None else NOON + round(end_s * 1000)
    return Event(EventId(f"{camera}-{kind}-{start_s:g}"), camera, kind, start_ms, end_ms, 80.0, objects=objects)


def joined(*events: Event, neighbors: Neighbors = WAY) -> list[list[Event]]:
    return [list(one.events) for one in group(events, neighbors)]


def indexed(events: Iterable[Event]) -> MemoryIndex:
    index = MemoryIndex()
    for one in events:
        index.put_event(one)
    return index


def visits(index: MemoryIndex, neighbors: Neighbors = WAY, limit: int = 200, within: Span = EVER) -> list[EventVisit]:
    return find_visits(index, VisitQuery(within, limit=limit), neighbors)[0]


# --- grouping


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        (event(0, 10), event(24, 30), True),
        (event(0, 10), event(26, 30), False),
        (event(0, 10), event(4, 6), True),
        (event(0, None), event(600, 620), True),
        (event(0, 10), event(12, 20, kind="vehicle"), False),
        (event(0, 10, GATE), event(65, 90, DRIVE), True),
        (event(0, 10, GATE), event(71, 90, DRIVE), False),
        (event(0, 10, GATE), event(5, 90, DRIVE), True),
        (event(0, 10, GATE), event(12, 90, DOOR), False),
        (event(0, 10, GATE, "sound"), event(12, 90, DRIVE, "sound"), False),
        (event(0, 10, GATE, "motion"), event(12, 90, DRIVE, "motion"), False),
        (event(0, 10, GATE, "motion"), event(12, 90, GATE, "motion"), True),
        (event(0, 10), event(12, 20, kind="motion"), True),
        (event(0, 10), event(26, 30, kind="motion"), False),
        (event(0, 10, kind="motion"), event(12, 20), False),
    ],
)
def test_two_events_are_one_visit_or_two(first: Event, second: Event, *, is_one: bool) -> None:
    assert joined(first, second) == ([[first, second]] if is_one else [[first], [second]])
    assert joined(second, first) == joined(first, second)


def test_walk_over_three_cameras_is_one_visit() -> None:
    walk = [event(0, 20, GATE), event(45, 70, DRIVE), event(100, 130, DOOR)]
    (one,) = group(walk, WAY)
    assert one.cameras == (GATE, DRIVE, DOOR)
    assert (one.start_ms, one.end_ms, one.kind, one.level) == (NOON, NOON + 130_000, "person", "alert")


def test_two_who_come_at_once_at_different_ends_are_two() -> None:
    assert len(joined(event(0, 20, GATE), event(3, 20, YARD))) == 2


def test_restless_branch_does_not_join_two_people() -> None:
    branch = [event(start, start + 5, kind="motion") for start in range(12, 60, 10)]
    first, second = event(0, 10), event(60, 70)
    found = group([first, *branch, second], WAY)
    assert [one.kind for one in found] == ["person", "motion", "person"]


def test_a2_two_people_ten_minutes_apart_are_two_visits() -> None:
    first, second = event(0, 20), event(620, 640)
    assert [list(one.events) for one in visits(indexed([first, second]))] == [[second], [first]]


def test_visit_takes_nothing_after_half_an_hour() -> None:
    street = [event(10 * number, 10 * number + 8) for number in range(400)]
    found = group(street, WAY)
    assert all(one.events[-1].start_ms - one.start_ms <= LONGEST_MS for one in found)
    assert len(found) == 3


def test_best_image_is_of_what_was_named_and_large() -> None:
    near = replace(event(14, 20), picture_ms=NOON, box=(0.1, 0.1, 0.6, 0.9))
    far = replace(event(0, 10), picture_ms=NOON, box=(0.1, 0.1, 0.2, 0.2))
    moving = replace(event(15, 20, kind="motion"), picture_ms=NOON, box=(0.0, 0.0, 1.0, 1.0))
    (one,) = group([far, near, moving], WAY)
    assert (one.best, one.id, one.end_ms) == (near, far.id, NOON + 20_000)
    assert group([event(0, None)], WAY)[0].end_ms is None


# --- pages and periods


def some_days(seed: int) -> list[Event]:
    chance = random.Random(seed)
    found, at_s = list[Event](), 0.0
    while at_s < 2 * 86_400:
        at_s += chance.choice([3, 20, 70, 200, 4000]) * chance.random()
        camera, kind = chance.choice([GATE, DRIVE, DOOR, YARD]), chance.choice(["person", "vehicle", "motion"])
        found.append(event(round(at_s, 3), round(at_s + chance.uniform(1, 90), 3), camera, kind))
    return list({one.id: one for one in found}.values())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_hold_every_event_once_whatever_their_size(seed: int, limit: int) -> None:
    events = some_days(seed)[:400]
    index, found, after = indexed(events), list[EventVisit](), None
    while True:
        page, after = find_visits(index, VisitQuery(EVER, after=after, limit=limit), WAY)
        assert len(page) <= limit
        found += page
        if after is None:
            break
    assert sorted(one.id for visit in found for one in visit.events) == sorted(one.id for one in events)
    assert [(one.start_ms, one.id) for one in found] == sorted(((v.start_ms, v.id) for v in found), reverse=True)
    assert found == visits(index, limit=10_000)


def counted_anew(index: MemoryIndex, now_ms: int) -> Mapping[Level, int]:
    return NewVisitCounter(FakeClock(utc_text(now_ms))).count(index, None, WAY)


def test_visit_over_the_full_hour_stays_whole() -> None:
    walk = [event(-40, -5, GATE), event(10, 40, DRIVE)]
    index = indexed([event(-3000, -2990), *walk, event(600, 610)])
    assert [len(one.events) for one in visits(index)] == [1, 2, 1]
    index.put_event(late := event(-20, -15, DOOR))
    assert late in visits(index)[1].events


def test_late_and_changed_events_are_joined_anew() -> None:
    first, second = event(0, 10, GATE), event(100, 120, DOOR)
    index = indexed([first, second])
    assert len(visits(index)) == 2
    index.put_event(between := event(50, 70, DRIVE))
    assert [list(one.events) for one in visits(index)] == [[first, between, second]]
    index.put_event(replace(between, said="animal"))
    assert len(visits(index)) == 3


def test_visits_are_chosen_like_events() -> None:
    cat, walk, motion = event(0, 5, kind="animal"), event(300, 310, GATE), event(600, 603, kind="motion")
    there = event(330, 350, DRIVE)
    index = indexed([cat, walk, there, motion])

    def chosen(within: Span = EVER, **more: frozenset[str]) -> list[str]:
        return [one.id for one in find_visits(index, VisitQuery(within, **more), WAY)[0]]  # type: ignore[arg-type]

    assert chosen() == [motion.id, walk.id, cat.id]
    assert chosen(levels=frozenset({"alert"})) == [walk.id]
    assert chosen(levels=frozenset({"detection", "motion"})) == [motion.id, cat.id]
    assert chosen(kinds=frozenset({"animal"})) == [cat.id]
    assert chosen(cameras=frozenset({DRIVE})) == [walk.id]
    assert chosen(within=Span(NOON + 340_000, NOON + 400_000)) == [walk.id]
    assert chosen(within=Span(NOON - 400_000, NOON)) == []


def test_event_that_lasts_for_hours_is_found_by_all_of_its_time() -> None:
    covered, person = event(0, None, kind="tamper"), event(5000, 5010, GATE)
    index = indexed([covered, person])
    assert [one.id for one in visits(index, within=Span(NOON + 3 * HOUR, NOON + 4 * HOUR))] == [covered.id]
    assert [one.id for one in visits(index, within=Span(NOON + HOUR, NOON + 2 * HOUR))] == [person.id, covered.id]


def paged(index: MemoryIndex, limit: int, chosen: dict[str, Any]) -> list[EventVisit]:
    found, after = list[EventVisit](), None
    while True:
        page, after = find_visits(index, VisitQuery(EVER, after=after, limit=limit, **chosen), WAY)
        found += page
        if after is None:
            return found


ALERTS = frozenset({Level.ALERT})
CHOSEN: list[dict[str, Any]] = [
    {},
    {"levels": ALERTS},
    {"levels": frozenset({Level.DETECTION, Level.MOTION})},
    {"cameras": frozenset({DRIVE})},
    {"kinds": frozenset({"person"})},
    {"only": "new"},
    {"only": "kept"},
    {"levels": ALERTS, "only": "new"},
]


def one_event(start_s: int, length_s: int, camera: CameraId, kind: str, level: Level, *, marked: bool) -> Event:
    return replace(event(start_s, start_s + length_s, camera, kind), level=level, kept=marked, reviewed=not marked)


def events_within(far_s: int, longest_s: int) -> st.SearchStrategy[Event]:
    """Events that begin at most so far from noon."""
    return st.builds(
        one_event,
        st.integers(-far_s, far_s),
        st.integers(1, longest_s),
        st.sampled_from([GATE, DRIVE, YARD]),
        st.sampled_from(["person", "vehicle", "motion"]),
        st.sampled_from(Level),
        marked=st.booleans(),
    )


@settings(max_examples=40)
@given(st.lists(events_within(300, 90), max_size=14, unique_by=lambda one: one.id))
def test_pages_list_the_same_visits_as_one_page(events: list[Event]) -> None:
    index = indexed(events)
    for chosen in CHOSEN:
        every = paged(index, 1000, chosen)
        assert every == [one for one in reversed(group(events, WAY)) if VisitQuery(EVER, **chosen).fits(one)]
        assert [paged(index, limit, chosen) for limit in (1, 2, 3)] == [every] * 3


def test_visit_that_matches_by_a_later_event_is_on_the_next_page() -> None:
    first = [replace(event(90, 98), level="detection"), replace(event(110, 118), level="alert")]
    second = [replace(event(100, 105, YARD), level="detection"), replace(event(112, 115, YARD), level="alert")]
    index, alerts = indexed([*first, *second]), {"levels": ALERTS}
    assert [list(one.events) for one in paged(index, 1, alerts)] == [second, first]


def test_visit_over_the_full_hour_stays_whole_on_a_busy_street() -> None:
    cars = [replace(event(start, start + 8, YARD, "vehicle"), level="detection") for start in range(-5400, 1800, 65)]
    walk = [replace(one, level="alert") for one in (event(-20, -6), event(2, 15))]
    index = indexed([*cars, *walk])
    assert [list(one.events) for one in find_visits(index, VisitQuery(EVER, levels=ALERTS), WAY)[0]] == [walk]
    assert [list(visit_of(index, one, WAY).events) for one in walk] == [walk, walk]
    assert counted_anew(index, NOON + HOUR)[Level.ALERT] == 1
    for begin_s, end_s in ((-30, -1), (-1, 1), (0, 3600), (3, 20), (-7200, 7200)):
        within = Span(NOON + begin_s * 1000, NOON + end_s * 1000)
        assert [one for one in visits(index, within=within) if one.kind == "person"] == group(walk, WAY)
    assert len(visits(index)) == len(cars) + 1


def test_visit_has_the_same_events_while_more_come() -> None:
    cars = [event(start, start + 8, YARD, "vehicle") for start in range(-5400, 1800, 65)]
    first, second, third = event(-20, -6), event(2, 15), event(20, 40)
    index = indexed([one for one in cars if one.start_ms < NOON])
    for one in (first, second, *(one for one in cars if one.start_ms >= NOON)):
        index.put_event(one)
        assert visit_of(index, first, WAY).events[0] == first
        if one != first:
            assert visit_of(index, second, WAY).events == (first, second)
    index.put_event(third)
    assert visit_of(index, third, WAY).events == (first, second, third)


def test_where_a_visit_always_goes_on_the_fewest_are_split() -> None:
    queue = [event(start, start + 8, YARD, "vehicle") for start in range(-5400, 5400, 10)]
    walk = [event(-20, -6), event(2, 15)]
    index = indexed([*queue, *walk])
    assert [one for one in visits(index) if one.kind == "person"] == group(walk, WAY)
    found = sorted(one.id for visit in visits(index) for one in visit.events)
    assert found == sorted(one.id for one in (*queue, *walk))


# --- counting between events


def clock_at_noon() -> FakeClock:
    return FakeClock(utc_text(NOON))


class Watched(MemoryIndex):
    """Counts the events that are read of it, and tells the counter of changes, as the recorder does."""

    def __init__(self) -> None:
        super().__init__()
        self.counter, self.asked, self.read = NewVisitCounter(clock_at_noon()), 0, 0

    def events(self, *args: Any, **choice: Any) -> EventPage:
        page = super().events(*args, **choice)
        self.asked, self.read = self.asked + 1, self.read + len(page.events)
        return page

    def change(self, event: Event) -> None:
        self.put_event(event)
        self.counter.on_event(EventChanged("updated", event))

    def count_new(self, scope: Scope = None, neighbors: Neighbors = WAY) -> Mapping[Level, int]:
        return self.counter.count(self if scope is None else cast("Any", ScopedIndex(self, scope)), scope, neighbors)


def _busy() -> tuple[Watched, list[Event]]:
    index = Watched()
    events = [event(-n * 60, -n * 60 + 5) for n in range(1, 24 * 60)]
    for one in events:
        index.change(replace(one, level="motion"))
    return index, events


def test_visits_are_not_counted_again_until_an_event_changes() -> None:
    index, _ = _busy()
    first, asked = index.count_new(), index.asked
    assert first[Level.MOTION] == 1000
    assert (index.count_new(), index.asked) == (first, asked)


def test_after_an_event_only_the_hours_around_it_are_read_again() -> None:
    index, _ = _busy()
    index.count_new()
    index.read = 0
    index.change(replace(event(-1, None), level="alert"))
    assert index.count_new()[Level.ALERT] == 1
    assert 0 < index.read < 10 * 60


def test_a_mark_counts_at_once_for_everyone_who_sees_the_camera() -> None:
    index = Watched()
    seen = [replace(event(-n, -n + 5, DOOR), level="alert") for n in (600, 1200)]
    hidden = replace(event(-900, -890, YARD), level="alert")
    for one in (*seen, hidden):
        index.change(one)
    scopes: list[Scope] = [None, frozenset({DOOR}), frozenset({YARD})]
    assert [index.count_new(one)[Level.ALERT] for one in scopes] == [3, 2, 1]
    index.change(replace(seen[0], reviewed=True))
    assert [index.count_new(one)[Level.ALERT] for one in scopes] == [2, 1, 1]
    index.change(seen[0])
    assert [index.count_new(one)[Level.ALERT] for one in scopes] == [3, 2, 1]


def test_other_neighbors_count_at_once() -> None:
    index = Watched()
    for one in (event(-60, -50, GATE), event(-40, None, DRIVE)):
        index.change(replace(one, level="alert"))
    assert [index.count_new(None, near)[Level.ALERT] for near in (WAY, frozenset[frozenset[CameraId]]())] == [1, 2]


def test_what_retention_deletes_is_counted_no_more_after_a_while() -> None:
    index, clock = Watched(), clock_at_noon()
    index.counter = NewVisitCounter(clock)
    old = replace(event(-60, -50), level="alert")
    index.change(old)
    assert index.count_new()[Level.ALERT] == 1
    index.drop_event(old.id)
    clock.advance(61)
    assert index.count_new()[Level.ALERT] == 0


@given(st.lists(events_within(6000, 2000), max_size=14))
def test_counts_that_are_kept_are_those_of_a_new_count(events: list[Event]) -> None:
    index, now_ms = Watched(), clock_at_noon().now_ms()
    for one in events:
        index.change(one)
        assert index.count_new() == counted_anew(index, now_ms)


# --- neighbors


def walks(count: int, apart_s: float, way: Iterable[CameraId], lag_s: float = 30) -> list[Event]:
    return [
        event(start := number * apart_s + step * lag_s, start + 10, camera)
        for number in range(count)
        for step, camera in enumerate(way)
    ]


def learned(events: list[Event]) -> set[frozenset[CameraId]]:
    return set(learn_neighbors(indexed(events), max(one.start_ms for one in events)))


def test_cameras_that_follow_each_other_are_neighbors() -> None:
    assert learned(walks(6, 5000, (GATE, DRIVE))) == {frozenset({GATE, DRIVE})}


@pytest.mark.parametrize(
    "events",
    [
        walks(3, 5000, (GATE, DRIVE)),
        walks(6, 5000, (GATE, DRIVE), lag_s=90),
        [*walks(200, 61, (GATE,)), *walks(200, 67, (DRIVE,))],
    ],
    ids=["seldom", "too late", "both busy"],
)
def test_chance_makes_no_neighbors(events: list[Event]) -> None:
    assert learned(events) == set()


def test_what_is_long_ago_is_forgotten() -> None:
    old = walks(6, 5000, (GATE, DRIVE))
    assert set(learn_neighbors(indexed(old), NOON + LEARNED_MS + 60_000_000)) == set()


def test_settings_come_before_what_was_learned() -> None:
    found = frozenset({frozenset({GATE, DRIVE}), frozenset({DOOR, YARD})})
    assert neighbors_of(found, {GATE: None, DRIVE: None}) == found
    assert neighbors_of(found, {GATE: ("door",), DRIVE: None}) == {frozenset({GATE, DOOR}), frozenset({DOOR, YARD})}
    assert neighbors_of(found, {GATE: (), YARD: ()}) == frozenset()
