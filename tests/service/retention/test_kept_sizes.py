"""What is kept beside video is small: a byte a second for the camera and each zone, 76 for a second in which it moves,
and a few small pictures an event."""

from pathlib import Path

import numpy as np

from tawny.events.event_builder import ThumbnailStrip
from tawny.model.geometry import COLUMNS, MOST_THUMBNAILS, ROWS, THUMBNAIL_WIDTH, grid_of
from tawny.model.ids import CameraId
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.detection_files import MotionGrids, MotionScoreFile
from tawny.testing.clock import FakeClock
from tests.support.scenes import START_MS, PictureFrame, SyntheticScene, person

DOOR = CameraId("door")
DAY_S = 86_400


def test_a_day_of_scores_is_a_byte_a_second_and_zone(tmp_path: Path) -> None:
    clock = FakeClock("2026-11-20T00:00:00Z")
    scores = MotionScoreFile(Volume.at(tmp_path), clock)
    begin_ms = clock.now_ms()
    for second in range(0, DAY_S, 900):
        for zone in ("", "path"):
            scores.put(DOOR, begin_ms + second * 1000, second % 101, zone)
    scores.flush()
    sizes = {path.name: path.stat().st_size for path in tmp_path.rglob("scores*")}
    assert sizes == {"scores": DAY_S, "scores.path": DAY_S}


def test_a_moving_second_is_72_bytes_and_its_time(tmp_path: Path) -> None:
    clock = FakeClock("2026-11-20T00:00:00Z")
    grids = MotionGrids(Volume.at(tmp_path), clock)
    for n in range(500):  # five looks a second for 100 s
        grids.put(DOOR, clock.now_ms() + n * 200, grid_of((0.1, 0.1, 0.4, 0.5)))
    grids.flush()
    assert COLUMNS * ROWS / 8 == 72
    assert [path.stat().st_size for path in tmp_path.rglob("grids")] == [100 * (72 + 4)]


def test_an_events_small_pictures_are_at_most_six_and_some_kilobytes() -> None:
    scene, loop = SyntheticScene(1, 30), ThumbnailStrip()
    scene.walk([(2, 20, 90, 45), (28, 170, 90, 45)], person, 45)
    for frame in scene.frames():
        large = np.kron(frame.luma, np.ones((4, 4), np.uint8))
        loop.take(PictureFrame(large, frame.at_ms - START_MS))
    jpeg = loop.jpeg()
    assert jpeg is not None
    assert (MOST_THUMBNAILS, THUMBNAIL_WIDTH) == (6, 320)
    assert len(jpeg) < MOST_THUMBNAILS * 16_000
