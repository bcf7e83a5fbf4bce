"""Folders of others, by date: only what is dated goes, oldest first."""

from datetime import date
from pathlib import Path

import pytest

from tawny.model.errors import NotDone
from tawny.model.times import utc_from_text
from tawny.storage.disk.disk import RealDisk
from tawny.storage.retention.contract import RetentionRule
from tawny.storage.retention.dated_folders import apply, dated, plan

NOW_MS = utc_from_text("2026-11-20T12:00:00Z")
DAY_S = 86_400.0


def _put(root: Path, *paths: str, size_bytes: int = 1000) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(bytes(size_bytes))


def _left(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def _prune(root: Path, keep: RetentionRule) -> list[str]:
    disk = RealDisk(root)
    made, _ = plan(disk, keep, NOW_MS)
    apply(disk, made)
    return [one.segment.path for one in made.removals]


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("2026-11-20/a.mp4", date(2026, 11, 20)),
        ("cam/2026/11/20/a.mp4", date(2026, 11, 20)),
        ("cam/20261120T055812.mp4", date(2026, 11, 20)),
        ("2026_11_20.avi", date(2026, 11, 20)),
        ("clip-1795150860000.mp4", None),
        ("cam/20261120055812.mp4", date(2026, 11, 20)),
        ("FI9800_00_20261120235959.jpg", date(2026, 11, 20)),
        ("20261120240000.mp4", None),
        ("20261120056012.mp4", None),
        ("202611200558123.mp4", None),
        ("2026-13-40/20261120.mp4", date(2026, 11, 20)),
        ("notes.txt", None),
        ("1203-11-12/a.mp4", None),
        ("2026-11/20.mp4", None),
    ],
)
def test_days_are_read_from_paths(path: str, day: date | None) -> None:
    assert dated(path) == day


@pytest.mark.shows("PK29")
def test_days_older_than_wanted_go_with_their_folders(tmp_path: Path) -> None:
    _put(tmp_path, "cam/2026-11-05/a.mp4", "cam/2026-11-06/a.mp4", "cam/2026-11-20/a.mp4", "cam/readme.txt")
    assert _prune(tmp_path, RetentionRule(max_s=14 * DAY_S, free_share=0.0)) == ["cam/2026-11-05/a.mp4"]
    assert _left(tmp_path) == {"cam/2026-11-06/a.mp4", "cam/2026-11-20/a.mp4", "cam/readme.txt"}
    assert not (tmp_path / "cam/2026-11-05").exists()


@pytest.mark.shows("PK28")
def test_so_many_files_and_bytes_stay(tmp_path: Path) -> None:
    _put(tmp_path, *(f"2026/11/{day:02}/{name}.mp4" for day in (18, 19) for name in "cab"))
    assert _prune(tmp_path, RetentionRule(count=4, free_share=0.0)) == ["2026/11/18/a.mp4", "2026/11/18/b.mp4"]
    assert _prune(tmp_path, RetentionRule(size_bytes=2500, free_share=0.0)) == ["2026/11/18/c.mp4", "2026/11/19/a.mp4"]
    assert _prune(tmp_path, RetentionRule(size_bytes=2500, free_share=0.0)) == []


def test_a_folder_with_something_left_in_it_stays(tmp_path: Path) -> None:
    _put(tmp_path, "2026-11-01/a.mp4")
    (tmp_path / "2026-11-01" / "link.mp4").symlink_to("/etc/passwd")
    assert _prune(tmp_path, RetentionRule(max_s=DAY_S, free_share=0.0)) == ["2026-11-01/a.mp4"]
    assert (tmp_path / "2026-11-01" / "link.mp4").is_symlink()


def test_links_lead_nowhere(tmp_path: Path) -> None:
    _put(tmp_path / "elsewhere", "2020-01-01/a.mp4")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "2020-01-01").symlink_to(tmp_path / "elsewhere" / "2020-01-01")
    assert _prune(tmp_path / "here", RetentionRule(max_s=DAY_S, free_share=0.0)) == []


def test_a_recorders_own_folder_is_refused(tmp_path: Path) -> None:
    _put(tmp_path, "history/2026-11-20.jsonl")
    with pytest.raises(NotDone, match="recorder's folder"):
        plan(RealDisk(tmp_path), RetentionRule(max_s=DAY_S), NOW_MS)


@pytest.mark.parametrize(
    ("owner", "mark"),
    [
        ("tawny", "tawny.db"),
        ("archive", "history/volume"),
        ("mirror", "history/signed/2020-01-01.jsonl"),
        ("copies/abc", "copies.db"),
    ],
)
def test_recordings_are_refused_and_left_alone_in_other_folders(tmp_path: Path, owner: str, mark: str) -> None:
    recorded = f"disk/{owner}/front/2020/01/01/05/20200101T050000.000Z-20200101T050100.000Z.main.mp4"
    _put(tmp_path, "disk/old/2020-01-01/a.mp4", f"disk/{owner}/{mark}", recorded)
    before = _left(tmp_path)
    for named in (f"disk/{owner}", f"disk/{owner}/front", f"disk/{owner}/front/2020/01"):
        with pytest.raises(NotDone, match="recorder's folder") as error:
            _prune(tmp_path / named, RetentionRule(max_s=DAY_S))
        assert str(tmp_path / "disk" / owner) in str(error.value)
    assert _left(tmp_path) == before
    assert _prune(tmp_path / "disk", RetentionRule(max_s=DAY_S)) == ["old/2020-01-01/a.mp4"]
    assert _left(tmp_path) == before - {"disk/old/2020-01-01/a.mp4"}


def test_a_history_of_another_program_is_no_recorder(tmp_path: Path) -> None:
    _put(tmp_path, "ftp/history/2020-01-01/a.mp4")
    assert _prune(tmp_path / "ftp" / "history", RetentionRule(max_s=DAY_S)) == ["2020-01-01/a.mp4"]
    _put(tmp_path, "ftp/history/2020-01-01/a.mp4")
    assert _prune(tmp_path, RetentionRule(max_s=DAY_S)) == ["ftp/history/2020-01-01/a.mp4"]
