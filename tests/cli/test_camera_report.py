"""`tawny cameras report`: the conversation with a camera, without a secret, of a running recorder or opened for it."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tawny.engine import Bus
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.rtsp_viewer import CameraSetup, answer
from tawny.testing.waiting import until
from tests.app.rig import DOOR, EVER, one_camera, rig
from tests.cli.conftest import Tawny, answering
from tests.sources.onvif.fake_camera import served
from tests.support.onvif_device import OnvifDevice, Stream

USER, PASSWORD = "olga-of-the-door", "s3cret & more"


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    setup = CameraSetup(user=USER, password=PASSWORD, login="md5")
    with RtspCamera(made_clip(ClipSpec(seconds=3)), setup) as made:
        yield made


def settings_for(camera: RtspCamera, folder: Path) -> Path:
    file = folder / "tawny.toml"
    file.write_text(f'[cameras.door]\nsource = "{camera.address}"\n')
    return file


def assert_without_secrets(text: str) -> None:
    for secret in (USER, PASSWORD, "s3cret%20", "127.0.0.1"):
        assert secret not in text


def methods(stream: dict[str, Any]) -> list[str]:
    return [line["text"].split()[0] for line in stream["talk"] if line["by"] == "tawny"]


def test_a_camera_is_opened_for_it_where_no_recorder_runs(tawny: Tawny, camera: RtspCamera, tmp_path: Path) -> None:
    config = settings_for(camera, tmp_path)
    words = ["cameras", "report", "door", "--config", str(config), "--data", str(tmp_path / "data")]
    result = tawny(*words, "--json")
    assert result.code == 0, result.err
    assert_without_secrets(result.out)
    data = json.loads(result.out)
    stream = data["streams"]["main"]
    assert methods(stream)[:5] == ["OPTIONS", "DESCRIBE", "DESCRIBE", "SETUP", "PLAY"]
    assert "Authorization: Digest username=…" in stream["talk"][4]["text"]
    assert "response=…" in stream["talk"][4]["text"]
    assert any("m=video" in one["text"] for one in stream["talk"] if one["by"] == "camera")
    assert stream["counted"]["units"] > 0
    assert stream["address"].endswith("/stream")
    assert "disconnected after 5 s" in stream["ended"]


def test_a_camera_that_fails_is_reported_all_the_same(tawny: Tawny, camera: RtspCamera, tmp_path: Path) -> None:
    camera.faults.answers["SETUP"] = answer("461 Unsupported Transport", f"X-Debug: {USER}/{PASSWORD}")
    config = settings_for(camera, tmp_path)
    words = ["cameras", "report", "door", "--config", str(config), "--data", str(tmp_path / "data")]
    result = tawny(*words, "-o", str(tmp_path / "door.txt"), "--host")
    assert result.code == 1, result.err
    text = (tmp_path / "door.txt").read_text("utf-8")
    assert "461 Unsupported Transport" in text
    assert "It ended: Camera error at" in text
    assert "127.0.0.1" in text
    assert USER not in text
    assert PASSWORD not in text


def test_a_running_recorder_is_asked(tawny: Tawny, camera: RtspCamera, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with (
        rig(one_camera(camera.address), folder) as bench,
        answering(bench.folder, bench.running.bus, {"report": bench.running.report}),
    ):
        until(lambda: len(bench.running.open_segments(DOOR)) > 0, 60, "it records")
        camera.kick()
        until(lambda: len([one for one in bench.gaps() if one.end_ms is not None]) > 0, 60, "it is back")
        viewers = len(camera.viewers)
        until(lambda: bool(bench.running.index.gaps(DOOR, EVER)), 60, "the gap is written")
        result = tawny("cameras", "report", "door", "--data", str(folder), "--json")
        assert result.code == 0, result.err
        assert len(camera.viewers) == viewers  # the camera itself was left in peace
        assert_without_secrets(result.out)
        data = json.loads(result.out)
        assert data["state"]["state"] in ("recording", "starting")
        assert methods(data["streams"]["main"])[-1] == "PLAY"
        lost = next(gap for gap in data["history"] if gap["reason"] == "camera_restart")
        assert lost["evidence"]["word"] in ("reset", "closed")
        assert lost["evidence"]["last_unit"] is not None
        unknown = tawny("cameras", "report", "gate", "--data", str(folder))
        assert (unknown.code, "door" in unknown.err) == (29, True)
    text = tawny("timeline", "--camera", "door", "--from", "yesterday", "--data", str(folder), "--json").out
    assert lost["evidence"] in [gap["evidence"] for gap in json.loads(text)["gaps"]]


def test_an_entry_for_the_known_cameras_has_nothing_of_its_owner(
    tawny: Tawny, camera: RtspCamera, tmp_path: Path
) -> None:
    device = OnvifDevice(user="admin", password="onvif-pass", model="NL-200 SN0042")
    with served(device):
        device.streams = [Stream("main", "H264", 320, 240, camera.address)]
        config = settings_for(camera, tmp_path)
        onvif = f"http://admin:onvif-pass@127.0.0.1:{device.port}/onvif/device_service"
        config.write_text(config.read_text("utf-8") + f'onvif = "{onvif}"\nserial = "SN0042"\n')
        words = ["cameras", "report", "door", "--known", "--config", str(config), "--data", str(tmp_path / "data")]
        result = tawny(*words, "-o", str(tmp_path / "entry.toml"))
    assert result.code == 0, result.err
    text = (tmp_path / "entry.toml").read_text("utf-8")
    (seen,) = tomllib.loads(text)["seen"]
    assert (seen["model"], seen["main"], seen["streams"]) == ("NL-200 •••", "/stream", "main: h264 320x240")
    assert "Northlight" in text
    assert_without_secrets(text)
    for private in ("SN0042", "onvif-pass", "admin", "door"):
        assert private not in text


def test_what_is_no_rtsp_camera_has_nothing_to_report(tawny: Tawny, tmp_path: Path) -> None:
    config = tmp_path / "tawny.toml"
    config.write_text('[cameras.door]\nsource = "demo:garden"\n')
    result = tawny("cameras", "report", "door", "--config", str(config), "--data", str(tmp_path / "data"), "--json")
    assert result.code == 3
    assert json.loads(result.err)["error"]["code"] == "no_report"


def test_a_recorder_without_a_socket_in_its_folder_is_asked(tawny: Tawny, tmp_path: Path) -> None:
    """Its disk can't hold sockets, as with FAT."""
    with answering(tmp_path, Bus(), {"report": lambda _: {"report": None}}):
        (tmp_path / "control").unlink()
        result = tawny("cameras", "report", "door", "--data", str(tmp_path))
    assert "door isn't an RTSP camera" in result.err
