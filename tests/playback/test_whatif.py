"""What another level would have done, on a day made up for it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span
from tawny.playback.trigger_simulation import LINE, peak_of, propose_level, simulate_trigger

DAY = Span(1_795_132_800_000, 1_795_132_800_000 + 86_400_000)
PORCH = CameraId("porch")


def event(at_s: int, length_s: int = 8, false_alarm: str = "") -> Event:
    start_ms = DAY.begin_ms + at_s * 1000
    return Event(
        EventId(f"e-{at_s}"), PORCH, "motion", start_ms, start_ms + length_s * 1000, 80, false_alarm=false_alarm
    )


def day(*peaks: tuple[int, int, int]) -> bytes:
    """at_s, length_s, score; elsewhere 3; the last hour was not watched."""
    scores = bytearray([3]) * 86_400
    for at_s, length_s, score in peaks:
        scores[at_s : at_s + length_s] = bytes([score]) * length_s
    scores[-3600:] = b"\xff" * 3600
    return bytes(scores)


EVENTS = [event(3600), event(7200), event(10_800), event(86_000)]
SCORES = day((3600, 9, 60), (7200, 9, 90), (10_800, 9, 75), (20_000, 4, 40), (20_006, 3, 44), (30_000, 2, 30))


def ids(events: tuple[Event, ...]) -> list[str]:
    return [one.id for one in events]


def test_at_the_level_in_use_nothing_changes() -> None:
    made = simulate_trigger(EVENTS, SCORES, DAY, LINE)
    assert ids(made.still) == ["e-3600", "e-7200", "e-10800"]
    assert (made.missed, made.newly) == ((), ())
    assert ids(made.unknown) == ["e-86000"]


def test_up_to_the_level_in_use_no_event_is_missed_as_its_zone_may_have_a_lower_level() -> None:
    for level in (LINE - 1, LINE):
        made = simulate_trigger([event(3600)], day((3600, 9, 45)), DAY, level)
        assert (ids(made.still), made.missed) == (["e-3600"], ())


def test_above_it_the_faint_are_missed() -> None:
    made = simulate_trigger(EVENTS, SCORES, DAY, 70)
    assert (ids(made.still), ids(made.missed)) == (["e-7200", "e-10800"], ["e-3600"])


def test_below_it_what_came_near_is_new_and_joined() -> None:
    made = simulate_trigger(EVENTS, SCORES, DAY, 38)
    (new,) = made.newly
    assert (new.start_ms - DAY.begin_ms, new.end_ms - DAY.begin_ms, new.score) == (20_000_000, 20_009_000, 44)
    assert len(simulate_trigger(EVENTS, SCORES, DAY, 25).newly) == 2


def test_seconds_beside_an_event_are_no_new_one() -> None:
    scores = day((3600, 9, 60), (3611, 2, 45))
    assert simulate_trigger([event(3600)], scores, DAY, 40).newly == ()


def test_an_event_that_lasts_counts_up_to_now() -> None:
    lasts = replace(event(7200), end_ms=None)
    assert peak_of(lasts, SCORES, DAY) == 90


@given(st.lists(st.integers(0, 100), min_size=40, max_size=40), st.integers(1, 99))
def test_a_higher_level_never_catches_more(scores: list[int], level: int) -> None:
    span = Span(DAY.begin_ms, DAY.begin_ms + 40_000)
    events = [event(2, 6), event(15, 6), event(30, 6)]
    low, high = (simulate_trigger(events, bytes(scores), span, n) for n in (level, level + 1))
    assert set(ids(high.still)) <= set(ids(low.still))
    assert len(low.still) + len(low.missed) == 3


def false_day(false: list[int], true: list[int]) -> tuple[list[Event], bytes]:
    peaks = [*false, *true]
    events = [event(1000 * (n + 1), false_alarm="shadow" if n < len(false) else "") for n in range(len(peaks))]
    return events, day(*((1000 * (n + 1), 9, peak) for n, peak in enumerate(peaks)))


def test_a_level_that_removes_false_alarms_and_loses_nobody() -> None:
    events, scores = false_day([55, 58, 60, 52, 61, 95], [80, 85, 90])
    made = propose_level(events, scores, DAY, "shadow")
    assert made is not None
    assert (made.level, len(made.removes), len(made.leaves), made.loses) == (62, 5, 1, ())


def test_two_false_alarms_are_too_few() -> None:
    assert propose_level(*false_day([55, 58], [80]), DAY, "shadow") is None


def test_false_alarms_of_another_reason_do_not_count() -> None:
    assert propose_level(*false_day([55, 58, 60], [80]), DAY, "weather") is None


@pytest.mark.parametrize("true", [[50, 51, 52], [54, 53, 90]])
def test_no_level_is_proposed_that_loses_many(true: list[int]) -> None:
    assert propose_level(*false_day([55, 58, 60], true), DAY, "shadow") is None


def test_what_a_user_said_was_nothing_is_no_loss() -> None:
    events, scores = false_day([55, 58, 60], [56, 57, 90])
    found = [replace(one, said="nothing") if n in (3, 4) else one for n, one in enumerate(events)]
    made = propose_level(found, scores, DAY, "shadow")
    assert made is not None
    assert (made.level, len(made.removes), made.loses) == (61, 3, ())


def test_one_in_ten_may_be_lost_and_is_named() -> None:
    made = propose_level(*false_day([55, 56, 57, 58, 59], [52, *[90] * 10]), DAY, "shadow")
    assert made is not None
    assert (made.level, len(made.removes), len(made.loses)) == (60, 5, 1)


def test_an_accepted_proposal_is_not_raised_any_further() -> None:
    events, scores = false_day([52, 54, 56], list(range(58, 98, 2)))
    made = propose_level(events, scores, DAY, "shadow")
    assert made is not None
    assert made.level == 57
    assert propose_level(events, scores, DAY, "shadow", made.level) is None


def test_what_the_level_in_use_removes_counts_neither_as_removed_nor_as_lost() -> None:
    events, scores = false_day([52, 53, 54, 72, 74, 76], [55, 56, 57, 90, 92])
    made = propose_level(events, scores, DAY, "shadow", 70)
    assert made is not None
    assert (made.level, len(made.removes), made.leaves, made.loses) == (77, 3, (), ())
