"""What was seen before a camera was turned is shown right among copies on a hub, too."""

from dataclasses import replace
from pathlib import Path

from tawny.fleet.copy_volume import CopyVolume
from tawny.media.image.jpeg import jpeg
from tawny.model.events import Event
from tawny.model.geometry import Orientation, grid_of
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.times import Span
from tawny.service.copied_recorder import CopiedRecorder
from tawny.storage.disk.layout import SegmentName
from tawny.storage.segments.detection_files import EventFiles, MotionGrids
from tawny.testing.clock import FakeClock
from tests.playback.archives import FakeArchive
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


def test_motion_of_copies_is_found_where_it_is_shown_now(tmp_path: Path) -> None:
    copied = CopyVolume(tmp_path / "box", FakeClock())
    try:
        copied.notes.say({"cameras": [{"id": "shed", "name": "Shed", "rotate": 180}]})
        archive = FakeArchive(tmp_path)
        recorded = archive.record(T, 8, camera=SHED)
        listed = replace(recorded, path=SegmentName(SHED, StreamName.MAIN, T, T + 8000).path)
        copied.index.add_segment(listed)
        copied.volume.write_whole(listed.path, archive.segment_path(recorded).read_bytes())
        grids = MotionGrids(copied.volume, FakeClock())
        grids.put(SHED, T, grid_of((0.0, 0.0, 0.25, 0.5)))
        grids.flush()
        recorder = CopiedRecorder(copied, "Box", FakeClock(), lambda: True)
        assert recorder.grids(SHED, Span(T, T + 8000)) == [(T, grid_of((0.75, 0.5, 1.0, 1.0)))]
    finally:
        copied.close()
