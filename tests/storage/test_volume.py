"""A volume belongs to one recorder, can be written to, and nothing leads out of it."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tawny.model.errors import DiskFull, FolderInUse, FolderUnwritable, StorageError
from tawny.model.events import Event
from tawny.model.ids import CameraId, EventId
from tawny.storage.disk.disk import RealDisk
from tawny.storage.disk.lock import LockHolder, LocksUnsupported, holder
from tawny.storage.disk.volume import OpenFolders, Volume
from tawny.storage.segments.detection_files import EventFiles
from tawny.testing.clock import FakeClock
from tests.support.disk import MemoryDisk

EVENT = Event(EventId("e1"), CameraId("porch"), "motion", 1_795_176_000_000, None, 50.0)


def test_a_second_recorder_is_told_who_has_the_folder(tmp_path: Path) -> None:
    clock = FakeClock()
    lock = Volume.at(tmp_path).lock(clock)
    with pytest.raises(FolderInUse, match=str(os.getpid())):
        Volume.at(tmp_path).lock(clock)
    assert holder(tmp_path) == LockHolder(os.getpid(), lock_boot(tmp_path), clock.now_ms())
    lock.release()
    lock.release()
    assert holder(tmp_path) is None
    Volume.at(tmp_path).lock(clock).release()


def test_a_heartbeat_that_is_refused_gives_up_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a moment, in which another recorder could take it."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    lock, closed = Volume.at(tmp_path).lock(FakeClock()), list[int]()
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", refuse)
        patched.setattr(os, "close", closed.append)
        with pytest.raises(DiskFull):
            lock.pulse(1)
    assert closed == []
    lock.release()


def lock_boot(folder: Path) -> str:
    life = holder(folder)
    assert life is not None
    return life.boot


def test_the_lock_is_gone_with_its_process(tmp_path: Path) -> None:
    script = (
        "import sys, os, signal; from pathlib import Path; from tawny.storage.disk.lock import VolumeLock as Lock;"
        "Lock.take(Path(sys.argv[1]), 'boot-1', 5); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    lock = Volume.at(tmp_path).lock(FakeClock())
    assert lock.before is not None
    assert (lock.before.boot, lock.before.at_ms) == ("boot-1", 5)
    lock.release()


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_network_drive_without_locks_is_called_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(LocksUnsupported, match=r"network drive without file locks .* NFS version 4"):
        Volume.at(tmp_path).lock(FakeClock())


def test_signs_of_life_are_left_behind(tmp_path: Path) -> None:
    clock = FakeClock()
    lock = Volume.at(tmp_path).lock(clock)
    clock.advance(10)
    lock.pulse(clock.now_ms())
    lock.release()
    again = Volume.at(tmp_path).lock(clock)
    assert again.before is not None
    assert again.before.at_ms == clock.now_ms()
    again.release()


def _mount_again(folder: Path) -> None:
    """The lock is another file of the same content; the first one is open still."""
    result = (folder / "lock").read_bytes()
    (folder / "lock").unlink()
    (folder / "lock").write_bytes(result)


def test_a_heartbeat_locks_the_file_of_a_disk_that_was_mounted_again(tmp_path: Path) -> None:
    clock = FakeClock()
    lock = Volume.at(tmp_path).lock(clock)
    _mount_again(tmp_path)
    assert holder(tmp_path) is None
    clock.advance(10)
    lock.pulse(clock.now_ms())
    assert holder(tmp_path) == LockHolder(os.getpid(), lock_boot(tmp_path), clock.now_ms())
    lock.release()


def test_a_heartbeat_after_a_write_error_keeps_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = Volume.at(tmp_path).lock(FakeClock())

    def fail(_fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(StorageError, match="Input/output error"):
        lock.pulse(1)
    assert holder(tmp_path) is not None
    monkeypatch.undo()
    lock.pulse(2)
    assert holder(tmp_path) is not None
    lock.release()


def test_a_lock_is_kept_while_its_disk_is_away(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    lock = Volume.at(folder).lock(FakeClock())
    away = folder.rename(tmp_path / "away")
    with pytest.raises(StorageError, match="missing"):
        lock.pulse(1)
    assert holder(away) is not None
    away.rename(folder)
    lock.pulse(2)
    assert holder(folder) is not None
    lock.release()


def test_a_lock_that_another_recorder_has_taken_meanwhile_is_lost(tmp_path: Path) -> None:
    lock = Volume.at(tmp_path).lock(FakeClock())
    _mount_again(tmp_path)
    other = Volume.at(tmp_path).lock(FakeClock())
    with pytest.raises(FolderInUse, match=f"process {os.getpid()}"):
        lock.pulse(1)
    other.release()


def test_nonsense_in_the_lock_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"\0" * 300)
    lock = Volume.at(tmp_path).lock(FakeClock())
    assert lock.before is None
    lock.release()


def test_a_folder_is_made_and_can_be_written(tmp_path: Path) -> None:
    volume = Volume.at(tmp_path / "a" / "b")
    volume.check_writable()
    assert [path.name for path in (tmp_path / "a" / "b").rglob("*")] == ["history"]


def test_a_folder_that_cannot_be_written_is_told() -> None:
    disk = MemoryDisk()

    def refuse(operation: str, path: str) -> None:
        if operation == "append":
            raise FolderUnwritable(path, "Read-only file system")

    disk.before = refuse
    with pytest.raises(FolderUnwritable):
        Volume(disk).check_writable()


def test_a_full_disk_is_no_reason_not_to_start() -> None:
    disk = MemoryDisk(total_bytes=5)
    Volume(disk).check_writable()
    assert disk.files == {}


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(StorageError):
        Volume.at(tmp_path / "data")


def test_pictures_are_stored_replaced_and_removed(tmp_path: Path) -> None:
    volume = Volume.at(tmp_path)
    assert volume.read_picture(EVENT) is None
    files = EventFiles(volume)
    files.write_picture(EVENT, b"first")
    path = files.write_picture(EVENT, b"second")
    assert volume.read_picture(EVENT) == (tmp_path / path).read_bytes() == b"second"
    volume.remove_picture(EVENT)
    assert volume.read_picture(EVENT) is None


def test_a_path_over_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "porch").symlink_to("/etc")
    with pytest.raises(StorageError, match="link"):
        Volume.at(tmp_path).path("porch/passwd")
    assert Volume.at(tmp_path).cameras() == []


def test_cameras_and_hours_are_found(tmp_path: Path) -> None:
    for folder in ("porch/2026/11/20/05", "porch/2026/11/20/06", "porch/notes", "history", "yard/2026/1x"):
        (tmp_path / folder).mkdir(parents=True)
    volume = Volume.at(tmp_path)
    assert volume.cameras() == ["porch", "yard"]
    assert list(volume.hour_folders(CameraId("porch"))) == ["porch/2026/11/20/05", "porch/2026/11/20/06"]
    assert list(volume.hour_folders(CameraId("yard"))) == []


@pytest.fixture
def hours(tmp_path: Path) -> RealDisk:
    """Hour folders of two cameras."""
    disk = RealDisk(tmp_path)
    for camera in ("a", "b"):
        for hour in ("2025/12/31/23", "2026/11/19/23", "2026/11/20/01", "2026/11/20/02"):
            disk.make_folder(f"{camera}/{hour}")
    return disk


def test_without_a_list_of_folders_none_is_written_before_a_recording(hours: RealDisk) -> None:
    folders = OpenFolders(hours)
    folders.enter("a/2026/11/20/01")
    assert OpenFolders(hours).left_over() is None
    folders.leave("a/2026/11/20/01")
    folders.save()
    assert OpenFolders(hours).left_over() == [f"{camera}/2026/11/20/{hour}" for camera in "ab" for hour in ("01", "02")]


def test_a_newer_hour_is_listed_without_a_write(hours: RealDisk) -> None:
    OpenFolders(hours).clear()
    folders = OpenFolders(hours)
    folders.enter("a/2026/11/20/01")
    folders.save()
    written = hours.read("history/folders.json")
    for hour in ("01", "02"):
        folders.enter(f"b/2026/11/20/{hour}")
    assert hours.read("history/folders.json") == written
    assert "b/2026/11/20/02" in (OpenFolders(hours).left_over() or [])


def test_an_older_hour_is_listed_before_it_is_used(hours: RealDisk) -> None:
    """The clock was set back, or an old file moves."""
    folders = OpenFolders(hours)
    folders.enter("a/2026/11/20/01")
    folders.save()
    folders.enter("b/2026/11/19/23")
    assert OpenFolders(hours).left_over() == [
        "a/2026/11/20/01", "a/2026/11/20/02", "b/2026/11/19/23", "b/2026/11/20/01", "b/2026/11/20/02",
    ]  # fmt: skip


def test_a_folder_is_listed_until_it_is_left(hours: RealDisk) -> None:
    folders = OpenFolders(hours)
    folders.enter("a/2026/11/19/23")
    folders.save()
    folders.enter("a/2026/11/20/02")
    folders.save()
    assert "a/2026/11/19/23" in (OpenFolders(hours).left_over() or [])
    folders.leave("a/2026/11/19/23")
    folders.enter("a/2026/11/20/03")
    folders.save()
    assert OpenFolders(hours).left_over() == ["a/2026/11/20/02", "a/2026/11/20/03"]
    folders.clear()
    assert OpenFolders(hours).left_over() == ["a/2026/11/20/03"]


def test_a_list_of_folders_of_an_earlier_version_is_read(hours: RealDisk) -> None:
    (hours.root / "history").mkdir()
    (hours.root / "history" / "folders.json").write_text('["a/2026/11/19/23"]\n')
    folders = OpenFolders(hours)
    assert folders.left_over() == ["a/2026/11/19/23"]
    folders.enter("b/2026/11/20/01")
    assert "b/2026/11/20/01" in (OpenFolders(hours).left_over() or [])


def test_a_new_folder_is_named_with_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deepest name first: a file system with a journal commits all names at the first sync."""
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(str(Path(f"/proc/self/fd/{fd}").readlink())))
    disk = RealDisk(tmp_path)
    disk.make_folder("a/2026/11")
    disk.make_folder("a/2026/11")
    assert [Path(one).relative_to(tmp_path).as_posix() for one in synced] == ["a/2026", "a", "."]
    disk.make_folder("a/2026/12", sync=False)
    assert len(synced) == 3
    disk.sync_parents("a/2026/12")
    assert [Path(one).relative_to(tmp_path).as_posix() for one in synced[3:]] == ["a/2026"]


def test_a_list_of_folders_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / "folders.json").write_bytes(b"\0\0\0")
    assert OpenFolders(RealDisk(tmp_path)).left_over() is None
