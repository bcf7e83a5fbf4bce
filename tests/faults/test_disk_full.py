"""A disk that gets full again and again: the oldest goes, recording goes on, and every second is accounted for."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import GapReason
from tawny.model.times import Span
from tawny.recorder.recorder import DiskCallbacks, SegmentRecorder, WriteLoss
from tawny.storage.disk.disk import DiskAccess, RealDisk
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.runner import Retention, RetentionRule
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.faults.figures import note
from tests.support.disk import MemoryDisk

SIZE_BYTES = 6_000_000
CAMERAS = (CameraId("porch"), CameraId("yard"))
EVER = Span(0, 1 << 45)


@pytest.fixture
def size_bytes() -> int:
    return SIZE_BYTES


@pytest.fixture
def small_disk(tmp_path: Path, size_bytes: int) -> Iterator[RealDisk]:
    """A file system of its own, so small that it is full in no time."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tawny-test", str(folder)]
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


@pytest.mark.parametrize("size_bytes", [20_000_000])
def test_a_small_disk_keeps_most_of_what_fits_on_it(small_disk: RealDisk) -> None:
    """20 MB at 2 Mbit/s, 80 s: as 200 MB at 20 Mbit/s. What a removal takes is a small part of it."""
    clock, volume = FakeClock(), Volume(small_disk)
    with closing(SqliteIndex(small_disk.root / "tawny.db")) as index, closing(HistoryJournal(small_disk)) as history:
        engine = InlineEngine(clock, lambda name, error: pytest.fail(f"{name}: {error}"))
        ledger = HistoryLedger(history, index, clock)
        retention = Retention(volume, index, ledger, clock, RetentionContract(RetentionRule(free_share=0.0)))
        recorder = SegmentRecorder(volume, index, clock, Bus(), DiskCallbacks(full=retention.make_room))
        retention.start(engine)
        recorder.start(engine)
        hub, camera = Hub(), CAMERAS[0]
        recorder.add(camera, StreamName.MAIN, hub)
        feed, kept_s, lengths_s = PacketFeed(hub, clock, fps=4, gop=8, size_bytes=45_000), list[float](), set[float]()
        for second in range(300):
            _run(engine, [feed], seconds=1, each=ledger.flush)
            segments = index.segments(camera, StreamName.MAIN, EVER)
            lengths_s |= {one.span.seconds for one in segments}
            if second >= 120:
                begin_ms = min(one.start_ms for one in [*segments, *recorder.open_segments(camera)])
                kept_s.append((clock.now_ms() - begin_ms) / 1000)
        recorder.end_all()
        engine.run_for(10)
    assert min(kept_s) >= 60
    assert min(lengths_s) >= 2
    assert max(lengths_s) <= 6


def _fill(disk: DiskAccess, index: SqliteIndex) -> None:
    clock, volume, losses = FakeClock(), Volume(disk), list[WriteLoss]()
    failed: list[str] = []
    engine = InlineEngine(clock, lambda name, error: failed.append(f"{name}: {error}"))
    history = HistoryJournal(disk)
    ledger = HistoryLedger(history, index, clock)
    retention = Retention(volume, index, ledger, clock, RetentionContract(RetentionRule(free_share=0.0)))
    recorder = SegmentRecorder(volume, index, clock, Bus(), DiskCallbacks(losses.append, retention.make_room))
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
        report = check_volume(volume, index, clock, CheckScope(deep=True, with_wall=True, beside_recorder=False))
        assert report.findings == []


def _run(engine: InlineEngine, feeds: list[PacketFeed], *, seconds: int, each: Callable[[], object]) -> None:
    for number in range(seconds * 4):
        for feed in feeds:
            feed.picture()
        engine.run_for(0.25)
        if number % 4 == 0:
            each()
