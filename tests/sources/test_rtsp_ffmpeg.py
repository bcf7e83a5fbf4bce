"""What is only so when FFmpeg reads a camera."""

import pytest

from tawny.model.errors import SourceError
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup, answer
from tests.sources.reading import open_camera


def test_a_login_of_a_form_that_is_not_known_is_said_to_be_so() -> None:
    told = pytest.raises(SourceError, match="Digest SHA-256")
    with RtspCamera(made_clip(ClipSpec()), CameraSetup("me", "pw", "sha-256")) as camera, told:
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
