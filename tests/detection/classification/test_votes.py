"""A track has a name when several looks agree, and it has gone somewhere."""

from hypothesis import given
from hypothesis import strategies as st

from tawny.detection.classification import LabelVotes, VotedLabel
from tawny.model.observations import Box

PERSON = {"person": 0.6}


def at(x: float, size: float = 0.1, y: float = 0.4) -> Box:
    return (x, y, x + size, y + size)


def walked(
    votes: LabelVotes, steps: int, scores: dict[str, float] = PERSON, *, step: float = 0.02
) -> VotedLabel | None:
    for n in range(steps):
        box = at(0.1 + n * step)
        votes.go(box)
        votes.vote(box, scores, box)
    return votes.name


def test_several_looks_make_a_name() -> None:
    votes = LabelVotes(0.4)
    assert walked(votes, 5) is None
    assert walked(votes, 6) == VotedLabel("person", 0.6)


def test_one_look_alone_never_does() -> None:
    votes = LabelVotes(0.4)
    for n in range(8):
        votes.go(at(0.1 + n * 0.02))
    votes.vote(at(0.3), {"person": 1.0}, at(0.3))
    votes.vote(at(0.3), {}, None)
    assert votes.name is None


def test_what_sways_in_place_has_none() -> None:
    votes = LabelVotes(0.4)
    for n in range(60):
        box = at(0.4 + 0.01 * (n % 3))
        votes.go(box)
        votes.vote(box, PERSON, box)
    assert votes.name is None


def test_who_comes_straight_at_the_lens_grows() -> None:
    votes = LabelVotes(0.4)
    for n in range(8):
        box = (0.5 - 0.03 * (n + 1), 0.5 - 0.03 * (n + 1), 0.5 + 0.03 * (n + 1), 0.5 + 0.03 * (n + 1))
        votes.go(box)
        votes.vote(box, PERSON, box)
    assert votes.name is not None


def test_a_parked_car_behind_it_gives_no_name() -> None:
    votes = LabelVotes(0.4)
    for n in range(8):
        box = at(0.1 + n * 0.02)
        votes.go(box)
        votes.vote(box, {"car": 0.9}, at(0.2, 0.2))
    assert votes.name is None


def test_a_mind_changes_only_for_something_surer() -> None:
    votes = LabelVotes(0.4)
    assert walked(votes, 8, {"person": 0.6}) == VotedLabel("person", 0.6)
    walked(votes, 12, {"dog": 0.65})
    assert votes.name == VotedLabel("person", 0.6)
    walked(votes, 12, {"dog": 0.8})
    assert votes.name is not None
    assert votes.name.label == "dog"


def test_a_large_look_weighs_more_than_a_small_one() -> None:
    votes = LabelVotes(0.3)
    for n in range(6):
        votes.go(at(0.1 + n * 0.05))
    for n in range(3):
        votes.vote(at(0.1, 0.4), {"person": 0.9}, at(0.1 + 0.1 * n, 0.4))
        votes.vote(at(0.1, 0.1), {"dog": 0.9}, at(0.1 + 0.1 * n, 0.1))
    assert votes.name is not None
    assert votes.name.label == "person"


def box_of(edges: tuple[float, float, float, float]) -> Box:
    a, b, c, d = edges
    return (min(a, c), min(b, d), max(a, c), max(b, d))


shares = st.floats(0, 1)
boxes = st.tuples(shares, shares, shares, shares).map(box_of)
scores = st.dictionaries(st.sampled_from(["person", "car"]), shares)


@given(st.lists(st.tuples(boxes, scores, st.none() | boxes)))
def test_whatever_comes_a_name_is_one_that_was_voted_for(looks: list[tuple[Box, dict[str, float], Box | None]]) -> None:
    votes, answer = LabelVotes(0.4), set()
    for box, scores, thing in looks:
        votes.go(box)
        votes.vote(box, scores, thing)
        answer |= set(scores)
        assert votes.name is None or (votes.name.label in answer and 0.4 <= votes.name.score <= 1.000001)
