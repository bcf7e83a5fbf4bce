"""Stored images of events have the privacy masks of now, also those of a camera that was turned or removed since."""

from pathlib import Path

import pytest

from tawny.media.image.jpeg import jpeg
from tawny.model.events import Event
from tawny.model.geometry import Orientation
from tawny.model.ids import CameraId, EventId
from tests.app.rig import rig, settings
from tests.support.red_window import WINDOW, shares, strip, view

SHED = CameraId("shed")
TURNED = Orientation(90)
CORNERS = [list(point) for point in TURNED.polygon_shown(WINDOW).points]
MASKED = f"rotate = 90\nprivacy_masks = [{CORNERS}]\n"
DOOR = '[cameras.door]\nsource = "rtsp://192.0.2.7/"\nrecord = "off"\n'
OWN = f'{DOOR}[cameras.shed]\nsource = "rtsp://192.0.2.8/"\nrecord = "off"\n{MASKED}'
REMOVED = f"{DOOR}[removed_cameras.shed]\n{MASKED}"


@pytest.mark.parametrize("chosen", [OWN, REMOVED], ids=["own", "removed"])
def test_an_image_from_before_the_camera_was_turned_is_masked(tmp_path: Path, chosen: str) -> None:
    event = Event(EventId("e1"), SHED, "motion", 1_795_000_000_000, 1_795_000_008_000, 50, picture_ms=1_795_000_001_000)
    with rig(settings(chosen), tmp_path) as bench:
        running = bench.running
        files = running.parts.storage.sealing.event_files
        files.write_picture(event, jpeg(view(640, 360)))
        files.write_loop(event, strip(4, 640, 480))
        assert shares(running.event_picture(event))[0] == 0
        assert shares(running.event_loop(event))[0] == 0
        assert running.orientation(SHED) == TURNED
        made_with_it = view(640, 360, TURNED)
        made_with_it[made_with_it[..., 0] > 200] = 0
        files.write_picture(event, jpeg(made_with_it))
        assert running.event_picture(event) == jpeg(made_with_it)
