"""Recording depends on nothing beside it: the index, the detector or the interface may hang, and no picture is lost."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from tawny.app.doors import Doors
from tawny.model.observations import Frame, Look
from tawny.model.states import CameraState
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.web.accounts import Accounts
from tawny.web.application import make_app
from tawny.web.interface import Interface
from tawny.web.server import WebServer
from tawny.web.site import Site
from tests.app.rig import DOOR, Rig, looked_at, one_camera, rig, segments, settings

HANGS_S = 7.0


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
    doors = Doors(Doors.opened().sources, {"hanging": _Hanging})
    chosen = settings(f'[cameras.door]\nsource = "{camera.address}"\nwatch.detector = "hanging"\n')
    with rig(chosen, tmp_path, doors) as bench:
        bench.wait_for(CameraState.RECORDING)
        bench.wait_for_seconds(4)
        _Hanging.let_go.set()
    assert_whole(bench, tmp_path)


@contextmanager
def interface_in_a_thread(bench: Rig) -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    accounts = Accounts(":memory:", bench.clock)
    server = WebServer(make_app(Site(bench.running, accounts, Interface({}))), accounts, "127.0.0.1", 0)
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
        accounts.close()


def test_an_interface_whose_loop_hangs(camera: RtspCamera, tmp_path: Path) -> None:
    with rig(one_camera(camera.address), tmp_path) as bench, interface_in_a_thread(bench) as loop:
        bench.wait_for_seconds(1)
        let_go, hanging = threading.Event(), threading.Event()

        def hang() -> None:
            hanging.set()
            let_go.wait(60)

        loop.call_soon_threadsafe(hang)
        assert hanging.wait(5)
        bench.wait_for_seconds(5)
        let_go.set()
    assert_whole(bench, tmp_path)
