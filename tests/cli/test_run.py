"""Cameras named on the command line get names that people can read."""

import pytest

from tawny.cli.run import cameras_of
from tawny.config.settings import is_camera_id


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("rtsp://admin:s3cret@192.168.1.20/main", "camera-20"),
        ("rtsp://porch.lan:554/stream1", "porch"),
        ("rtsp://[fe80::1]/x", "camera"),
        ("/dev/video0", "video0"),
        ("/srv/My Holiday (2).mp4", "my-holiday-2"),
        ("demo:garden", "garden"),
        ("demo:", "camera"),
        ("???", "camera"),
    ],
)
def test_a_source_names_its_camera(source: str, name: str) -> None:
    assert list(cameras_of([source])) == [name]
    assert is_camera_id(name)


def test_names_are_told_apart() -> None:
    assert list(cameras_of(["demo:", "demo:", "demo:"])) == ["camera", "camera-2", "camera-3"]
