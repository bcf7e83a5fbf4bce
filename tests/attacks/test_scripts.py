"""A script of the user's that attacks: it does its work, and reads nothing of the recorder's."""

import os
from pathlib import Path

import pytest

from tawny.delivery.scripts import ScriptRunner
from tawny.engine import confinement
from tawny.engine.confinement import LinuxKernel, landlock_abi
from tawny.model.times import SystemClock

SECRET = "s3cret-of-the-front-door"
pytestmark = pytest.mark.skipif(landlock_abi(LinuxKernel()) < 1, reason="this kernel has no Landlock")


class House:
    """A recorder's folders: its data, its settings, and scripts beside them or in them."""

    def __init__(self, folder: Path, scripts: str) -> None:
        self.data, self.config, self.scripts = folder / "data", folder / "etc" / "tawny.toml", folder / scripts
        for path in (self.data / "accounts.db", self.data / "porch" / "a.mp4", self.config, self.secrets):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(SECRET)
        self.scripts.mkdir(parents=True, exist_ok=True)
        hidden = (self.data, self.config, self.secrets)
        self.runner = ScriptRunner(self.scripts, 20.0, SystemClock(), hidden)

    @property
    def secrets(self) -> Path:
        return self.config.with_name("secrets.toml")

    def runs(self, text: str) -> str:
        path = self.scripts / "script"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return self.runner.run("script", {"type": "event"}).output


@pytest.fixture(params=["scripts", "etc/scripts", "data/scripts", "etc"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return House(tmp_path, request.param)


def test_it_reads_and_changes_nothing_of_the_recorder(house: House) -> None:
    for path in (house.data / "accounts.db", house.data / "porch" / "a.mp4", house.config, house.secrets):
        result = house.runs(
            f"cat {path}; cat /proc/self/root{path}; rm -f {path}; echo x > {path}; mv {path} /tmp/stolen"
        )
        assert SECRET not in result
        assert "Permission denied" in result
        assert path.read_text() == SECRET
    assert SECRET not in house.runs(f"python3 -c \"print(open('/proc/{os.getpid()}/environ').read())\"; true")


def test_it_does_its_work(house: House, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    result = house.runs(
        f"cat; echo done > {other}/log && cat {other}/log /etc/hostname >/dev/null && echo fine; ls >&2"
    )
    assert "fine" in result
    assert '"type": "event"' in result
    if house.scripts not in (house.config.parent,):
        assert house.runs("echo 1 > state && cat state") == "1"


def test_it_keeps_the_network(house: House) -> None:
    ask = "import socket; print(socket.create_server(('127.0.0.1', 0)).getsockname()[0])"
    assert house.runs(f'/usr/bin/env python3 -c "{ask}"') == "127.0.0.1"


def test_a_computer_without_landlock_says_so_at_every_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(confinement, "landlock_abi", lambda _: 0)
    ScriptRunner(tmp_path, 1.0, SystemClock(), [tmp_path / "data"])
    assert "can't keep scripts from tawny's own files (the kernel has no Landlock)" in caplog.text
