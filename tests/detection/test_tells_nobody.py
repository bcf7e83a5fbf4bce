"""onnxruntime, which otherwise reports how it is used, notes nothing to report: neither here nor in a `detect()`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tawny.engine.user_script_process import ScriptProcess
from tawny.model.times import SystemClock

pytest.importorskip("onnxruntime")
USES = """
from importlib.resources import files
from tawny.detection.onnx import open_session as opened
print(opened(files("tawny.detection") / "kinds.onnx").get_providers())
"""
DETECT = "import onnxruntime\ndef detect():\n    return False\n"


def noted(home: Path) -> list[str]:
    return [path.name for path in home.rglob("*") if path.is_file() and "onnxruntime" in str(path)]


@pytest.mark.shows("SC38")
def test_a_model_of_ours_leaves_no_report(tmp_path: Path) -> None:
    environment = {name: text for name, text in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    asked = subprocess.run(
        [sys.executable, "-c", USES],
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "CPUExecutionProvider" in asked.stdout
    assert noted(tmp_path) == []


def test_an_owners_detector_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "detect.py"
    file.write_text(DETECT, encoding="utf-8")
    child = ScriptProcess(file, 1 << 30, SystemClock())
    try:
        assert child.answer(30.0) == {"takes_frame": False, "printed": ""}
    finally:
        child.close()
    assert noted(tmp_path) == []
