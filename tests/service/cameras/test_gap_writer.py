"""Gaps at once, damage together, and nothing left behind at the end."""

from tawny.model.damage import DamagedSpan
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Gap, GapReason
from tawny.model.times import Span
from tawny.service.cameras.gap_writer import GapWriter
from tawny.storage.disk.memory_disk import RamDisk
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.memory_index import MemoryIndex
from tawny.testing.clock import FakeClock

DOOR, EVER = CameraId("door"), Span(0, 1 << 50)


def damage(begin_ms: int, end_ms: int) -> DamagedSpan:
    return DamagedSpan(DOOR, StreamName.MAIN, begin_ms, end_ms, 1, 3)


class Bench:
    def __init__(self) -> None:
        self.clock, self.index = FakeClock(), MemoryIndex()
        self.history = HistoryJournal(RamDisk(1_000_000, self.clock))
        self.writer = GapWriter(HistoryLedger(self.history, self.index, self.clock), self.clock)

    @property
    def lines(self) -> int:
        return len(list(self.history.lines()))


def test_damage_of_a_second_is_written_together_and_only_its_newest_state() -> None:
    bench = Bench()
    bench.writer.put_damage(damage(0, 10))
    bench.writer.step()
    for end_ms in (200, 300, 400):
        bench.writer.put_damage(damage(100, end_ms))
    wait_s = bench.writer.step()
    assert bench.index.damage(DOOR, EVER) == [damage(0, 10)]
    bench.clock.advance(wait_s)
    bench.writer.step()
    assert bench.index.damage(DOOR, EVER) == [damage(0, 10), damage(100, 400)]
    assert bench.lines == 2


def test_gaps_do_not_wait_for_that() -> None:
    bench = Bench()
    for begin_ms in (0, 500):
        bench.writer.put_damage(damage(begin_ms, begin_ms + 10))
        bench.writer.step()
    bench.writer.put(Gap(DOOR, 900, None, GapReason.STALLED))
    bench.writer.step()
    assert len(bench.index.open_gaps()) == 1


def test_at_the_end_nothing_is_left() -> None:
    bench = Bench()
    for begin_ms in (0, 500, 900):
        bench.writer.put_damage(damage(begin_ms, begin_ms + 10))
        bench.writer.finish()
    assert len(bench.index.damage(DOOR, EVER)) == 3
