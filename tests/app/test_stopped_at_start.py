"""A recorder that is stopped while it starts closes what it records, as at any stop."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until


@pytest.mark.parametrize("after_s", [0.0, 0.2, 0.5, 0.9])
def test_a_stop_soon_after_the_camera_sends_leaves_whole_files(tmp_path: Path, after_s: float) -> None:
    """Wherever in the start it comes: while modules are loaded, while pictures are waited for, or once it serves."""
    config, data = tmp_path / "tawny.toml", tmp_path / "data"
    tawny = str(Path(sys.executable).with_name("tawny"))
    with RtspCamera(made_clip(ClipSpec(seconds=8))) as camera:
        config.write_text(
            f'[web]\nlisten = "127.0.0.1:0"\n[cameras.door]\nsource = "{camera.address}"\n', encoding="utf-8"
        )
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen([tawny, "run", "--config", str(config), "--data", str(data)], stderr=log)
        until(lambda: any(one.is_playing for one in camera.viewers) or process.poll() is not None, 60, "PLAY")
        time.sleep(after_s)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()
    checked = subprocess.run(
        [tawny, "check", "--data", str(data), "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(checked.stdout)["findings"] == []
