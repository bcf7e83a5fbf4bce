"""Broken plug-ins of one camera, or of none: the others are recorded, and the camera says what is wrong."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tawny.model.errors import SourceError
from tawny.model.states import CameraState
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.file import FileSource
from tawny.sources.source import CameraConnection, SourceContext
from tawny.testing.waiting import until
from tests.app.rig import one_camera, rig

MODULE = """
class ClaimsNothing:
    scheme = "replay"
"""
ENTRY_POINTS = """
[tawny.sources]
replay = lost_parts:ClaimsNothing
[tawny.detectors]
weak = lost_parts:Missing
"""
SETTINGS = """
[web]
listen = "127.0.0.1:0"
[cameras.door]
source = "demo:front"
[cameras.door.detection]
detector = "weak"
[cameras.yard]
source = "replay:yard"
"""


def test_a_recorder_with_broken_plug_ins_starts_and_records(tmp_path: Path) -> None:
    installed = tmp_path / "site" / "lost-1.dist-info"
    installed.mkdir(parents=True)
    (installed.parent / "lost_parts.py").write_text(MODULE)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: lost\nVersion: 1\n")
    (installed / "entry_points.txt").write_text(ENTRY_POINTS)
    config, data = tmp_path / "tawny.toml", tmp_path / "data"
    config.write_text(SETTINGS)
    tawny = str(Path(sys.executable).with_name("tawny"))
    paths = os.pathsep.join(filter(None, (str(installed.parent), os.environ.get("PYTHONPATH"))))
    words = [tawny, "run", "--config", str(config), "--data", str(data)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(words, stderr=log, stdout=log, env={**os.environ, "PYTHONPATH": paths})
    try:
        until(lambda: any(data.rglob("*.mp4")) or process.poll() is not None, 60, "a recording")
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(60)
    said = (tmp_path / "log").read_text()
    assert ended == 0, said
    assert "the plug-in weak couldn't be loaded: AttributeError" in said
    assert any((data / "door").rglob("*.mp4"))


class Failing(FileSource):
    scheme = "replay"

    def claims(self, address: str) -> bool:
        return address.startswith("replay:")

    def open(self, opening: SourceContext) -> CameraConnection:
        raise RuntimeError("hunter2")


def test_a_camera_whose_source_fails_says_so(tmp_path: Path) -> None:
    plugins = PluginRegistry({"replay": Failing()}, PluginRegistry.opened().detectors)
    with rig(one_camera("replay:yard"), tmp_path, plugins) as bench:
        bench.wait_for(CameraState.OFFLINE)
        (camera,) = bench.running.cameras()
    assert camera.status.detail == SourceError("replay", "the plug-in replay failed: RuntimeError").for_viewers
