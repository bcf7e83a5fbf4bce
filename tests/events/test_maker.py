"""Looks to events."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.events.event_builder import EventBuilder
from tawny.model.observations import RecognisedText
from tests.events.scripted import BEGUN_MS, PORCH, Bench, thing


def test_an_event_begins_when_its_thing_was_first_seen() -> None:
    bench = Bench()
    bench.look(11.2, thing(since_s=10.0))
    (started,) = bench.told
    assert started.what == "started"
    assert started.event.start_ms == BEGUN_MS + 10_000
    assert started.event.end_ms is None
    assert started.event.camera == PORCH
    assert started.event.kind == "motion"


def test_it_ends_when_the_detector_says_the_thing_was_over() -> None:
    bench = Bench()
    bench.see(11, 20, thing(since_s=10.0))
    bench.look(20.0, over=(thing(since_s=10.0, until_s=15.4),))
    bench.see(20.2, 23)
    assert bench.spans == [(10.0, 15.4)]
    assert bench.whats[-1] == "ended"


def test_a_detector_that_does_not_say_so_is_believed_after_a_second() -> None:
    bench = Bench()
    bench.see(11, 20, thing())
    bench.see(20, 25)
    assert bench.spans == [(11.0, 19.8)]


def test_a_gap_of_less_than_a_second_between_looks_ends_nothing() -> None:
    bench = Bench()
    bench.see(11, 12, thing())
    bench.see(12, 12.8)
    bench.see(12.8, 14, thing())
    assert bench.spans == [(11.0, None)]


def test_things_that_overlap_are_one_event() -> None:
    bench = Bench()
    bench.see(11, 13, thing(1, 10.0))
    bench.see(13, 15, thing(1, 10.0), thing(2, 12.0))
    bench.look(15.0, thing(2, 12.0), over=(thing(1, 10.0, until_s=14.8),))
    bench.see(15.2, 18, thing(2, 12.0))
    bench.look(18.0, over=(thing(2, 12.0, until_s=17.8),))
    bench.see(18.2, 25)
    assert bench.spans == [(10.0, 17.8)]


@pytest.mark.parametrize(("since_s", "spans"), [(15.9, [(10.0, 19.8)]), (16.1, [(10.0, 15.0), (16.1, 19.8)])])
def test_what_follows_within_a_second_belongs_to_it(since_s: float, spans: list[tuple[float, float]]) -> None:
    bench = Bench()
    bench.see(11, 15, thing(1, 10.0))
    bench.look(15.2, over=(thing(1, 10.0, until_s=15.0),))
    bench.see(15.4, 17)
    bench.see(17, 20, thing(2, since_s))
    bench.see(20, 25)
    assert bench.spans == spans


def test_what_was_read_of_its_things_is_told_and_kept_with_it() -> None:
    bench = Bench()
    bench.see(11, 13, thing(1))
    plate = RecognisedText("plates", "BAB123", 0.7)
    bench.look(13.0, thing(1), reads=((1, plate), (7, RecognisedText("plates", "OTHER1", 0.9))))
    assert bench.told[-1].what == "updated"
    assert bench.told[-1].event.reads == (plate,)
    before = len(bench.told)
    bench.look(13.2, thing(1), reads=((1, replace(plate, score=0.75)),))
    assert len(bench.told) == before  # a little surer is no news
    bench.look(13.4, over=(thing(1, until_s=13.2),))
    bench.look(15.0, reads=((1, replace(plate, who="anna")),))
    bench.see(15.2, 18)
    assert bench.told[-1].what == "ended"
    assert bench.told[-1].event.reads == (replace(plate, who="anna"),)


def test_it_is_told_as_ended_only_when_nothing_can_belong_to_it_any_more() -> None:
    bench = Bench()
    bench.see(11, 15, thing(1, 10.0))
    bench.look(15.2, over=(thing(1, 10.0, until_s=15.0),))
    bench.see(15.4, 17.9)
    assert "ended" not in bench.whats
    bench.look(18.0)
    assert bench.whats[-1] == "ended"


def test_events_of_a_camera_do_not_overlap() -> None:
    bench = Bench()
    bench.see(11, 15, thing(1, 10.0))
    bench.look(15.2, over=(thing(1, 10.0, until_s=15.0),))
    bench.see(15.4, 19)
    bench.look(19.0, thing(2, 14.0))
    assert bench.spans == [(10.0, 15.0), (15.0, None)]


def test_updates_come_once_a_second_at_most_and_only_with_news() -> None:
    bench = Bench()
    bench.see(11, 21, thing(since_s=10.0))
    assert bench.whats == ["started"]
    for n in range(50):
        bench.look(21 + n / 5, thing(since_s=10.0), score=50 + n)
    assert bench.whats.count("updated") <= 10
    assert bench.told[-1].event.score >= 95


def test_its_score_is_the_highest_even_if_it_was_never_told() -> None:
    bench = Bench()
    bench.look(11.0, thing(), score=60)
    bench.look(11.2, thing(), score=63)
    bench.see(11.4, 16)
    assert bench.told[-1].event.score == 63


def test_every_change_is_written_down_before_it_is_told() -> None:
    bench = Bench()
    bench.see(11, 15, thing())
    bench.see(15, 20)
    assert bench.rows == [change.event for change in bench.told]


def test_a_camera_that_falls_silent_ends_its_event() -> None:
    bench = Bench()
    bench.see(11, 15, thing(since_s=10.0))
    bench.maker.idle(BEGUN_MS + 16_000)
    assert bench.spans == [(10.0, None)]
    bench.maker.idle(BEGUN_MS + 20_000)
    assert bench.spans == [(10.0, 14.8)]
    bench.maker.idle(BEGUN_MS + 21_000)
    assert bench.whats.count("ended") == 1


def test_closing_ends_what_lasts() -> None:
    bench = Bench()
    bench.see(11, 15, thing(since_s=10.0))
    bench.maker.close()
    assert bench.spans == [(10.0, 14.8)]


def test_a_step_back_in_time_ends_what_lasts() -> None:
    bench = Bench()
    bench.see(11, 15, thing(1, 10.0))
    bench.see(-3600, -3598, thing(2, -3601.0))
    assert bench.spans == [(10.0, 14.8), (-3601.0, None)]


@given(st.lists(st.tuples(st.integers(-3, 30), st.integers(0, 40), st.booleans()), max_size=40))
def test_whatever_comes_each_event_starts_once_and_ends_once_after_its_start(
    steps: list[tuple[int, int, bool]],
) -> None:
    bench, at_s = Bench(), 100.0
    for step, back, sees in steps:
        at_s += step / 5
        bench.look(at_s, *([thing(1, at_s - back / 10)] if sees else []))
    bench.maker.close()
    by_id: dict[str, list[str]] = {}
    for change in bench.told:
        by_id.setdefault(change.event.id, []).append(change.what)
    for whats in by_id.values():
        assert whats[0] == "started"
        assert whats[-1] == "ended"
        assert set(whats[1:-1]) <= {"updated"}
    assert all(end is not None and end >= start for start, end in bench.spans)


def test_who_loiters_is_named_in_the_event() -> None:
    bench = Bench()
    bench.see(0, 1, thing())
    bench.see(1, 3, replace(thing(), signs=("loitering",)))
    bench.see(3, 10)
    assert [one.label for one in bench.told[0].event.objects] == []
    assert [one.label for one in bench.told[-1].event.objects] == ["loitering"]


def test_even_a_short_event_has_three_small_pictures() -> None:
    bench, loops = Bench(), list[bytes]()
    bench.maker = EventBuilder(
        PORCH, bench, lambda message: None, lambda event, jpeg: None, save_loop=lambda event, jpeg: loops.append(jpeg)
    )
    bench.see(0, 0.4, thing())
    bench.see(0.4, 8)
    picture = cv2.imdecode(np.frombuffer(loops[0], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape[1] == 3 * 160


def test_an_event_is_called_by_the_strongest_kind_in_it() -> None:
    bench = Bench()
    bench.see(11, 12, thing())
    assert bench.told[-1].event.kind == "motion"
    bench.look(12.0, replace(thing(), label="car", sure=0.6))
    assert (bench.told[-1].what, bench.told[-1].event.kind) == ("updated", "vehicle")
    bench.look(12.2, replace(thing(), label="car", sure=0.7), replace(thing(2), label="person", sure=0.5))
    event = bench.told[-1].event
    assert event.kind == "person"
    assert [(one.label, one.score) for one in event.objects] == [("car", 0.7), ("person", 0.5)]


@pytest.mark.shows("DY10")
def test_its_picture_shows_what_it_is_called_by() -> None:
    bench, branch = Bench(), thing(1, box=(0.1, 0.1, 0.6, 0.7))
    bench.see(11, 13, branch)
    assert bench.told[-1].event.box == branch.box
    small = (0.7, 0.4, 0.75, 0.6)
    bench.look(13.0, branch, replace(thing(2, box=small), label="person", sure=0.6))
    assert bench.told[-1].event.box == small
    bench.see(13.2, 15, branch)
    assert bench.told[-1].event.box == small


def test_an_event_says_how_far_its_thing_went_as_soon_as_it_went_somewhere() -> None:
    bench = Bench()
    for n in range(20):
        bench.look(11 + n / 5, thing(1, 11.0, box=(0.03 * n, 0.4, 0.03 * n + 0.1, 0.6)))
    bench.see(15, 20)
    travels = [one.event.travel for one in bench.told]
    assert travels[0] == 0.0
    assert any(1.0 <= travel < 2.5 for travel in travels), travels
    assert travels[-1] == pytest.approx(5.7, abs=0.2)
