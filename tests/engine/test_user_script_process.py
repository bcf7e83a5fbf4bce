"""A user script whose process dies between two calls: the caller is not affected, and nothing of it is left."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tawny.engine.user_script import UserScript
from tawny.engine.user_script_process import ScriptProcess
from tawny.model.times import SystemClock

FRAME = np.zeros((90, 160, 3), np.uint8)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def script(tmp_path: Path) -> Iterator[UserScript]:
    file = tmp_path / "detect.py"
    file.write_text("import os\ndef detect(frame):\n    print(os.getpid())\n    return 0.5\n")
    made = UserScript(file, "detect", deadline_s=10.0, memory=1 << 30)
    yield made
    made.close()


def test_a_process_that_dies_between_two_calls_is_told_and_leaves_nothing(script: UserScript) -> None:
    before = descriptors()
    script.load()
    script.ask(0, "porch", FRAME)
    assert script.trouble == ""
    pid = int(script.printed)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # it is dead, and not yet noticed
    assert script.ask(0, "porch", FRAME) is None
    assert script.trouble == "detect.py: its process ended with signal 9."
    assert descriptors() == before


def test_one_that_does_not_die_at_once_leaves_nothing_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "detect.py").write_text("def detect(frame):\n    return 0.5\n")
    before = descriptors()
    child = ScriptProcess(tmp_path / "detect.py", 1 << 30, SystemClock())

    unended: list[Any] = []

    def slow(of: Any, timeout: float) -> int:
        unended.append(of)
        raise subprocess.TimeoutExpired("detect.py", timeout)

    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "wait", slow)
        child.close()
    assert descriptors() == before
    assert unended.pop().wait() == -signal.SIGKILL


def test_one_that_cannot_be_started_leaves_nothing(tmp_path: Path) -> None:
    before = descriptors()
    with pytest.raises(FileNotFoundError):
        ScriptProcess(tmp_path / "gone/detect.py", 1 << 30, SystemClock())
    assert descriptors() == before


def test_the_line_of_a_timeout_is_found_in_a_path_with_other_letters(tmp_path: Path) -> None:
    folder = tmp_path / "Hütte ★ 🎥"
    folder.mkdir()
    file = folder / "detect.py"
    file.write_text("def detect(frame):\n    while True:\n        pass\n")
    made = UserScript(file, "detect", deadline_s=0.2, memory=1 << 30)
    made.load()
    made.ask(0, "porch", FRAME)
    trouble = made.trouble
    made.close()
    assert trouble.endswith(": it took longer than 0.2 s.")
    assert ", line " in trouble
