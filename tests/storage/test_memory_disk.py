"""The disk that is memory: its size holds, what is removed is freed, and nobody is led to another's video."""

from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import DiskFull
from tawny.model.times import Span
from tawny.recorder.recorder import BufferLimits, DiskCallbacks, SegmentRecorder
from tawny.storage.disk.memory_disk import RamDisk
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.retention.contract import RetentionContract
from tawny.storage.retention.runner import Retention, RetentionPace, RetentionRule
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.storage.bench import MAIN, PORCH

EVER = Span(0, 1 << 45)


def _put(disk: RamDisk, path: str, data: bytes) -> None:
    file = disk.create(path)
    file.append([data])
    file.close()


def test_its_size_holds_and_what_does_not_fit_is_not_there_in_part() -> None:
    disk = RamDisk(100_000, FakeClock())
    _put(disk, "a", bytes(50_000))
    file = disk.create("b")
    with pytest.raises(DiskFull):
        file.append([bytes(20_000), bytes(20_000)])
    assert file.size_bytes == 0
    file.append([bytes(20_000)])
    _put(disk, "c", b"")
    with pytest.raises(DiskFull):
        disk.create("d")
    disk.unlink("a")
    _put(disk, "d", bytes(50_000))


def test_a_file_is_read_by_its_place() -> None:
    disk = RamDisk(100_000, FakeClock())
    disk.make_folder("a")
    _put(disk, "a/b", b"content")
    assert disk.place("a/b").read_bytes() == b"content"
    assert not disk.place("a/c").exists()


def test_a_place_never_leads_to_another_file_soon() -> None:
    clock = FakeClock()
    disk = RamDisk(10**7, clock)
    _put(disk, "a", b"mine")
    place = disk.place("a")
    disk.unlink("a")
    assert place.read_bytes() == b""
    clock.advance(400)
    places = set()
    for number in range(100):
        _put(disk, f"{number}", b"somebody else's")
        places.add(disk.place(f"{number}"))
        disk.unlink(f"{number}")
        clock.advance(400)
    assert place not in places
    assert len(places) == 100


def test_descriptors_of_what_was_removed_are_given_back() -> None:
    clock = FakeClock()
    disk = RamDisk(10**7, clock)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(50):
        _put(disk, f"{number}", b"x")
        disk.unlink(f"{number}")
    clock.advance(400)
    _put(disk, "last", b"x")
    disk.unlink("last")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


def test_a_recorder_goes_on_for_ever_in_a_little_memory() -> None:
    """What is oldest goes; the newest is there and plays; time that is gone is explained."""
    clock = FakeClock("2026-11-20T05:00:00Z")
    disk, index = RamDisk(2_000_000, clock), MemoryIndex()
    volume = Volume(disk)
    ledger = HistoryLedger(HistoryJournal(disk), index, clock)
    retention = Retention(volume, index, ledger, clock, RetentionContract(RetentionRule()), RetentionPace(1.0, 0.0))
    engine = InlineEngine(clock, _nothing_may_fail)
    recorder = SegmentRecorder(
        volume, index, clock, Bus(), DiskCallbacks(full=retention.make_room), limits=BufferLimits(segment_s=10.0)
    )
    recorder.start(engine)
    retention.start(engine)
    hub = Hub()
    feed = PacketFeed(hub, clock, fps=5, gop=10, size_bytes=4000)
    begun_ms = clock.now_ms()
    recorder.add(PORCH, MAIN, hub)
    for _ in range(5 * 240):
        feed.picture()
        engine.run_for(0.2)
        assert disk.space().free_bytes >= 0
    rows = index.segments(PORCH, MAIN, EVER)
    assert rows[-1].end_ms > clock.now_ms() - 12_000
    assert all(not read_segment(volume.path(row.path)).torn for row in rows)
    (gap,) = index.gaps(PORCH, EVER)
    assert (gap.begin_ms, gap.end_ms) == (begun_ms, rows[0].start_ms)
    assert not Path("/nowhere").exists()


def _nothing_may_fail(name: str, error: BaseException) -> None:
    raise AssertionError(f"{name} failed") from error
