"""Encryption keys in a backup that is older than a rotation: the plan names them, and key files here stay."""

import errno
import os
from hashlib import sha256
from pathlib import Path
from shutil import rmtree

import pytest

from tawny.sealed import age_file
from tawny.sealed.key_wrapping import Identity, short_name
from tawny.service.backup import restored_keys
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


def test_a_key_that_comes_back_for_a_removed_camera_is_named(data: Path) -> None:
    settings = data.parent / "tawny.toml"
    now = settings.read_text()
    settings.write_text(f'{now}[removed_cameras.yard]\nrecipients = ["{NEW}", "{OLD}"]\n')
    content = backup(data)
    settings.write_text(now)
    notes = [note for note in restore(data, content).notes if "key" in note]
    name = short_name(NEW)
    assert notes[0].startswith(f"The key {name} comes back for recordings of removed cameras")
    assert ("put these keys into" in notes[1], len(notes)) == (True, 2)


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


@pytest.mark.parametrize("name", ["owner", "ben"])
@pytest.mark.parametrize("to", ["../../stick/key.age", "/gone/key.age", "folder"])
def test_key_files_that_cannot_be_read_here_stay(data: Path, tmp_path: Path, name: str, to: str) -> None:
    """A relative link leads nowhere while its folder is moved; others are to a missing disk, or no file."""
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick/key.age").write_text("of the stick")
    key = data / f"keys/{name}.age"
    (data / "keys/owner.age").write_text("of the backup")
    content = backup(data)
    key.unlink(missing_ok=True)
    key.mkdir() if to == "folder" else key.symlink_to(to)
    restore(data, content)
    assert (data / "keys/owner.age").read_text() == "of the backup"
    (kept,) = (one for one in (data / "keys").glob("*.age") if one.name != "owner.age")
    assert (kept.is_dir(), kept.name == "ben.age") == (to == "folder", name == "ben")
    assert to == "folder" or str(kept.readlink()) == to
    assert not to.startswith("..") or kept.read_text() == "of the stick"


def test_keys_stay_where_the_backup_has_none(data: Path) -> None:
    content = backup(data)
    (data / "keys/owner.age").write_text("mine")
    restore(data, content)
    assert (data / "keys/owner.age").read_text() == "mine"


@pytest.fixture
def stick(data: Path, tmp_path: Path) -> Path:
    """A folder of the user, which `keys` becomes a link to."""
    (tmp_path / "stick/photos").mkdir(parents=True)
    for name in ("owner.age", "owner.json", "new.age", "new.json", "letter.txt"):
        (tmp_path / "stick" / name).write_text(f"{name} of the stick")
    return tmp_path / "stick"


def link(data: Path, to: str) -> bytes:
    """Make the folder of keys a link, and return a backup from before."""
    (data / "keys/owner.age").write_text("owner.age of the backup")
    content = backup(data)
    rmtree(data / "keys")
    (data / "keys").symlink_to(to)
    return content


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


MERGED = {
    "owner.age": "owner.age of the backup",
    f"owner-{sha256(b'owner.age of the stick').hexdigest()[:8]}.age": "owner.age of the stick",
    f"owner-{sha256(b'owner.age of the stick').hexdigest()[:8]}.json": "owner.json of the stick",
    "new.age": "new.age of the stick",
    "new.json": "new.json of the stick",
}


@pytest.mark.parametrize("is_relative", [True, False])
def test_linked_keys_are_copied_and_stay(data: Path, stick: Path, is_relative: bool) -> None:
    content, before = link(data, "../stick" if is_relative else str(stick)), texts(stick)
    restore(data, content)
    assert (texts(data / "keys"), (data / "keys").is_symlink()) == (MERGED, False)
    assert (texts(stick), (stick / "photos").is_dir()) == (before, True)


def test_an_interrupted_restore_of_linked_keys_goes_on(
    data: Path, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(BaseException):
        pass

    def cut(path: Path, content: bytes) -> None:
        if (data / "keys/new.json").exists():
            raise PowerCut
        path.write_bytes(content)

    content = link(data, "../stick")
    with monkeypatch.context() as broken, pytest.raises(PowerCut):
        broken.setattr(restored_keys, "write_private", cut)
        restore(data, content)
    assert finish_restore(data)
    assert texts(data / "keys") == MERGED


@pytest.mark.parametrize("is_there", [True, False])
def test_linked_keys_that_cannot_be_read_stop_no_restore(
    data: Path, stick: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_there: bool
) -> None:
    def fails(path: Path, content: bytes) -> None:
        raise OSError(errno.EIO, "Input/output error")

    content = link(data, str(stick if is_there else stick / "gone"))
    monkeypatch.setattr(restored_keys, "write_private", fails)
    restore(data, content)
    assert texts(data / "keys") == {"owner.age": "owner.age of the backup"}
    assert ("Input/output error" in caplog.text, str(stick) in caplog.text) == (is_there, True)


def test_one_linked_key_that_cannot_be_read_stops_no_other(
    data: Path, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path, content: bytes) -> None:
        if path.name == "new.age":
            raise OSError(errno.EIO, "Input/output error")
        path.write_bytes(content)

    content = link(data, str(stick))
    monkeypatch.setattr(restored_keys, "write_private", fails)
    restore(data, content)
    assert texts(data / "keys") == {name: text for name, text in MERGED.items() if name != "new.age"}


def test_root_copies_no_linked_keys_for_others(
    data: Path, stick: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The recorder's user could link any folder, and would own what is copied."""
    (data / "old").symlink_to(stick)
    if os.geteuid() == 0:
        os.chown(data, 1000, 1000)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
    restored_keys.keep_others(data / "old", data / "keys")
    assert (texts(data / "keys"), str(stick) in caplog.text) == ({}, True)


def test_keys_of_a_subvolume_stay(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace

    def refuse(path: Path, to: Path) -> Path:
        if path.parent.name == "keys" and to.parent != path.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(path, to)

    (data / "keys/owner.age").write_text("first")
    content = backup(data)
    (data / "keys/new.age").write_text("new")
    for call in ("rename", "replace"):
        monkeypatch.setattr(Path, call, refuse)
    restore(data, content)
    assert texts(data / "keys") == {"owner.age": "first", "new.age": "new"}
