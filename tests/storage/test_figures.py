"""What detectors measured is stored by frame, and found again."""

from pathlib import Path

import pytest

from tawny.model.ids import CameraId
from tawny.model.observations import FigureThing, MotionFigure
from tawny.model.times import Span
from tawny.storage.disk.layout import DAY_MS, figures_path
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.detection_files import RECORD_BYTES, MotionFigures
from tawny.testing.clock import FakeClock

PORCH = CameraId("porch")
THING = FigureThing((0.1, 0.2, 0.3, 0.4), 61, "person")


def figures(folder: Path, clock: FakeClock) -> MotionFigures:
    return MotionFigures(Volume.at(folder), clock)


@pytest.mark.parametrize("written", [False, True])
def test_frames_with_motion_are_all_kept_and_of_calm_seconds_the_highest(tmp_path: Path, written: bool) -> None:
    clock = FakeClock()
    made, at_ms = figures(tmp_path, clock), clock.now_ms() // 1000 * 1000
    made.put(PORCH, MotionFigure(at_ms - 2000, 1, 400, moves=True))
    for ms, number, moves in [(0, 3, 0), (200, 9, 0), (400, 0, 0), (1000, 742, 1), (1100, 743, 1), (2000, 0, 0)]:
        things = (THING,) if moves else ()
        made.put(PORCH, MotionFigure(at_ms + ms, number, 400, bool(moves), things))
    if written:
        made.flush()
        made = figures(tmp_path, clock)
    found = made.read(PORCH, Span(at_ms, at_ms + 5000))
    assert [(one.at_ms - at_ms, one.number, one.level, one.moves) for one in found] == [
        (200, 9, 400, False),
        (1000, 742, 400, True),
        (1100, 743, 400, True),
    ]
    assert found[1].things[0].box == pytest.approx(THING.box, abs=1e-4)
    assert (found[1].things[0].score, found[1].things[0].label) == (61, "person")
    assert made.motion_frames(PORCH, Span(at_ms, at_ms + 1100)) == 1


def test_a_time_is_found_among_many_and_over_midnight(tmp_path: Path) -> None:
    clock = FakeClock()
    midnight_ms = (clock.now_ms() // DAY_MS + 1) * DAY_MS
    made = figures(tmp_path, clock)
    for n in range(-500, 500):
        made.put(PORCH, MotionFigure(midnight_ms + n * 100, n + 1000, 400, moves=True))
    made.flush()
    found = made.read(PORCH, Span(midnight_ms - 250, midnight_ms + 250))
    assert [one.number for one in found] == [998, 999, 1000, 1001, 1002]


def test_a_record_torn_by_a_power_cut_is_cut_off(tmp_path: Path) -> None:
    clock = FakeClock()
    made, at_ms = figures(tmp_path, clock), clock.now_ms()
    made.put(PORCH, MotionFigure(at_ms, 1, 2, moves=True))
    made.flush()
    path = tmp_path / figures_path(PORCH, at_ms // DAY_MS * DAY_MS)
    path.write_bytes(path.read_bytes() + b"torn")
    made.put(PORCH, MotionFigure(at_ms + 1, 2, 2, moves=True))
    made.flush()
    assert path.stat().st_size == 2 * RECORD_BYTES
    assert [one.number for one in made.read(PORCH, Span(at_ms, at_ms + 10))] == [1, 2]


def test_of_a_still_scene_the_level_is_kept_once_a_minute(tmp_path: Path) -> None:
    clock = FakeClock()
    made, at_ms = figures(tmp_path, clock), clock.now_ms() // 1000 * 1000
    for n in range(1500):
        made.put(PORCH, MotionFigure(at_ms + n * 100, 0, 400))
    made.flush()
    found = made.read(PORCH, Span(at_ms, at_ms + 150_000))
    assert [(one.at_ms - at_ms, one.number, one.level) for one in found] == [
        (0, 0, 400), (60_000, 0, 400), (120_000, 0, 400),
    ]  # fmt: skip


def test_nothing_is_stored_of_an_encrypted_camera(tmp_path: Path) -> None:
    clock = FakeClock()
    made = MotionFigures(Volume.at(tmp_path), clock, lambda camera: True)
    made.put(PORCH, MotionFigure(clock.now_ms(), 1, 2, moves=True))
    made.flush()
    assert list(tmp_path.rglob("figures")) == []
