import itertools

from hypothesis import given
from hypothesis import strategies as st

from tawny.media.mp4.decode_times import LiveDecodeTimes, reorder_depth

STEP = 3600


def of(shown: list[int], depth: int) -> list[int]:
    times = LiveDecodeTimes(depth)
    return [times.next(pts) for pts in shown]


def test_without_b_frames_both_times_are_equal() -> None:
    shown = [0, STEP, 2 * STEP, 5 * STEP]
    assert of(shown, 0) == shown


def test_with_b_frames_nothing_is_decoded_after_it_is_shown() -> None:
    shown = [n * STEP for n in (0, 3, 1, 2, 6, 4, 5)]
    assert reorder_depth(shown) == 1
    assert all(dts <= pts for dts, pts in zip(of(shown, 1), shown, strict=True))


def test_after_a_skip_it_begins_anew() -> None:
    times = LiveDecodeTimes(1)
    for pts in (0, 3 * STEP, STEP):
        times.next(pts)
    times.skip()
    assert times.next(100 * STEP) <= 100 * STEP


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.randoms())
def test_times_always_grow_and_are_never_late(groups: list[int], random: object) -> None:
    """Groups of B-frames of any size: the picture that is shown last of a group is decoded first."""
    shown: list[int] = [0]
    for size in groups:
        first = max(shown) + STEP
        group = [first + n * STEP for n in range(size)]
        shown += [group[-1], *group[:-1]]
    times = of(shown, reorder_depth(shown))
    assert all(a < b for a, b in itertools.pairwise(times))
    assert all(dts <= pts for dts, pts in zip(times, shown, strict=True))


@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=50), st.integers(0, 16))
def test_whatever_a_camera_sends_times_grow(shown: list[int], depth: int) -> None:
    times = of(shown, depth)
    assert all(a < b for a, b in itertools.pairwise(times))
