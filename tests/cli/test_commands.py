"""What the commands say of a folder of recordings: the JSON that scripts rely on, and words for people."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tawny.cli.main import COMMANDS
from tests.cli.conftest import Tawny

UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def as_json(text: str) -> Any:
    return json.loads(text)


def test_the_timeline_has_spans_and_gaps_that_tile(tawny: Tawny, recorded: Path) -> None:
    said = tawny("timeline", "--camera", "door", "--data", str(recorded), "--json")
    told = as_json(said.out)
    assert (said.code, told["camera"]) == (0, "door")
    assert len(told["spans"]) == 2
    assert {span["stream"] for span in told["spans"]} == {"main"}
    assert any(gap["reason"] == "recorder_off" for gap in told["gaps"])
    assert all(UTC.fullmatch(span["start"]) for span in told["spans"])


def test_the_timeline_for_people_says_why_time_is_missing(tawny: Tawny, recorded: Path) -> None:
    said = tawny("timeline", "--camera", "door", "--data", str(recorded))
    assert "recorded until" in said.out
    assert "tawny was off" in said.out


def test_an_unknown_camera_is_told_with_those_there_are(tawny: Tawny, recorded: Path) -> None:
    said = tawny("timeline", "--camera", "porch", "--data", str(recorded))
    assert said.code == 3
    assert "door" in said.err


def test_checking_proves_every_second(tawny: Tawny, recorded: Path) -> None:
    said = tawny("check", "--deep", "--wall", "--data", str(recorded), "--json")
    told = as_json(said.out)
    assert said.code == 0, told
    assert told["ok"] is True
    assert told["segments"] == 2
    assert told["wall"]["unexplained_s"] == 0


def test_an_export_is_an_ordinary_file_of_the_time_asked_for(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    span = as_json(tawny("timeline", "--camera", "door", "--data", str(recorded), "--json").out)["spans"][0]
    words = ["export", "--camera", "door", "--data", str(recorded), "--from", span["start"], "--to", span["end"]]
    said = tawny(*words, "-o", "clip.mp4", "--json")
    told = as_json(said.out)
    assert said.code == 0
    assert (tmp_path / "clip.mp4").stat().st_size == told["size_bytes"]
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "clip.mp4", "-f", "null", "-"], capture_output=True, cwd=tmp_path
    )
    assert (decoded.returncode, decoded.stderr) == (0, b"")
    again = tawny(*words, "-o", "clip.mp4")
    assert again.code == 3
    assert "already" in again.err


def test_an_export_can_be_split(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    span = as_json(tawny("timeline", "--camera", "door", "--data", str(recorded), "--json").out)["spans"][0]
    words = ["export", "--camera", "door", "--data", str(recorded), "--from", span["start"], "--to", span["end"]]
    assert tawny(*words, "-o", "part.mp4", "--split", "1s").code == 0
    assert len(list(tmp_path.glob("part *.mp4"))) >= 2


def test_an_export_of_nothing_says_so(tawny: Tawny, recorded: Path) -> None:
    said = tawny(
        "export",
        "--camera",
        "door",
        "--data",
        str(recorded),
        "--from",
        "2001-01-01",
        "--to",
        "2001-01-02",
        "-o",
        "x.mp4",
    )
    assert said.code == 3
    assert "Nothing of door" in said.err


def test_times_must_be_the_right_way_round(tawny: Tawny, recorded: Path) -> None:
    said = tawny("timeline", "--camera", "door", "--data", str(recorded), "--from", "now", "--to", "yesterday")
    assert said.code == 2
    assert "Turn them round" in said.err


def test_a_rehearsal_of_pruning_removes_nothing(tawny: Tawny, recorded: Path) -> None:
    before = sorted(recorded.rglob("*.mp4"))
    said = tawny("prune", "--dry-run", "--data", str(recorded), "--json")
    told = as_json(said.out)
    assert (told["removed"], told["removals"]) == (False, [])
    assert sorted(recorded.rglob("*.mp4")) == before


def test_events_of_a_quiet_time(tawny: Tawny, recorded: Path) -> None:
    said = tawny("events", "--data", str(recorded))
    assert said.code == 0
    assert "Nothing happened" in said.out
    assert tawny("events", "--data", str(recorded), "--json").out == ""


def test_status_needs_a_running_recorder(tawny: Tawny, recorded: Path) -> None:
    said = tawny("status", "--data", str(recorded))
    assert said.code == 3
    assert "No tawny is running" in said.err


def test_a_token_is_made_for_an_owner(tawny: Tawny, recorded: Path) -> None:
    told = as_json(tawny("token", "--data", str(recorded), "--json").out)
    assert told["link"].endswith(f"/setup#token={told['token']}")


def test_a_camera_is_tried_and_added(tawny: Tawny, tmp_path: Path) -> None:
    assert tawny("init").code == 0
    said = tawny("add", "hall", "demo:hall", "--json")
    told = as_json(said.out)
    assert told["streams"]["main"]["codec"] == "h264"
    checked = tawny("config", "check", "--json")
    assert as_json(checked.out) == {"ok": True, "file": "tawny.toml", "cameras": 1}


def test_the_settings_in_force_hide_passwords(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text('[cameras.a]\nsource = "rtsp://u:s3cret@192.0.2.1/x"\n')
    said = tawny("config", "show")
    assert 'cameras.a.source = "rtsp://192.0.2.1/x"' in said.out
    assert "s3cret" not in said.out


def test_the_schema_describes_every_setting(tawny: Tawny) -> None:
    told = as_json(tawny("config", "schema", "--json").out)
    assert {"storage", "web", "cameras"} <= set(told["properties"])


def test_the_unit_restarts_watches_and_locks_in(tawny: Tawny, tmp_path: Path) -> None:
    tawny("init")
    unit = tawny("service", "show", "--data", "data").out
    for line in ("Restart=always", "WatchdogSec=30", "ProtectSystem=strict", f"ReadWritePaths={tmp_path}/data"):
        assert line in unit


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, tawny: Tawny, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        tawny(command, "--help")
    assert ended.value.code == 0
    assert "--json" in capsys.readouterr().out
