"""A disk that gets full again and again: the oldest goes, recording goes on, and every second is accounted for."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.gaps import GapReason
from tawny.model.ids import CameraId, StreamName
from tawny.model.times import Span
from tawny.recorder.recorder import SegmentRecorder, WriteLoss
from tawny.storage.disk.disk import DiskAccess, RealDisk
from tawny.storage.disk.volume import Volume
from tawny.storage.history.journal import HistoryJournal
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.repair.check import check_volume
from tawny.storage.retention.runner import Retention, RetentionRule
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.disk import MemoryDisk
from tawny.testing.packet_feed import PacketFeed
from tests.faults.figures import note

SIZE_BYTES = 6_000_000
CAMERAS = (CameraId("porch"), CameraId("yard"))
EVER = Span(0, 1 << 45)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[RealDisk]:
    """A file system of its own, so small that it is full in no time."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tawny-test", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"only root can mount a small disk: {done.stderr.strip()}")
    try:
        yield RealDisk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_on_a_small_disk_with_the_index_on_it(small_disk: RealDisk) -> None:
    with closing(SqliteIndex(small_disk.root / "tawny.db")) as index:
        _fill(small_disk, index)


def test_on_a_disk_that_only_seems_to_be_full(tmp_path: Path) -> None:
    with closing(SqliteIndex(tmp_path / "tawny.db")) as index:
        _fill(MemoryDisk(SIZE_BYTES), index)


def _fill(disk: DiskAccess, index: SqliteIndex) -> None:
    clock, volume, losses = FakeClock(), Volume(disk), list[WriteLoss]()
    failed: list[str] = []
    engine = InlineEngine(clock, lambda name, error: failed.append(f"{name}: {error}"))
    history = HistoryJournal(disk)
    ledger = HistoryLedger(history, index, clock)
    retention = Retention(volume, index, ledger, clock, RetentionRule(free_share=0.0))
    recorder = SegmentRecorder(volume, index, clock, Bus(), lost=losses.append, full=retention.make_room)
    retention.start(engine)
    recorder.start(engine)
    feeds = []
    for camera in CAMERAS:
        hub = Hub()
        recorder.add(camera, StreamName.MAIN, hub)
        feeds.append(PacketFeed(hub, clock, fps=4, gop=8, size_bytes=2500))
    begin_ms = clock.now_ms()
    _run(engine, feeds, seconds=900, each=ledger.flush)
    end_ms = clock.now_ms()
    recorder.end_all()
    engine.run_for(10)
    assert ledger.flush()
    history.close()
    assert losses == []
    assert failed == []
    for camera in CAMERAS:
        bounds, gaps = index.bounds(camera), index.gaps(camera, EVER)
        assert bounds is not None
        assert bounds.end_ms == end_ms
        assert bounds.begin_ms > begin_ms
        assert {gap.reason for gap in gaps} == {GapReason.REMOVED}
        assert gaps[0].begin_ms == begin_ms
    note("disk-full", recorded_s=900.0, lost_s=0.0, limit_s=0.0)
    if isinstance(disk, RealDisk):
        report = check_volume(volume, index, clock, deep=True, with_wall=True, beside_recorder=False)
        assert report.findings == []


def _run(engine: InlineEngine, feeds: list[PacketFeed], *, seconds: int, each: Callable[[], object]) -> None:
    for number in range(seconds * 4):
        for feed in feeds:
            feed.picture()
        engine.run_for(0.25)
        if number % 4 == 0:
            each()
