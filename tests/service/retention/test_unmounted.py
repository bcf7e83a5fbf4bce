"""A disk that is unmounted under a running recorder: nothing goes where it was, and nothing is lost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tawny.testing.clips import ClipSpec, clip_file


def test_nothing_is_written_into_the_mount_point_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "place").mkdir()
    clip = clip_file(ClipSpec(seconds=30))
    command = ["unshare", "--mount", sys.executable, "-m", "tests.service.retention.unmounted_child"]
    done = subprocess.run(
        [*command, str(clip), str(tmp_path / "disk"), str(tmp_path / "place")],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    if "unshare" in done.stderr or "'mount', '--make-rprivate'" in done.stderr:
        pytest.skip("no right to mount")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["in_its_place"] == []
    assert data["findings"] == []
    assert data["recorded_s"] >= 12
