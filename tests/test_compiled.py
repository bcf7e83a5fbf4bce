"""The modules that can be compiled: all are found, and those beside their sources are of these sources."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.compile import HOME, HOT, compile_modules, sources

PACKAGE = HOME / "src"
CHECKED = ("tests/recorder", "tests/stream", "tests/sources/rtsp_client", "tests/media", "tests/detection")
REPLACING = (
    "tests/sources/rtsp_client/test_transcripts.py::test_the_camera_is_understood",
    "tests/detection/test_memory.py::test_the_same_cells_differ_as_if_each_had_its_limit",
)
"""They replace names of modules, which compiled ones do not look up again."""


@pytest.mark.parametrize("pattern", HOT)
def test_each_pattern_finds_modules(pattern: str) -> None:
    assert list((PACKAGE / "tawny").glob(f"{pattern}.py"))


def test_compiled_modules_are_newer_than_their_sources() -> None:
    """Python takes the compiled one: after a change `python scripts/compile.py` compiles again, `--remove` ends it."""
    old = []
    for source in sources(PACKAGE):
        compiled = list(source.parent.glob(f"{source.stem}.cpython-*.so"))
        old += [one for one in compiled if one.stat().st_mtime < source.stat().st_mtime]
    assert old == []


def test_it_runs_on_plain_sources_or_on_compiled_ones() -> None:
    found = {len(list(one.parent.glob(f"{one.stem}.cpython-*.so"))) > 0 for one in sources(PACKAGE)}
    assert len(found) == 1, "some are compiled and others are not"


@pytest.mark.long
def test_recording_and_detection_are_the_same_compiled(tmp_path: Path) -> None:
    """Compiles a copy, which takes some minutes, and runs the tests of what is compiled with it."""
    pytest.importorskip("setuptools")
    copy = tmp_path / "src"
    subprocess.run(["cp", "-r", str(PACKAGE), str(copy)], check=True)
    for file, place in compile_modules(copy, tmp_path / "made").items():
        file.rename(copy / place)
    environment = {**os.environ, "PYTHONPATH": f"{copy}:{HOME}"}
    which = "import tawny.recorder.segmenter as one; print(one.__file__)"
    where = subprocess.run([sys.executable, "-c", which], env=environment, capture_output=True, text=True, check=True)
    assert where.stdout.startswith(str(copy)) and where.stdout.strip().endswith(".so")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not long", *CHECKED]
    command += [f"--deselect={test}" for test in REPLACING]
    ran = subprocess.run(command, env=environment, cwd=HOME, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:]
