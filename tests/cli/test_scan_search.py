"""`tawny find --in RESULTS`: what scans have found, by words and by what it looked like."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from tawny.cli.scan_recipe import ScanRecipe, prepare
from tests.cli.conftest import Tawny
from tests.detection import films
from tests.detection.coloured_films import cars, first_s
from tests.detection.made_clip import make_clip
from tests.sealed.made import OWNER, RECOVERY


@pytest.fixture
def results(tawny: Tawny, tmp_path: Path) -> Path:
    """The log of a scan of two roads, and of a place without colours."""
    log = tmp_path / "log.jsonl"
    result = tawny("scan", str(cars("red", "blue")), str(cars("blue")), str(films.walkers()), "--log", str(log))
    assert result.code == 0, result.err
    return log


def found(tawny: Tawny, results: Path, *words: str) -> list[dict[str, Any]]:
    result = tawny("find", *words, "--in", str(results), "--json")
    assert result.code == 0, result.err
    events: list[dict[str, Any]] = json.loads(result.out)["events"]
    return events


def places(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Each film with the number of the car in it."""
    return [(Path(one["file"]).stem, round((one["start_s"] - first_s(0)) / 26)) for one in events]


def test_a_red_car_is_found_with_video_time_and_likeness(tawny: Tawny, results: Path) -> None:
    (event,) = found(tawny, results, "red", "car")
    assert places([event]) == [("cars-red-blue", 0)]
    assert event["start_s"] == pytest.approx(first_s(0), abs=1.0)
    assert event["match"] > 0.5
    assert event["why"] == "red, vehicle"
    assert "looks" not in event
    assert sorted(places(found(tawny, results, "blue"))) == [("cars-blue", 0), ("cars-red-blue", 1)]
    assert found(tawny, results, "red", "person") == []
    text = tawny("find", "red car", "--in", str(results)).out
    assert "cars-red-blue.mp4" in text
    assert "0:00:3" in text


def test_words_without_a_look_are_answered_too(tawny: Tawny, results: Path) -> None:
    kinds = {one["type"] for one in found(tawny, results, "vehicle")}
    assert kinds == {"vehicle"}
    assert len(found(tawny, results, "vehicles cars-red-blue")) == 2
    assert found(tawny, results, "kept vehicles") == []
    assert len(found(tawny, results, "anything", "--most", "3")) == 3


def test_find_alike(tawny: Tawny, results: Path) -> None:
    [one, other] = found(tawny, results, "blue car")
    assert [event["id"] for event in found(tawny, results, "--like", one["id"])] == [other["id"]]
    assert tawny("find", "--like", "none", "--in", str(results)).code == 3


def test_a_search_model_finds_what_colours_do_not_name(tawny: Tawny, tmp_path: Path) -> None:
    settings = tmp_path / "model.toml"
    settings.write_text(f'[search]\nmodel = "{make_clip(tmp_path / "model")}"\ncolours = false\n')
    log = ("--log", str(tmp_path / "log.jsonl"))
    out = tawny("scan", str(cars("red", "blue")), "--json", *log, "--config", str(settings)).out
    results = tmp_path / "scanned.jsonl"
    results.write_text(out)
    assert ["looks" in one or "vector" not in one for one in json.loads(out)["events"]] == [False, False]
    events = found(tawny, results, "crimson", "--config", str(settings))
    assert places(events[:1]) == [("cars-red-blue", 0)]
    assert events[0]["why"] == "looks like “crimson”, vehicle"
    assert found(tawny, results, "azure", "--config", str(settings))[0]["start_s"] > first_s(1) - 1
    assert "Ignored unknown words: crimson" in tawny("find", "crimson", "--in", str(results)).err
    other = json.loads(out) | {"search_model": "another"}
    results.write_text(json.dumps(other))
    result = tawny("find", "crimson", "--in", str(results), "--config", str(settings))
    assert "2 objects were seen by another search model" in result.err


def test_a_search_model_that_cannot_be_used_is_said_before_a_scan(tawny: Tawny, tmp_path: Path) -> None:
    settings = tmp_path / "model.toml"
    settings.write_text(f'[search]\nmodel = "{tmp_path / "nothing"}"\n')
    log = ("--log", str(tmp_path / "log.jsonl"))
    result = tawny("scan", str(cars("blue")), *log, "--config", str(settings))
    assert result.code == 3
    assert "lacks image.onnx" in result.err


def test_results_that_are_not_kept_have_no_looks(tawny: Tawny, tmp_path: Path) -> None:
    results = tmp_path / "scanned.jsonl"
    results.write_text(tawny("scan", str(cars("red")), "--json").out)
    assert len(found(tawny, results, "vehicle")) == 1
    result = tawny("find", "red car", "--in", str(results))
    assert (
        result.out
        == "Nothing found (any time), of 1 event in these results. They have no colours: scan with `--log`.\n"
    )


def entry(box: str, at: str, kind: str = "person", **more: Any) -> str:
    event = {"start_s": 5.0, "end_s": 9.0, "type": kind, "score": 70, "at": at, **more}
    result = {"box": box, "file": None, "camera": "door", "start": at, "duration_s": 60.0, "events": [event]}
    return json.dumps({"key": box + at, "result": result}) + "\n"


def test_recordings_of_boxes_are_found_by_box_and_time(tawny: Tawny, tmp_path: Path) -> None:
    log = tmp_path / "scans.jsonl"
    log.write_text(
        entry("beach", "2026-11-20T05:00:00.000Z")
        + entry("shed", "2026-11-20T06:00:00.000Z")
        + entry("shed", "2026-11-21T06:00:00.000Z")
        + '{"key": "torn", "part": 0}\n[]\n7\n{"resul'
    )
    assert [one["box"] for one in found(tawny, log, "person at beach")] == ["beach"]
    assert [one["at"][:10] for one in found(tawny, log, "person 2026-11-21")] == ["2026-11-21"]
    assert len(found(tawny, log, "person at door")) == 3
    assert "shed: door" in tawny("find", "person shed", "--in", str(log)).out
    assert found(tawny, log, "person on 2026-11-22") == []


def test_a_label_finds_what_may_be_one(tawny: Tawny, tmp_path: Path) -> None:
    log = tmp_path / "scans.jsonl"
    log.write_text(entry("a", "2026-11-20T05:00:00.000Z", "animal") + entry("b", "2026-11-20T06:00:00.000Z", "motion"))
    assert [one["type"] for one in found(tawny, log, "dog")] == ["animal"]


def test_that_there_are_more_results_is_said(tawny: Tawny, tmp_path: Path) -> None:
    log = tmp_path / "scans.jsonl"
    log.write_text("".join(entry("a", f"2026-11-20T0{hour}:00:00.000Z") for hour in range(3)))
    data = {most: tawny("find", "person", "--in", str(log), "--most", most).err for most in ("2", "3")}
    assert data == {"2": "Only the first 2; `--most N` shows more.\n", "3": ""}


def test_an_input_that_was_scanned_twice_counts_as_it_was_found_last(tawny: Tawny, tmp_path: Path) -> None:
    log = tmp_path / "scans.jsonl"
    at = "2026-11-20T05:00:00.000Z"
    log.write_text(entry("beach", at, "motion") + entry("beach", at, "person") + entry("shed", at, looks="AAAA"))
    assert [one["type"] for one in found(tawny, log, "anything")] == ["person"]  # and a damaged event is left out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("red", "--in", "missing"), 3),
        (("red", "--in", "empty"), 3),
        (("--spot", "0,0,1,1", "--in", "empty"), 2),
        (("red", "--since", "yesterday", "--in", "empty"), 2),
    ],
)
def test_wrong_use_is_said(tawny: Tawny, tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    (tmp_path / "empty").write_text("")
    assert tawny("find", *words).code == code


def test_nothing_is_measured_of_encrypted_cameras_and_by_choice(tmp_path: Path) -> None:
    settings = tmp_path / "tawny.toml"
    keys = f'[encryption]\nrecipients = ["{OWNER.recipient}"]\nrecovery = "{RECOVERY.recipient}"\n'
    settings.write_text(f'{keys}[cameras.door]\nsource = "demo:front"\nencrypt = true\n')
    args = Namespace(config=str(settings), data=str(tmp_path))
    assert prepare(ScanRecipe(), args, "door", print).wanted.measure is None
    assert prepare(ScanRecipe(), args, "", print).wanted.measure is not None
    settings.write_text("[search]\ncolours = false\n")
    assert prepare(ScanRecipe(), args, "", print).wanted.measure is None
