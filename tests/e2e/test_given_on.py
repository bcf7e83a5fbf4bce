"""A whole tawny gives a camera on by RTSP: passes are made by its command, and FFmpeg and our own client read it."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.cli.main import main
from tawny.model.errors import SourceRefused
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import SourcePacket
from tawny.model.times import SystemClock
from tawny.sources.rtsp.source import Rtsp
from tawny.sources.source import SourceContext
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, tawny

_RTSP = re.compile(r"rtsp://(\S+)/CAMERA")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tawny]:
    home = tmp_path_factory.mktemp("given-on")
    settings = home / "tawny.toml"
    settings.write_text(
        '[web]\nlisten = "127.0.0.1:0"\nrtsp = "127.0.0.1:0"\n[cameras.garden]\nsource = "demo:garden"\n'
    )
    yield from tawny("run", "--config", str(settings), folder=home / "data")


@pytest.fixture(scope="module")
def address(running: Tawny) -> str:
    found = _RTSP.search(running.folder.with_suffix(".log").read_text())
    assert found
    until(lambda: list(running.folder.rglob("*.open.mp4")), 60, "a picture")
    return found[1]


@pytest.fixture
def login(running: Tawny, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["tokens", "create", "TV", "--cameras", "garden", "--data", str(running.folder), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    return f"{made['id']}:{made['secret']}"


def test_our_own_client_gets_pictures(address: str, login: str) -> None:
    opening = SourceContext(
        CameraId("again"), StreamName.MAIN, f"rtsp://{login}@{address}/garden", {"client": "own"}, SystemClock()
    )
    connection = Rtsp().open(opening)
    got: list[SourcePacket] = []

    def has_ten() -> bool:
        read = connection.read()
        got.extend([read] if isinstance(read, SourcePacket) else [])
        return len(got) >= 10

    until(has_ten, 60, "ten pictures")
    connection.close()
    assert got[0].is_keyframe


def test_ffmpeg_decodes_it_without_a_word(address: str, login: str, tmp_path: Path) -> None:
    words = ["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", f"rtsp://{login}@{address}/garden"]
    ran = subprocess.run([*words, "-t", "2", "-f", "null", "-"], capture_output=True, timeout=60)
    assert (ran.returncode, ran.stderr.decode()) == (0, "")


@pytest.mark.parametrize("way", ["hls", "rtsp"])
def test_what_follows_is_decoded_as_well(running: Tawny, address: str, login: str, way: str) -> None:
    secret = login.partition(":")[2]
    hls = f"{running.base}/api/v1/live/follow/hls/index.m3u8?pass={secret}"
    words = ["-i", hls] if way == "hls" else ["-rtsp_transport", "tcp", "-i", f"rtsp://{login}@{address}/live/follow"]
    asked = ["ffmpeg", "-v", "error", "-xerror", *words, "-t", "2", "-f", "null", "-"]
    ran = subprocess.run(asked, capture_output=True, timeout=60)
    assert (ran.returncode, ran.stderr.decode()) == (0, "")


def test_a_pass_that_is_taken_back_opens_nothing(running: Tawny, address: str, login: str) -> None:
    assert main(["tokens", "revoke", login.partition(":")[0], "--data", str(running.folder)]) == 0
    opening = SourceContext(
        CameraId("again"), StreamName.MAIN, f"rtsp://{login}@{address}/garden", {"client": "own"}, SystemClock()
    )
    with pytest.raises(SourceRefused):
        Rtsp().open(opening)
