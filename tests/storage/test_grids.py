"""Where it moved: bits by place, a record a second."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tawny.model.geometry import COLUMNS, ROWS, grid_of
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.storage.disk.layout import DAY_MS, grids_path
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.detection_files import MotionGrids
from tawny.testing.clock import FakeClock

PORCH = CameraId("porch")
SHARE = st.floats(0, 1)


def grids(folder: Path, clock: FakeClock) -> MotionGrids:
    return MotionGrids(Volume.at(folder), clock)


def test_what_was_put_is_read_before_and_after_it_is_written(tmp_path: Path) -> None:
    clock = FakeClock()
    now_ms = clock.now_ms() // 1000 * 1000
    ours = grids(tmp_path, clock)
    ours.put(PORCH, now_ms + 200, 0b01)
    ours.put(PORCH, now_ms + 700, 0b10)
    ours.put(PORCH, now_ms + 5000, 0b100)
    ours.put(PORCH, now_ms + 6000, 0)
    expected = [(now_ms, 0b11), (now_ms + 5000, 0b100)]
    assert ours.read(PORCH, Span(now_ms, now_ms + 60_000)) == expected
    ours.flush()
    assert grids(tmp_path, clock).read(PORCH, Span(now_ms, now_ms + 60_000)) == expected
    assert ours.read(PORCH, Span(now_ms + 1000, now_ms + 60_000)) == expected[1:]


def test_a_second_costs_76_bytes(tmp_path: Path) -> None:
    clock = FakeClock()
    ours = grids(tmp_path, clock)
    for second in range(10):
        ours.put(PORCH, clock.now_ms() + second * 1000, 1)
    ours.flush()
    assert (tmp_path / grids_path(PORCH, clock.now_ms())).stat().st_size == 760


def test_a_torn_record_costs_only_itself(tmp_path: Path) -> None:
    clock = FakeClock()
    now_ms = clock.now_ms() // 1000 * 1000
    ours = grids(tmp_path, clock)
    ours.put(PORCH, now_ms, 5)
    ours.flush()
    path = tmp_path / grids_path(PORCH, now_ms)
    path.write_bytes(path.read_bytes() + b"torn")
    ours.put(PORCH, now_ms + 3000, 6)
    ours.flush()
    assert ours.read(PORCH, Span(now_ms, now_ms + 9000)) == [(now_ms, 5), (now_ms + 3000, 6)]


def test_over_midnight_there_are_two_files(tmp_path: Path) -> None:
    clock = FakeClock()
    midnight_ms = clock.now_ms() // DAY_MS * DAY_MS + DAY_MS
    ours = grids(tmp_path, clock)
    for at_ms in (midnight_ms - 1000, midnight_ms):
        ours.put(PORCH, at_ms, 1)
    ours.flush()
    assert [at for at, _ in ours.read(PORCH, Span(midnight_ms - 5000, midnight_ms + 5000))] == [
        midnight_ms - 1000,
        midnight_ms,
    ]
    assert len(list(tmp_path.rglob("grids"))) == 2


@given(SHARE, SHARE, SHARE, SHARE)
def test_a_box_covers_the_places_it_touches(ax: float, ay: float, bx: float, by: float) -> None:
    x0, x1 = sorted((ax, bx))
    y0, y1 = sorted((ay, by))
    grid = grid_of((x0, y0, x1, y1))
    assert grid.bit_length() <= COLUMNS * ROWS
    if x1 - x0 > 1e-6 and y1 - y0 > 1e-6:
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        place = int(y * ROWS) * COLUMNS + int(x * COLUMNS)
        assert grid >> (COLUMNS * ROWS - 1 - place) & 1


@pytest.mark.parametrize(("box", "count"), [((0, 0, 1, 1), 576), ((0, 0, 0.5, 1), 288), ((0, 0, 0.01, 0.01), 1)])
def test_how_many_places(box: tuple[float, float, float, float], count: int) -> None:
    assert grid_of(box).bit_count() == count
