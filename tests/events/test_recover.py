"""Events that a crash left open."""

import pytest

from tawny.events import close_left_open
from tawny.events.event_builder import close_all_left_open
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.storage.index.memory_index import MemoryIndex
from tests.contracts.index import NOON, segment
from tests.events.scripted import BEGUN_MS, PORCH, Bench


def _event(name: str, end_ms: int | None, picture_ms: int | None = None) -> Event:
    return Event(EventId(name), PORCH, "motion", BEGUN_MS, end_ms, 70.0, picture_ms=picture_ms)


def test_they_end_with_the_last_that_was_recorded() -> None:
    bench = Bench()
    closed = close_left_open([_event("a", None)], bench, lambda _event: BEGUN_MS + 7000)
    assert [event.end_ms for event in closed] == [BEGUN_MS + 7000]
    assert bench.rows == closed


def test_events_with_an_end_are_left_alone() -> None:
    bench = Bench()
    assert close_left_open([_event("a", BEGUN_MS + 1)], bench, lambda _event: None) == []
    assert bench.rows == []


def test_where_nothing_is_known_they_end_with_their_picture_or_where_they_began() -> None:
    closed = close_left_open(
        [_event("a", None, picture_ms=BEGUN_MS + 900), _event("b", None)], Bench(), lambda _event: None
    )
    assert [event.end_ms for event in closed] == [BEGUN_MS + 900, BEGUN_MS]


def test_no_event_ends_before_it_began() -> None:
    (event,) = close_left_open([_event("a", None)], Bench(), lambda _event: BEGUN_MS - 5000)
    assert event.end_ms == BEGUN_MS


@pytest.mark.parametrize("later", [0, 300])
@pytest.mark.parametrize("ahead_ms", [60_000_000, -600_000])
def test_every_event_ends_however_many_followed_and_whatever_the_clock_shows(later: int, ahead_ms: int) -> None:
    bench, index = Bench(), MemoryIndex()
    index.put_event(_event("open", None))
    for number in range(later):
        begin_ms = BEGUN_MS + number * 60_000
        index.put_event(Event(EventId(f"later-{number}"), PORCH, "motion", begin_ms, begin_ms + 5000, 60.0))
    index.add_segment(segment((BEGUN_MS - NOON) // 1000, 9, PORCH))
    close_all_left_open(index, bench, BEGUN_MS + ahead_ms)
    assert [(event.id, event.end_ms) for event in bench.rows] == [("open", BEGUN_MS + 9000)]
