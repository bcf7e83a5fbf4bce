"""While the first disk is away, recording goes on at the spare; when it is back, all of it is there and explained."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.errors import IndexDamaged
from tawny.model.times import Span
from tawny.recorder.recorder import SegmentRecorder
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume
from tawny.storage.history.ledger import HistoryJournal, HistoryLedger
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.repair.recovery import recover
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.storage.bench import MAIN, PORCH
from tests.support.faulty_disk import FaultyDisk

EVER = Span(0, 1 << 45)


class Bench:
    def __init__(self, folder: Path) -> None:
        (folder / "first").mkdir()
        self.clock = FakeClock("2026-11-20T05:00:00Z")
        self.disk = FaultyDisk(folder / "first")
        self.volume, self.index = Volume(self.disk), MemoryIndex()
        self.spare = join(self.volume, folder / "spare", VolumeUse.SPARE)
        self.engine = InlineEngine(self.clock, _nothing_may_fail)
        self.recorder = SegmentRecorder(self.volume, self.index, self.clock, Bus())
        self.recorder.start(self.engine)
        self.hub = Hub()
        self.feed = PacketFeed(self.hub, self.clock, fps=5, gop=10, size_bytes=40)
        self.recorder.add(PORCH, MAIN, self.hub)
        self.begun_ms = self.clock.now_ms()

    def run(self, seconds: int) -> None:
        for _ in range(seconds * 5):
            self.feed.picture()
            self.engine.run_for(0.2)

    def stop(self) -> None:
        self.recorder.end_all()
        while not self.recorder.is_idle:
            self.engine.run_for(0.2)

    def is_on_spare(self) -> bool:
        return self.recorder.on_spare is self.spare

    def is_refused(self) -> bool:
        return self.recorder.is_refused

    def hole_s(self) -> float:
        """Time between the first picture and now that is not recorded."""
        whole = Span(self.begun_ms, self.clock.now_ms())
        return whole.seconds - sum(span.seconds for span in self.index.spans(PORCH, MAIN, whole))


def test_recording_goes_on_at_the_spare_and_comes_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(20)
    bench.disk.unplug()
    bench.run(300)
    assert bench.is_on_spare()
    assert bench.is_refused()
    assert bench.recorder.status(PORCH, MAIN).recording
    bench.disk.plug_in()
    bench.run(90)
    assert not bench.is_on_spare()
    assert not bench.is_refused()
    bench.stop()
    assert bench.hole_s() < 1.0
    on_spare = [one for one in bench.index.all_segments() if (bench.spare.root / one.path).is_file()]
    assert 4 <= len(on_spare) <= 6
    report = check_volume(bench.volume, bench.index, bench.clock, CheckScope(deep=True, beside_recorder=False))
    assert report.findings == []


def test_a_damaged_index_does_not_keep_the_next_file_from_the_main_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    bench.run(20)
    damaged = IndexDamaged(str(tmp_path / "tawny.db"), "malformed")
    monkeypatch.setattr(bench.index, "segment", Mock(side_effect=damaged))
    bench.run(150)
    assert bench.recorder.status(PORCH, MAIN).recording
    assert not bench.is_on_spare()
    assert not bench.is_refused()


def test_a_kill_in_between_loses_nothing_of_the_spare(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(20)
    bench.disk.unplug()
    bench.run(100)
    bench.disk.plug_in()
    index = MemoryIndex()
    again = Volume.at(tmp_path / "first")
    join(again, bench.spare.root, VolumeUse.SPARE)
    history = HistoryJournal(again.disk)
    recover(again, index, HistoryLedger(history, index, bench.clock), bench.clock, before=None, boot="b")
    whole = Span(bench.begun_ms, bench.clock.now_ms())
    assert whole.seconds - sum(span.seconds for span in index.spans(PORCH, MAIN, whole)) < 2.0
    assert check_volume(again, index, bench.clock, CheckScope(deep=True, beside_recorder=False)).findings == []


def _hang(bench: Bench, seconds: float) -> None:
    """From now on, for so long, no call to the first disk comes back."""
    until_s = bench.clock.mono_s() + seconds

    def before(operation: str, path: str) -> None:
        while bench.clock.mono_s() < until_s:
            bench.feed.picture()
            bench.engine.run_for(0.2)  # all others go on meanwhile

    bench.disk.before = before


def test_a_disk_that_hangs_is_left_for_the_spare_and_nothing_is_lost(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(20)
    _hang(bench, 200)
    bench.run(10)  # and all of the time in which it hangs
    assert bench.recorder.status(PORCH, MAIN).recording
    on_spare = list((bench.spare.root / PORCH).rglob("*.mp4"))
    assert len(on_spare) >= 3
    bench.run(90)
    assert not bench.is_on_spare()
    assert not bench.recorder.hangs(bench.volume)
    bench.stop()
    assert bench.hole_s() < 0.3
    report = check_volume(bench.volume, bench.index, bench.clock, CheckScope(deep=True, beside_recorder=False))
    assert report.findings == []


def test_while_the_disk_hangs_the_spare_is_written_and_said_to_be(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(20)
    seen: list[tuple[float, bool, bool]] = []
    begun_s = bench.clock.mono_s()

    def before(operation: str, path: str) -> None:
        while bench.clock.mono_s() < begun_s + 60:
            bench.feed.picture()
            bench.engine.run_for(0.2)
            seen.append(
                (bench.clock.mono_s() - begun_s, bench.is_on_spare(), bench.recorder.status(PORCH, MAIN).recording)
            )

    bench.disk.before = before
    bench.run(5)
    went_s = next(at_s for at_s, on_spare, _ in seen if on_spare)
    assert went_s < 11
    assert all(on_spare and well for at_s, on_spare, well in seen if at_s > went_s + 1)
    bench.stop()


def test_a_hang_without_a_spare_costs_what_memory_cannot_hold(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.volume.spares = ()
    bench.run(20)
    _hang(bench, 50)
    bench.run(30)
    bench.stop()
    assert bench.hole_s() < 0.3


def _nothing_may_fail(name: str, error: BaseException) -> None:
    raise AssertionError(f"{name} failed") from error
