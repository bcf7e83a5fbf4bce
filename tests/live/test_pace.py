import tracemalloc

import pytest

from tawny.live.viewer import LATE_S, MOST_KEPT, ViewerPacing
from tawny.testing.clock import FakeClock


class FakeViewer:
    def __init__(self) -> None:
        self.paused: list[bool] = []


def made() -> tuple[ViewerPacing, FakeViewer, FakeClock]:
    viewer, clock = FakeViewer(), FakeClock()
    return ViewerPacing(viewer.paused.append, clock), viewer, clock


@pytest.mark.shows("PK6")
def test_a_viewer_that_keeps_up_is_never_held_up() -> None:
    pace, viewer, clock = made()
    for count in range(100):
        pace.sent()
        clock.advance(0.07)
        pace.got(count + 1)
    assert viewer.paused == []


@pytest.mark.shows("PK6")
def test_with_too_much_on_its_way_nothing_more_is_sent_until_all_has_come() -> None:
    pace, viewer, clock = made()
    pace.sent()
    pace.got(1)
    for _ in range(5):
        pace.sent()
        clock.advance(LATE_S / 3)
    assert viewer.paused == [True]
    pace.got(3)
    assert viewer.paused == [True]
    pace.got(6)
    assert viewer.paused == [True, False]


def test_a_viewer_that_says_nothing_is_left_alone() -> None:
    pace, viewer, clock = made()
    for _ in range(50):
        pace.sent()
        clock.advance(1)
    assert viewer.paused == []


def test_little_is_kept_of_a_viewer_that_says_nothing_and_its_first_word_fits() -> None:
    pace, viewer, clock = made()
    count = 20 * MOST_KEPT
    tracemalloc.start()
    try:
        for _ in range(count):
            pace.sent()
            clock.advance(0.04)
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < 100 * MOST_KEPT
    clock.advance(2 * LATE_S)
    pace.got(count)
    pace.sent()
    assert viewer.paused == []
    clock.advance(2 * LATE_S)
    pace.sent()
    assert viewer.paused == [True]
    pace.got(count + 2)
    assert viewer.paused == [True, False]


def test_a_viewer_that_wants_nothing_stays_paused_when_all_has_come() -> None:
    pace, viewer, clock = made()
    pace.sent()
    pace.got(1)
    for _ in range(5):
        pace.sent()
        clock.advance(LATE_S / 2)
    pace.pause(paused=True)
    pace.got(6)
    assert viewer.paused[-1] is True
    pace.pause(paused=False)
    assert viewer.paused[-1] is False


def test_more_than_was_sent_is_not_believed() -> None:
    pace, viewer, _ = made()
    pace.sent()
    pace.got(10**12)
    pace.sent()
    assert viewer.paused == []
