"""Broken plug-ins of one camera, or of none: the others are recorded, and the camera says what is wrong."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tawny.config.settings import Settings
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

class Pager:
    schemes = ("pager",)

    def settings(self, url, table):
        return table

    def traits(self, url):
        return None

    def public(self, url):
        return None

    def open(self, context):
        return None
"""
ENTRY_POINTS = """
[tawny.sources]
replay = lost_parts:ClaimsNothing
[tawny.detectors]
weak = lost_parts:Missing
[tawny.notifiers]
pager = lost_parts:Pager
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
[notifiers.me]
url = "pager:me"
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

    def is_up() -> bool:
        """The last parts begin after the first recording; for the detector, nothing waits."""
        text = (tmp_path / "log").read_text()
        return "tawny is recording" in text and "the plug-in weak failed" in text and any(data.rglob("*.mp4"))

    try:
        until(lambda: is_up() or process.poll() is not None, 60, "a recording")
    finally:
        process.send_signal(signal.SIGTERM)
        ended = process.wait(60)
    text = (tmp_path / "log").read_text()
    assert ended == 0, text
    assert "the plug-in weak failed: AttributeError" in text
    assert "the plug-in pager failed: TypeError" in text
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


class Unready(Failing):
    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        raise RuntimeError("hunter2")


def test_a_source_that_fails_keeps_no_other_camera_from_changed_settings(tmp_path: Path) -> None:
    found = PluginRegistry.opened()
    plugins = PluginRegistry({"replay": Unready(), "demo": found.sources["demo"]}, found.detectors)
    before = two_cameras(post=5.0)
    with rig(before, tmp_path, plugins) as bench:
        bench.running.apply(two_cameras(post=9.0), "tawny.toml")
        assert {one.status.id: one.post_s for one in bench.running.cameras()} == {"yard": 9.0, "door": 9.0}


def two_cameras(post: float) -> Settings:
    made = one_camera("demo:front", f'post = "{post:g} s"\nwarm_up = "{post:g} s"')
    return made.model_copy(
        update={"cameras": {"yard": made.cameras["door"].model_copy(update={"source": "replay:yard"}), **made.cameras}}
    )
