"""`tawny scan`: its JSON, its clips, and that a second time nothing is scanned again."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tawny.cli.archive import open_folder
from tawny.cli.scan_inputs import InputFinder, ScanTarget
from tawny.detection.scan.scan import VideoPart, scan_part
from tawny.media.codec.video_file import FileVideo
from tawny.testing.clips import ClipSpec, clip_file
from tests.app.rig import DOOR
from tests.cli.conftest import Tawny
from tests.detection import films
from tests.detection.test_sound import alarm, among_noise
from tests.detection.test_sound_scan import filmed
from tests.support.long_recording import BEGIN_MS, record_films


def test_events_as_json(tawny: Tawny) -> None:
    result = tawny("scan", str(films.walkers()), "--json")
    data = json.loads(result.out)
    assert result.code == 0
    assert data["file"] == str(films.walkers())
    assert data["duration_s"] == pytest.approx(150, abs=0.3)
    assert data["cpu_s"] > 0
    names = {"start_s", "end_s", "type", "score"}
    assert [set(event) for event in data["events"]] == [names] * 2
    assert [event["start_s"] for event in data["events"]] == pytest.approx([40, 100], abs=1.5)


def test_sounds_of_a_file_are_named(tawny: Tawny, tmp_path: Path) -> None:
    rule = tmp_path / "hear.py"
    rule.write_text("def hear(sound):\n    return {'Smoke alarm': 0.9} if abs(sound.samples).max() > 0.1 else None\n")
    film = filmed(tmp_path / "alarm.mp4", among_noise(alarm(np.random.default_rng(3))))
    result = tawny("scan", str(film), "--sound", str(rule), "--json")
    (event,) = [one for one in json.loads(result.out)["events"] if one["type"] == "sound"]
    assert (event["sound"], event["score"] >= 50) == ("alarm", True)
    assert "sound: alarm" in tawny("scan", str(film), "--sound", str(rule)).out
    refused = tawny("scan", str(film), "--sound", "owl")
    assert refused.code != 0
    assert "No model named owl" in refused.err


def test_for_people(tawny: Tawny) -> None:
    result = tawny("scan", str(films.walkers()))
    assert "2 events" in result.out
    assert "0:00:4" in result.out


def test_clips_pictures_and_scores(tawny: Tawny, tmp_path: Path) -> None:
    out = tmp_path / "events"
    data = json.loads(tawny("scan", str(films.walkers()), "--events-out", str(out), "--json").out)
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        "walkers-0001.jpg", "walkers-0001.mp4", "walkers-0002.jpg", "walkers-0002.mp4", "walkers.html",
        "walkers.scores.csv",
    ]  # fmt: skip
    assert (out / "walkers.html").read_text().count('class="event"') == 2
    event = data["events"][0]
    assert 8 <= FileVideo(Path(event["clip"])).duration_s <= 18
    assert Path(event["snapshot"]).read_bytes().startswith(b"\xff\xd8")
    assert len((out / "walkers.scores.csv").read_text().splitlines()) == 152


def test_what_is_in_the_log_is_not_scanned_again(tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("scan", str(films.walkers()), "--log", str(tmp_path / "log.jsonl"), "--json")
    first = tawny(*words)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"key": "torn')
    monkeypatch.setattr("tawny.cli.scan_computers.scan_part", None)
    assert tawny(*words).out == first.out


def test_a_scan_that_was_broken_off_goes_on_within_the_file(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.detection.scan.scan.RESUME_S", 50.0)
    log = tmp_path / "log.jsonl"
    words = ("scan", str(films.walkers()), "--log", str(log), "--json")
    whole = json.loads(tawny(*words).out)
    lines = log.read_text().splitlines()
    assert len(lines) == 4
    log.write_text("\n".join(lines[:2]) + "\n")
    scanned: list[float] = []

    def counted(part: VideoPart, *rest: Any) -> Any:
        scanned.append(part.begin_s)
        return scan_part(part, *rest)

    monkeypatch.setattr("tawny.cli.scan_computers.scan_part", counted)
    again = json.loads(tawny(*words).out)
    assert len(scanned) == 1
    assert again["events"] == whole["events"]
    assert [event["start_s"] for event in again["events"]] == pytest.approx([40, 100], abs=1.5)


def test_exact_clips_show_nothing_before_and_after(tawny: Tawny, tmp_path: Path) -> None:
    out = tmp_path / "events"
    words = ("scan", str(films.walkers()), "--events-out", str(out), "--before", "1.4 s", "--after", "0.6 s", "--exact")
    event = json.loads(tawny(*words, "--json").out)["events"][0]
    shown = shown_at(Path(event["clip"]))
    assert shown[0] == pytest.approx(0, abs=0.21)
    assert shown[-1] == pytest.approx(event["end_s"] - event["start_s"] + 2.0, abs=0.45)


def shown_at(clip: Path) -> list[float]:
    """When a player shows each picture: those before the beginning are only decoded."""
    with av.open(str(clip)) as opened:
        frames = list(opened.decode(opened.streams.video[0]))
    return sorted(frame.time for frame in frames if frame.time is not None and frame.time >= 0)


def test_recorded_time_is_scanned_as_files_are(tawny: Tawny, recorded: Path, tmp_path: Path) -> None:
    out = tmp_path / "events"
    words = ("scan", "--camera", "door", "--data", str(recorded), "--from", "2000-01-01", "--json", "--thorough")
    result = tawny(*words, "--detector", "framediff", "--set", "level=0", "--set", "frames=1", "--events-out", str(out))
    found = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 0, result.err
    assert {one["camera"] for one in found} == {"door"}
    assert all(one["duration_s"] > 0 and one["start"].endswith("Z") for one in found)
    events = [event for one in found for event in one["events"]]
    assert events
    assert all(event["at"].startswith(found[0]["start"][:10]) for event in events)
    assert FileVideo(Path(events[0]["clip"])).duration_s > 0
    assert Path(events[0]["snapshot"]).read_bytes().startswith(b"\xff\xd8")


@pytest.mark.parametrize("words", [("scan",), ("scan", "clip.mp4", "--camera", "door"), ("scan", "--camera", "door")])
def test_either_files_or_a_camera_with_a_time(tawny: Tawny, words: tuple[str, ...]) -> None:
    assert tawny(*words).code == 2


@pytest.mark.parametrize("over_ms", [0, 1, 2000])
def test_each_format_is_scanned_once_however_their_times_overlap(tmp_path: Path, over_ms: int) -> None:
    for number, width in enumerate((160, 240, 160)):
        film = partial(clip_file, ClipSpec(width=width, height=160))
        record_films(tmp_path, DOOR, [film], BEGIN_MS + number * (4000 - over_ms))
    with open_folder(tmp_path) as archive:
        finder = InputFinder(archive)
        found = finder.all(ScanTarget(camera=DOOR, from_ms=BEGIN_MS + 1000, to_ms=BEGIN_MS + 12_000))
        assert [one.begins_ms for one in found] == [BEGIN_MS + number * (4000 - over_ms) for number in range(3)]
        assert [round(one.video().duration_s, 1) for one in found] == [4.0] * 3
        again = [finder.one(one.target) for one in found]
        assert [one.key({}) for one in again if one] == [one.key({}) for one in found]


def test_nothing_recorded_is_told(tawny: Tawny, recorded: Path) -> None:
    result = tawny("scan", "--camera", "door", "--data", str(recorded), "--from", "2000-01-01", "--to", "2000-01-02")
    assert (result.code, "No recording from door" in result.err) == (3, True)


def test_another_sensitivity_is_another_scan(tawny: Tawny, tmp_path: Path) -> None:
    words = ("scan", str(films.empty()), "--log", str(tmp_path / "log.jsonl"), "--json")
    tawny(*words)
    tawny(*words, "--sensitivity", "80")
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2


def test_one_bad_file_among_good_ones(tawny: Tawny, tmp_path: Path) -> None:
    result = tawny("scan", str(tmp_path / "none.mp4"), str(films.empty()), "--json")
    bad, good = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 1
    assert "none.mp4" in bad["error"]["message"]
    assert good["events"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("--detector", "none-such"),
        ("--sensitivity", "0"),
        ("--region", "0,0,1"),
        ("--region", "0,0,1,1,1,0,0,1"),
        ("--set", "level"),
        ("--join", "soon"),
    ],
)
def test_wrong_use_is_told(tawny: Tawny, words: tuple[str, ...]) -> None:
    assert tawny("scan", "clip.mp4", *words).code == 2


def test_a_region_that_is_none_is_told_with_what_it_needs(tawny: Tawny) -> None:
    result = tawny("scan", "clip.mp4", "--region", "0,0,1,1")
    assert result.err == "tawny: --region 0,0,1,1 must have at least three points. See `tawny scan --help`.\n"


def test_detectors_are_compared_over_recordings(tawny: Tawny, recorded: Path) -> None:
    words = ("scan", "--camera", "door", "--data", str(recorded), "--from", "2000-01-01", "--json", "--compare")
    result = tawny(*words)
    assert result.code == 0, result.err
    answer = [json.loads(line) for line in result.out.splitlines()]
    assert {one["camera"] for one in answer} == {"door"}
    assert all({found["detector"] for found in one["detectors"]} >= {"motion", "edges"} for one in answer)


def test_what_is_no_video_is_not_compared(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "letter.mp4").write_text("Dear tawny")
    result = tawny("scan", str(tmp_path / "letter.mp4"), "--compare")
    assert result.code == 1
    assert "letter.mp4" in result.out + result.err
    assert "Traceback" not in result.err
