"""Which packets are written when only some time is wanted: none twice, none missing in between."""

import random
from itertools import pairwise

import pytest

from tawny.engine import Bus, InlineEngine
from tawny.model.events import Event, new_event_id
from tawny.model.ids import CameraId, EventId, StreamName
from tawny.model.segments import Recording
from tawny.model.times import Span
from tawny.recorder.recorder import SegmentRecorder
from tawny.recorder.recording_times import RecordingTimes, WritingChange, is_wanted
from tawny.storage.disk.volume import Volume
from tawny.storage.index.memory_index import MemoryIndex
from tawny.stream.hub import Hub
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tests.faults.power import seals_on
from tests.support.disk import MemoryDisk

PORCH = CameraId("porch")
EVER = Span(0, 1 << 45)
FPS, GOP = 5, 10
GOP_MS = GOP * 1000 // FPS


class Bench:
    def __init__(self, record: Recording, pre_s: float = 5, post_s: float = 10, *, sealed: bool = False) -> None:
        self.disk, self.clock, self.index = MemoryDisk(), FakeClock(), MemoryIndex()
        self.failed: list[str] = []
        self.engine = InlineEngine(self.clock, lambda name, error: self.failed.append(f"{name}: {error!r}"))
        self.changes: list[WritingChange] = []
        self.wanted = RecordingTimes(record, pre_s, post_s, self.changes.append)
        seals = seals_on(self.disk, self.clock, sealed=True) if sealed else None
        self.recorder = SegmentRecorder(Volume(self.disk), self.index, self.clock, Bus(), seals=seals)
        self.recorder.start(self.engine)
        self.hubs = {stream: Hub(keep_s=pre_s + 12) for stream in StreamName}
        self.feeds = [PacketFeed(hub, self.clock, fps=FPS, gop=GOP) for hub in self.hubs.values()]
        for stream, hub in self.hubs.items():
            self.recorder.add(PORCH, stream, hub, wanted=self.wanted)
        self.now_ms = self.clock.now_ms

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * FPS)):
            for feed in self.feeds:
                feed.picture()
            self.engine.run_for(1 / FPS)

    def hear(self, start_ms: int, end_ms: int | None, name: EventId | None = None) -> EventId:
        event = Event(name or new_event_id(start_ms), PORCH, "person", start_ms, end_ms, 50.0)
        self.wanted.on_event(event, self.now_ms())
        self.recorder.wake()
        return event.id

    def spans(self, stream: StreamName = StreamName.MAIN) -> list[Span]:
        self.engine.run_for(2)
        found = [one.span for one in self.index.segments(PORCH, stream, EVER)]
        return sorted([*found, *(one.span for one in self.recorder.open_segments(PORCH) if one.stream is stream)])


def test_nothing_is_written_while_nothing_happens() -> None:
    bench = Bench("events")
    bench.run(120)
    assert bench.spans() == []
    assert [path for path in bench.disk.files if path.endswith(".mp4")] == []
    assert bench.recorder.status(PORCH, StreamName.MAIN).problem is None


@pytest.mark.parametrize("sealed", [False, True])
def test_both_streams_are_written_around_an_event(sealed: bool) -> None:
    bench = Bench("events", sealed=sealed)
    bench.run(30)
    begun_ms = bench.now_ms()
    name = bench.hear(begun_ms, None)
    bench.run(7)
    bench.hear(begun_ms, bench.now_ms(), name)
    ended_ms = bench.now_ms()
    bench.run(30)
    for stream in StreamName:
        (span,) = bench.spans(stream)
        assert 0 <= begun_ms - 5000 - span.begin_ms <= GOP_MS
        assert 0 <= span.end_ms - ended_ms - 10_000 <= GOP_MS
    assert [(one.stream, one.is_written) for one in bench.changes] == [
        (StreamName.MAIN, True), (StreamName.SUB, True), (StreamName.MAIN, False), (StreamName.SUB, False),
    ]  # fmt: skip
    assert {path.endswith(".tws") for path in bench.disk.files if "/main" in path or ".main." in path} == {sealed}
    assert bench.changes[0].at_ms == bench.spans()[0].begin_ms
    assert bench.changes[2].at_ms == bench.spans()[0].end_ms


@pytest.mark.parametrize("set_back_s", [0, 3600])
def test_an_event_in_which_the_clock_is_set_back_ends_its_recording(set_back_s: int) -> None:
    bench = Bench("events")
    bench.run(30)
    begun_ms = bench.now_ms()
    name = bench.hear(begun_ms, None)
    bench.run(5)
    ended_ms = bench.now_ms()
    if set_back_s:
        bench.clock.jump_utc(-set_back_s)
        for feed in bench.feeds:
            feed.begin_run()
        for stream in bench.hubs:
            bench.recorder.end_run(PORCH, stream, "the clock was set back")
    bench.hear(begun_ms, ended_ms, name)
    bench.run(60)
    assert sum(span.seconds for span in bench.spans()) < 25
    assert bench.recorder.open_segments(PORCH) == []


def test_a_stop_in_an_event_loses_nothing() -> None:
    bench = Bench("events")
    bench.run(30)
    begun_ms = bench.now_ms()
    bench.hear(begun_ms, None)
    bench.run(3)
    bench.recorder.end_all()
    bench.engine.run_for(5)
    assert bench.recorder.is_idle
    (span,) = bench.spans()
    assert span.end_ms == begun_ms + 3000


def test_a_stop_right_after_an_event_began_writes_its_memory() -> None:
    bench = Bench("events")
    bench.run(30)
    bench.hear(bench.now_ms(), None)
    bench.recorder.end_all()
    bench.engine.run_for(5)
    assert bench.recorder.is_idle
    assert bench.spans()[0].seconds >= 5


def test_a_stop_while_waiting_writes_nothing() -> None:
    bench = Bench("events")
    bench.run(30)
    bench.recorder.end_all()
    bench.engine.run_for(5)
    assert bench.recorder.is_idle
    assert bench.spans() == []


def test_an_old_event_that_is_changed_writes_nothing() -> None:
    bench = Bench("events")
    bench.run(200)
    bench.hear(bench.now_ms() - 190_000, bench.now_ms() - 180_000)
    bench.hear(bench.now_ms() - 60_000, bench.now_ms() - 50_000)
    bench.run(5)
    assert bench.spans() == []


def test_memory_is_bounded_by_the_ring() -> None:
    bench = Bench("events", pre_s=30)
    bench.run(600)
    hub = bench.hubs[StreamName.MAIN]
    assert hub.size_bytes <= 50 * FPS * 300 * 4
    begun_ms = bench.now_ms()
    bench.hear(begun_ms - 40_000, None)  # noticed very late: what is left of it is written
    bench.run(5)
    assert begun_ms - 45_000 <= bench.spans()[0].begin_ms <= begun_ms - 40_000


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_wanted_time_is_there_and_nothing_twice(seed: int) -> None:
    """Events and changes of mode at random: what was wanted is there, and little else."""
    dice = random.Random(seed)
    modes: tuple[Recording, ...] = ("continuous", "events", "transitions")
    pre_s = dice.choice([0, 2, 5, 20])
    bench = Bench(dice.choice(modes), pre_s=pre_s, post_s=dice.choice([0, 3, 10]))
    wanted: list[Span] = []
    open_events: list[tuple[int, EventId]] = []
    bench.run(20)
    for _ in range(40):
        step = dice.random()
        if step < 0.4:
            begun_ms = bench.now_ms()
            open_events.append((begun_ms, bench.hear(begun_ms, None)))
        elif step < 0.7 and open_events:
            begun_ms, name = open_events.pop(dice.randrange(len(open_events)))
            bench.hear(begun_ms, bench.now_ms(), name)
        elif step < 0.8:
            bench.wanted.switch(dice.choice(modes), pre_s, 3, bench.now_ms())
            bench.recorder.wake()
        wanted += [
            span.cut_to(Span(bench.now_ms() - 1000, bench.now_ms())) or Span(0, 0) for span in bench.wanted.spans()
        ]
        bench.run(dice.choice([0.2, 1, 4, 15]))
    bench.recorder.end_all()
    bench.engine.run_for(10)
    assert bench.failed == []
    spans = bench.spans()
    assert all(one.end_ms <= other.begin_ms for one, other in pairwise(spans)), "nothing is written twice"
    times = [ms for span in wanted if span.end_ms for ms in (span.begin_ms, span.end_ms - 1)]
    assert [ms for ms in times if not is_wanted(spans, ms) and ms < bench.now_ms() - 11_000] == []


def test_a_camera_that_is_connected_again_goes_on_with_what_lasts() -> None:
    before, after = (RecordingTimes("events", 5, 10) for _ in range(2))
    lasting, over, ends = (EventId(name) for name in ("lasting", "over", "ends"))

    def hear(to: RecordingTimes, name: EventId, start_ms: int, end_ms: int | None) -> None:
        to.on_event(Event(name, PORCH, "person", start_ms, end_ms, 50.0), 100_000)

    hear(before, lasting, 90_000, None)
    hear(before, over, 20_000, 30_000)
    hear(before, ends, 50_000, None)
    hear(after, ends, 50_000, 60_000)  # it came while the camera was being connected
    before.hand_over(after)
    assert [(span.begin_ms, min(span.end_ms, 200_000)) for span in after.spans()] == [
        (15_000, 40_000),
        (45_000, 70_000),
        (85_000, 200_000),
    ]
    hear(after, lasting, 90_000, 95_000)
    assert after.spans()[-1].end_ms == 105_000
