"""What is only so when FFmpeg reads a camera."""

import errno
import gc
import os
import threading
import weakref

import pytest

from tawny.model.errors import SourceError
from tawny.model.times import SystemClock
from tawny.sources.network_address import parse_rtsp
from tawny.sources.rtsp.ffmpeg_connection import open_through_ffmpeg
from tawny.sources.rtsp.source import DEFAULTS, BackgroundOpen
from tawny.sources.source import CameraConnection
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera, describe_clip
from tawny.testing.rtsp_viewer import CameraSetup, answer
from tests.sources.reading import open_camera, read_all


def test_a_login_of_a_form_that_is_not_known_is_said_to_be_so() -> None:
    result = pytest.raises(SourceError, match="Digest SHA-256")
    with RtspCamera(made_clip(ClipSpec()), CameraSetup("me", "pw", "sha-256")) as camera, result:
        open_camera(camera, client="ffmpeg")


def test_a_server_that_is_still_putting_things_away_is_asked_again() -> None:
    with RtspCamera(made_clip(ClipSpec())) as camera:
        camera.faults.answers["SETUP"] = answer("503 Service Unavailable")
        camera.faults.answers_left = 1
        connection = open_camera(camera, client="ffmpeg")
        connection.close()


def test_an_encrypted_camera_is_none_of_its() -> None:
    with RtspCamera(made_clip(ClipSpec())) as camera, pytest.raises(SourceError, match="require the built-in client"):
        open_camera(camera, client="ffmpeg", address=camera.address.replace("rtsp:", "rtsps:"))


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE), "rtsp://me:s3cret@192.0.2.7/"), "too many open files"),
        (UnicodeDecodeError("utf-8", b"\xb5", 0, 1, "invalid start byte"), "form is not understood"),
    ],
)
def test_an_error_of_the_system_while_it_opens_ends_the_connection(failure: Exception, said: str) -> None:
    def fails() -> CameraConnection:
        raise failure

    read = read_all(BackgroundOpen(fails, "rtsp://192.0.2.7/"), most_s=30.0)
    assert said in str(read.error)
    assert "s3cret" not in str(read.error)


def test_a_session_name_that_is_not_utf_8_is_no_hindrance() -> None:
    clip = made_clip(ClipSpec())
    with RtspCamera(clip) as camera:
        name = "摄像机".encode("gbk")
        camera.faults.sdp = describe_clip(clip, CameraSetup()).replace(b"s=camera", b"s=" + name)
        read = read_all(open_camera(camera, client="ffmpeg"), until=lambda got: bool(got.packets))
    assert read.error is None


def test_a_closed_connection_is_not_kept_in_memory() -> None:
    others = set(threading.enumerate())
    with RtspCamera(made_clip(ClipSpec())) as camera:
        connection = open_through_ffmpeg(parse_rtsp(camera.address), DEFAULTS, SystemClock(), wait_s=0.0)
        (thread,) = {one for one in threading.enumerate() if one.name.startswith("rtsp 127")} - others
        kept = weakref.ref(connection)
        connection.close()
        thread.join(30)
        del connection
        gc.collect()
    assert kept() is None
