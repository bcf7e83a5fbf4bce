"""Files that hold a secret: whole or not there, and for their owner only."""

import errno
import os
from pathlib import Path

import pytest

from tawny.model.errors import FolderUnwritable, NotDone
from tawny.service.sealing.sealing_service import write_secret_file

DATA = bytes(range(256)) * 40


def test_a_call_that_writes_less_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:1000]))
    write_secret_file(tmp_path / "key", DATA)
    assert (tmp_path / "key").read_bytes() == DATA


def test_a_full_disk_leaves_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.write, list[int]()

    def full(file: int, data: bytes) -> int:
        calls.append(file)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        return real(file, data[:1000])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(FolderUnwritable):
        write_secret_file(tmp_path / "key", DATA)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_its_owner_alone_may_read_it(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_secret_file(tmp_path / "key", DATA)
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("mine")
    with pytest.raises(NotDone):
        write_secret_file(tmp_path / "key", DATA)
    assert (tmp_path / "key").read_text() == "mine"


def test_a_stick_without_rights_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_file: int, _mode: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    write_secret_file(tmp_path / "key", DATA)
    assert (tmp_path / "key").read_bytes() == DATA
