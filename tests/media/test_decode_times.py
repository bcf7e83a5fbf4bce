from collections.abc import Sequence
from copy import copy
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.media.mp4.decode_times import FileDecodeTimes
from tawny.media.mp4.fragment_writer import Sample
from tests.media.clips import Unit

Cut = tuple[int, list[Sample]]


def cuts(pts: Sequence[int], sizes: Sequence[int], *, usual: int = 10, look: bool = True) -> list[Cut]:
    """Fragments of these sizes; look: the next packet is known."""
    times = FileDecodeTimes(pts[0], usual)
    made, at = [], 0
    for size in sizes:
        part = [Unit(b"", time, False) for time in pts[at : at + size]]
        at += size
        made.append(times.samples(part, pts[at] if look and at < len(pts) else None))
    return made


def decode_times(made: Sequence[Cut]) -> list[int]:
    return [at for base, part in made for at in list(accumulate((s.duration for s in part), initial=base))[:-1]]


def durations(made: Sequence[Cut]) -> list[int]:
    return [sample.duration for _, part in made for sample in part]


def test_in_order_a_sample_lasts_until_the_next() -> None:
    made = cuts([100, 110, 125, 135, 145], [2, 2, 1])
    assert [base for base, _ in made] == [0, 25, 45]
    assert durations(made) == [10, 15, 10, 10, 10]


def test_without_a_next_packet_the_last_sample_lasts_as_long_as_the_one_before() -> None:
    assert durations(cuts([0, 10, 30], [3])) == [10, 20, 20]


def test_a_gap_does_not_make_the_last_sample_long() -> None:
    assert durations(cuts([0, 10, 1000], [3])) == [10, 990, 20]


def test_a_lone_sample_lasts_as_usual() -> None:
    assert durations(cuts([0], [1], usual=7)) == [7]


def test_a_gap_that_was_not_foreseen_moves_the_next_fragment() -> None:
    made = cuts([0, 10, 500, 510], [2, 2], look=False)
    assert [base for base, _ in made] == [0, 500]


REORDERED = [0, 30, 10, 20, 60, 40, 50, 90, 70, 80]
PYRAMID = [0, 40, 20, 10, 30, 80, 60, 50, 70, 120, 100, 90, 110]


@pytest.mark.parametrize(
    ("pts", "decode"),
    [
        (REORDERED, [0, 5, 10, 20, 30, 40, 50, 60, 70, 80]),
        (PYRAMID, [0, 3, 6, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
    ],
)
def test_reordered_pictures_are_decoded_before_they_are_shown(pts: list[int], decode: list[int]) -> None:
    """In even steps, after shorter ones where they would be before the file's beginning."""
    for first in range(4, len(pts)):
        assert decode_times(cuts(pts, [first, len(pts) - first])) == decode


def test_a_file_that_goes_on_from_its_middle_begins_with_even_steps() -> None:
    times = FileDecodeTimes(0, 10)
    base, part = times.samples([Unit(b"", 1000 + time, False) for time in PYRAMID])
    assert decode_times([(base, part)]) == list(range(980, 1110, 10))


@pytest.mark.parametrize("first", range(1, len(PYRAMID)))
def test_single_pictures_are_soon_decoded_before_they_are_shown(first: int) -> None:
    """Although the first of them don't show that there are more to come."""
    made = cuts(PYRAMID, [1] * first + [len(PYRAMID) - first])
    late = [pts for pts, at in zip(PYRAMID, decode_times(made), strict=True) if at > pts]
    assert len(late) <= 3


def test_sound_whose_times_step_back_once_is_not_decoded_early_from_then_on() -> None:
    times = FileDecodeTimes(0, 10, most_depth=0)
    made = [times.samples([Unit(b"", time, False)]) for time in (0, 20, 10, 40, 50)]
    assert decode_times(made) == [0, 20, 30, 40, 50]


def test_the_next_file_knows_that_pictures_are_reordered() -> None:
    before = FileDecodeTimes(0, 10)
    before.samples([Unit(b"", time, False) for time in PYRAMID])
    times = before.next_file(2000)
    units = [Unit(b"", 2000 + time, False) for time in PYRAMID]
    made = [times.samples([one], units[at].pts if at < len(units) else None) for at, one in enumerate(units, 1)]
    assert decode_times(made) == [0, 3, 6, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]


def test_one_step_back_is_forgotten_by_the_next_file() -> None:
    times = FileDecodeTimes(0, 10)
    times.samples([Unit(b"", time, False) for time in (0, 50, 20, *range(60, 300, 10))])
    base, part = times.next_file(300).samples([Unit(b"", time, False) for time in range(300, 400, 10)])
    assert decode_times([(base, part)]) == list(range(0, 100, 10))


@pytest.mark.parametrize("pts", [REORDERED, PYRAMID])
def test_the_end_of_reordered_pictures_is_that_of_the_last_one_shown(pts: list[int]) -> None:
    times = FileDecodeTimes(0, 10)
    times.samples([Unit(b"", time, False) for time in pts])
    assert times.shown_end == max(pts) + 10
    last = [Unit(b"", max(pts) + 10, True)]
    copy(times).samples(last, max(pts) + 25)
    base, part = times.samples(last, max(pts) + 25, is_last=True)
    assert times.shown_end == base + sum(one.duration for one in part) == max(pts) + 25


def test_pictures_that_may_still_come_are_not_shown_yet() -> None:
    times = FileDecodeTimes(0, 10)
    times.samples([Unit(b"", time, False) for time in PYRAMID], max(PYRAMID) + 40)
    assert times.shown_end == max(PYRAMID) + 10


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Presentation times shuffled within a few places, and how the stream is cut."""
    count = draw(st.integers(1, 40))
    steps = draw(st.lists(st.integers(1, 9000), min_size=count, max_size=count))
    times = list(accumulate(steps))
    depth = draw(st.integers(0, 4))
    delays = draw(st.lists(st.integers(0, depth), min_size=count, max_size=count))
    order = sorted(range(count), key=lambda k: (k + delays[k], k))
    sizes, left = [], count
    while left:
        sizes.append(draw(st.integers(1, left)))
        left -= sizes[-1]
    first = order.index(0)
    order[0], order[first] = order[first], order[0]
    return [times[k] for k in order], sizes


@given(streams(), st.booleans())
def test_decode_times_grow_and_presentation_times_stay(stream: tuple[list[int], list[int]], look: bool) -> None:
    pts, sizes = stream
    made = cuts(pts, sizes, look=look)
    decode = decode_times(made)
    assert all(later > earlier for earlier, later in pairwise(decode))
    assert decode[0] == 0
    assert [sample.pts for _, part in made for sample in part] == [time - pts[0] for time in pts]
    ends = [base + sum(sample.duration for sample in part) for base, part in made]
    assert all(base >= end for end, (base, _) in zip(ends, made[1:], strict=False))


@given(streams())
def test_no_picture_is_decoded_after_it_is_shown(stream: tuple[list[int], list[int]]) -> None:
    pts, _ = stream
    times = FileDecodeTimes(0, 10)  # not limited by the file's beginning
    base, part = times.samples([Unit(b"", 200_000 + time, False) for time in pts])
    assert all(at <= 200_000 + time for time, at in zip(pts, decode_times([(base, part)]), strict=True))


@given(streams(), st.integers(1, 5))
def test_what_could_not_be_written_gets_the_same_times_again(stream: tuple[list[int], list[int]], at: int) -> None:
    pts, _ = stream
    units = [Unit(b"", time, False) for time in pts]
    times = FileDecodeTimes(pts[0], 10)
    times.samples(units[:at], pts[at] if at < len(pts) else None)
    before = copy(times)
    failed = times.samples(units[at:])
    assert before.samples(units[at:]) == failed


def test_nothing_is_a_fragment_of_no_length() -> None:
    times = FileDecodeTimes(0, 10)
    assert times.samples([]) == (0, [])
    times.samples([Unit(b"", 0, True)], 10)
    assert times.samples([]) == (10, [])
