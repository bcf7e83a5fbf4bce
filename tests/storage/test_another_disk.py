"""A disk whose place another has taken, or none: nothing is written there, and all goes on when it is back."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tawny.model.errors import StorageError
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.storage.disk.secondary_volumes import expect_itself
from tawny.storage.disk.volume import Volume
from tawny.storage.index.sqlite_file import SmallDb
from tawny.storage.index.sqlite_index import SqliteIndex

PORCH = CameraId("porch")


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    made = Volume.at(tmp_path / "disk")
    expect_itself(made)
    return made


def _take_away(volume: Volume) -> Path:
    """As an unmount does: its place is empty."""
    away = volume.root.rename(volume.root.with_name("away"))
    volume.root.mkdir()
    return away


def _bring_back(volume: Volume, away: Path) -> None:
    volume.root.rmdir()
    away.rename(volume.root)


def test_nothing_is_read_or_written_in_the_place_of_another(volume: Volume) -> None:
    away = _take_away(volume)
    for call in (
        lambda: volume.disk.make_folder("porch"),
        lambda: volume.disk.create("a"),
        lambda: volume.disk.entries(""),
        lambda: volume.disk.entry("porch"),
        lambda: volume.disk.unlink("a"),
        lambda: volume.disk.remove_folder("porch"),
        volume.space,
    ):
        with pytest.raises(StorageError, match="the disk that should be there is not"):
            call()
    assert list(volume.root.iterdir()) == []
    _bring_back(volume, away)
    volume.disk.make_folder("porch")
    assert (volume.root / "porch").is_dir()


def test_its_place_may_be_gone_as_well(volume: Volume) -> None:
    away = volume.root.rename(volume.root.with_name("away"))
    with pytest.raises(StorageError):
        volume.disk.make_folder("porch")
    assert not volume.root.exists()
    away.rename(volume.root)
    assert volume.disk.entry("history") is not None


def test_another_recorders_disk_is_another(volume: Volume) -> None:
    volume.root.rename(volume.root.with_name("away"))
    expect_itself(Volume.at(volume.root))
    with pytest.raises(StorageError, match="should be there"):
        volume.disk.create("a")


def test_the_same_disk_mounted_again_is_the_same(volume: Volume, tmp_path: Path) -> None:
    """Also when it comes as another device: what it says of itself counts."""
    away = _take_away(volume)
    volume.root.rmdir()
    (tmp_path / "disk" / "history").mkdir(parents=True)
    mark = (away / "history" / "volume").read_bytes()
    (tmp_path / "disk" / "history" / "volume").write_bytes(mark)
    volume.disk.make_folder("porch")
    assert (tmp_path / "disk" / "porch").is_dir()


def _pull_out(path: Path) -> None:
    """What was opened of the database is dead from now on, as after its disk was pulled out."""
    dead = os.open(path.parent, os.O_RDONLY)
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(link.readlink()).startswith(str(path)):
                os.dup2(dead, int(link.name))
    os.close(dead)


def _gap(number: int) -> Gap:
    return Gap(PORCH, number * 1000, number * 1000 + 500, GapReason.STALLED)


def test_the_index_is_opened_again_when_its_disk_was_away(tmp_path: Path) -> None:
    index = SqliteIndex(tmp_path / "tawny.db")
    index.put_gap(_gap(1))
    assert len(index.gaps(PORCH, Span(0, 10**6))) == 1
    _pull_out(tmp_path / "tawny.db")
    with pytest.raises(StorageError):
        index.put_gap(_gap(2))
    index.put_gap(_gap(3))
    assert index.gaps(PORCH, Span(0, 10**6)) == [_gap(1), _gap(3)]
    index.close()
    again = SqliteIndex(tmp_path / "tawny.db")
    assert again.gaps(PORCH, Span(0, 10**6)) == [_gap(1), _gap(3)]
    assert again.integrity() == ""
    again.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDb]:
    (tmp_path / "disk").mkdir()
    with closing(SmallDb(tmp_path / "disk" / "small.db", "CREATE TABLE names (name TEXT);", 1)) as made:
        yield made


def _add(small: SmallDb, name: str) -> None:
    with small.writing() as db:
        db.execute("INSERT INTO names VALUES (?)", (name,))


def _names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [name for (name,) in db.execute("SELECT name FROM names")]


def test_a_small_database_goes_on_in_the_file_that_is_mounted_again(small: SmallDb, tmp_path: Path) -> None:
    _add(small, "before")
    away = (tmp_path / "disk").rename(tmp_path / "away")
    shutil.copytree(away, tmp_path / "disk")
    _add(small, "after")
    assert _names(tmp_path / "disk" / "small.db") == ["before", "after"]


def _fail(small: SmallDb) -> None:
    with pytest.raises(StorageError, match="disk I/O error"), small.reading():
        raise sqlite3.OperationalError("disk I/O error")


def test_a_small_database_is_reopened_after_its_disk_failed(small: SmallDb) -> None:
    with small.reading() as before:
        pass
    _fail(small)
    with small.reading() as after:
        assert after is not before


def test_no_database_is_made_at_an_empty_mount_point(small: SmallDb, tmp_path: Path) -> None:
    _add(small, "before")
    away = (tmp_path / "disk").rename(tmp_path / "away")
    (tmp_path / "disk").mkdir()
    _fail(small)
    with pytest.raises(StorageError, match="unable to open database file"):
        _add(small, "lost")
    assert list((tmp_path / "disk").iterdir()) == []
    (tmp_path / "disk").rmdir()
    away.rename(tmp_path / "disk")
    _add(small, "after")
    assert _names(tmp_path / "disk" / "small.db") == ["before", "after"]


def test_a_closed_small_database_stays_closed(small: SmallDb) -> None:
    small.close()
    for _ in range(2):
        with pytest.raises(StorageError, match="closed database"):
            _add(small, "late")


def test_a_small_database_in_memory_is_not_made_again() -> None:
    with closing(SmallDb(":memory:", "CREATE TABLE names (name TEXT);", 1)) as small:
        _fail(small)
        _add(small, "after")
