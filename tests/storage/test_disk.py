"""All kinds of volumes do the same (`tests/contracts/disk.py`); and what is of the real one, or of the model, alone."""

import errno
import os
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from tawny.model.errors import DiskFull, DiskReadOnly, FolderUnwritable, PathUnreadable, StorageError
from tawny.storage.disk.disk import DiskAccess, OpenFile, QuotaReached, RealDisk, full_by_trial, sync_together, turned
from tawny.storage.disk.memory_disk import RamDisk
from tawny.testing.clock import FakeClock
from tests.contracts.disk import DiskContract, put
from tests.support.disk import MemoryDisk
from tests.support.faulty_disk import FaultyDisk


class TestReal(DiskContract):
    def made(self, folder: Path) -> DiskAccess:
        return RealDisk(folder)


class TestModel(DiskContract):
    def made(self, folder: Path) -> DiskAccess:
        return MemoryDisk()


class TestRam(DiskContract):
    def made(self, folder: Path) -> DiskAccess:
        return RamDisk(10**8, FakeClock())


class TestFaulty(DiskContract):
    def made(self, folder: Path) -> DiskAccess:
        return FaultyDisk(folder)


def test_files_are_synced_one_by_one_where_the_system_has_no_more_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = RealDisk(tmp_path)
    files = [disk.create(f"{number}") for number in range(3)]
    synced = list[int]()
    monkeypatch.setattr(os, "fdatasync", synced.append)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    sync_together(files)
    assert len(set(synced)) == 3
    for file in files:
        file.close()


def test_no_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    disk = RealDisk(root)
    for path in ("folder/secret", "file"):
        with pytest.raises(StorageError):
            disk.read(path)
        with pytest.raises(StorageError):
            disk.extend(path)
    with pytest.raises(StorageError):
        disk.make_folder("folder/new")
    assert disk.entries("")[0].kind == "link"
    assert not (outside / "new").exists()
    disk.unlink("file")
    assert (outside / "secret").exists()


def test_a_root_that_is_reached_over_a_link_is_fine(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    put(RealDisk(tmp_path / "link"), "a")
    assert (tmp_path / "real" / "a").exists()


@pytest.mark.parametrize(
    ("number", "ours"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, QuotaReached),
        (errno.EROFS, DiskReadOnly),
        (errno.EACCES, FolderUnwritable),
        (errno.EIO, StorageError),
        (errno.ELOOP, StorageError),
    ],
)
def test_the_systems_errors_become_ours(number: int, ours: type[StorageError]) -> None:
    error = turned(OSError(number, os.strerror(number)), "/data")
    assert type(error) is ours
    assert error.where == "/data"


@pytest.mark.parametrize(("inodes", "free", "is_said"), [(160, 0, True), (160, 5, False), (0, 0, False)])
def test_a_disk_that_is_full_of_files_is_told_from_one_without_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inodes: int, free: int, is_said: bool
) -> None:
    """Btrfs and FAT count no inodes: they say 0 of 0."""
    now = os.statvfs_result((4096, 4096, 100_000, 90_000, 90_000, inodes, free, free, 0, 255, 0))
    monkeypatch.setattr(os, "statvfs", lambda path: now if path.exists() else pytest.fail("it isn't there"))
    for where in (tmp_path, tmp_path / "new" / "lock"):
        error = turned(OSError(errno.ENOSPC, "No space left on device"), str(where))
        assert isinstance(error, DiskFull)
        assert ("inodes are used up" in error.message) == is_said


def test_a_disk_is_full_when_it_takes_no_more_files_whatever_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota counts files too, and only a write shows it."""
    disk, open_file, left = RealDisk(tmp_path), os.open, [3]

    def refuse_the_fourth(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_CREAT and not left[0]:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        left[0] -= bool(flags & os.O_CREAT)
        return open_file(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refuse_the_fourth)
    assert full_by_trial(disk, 1000, files=3) is None
    left[0] = 3
    full = full_by_trial(disk, 1000, files=4)
    assert full is not None
    assert "quota" in full.message
    assert not list(tmp_path.iterdir())


def test_a_trial_writes_all_its_bytes() -> None:
    disk = MemoryDisk(total_bytes=1_000_000)
    assert full_by_trial(disk, 1_000_000, files=2) is None
    assert isinstance(full_by_trial(disk, 1_000_001, files=2), DiskFull)
    assert disk.files == {}


def test_a_trial_waits_for_no_other_and_is_not_in_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process tries at the same time, or a disk hangs in a trial."""
    found: list[DiskFull | None] = []
    others: list[threading.Thread] = []

    def try_room(disk: RealDisk) -> None:
        found.append(full_by_trial(disk, 1000, files=2))

    class Met(RealDisk):
        def create(self, path: str) -> OpenFile:
            file = super().create(path)
            others.append(threading.Thread(target=try_room, args=(RealDisk(tmp_path),), daemon=True))
            others[-1].start()
            others[-1].join(5)
            return file

    monkeypatch.setattr(os, "writev", Mock(side_effect=OSError(errno.EDQUOT, "Disk quota exceeded")))
    (tmp_path / "room1.tmp").touch()  # of a trial that was interrupted
    try_room(Met(tmp_path))
    assert [type(one) for one in found] == [QuotaReached] * 3
    assert not list(tmp_path.iterdir())


def test_a_disk_in_memory_answers_by_its_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """The descriptor of a removed file stays open for minutes."""
    disk = RamDisk(1_000_000, FakeClock())
    monkeypatch.setattr(disk, "create", lambda path: pytest.fail(path))
    assert full_by_trial(disk, 1_000_000, files=2) is None
    assert isinstance(full_by_trial(disk, 1_000_001, files=2), DiskFull)


@pytest.mark.parametrize("closed", ["closed", "closed/file"])
def test_what_may_not_even_be_read_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    file = tmp_path / "closed" / "file"
    file.parent.mkdir()
    file.touch()
    first = tmp_path / closed
    modes = {first: {os.F_OK}}
    monkeypatch.setattr(os, "access", lambda path, mode: mode in modes.get(path, {mode}))
    error = turned(PermissionError(errno.EACCES, "Permission denied"), str(file))
    assert (type(error), error.where) == (PathUnreadable, str(first))


def test_after_a_failed_sync_a_file_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RealDisk(tmp_path).create("a")
    file.append([b"one"])

    def fails(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fails)
    with pytest.raises(StorageError, match="Input/output"):
        file.sync()
    monkeypatch.undo()
    with pytest.raises(StorageError, match="earlier sync"):
        file.sync()
    with pytest.raises(StorageError, match="earlier sync"):
        file.append([b"two"])
    file.close()


def test_a_full_disk_takes_a_part_and_says_so() -> None:
    disk = MemoryDisk(total_bytes=10)
    file = disk.create("a")
    file.append([b"12345678"])
    with pytest.raises(DiskFull):
        file.append([b"9abc"])
    assert disk.read("a") == b"123456789a"
    file.cut(8)
    file.append([b"9a"])


def test_a_cut_leaves_what_was_synced() -> None:
    disk = MemoryDisk()
    put(disk, "a", b"good" * 1000)
    disk.sync_folder("")
    disk.extend("a").append([b"more" * 1000])
    seen = {disk.after_cut(disk.points, seed)["a"] for seed in range(200)}
    assert all(data.startswith(b"good" * 1000) for data in seen)
    assert b"good" * 1000 in seen
    assert b"good" * 1000 + b"more" * 1000 in seen
    assert b"good" * 1000 + bytes(4000) in seen
    assert len(seen) > 20


def test_a_cut_takes_back_names_that_were_not_synced() -> None:
    disk = MemoryDisk()
    put(disk, "a", b"1")
    disk.sync_folder("")
    disk.rename("a", "b")
    assert {tuple(disk.after_cut(disk.points, seed)) for seed in range(30)} == {("a",), ("b",)}
    disk.sync_folder("")
    assert {tuple(disk.after_cut(disk.points, seed)) for seed in range(30)} == {("b",)}


def test_the_same_cut_is_the_same_again() -> None:
    disk = MemoryDisk()
    disk.create("a").append([bytes(range(256)) * 40])
    assert disk.after_cut(2, 5) == disk.after_cut(2, 5)
