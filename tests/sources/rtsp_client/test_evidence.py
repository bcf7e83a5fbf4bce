"""What the end of a connection tells of how it was: what a gap stands on."""

from collections.abc import Iterator

import pytest

from tawny.model.errors import SourceError
from tawny.model.segments import GapEvidence
from tawny.model.times import SystemClock
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup, answer, losing
from tawny.testing.waiting import until
from tests.sources.rtsp_client.test_connection import begun


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    with RtspCamera(made_clip(ClipSpec()), CameraSetup(speed=8, user="olga", password="s3cret", login="md5")) as camera:
        yield camera


def ended(camera: RtspCamera, after: int = 0) -> GapEvidence:
    """Of a connection that was read until its end; after so many packets the camera resets it."""
    connection, count, found = begun(camera.address), 0, list[SourceError]()

    def over() -> bool:
        nonlocal count
        try:
            count += not hasattr(connection.read(), "for_s")
        except SourceError as error:
            found.append(error)
        if after and count == after:
            count += 1
            camera.kick()
        return bool(found)

    until(over, 60)
    connection.close()
    assert found[0].evidence is not None
    return found[0].evidence


def test_a_connection_that_broke(camera: RtspCamera) -> None:
    camera.faults.packets = losing(0.02)
    camera.faults.between = b"rubbish"
    begin_ms = SystemClock().now_ms()
    seen = ended(camera, after=60)
    assert seen.word in ("reset", "closed")
    assert seen.last_unit_ms is not None
    assert seen.last_byte_ms is not None
    now_ms = SystemClock().now_ms()
    assert begin_ms <= seen.last_unit_ms <= now_ms
    assert begin_ms <= seen.last_byte_ms <= now_ms
    assert seen.packets_missing > 0
    assert seen.rubbish_bytes >= 7 * 50
    assert seen.peer_status == "200 OK"


def test_one_that_never_played(camera: RtspCamera) -> None:
    camera.faults.answers["DESCRIBE"] = answer("453 Not Enough Bandwidth for olga (s3cret)")
    seen = ended(camera)
    assert (seen.word, seen.peer_status) == ("busy", "453 Not Enough Bandwidth for … (…)")
    assert seen.last_unit_ms is None
    assert seen.last_byte_ms is not None


def test_one_that_nobody_answered(camera: RtspCamera) -> None:
    camera.down()
    assert ended(camera) == GapEvidence("unreachable")
