"""A gate that is set wrong on purpose: its audit finds out, and the camera's state says so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest

from tawny.config.settings import DetectionSettings
from tawny.detection.decode_pipeline import MISSED, TERMS, GateLimits, GateMode
from tawny.detection.detector import DetectorKind
from tawny.detection.motion import MotionDetector
from tawny.engine import InlineEngine
from tawny.model.ids import CameraId, StreamName
from tawny.model.observations import Frame
from tawny.service.detection.camera_detection import CameraDetection, DetectionServices
from tawny.service.detection.event_marks import EventMarks
from tawny.service.detection.event_writer import EventWriter
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.detection_files import EventFiles, MotionGrids, MotionScoreFile
from tawny.testing.clock import FakeClock
from tests.detection.camera import Camera, encoded
from tests.support.scenes import SyntheticScene, person

STEP_S = 0.5


class Blind(MotionDetector):
    """After the first half minute it sees nothing at a glance."""

    glances = 0

    def glance(self, frame: Frame) -> bool:
        self.glances += 1
        return self.glances < 8 and super().glance(frame)


def _blind(settings: Mapping[str, Any]) -> MotionDetector:
    return Blind(settings)


def _seeing(settings: Mapping[str, Any]) -> MotionDetector:
    return MotionDetector(settings)


def _concern_after_two_walks(folder: Path, kind: DetectorKind) -> tuple[str, bool]:
    """What is said of the camera after somebody walked by twice, and whether that was told as a change."""
    scene = SyntheticScene(1, 64)
    for begin_s in (32, 48):
        scene.walk([(begin_s, 20, 90, 45), (begin_s + 10, 170, 90, 45)], person, 45)
    clock, volume = FakeClock(), Volume.at(folder)
    camera = Camera(clock, encoded(scene), keep_s=20.0)
    engine = InlineEngine(clock, lambda _part, _error: None)
    plugins = PluginRegistry({}, {"motion": kind})
    means = DetectionServices(
        clock,
        engine,
        plugins,
        EventWriter(cast("EventMarks", Mock(EventMarks)), EventFiles(volume)),
        MotionScoreFile(volume, clock),
        MotionGrids(volume, clock),
    )
    changes: list[None] = []
    made = CameraDetection(
        CameraId("door"), {StreamName.MAIN: camera.hub}, means,
        lambda _message: None, lambda _message: None, lambda: changes.append(None),
    )  # fmt: skip
    made.begin(DetectionSettings(), ())
    for _ in range(round(65 / STEP_S)):
        camera.come()
        engine.run_for(STEP_S)
    concern = made.concern
    made.stop()
    made.close()
    return concern, bool(changes)


@pytest.mark.plain
@pytest.mark.parametrize(("kind", "said"), [(_blind, (MISSED, True)), (_seeing, ("", False))])
def test_what_the_gate_misses_changes_the_cameras_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: DetectorKind, said: tuple[str, bool]
) -> None:
    monkeypatch.setitem(TERMS, GateMode.BALANCED, GateLimits(2.5, 1))  # every look asleep is an audit
    assert _concern_after_two_walks(tmp_path, kind) == said
