from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.media.codec.decoder import Shrinker


def by_hand(grey: Any, columns: int, rows: int) -> Any:
    """The mean of each place, parts of pixels counted by their share."""

    def shares(pixels: int, places: int) -> Any:
        edges = np.arange(places + 1) * pixels / places
        begins, ends = edges[:-1, None], edges[1:, None]
        at = np.arange(pixels)[None]
        return np.clip(np.minimum(ends, at + 1) - np.maximum(begins, at), 0, 1) * places / pixels

    height, width = grey.shape
    return shares(height, rows) @ grey @ shares(width, columns).T


@pytest.mark.parametrize("size", [(360, 640), (352, 640), (576, 704), (720, 1280), (108, 192), (109, 193)])
def test_each_small_pixel_is_the_mean_of_its_place(size: tuple[int, int]) -> None:
    grey = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    small = Shrinker().means(grey, 192, 108)
    assert small.shape == (108, 192)
    assert np.abs(small - by_hand(grey, 192, 108)).max() <= 1.0


def test_rows_may_lie_apart() -> None:
    grey = np.random.default_rng(2).integers(0, 256, (720, 1344), np.uint8)
    part = grey[::2, :1280]
    assert np.array_equal(Shrinker().means(part, 192, 108), Shrinker().means(part.copy(), 192, 108))


def test_a_picture_that_is_not_to_be_written_to_will_do() -> None:
    grey = np.frombuffer(bytes(range(256)) * 4, np.uint8).reshape(32, 32)
    assert Shrinker().means(grey, 8, 8).shape == (8, 8)


@given(
    height=st.integers(1, 80),
    width=st.integers(1, 80),
    level=st.integers(0, 255),
    size=st.tuples(*[st.integers(1, 90)] * 2),
)
def test_levels_stay_as_they_are_at_any_size(height: int, width: int, level: int, size: tuple[int, int]) -> None:
    assert set(Shrinker().means(np.full((height, width), level, np.uint8), *size).ravel().tolist()) == {level}
