"""A demo camera's events arrive in a folder: the picture at once, the clip whole, and nothing is left waiting."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tawny.cli.main import main
from tawny.testing.waiting import until
from tests.e2e.conftest import Tawny, tawny


@pytest.fixture(scope="module")
def nas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nas")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, nas: Path) -> Iterator[Tawny]:
    home = tmp_path_factory.mktemp("offsite")
    cameras = '[cameras.front]\nsource = "demo:front"\npost = "2 s"\n'
    settings = home / "tawny.toml"
    settings.write_text(f'[web]\nlisten = "127.0.0.1:0"\n[destinations.nas]\nurl = "folder:{nas}"\n{cameras}')
    yield from tawny("run", "--config", str(settings), folder=home / "data")


def test_an_events_picture_and_clip_arrive(running: Tawny, nas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    until(lambda: list(nas.rglob("*.jpg")), 90, "a picture")

    def clips() -> list[Path]:
        return [path for path in nas.rglob("*.mp4") if path.stem.count(".") == 0]

    until(clips, 120, "a clip")
    decode = ["ffmpeg", "-v", "error", "-i", str(clips()[0]), "-f", "null", "-"]
    ran = subprocess.run(decode, capture_output=True, timeout=60)
    assert (ran.returncode, ran.stderr.decode()) == (0, "")
    main(["status", "--data", str(running.folder), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert set(told["outbox"]) == {"waiting", "oldest"}
