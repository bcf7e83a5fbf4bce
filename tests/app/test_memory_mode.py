"""Memory mode: a whole recorder that records, plays and writes nothing to any disk; also where none can be written."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tawny.testing.clips import ClipSpec, clip_file

READ_ONLY = """
mount --make-rprivate / && mount -o remount,bind,ro / && mount -o remount,bind,ro /dev/shm && exec "$@"
"""


def _run(*before: str) -> subprocess.CompletedProcess[str]:
    clip = clip_file(ClipSpec(seconds=16))
    command = [*before, sys.executable, "-B", "-m", "tests.app.memory_child", str(clip)]
    root = Path(__file__).parent.parent.parent
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=90, check=False)


def _told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.shows("RC5", "RC18")
def test_nothing_is_written_to_any_disk_and_all_is_recorded_and_played() -> None:
    result = _told(_run())
    assert result["wrote"] == []
    assert 10 <= round(result["closed"], 2) <= 12  # begin and end are rounded to milliseconds
    assert result["clip_bytes"] > 5000
    assert result["state"] == "recording"


@pytest.mark.shows("RC18", "RC24")
def test_it_runs_where_nothing_can_be_written() -> None:
    done = _run("unshare", "--mount", "sh", "-c", READ_ONLY, "sh")
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no right to make a read-only root")
    result = _told(done)
    assert result["root_refuses"]
    assert result["wrote"] == []
    assert result["clip_bytes"] > 5000
