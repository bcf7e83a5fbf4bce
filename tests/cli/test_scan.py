"""`tawny scan`: its JSON, its clips, and that a second time nothing is scanned again."""

import json
from pathlib import Path

import pytest

from tawny.media.file_video import FileVideo
from tests.cli.conftest import Tawny
from tests.watch import films


def test_events_as_json(tawny: Tawny) -> None:
    said = tawny("scan", str(films.walkers()), "--json")
    told = json.loads(said.out)
    assert said.code == 0
    assert told["file"] == str(films.walkers())
    assert told["duration_s"] == pytest.approx(150, abs=0.3)
    assert told["cpu_s"] > 0
    assert [set(event) for event in told["events"]] == [{"start_s", "end_s", "kind", "score"}] * 2
    assert [event["start_s"] for event in told["events"]] == pytest.approx([40, 100], abs=1.5)


def test_for_people(tawny: Tawny) -> None:
    said = tawny("scan", str(films.walkers()))
    assert "2 events" in said.out
    assert "0:00:4" in said.out


def test_clips_pictures_and_scores(tawny: Tawny, tmp_path: Path) -> None:
    out = tmp_path / "events"
    told = json.loads(tawny("scan", str(films.walkers()), "--events-out", str(out), "--json").out)
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        "walkers-0001.jpg", "walkers-0001.mp4", "walkers-0002.jpg", "walkers-0002.mp4", "walkers.scores.csv",
    ]  # fmt: skip
    event = told["events"][0]
    assert 8 <= FileVideo(Path(event["clip"])).duration_s <= 18
    assert Path(event["picture"]).read_bytes().startswith(b"\xff\xd8")
    assert len((out / "walkers.scores.csv").read_text().splitlines()) == 152


def test_what_is_in_the_log_is_not_scanned_again(tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("scan", str(films.walkers()), "--log", str(tmp_path / "log.jsonl"), "--json")
    first = tawny(*words)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"key": "torn')
    monkeypatch.setattr("tawny.cli.scanning.scan_part", None)
    assert tawny(*words).out == first.out


def test_another_sensitivity_is_another_scan(tawny: Tawny, tmp_path: Path) -> None:
    words = ("scan", str(films.empty()), "--log", str(tmp_path / "log.jsonl"), "--json")
    tawny(*words)
    tawny(*words, "--sensitivity", "80")
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2


def test_one_bad_file_among_good_ones(tawny: Tawny, tmp_path: Path) -> None:
    said = tawny("scan", str(tmp_path / "none.mp4"), str(films.empty()), "--json")
    bad, good = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 1
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
