"""What is kept of every look beside events."""

from pathlib import Path

import numpy as np

from tawny.config.settings import DetectionSettings
from tawny.detection.scene_changes import AbandonedObject, AbandonedObjectDetector, TamperDetector
from tawny.detection.watcher import LiveMeter, MeterReading
from tawny.model.geometry import grid_of
from tawny.model.ids import CameraId
from tawny.model.observations import Frame, Look, Observation
from tawny.model.times import Span
from tawny.service.detection.camera_detection import ActivityFiles, ActivityRecorder, SceneDetectors
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.detection_files import MotionGrids, MotionScoreFile
from tawny.testing.clock import FakeClock
from tests.support.scenes import PictureFrame, SyntheticScene

PORCH = CameraId("porch")
BOX = (0.1, 0.1, 0.2, 0.3)
WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]


class Hears:
    def __init__(self) -> None:
        self.wrong: list[str] = []

    def tampered(self, wrong: str, frame: Frame) -> None:
        self.wrong.append(wrong)

    def left(self, found: AbandonedObject, frame: Frame) -> None:
        raise AssertionError


def made(
    scores: MotionScoreFile,
    grids: MotionGrids,
    hears: Hears,
    zones: tuple[str, ...] = (),
    meter: LiveMeter | None = None,
) -> ActivityRecorder:
    return ActivityRecorder(
        PORCH,
        ActivityFiles(scores, grids),
        DetectionSettings.model_validate({"zones": {name: {"points": WHOLE} for name in zones}}),
        hears,
        SceneDetectors(TamperDetector(), lambda: AbandonedObjectDetector(())),
        meter or LiveMeter(),
    )


def test_scores_of_zones_and_where_it_moved(tmp_path: Path) -> None:
    clock = FakeClock()
    volume, now_ms = Volume.at(tmp_path), clock.now_ms() // 1000 * 1000
    scores, grids = MotionScoreFile(volume, clock), MotionGrids(volume, clock)
    noted = made(scores, grids, Hears(), ("path", "door"))
    picture = np.zeros((90, 160), np.uint8)
    first = Look(80, (Observation("motion", 0.8, BOX, 1, zones=("path",)),))
    assert noted.look(PictureFrame(picture, now_ms), first) is first
    near = Observation("motion", 0.3, BOX, 2, zones=("door",))
    second = Look(30, near=(near,))
    assert noted.look(PictureFrame(picture, now_ms + 1000), second) is second
    span = Span(now_ms, now_ms + 3000)
    assert scores.read(PORCH, span, "path") == bytes([80, 0, 255])
    assert scores.read(PORCH, span, "door") == bytes([0, 30, 255])
    assert scores.read(PORCH, span) == bytes([255, 255, 255])
    assert grids.read(PORCH, span) == [(now_ms, grid_of(BOX))]
    scores.flush()
    assert MotionScoreFile(volume, clock).read(PORCH, span, "path") == bytes([80, 0, 255])


def test_a_covered_camera_is_told_once_and_when_it_is_over(tmp_path: Path) -> None:
    clock, hears = FakeClock(), Hears()
    volume = Volume.at(tmp_path)
    noted = made(MotionScoreFile(volume, clock), MotionGrids(volume, clock), hears)
    chance, plate = np.random.default_rng(1), SyntheticScene(1).plate
    for n, picture in enumerate([plate] * 90 + [plate * 0 + 60] * 20 + [plate] * 5):
        noisy = (picture + chance.normal(0, 0.8, plate.shape)).clip(0, 255).astype(np.uint8)
        noted.look(PictureFrame(noisy, clock.now_ms() + n * 1000), Look(0))
    assert hears.wrong == ["covered", ""]


def test_people_who_look_on_see_each_look(tmp_path: Path) -> None:
    clock, meter, readings = FakeClock(), LiveMeter(), list[MeterReading]()
    volume = Volume.at(tmp_path)
    noted = made(MotionScoreFile(volume, clock), MotionGrids(volume, clock), Hears(), ("path",), meter)
    picture = PictureFrame(np.zeros((90, 160), np.uint8), clock.now_ms())
    thing = Observation("motion", 0.8, BOX, 1, zones=("path",))
    stop = meter.listen(readings.append)
    noted.look(picture, Look(80, (thing,), near=(Observation("motion", 0.3, BOX, 2),)))
    stop()
    noted.look(picture, Look(10))
    assert [(one.score, one.zones, one.things) for one in readings] == [
        (80, {"path": 80}, ((BOX, 80, True, "motion"), (BOX, 30, False, "motion")))
    ]
