"""An index that is damaged while the recorder runs: tawny starts again by itself, and has a whole one."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tawny.app.running import RecorderRuntime
from tawny.model.times import SystemClock
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.app.rig import settings

TAWNY = str(Path(sys.executable).with_name("tawny"))


def causes(data: Path) -> list[str]:
    """Of the stops that the history has."""
    found = "\n".join(file.read_text() for file in sorted(data.glob("history/*.jsonl")))
    lines = map(json.loads, found.splitlines())
    return [line["stopped"]["cause"] for line in lines if line["what"] == "stopped"]


class Ran:
    """A recorder whose index is damaged while it runs, and which is stopped after the line `stopped_at` of its log.

    times: how often the log has it then.
    """

    def __init__(self, folder: Path, stopped_at: str = "tawny is recording", times: int = 2) -> None:
        self.data, self._log, config = folder / "data", folder / "log", folder / "tawny.toml"
        self.to_systemd: list[str] = []
        with (
            RtspCamera(made_clip(ClipSpec(seconds=8))) as camera,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
            self._log.open("wb") as log,
        ):
            systemd.bind(str(folder / "notify"))
            reading = threading.Thread(target=self._read, args=(systemd,), daemon=True)  # a full socket blocks tawny
            reading.start()
            config.write_text(
                f'[web]\nlisten = "127.0.0.1:0"\n[cameras.door]\nsource = "{camera.address}"\n', encoding="utf-8"
            )
            command = [TAWNY, "run", "--config", str(config), "--data", str(self.data)]
            environment = os.environ | {"NOTIFY_SOCKET": str(folder / "notify")}
            with subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process:
                try:
                    self._wait_for("tawny is recording", 1)
                    (self.data / "tawny.db-wal").write_bytes(b"")
                    (self.data / "tawny.db").write_bytes(b"\xa5" * (self.data / "tawny.db").stat().st_size)
                    self._wait_for(stopped_at, times)
                finally:
                    process.send_signal(signal.SIGTERM)
                self.exit_code = process.wait(60)
            reading.join(60)

    def _read(self, systemd: socket.socket) -> None:
        while "STOPPING=1" not in self.to_systemd:
            self.to_systemd += systemd.recv(4096).decode().split("\n")

    def _wait_for(self, line: str, count: int) -> None:
        until(lambda: self.log.count(line) == count, 60, f"{count} times {line!r}")

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(tmp_path_factory.mktemp("ran"))


def test_the_recorder_gets_over_a_damaged_index_by_itself(ran: Ran) -> None:
    assert ran.exit_code == 0, ran.log
    assert causes(ran.data) == ["index", "person"]
    checked = subprocess.run([TAWNY, "check", "--data", str(ran.data), "--json"], capture_output=True, check=True)
    assert json.loads(checked.stdout)["findings"] == []


def test_systemd_hears_of_the_last_end_alone(ran: Ran) -> None:
    """It would kill a process that said that it stops, and goes on."""
    assert [one for one in ran.to_systemd if one in ("READY=1", "STOPPING=1")] == ["READY=1", "READY=1", "STOPPING=1"]


def test_the_link_for_the_owner_stays_valid(ran: Ran) -> None:
    """Someone may be using it: another one would end it."""
    assert ran.log.count("Setup code: ") == 1


def test_a_stop_while_it_is_to_start_again_ends_it(tmp_path: Path) -> None:
    stopped = Ran(tmp_path, "tawny starts again now", 1)
    assert stopped.exit_code == 0, stopped.log
    assert stopped.log.count("tawny is recording") == 1
    assert causes(stopped.data) == ["person"]
    assert "STOPPING=1" in stopped.to_systemd


@pytest.mark.parametrize(
    ("noted", "cause"),
    [
        (("reboot", "index"), "reboot"),  # meanwhile, the index turns out to be damaged
        (("reboot", "person"), "reboot"),  # the system ends tawny
        (("restart", "person"), "person"),
        (("index", "person"), "person"),
        (("person", "restart"), "person"),
    ],
)
def test_the_first_end_that_was_noted_stays_unless_a_stop_replaces_a_restart(
    noted: tuple[str, ...], cause: str, tmp_path: Path
) -> None:
    running = RecorderRuntime.open(settings(""), tmp_path, SystemClock(), PluginRegistry({}, {}))
    for one in noted:
        running.note_end(one, "Anna")
    running.close("restart")
    assert causes(tmp_path) == [cause]


CHILD = """
import asyncio, signal, sys
from pathlib import Path
from tawny.app.program import Program
from tawny.app.running import RecorderRuntime
from tawny.config.settings import Settings
from tawny.config.loader import parse_settings

class Damaged:
    has_restarted = False
    def must_restart(self, index):
        return True

def after(close):
    def closed(*args):
        close(*args)
        signal.raise_signal(signal.SIGTERM)
    return closed

def before(close):
    def closing(*args):
        for _ in range(TIMES):
            signal.raise_signal(signal.SIGTERM)
            print("closing", flush=True)
        close(*args)
    return closing

of = asyncio.Runner if WHEN is after else RecorderRuntime
of.close = WHEN(of.close)
settings, _ = parse_settings('[web]\\nlisten = "127.0.0.1:0"', {})
program = Program(settings, Path(sys.argv[1]), index_watch=Damaged())
program.run(lambda *_: None)
assert not program.restarts
"""
"""A run that is to start again, with SIGTERM `before` recording closes, TIMES, or `after` the loop has closed."""


def _run_child(data: Path, when: str, times: int = 1) -> subprocess.CompletedProcess[str]:
    code = CHILD.replace("WHEN", when).replace("TIMES", str(times))
    return subprocess.run([sys.executable, "-c", code, str(data)], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_stop_while_a_restart_closes_ends_it(when: str, tmp_path: Path) -> None:
    ended = _run_child(tmp_path, when)
    assert ended.returncode == 0, ended.stderr
    assert causes(tmp_path) == ["person"]


def test_a_second_stop_while_a_restart_closes_ends_the_process_at_once(tmp_path: Path) -> None:
    ended = _run_child(tmp_path, "before", 2)
    assert ended.returncode == -signal.SIGTERM, ended.stderr
    assert ended.stdout == "closing\n"
