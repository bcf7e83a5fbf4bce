"""A full Btrfs, where a change of SQLite's mapped memory would kill the process: it is known before each use."""

import errno
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.model.errors import DiskFull, DiskReadOnly, StorageError
from tawny.model.ids import CameraId
from tawny.model.segments import Gap, GapReason
from tawny.service.backup.backup_file import backup_parts
from tawny.service.backup.restored_accounts import opened_to_read
from tawny.storage.disk.disk import QuotaReached
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal
from tawny.storage.index import mapped_memory, opening
from tawny.storage.index.damaged_files import SUFFIXES
from tawny.storage.index.mapped_memory import MappedMemory, connect, remake_shared_memory
from tawny.storage.index.opening import index_to_write
from tawny.storage.index.sqlite_file import SmallDb

SCHEMA = "CREATE TABLE IF NOT EXISTS words (word TEXT);"
NO_COPY_ON_WRITE = 0x00800000
LEFT_OPEN: list[sqlite3.Connection] = []
"""Kept, so that no other test gets the same addresses."""


class Btrfs:
    """Its answers. flags: those that were set."""

    def __init__(self) -> None:
        self.flags: list[int] = []

    def ioctl(self, _fd: int, request: int, data: bytes) -> int:
        if request & 0xFFFF == 0x6602:
            self.flags.append(struct.unpack("l", data)[0])
        return 0


def other_disk(*_: object) -> int:
    raise OSError(errno.ENOTTY, "no such ioctl")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "words.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE words (word TEXT)")
    yield path


@pytest.fixture
def left(database: Path) -> Path:
    """A database as a crash leaves it."""
    folder = database.parent / "left"
    folder.mkdir()
    with closing(sqlite3.connect(database)) as user:
        user.execute("INSERT INTO words VALUES ('porch')")
        user.commit()
        for suffix in SUFFIXES:
            shutil.copy(f"{database}{suffix}", folder / f"words.db{suffix}")
    return folder / "words.db"


def _copied_apart(db: SmallDb, folder: Path) -> None:
    db.copy_apart(folder / "copy.db")


def _backed_up(_db: SmallDb, folder: Path) -> bytes:
    return b"".join(backup_parts(folder, None, "word", 0, "host"))


def test_the_mapped_file_is_made_without_copy_on_write(database: Path) -> None:
    disk, made = Btrfs(), database.with_name("words.db-shm")
    database.chmod(0o640)
    with closing(connect(database, "rw", timeout_s=1, ioctl=disk.ioctl)):
        assert disk.flags == [NO_COPY_ON_WRITE]
        assert (made.stat().st_size, made.stat().st_mode & 0o777) == (0, 0o640)


def test_a_mapped_file_in_use_stays(database: Path) -> None:
    disk, made = Btrfs(), database.with_name("words.db-shm")
    with closing(sqlite3.connect(database)) as user:
        user.execute("INSERT INTO words VALUES ('porch')")
        user.commit()
        before = made.stat()
        with closing(connect(database, "rw", timeout_s=1, ioctl=disk.ioctl)) as db:
            assert db.execute("SELECT word FROM words").fetchall() == [("porch",)]
        assert (made.stat().st_ino, disk.flags) == (before.st_ino, [])


def test_a_mapped_file_of_another_process_is_read_without_a_change(left: Path) -> None:
    made = left.with_name("words.db-shm")
    before = made.read_bytes()
    with closing(connect(left, "ro", timeout_s=1, ioctl=Btrfs().ioctl)) as db:
        assert db.execute("SELECT word FROM words").fetchall() == [("porch",)]
    assert made.read_bytes() == before


def test_a_database_of_another_process_is_not_opened_without_space(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_memory, "full_by_trial", lambda *_, **__: QuotaReached("room.tmp"))
    with pytest.raises(QuotaReached, match="words"):
        connect(left, "rw", timeout_s=1, ioctl=Btrfs().ioctl)


def test_a_database_is_read_for_a_restore_also_without_space(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_memory, "copies_on_write", lambda *_: True)
    monkeypatch.setattr(mapped_memory, "full_by_trial", lambda *_, **__: QuotaReached("room.tmp"))
    before = left.with_name("words.db-shm").read_bytes()
    with closing(opened_to_read(left)) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,)
    assert left.with_name("words.db-shm").read_bytes() == before, "changing it could kill the process"


def test_on_other_disks_nothing_is_asked_at_each_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = SmallDb(tmp_path / "words.db", SCHEMA, 1)
    with monkeypatch.context() as counted:
        counted.setattr(MappedMemory, "can_change", lambda _: pytest.fail("asked"))
        with db.writing() as writing:
            writing.execute("INSERT INTO words VALUES ('porch')")
    db.close()


@pytest.mark.parametrize("use", [_copied_apart, _backed_up])
def test_a_copy_of_a_database_in_use_refuses_where_its_change_would_kill(
    use: Callable[[SmallDb, Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = SmallDb(tmp_path / "outbox.db", SCHEMA, 1)
    with monkeypatch.context() as full:
        full.setattr(mapped_memory, "copies_on_write", lambda *_: True)
        full.setattr(MappedMemory, "can_change", lambda _: False)
        with pytest.raises(DiskFull):
            use(db, tmp_path)
    db.close()


def test_reading_leaves_no_mapped_file_of_a_database_without_a_log(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "words.db")) as db:
        db.execute(SCHEMA)
    with closing(connect(tmp_path / "words.db", "ro", timeout_s=1, ioctl=Btrfs().ioctl)) as db:
        db.execute("SELECT * FROM words")
    assert [one.name for one in tmp_path.iterdir()] == ["words.db"]


def test_the_mapped_file_of_a_link_is_where_it_leads(database: Path) -> None:
    link = database.with_name("link.db")
    link.symlink_to(database)
    with closing(connect(link, "rw", timeout_s=1, ioctl=Btrfs().ioctl)) as db:
        db.execute("SELECT * FROM words")
        assert not MappedMemory(link, Btrfs().ioctl, lambda _address, _size: False).can_change()
    assert sorted(one.name for one in database.parent.iterdir()) == ["link.db", "words.db"]


@pytest.mark.parametrize("is_used", [True, False])
def test_a_mapped_file_of_an_earlier_version_goes_if_nothing_has_it_open(database: Path, *, is_used: bool) -> None:
    with closing(sqlite3.connect(database)) as user:
        user.execute("INSERT INTO words VALUES ('porch')")
        user.commit()
        folder = database.parent
        if not is_used:  # as a crash leaves it
            folder = folder / "copy"
            folder.mkdir()
            for suffix in SUFFIXES:
                shutil.copy(f"{database}{suffix}", folder / f"words.db{suffix}")
        remake_shared_memory(folder, Btrfs().ioctl)
        assert (folder / "words.db-shm").exists() is is_used
    with closing(sqlite3.connect(folder / "words.db")) as db:
        assert db.execute("SELECT word FROM words").fetchall() == [("porch",)]


def test_no_mapped_file_is_made_on_other_disks(database: Path) -> None:
    with closing(connect(database, "rw", timeout_s=1, ioctl=other_disk)):
        assert not database.with_name("words.db-shm").exists()


@pytest.mark.parametrize("has_space", [True, False])
def test_what_sqlite_has_mapped_is_tried(database: Path, *, has_space: bool) -> None:
    tried: list[int] = []

    def populate(_address: int, size: int) -> bool:
        tried.append(size)
        return has_space

    mapped = MappedMemory(database, Btrfs().ioctl, populate)
    with closing(sqlite3.connect(database)) as db:
        db.execute("SELECT * FROM words")
        assert mapped.can_change() is has_space
    assert tried == [32 * 1024]


def test_mapped_memory_can_be_changed_on_a_disk_with_space(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute("SELECT * FROM words")
        assert MappedMemory(database, Btrfs().ioctl).can_change()


def test_other_disks_are_not_tried(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute("SELECT * FROM words")
        assert MappedMemory(database, other_disk, lambda _address, _size: False).can_change()


def test_a_disk_that_could_not_be_asked_is_asked_again(tmp_path: Path) -> None:
    database = tmp_path / "disk" / "words.db"
    mapped = MappedMemory(database, Btrfs().ioctl, lambda _address, _size: False)
    assert mapped.can_change()
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(SCHEMA)
        assert not mapped.can_change()


def test_what_a_replaced_file_left_mapped_is_passed_over(database: Path) -> None:
    LEFT_OPEN.append(sqlite3.connect(database))
    LEFT_OPEN[0].execute("SELECT * FROM words")
    replaced = MappedMemory(database, Btrfs().ioctl, lambda _address, _size: False)
    assert not replaced.can_change()
    replaced.leave()
    assert MappedMemory(database, Btrfs().ioctl, lambda _address, _size: False).can_change()


@pytest.fixture
def on_btrfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Databases that are opened are on such a disk: elsewhere nothing is asked."""
    monkeypatch.setattr(mapped_memory, "copies_on_write", lambda *_: True)


@pytest.mark.usefixtures("on_btrfs")
def test_a_small_database_refuses_where_its_change_would_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = SmallDb(tmp_path / "words.db", SCHEMA, 1)
    with monkeypatch.context() as full:
        full.setattr(MappedMemory, "can_change", lambda _: False)
        full.setattr(mapped_memory, "full_by_trial", lambda disk, *_, **__: QuotaReached(str(disk.root)))
        for use in (db.reading, db.writing):
            with pytest.raises(QuotaReached), use():
                pass
    with db.writing() as writing:
        writing.execute("INSERT INTO words VALUES ('porch')")
    db.close()


@pytest.mark.usefixtures("on_btrfs")
def test_a_small_database_is_rolled_back_if_the_disk_is_full_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = SmallDb(tmp_path / "words.db", SCHEMA, 1)
    with monkeypatch.context() as full, pytest.raises(DiskFull), db.writing() as writing:
        writing.execute("INSERT INTO words VALUES ('porch')")
        full.setattr(MappedMemory, "can_change", lambda _: False)
    with db.reading() as reading:
        assert reading.execute("SELECT * FROM words").fetchall() == []
    db.close()


@pytest.mark.usefixtures("on_btrfs")
def test_the_index_refuses_where_its_change_would_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = Volume.at(tmp_path)
    index = index_to_write(volume, HistoryJournal(volume.disk))
    gap = Gap(CameraId("porch"), 0, 1000, GapReason.DISK_FULL)
    with monkeypatch.context() as full:
        full.setattr(MappedMemory, "can_change", lambda _: False)
        with pytest.raises(DiskFull):
            index.put_gap(gap)
        with pytest.raises(DiskFull), index.together():
            pass
        with pytest.raises(DiskFull):
            index.open_gaps()
    with monkeypatch.context() as full, pytest.raises(DiskFull), index.together():
        index.put_gap(gap)
        full.setattr(MappedMemory, "can_change", lambda _: False)
    assert index.gaps(gap.camera, gap.span(0)) == []
    index.put_gap(gap)
    assert index.gaps(gap.camera, gap.span(0)) == [gap]
    index.close()


@pytest.mark.usefixtures("on_btrfs")
def test_a_disk_that_became_read_only_is_not_called_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db, opened = SmallDb(tmp_path / "words.db", SCHEMA, 1), set[int]()
    with monkeypatch.context() as failed:
        failed.setattr(MappedMemory, "can_change", lambda _: False)
        failed.setattr(mapped_memory, "is_read_only", lambda _: True)
        for _ in range(4):
            with pytest.raises(DiskReadOnly), db.reading():
                pass
            opened.add(len(list(Path("/dev/fd").iterdir())))
    assert len(opened) == 1, "each use leaves as many files open"
    with db.reading() as reading:
        assert reading.execute("SELECT * FROM words").fetchall() == []
    db.close()


@pytest.mark.usefixtures("on_btrfs")
def test_the_index_is_reopened_once_its_disk_that_failed_is_mounted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = Volume.at(tmp_path / "disk")
    index = index_to_write(volume, HistoryJournal(volume.disk))
    gap = Gap(CameraId("porch"), 0, 1000, GapReason.DISK_FULL)
    index.put_gap(gap)
    (tmp_path / "disk").rename(tmp_path / "failed")
    shutil.copytree(tmp_path / "failed", tmp_path / "disk")
    asked: list[MappedMemory] = []

    def can_change(mapped: MappedMemory) -> bool:
        """What was mapped when the disk failed stays dead."""
        asked.append(mapped)
        return mapped is not asked[0]

    monkeypatch.setattr(MappedMemory, "can_change", can_change)
    left: list[MappedMemory] = []
    monkeypatch.setattr(MappedMemory, "leave", lambda mapped: left.append(mapped))
    later = replace(gap, begin_ms=2000, end_ms=3000)
    with pytest.raises(StorageError) as caught:
        index.put_gap(later)
    assert not isinstance(caught.value, DiskFull)
    index.put_gap(later)
    assert index.gaps(gap.camera, gap.span(0)) == [gap]
    assert left == asked[:1]
    index.close()


def test_closing_on_a_full_disk_leaves_the_log_to_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = SmallDb(tmp_path / "words.db", SCHEMA, 1)
    with db.writing() as writing:
        writing.execute("INSERT INTO words VALUES ('porch')")
    with monkeypatch.context() as full:
        full.setattr(MappedMemory, "can_change", lambda _: False)
        db.close()
    assert (tmp_path / "words.db-wal").stat().st_size
    again = SmallDb(tmp_path / "words.db", SCHEMA, 1)
    with again.reading() as reading:
        assert reading.execute("SELECT * FROM words").fetchall() == [("porch",)]
    again.close()


@pytest.mark.parametrize("name", ["tawny.db", "outbox.db"])
def test_a_start_on_a_full_btrfs_opens_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = Volume.at(tmp_path)
    index_to_write(volume, HistoryJournal(volume.disk), frees=True).close()
    monkeypatch.setattr(opening, "copies_on_write", lambda _: True)
    monkeypatch.setattr(opening, "has_room", lambda _: False)
    (tmp_path / f"{name}-wal").write_bytes(b"from a crash")
    with pytest.raises(DiskFull):
        index_to_write(volume, HistoryJournal(volume.disk), frees=True)
    assert (tmp_path / f"{name}-wal").read_bytes() == b"from a crash"
