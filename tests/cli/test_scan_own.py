"""`tawny scan --detector own`: a file with `detect()` on a film: all of it is shown, and what is wrong is told."""

import json
from collections.abc import Mapping
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tawny.engine import plugins
from tawny.model.observations import Frame, Look
from tests.cli.conftest import Tawny
from tests.detection import films

WORDS = ("--detector", "own", "--set", "file=detect.py")


def written(folder: Path, text: str) -> None:
    (folder / "detect.py").write_text(text, encoding="utf-8")


def test_every_picture_is_shown_however_slowly_the_file_is_loaded(tawny: Tawny, tmp_path: Path) -> None:
    written(
        tmp_path,
        "import time\ntime.sleep(1)\n"
        "def detect(frame):\n"
        "    print('at', round(frame.time, 1))\n"
        "    return [Observation((0.1, 0.1, 0.5, 0.5), 'fox', 0.9)] if 9 < frame.time < 12 else 0.1\n",
    )
    result = tawny("scan", str(films.empty(20)), *WORDS, "--json", "--events-out", "out")
    (event,) = json.loads(result.out)["events"]
    assert (result.code, event["type"], event["score"]) == (0, "fox", 90)
    assert (event["start_s"], event["end_s"]) == (pytest.approx(9.2, abs=0.3), pytest.approx(12, abs=0.3))
    scores = [line.split(",")[1] for line in (tmp_path / "out" / "empty.scores.csv").read_text().splitlines()[1:20]]
    assert scores == ["10"] * 9 + ["90"] * 3 + ["10"] * 7
    assert "at 0.0\nat 0.2\nat 0.4\n" in tawny("scan", str(films.empty(20)), *WORDS).err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def detect(frame):\n    return frame.colour\n", "detect.py, line 2: AttributeError"),
        ("def detect(frame:\n", "detect.py, line 1: SyntaxError"),
        ("import os\ndef detect(frame):\n    os._exit(7)\n", "detect.py: its process ended with exit code 7."),
        ("", "detect.py: AttributeError: detect.py has no function detect()."),
    ],
)
def test_what_is_wrong_ends_the_scan_and_is_told_with_its_line(
    tawny: Tawny, tmp_path: Path, text: str, says: str
) -> None:
    written(tmp_path, text)
    result = tawny("scan", str(films.empty(20)), *WORDS, "--json")
    assert result.code == 1
    assert says in json.loads(result.out)["error"]["message"]


def test_what_takes_too_long_is_told_as_soon(tawny: Tawny, tmp_path: Path) -> None:
    written(tmp_path, "def detect(frame):\n    while True: pass\n")
    result = tawny("scan", str(films.empty(20)), *WORDS, "--set", "deadline=0.2")
    assert (result.code, "detect.py, line 2: it took longer than 0.2 s." in result.out) == (1, True)


def test_a_file_that_is_not_there_is_told(tawny: Tawny) -> None:
    result = tawny("scan", str(films.empty(20)), *WORDS)
    assert (result.code, "detect.py: it is not there." in result.out) == (1, True)


def test_a_file_that_was_changed_scans_anew(tawny: Tawny, tmp_path: Path) -> None:
    words = ("scan", str(films.empty(20)), *WORDS, "--log", "log.jsonl", "--json")
    written(tmp_path, "def detect(frame):\n    return False\n")
    assert json.loads(tawny(*words).out)["events"] == []
    written(tmp_path, "def detect(frame):\n    return True\n")
    assert len(json.loads(tawny(*words).out)["events"]) == 1
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2


class StillDetector:
    """Sees nothing."""

    name: ClassVar[str] = "still"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Have no settings."""

    def look(self, frame: Frame) -> Look:
        return Look(0)


class FailingDetector(StillDetector):
    name: ClassVar[str] = "failing"

    def look(self, frame: Frame) -> Look:
        raise RuntimeError("no GPU")


class UnmadeDetector(StillDetector):
    name: ClassVar[str] = "unmade"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        raise LookupError("weights")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"still": "StillDetector", "failing": "FailingDetector", "unmade": "UnmadeDetector", "gone": "Gone"}
    entries = EntryPoints(EntryPoint(name, f"{__name__}:{what}", "tawny.detectors") for name, what in parts.items())
    monkeypatch.setattr(plugins, "installed_entry_points", lambda group: entries)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("failing", "The plug-in failing failed: RuntimeError: no GPU (test_scan_own.py, line "),
        ("unmade", "The plug-in unmade failed: LookupError: weights (test_scan_own.py, line "),
        ("gone", "The plug-in gone couldn't be loaded: AttributeError: "),
    ],
)
def test_a_plug_in_that_fails_in_a_scan_is_named(tawny: Tawny, name: str, says: str) -> None:
    result = tawny("scan", str(films.empty(20)), "--detector", name)
    assert result.code != 0
    assert says in result.out + result.err


@pytest.mark.usefixtures("installed")
def test_a_plug_in_that_fails_is_left_out_of_a_comparison(tawny: Tawny) -> None:
    found = json.loads(tawny("scan", str(films.empty(20)), "--compare", "--json").out)
    assert [one["detector"] for one in found["detectors"]] == ["still"]
    assert {name: why.partition(" (")[0] for name, why in found["left_out"].items() if name != "gone"} == {
        "failing": "The plug-in failing failed: RuntimeError: no GPU",
        "unmade": "The plug-in unmade failed: LookupError: weights",
    }
    assert found["left_out"]["gone"].startswith("it couldn't be loaded: AttributeError: ")
