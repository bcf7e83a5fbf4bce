"""Private files that the recorder and commands write: by one at a time, whole, and for the user that tawny runs as."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tawny.model.errors import NotDone
from tawny.storage.disk.private_files import (
    access_remedy,
    given_to_recorder,
    locked,
    make_folder,
    open_lock_file,
    write_private,
)

DENIED = PermissionError(errno.EACCES, "Permission denied")


def test_what_root_makes_belongs_to_the_owner_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[int, tuple[int, int]] = {}

    def give(of: Path | int, user: int, group: int, **_: object) -> None:
        given[(of.lstat() if isinstance(of, Path) else os.fstat(of)).st_ino] = user, group

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", give)
    make_folder(tmp_path / "a/b")
    write_private(tmp_path / "a/b/file", b"new")
    os.close(open_lock_file(tmp_path / "a/lock"))
    owner = tmp_path.stat().st_uid, tmp_path.stat().st_gid
    assert given == {path.stat().st_ino: owner for path in tmp_path.glob("**/*")}


def test_a_file_is_replaced_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    (tmp_path / ".file.killed.new").write_bytes(b"left by a writer that was killed")
    for content in (b"old", b"new"):
        write_private(file, content)
        assert (file.read_bytes(), file.stat().st_mode & 0o777) == (content, 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_stays_if_it_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / "file", b"old")

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_private(tmp_path / "file", b"new")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("file", b"old")]


def test_one_at_a_time_holds_a_lock_and_the_next_waits_briefly(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with locked(lock), pytest.raises(NotDone, match="Another tawny process"), locked(lock, timeout_s=0.05):
        pytest.fail("two hold it")
    with locked(lock, timeout_s=0.0):
        pass


def test_a_link_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "lock"):
        pytest.fail("held")
    assert not (tmp_path / "elsewhere").exists()


def test_what_to_do_about_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert access_remedy(OSError(errno.EIO, "broken"), file, tmp_path) == "Check the disk."
    assert access_remedy(DENIED, file, tmp_path) == "Use `sudo`, or the user that runs tawny."
    file.touch()
    assert access_remedy(DENIED, file, tmp_path) == "Use `sudo`, or the user that runs tawny."


def test_what_root_makes_meanwhile_is_the_recorders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder may be the root of a disk; what an earlier command left is given, too, and nothing behind links."""
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (data / "history").mkdir(parents=True)
    (data / "left").touch()
    elsewhere.touch()
    given: dict[str, tuple[int, int]] = {}
    found = Path.stat, os.stat

    def owned(own: os.stat_result, user: int) -> os.stat_result:
        return os.stat_result((*own[:4], user, 34, *own[6:10]))

    def of_recorder(path: Path, **more: Any) -> os.stat_result:
        own = found[0](path, **more)
        return owned(own, 33) if path.name == "history" else own

    def of_root(name: Any, **more: Any) -> os.stat_result:
        return owned(found[1](name, **more), 33 if name == "own" else 0)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "stat", of_recorder)
    monkeypatch.setattr("tawny.storage.disk.private_files.os.stat", of_root)
    monkeypatch.setattr(os, "chown", lambda name, user, group, **_: given.update({name: (user, group)}))
    (data / "linked").hardlink_to(elsewhere)
    with pytest.raises(RuntimeError), given_to_recorder(data):
        (data / "made").touch()
        (data / "own").touch()
        (data / "link").symlink_to(elsewhere)
        raise RuntimeError
    assert given == dict.fromkeys(("history", "left", "made", "link"), (33, 34))
