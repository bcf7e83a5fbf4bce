"""Encryption keys in a backup that is older than a rotation: the plan names them, and key files here stay."""

from pathlib import Path

import pytest

from tawny.sealed import age_file
from tawny.sealed.key_wrapping import Identity, short_name
from tawny.service.backup.backup_file import backup_parts
from tawny.service.backup.restore import RestorePlan, UnpackedBackup, finish_restore

PASSPHRASE = "river-candle-otter-amber"
OLD, NEW, SHEET = (Identity.new().recipient for _ in range(3))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(age_file, "WORK_FACTOR", 1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data/keys").mkdir(parents=True)
    put_settings(tmp_path, OLD)
    return tmp_path / "data"


def put_settings(folder: Path, key: str) -> None:
    (folder / "tawny.toml").write_text(f'[encryption]\nrecipients = ["{key}"]\nrecovery = "{SHEET}"\n')


def backup(data: Path) -> bytes:
    return b"".join(backup_parts(data, data.parent / "tawny.toml", PASSPHRASE, 5, "garage"))


def restore(data: Path, content: bytes) -> RestorePlan:
    config = data.parent / "tawny.toml"
    unpacked = UnpackedBackup.unpack([content], PASSPHRASE, data)
    plan = unpacked.plan(config)
    unpacked.commit(config)
    assert finish_restore(data)
    return plan


def test_keys_that_come_back_and_end_are_named(data: Path) -> None:
    content = backup(data)
    put_settings(data.parent, NEW)
    plan = restore(data, content)
    assert f"The key {short_name(OLD)} opens no new recordings here now, and does after the restore." in plan.notes
    assert f"The key {short_name(NEW)} opens no new recordings after the restore." in plan.notes
    assert any("put these keys into" in note for note in plan.notes)
    shown = [(one.before, one.after) for one in plan.changes if one.path == "encryption.recipients"]
    assert shown == [(short_name(NEW), short_name(OLD))]


def test_the_same_keys_are_not_mentioned(data: Path) -> None:
    assert not [note for note in restore(data, backup(data)).notes if "key" in note]


def test_key_files_that_the_backup_lacks_stay(data: Path) -> None:
    keys = data / "keys"
    (keys / "owner.age").write_text("old")
    content = backup(data)
    names = ("3e3a574f20e8.age", "3e3a574f20e8.json", "sheet.json", f"{short_name(NEW)}.pub")
    for name in names:
        (keys / name).write_text(name)
    assert str(keys) not in restore(data, content).overwrites
    kept = {path.name: path.read_text() for path in keys.iterdir()}
    assert kept == {"owner.age": "old"} | {name: name for name in names}


def test_another_key_of_the_same_name_stays_under_another(data: Path) -> None:
    keys = data / "keys"
    content = b""
    for text in ("first", "second"):
        (keys / "owner.age").write_text(text)
        (keys / "owner.json").write_text(f"about the {text}")
        content = backup(data) if text == "first" else content
    restore(data, content)
    assert (keys / "owner.age").read_text() == "first"
    (other,) = keys.glob("owner-*.age")
    assert (other.read_text(), other.with_suffix(".json").read_text()) == ("second", "about the second")


def test_keys_stay_where_the_backup_has_none(data: Path) -> None:
    content = backup(data)
    (data / "keys/owner.age").write_text("mine")
    restore(data, content)
    assert (data / "keys/owner.age").read_text() == "mine"
