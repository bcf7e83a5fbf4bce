"""The example of a plug-in, installed as a user installs one: its own tests pass, and a running recorder uses it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from tawny.testing.http_service import ReceivedRequest, Reply, StandIn, served
from tawny.testing.waiting import until

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "tawny-plugin"
SECRET = "s3cretOfTheExample"
EVENT_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables with which Python finds the installed plug-in."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    words = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target), str(EXAMPLE)]
    subprocess.run([*pip, *words], check=True, timeout=120)
    return {**os.environ, "PYTHONPATH": str(target)}


def run_pytest(folder: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *words]
    variables = {**environment, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False)


def test_its_own_tests_pass(environment: dict[str, str]) -> None:
    run = run_pytest(EXAMPLE, environment)
    passed = re.search(r"(\d+) passed", run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    assert passed
    assert int(passed[1]) > 50, "the contract suites are among its tests"


def test_a_suite_explains_what_failed(environment: dict[str, str], tmp_path: Path) -> None:
    """Assertions of the suites are rewritten, though they are no test files."""
    (tmp_path / "test_broken.py").write_text(
        "from tawny_example.light_switch import LightSwitch\n"
        "from tawny.testing.contracts import DetectorContract\n"
        "from tawny.model.observations import Look\n"
        "class Broken(LightSwitch):\n"
        "    def look(self, frame):\n"
        "        return Look(101)\n"
        "class TestBroken(DetectorContract):\n"
        "    def make(self):\n"
        "        return Broken({})\n"
    )
    run = run_pytest(tmp_path, environment, "-k", "in_range", "test_broken.py")
    assert run.returncode == 1
    assert "assert 101 <= 100" in run.stdout


def snapshot(asked: ReceivedRequest) -> Reply:
    """Return a picture of a room whose light is on in every other ten seconds."""
    picture = np.full((240, 320, 3), 40 if int(time.monotonic()) // 10 % 2 else 120, np.uint8)
    picture[100:140, 100:200] = 200
    return 200, cv2.imencode(".jpg", picture)[1].tobytes()


@contextmanager
def recorder(folder: Path, settings: str, environment: dict[str, str]) -> Iterator[None]:
    (folder / "tawny.toml").write_text(settings)
    program = "from tawny.cli.main import entry; entry()"
    words = [sys.executable, "-c", program, "run", "--config", str(folder / "tawny.toml")]
    with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(30) == 0


@pytest.mark.shows("SC37")
def test_a_running_recorder_finds_it_by_its_entry_points(environment: dict[str, str], tmp_path: Path) -> None:
    """A snapshot becomes a packet, its light an event, and the event a message."""
    with served(StandIn(snapshot)) as camera, served(StandIn()) as chat:
        settings = f"""
            [storage]
            path = "{tmp_path / "recordings"}"
            [web]
            listen = "127.0.0.1:0"
            [cameras.workshop]
            source = "snapshot+http://viewer:{SECRET}@127.0.0.1:{camera.port}/snap.jpg"
            [cameras.workshop.snapshot]
            fps = 5.0
            [cameras.workshop.detection]
            detector = "light_switch"
            [notifiers.team]
            url = "mattermost+http://127.0.0.1:{chat.port}/hooks/{SECRET}"
            levels = ["alert", "detection", "motion"]
        """
        with recorder(tmp_path, settings, environment):
            until(lambda: chat.asked, EVENT_WITHIN_S, "a message about the light")
    assert chat.last.path == f"/hooks/{SECRET}"
    assert "Motion" in chat.last.json["text"]
    assert all("authorization" in one.headers for one in camera.asked)


def test_only_the_contract_suites_need_pytest() -> None:
    needs = [
        path for path in (ROOT / "src").rglob("*.py") if re.search(r"^\s*(import|from) pytest", path.read_text(), re.M)
    ]
    assert {path.parent for path in needs} == {ROOT / "src" / "tawny" / "testing" / "contracts"}
