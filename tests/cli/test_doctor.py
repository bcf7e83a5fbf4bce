"""`tawny doctor`: with and without settings, beside a running recorder, and what it saves."""

import base64
import json
import re
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from tawny.api.auth.accounts import Accounts, Role
from tawny.api.auth.accounts_file import AccountsFile
from tawny.engine import Bus
from tawny.model.times import SystemClock
from tawny.service.diagnosis import machine
from tests.cli.conftest import Tawny, answering
from tests.support.ports import free_port


@pytest.fixture(autouse=True)
def healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer on which all is well, whatever this one is like."""
    fine = machine.fine("machine", "All is well.")
    monkeypatch.setattr(machine, "disk", lambda *_: iter([fine]))
    monkeypatch.setattr(machine, "clock_state", lambda *_: fine)
    for name in ("power", "temperature", "memory", "network"):
        monkeypatch.setattr(machine, name, lambda *_: iter(()))
    monkeypatch.setattr(machine, "devices", lambda *_, **__: iter(()))
    monkeypatch.setattr(machine, "service", lambda *_: fine)


def settings(folder: Path, text: str = "") -> Path:
    path = folder / "mine.toml"
    path.write_text(f'[web]\nlisten = "127.0.0.1:{free_port()}"\n{text}')
    return path


def test_all_is_well(tawny: Tawny, tmp_path: Path) -> None:
    config = settings(tmp_path, '[cameras.nursery]\nsource = "demo:front"\n')
    result = tawny("doctor", "--config", str(config))
    assert result.code == 0, result.out
    assert "is valid: 1 camera." in result.out
    assert "problem" not in result.out


def test_cameras_are_tried_if_asked_for(tawny: Tawny, tmp_path: Path) -> None:
    config = settings(tmp_path, f'[cameras.gate]\nsource = "rtsp://127.0.0.1:{free_port()}/x"\n')
    assert "camera gate" not in tawny("doctor", "--config", str(config)).out
    result = tawny("doctor", "--cameras", "--json", "--config", str(config))
    assert result.code == 1
    data = json.loads(result.out)
    assert not data["ok"]
    (camera,) = [one for one in data["checks"] if one["area"] == "camera gate"]
    assert camera["state"] == "wrong"
    assert camera["do"]


def test_all_databases_of_a_newer_version_are_found(tawny: Tawny, tmp_path: Path) -> None:
    for name, version in (("accounts.db", 99), ("modes.db", 99), ("outbox.db", 1), ("standby.db", 99)):
        with closing(sqlite3.connect(tmp_path / name)) as db:
            db.execute(f"PRAGMA user_version = {version}")
    result = tawny("doctor", "--json", "--config", str(settings(tmp_path)), "--data", str(tmp_path))
    assert result.code == 1
    (databases,) = [one for one in json.loads(result.out)["checks"] if one["area"] == "databases"]
    assert databases["state"] == "wrong"
    assert re.findall(r"(\w+)\.db is from a newer version", databases["what"]) == ["accounts", "modes", "standby"]


def test_a_database_that_cannot_be_read_is_not_called_fine(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "modes.db").mkdir()  # as unreadable as one of another user, also to root
    result = tawny("doctor", "--json", "--config", str(settings(tmp_path)), "--data", str(tmp_path))
    assert "databases" not in [one["area"] for one in json.loads(result.out)["checks"]]


def test_the_time_zone_is_named_but_not_to_others(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tawny.cli.doctor.find_zone", lambda: ("Etc/UTC", "times are in Etc/UTC, as TZ=x is no name"))
    result = tawny("doctor", "--config", str(settings(tmp_path)), "--bundle", "out.zip")
    assert "Times are in Etc/UTC, as TZ=x is no name." in result.out
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert all("Etc/UTC" not in archive.read(name).decode() for name in archive.namelist())


def test_invalid_settings_are_a_finding(tawny: Tawny, tmp_path: Path) -> None:
    path = tmp_path / "tawny.toml"
    path.write_text("[storage]\nfolder = 5\n")
    result = tawny("doctor")
    assert result.code == 1
    assert "tawny config check" in result.out
    path.write_text("[[[")
    assert tawny("doctor", "--bundle", "x.zip").code == 1
    assert (tmp_path / "x.zip").exists()


def test_bundle_of_a_recorder_that_does_not_run(tawny: Tawny, tmp_path: Path) -> None:
    log = tmp_path / "tawny.log"
    log.write_text("2026-11-20 06:00:01 WARNING nursery: 192.168.7.20 isn't responding\n")
    config = settings(tmp_path, f'[log]\nfile = "{log}"\n[cameras.nursery]\nsource = "demo:front"\n')
    result = tawny("doctor", "--config", str(config), "--bundle", "out.zip")
    assert "Saved to out.zip" in result.out
    assert "The end of the log." in result.out
    assert (tmp_path / "out.zip").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        text = archive.read("tawny-diagnostics/log.txt").decode()
        assert all("nursery" not in archive.read(name).decode() for name in archive.namelist())
    assert text == "2026-11-20 06:00:01 WARNING camera-1: private-address-1 isn't responding\n"


def test_a_bundle_knows_the_users_of_an_earlier_version_and_leaves_their_file_as_it_is(
    tawny: Tawny, tmp_path: Path
) -> None:
    log, data = tmp_path / "tawny.log", tmp_path / "data"
    log.write_text("2026-11-20 06:00:01 WARNING Annegret signed in\n")
    data.mkdir()
    with closing(AccountsFile(data / "accounts.db")) as file:
        Accounts(file, SystemClock()).put_person("Annegret", Role.OWNER)
    with closing(sqlite3.connect(data / "accounts.db")) as db:
        db.execute("PRAGMA user_version = 4")
    before = (data / "accounts.db").read_bytes()
    config = settings(tmp_path, f'[log]\nfile = "{log}"\n')
    result = tawny("doctor", "--config", str(config), "--data", str(data), "--bundle", "out.zip")
    assert "Saved to out.zip" in result.out
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert all("Annegret" not in archive.read(name).decode() for name in archive.namelist())
    assert (data / "accounts.db").read_bytes() == before


def test_a_bundle_without_the_names_of_users_has_no_log(tawny: Tawny, tmp_path: Path) -> None:
    """An archive that can't be made anonymous says what it lacks."""
    log, data = tmp_path / "tawny.log", tmp_path / "data"
    log.write_text("2026-11-20 06:00:01 WARNING Annegret signed in\n")
    data.mkdir()
    (data / "accounts.db").write_bytes(b"not a database" * 100)
    config = settings(tmp_path, f'[log]\nfile = "{log}"\n')
    result = tawny("doctor", "--config", str(config), "--data", str(data), "--bundle", "out.zip")
    assert "Saved to out.zip" in result.out
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        read = {name.rpartition("/")[2]: archive.read(name).decode() for name in archive.namelist()}
    assert "log.txt" not in read
    assert all("Annegret" not in text for text in read.values())
    assert "they may hold names of users, and the database" in read["README.txt"]


def test_the_names_of_users_need_no_free_space_elsewhere(
    tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, data = tmp_path / "tawny.log", tmp_path / "data"
    log.write_text("2026-11-20 06:00:01 WARNING Annegret signed in\n")
    data.mkdir()
    with closing(AccountsFile(data / "accounts.db")) as file:
        Accounts(file, SystemClock()).put_person("Annegret", Role.OWNER)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    config = settings(tmp_path, f'[log]\nfile = "{log}"\n')
    assert "Saved to" in tawny("doctor", "--config", str(config), "--data", str(data), "--bundle", "out.zip").out
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read("tawny-diagnostics/log.txt").decode().endswith("WARNING person-1 signed in\n")


def test_bundle_of_the_running_recorder(tawny: Tawny, tmp_path: Path, recorded: Path) -> None:
    item = {"name": "health.json", "about": "The state.", "data": base64.b64encode(b"{}").decode()}
    with answering(recorded, Bus(), {"diagnostics": lambda _: {"items": [item]}}):
        result = tawny("doctor", "--data", str(recorded), "--bundle", "out.zip", "--json")
    assert json.loads(result.out)["bundle"]["files"] == [{"name": "health.json", "about": "The state."}]


def test_files_are_never_replaced(tawny: Tawny, tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_text("mine")
    result = tawny("doctor", "--bundle", "out.zip")
    assert result.code == 3
    assert "already exists" in result.err
    assert tawny("doctor", "--bundle", "no/such/folder/out.zip").code == 3
    assert (tmp_path / "out.zip").read_text() == "mine"
