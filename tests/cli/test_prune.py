"""`tawny prune`: a rehearsal shows what the next run does, file by file; folders of others are kept to their size."""

import json
import os
import shutil
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tawny.cli import recordings
from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.delivery.outbox import Outbox
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.storage.disk.volume import Volume
from tawny.storage.history.left_cameras import LEFT
from tawny.testing.clock import FakeClock
from tests.cli.conftest import Tawny


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.mp4")}


def _settings(folder: Path, keep: str) -> str:
    path = folder / "tawny.toml"
    path.write_text(f"[storage]\nretention = {keep}\n")
    return str(path)


def _json(tawny: Tawny, *words: str) -> Any:
    return json.loads(tawny("prune", *words, "--json").out)


def test_the_next_run_does_what_the_rehearsal_showed(tawny: Tawny, archive: Path, tmp_path: Path) -> None:
    before = _files(archive)
    where = [
        "--data",
        str(archive),
        "--config",
        _settings(tmp_path, '{ min = "0 s", max_files = 1, min_free = "0 %" }'),
    ]
    shown = _json(tawny, *where, "--dry-run")
    assert _files(archive) == before
    done = _json(tawny, *where)
    assert done["removals"] == shown["removals"]
    assert {one["why"] for one in done["removals"]} == {"to have at most 1 files"}
    assert _files(archive) == before - {one["path"] for one in shown["removals"]}
    assert len(_files(archive)) == 1
    assert tawny("check", "--wall", "--deep", "--data", str(archive)).code == 0


def test_thinning_is_shown_and_done_and_leaves_time_recorded(tawny: Tawny, archive: Path, tmp_path: Path) -> None:
    where = ["--data", str(archive), "--config", _settings(tmp_path, '{ keyframes_after = "0 s", min_free = "0 %" }')]
    shown = _json(tawny, *where, "--dry-run")
    assert {one["path"] for one in shown["thinnings"]} == _files(archive)
    timeline = ["timeline", "--camera", "door", "--from", "1 day ago", "--to", "now", "--data", str(archive), "--json"]
    spans = json.loads(tawny(*timeline).out)["spans"]
    assert _json(tawny, *where)["thinnings"] == shown["thinnings"]
    assert all(path.endswith(".main.thin.mp4") for path in _files(archive))
    assert json.loads(tawny(*timeline).out)["spans"] == spans
    result = tawny("check", "--wall", "--deep", "--data", str(archive))
    assert result.code == 0
    assert "contain keyframes only" in result.out
    assert "Nothing would be deleted" in tawny("prune", *where, "--dry-run").out


@pytest.mark.parametrize("words", [("--dry-run",), ()])
def test_recordings_that_wait_for_upload_stay(
    tawny: Tawny, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str]
) -> None:
    monkeypatch.setattr(recordings, "SystemClock", lambda: FakeClock("2040-01-01T00:00:00Z"))
    chosen = Path(_settings(tmp_path, '{ min = "0 s", max = "7 days", min_free = "0 %" }'))
    where = ["--data", str(archive), "--config", str(chosen)]
    outbox, every = Outbox(archive / "outbox.db", FakeClock()), Span(0, 1 << 42)
    outbox.add([Delivery("nas", "a", DeliveryKind.FOOTAGE, {}, 0, 0, camera=CameraId("door"), needs=every)])
    outbox.close()
    before = _files(archive)
    without = chosen.read_text()
    chosen.write_text(without + '[destinations.nas]\nurl = "sftp://nas/tawny"\n')
    assert _json(tawny, *where, *words)["removals"] == []
    assert _files(archive) == before
    chosen.write_text(without)
    assert {one["path"] for one in _json(tawny, *where, *words)["removals"]} == before


def test_recordings_of_a_camera_that_an_edit_removed_keep_its_retention(
    tawny: Tawny, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "SystemClock", lambda: FakeClock("2040-01-01T00:00:00Z"))
    rules = _settings(tmp_path, '{ min = "0 s", max = "7 days", min_free = "0 %" }')
    where = ["--data", str(archive), "--config", rules]
    assert _json(tawny, *where, "--dry-run")["removals"]
    Volume.at(archive).write_whole(LEFT, b'{"door": {"retention": {"max": "36500 days"}}}')
    assert _json(tawny, *where, "--dry-run")["removals"] == []


def test_a_damaged_outbox_is_named_and_keeps_nothing(tawny: Tawny, archive: Path, tmp_path: Path) -> None:
    (archive / "outbox.db").write_bytes(b"damaged" * 1000)
    chosen = _settings(tmp_path, '{ min = "0 s", max_files = 1, min_free = "0 %" }')
    result = tawny("prune", "--data", str(archive), "--config", chosen)
    assert (result.code, "Which recordings wait for upload isn't known" in result.err) == (0, True), result.err
    assert len(_files(archive)) == 1


@pytest.mark.shows("PK28")
def test_a_folder_of_somebody_else(tawny: Tawny, tmp_path: Path) -> None:
    for day in ("2020-01-01", "2020-01-02"):
        (tmp_path / "ftp" / day).mkdir(parents=True)
        (tmp_path / "ftp" / day / "a.mp4").write_bytes(b"12345")
    (tmp_path / "ftp" / "notes.txt").write_text("stays")
    where = ["--folder", str(tmp_path / "ftp")]
    result = tawny("prune", *where, "--files", "1", "--dry-run")
    assert "2020-01-01/a.mp4" in result.out
    assert _files(tmp_path / "ftp") == {"2020-01-01/a.mp4", "2020-01-02/a.mp4"}
    tawny("prune", *where, "--files", "1")
    assert _files(tmp_path / "ftp") == {"2020-01-02/a.mp4"}
    assert [one["path"] for one in _json(tawny, *where, "--keep", "14 days")["removals"]] == ["2020-01-02/a.mp4"]
    assert sorted(path.name for path in (tmp_path / "ftp").iterdir()) == ["notes.txt"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"])
@pytest.mark.parametrize(("now", "removed"), [("2026-03-29T22:59:00Z", 0), ("2026-03-29T23:01:00Z", 1)])
def test_a_day_of_a_folder_ends_by_the_offset_of_that_day(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, now: str, removed: int
) -> None:
    (tmp_path / "2026-03-28").mkdir()
    (tmp_path / "2026-03-28" / "a.mp4").write_bytes(b"12345")
    with monkeypatch.context() as there:
        there.setenv("TZ", zone)
        time.tzset()
        there.setattr(recordings, "SystemClock", lambda: FakeClock(now))
        assert len(_json(tawny, "--folder", str(tmp_path), "--keep", "1 day")["removals"]) == removed
    time.tzset()


def test_files_without_a_date_that_stay_are_counted(tawny: Tawny, tmp_path: Path) -> None:
    for name in ("a.h264", "b.h264", "c.h264"):
        (tmp_path / name).write_bytes(b"12345")
    where = ["--folder", str(tmp_path), "--files", "2"]
    assert tawny("prune", *where).out == "Nothing was deleted.\n3 files without a date in their path stay.\n"
    assert _json(tawny, *where)["undated_files"] == 3
    for name in ("b.h264", "c.h264"):
        (tmp_path / name).unlink()
    output = tawny("prune", *where, "--dry-run").out
    assert output == "Nothing would be deleted.\n1 file without a date in its path stays.\n"


@pytest.mark.shows("PK29")
def test_the_newest_days_stay_however_long_ago_they_were(tawny: Tawny, tmp_path: Path) -> None:
    first = date(2020, 1, 25)
    days = [f"{first + timedelta(days=number):%Y/%m/%d}" for number in range(40)]
    for day in [*days, "notes", "2020/99"]:
        (tmp_path / "tree" / day).mkdir(parents=True)
        (tmp_path / "tree" / day / "a.mp4").write_bytes(b"12345")
    where = ["--folder", str(tmp_path / "tree"), "--days", "30"]
    kept = {f"{day}/a.mp4" for day in [*days[10:], "notes", "2020/99"]}
    assert {one["path"] for one in _json(tawny, *where)["removals"]} == {f"{day}/a.mp4" for day in days[:10]}
    assert _files(tmp_path / "tree") == kept
    assert not (tmp_path / "tree" / "2020" / "01").exists(), "an empty month goes too"
    assert _json(tawny, *where)["removals"] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--folder", "."], 2),
        (["--folder", ".", "--keep", "14"], 2),
        (["--folder", ".", "--size", "lots"], 2),
        (["--folder", ".", "--files", "-1"], 2),
        (["--folder", ".", "--days", "0"], 2),
        (["--days", "3"], 2),
        (["--files", "0"], 2),
        (["--folder", "nowhere", "--keep", "14 days"], 3),
        (["--keep", "14 days"], 2),
    ],
)
def test_wrong_use_is_told(tawny: Tawny, words: list[str], code: int) -> None:
    assert tawny("prune", *words).code == code


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize("words", [("prune",), ("check", "--repair")], ids=" ".join)
def test_what_root_makes_is_the_recorders(tawny: Tawny, archive: Path, words: tuple[str, ...]) -> None:
    """It could not open its index, or write its history, at its next start."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # other users cannot open what is in `tmp_path`
    try:
        data = Path(shutil.copytree(archive, folder / "data"))
        for index in data.glob("tawny.db*"):
            index.unlink()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 33, 33)
        tawny(*words, "--data", str(data))
        assert (data / "tawny.db").exists()
        assert {path.lstat().st_uid for path in data.rglob("*")} == {33}
    finally:
        shutil.rmtree(folder)
