"""All eight orientations: where things are shown, and what a file says of it."""

import pytest

from tawny.model.geometry import (
    COLUMNS,
    ORIENTATIONS,
    ROWS,
    UPRIGHT,
    Orientation,
    Polygon,
    grid_of,
    moved_point,
    orientation_of,
    thumbnail_counts,
    turned_grid,
)

every = pytest.mark.parametrize("one", ORIENTATIONS, ids=str)


@pytest.mark.parametrize(
    ("rotate", "mirror", "shown"),
    [
        (0, False, (0.2, 0.1)), (90, False, (0.9, 0.2)), (180, False, (0.8, 0.9)), (270, False, (0.1, 0.8)),
        (0, True, (0.8, 0.1)), (90, True, (0.1, 0.2)), (180, True, (0.2, 0.9)), (270, True, (0.9, 0.8)),
    ],
)  # fmt: skip
def test_it_rotates_clockwise_and_then_mirrors(rotate: int, mirror: bool, shown: tuple[float, float]) -> None:
    assert Orientation(rotate, mirror).shown((0.2, 0.1)) == pytest.approx(shown)  # type: ignore[arg-type]


@every
def test_back_is_where_it_came_from(one: Orientation) -> None:
    area = Polygon(((0.1, 0.2), (0.7, 0.3), (0.4, 0.9)))
    assert one.polygon_sent(one.polygon_shown(area)) == area
    assert moved_point(moved_point((0.1, 0.3), UPRIGHT, one), one, UPRIGHT) == (0.1, 0.3)


@every
def test_a_file_says_it(one: Orientation) -> None:
    assert orientation_of(one.matrix(1920, 1080)) == one


def test_a_quarter_is_stated_as_phones_do() -> None:
    one = 1 << 16
    assert Orientation(90).matrix(1920, 1080) == (0, one, 0, -one, 0, 0, 1080 * one, 0, 1 << 30)


def test_what_is_no_orientation_is_upright() -> None:
    assert orientation_of((70_000, 300, 0, -300, 70_000, 0, 0, 0, 1 << 30)) == UPRIGHT


def test_a_quarter_swaps_width_and_height() -> None:
    assert [one.size(16, 9) for one in ORIENTATIONS[:4]] == [(16, 9), (9, 16), (16, 9), (9, 16)]


@pytest.mark.parametrize("one", [one for one in ORIENTATIONS if not one.swaps_sides], ids=str)
def test_cells_of_the_same_shape_turn_one_by_one(one: Orientation) -> None:
    for number in range(COLUMNS * ROWS):
        turned = turned_grid(1 << number, UPRIGHT, one)
        assert turned.bit_count() == 1
        assert turned_grid(turned, one, UPRIGHT) == 1 << number


@pytest.mark.parametrize("one", [one for one in ORIENTATIONS if one.swaps_sides], ids=str)
def test_cells_of_another_shape_turn_to_all_that_they_touch(one: Orientation) -> None:
    whole = (1 << COLUMNS * ROWS) - 1
    assert turned_grid(whole, UPRIGHT, one) == whole
    quarter = grid_of((0.0, 0.0, 0.5, 0.5))
    (x0, x1), (y0, y1) = map(sorted, zip(one.shown((0.0, 0.0)), one.shown((0.5, 0.5)), strict=True))
    assert turned_grid(quarter, UPRIGHT, one) == grid_of((x0, y0, x1, y1))


@pytest.mark.parametrize(
    ("size", "shapes", "counts"),
    [
        ((1280, 240), (), {4}), ((1280, 240), (16 / 9,), {4}), ((1920, 180), (), {6}), ((960, 320), (3 / 4,), {3, 4}),
        ((1152, 352), (), {4, 6}), ((1152, 352), (288 / 352,), {4}), ((1, 1), (), {3, 4, 5, 6}),
    ],
)  # fmt: skip
def test_thumbnails_of_a_strip_are_counted_by_their_width_and_shape(
    size: tuple[int, int], shapes: tuple[float, ...], counts: set[int]
) -> None:
    assert thumbnail_counts(*size, shapes) == counts
