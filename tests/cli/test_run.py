"""Cameras named on the command line get names that people can read."""

import pytest

from tawny.cli.main import main
from tawny.cli.run import cameras_of
from tawny.config.settings import is_camera_id
from tawny.model.errors import NotDone


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


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_a_limit_of_threads_or_memory_is_said_in_a_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise error

    monkeypatch.setattr("tawny.cli.run.run_demo", refused)
    assert main(["demo"]) == NotDone.exit_code
    output = capsys.readouterr().err
    assert "no more threads or memory" in output
    assert "TasksMax=" in output
