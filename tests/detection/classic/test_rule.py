"""K of W: whatever the frames, an event begins at the K-th of W and ends when nothing moved for long enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.detection.classic.base import MotionEventState
from tawny.model.observations import Look


def _looks(moves: list[bool], k: int, within: int, hold_s: float = 0.5) -> list[Look]:
    rule = MotionEventState(hold_s)
    return [
        rule.step(n * 100, moves=moved, k=k, within=within, box=None, score=60 if moved else 0)
        for n, moved in enumerate(moves)
    ]


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 6), st.integers(1, 12))
def test_the_first_event_begins_at_the_kth_of_w(moves: list[bool], k: int, within: int) -> None:
    within = max(k, within)
    looks = _looks(moves, k, within, hold_s=100)
    due = [n for n in range(len(moves)) if moves[n] and sum(moves[max(0, n + 1 - within) : n + 1]) >= k]
    begun = [n for n, look in enumerate(looks) if look.seen]
    assert begun[:1] == due[:1]
    if due:
        moving = [n for n in range(max(0, due[0] + 1 - within), due[0] + 1) if moves[n]]
        assert looks[due[0]].seen[0].since_ms == moving[-k] * 100


@given(st.lists(st.booleans(), max_size=80), st.integers(1, 4))
def test_what_is_over_was_seen_and_comes_not_again(moves: list[bool], k: int) -> None:
    seen: set[int] = set()
    over: set[int] = set()
    for n, look in enumerate(_looks(moves, k, k)):
        for thing in look.over:
            assert thing.track in seen
            assert thing.until_ms is not None
            assert thing.until_ms < n * 100 - 500
            over.add(thing.track)
        seen |= {thing.track for thing in look.seen}
        assert not over & {thing.track for thing in look.seen}


@pytest.mark.shows("RP10")
def test_one_quiet_frame_resets_a_row() -> None:
    moves = [True] * 4 + [False] + [True] * 4
    assert not any(look.seen for look in _looks(moves, 5, 5))
    assert _looks([*moves, True], 5, 5)[-1].seen


def test_a_pause_ends_what_went_on() -> None:
    rule = MotionEventState(2.0)
    rule.step(0, moves=True, k=1, within=1, box=None, score=70)
    look = rule.step(60_000, moves=False, k=1, within=1, box=None, score=0)
    assert [thing.until_ms for thing in look.over] == [0]
    assert look.seen == ()
