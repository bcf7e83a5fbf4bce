"""The backup that a restore makes of what is here: whole, or not there."""

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tawny.model.errors import NotDone, StorageError, TawnyError
from tawny.sealed import age_file
from tawny.service.backup.backup_file import read_backup
from tawny.service.backup.backup_service import BackupService
from tawny.service.backup.restore import PENDING, UnpackedBackup, finish_restore
from tawny.testing.clock import FakeClock

PASSPHRASE = "river-candle-otter-amber"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BackupService:
    """With a backup that has been uploaded."""
    monkeypatch.setattr(age_file, "WORK_FACTOR", 1)
    (tmp_path / "history/signed").mkdir(parents=True)
    (tmp_path / "tawny.toml").write_text('[web]\nname = "Home"\n')
    made = BackupService(tmp_path, tmp_path / "tawny.toml", "garage", FakeClock())
    sent(made, b"".join(made.parts(PASSPHRASE)))
    return made


def sent(service: BackupService, content: bytes) -> None:
    upload = service.begin_upload()
    upload.add(content)
    upload.close()


@pytest.mark.parametrize("error", [NotDone("The history changed.", "Try again."), StorageError("/data", "bad sector")])
def test_an_error_leaves_no_part_of_it(
    service: BackupService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: TawnyError
) -> None:
    def parts(*_: object) -> Iterator[bytes]:
        yield b"x" * 1000
        raise error

    monkeypatch.setattr("tawny.service.backup.backup_service.backup_parts", parts)
    with pytest.raises(type(error)):
        service.restore(PASSPHRASE)
    assert list(tmp_path.glob("before-restore*")) == []


def test_one_that_is_there_stays(service: BackupService, tmp_path: Path) -> None:
    saved = service.restore(PASSPHRASE).saved
    content = saved.read_bytes()
    finish_restore(tmp_path)
    sent(service, content)
    with pytest.raises(StorageError):
        service.restore(PASSPHRASE)
    assert saved.read_bytes() == content


def test_a_restore_keeps_what_belongs_to_a_missing_settings_file(service: BackupService, tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").unlink()
    (tmp_path / "secrets.toml").write_text("A = 1\n")
    (tmp_path / "accounts.db").write_bytes(b"SQLite format 3\0" + bytes(50))
    saved = service.restore(PASSPHRASE).saved
    names = [one.name for _, one in read_backup([saved.read_bytes()], PASSPHRASE) if one.read() is not None]
    assert {"settings/secrets.toml", "damaged/accounts.db"} <= {*names}
    assert "settings/tawny.toml" not in names


def test_a_restore_warns_of_databases_that_were_damaged(
    service: BackupService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "accounts.db").write_bytes(b"SQLite format 3\0" + bytes(50))
    saved = service.restore(PASSPHRASE).saved
    assert f"damaged, so only kept as they are in {saved}: accounts.db" in caplog.messages


@pytest.mark.parametrize("second", ["plan", "restore"])
def test_a_prepared_restore_is_not_touched_by_the_next_request(
    service: BackupService, tmp_path: Path, second: str
) -> None:
    content = b"".join(service.parts(PASSPHRASE))
    service.restore(PASSPHRASE)
    before = {path: path.read_bytes() for path in (tmp_path / PENDING).glob("**/*") if path.is_file()}
    sent(service, content)
    with pytest.raises(NotDone, match="A restore was prepared here already"):
        getattr(service, second)(PASSPHRASE)
    assert {path: path.read_bytes() for path in (tmp_path / PENDING).glob("**/*") if path.is_file()} == before
    assert finish_restore(tmp_path)


def test_settings_that_cannot_be_replaced_leave_no_saved_backup(
    service: BackupService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.service.backup.obstacles.mount_points", lambda: {tmp_path / "tawny.toml"})
    with pytest.raises(NotDone, match="is mounted by itself"):
        service.restore(PASSPHRASE)
    assert list(tmp_path.glob("before-restore*")) == []


def test_settings_with_which_tawny_would_not_start_are_not_restored_over_the_network(
    service: BackupService, tmp_path: Path
) -> None:
    """As those of an earlier version with a setting that has another name now: no page could correct them."""
    (tmp_path / "tawny.toml").write_text('[storage]\nkeep = { max = "30 days" }\n')
    sent(service, b"".join(service.parts(PASSPHRASE)))
    (tmp_path / "tawny.toml").write_text('[web]\nname = "Home"\n')
    with pytest.raises(NotDone, match=r"The settings of this backup don't work here: .*storage.keep"):
        service.restore(PASSPHRASE)
    assert list(tmp_path.glob("before-restore*")) == []
    assert not (tmp_path / PENDING).exists()


def test_a_plan_says_that_the_restore_would_be_refused(service: BackupService, tmp_path: Path) -> None:
    """For a page without a button then."""
    assert not service.plan(PASSPHRASE)[0].refused
    (tmp_path / "tawny.toml").write_text('[storage]\nkeep = { max = "30 days" }\n')
    sent(service, b"".join(service.parts(PASSPHRASE)))
    plan = service.plan(PASSPHRASE)[0]
    assert plan.refused
    assert any("Restore it in a terminal here" in note for note in plan.notes)


def test_the_address_in_use_is_no_other_one(service: BackupService, tmp_path: Path) -> None:
    """As by `--listen`: the file names another one."""
    (tmp_path / "tawny.toml").write_text('[web]\nlisten = "127.0.0.1:1"\n')
    assert service.plan(PASSPHRASE)[0].listens == "127.0.0.1:8000"
    assert replace(service, listens="127.0.0.1:8000").restore(PASSPHRASE).listens == ""


CAMERA = '[cameras.door]\nsource = "rtsp://u:${CAMERA_KEY}@192.0.2.1/x"\n'


def restored(service: BackupService, tmp_path: Path, settings: str) -> list[str]:
    """Restore a backup of these settings; return the notes of the plan about it."""
    (tmp_path / "tawny.toml").write_text(settings)
    sent(service, b"".join(service.parts(PASSPHRASE)))
    (tmp_path / "tawny.toml").write_text('[web]\nname = "Home"\n')
    notes = service.plan(PASSPHRASE)[0].notes
    service.restore(PASSPHRASE)
    assert finish_restore(tmp_path)
    return [one for one in notes if "need a look" in one]


def test_credentials_beside_the_settings_count(service: BackupService, tmp_path: Path) -> None:
    """They are in no backup, and stay."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/CAMERA_KEY").write_text("known")
    assert restored(service, tmp_path, CAMERA) == []


def on_a_disk_without_modes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As exFAT, where what is unpacked can't be made private."""
    opened = os.open

    def opening(path: str | Path, flags: int, mode: int = 0o777, **more: int) -> int:
        made = opened(path, flags, mode, **more)
        if ".restore.new" in str(path) and flags & os.O_CREAT:
            Path(path).chmod(0o755)
        return made

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(os, "fchmod", refused)


def test_secrets_on_a_data_disk_without_modes_count(
    service: BackupService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets.toml").write_text('CAMERA_KEY = "known"\n')
    (tmp_path / "secrets.toml").chmod(0o600)
    on_a_disk_without_modes(monkeypatch)
    assert restored(service, tmp_path, CAMERA) == []


def test_programs_are_seen_on_a_data_disk_without_modes(
    service: BackupService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets.toml").write_text('A = "1"\n')
    (tmp_path / "secrets.toml").chmod(0o600)
    on_a_disk_without_modes(monkeypatch)
    with pytest.raises(NotDone, match="This backup would run programs"):
        restored(service, tmp_path, '[cameras.door]\nsource = "exec:date"\n')


def test_the_folder_of_an_unknown_user_becomes_this_one(service: BackupService, tmp_path: Path) -> None:
    """It would make the settings invalid."""
    assert restored(service, tmp_path, '[storage]\npath = "~of-no-user-here/x"\n') == []
    assert f'path = "{tmp_path}"' in (tmp_path / "tawny.toml").read_text()


def test_one_check_or_restore_at_a_time(service: BackupService, tmp_path: Path) -> None:
    content = b"".join(service.parts(PASSPHRASE))
    first = UnpackedBackup.unpack([content], PASSPHRASE, tmp_path)
    for second in (service.plan, service.restore):
        with pytest.raises(NotDone, match="Another check or restore of a backup is running here"):
            second(PASSPHRASE)
    first.commit(tmp_path / "tawny.toml")
    assert finish_restore(tmp_path)
    assert service.plan(PASSPHRASE)[0].info.host == "garage"
    assert list(tmp_path.glob(".restore*")) == [tmp_path / ".restore.upload"]
