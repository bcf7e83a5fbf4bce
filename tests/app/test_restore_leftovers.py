"""What killed checks, uploads and restores leave is removed at the next start: it may be a decrypted backup."""

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest

from tawny.app import program
from tawny.config.settings import Settings
from tawny.sealed import age_file
from tawny.service.backup.backup_file import backup_parts
from tawny.service.backup.restore import UnpackedBackup, held

PASSPHRASE = "river-candle-otter-amber"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(age_file, "WORK_FACTOR", 1)
    made = tmp_path / "data"
    (made / "history").mkdir(parents=True)
    (made / "tawny.toml").write_text("")
    return made


def start(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ran:
        """A program that records nothing."""

        restarts = came_back = False

        def __init__(self, *_: object, **_more: object) -> None:
            pass

        def run(self, _tell: object) -> None:
            pass

    monkeypatch.setattr(program, "Program", Ran)
    program.record(Settings(), data, lambda *_: None, why_missing=lambda _: "")


def leave(data: Path) -> None:
    """As after `kill -9` in a check, and one in the last step of a restore."""
    for folder in (".restore.new/data/keys", ".restore.done/old"):
        (data / folder).mkdir(parents=True)
        (data / folder / "owner.age").write_text("key")
    for name in (".restore.upload", ".restore.lock"):
        (data / name).write_text("")


def left(data: Path) -> list[str]:
    return sorted(path.name for path in data.glob(".restore*"))


def test_a_start_removes_what_was_left(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(data)
    start(data, monkeypatch)
    assert left(data) == []


def test_what_cannot_be_removed_keeps_nothing_else(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(data)
    remove = shutil.rmtree

    def refused(path: Path, **more: Any) -> None:
        if path.name == ".restore.new":
            raise PermissionError(errno.EACCES, "Permission denied")
        remove(path, **more)

    monkeypatch.setattr(shutil, "rmtree", refused)
    start(data, monkeypatch)
    assert left(data) == [".restore.new"]


def test_so_does_the_start_that_completes_a_restore(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"".join(backup_parts(data, data / "tawny.toml", PASSPHRASE, 5, "garage"))
    UnpackedBackup.unpack([content], PASSPHRASE, data).commit(data / "tawny.toml")
    (data / ".restore.upload").write_text("")
    start(data, monkeypatch)
    assert left(data) == []


def test_what_a_running_command_unpacks_stays(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"".join(backup_parts(data, data / "tawny.toml", PASSPHRASE, 5, "garage"))
    unpacked = UnpackedBackup.unpack([content], PASSPHRASE, data)
    start(data, monkeypatch)
    assert left(data) == [".restore.lock", ".restore.new"]
    unpacked.discard()


def test_what_another_recorder_uses_stays(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(data)
    before = left(data)
    with held(data):
        start(data, monkeypatch)
    assert left(data) == before
