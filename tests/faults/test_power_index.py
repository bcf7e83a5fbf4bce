"""Power cuts while hours are settled and recordings removed, with SQLite's own state of each instant.

Its file is copied after every change: that is what a power cut leaves of it, because each change is durable when its
call returns (test_ext4.py shows that of SQLite itself).
"""

import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.ids import StreamName
from tawny.model.segments import Gap, Segment
from tawny.model.times import Span
from tawny.recorder.recorder import BufferLimits, SegmentRecorder
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.recovery import recover
from tawny.storage.retention.removal import Removal, remove_segments
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.faults.figures import note
from tests.faults.power import CAMERAS
from tests.support.disk import MemoryDisk, write_out

CUTS = 120
EVER = Span(0, 1 << 45)
FPS = 5


@dataclass(frozen=True)
class State:
    """The index's file as it is from now on, and what it lists."""

    content: bytes
    listed: frozenset[Segment]


@dataclass(frozen=True)
class Removed:
    segment: Segment


class Noting(SqliteIndex):
    """Notes its state after each change among the writes of the disk."""

    def __init__(self, folder: Path, disk: MemoryDisk) -> None:
        self._folder, self._disk, self._depth = folder, disk, 0
        super().__init__(folder / "tawny.db", Catalogue(Volume(disk)))
        self._note()

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._noted(), super().together():
            yield

    @contextmanager
    def _noted(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if self._depth == 0:
            self._note()

    def add_segment(self, segment: Segment) -> None:
        with self._noted():
            super().add_segment(segment)

    def mark_removing(self, segments: Iterable[Segment]) -> None:
        with self._noted():
            super().mark_removing(segments)

    def drop_segments(self, segments: Iterable[Segment]) -> None:
        with self._noted():
            super().drop_segments(segments)

    def settle(self, before_ms: int) -> None:
        with self._noted():
            super().settle(before_ms)

    def put_gap(self, gap: Gap) -> None:
        with self._noted():
            super().put_gap(gap)

    def _note(self) -> None:
        copy = self._folder / "copy.db"
        with closing(sqlite3.connect(self._folder / "tawny.db")) as now, closing(sqlite3.connect(copy)) as other:
            now.backup(other)
        self._disk.note(State(copy.read_bytes(), frozenset(self.all_segments())))


def _history_of_a_disk(folder: Path) -> MemoryDisk:
    """Two cameras recorded over an hour's change; settled; the oldest and some others removed; settled again."""
    disk, clock = MemoryDisk(), FakeClock("2026-11-20T05:59:10Z")
    volume = Volume(disk)
    with closing(Noting(folder, disk)) as index:
        ledger = HistoryLedger(HistoryJournal(disk), index, clock)
        _record(volume, index, clock)
        for number in range(4):
            clock.advance(3 * 3600)
            index.settle(clock.now_ms() - number % 2 * 2 * 3_600_000)
            every = list(index.all_segments())
            gone = [*every[:3], every[-2]]
            remove_segments(volume, index, ledger, clock, [Removal(one, "as a test wants it") for one in gone])
            for one in gone:
                disk.note(Removed(one))
        index.settle(clock.now_ms())
        assert len(list(index.counted())) > 2
    return disk


def _record(volume: Volume, index: SqliteIndex, clock: FakeClock) -> None:
    engine = InlineEngine(clock, _nothing_may_fail)
    recorder = SegmentRecorder(volume, index, clock, Bus(), limits=BufferLimits(segment_s=6.0))
    recorder.start(engine)
    hubs = {camera: Hub() for camera in CAMERAS}
    for camera, hub in hubs.items():
        recorder.add(camera, StreamName.MAIN, hub)
    feeds = [PacketFeed(hub, clock, fps=FPS, gop=FPS * 2, size_bytes=300) for hub in hubs.values()]
    for _ in range(75 * FPS):
        for feed in feeds:
            feed.picture()
        engine.run_for(1 / FPS)
    recorder.end_all()
    while not recorder.is_idle:
        engine.run_for(0.2)


def _nothing_may_fail(name: str, error: BaseException) -> None:
    raise AssertionError(f"{name} failed") from error


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> MemoryDisk:
    return _history_of_a_disk(tmp_path_factory.mktemp("index"))


def test_a_power_cut_while_hours_are_settled_and_removed_leaves_what_can_be_mended(
    disk: MemoryDisk, quick_folder: Path
) -> None:
    dice = random.Random(20261120)
    for number in range(1, CUTS + 1):
        point = round(disk.points * number / CUTS)
        _cut(disk, point, dice.randrange(1 << 30), quick_folder / f"{point}")
    note("power-settled", cuts=CUTS)


def _cut(disk: MemoryDisk, point: int, seed: int, folder: Path) -> None:
    where = f"cut at {point}, seed {seed}"
    write_out(disk.after_cut(point, seed), folder)
    result = disk.notes(point)
    state = next(one for one in reversed(result) if isinstance(one, State))
    removed = {one.segment for one in result if isinstance(one, Removed)}
    (folder / "tawny.db").write_bytes(state.content)
    clock = FakeClock("2026-11-21T06:30:00Z")
    volume = Volume.at(folder)
    with closing(SqliteIndex(folder / "tawny.db", Catalogue(volume))) as index:
        history = HistoryJournal(volume.disk)
        ledger = HistoryLedger(history, index, clock)
        recover(volume, index, ledger, clock, before=None, boot="now", cameras=CAMERAS)
        history.close()
        index.settle(clock.now_ms())
    with closing(SqliteIndex(folder / "tawny.db", Catalogue(volume))) as index:
        report = check_volume(volume, index, clock, CheckScope(with_wall=True, beside_recorder=False))
        assert report.findings == [], f"{where}: {report.findings[:3]}"
        listed = set(index.all_segments())
        assert index.removing() == []
    assert not listed & removed, where
    assert state.listed <= listed, f"{where}: {state.listed - listed}"
    for one in removed:
        assert not (folder / one.path).exists(), where
