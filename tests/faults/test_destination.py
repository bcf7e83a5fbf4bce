"""A destination that refuses, hangs or is full: recording never notices, and all that was to go there waits."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Literal

import pytest

from tawny.delivery.delivery import DeliveryKind, DeliveryState
from tawny.delivery.outbox import Outbox
from tawny.model.times import SystemClock
from tawny.recorder.stream_recording import BufferLimits
from tawny.service import storage_setup
from tawny.service.delivery.delivery_service import DeliveryService
from tawny.service.integrations.external_events import EventKey
from tawny.service.plugin_registry import PluginRegistry
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.rtsp_camera import RtspCamera
from tawny.testing.waiting import until
from tests.app.rig import DOOR, Rig, assert_all_recorded, looked_at, rig, segments, settings
from tests.delivery.destinations.servers import dav_server
from tests.faults.faulty_line import Way, faulty_line

PASSWORD = "pLantedS3cret"
WAYS: tuple[Way | Literal["full"], ...] = ("refuses", "hangs", "full")
EXPECTED = {DeliveryKind.PICTURE, DeliveryKind.PIECE, DeliveryKind.CLIP, DeliveryKind.FOOTAGE}


@contextmanager
def outward_of(bench: Rig, chosen: str, path: Path) -> Iterator[DeliveryService]:
    """As the program has it beside the recorder."""
    running = bench.running
    made = DeliveryService(
        settings(chosen), path, running, PluginRegistry.opened(), bench.clock, running.pooled_engine()
    )
    running.keep_until_sent(made.held)
    made.start()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    with RtspCamera(made_clip(ClipSpec(seconds=4, sound="aac"))) as made:
        yield made


def test_no_packet_is_lost(camera: RtspCamera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside three at once, for files of two seconds, of which all are to go to each."""
    monkeypatch.setattr("tawny.delivery.destination.TIMEOUT_S", 2.0)
    monkeypatch.setattr(storage_setup, "_limits", lambda _: BufferLimits(segment_s=2.0))
    there, data = tmp_path / "there", tmp_path / "data"
    there.mkdir()
    with ExitStack() as stack:
        ports = {way: stack.enter_context(destination(way, there)) for way in WAYS}
        chosen = f'[cameras.door]\nsource = "{camera.address}"\npost = "1 s"\ndetection.detector = "off"\n'
        for way, port in ports.items():
            chosen += f'[destinations.{way}]\nurl = "dav://cam:{PASSWORD}@127.0.0.1:{port}/"\n'
            chosen += 'upload = ["events", "recordings"]\n'
        bench = stack.enter_context(rig(settings(chosen), data))
        outbox = stack.enter_context(outward_of(bench, chosen, data / "outbox.db")).outbox
        bench.wait_for_seconds(1)
        opened = bench.running.external_events.open(DOOR, "person", EventKey("", "bell"), "person", 90.0, 60.0)
        assert opened is not None
        until(lambda: all(outbox.trouble(way) for way in WAYS), 60, "a try of each that failed")
        for way in WAYS:
            outbox.try_now(way)
        bench.wait_for_seconds(2)
        bench.running.external_events.end(opened[0].id)
        until(lambda: all(waits(outbox, way) >= EXPECTED for way in WAYS), 60, "all kinds that wait")
        sent = list(camera.playing[0].sent)
        bench.wait_for_seconds(1)
        assert bench.gaps() == []
        assert not any(PASSWORD in outbox.trouble(way) for way in WAYS)
    assert_all_recorded(camera, data, sent)
    assert len(segments(data)) > 2
    assert looked_at(data).ok
    assert [path for path in there.rglob("*") if path.is_file()] == []
    with closing(Outbox(data / "outbox.db", SystemClock())) as after:
        assert all(waits(after, way) >= EXPECTED for way in WAYS)
        assert [one for way in WAYS for one in after.ended(way)] == []


@contextmanager
def destination(way: Way | Literal["full"], there: Path) -> Iterator[int]:
    """A real server of which nothing is to be had; its port."""
    mode = there.with_name(f"mode of {way}")
    with dav_server(there, PASSWORD, mode) as port, faulty_line(port) as line:
        if way == "full":
            mode.write_text("full")
        else:
            line.way = way
        yield line.port


def waits(outbox: Outbox, way: str) -> set[DeliveryKind]:
    return {one.what for one in outbox.since(way, 0) if one.state is DeliveryState.WAITING}
