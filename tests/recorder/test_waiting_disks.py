"""Recording around events on every kind of disk: with a spare, a mirror, in memory, encrypted."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.events import Event, new_event_id
from tawny.model.times import Span
from tawny.recorder.recorder import SegmentRecorder
from tawny.recorder.recording_times import RecordingTimes
from tawny.storage.disk.memory_disk import RamDisk
from tawny.storage.disk.mirror import Mirror
from tawny.storage.disk.secondary_volumes import VolumeUse, join
from tawny.storage.disk.volume import Volume
from tawny.storage.index.memory_index import MemoryIndex
from tawny.storage.repair.check import CheckScope, check_volume
from tawny.storage.retention.contract import RetentionContract, RetentionRule
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.storage.bench import MAIN, PORCH
from tests.support.faulty_disk import FaultyDisk

EVER = Span(0, 1 << 45)
FPS, GOP = 5, 10
PRE_S, POST_S = 5, 10


@dataclass
class Waiting:
    """A camera that waits for events, on a disk of the test's choice."""

    volume: Volume
    clock: FakeClock

    def __post_init__(self) -> None:
        self.index, self.bus = MemoryIndex(), Bus()
        self.engine = InlineEngine(self.clock, _nothing_may_fail)
        self.wanted = RecordingTimes("events", PRE_S, POST_S)
        self.recorder = SegmentRecorder(self.volume, self.index, self.clock, self.bus)
        self.recorder.start(self.engine)
        self.hub = Hub(keep_s=PRE_S + 12)
        self.feed = PacketFeed(self.hub, self.clock, fps=FPS, gop=GOP)
        self.recorder.add(PORCH, MAIN, self.hub, wanted=self.wanted)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * FPS)):
            self.feed.picture()
            self.engine.run_for(1 / FPS)

    def event(self, lasts_s: float) -> Span:
        begin_ms = self.clock.now_ms()
        event = Event(new_event_id(begin_ms), PORCH, "person", begin_ms, None, 50.0)
        self.hear(event)
        self.run(lasts_s)
        self.hear(event.ended(self.clock.now_ms()))
        return Span(begin_ms, self.clock.now_ms())

    def hear(self, event: Event) -> None:
        self.wanted.on_event(event, self.clock.now_ms())
        self.recorder.wake()

    def stop(self) -> None:
        self.recorder.end_all()
        while not self.recorder.is_idle:
            self.engine.run_for(0.2)

    def spans(self) -> list[Span]:
        return self.index.spans(PORCH, MAIN, EVER)


def _nothing_may_fail(name: str, error: BaseException) -> None:
    raise AssertionError(name) from error


def covers(spans: list[Span], event: Span) -> None:
    """Each event is recorded with its pre-roll and post-roll, and nothing but its groups of frames around it."""
    (span,) = [one for one in spans if one.overlaps(event)]
    assert 0 <= event.begin_ms - PRE_S * 1000 - span.begin_ms <= GOP * 1000 // FPS
    assert 0 <= span.end_ms - event.end_ms - POST_S * 1000 <= GOP * 1000 // FPS


def test_an_event_while_the_first_disk_is_away_goes_to_the_spare(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    disk = FaultyDisk(tmp_path / "first")
    bench = Waiting(Volume(disk), FakeClock())
    spare = join(bench.volume, tmp_path / "spare", VolumeUse.SPARE)
    bench.run(30)
    disk.unplug()
    bench.run(40)
    event = bench.event(30)
    bench.run(60)
    disk.plug_in()
    bench.run(90)
    later = bench.event(5)
    bench.run(60)
    bench.stop()
    for one in (event, later):
        covers(bench.spans(), one)
    where = [(spare.root / one.path).is_file() for one in bench.index.segments(PORCH, MAIN, EVER)]
    assert where == [True, False]
    report = check_volume(bench.volume, bench.index, bench.clock, CheckScope(deep=True, beside_recorder=False))
    assert report.findings == []


def test_the_mirror_has_what_was_recorded_and_nothing_else(tmp_path: Path) -> None:
    clock = FakeClock()
    bench = Waiting(Volume.at(tmp_path / "first"), clock)
    contract = RetentionContract(RetentionRule(free_share=0.0))
    mirror = Mirror(bench.volume, bench.index, clock, tmp_path / "second", contract)
    bench.bus.subscribe_all(mirror.on_message)
    mirror.start(bench.engine)
    bench.run(60)
    events = [bench.event(7)]
    bench.run(60)
    events.append(bench.event(3))
    bench.run(60)
    bench.stop()
    bench.engine.run_for(10)
    mirror.finish()
    for one in events:
        covers(bench.spans(), one)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.mp4")} for name in ("first", "second")
    )
    assert len(first) == 2
    assert first == second


def test_in_memory_mode_waiting_uses_none_of_its_space(tmp_path: Path) -> None:
    clock = FakeClock()
    disk = RamDisk(20_000_000, clock)
    bench = Waiting(Volume(disk), clock)
    bench.run(30)
    before = disk.space().free_bytes
    bench.run(300)
    assert disk.space().free_bytes == before
    event = bench.event(8)
    bench.run(60)
    bench.stop()
    assert disk.space().free_bytes < before
    covers(bench.spans(), event)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lasts_s", [0, 1, 70])
def test_an_event_of_any_length_is_whole_where_waiting_borders_on_it(tmp_path: Path, lasts_s: int) -> None:
    bench = Waiting(Volume.at(tmp_path), FakeClock())
    bench.run(30)
    event = bench.event(lasts_s)
    bench.run(40)
    bench.stop()
    if lasts_s == 0:
        event = Span(event.begin_ms, event.begin_ms + 1)
    spans = bench.spans()
    assert len(spans) == 1
    assert spans[0].begin_ms <= event.begin_ms - PRE_S * 1000
    assert spans[0].end_ms >= event.end_ms + POST_S * 1000 - 1
