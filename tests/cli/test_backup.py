"""`tawny backup` and `tawny restore` as people type them."""

import errno
import io
import json
import os
import shutil
from pathlib import Path

import pytest

from tawny.service.backup.restore import UnpackedBackup
from tawny.storage.disk.lock import VolumeLock
from tests.cli.conftest import Tawny

PASSPHRASE = "river candle otter amber"


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSPHRASE}\n" * 20))


@pytest.fixture
def config(archive: Path, tmp_path: Path) -> Path:
    path = tmp_path / "here" / "tawny.toml"
    path.parent.mkdir()
    path.write_text(f'[storage]\npath = "{archive}"\n\n[cameras.door]\nsource = "demo:front"  # my door\n')
    return path


@pytest.fixture
def saved(tawny: Tawny, config: Path, tmp_path: Path, typing: None) -> Path:
    result = tawny("backup", "mine.tawny-backup", "--config", str(config))
    assert result.code == 0, result.err
    return tmp_path / "mine.tawny-backup"


def test_to_a_new_folder(tawny: Tawny, saved: Path, archive: Path, tmp_path: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    before = json.loads(tawny("status", "--json", "--data", str(archive)).out or "{}")
    result = tawny("restore", str(saved), "--data", "new")
    assert result.code == 0, result.err
    assert "Restored to new, with the settings in new/tawny.toml." in result.out
    assert (tmp_path / "new/tawny.toml").read_text().count("# my door") == 1
    shutil.copytree(archive / "door", tmp_path / "new/door")
    assert tawny("check", "--data", "new", "--repair").code in (0, 1)
    old, new = (tawny("events", "--json", "--data", one).out for one in (str(archive), "new"))
    assert old == new
    old, new = (tawny("timeline", "--from", "yesterday", "--data", one).out for one in (str(archive), "new"))
    assert old == new
    assert before is not None


def noted(tawny: Tawny, saved: Path, *words: str) -> list[str]:
    result = tawny("restore", str(saved), "--dry-run", "--json", *words)
    return [note for note in json.loads(result.out)["notes"] if "tawny run" in note]


def test_other_settings_that_a_start_would_read_are_said(tawny: Tawny, saved: Path, tmp_path: Path) -> None:
    (tmp_path / "tawny.toml").write_text("")
    start = f"Start it with `--config {tmp_path}/new/tawny.toml`."
    assert noted(tawny, saved, "--data", "new") == [f"`tawny run` reads {tmp_path}/tawny.toml here. {start}"]


def test_settings_that_a_start_would_not_find_are_said(tawny: Tawny, saved: Path, archive: Path) -> None:
    start = f"Start it with `--config {archive}/tawny.toml`."
    assert noted(tawny, saved) == [f"`tawny run` finds no settings here. {start}"]


def test_settings_that_a_start_reads_need_no_note(tawny: Tawny, saved: Path, tmp_path: Path) -> None:
    for default in ("var-lib", "share/tawny"):  # of root, and of others
        (tmp_path / default).mkdir(parents=True)
        (tmp_path / default / "tawny.toml").write_text("")
    assert noted(tawny, saved, "--data", "new") == []


def test_a_backup_without_settings_restores_none(tawny: Tawny, archive: Path, tmp_path: Path, typing: None) -> None:
    assert tawny("backup", "mine", "--data", str(archive)).code == 0
    result = tawny("restore", "mine", "--data", "new")
    assert result.out.splitlines()[-2] == "Restored to new."


def test_never_overwrites_by_itself(tawny: Tawny, saved: Path, archive: Path, config: Path, tmp_path: Path) -> None:
    changed = config.read_text() + '\n[web]\nlisten = "127.0.0.1:8123"\n'
    config.write_text(changed)
    result = tawny("restore", str(saved), "--config", str(config))
    assert result.code == 3
    assert "This would replace" in result.err and "--replace" in result.err
    result = tawny("restore", str(saved), "--config", str(config), "--dry-run")
    assert result.code == 0
    assert "web.listen" in result.out and "Nothing was changed." in result.out
    assert config.read_text() == changed
    result = tawny("restore", str(saved), "--config", str(config), "--replace", "--json")
    assert result.code == 0, result.err
    data = json.loads(result.out)
    assert "8123" not in config.read_text()
    again = tawny("restore", data["saved_before"], "--config", str(config), "--replace")
    assert again.code == 0, again.err
    assert config.read_text() == changed, "what was replaced can be brought back"


def test_what_a_restore_replaces_is_saved_without_a_settings_file_too(
    tawny: Tawny, saved: Path, archive: Path, config: Path
) -> None:
    config.unlink()
    secrets = config.with_name("secrets.toml")
    secrets.write_text('CAMERA = "mine"\n')
    result = tawny("restore", str(saved), "--config", str(config), "--data", str(archive), "--replace", "--json")
    assert result.code == 0, result.err
    assert not secrets.exists()
    config.unlink()
    again = tawny(
        "restore", json.loads(result.out)["saved_before"], "--config", str(config), "--data", str(archive), "--replace"
    )
    assert again.code == 0, again.err
    assert secrets.read_text() == 'CAMERA = "mine"\n'


def test_a_damaged_database_is_no_obstacle(tawny: Tawny, saved: Path, archive: Path, config: Path) -> None:
    (archive / "accounts.db").write_bytes(b"SQLite format 3\0" + bytes(50))
    result = tawny("restore", str(saved), "--config", str(config), "--replace")
    assert result.code == 0, result.err
    assert "not restored from it: accounts.db." in result.out


def test_refuses_beside_a_running_recorder(tawny: Tawny, saved: Path, archive: Path) -> None:
    lock = VolumeLock.take(archive, "", 1)
    try:
        result = tawny("restore", str(saved), "--data", str(archive), "--replace")
    finally:
        lock.release()
    assert result.code == 33, result.err


def prepared(saved: Path, data: Path) -> None:
    """As a restore in the browser, before the start that carries it out."""
    unpacked = UnpackedBackup.unpack([saved.read_bytes()], PASSPHRASE, data)
    unpacked.commit(data / "tawny.toml")


def test_a_prepared_restore_is_completed_first(tawny: Tawny, saved: Path, tmp_path: Path) -> None:
    """No start may be able to do it, as without room for what it starts after that."""
    prepared(saved, tmp_path / "new")
    dry = tawny("restore", str(saved), "--data", "new", "--dry-run")
    assert (dry.code, "`tawny restore --replace` does so first" in dry.err) == (3, True)
    assert (tmp_path / "new/.restore").is_dir()
    result = tawny("restore", str(saved), "--data", "new", "--replace")
    assert result.code == 0, result.err
    assert "The restore that was prepared here has been completed first." in result.err
    assert list((tmp_path / "new").glob(".restore*")) == []


@pytest.mark.parametrize("how", ["without --replace", "wrong passphrase", "damaged"])
def test_a_prepared_restore_waits_for_one_that_may_replace(
    tawny: Tawny, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    prepared(saved, tmp_path / "new")
    words = [] if how == "without --replace" else ["--replace"]
    if how == "wrong passphrase":
        monkeypatch.setattr("sys.stdin", io.StringIO("something else\n"))
    elif how == "damaged":
        saved.write_bytes(saved.read_bytes()[:-1])
    result = tawny("restore", str(saved), "--data", "new", "--passphrase-stdin", *words)
    assert (result.code, "Nothing was changed" in result.err or "Wrong passphrase" in result.err) == (3, True), (
        result.err
    )
    assert (tmp_path / "new/.restore").is_dir()
    assert not (tmp_path / "new/tawny.toml").exists()


def test_a_prepared_restore_that_cannot_be_completed_is_named(tawny: Tawny, saved: Path, tmp_path: Path) -> None:
    prepared(saved, tmp_path / "new")
    (tmp_path / "new/.restore/plan.json").write_text("")
    result = tawny("restore", str(saved), "--data", "new", "--replace")
    assert result.code == 3
    assert "the plan of a restore can't be read" in result.err
    assert "move new/.restore away: what it replaced already is in its folder `old`." in result.err


def test_wrong_passphrase(tawny: Tawny, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("something else\n"))
    result = tawny("restore", str(saved), "--data", "new", "--passphrase-stdin")
    assert result.code == 3
    assert "Wrong passphrase" in result.err
    assert not (tmp_path / "new").exists()


def test_weak_passphrases(tawny: Tawny, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for weak in ("short", "aaaaaaaaaaaaaaaa", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{weak}\n"))
        result = tawny("backup", "weak", "--config", str(config), "--passphrase-stdin")
        assert result.code == 2
        assert "too easy to guess" in result.err
    monkeypatch.setattr("sys.stdin", io.StringIO("one passphrase here\nanother one here\n"))
    assert "differ" in tawny("backup", "weak", "--config", str(config)).err
    assert not (tmp_path / "weak").exists()


def test_generated_passphrase(tawny: Tawny, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(tawny("backup", "one", "--generate", "--json", "--config", str(config)).out)
    assert len(made["passphrase"].split("-")) == 7
    monkeypatch.setattr("sys.stdin", io.StringIO(made["passphrase"].replace("-", " ") + "\n"))
    assert tawny("restore", "one", "--passphrase-stdin", "--data", "new").code == 0


def test_existing_file_and_missing_folder_and_file(tawny: Tawny, saved: Path, config: Path) -> None:
    assert "already exists" in tawny("backup", str(saved), "--config", str(config)).err
    result = tawny("backup", "no/such/folder", "--config", str(config))
    assert (result.code, "Folder no/such doesn't exist. Create it" in result.err) == (3, True)
    assert "Can't read" in tawny("restore", "nothing").err


def test_a_full_disk_is_that_of_the_file(
    tawny: Tawny, config: Path, typing: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        if Path(f"/proc/self/fd/{file}").readlink().name == "one.part":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = tawny("backup", "one", "--config", str(config))
    text = "The disk at . is full. Free up space there, or write to another disk (FILE)."
    assert (result.code, result.err.endswith(f"tawny: {text}\n")) == (31, True), result.err


def test_a_disk_that_is_not_here(tawny: Tawny, config: Path, archive: Path, typing: None, tmp_path: Path) -> None:
    config.write_text('[storage]\npath = "/mnt/no-such-disk/tawny"\n')
    assert tawny("backup", "one", "--config", str(config), "--data", str(archive)).code == 0
    config.unlink()
    result = tawny("restore", "one")
    assert result.code == 3
    assert "/mnt/no-such-disk/tawny, which doesn't exist here" in result.err


@pytest.mark.parametrize("path", ["~elsewhere", "~elsewhere/x"])
def test_a_user_who_is_not_here(
    tawny: Tawny, config: Path, archive: Path, typing: None, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    config.write_text(f'[storage]\npath = "{path}"\n')
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("os.path.expanduser", lambda text: text.replace("~elsewhere", "/home/elsewhere"))
        assert tawny("backup", "one", "--config", str(config), "--data", str(archive)).code == 0
    config.unlink()
    result = tawny("restore", "one")
    assert result.code == 3
    assert f"{path}, which doesn't exist here" in result.err
