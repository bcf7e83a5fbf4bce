"""`tawny cameras add` and the page that adds a camera write the same, whatever kind of source it is."""

import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tawny.config.loader import read_settings
from tawny.config.settings import Settings
from tawny.model.geometry import Orientation
from tawny.model.times import SystemClock
from tawny.protocols.login_history import LoginHistory
from tawny.service.cameras import camera_setup
from tawny.service.cameras.camera_setup import CameraDraft, CameraSetupService
from tawny.service.changeable_settings import ChangeableSettings
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources import picamera
from tests.cli.conftest import Tawny

KEY = "Ab12Cd34Ef56Gh78"
SMALL = {"sub_size": "640x360"}
SECRET = {"CAMERA_GATE": "s3cret"}


@pytest.fixture(autouse=True)
def no_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_setup, "neighbours", dict)


def on_the_page(folder: Path, wanted: CameraDraft) -> None:
    folder.mkdir()
    config = folder / "tawny.toml"
    config.write_text("")
    settings: list[Settings] = [read_settings(config)]
    changeable = ChangeableSettings(lambda: settings[0], lambda new, _: settings.__setitem__(0, new), config)
    setup = CameraSetupService(changeable, PluginRegistry.opened(), SystemClock(), LoginHistory())
    setup.add("Gate", wanted, "events", Orientation(90, True))


def written(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    secrets = folder / "secrets.toml"
    camera = tomllib.loads((folder / "tawny.toml").read_text())["cameras"]["gate"]
    return camera, tomllib.loads(secrets.read_text()) if secrets.exists() else {}


@pytest.mark.parametrize(
    ("source", "sub", "expected", "secrets"),
    [
        ("rtsp://a:s3cret@192.0.2.1/m", "", {"source": "rtsp://a:${CAMERA_GATE}@192.0.2.1/m"}, SECRET),
        (
            "rtsp://a:s3cret@192.0.2.1/m", "rtsp://192.0.2.1/s",
            {"source": "rtsp://a:${CAMERA_GATE}@192.0.2.1/m", "sub": "rtsp://a:${CAMERA_GATE}@192.0.2.1/s"},
            SECRET,
        ),
        (
            "rtsp://a:s3cret@192.0.2.1/m", "http://192.0.2.1/s.mjpg",
            {"source": "rtsp://a:${CAMERA_GATE}@192.0.2.1/m", "sub": "http://a:${CAMERA_GATE}@192.0.2.1/s.mjpg"},
            SECRET,
        ),
        ("rtsps://192.0.2.1/m", "", {"source": "rtsps://192.0.2.1/m"}, {}),
        ("http://a:s3cret@192.0.2.1/v.mjpg", "", {"source": "http://a:${CAMERA_GATE}@192.0.2.1/v.mjpg"}, SECRET),
        ("https://192.0.2.1/live.m3u8", "", {"source": "https://192.0.2.1/live.m3u8"}, {}),
        ("rtmp://192.0.2.1/live/cam", "", {"source": "rtmp://192.0.2.1/live/cam"}, {}),
        (
            f"rtmp-listen://0.0.0.0:1935/live/{KEY}", "",
            {"source": "rtmp-listen://0.0.0.0:1935/live/${CAMERA_GATE}"}, {"CAMERA_GATE": KEY},
        ),
        ("/dev/video7", "", {"source": "/dev/video7"}, {}),
        ("picamera:0", "", {"source": "picamera:0", "sub": "picamera:0/sub", "picamera": SMALL}, {}),
        ("picamera:1", "picamera:1/sub", {"source": "picamera:1", "sub": "picamera:1/sub", "picamera": SMALL}, {}),
        ("demo:front", "", {"source": "demo:front"}, {}),
    ],
)  # fmt: skip
def test_both_write_the_same(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, sub: str,
    expected: dict[str, Any], secrets: dict[str, str],
) -> None:  # fmt: skip
    monkeypatch.setattr(picamera, "system_picamera2", lambda: "/usr/bin/python3")
    words = ["--sub", sub] if sub else []
    result = tawny(
        "cameras", "add", "gate", source, *words, "--record", "events", "--rotate", "90", "--mirror", "--skip-test"
    )
    assert result.code == 0, result.err
    on_the_page(tmp_path / "page", CameraDraft(source, sub=sub))
    by_command, by_page = written(tmp_path), written(tmp_path / "page")
    assert by_page[0].pop("name", "Gate") == "Gate"
    assert by_command == by_page
    kinds = (PluginRegistry.opened().source_of(one) for one in (source, sub) if urlsplit(one).netloc)
    silent = {one.scheme: {"sound": False} for one in kinds if one is not None}
    chosen = {"record": "events", "rotate": 90, "mirror": True, **silent}
    assert by_command == ({**expected, **chosen}, secrets)
    assert "[cameras.gate.picamera]" not in (tmp_path / "tawny.toml").read_text()


@pytest.mark.parametrize(
    ("source", "sub"),
    [
        ("rtsp://a:s3cret@192.0.2.1/m", "rtsp://b:other@192.0.2.1/s"),
        ("rtsp://192.0.2.1/m", "rtsp://b:other@192.0.2.1/s"),
        ("rtsp://a:s3cret@192.0.2.1/m", "/dev/video7"),
    ],
)
def test_a_sub_stream_that_does_not_share_the_login_is_added_as_given(
    tawny: Tawny, tmp_path: Path, source: str, sub: str
) -> None:
    """Only in the terminal: a page has fields for one login."""
    result = tawny("cameras", "add", "gate", source, "--sub", sub, "--skip-test")
    assert result.code == 0, result.err
    camera, secrets = written(tmp_path)
    assert (camera["source"], camera["sub"], secrets) == (source, sub, {})


def test_without_picamera2_a_small_stream_costs_cpu_time_and_is_not_added(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picamera, "system_picamera2", lambda: None)
    assert tawny("cameras", "add", "gate", "picamera:0", "--skip-test").code == 0
    assert written(tmp_path)[0] == {"source": "picamera:0"}


def test_what_refers_to_a_secret_stays_as_it_is(tawny: Tawny, tmp_path: Path) -> None:
    """Only in the terminal: a page doesn't refer to secrets."""
    (tmp_path / "secrets.toml").write_text('DOOR = "pw"\n')
    (tmp_path / "secrets.toml").chmod(0o600)
    source = "rtsp://a:${DOOR}@192.0.2.1/m"
    assert tawny("cameras", "add", "gate", source, "--skip-test").code == 0
    assert written(tmp_path) == ({"source": source, "rtsp": {"sound": False}}, {"DOOR": "pw"})
