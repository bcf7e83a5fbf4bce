"""A disk whose place another has taken, or none: nothing is written there, and all goes on when it is back."""

import errno
import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tawny.model.errors import DatabaseUnfit, StorageError, TooManyFiles
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
    with socket.socket(socket.AF_UNIX) as dead:  # it can be locked, or SQLite would wait; and reads fail
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                if str(link.readlink()).startswith(str(path)):
                    os.dup2(dead.fileno(), int(link.name))


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


def _mark(folder: Path, mark: str) -> None:
    (folder / "history").mkdir(parents=True)
    (folder / "history" / "volume").write_text(mark)


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[SmallDb]:
    _mark(tmp_path / "disk", "a1")
    with closing(SmallDb(tmp_path / "disk" / "small.db", "CREATE TABLE names (name TEXT);", 1)) as made:
        _add(made, "before")
        yield made


def _put_in_its_place(folder: Path) -> Path:
    """Let a folder with another database show, as the mount point of a disk that is away."""
    away = folder.rename(folder.with_name("away"))
    _mark(folder, "b2")
    with closing(SmallDb(folder / "small.db", "CREATE TABLE names (name TEXT);", 1)) as other:
        _add(other, "former")
    return away


def test_a_database_of_another_disk_is_not_used(marked: SmallDb, tmp_path: Path) -> None:
    away = _put_in_its_place(tmp_path / "disk")
    _add(marked, "meanwhile")
    assert _names(tmp_path / "disk" / "small.db") == ["former"]
    assert _names(away / "small.db") == ["before", "meanwhile"]


def test_after_a_failure_a_database_waits_for_its_own_disk(marked: SmallDb, tmp_path: Path) -> None:
    away = _put_in_its_place(tmp_path / "disk")
    _fail(marked)
    with pytest.raises(StorageError, match="the disk that should be there is not"):
        _add(marked, "lost")
    shutil.rmtree(tmp_path / "disk")
    away.rename(tmp_path / "disk")
    _add(marked, "after")
    assert _names(tmp_path / "disk" / "small.db") == ["before", "after"]


def test_the_index_of_another_disk_is_neither_read_nor_written(tmp_path: Path) -> None:
    _mark(tmp_path / "disk", "a1")
    index = SqliteIndex(tmp_path / "disk" / "tawny.db")
    (tmp_path / "disk").rename(tmp_path / "away")
    _mark(tmp_path / "disk", "b2")
    with closing(SqliteIndex(tmp_path / "disk" / "tawny.db")) as other:
        other.put_gap(_gap(1))
    with pytest.raises(StorageError, match="should be there"):
        index.gaps(PORCH, Span(0, 10**6))
    _pull_out(tmp_path / "away" / "tawny.db")
    for _ in range(2):
        with pytest.raises(StorageError):
            index.put_gap(_gap(2))
    index.close()
    with closing(SqliteIndex(tmp_path / "disk" / "tawny.db")) as other:
        assert other.gaps(PORCH, Span(0, 10**6)) == [_gap(1)]


def test_the_connection_of_before_is_left_open_if_the_other_file_has_its_inode_number(
    small: SmallDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing it would remove the WAL of the file that is there now."""

    def on_another_device(path: Path) -> os.stat_result:
        mode, ino, dev, *more = os.stat(path)  # noqa: PTH116
        return os.stat_result((mode, ino, dev + 1, *more))

    with small.reading() as before:
        pass
    with closing(before):  # else it would hold locks on the next file with its number
        monkeypatch.setattr(Path, "stat", on_another_device)
        with small.reading() as after:
            assert after is not before
        assert before.execute("SELECT 1").fetchone() == (1,)


def test_the_connection_of_before_is_closed_if_the_other_file_has_another_inode_number(
    small: SmallDb, tmp_path: Path
) -> None:
    with small.reading() as before:
        pass
    shutil.copytree((tmp_path / "disk").rename(tmp_path / "away"), tmp_path / "disk")
    with small.reading() as after:
        assert after is not before
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        before.execute("SELECT 1")


def test_a_mark_that_can_not_be_read_is_not_another_disks(marked: SmallDb, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    _fail(marked)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        with pytest.raises(TooManyFiles):
            _add(marked, "lost")
    _add(marked, "after")


def test_a_small_database_that_could_not_be_reopened_is_tried_again(small: SmallDb, tmp_path: Path) -> None:
    _add(small, "before")
    away = (tmp_path / "disk").rename(tmp_path / "away")
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "small.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(StorageError, match="not a database"):
        _add(small, "lost")
    shutil.rmtree(tmp_path / "disk")
    away.rename(tmp_path / "disk")
    _add(small, "after")
    assert _names(tmp_path / "disk" / "small.db") == ["before", "after"]


def test_a_small_database_that_was_reopened_read_only_takes_the_first_write(
    small: SmallDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ReadOnly:
        f_flag = os.ST_RDONLY

    with monkeypatch.context() as patched:
        patched.setattr(os, "statvfs", lambda _path: ReadOnly)
        _fail(small)
        with small.reading() as read_only:
            pass
    with small.writing() as writable:
        assert writable is not read_only


def test_a_database_of_an_earlier_version_is_not_reopened(tmp_path: Path) -> None:
    path = tmp_path / "disk" / "small.db"
    path.parent.mkdir()
    with closing(SmallDb(path, "CREATE TABLE names (name TEXT, age INTEGER);", 2)) as small:
        path.parent.rename(tmp_path / "away")
        path.parent.mkdir()
        SmallDb(path, "CREATE TABLE names (name TEXT);", 1).close()
        for _ in range(2):
            with pytest.raises(DatabaseUnfit, match="format 1, not 2"), small.reading():
                pass
