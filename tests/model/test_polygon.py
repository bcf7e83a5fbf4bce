"""Polygons: what is inside, what is refused, which way a line is crossed."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tawny.model.geometry import Polygon, crosses_itself, crossing, foot, middle

SHARE = st.floats(0, 1, allow_nan=False).map(lambda x: round(x, 4))
SQUARE = Polygon.of([(0.2, 0.2), (0.6, 0.2), (0.6, 0.8), (0.2, 0.8)])


@st.composite
def stars(draw: st.DrawFn) -> Polygon:
    """Round a middle, so lines never cross."""
    count = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(0.1, 0.45), min_size=count, max_size=count))
    return Polygon.of(
        (0.5 + r * math.cos(2 * math.pi * n / count), 0.5 + r * math.sin(2 * math.pi * n / count))
        for n, r in enumerate(radii)
    )


@given(stars(), SHARE, SHARE)
def test_inside_is_the_same_wherever_the_points_begin_and_go(star: Polygon, x: float, y: float) -> None:
    turned = Polygon((*star.points[1:], star.points[0]))
    mirrored = Polygon(star.points[::-1])
    assert star.contains(x, y) == turned.contains(x, y) == mirrored.contains(x, y)
    assert star.area == pytest.approx(turned.area) == pytest.approx(mirrored.area)


@given(stars())
def test_a_star_contains_its_middle_and_nothing_outside_its_box(star: Polygon) -> None:
    assert star.contains(0.5001, 0.5002) or len(star.points) == 3
    right = max(x for x, _ in star.points)
    assert not star.contains(right + 0.01, 0.5)


@given(SHARE, SHARE)
def test_a_square_contains_what_lies_between_its_sides(x: float, y: float) -> None:
    assume(all(abs(x - edge) > 1e-6 for edge in (0.2, 0.6)) and all(abs(y - edge) > 1e-6 for edge in (0.2, 0.8)))
    assert SQUARE.contains(x, y) == (0.2 < x < 0.6 and 0.2 < y < 0.8)


def test_its_area() -> None:
    assert SQUARE.area == pytest.approx(0.24)


@pytest.mark.parametrize(
    "points",
    [
        [(0, 0), (1, 1)],
        [(0, 0), (1, 0), (1.2, 1)],
        [(0, 0), (1, 1), (1, 0), (0, 1)],
        [(0, 0), (1, 0), (0.5, 0), (0.5, 1)],
    ],
)
def test_what_is_no_polygon_is_refused(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match=r"at least three|from 0 to 1|only at their ends"):
        Polygon.of(points)


@given(stars())
def test_stars_do_not_cross_themselves(star: Polygon) -> None:
    assert not crosses_itself(star.points)


@given(SHARE, SHARE, SHARE, SHARE, SHARE, SHARE)
def test_a_way_back_crosses_the_other_way(ax: float, ay: float, bx: float, by: float, x: float, y: float) -> None:
    line = ((0.5, 0.0), (0.5, 1.0))
    one, two = (ax, ay), (bx, by)
    assume(ax != 0.5 and bx != 0.5)
    assert crossing(line, one, two) == -crossing(line, two, one)
    assert crossing(line, one, two) == (0 if (ax < 0.5) == (bx < 0.5) else 1 if bx < 0.5 else -1)


def test_beside_the_end_of_a_line_nothing_is_crossed() -> None:
    line = ((0.5, 0.2), (0.5, 0.4))
    assert crossing(line, (0.4, 0.3), (0.6, 0.3)) != 0
    assert crossing(line, (0.4, 0.6), (0.6, 0.6)) == 0


def test_where_something_stands() -> None:
    assert foot((0.2, 0.1, 0.4, 0.9)) == pytest.approx((0.3, 0.9))
    assert middle((0.2, 0.1, 0.4, 0.9)) == pytest.approx((0.3, 0.5))
