"""Stored images of events have the privacy masks of their recorder among its copies on a hub, too."""

from pathlib import Path

from tawny.fleet.copy_volume import CopyVolume
from tawny.media.image.jpeg import jpeg
from tawny.model.events import Event
from tawny.model.geometry import Orientation
from tawny.model.ids import CameraId, EventId
from tawny.service.copied_recorder import CopiedRecorder
from tawny.storage.segments.detection_files import EventFiles
from tawny.testing.clock import FakeClock
from tests.support.red_window import CORNERS, shares, strip, view

SHED = CameraId("shed")
T = 1_795_000_000_000


def test_images_of_copies_are_masked(tmp_path: Path) -> None:
    event = Event(EventId("e1"), SHED, "person", T, T + 8000, 90.0, picture_ms=T + 1000)
    copied = CopyVolume(tmp_path / "box", FakeClock())
    try:
        copied.notes.say({"cameras": [{"id": "shed", "name": "Shed", "rotate": 180, "masks": [CORNERS]}]})
        files = EventFiles(copied.volume)
        files.write_picture(event, jpeg(view(640, 360)))
        files.write_loop(event, strip(4, 640, 480))
        recorder = CopiedRecorder(copied, "Box", FakeClock(), lambda: True)
        assert shares(recorder.event_picture(event))[0] == 0
        assert shares(recorder.event_loop(event))[0] == 0
        assert recorder.orientation(SHED) == Orientation(180)
    finally:
        copied.close()
