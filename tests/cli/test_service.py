"""`tawny service install`: the unit is written, and systemd told, through a stand-in for systemctl."""

from pathlib import Path

import pytest

from tests.cli.conftest import Tawny


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Writes down what it is asked."""
    folder, log = tmp_path / "bin", tmp_path / "asked"
    folder.mkdir()
    program = folder / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return log


def test_installing_writes_the_unit_and_starts_it(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    tawny("init")
    said = tawny("service", "install", "--units", str(tmp_path), "--data", "data")
    assert said.code == 0, said
    unit = (tmp_path / "tawny.service").read_text()
    assert f"run --config {tmp_path}/tawny.toml --data {tmp_path}/data" in unit
    assert {"LimitCORE=0", "MemorySwapMax=0"} <= set(unit.splitlines()), "keys stay in memory"
    assert systemctl.read_text().splitlines()[1:] == ["daemon-reload", "enable --now tawny.service"]


def test_the_unit_waits_for_its_disk_unless_a_spare_can_stand_in(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    config = tmp_path / "tawny.toml"
    config.write_text('[storage]\nmirror = "/mnt/mirror"\n')
    unit = tawny("service", "show", "--data", "data").out
    assert f"RequiresMountsFor={tmp_path}/data\n" in unit
    assert f"ReadWritePaths={tmp_path}/data -/mnt/mirror\n" in unit
    config.write_text('[storage]\nspare = "/mnt/spare"\n')
    unit = tawny("service", "show", "--data", "data").out
    assert f"WantsMountsFor={tmp_path}/data\n" in unit
    assert "RequiresMountsFor" not in unit
    assert f"ReadWritePaths={tmp_path}/data -/mnt/spare\n" in unit


def test_uninstalling_leaves_recordings_and_settings(tawny: Tawny, tmp_path: Path, systemctl: Path) -> None:
    tawny("init")
    tawny("service", "install", "--units", str(tmp_path))
    said = tawny("service", "uninstall", "--units", str(tmp_path))
    assert said.code == 0
    assert not (tmp_path / "tawny.service").exists()
    assert (tmp_path / "tawny.toml").exists()


def test_a_machine_without_systemd_is_told(tawny: Tawny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tawny("init")
    monkeypatch.setenv("PATH", str(tmp_path))
    said = tawny("service", "install", "--units", str(tmp_path))
    assert said.code == 3
    assert "doesn't use systemd" in said.err
    assert not (tmp_path / "tawny.service").exists()
