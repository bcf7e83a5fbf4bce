"""`tawny hub update`: a hub and three boxes in processes of their own; the new version doesn't fit on one at first."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import tawny
from tawny.app.control_client import ask
from tawny.model.ids import CameraId
from tawny.model.segments import GapReason
from tawny.service.box_update import UPDATE_LOG
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.support.ports import free_port
from tests.support.standby_rig import PATIENCE_S, Recorder

OLD, NEW = tawny.__version__, "99.1.0"
BOXES = ("beach", "shed", "tower")
UPDATE = """\
echo installing
[ ! -e "$1/full" ] || { echo 'no space left' >&2; exit 3; }
ln -sfn "$2" "$1/current"
kill "$(cat "$1/pid")"
"""
"""As an owner would have it: the new version takes the old one's place, and tawny restarts."""
KEEP_RUNNING = """\
cd "$1"
until [ -e stop ]; do
    PYTHONPATH=current "$2" run --config tawny.toml --data data >>log 2>&1 &
    echo $! >pid
    wait $!
done
"""


@dataclass
class KeptRunning:
    """A recorder that is started again whenever it ends, as a service manager does. Its version is in `current`."""

    recorder: Recorder
    process: "subprocess.Popen[bytes]"

    @classmethod
    def begun(cls, recorder: Recorder, first: Path) -> "KeptRunning":
        (recorder.folder / "current").symlink_to(first)
        tawny_program = Path(sys.executable).with_name("tawny")
        words = ["/bin/sh", "-c", KEEP_RUNNING, "keep", str(recorder.folder), str(tawny_program)]
        return cls(recorder, subprocess.Popen(words, stdin=subprocess.DEVNULL))

    def stop(self) -> None:
        (self.recorder.folder / "stop").touch()
        os.kill(int((self.recorder.folder / "pid").read_text()), 15)
        assert self.process.wait(PATIENCE_S) is not None


@dataclass
class Fleet:
    hub: Recorder
    boxes: dict[str, Recorder]

    def states(self) -> dict[str, dict[str, Any]]:
        [answer] = ask(self.hub.data, {"command": "update boxes"})
        return {one["id"]: one for one in answer["boxes"]}

    def versions(self) -> list[str]:
        states = self.states()
        return [states[name]["version"] for name in BOXES]

    def all_record(self) -> bool:
        states = self.states()
        return all(states[name]["online"] and states[name]["cameras"] == {"front": "recording"} for name in BOXES)

    def update(self, *more: str) -> "subprocess.CompletedProcess[str]":
        program = str(Path(sys.executable).with_name("tawny"))
        place = ["--config", str(self.hub.folder / "tawny.toml"), "--data", str(self.hub.data)]
        words = [program, "hub", "update", "--watch", "4 s", "--wait", "90 s", *more, *place]
        return subprocess.run(words, capture_output=True, text=True, timeout=2 * PATIENCE_S)


def runs(box: Recorder) -> bool:
    return (box.folder / "log").exists() and "Open http" in box.log


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    source = Path(tawny.__file__).parent
    old, new, script = tmp_path / "old", tmp_path / "new", tmp_path / "update.sh"
    shutil.copytree(source, new / "tawny", ignore=shutil.ignore_patterns("static", "__pycache__"))
    (new / "tawny" / "api" / "static").symlink_to(source / "api" / "static")
    stated = new / "tawny" / "__init__.py"
    assert OLD in stated.read_text()
    stated.write_text(stated.read_text().replace(OLD, NEW))
    old.symlink_to(source.parent)
    script.write_text(UPDATE)
    hub = Recorder("hub", tmp_path / "hub", "127.0.0.1", free_port())
    hub.configure("[hub]\nenabled = true\n")
    boxes = {name: Recorder(name, tmp_path / name, "127.0.0.1", free_port()) for name in BOXES}
    kept: list[KeptRunning] = []
    with RtspCamera(made_clip(ClipSpec(seconds=4.0))) as camera:
        try:
            hub.start()
            for one in boxes.values():
                command = f'["/bin/sh", "{script}", "{one.folder}", "{new}"]'
                one.configure(
                    f"[updates]\ncommand = {command}\n[cameras.front]\n"
                    f'source = "{camera.address}"\ndetection.detector = "off"\n'
                )
                kept.append(KeptRunning.begun(one, old))
                until(partial(runs, one), PATIENCE_S, f"{one.name} to run")
                one.command("fleet", "join", hub.command("hub", "link")["link"], "--allow", "health,updates")
            fleet = Fleet(hub, boxes)
            until(fleet.all_record, PATIENCE_S, "all boxes to record")
            yield fleet
        finally:
            for each in kept:
                each.stop()
            hub.stop()


def test_a_stage_that_goes_wrong_is_the_last_one_and_the_next_try_goes_on(fleet: Fleet) -> None:
    (fleet.boxes["shed"].folder / "full").touch()
    failed = fleet.update("--stages", "1,1", "--to", NEW)
    assert failed.returncode != 0
    assert f"beach: {OLD} -> {NEW}, 1 camera of before work" in failed.stderr
    assert "shed: its update command failed: no space left (3)" in failed.stderr
    assert "shed: the update went wrong, and 1 more recorders were left as they are." in failed.stderr
    assert fleet.versions() == [NEW, OLD, OLD]
    assert (fleet.boxes["shed"].data / UPDATE_LOG).read_text() == "installing\nno space left\n"

    (fleet.boxes["shed"].folder / "full").unlink()
    done = fleet.update("--to", NEW)
    assert done.returncode == 0, done.stderr
    assert "beach" not in done.stderr, "it runs the version already"
    assert fleet.versions() == [NEW, NEW, NEW]
    assert fleet.all_record()
    gaps = [gap for one in fleet.boxes.values() for gap in one.gaps(CameraId("front"))]
    assert {gap.reason for gap in gaps} == {GapReason.RECORDER_OFF}, "the restart alone"
    again = fleet.update("--to", NEW)
    assert (again.returncode, again.stdout) == (0, "All recorders run that version.\n")
