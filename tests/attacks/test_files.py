"""What another user of the computer can read of a recorder: nothing, whatever the umask it was started with."""

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tawny.api.inbox import InboxWrite
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.testing.waiting import until

SETTINGS = """
[web]
listen = "127.0.0.1:0"
[storage]
path = "{folder}"
[cameras.front]
source = "demo:front"
detection = {{ detector = "motion" }}
"""


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_a_recorders_files_are_for_its_user_alone(tmp_path: Path, umask: int) -> None:
    folder, config = tmp_path / "data", tmp_path / "tawny.toml"
    config.write_text(SETTINGS.format(folder=folder))
    program = [sys.executable, "-c", "from tawny.cli.main import entry; entry()", "run", "--config", str(config)]
    with subprocess.Popen(program, umask=umask, stdout=subprocess.PIPE, cwd=tmp_path) as recorder:
        try:
            assert recorder.stdout is not None
            assert b"recording" in recorder.stdout.readline()
            until(lambda: (folder / "tawny.db").exists() and list(folder.rglob("*.mp4")), 60, "it records")
            limits = Path(f"/proc/{recorder.pid}/limits").read_text()
        finally:
            recorder.send_signal(signal.SIGTERM)
    (core,) = (line.split()[4] for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core == "0"
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert len(modes) > 15
    wrong = {
        str(path.relative_to(tmp_path)): f"{mode:o}"
        for path, mode in modes.items()
        if mode not in ((0o700, 0o750) if path.is_dir() else (0o600,))
    }
    assert not wrong


def test_a_database_of_an_earlier_version_is_closed_to_others(tmp_path: Path) -> None:
    for _ in range(2):
        SqliteIndex(tmp_path / "tawny.db").close()
        (tmp_path / "tawny.db").chmod(0o644)
    SqliteIndex(tmp_path / "tawny.db").close()
    assert stat.S_IMODE((tmp_path / "tawny.db").stat().st_mode) == 0o600


def test_what_another_recorder_sends_is_for_this_user_alone(tmp_path: Path) -> None:
    InboxWrite(tmp_path / "part", lambda _: None, lambda: None).close()
    assert stat.S_IMODE((tmp_path / "part").stat().st_mode) == 0o600
