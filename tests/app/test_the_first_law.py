"""Recording depends on nothing beside it: the index, the detector or the interface may hang, and no picture is lost."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import pytest

from tawny.model.ids import CameraId
from tawny.model.observations import Frame, Look
from tawny.model.states import CameraState
from tawny.model.times import Clock
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tests.app.rig import DOOR, Rig, assert_all_recorded, looked_at, one_camera, rig, segments, settings
from tests.e2e.live_server import live_server

HANGS_S, BLOCKED_S = 7.0, 10.0


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    with RtspCamera(made_clip(ClipSpec(seconds=4))) as made:
        yield made


def assert_whole(bench: Rig, folder: Path) -> None:
    """One file without a break, no gap, and nothing unexplained."""
    assert bench.gaps() == []
    assert len(segments(folder)) == 1
    assert looked_at(folder).ok


def test_a_locked_index(camera: RtspCamera, tmp_path: Path) -> None:
    with rig(one_camera(camera.address), tmp_path) as bench:
        bench.wait_for_seconds(1)
        holder = sqlite3.connect(tmp_path / "tawny.db", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        begun_s = bench.clock.mono_s()
        while bench.clock.mono_s() < begun_s + HANGS_S:
            (going,) = bench.running.open_segments(DOOR)
            assert bench.clock.now_ms() - going.end_ms < 3000
            bench.wait_for(CameraState.RECORDING, 1)
        holder.execute("ROLLBACK")
        holder.close()
        bench.wait_for_seconds(1)
    assert_whole(bench, tmp_path)


class _Hanging:
    """A detector that never comes back."""

    name: ClassVar[str] = "hanging"
    let_go = threading.Event()

    def __init__(self, settings: object) -> None: ...

    def look(self, frame: Frame) -> Look:
        self.let_go.wait(60)
        return Look(0)


def test_a_detector_that_hangs(camera: RtspCamera, tmp_path: Path) -> None:
    plugins = PluginRegistry(PluginRegistry.opened().sources, {"hanging": _Hanging})
    chosen = settings(f'[cameras.door]\nsource = "{camera.address}"\ndetection.detector = "hanging"\n')
    with rig(chosen, tmp_path, plugins) as bench:
        bench.wait_for(CameraState.RECORDING)
        bench.wait_for_seconds(4)
        _Hanging.let_go.set()
    assert_whole(bench, tmp_path)


def block(clock: Clock, over: threading.Event) -> None:
    """For BLOCKED_S: half of it waiting, half of it keeping the interpreter busy without ever waiting."""
    begun_s = clock.mono_s()
    threading.Event().wait(BLOCKED_S / 2)
    while clock.mono_s() < begun_s + BLOCKED_S:
        sum(range(1000))
    over.set()


def test_an_interface_whose_loop_is_blocked_for_ten_seconds_costs_no_picture(tmp_path: Path) -> None:
    specs = {"door": ClipSpec(seconds=4, sound="aac"), "yard": ClipSpec("h265", seconds=4, slices=2)}
    with ExitStack() as stack:
        cameras = {name: stack.enter_context(RtspCamera(made_clip(spec))) for name, spec in specs.items()}
        tables = (f'[cameras.{n}]\nsource = "{c.address}"\ndetection.detector = "off"\n' for n, c in cameras.items())
        served = stack.enter_context(live_server(settings("".join(tables)), tmp_path))
        bench = served.bench
        for name in cameras:
            bench.wait_for_seconds(1, CameraId(name))
        over = threading.Event()
        served.loop.call_soon_threadsafe(block, bench.clock, over)
        assert over.wait(60)
        sent = {name: list(camera.playing[0].sent) for name, camera in cameras.items()}
        for name in cameras:
            bench.wait_for_seconds(2, CameraId(name))
            assert bench.gaps(CameraId(name)) == []
    for name, camera in cameras.items():
        assert_all_recorded(camera, tmp_path, sent[name], CameraId(name))
    assert looked_at(tmp_path).ok
