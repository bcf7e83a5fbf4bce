"""`tawny mode`: shows the mode that is active and until when, sets another one, and goes back to the schedule."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tawny.engine import Bus
from tests.cli.conftest import Tawny, answering

NIGHT = {"at": "2026-11-20T21:00:00.000Z", "mode": "night"}
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


class Recorder:
    """What it answers about modes, and what it was told to do."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.now: dict[str, Any] = {
            "modes": ["home", "away", "night"], "mode": "home", "by": "schedule", "by_hand": False,
            "since": "2026-11-20T05:00:00.000Z", "until": None, "next": [NIGHT], "people": [],
        }  # fmt: skip

    def order(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.orders.append(asked["order"])
        return {"done": "Mode: away."}


@pytest.fixture
def recorder(recorded: Path) -> Iterator[Recorder]:
    made = Recorder()
    with answering(recorded, Bus(), {"modes": lambda _: made.now, "order": made.order}):
        yield made


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({}, [rf"Mode: home, on schedule, since {TIME}\.", rf"Next change: night, {TIME}\.", "Modes: home, away, nig"]),
        ({"next": []}, ["Mode: home", r"No change scheduled\.", "Modes: "]),
        ({"by": "presence", "next": []}, ["Mode: home, because of presence, since", "No change", "Modes: "]),
        (
            {"by": "Anna", "by_hand": True, "mode": "away", "until": NIGHT["at"]},
            [rf"Mode: away, set by Anna, since {TIME}\.", rf"Until {TIME}, then night\.", "Modes: "],
        ),
        ({"by": "Anna", "by_hand": True, "until": "2026-11-20T20:00:00.000Z"}, ["Mode", rf"Until {TIME}\.", "Modes: "]),
        (
            {"people": [{"name": "anna", "home": True}, {"name": "ben", "home": False}]},
            ["Mode: ", "Next", r"Home: anna\.", "Modes: "],
        ),
        ({"people": [{"name": "ben", "home": False}]}, ["Mode: ", "Next", r"Home: no one\.", "Modes: "]),
    ],
)
def test_the_active_mode_is_shown(
    tawny: Tawny, recorded: Path, recorder: Recorder, change: dict[str, Any], lines: list[str]
) -> None:
    recorder.now |= change
    result = tawny("mode", "--data", str(recorded))
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == len(lines)
    for line, pattern in zip(result.out.splitlines(), lines, strict=True):
        assert re.match(pattern, line), line
    assert json.loads(tawny("mode", "--data", str(recorded), "--json").out) == recorder.now
    assert recorder.orders == []


@pytest.mark.parametrize(
    ("modes", "words", "order"),
    [
        (("home", "away"), ("away",), {"command": "set_mode", "mode": "away"}),
        (("home", "away"), ("away", "--for", "8h"), {"command": "set_mode", "mode": "away", "for": 28_800}),
        (("home", "away"), ("home",), {"command": "set_mode", "mode": "home"}),
        (("here", "away"), ("home",), {"command": "set_mode", "mode": "here"}),
        (("here", "away"), ("home", "--for", "30 s"), {"command": "set_mode", "mode": "here", "for": 30}),
        (("home", "away"), ("schedule",), {"command": "set_mode", "mode": "schedule"}),
        (("home", "schedule"), ("schedule",), {"command": "set_mode", "mode": "schedule"}),
        (("home", "away"), ("moon",), {"command": "set_mode", "mode": "moon"}),
    ],
)
def test_another_mode_is_set(
    tawny: Tawny,
    recorded: Path,
    recorder: Recorder,
    modes: tuple[str, ...],
    words: tuple[str, ...],
    order: dict[str, Any],
) -> None:
    recorder.now["modes"] = list(modes)
    result = tawny("mode", *words, "--data", str(recorded))
    assert (result.code, result.out, recorder.orders) == (0, "Mode: away.\n", [order]), result.err


def test_a_mode_that_could_not_be_stored_is_said(tawny: Tawny, recorded: Path, recorder: Recorder) -> None:
    recorder.now["problem"] = "The disk at modes.db is full."
    for words in (("away",), ()):
        assert (
            "a restart may lose it. The disk at modes.db is full." in tawny("mode", *words, "--data", str(recorded)).err
        )


@pytest.mark.parametrize(
    ("words", "says"),
    [(("--for", "1h"), "--for requires a mode."), (("away", "--for", "soon"), "`--for soon` isn't a valid duration.")],
)
def test_a_wrong_use_changes_nothing(
    tawny: Tawny, recorded: Path, recorder: Recorder, words: tuple[str, ...], says: str
) -> None:
    result = tawny("mode", *words, "--data", str(recorded))
    assert (result.code, says in result.err, recorder.orders) == (2, True, []), result.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("mode", "away", "--for", "0s"), "`--for` must be 1 s to 31 days."),
        (("pause", "yard", "--for", "99999999999h"), "`--for` must be 1 s to 31 days."),
        (("record", "yard", "--for", "25h"), "`--for` must be 1 s to 1 day."),
        (("snooze", "yard", "--for", "59s"), "`--for` must be 1 min to 7 days."),
        (("relay", "lamp", "on", "--for", "2h"), "`--for` must be 0.1 s to 1 h."),
        (("event", "update", "bell", "--for", "2 days"), "`--for` must be 1 s to 1 day."),
        (("event", "open", "yard", "--score", "100.1"), "`--score` must be 0 to 100."),
        (("ptz", "yard", "--pan", "1", "--for", "11s"), "`--for` must be 0.1 s to 10 s."),
        (("ptz", "yard", "--pan", "2"), "`--pan` must be -1 to 1."),
        (("ptz", "yard", "--zoom", "nan"), "`--zoom` must be -1 to 1."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_number_outside_its_limits_is_not_sent(
    tawny: Tawny, recorded: Path, recorder: Recorder, words: tuple[str, ...], says: str
) -> None:
    result = tawny(*words, "--data", str(recorded))
    assert (result.code, says in result.err, recorder.orders) == (2, True, []), result.err


@pytest.mark.parametrize("most", ["1s", "31 days"])
def test_a_number_at_its_limit_is_sent(tawny: Tawny, recorded: Path, recorder: Recorder, most: str) -> None:
    assert tawny("pause", "yard", "--for", most, "--data", str(recorded)).code == 0
    assert len(recorder.orders) == 1


def test_it_needs_a_running_recorder(tawny: Tawny, recorded: Path) -> None:
    result = tawny("mode", "--data", str(recorded))
    assert (result.code, "No tawny is running" in result.err) == (3, True), result.err
