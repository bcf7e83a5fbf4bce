"""All disks, the real one and those in memory, do the same; and what a power cut may leave of the one in memory."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tawny.model.errors import DiskFull, FolderUnwritable, StorageError
from tawny.storage.disk import Disk, RealDisk, turned
from tawny.storage.memory_disk import RamDisk
from tawny.testing.clock import FakeClock
from tawny.testing.disk import MemoryDisk


@pytest.fixture(params=["real", "memory", "ram"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    kinds: dict[str, Callable[[], Disk]] = {
        "real": lambda: RealDisk(tmp_path),
        "memory": MemoryDisk,
        "ram": lambda: RamDisk(10**8, FakeClock()),
    }
    return kinds[request.param]()


def _put(disk: Disk, path: str, data: bytes = b"x") -> None:
    file = disk.create(path)
    file.append([data])
    file.sync()
    file.close()


def test_what_is_appended_can_be_read(disk: Disk) -> None:
    disk.make_folder("a/b")
    file = disk.create("a/b/c")
    file.append([b"one", b"", memoryview(b"two")])
    file.append([b"three"])
    file.sync()
    file.close()
    assert disk.read("a/b/c") == b"onetwothree"
    assert disk.read("a/b/c", 3, 3) == b"two"
    assert disk.read("a/b/c", 100) == b""
    entry = disk.entry("a/b/c")
    assert entry is not None
    assert (entry.kind, entry.size_bytes) == ("file", 11)


def test_more_parts_than_one_call_takes(disk: Disk) -> None:
    file = disk.create("many")
    file.append([b"%d," % number for number in range(5000)])
    assert file.size_bytes == len(disk.read("many")) == sum(len(f"{number},") for number in range(5000))
    file.close()


def test_a_cut_file_goes_on_where_it_was_cut(disk: Disk) -> None:
    file = disk.create("a")
    file.append([b"good", b"torn"])
    file.cut(4)
    file.append([b"!"])
    file.close()
    assert disk.read("a") == b"good!"


def test_a_file_is_made_once(disk: Disk) -> None:
    _put(disk, "a")
    with pytest.raises(StorageError, match="exists"):
        disk.create("a")


def test_a_file_is_extended(disk: Disk) -> None:
    _put(disk, "a", b"one")
    file = disk.extend("a")
    assert file.size_bytes == 3
    file.append([b"two"])
    file.close()
    assert disk.read("a") == b"onetwo"


def test_bytes_are_written_in_place(disk: Disk) -> None:
    _put(disk, "a", b"......")
    disk.write_at("a", 2, b"xy")
    assert disk.read("a") == b"..xy.."


def test_names_change_and_go(disk: Disk) -> None:
    disk.make_folder("f")
    _put(disk, "f/a", b"1")
    _put(disk, "f/b", b"2")
    disk.rename("f/a", "f/b")
    assert [one.name for one in disk.entries("f")] == ["b"]
    assert disk.read("f/b") == b"1"
    assert not disk.remove_folder("f")
    disk.unlink("f/b")
    disk.unlink("f/b")
    disk.sync_folder("f")
    assert disk.remove_folder("f")
    assert not disk.remove_folder("f")
    assert disk.entries("f") == []
    assert disk.entry("f") is None


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../b", "a//b", "./a", "a\0b"])
def test_no_path_leads_out(disk: Disk, path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        disk.create(path)
    with pytest.raises(ValueError, match="path"):
        disk.unlink(path)


def test_what_is_not_there_cannot_be_read(disk: Disk) -> None:
    with pytest.raises(StorageError):
        disk.read("none")
    with pytest.raises(StorageError):
        disk.extend("none")
    assert disk.entry("none") is None


def test_space_is_told(disk: Disk) -> None:
    space = disk.space()
    assert 0 < space.free_bytes <= space.total_bytes


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
    _put(RealDisk(tmp_path / "link"), "a")
    assert (tmp_path / "real" / "a").exists()


@pytest.mark.parametrize(
    ("number", "ours"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, FolderUnwritable),
        (errno.EACCES, FolderUnwritable),
        (errno.EIO, StorageError),
        (errno.ELOOP, StorageError),
    ],
)
def test_the_systems_errors_become_ours(number: int, ours: type[StorageError]) -> None:
    error = turned(OSError(number, os.strerror(number)), "/data")
    assert type(error) is ours
    assert error.where == "/data"


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
    _put(disk, "a", b"good" * 1000)
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
    _put(disk, "a", b"1")
    disk.sync_folder("")
    disk.rename("a", "b")
    assert {tuple(disk.after_cut(disk.points, seed)) for seed in range(30)} == {("a",), ("b",)}
    disk.sync_folder("")
    assert {tuple(disk.after_cut(disk.points, seed)) for seed in range(30)} == {("b",)}


def test_the_same_cut_is_the_same_again() -> None:
    disk = MemoryDisk()
    disk.create("a").append([bytes(range(256)) * 40])
    assert disk.after_cut(2, 5) == disk.after_cut(2, 5)
