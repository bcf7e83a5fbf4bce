"""A vehicle with a plate passes two cameras: the one that reads plates keeps it with the event, the other does not."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from tawny.config.settings import Settings
from tawny.engine import InlineEngine
from tawny.media.codec.encoder import Encoder
from tawny.model.events import Event
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import EventChanged, Message
from tawny.model.packets import SourcePacket
from tawny.service.detection.camera_detection import CameraDetection, DetectionServices
from tawny.service.detection.event_marks import EventMarks
from tawny.service.detection.event_writer import EventWriter
from tawny.service.detection.identity_store import IdentityStore
from tawny.service.detection.recognition_service import RecognitionService
from tawny.service.plugin_registry import PluginRegistry
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.detection_files import EventFiles, MotionGrids, MotionScoreFile
from tawny.testing.clock import FakeClock
from tests.app.rig import settings
from tests.detection.camera import Camera
from tests.support.plates import LAYOUTS, vehicle

DRIVE, STREET = CameraId("drive"), CameraId("street")
HIGH, WIDE, FPS = 540, 960, 5
COMES_S, GOES_S, LENGTH_S = 13, 18, 22
CHOSEN = """
[cameras.drive]
source = "demo:front"
detection.recognize = ["plates"]
[cameras.street]
source = "demo:front"
"""


def passage() -> tuple[SourcePacket, ...]:
    """A van comes from the left and goes to the right, with a plate of 110 pixels."""
    rng = np.random.default_rng(4)
    van, _ = vehicle(LAYOUTS[0], "B AB 4268", 110, "day", rng)
    van = cv2.cvtColor(van, cv2.COLOR_RGB2YUV)
    height, width = van.shape[:2]
    place = cv2.GaussianBlur(rng.integers(60, 190, (HIGH, WIDE)).astype(np.uint8), (0, 0), 9)
    encoder, packets = Encoder(WIDE, HIGH, FPS, gop_s=2.0), list[SourcePacket]()
    for n in range(LENGTH_S * FPS):
        luma = np.clip(place + rng.normal(0, 1.5, place.shape), 0, 255).astype(np.uint8)
        share = (n / FPS - COMES_S) / (GOES_S - COMES_S)
        x = round(-width + share * (WIDE + width))
        left, right = max(0, x), min(WIDE, x + width)
        if right > left:
            luma[80 : 80 + height, left:right] = van[:, left - x : right - x, 0]
        yuv = np.concatenate([luma, np.full((HIGH // 2, WIDE), 128, np.uint8)])
        packets += encoder.encode(yuv, n * 90_000 // FPS)
    return tuple(packets + encoder.close())


class Feeder:
    name = "cameras"

    def __init__(self, *cameras: Camera) -> None:
        self._cameras = cameras

    def step(self) -> float:
        for camera in self._cameras:
            camera.come()
        return 0.2

    def close(self) -> None: ...


class House:
    def __init__(self, folder: Path, chosen: Settings) -> None:
        self.clock, self.told = FakeClock(), list[Message]()
        self.troubles: list[Any] = []
        engine = InlineEngine(self.clock, lambda part, error: self.troubles.append((part, error)))
        plugins, volume, packets = PluginRegistry.opened(), Volume.at(folder), passage()
        self.book = IdentityStore(folder, folder)
        room = RecognitionService(lambda: chosen, plugins, self.book, self.clock)
        room.start(engine)
        events = EventWriter(Mock(EventMarks), EventFiles(volume))
        events.start(engine)
        means = DetectionServices(
            self.clock,
            engine,
            plugins,
            events,
            MotionScoreFile(volume, self.clock),
            MotionGrids(volume, self.clock),
            reading=room.queue,
        )
        cameras = {name: Camera(self.clock, packets) for name in (DRIVE, STREET)}
        engine.start("cameras", lambda: Feeder(*cameras.values()))
        made = []
        for name, camera in cameras.items():
            hubs = {StreamName.MAIN: camera.hub}
            made.append(CameraDetection(name, hubs, means, self.told.append, self.told.append, lambda: None))
            made[-1].begin(chosen.cameras[name].detection, ())
        engine.run_for(LENGTH_S + 8)
        for one in made:
            one.close()
        events.close()
        room.close()

    def events(self, camera: CameraId) -> list[Event]:
        last = {one.event.id: one.event for one in self.told if isinstance(one, EventChanged)}
        return [event for event in last.values() if event.camera == camera]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"), settings(CHOSEN))


@pytest.mark.shows("DY22")
def test_the_event_of_the_camera_that_reads_has_the_plate(house: House) -> None:
    assert house.troubles == []
    assert {(read.by, read.text, read.who) for event in house.events(DRIVE) for read in event.reads} == {
        ("plates", "BAB4268", "")
    }


def test_the_other_camera_saw_it_and_read_nothing(house: House) -> None:
    assert house.events(STREET)
    assert all(event.reads == () for event in house.events(STREET))
