"""A script in a process that has loaded tawny runs as one that was started: its output, exit code and signals."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support import preloaded

SCRIPT = """
import os, sys, time
print(__name__, sys.argv[1:], os.environ["HERE"], os.getcwd(), "tawny.app.program" in sys.modules, flush=True)
if sys.argv[1] == "wait":
    time.sleep(600)
sys.exit(int(sys.argv[1]))
"""


def run(folder: Path, word: str) -> preloaded.Preloaded:
    (folder / "script.py").write_text(SCRIPT)
    with (folder / "out").open("wb") as out:
        return preloaded.start(folder / "script.py", [word], out)


def test_it_has_arguments_environment_and_folder_and_its_exit_code_is_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "now")
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path, "3").wait(60) == 3
    assert (tmp_path / "out").read_text() == f"__main__ ['3'] now {tmp_path} True\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_can_be_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    monkeypatch.setenv("HERE", "now")
    process = run(tmp_path, "wait")
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    assert Path(f"/proc/{process.pid}").exists()
    process.send_signal(number)
    assert process.wait(60) == -number
    process.kill()  # has ended already
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
