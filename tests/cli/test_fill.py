"""`tawny fill`: what it asks of the recorder that runs, and what it says."""

from pathlib import Path
from typing import Any

import pytest

from tawny.cli import recordings
from tests.cli.conftest import Tawny

STATES = {
    "done": ("", "", 0, "Filled."),
    "gone": ("The camera's card doesn't have what is missing.", "", 1, "doesn't have what is missing"),
    "unable": ("This camera doesn't offer what is on its card.", "", 1, "doesn't offer"),
}


class Recorder:
    """missing_s: what it says first. ends: the state that follows one that waits."""

    def __init__(self, missing_s: float, ends: str) -> None:
        self.missing_s, self.ends = missing_s, ends
        self.asked: list[dict[str, Any]] = []

    def once(self, folder: object, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        is_first = "from_ms" in request
        state = "waiting" if is_first else self.ends
        text = "A gap will be filled." if is_first else STATES[state][0]
        found = {"camera": request["camera"], "state": state, "left_s": 12.0, "text": text, "why": ""}
        return {**found, "missing_s": self.missing_s if is_first else None}


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(recordings, "_FOLLOW_S", 0.0)
    monkeypatch.setattr(recordings, "running_data", lambda _: tmp_path)


@pytest.mark.parametrize("ends", STATES)
def test_fill_follows_until_it_is_over(tawny: Tawny, monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    recorder = Recorder(12.34, ends)
    monkeypatch.setattr(recordings, "ask_once", recorder.once)
    result = tawny("fill", "door", "--from", "2026-11-20T05:00:00Z", "--to", "2026-11-20T06:00:00Z")
    first, *more = recorder.asked
    assert (first["command"], first["camera"], first["to_ms"] - first["from_ms"]) == ("fill", "door", 3_600_000)
    assert more == [{"command": "fill", "camera": "door"}]
    assert result.code == STATES[ends][2]
    assert "12.3 s are missing." in result.out + result.err
    assert STATES[ends][3] in result.out


def test_fill_without_waiting_asks_once(tawny: Tawny, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(5.0, "done")
    monkeypatch.setattr(recordings, "ask_once", recorder.once)
    assert tawny("fill", "door", "--no-wait").code == 0
    assert len(recorder.asked) == 1


def test_fill_with_nothing_missing_says_so(tawny: Tawny, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(0.0, "done")
    monkeypatch.setattr(recordings, "ask_once", recorder.once)
    result = tawny("fill", "door")
    assert (result.code, len(recorder.asked)) == (0, 1)
    assert "No gap in this time can be filled." in result.out
