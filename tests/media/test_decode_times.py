from collections.abc import Sequence
from copy import copy
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from tawny.media.mp4.decode_times import FileDecodeTimes
from tawny.media.mp4.fragment_writer import Sample
from tests.media.clips import Unit

Cut = tuple[int, list[Sample]]


def cuts(
    pts: Sequence[int], sizes: Sequence[int], *, usual: int = 10, reorders: bool = False, look: bool = True
) -> list[Cut]:
    """Fragments of these sizes; look: the next packet is known."""
    times = FileDecodeTimes(pts[0], usual, reorders=reorders)
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


def test_reordered_pictures_are_decoded_in_even_steps() -> None:
    pts = [0, 30, 10, 20, 60, 40, 50]
    assert decode_times(cuts(pts, [7])) == [0, 10, 20, 30, 40, 50, 60]


def test_a_cut_between_reordered_pictures_changes_no_decode_time() -> None:
    pts = [0, 30, 10, 20, 60, 40, 50, 90, 70, 80]
    for first in range(2, 9):
        assert decode_times(cuts(pts, [first, 10 - first])) == list(range(0, 100, 10))


def test_single_samples_keep_even_steps_if_reordering_is_known() -> None:
    pts = [0, 30, 10, 20, 60, 40, 50, 90, 70, 80]
    assert decode_times(cuts(pts, [1] * 10, reorders=True)) == list(range(0, 100, 10))


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


@given(streams(), st.booleans(), st.booleans())
def test_decode_times_grow_and_presentation_times_stay(
    stream: tuple[list[int], list[int]], reorders: bool, look: bool
) -> None:
    pts, sizes = stream
    made = cuts(pts, sizes, reorders=reorders, look=look)
    decode = decode_times(made)
    assert all(later > earlier for earlier, later in pairwise(decode))
    assert decode[0] == 0
    assert [sample.pts for _, part in made for sample in part] == [time - pts[0] for time in pts]
    ends = [base + sum(sample.duration for sample in part) for base, part in made]
    assert all(base >= end for end, (base, _) in zip(ends, made[1:], strict=False))


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
