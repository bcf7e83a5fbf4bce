"""What a camera's detection knows of the place: that the camera turns, that its view has changed, what is masked."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np

from tawny.config.settings import DetectionSettings
from tawny.detection.motion import MotionDetector
from tawny.engine import InlineEngine
from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import EventChanged
from tawny.model.packets import SourcePacket, VideoFormat
from tawny.model.states import CameraState, CameraStatus
from tawny.service.detection.camera_detection import CameraDetection, DetectionServices
from tawny.service.detection.event_marks import EventMarks
from tawny.service.detection.event_writer import EventWriter
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.detection_files import EventFiles, MotionGrids, MotionScoreFile
from tawny.testing.clock import FakeClock
from tests.detection.camera import Camera, encoded
from tests.support.scenes import PictureFrame, SyntheticScene, person

DOOR = CameraId("door")
STEP_S = 0.5
HOUR_S = 3600.0
EVERYWHERE = [[0, 0], [1, 0], [1, 1], [0, 1]]
LEFT_HALF = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]


class Bench:
    """A camera that shows a scene once it is watched."""

    def __init__(self, folder: Path, scene: SyntheticScene, orientation: Orientation = UPRIGHT) -> None:
        self.clock, volume, self._orientation = FakeClock(), Volume.at(folder), orientation
        self._camera = Camera(self.clock, [_turned(one, orientation) for one in encoded(scene)], keep_s=20.0)
        self._engine = InlineEngine(self.clock, lambda _part, _error: None)
        means = DetectionServices(
            self.clock,
            self._engine,
            PluginRegistry({}, {"motion": MotionDetector}),
            EventWriter(Mock(EventMarks), EventFiles(volume)),
            MotionScoreFile(volume, self.clock),
            MotionGrids(volume, self.clock),
        )
        self.told: list[EventChanged] = []
        hubs = {StreamName.MAIN: self._camera.hub}
        self.made = CameraDetection(
            DOOR, hubs, means, lambda _: None, lambda _: None, lambda: None, noticed=self.told.append
        )

    def watch(self, seconds: float, settings: DetectionSettings | None = None, *, turns: bool = False) -> None:
        self._camera.begun_ms = self.clock.now_ms()
        self.made.begin(settings or DetectionSettings(), (), self._orientation, turns=turns)
        for _ in range(round(seconds / STEP_S)):
            self._camera.come()
            self._engine.run_for(STEP_S)
        self.made.stop()
        self.made.close()

    def events(self, kind: str) -> list[str]:
        """Return what became of events of a kind."""
        return [one.what for one in self.told if one.event.kind == kind]

    @property
    def state(self) -> CameraState:
        return self.made.shown(CameraStatus(DOOR, "Door", CameraState.RECORDING, 1)).state


def _turned(packet: SourcePacket, orientation: Orientation) -> SourcePacket:
    assert isinstance(packet.format, VideoFormat)
    return replace(packet, format=replace(packet.format, orientation=orientation))


def walker(length_s: float) -> SyntheticScene:
    scene = SyntheticScene(1, length_s)
    scene.walk([(length_s - 14, 20, 90, 45), (length_s - 4, 170, 90, 45)], person, 45)
    return scene


def turned(bench: Bench, lasts_s: float) -> None:
    """A command moves the camera from now on."""
    now_ms = bench.clock.now_ms()
    bench.made.turns(now_ms, now_ms + round(lasts_s * 1000))


def test_a_camera_that_turned_sees_people_after_the_clock_was_set_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, walker(34))
    turned(bench, 1)
    bench.clock.jump_utc(-HOUR_S)
    bench.watch(34, turns=True)
    assert "started" in bench.events("motion")


def test_a_turn_after_the_clock_was_set_back_counts(tmp_path: Path) -> None:
    bench = Bench(tmp_path, walker(34))
    turned(bench, 1)
    bench.clock.jump_utc(-HOUR_S)
    turned(bench, 1)
    turned(bench, 33)
    bench.watch(34, turns=True)
    assert bench.events("motion") == []


def test_a_changed_view_is_over_when_the_orientation_is_corrected(tmp_path: Path) -> None:
    """The camera hangs upside down now, and the settings turn its image again."""
    bench = Bench(tmp_path, SyntheticScene(1, 6), Orientation(180))
    bench.made.tampered("moved", PictureFrame(np.full((90, 160), 60, np.uint8), bench.clock.now_ms()))
    assert bench.state is CameraState("moved")
    bench.watch(6)
    assert bench.state is CameraState.RECORDING
    assert bench.events("tamper") == ["started", "ended"]


def bag(at: tuple[int, int]) -> SyntheticScene:
    """A scene in which a bright bag stands from 35 s on. at: cell of its upper left corner."""
    scene, (x, y) = SyntheticScene(1, 75), at

    def draw(picture: np.ndarray, t: float) -> None:
        if t >= 35:
            picture[y : y + 12, x : x + 12] = 230

    scene.add(draw)
    return scene


def test_what_is_left_in_a_motion_mask_is_no_event(tmp_path: Path) -> None:
    zone = {"points": EVERYWHERE, "object_left_after": "10 s"}
    settings = DetectionSettings.model_validate({"zones": {"yard": zone}, "motion_masks": [LEFT_HALF]})
    for name, at, text in (("masked", (40, 60), 0), ("watched", (140, 60), 1)):
        bench = Bench(tmp_path / name, bag(at))
        bench.watch(75, settings)
        assert bench.events("object").count("started") == text, name
