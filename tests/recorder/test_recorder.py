"""The recorder from hub to files, on a disk that fails as it is told to."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tawny.engine import Bus, InlineEngine, ThreadEngine
from tawny.media.mp4.segment_reader import places, read_segment
from tawny.model.errors import DiskFull, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import SegmentClosed
from tawny.model.segments import GapReason, Segment
from tawny.model.times import Span, SystemClock
from tawny.recorder import recorder as recorder_module
from tawny.recorder.recorder import BufferLimits, DiskCallbacks, SegmentRecorder, WriteLoss
from tawny.recorder.stream_recording import MOST_LOST_S, StreamRecording
from tawny.storage.disk.volume import OpenFolders, Volume
from tawny.storage.index.memory_index import MemoryIndex
from tawny.stream.hub import Batch, Hub, HubReader
from tawny.testing.clock import FakeClock
from tawny.testing.packet_feed import PacketFeed
from tawny.testing.waiting import until
from tests.support.disk import MemoryDisk, write_out

PORCH, YARD = CameraId("porch"), CameraId("yard")
MAIN = StreamName.MAIN
EVER = Span(0, 1 << 45)


class Bench:
    def __init__(self, disk: MemoryDisk | None = None, **limits: float) -> None:
        self.disk, self.clock = disk or MemoryDisk(), FakeClock()
        self.failed: list[str] = []
        self.engine = InlineEngine(self.clock, lambda name, error: self.failed.append(f"{name}: {error!r}"))
        self.index, bus = MemoryIndex(), Bus()
        self.closed: list[Segment] = []
        bus.subscribe_all(lambda data: self.closed.append(data.segment) if isinstance(data, SegmentClosed) else None)
        self.losses: list[WriteLoss] = []
        self.times_full = 0
        self.recorder = SegmentRecorder(
            Volume(self.disk),
            self.index,
            self.clock,
            bus,
            DiskCallbacks(self.losses.append, self._full),
            limits=BufferLimits(limits.get("waiting_s", 60.0), round(limits.get("waiting_bytes", 64e6))),
        )
        self.recorder.start(self.engine)
        self.feeds: dict[CameraId, PacketFeed] = {}

    def _full(self) -> None:
        self.times_full += 1

    def add(self, camera: CameraId = PORCH, *, keep_s: float = 15.0, size_bytes: int = 300) -> PacketFeed:
        hub = Hub(keep_s=keep_s)
        self.recorder.add(camera, MAIN, hub)
        self.feeds[camera] = PacketFeed(hub, self.clock, fps=10, gop=10, sound=True, size_bytes=size_bytes)
        return self.feeds[camera]

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            for feed in self.feeds.values():
                feed.picture()
            self.engine.run_for(0.1)

    def end(self) -> None:
        self.recorder.end_all()
        self.engine.run_for(8)

    def spans(self, camera: CameraId = PORCH) -> list[Span]:
        return self.index.spans(camera, None, EVER)

    def recorded_s(self, camera: CameraId = PORCH) -> float:
        return sum(span.seconds for span in self.spans(camera))


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    assert made.failed == []


def _failing(error: StorageError, *operations: str, path: str = "") -> Callable[[str, str], None]:
    def before(operation: str, where: str) -> None:
        if operation in operations and path in where:
            raise error

    return before


def _well(_operation: str, _path: str) -> None:
    pass


def test_a_clean_stop_loses_nothing(bench: Bench) -> None:
    bench.add()
    bench.run(130)
    bench.end()
    assert bench.recorder.is_idle
    assert bench.recorded_s() == pytest.approx(130, abs=0.001)
    assert len(bench.spans()) == 1
    assert bench.closed == bench.index.segments(PORCH, MAIN, EVER)
    assert sorted(bench.disk.files) == sorted(["history/folders.json", *(one.path for one in bench.closed)])


def test_a_stream_that_never_delivered_ends_at_once(bench: Bench) -> None:
    hub = Hub()
    bench.recorder.add(YARD, MAIN, hub)
    bench.engine.run_for(1)
    bench.recorder.remove(YARD, MAIN, "the recorder stops")
    bench.engine.run_for(1)
    assert not bench.recorder.is_ending(YARD)
    PacketFeed(hub, bench.clock).picture()
    bench.end()
    assert bench.recorder.is_idle
    assert bench.recorded_s(YARD) == 0


def test_files_say_what_they_are_and_why_they_ended(bench: Bench, tmp_path: Path) -> None:
    bench.add()
    bench.run(61)
    bench.end()
    write_out(bench.disk.files, tmp_path)
    first, last = (read_segment(tmp_path / segment.path) for segment in bench.closed)
    assert first.about is not None
    assert (first.about["camera"], first.about["start_ms"]) == ("porch", bench.closed[0].start_ms)
    assert first.end == {"end_ms": bench.closed[0].end_ms, "why": "length"}
    assert last.end == {"end_ms": bench.closed[1].end_ms, "why": "tawny stopped"}
    assert not first.torn
    assert sum(one.is_video for file in (first, last) for one in places(file, file.fragments)) == 610
    assert first.fragments[0].start_ticks == last.fragments[0].start_ticks == 0
    assert [segment.audio for segment in bench.closed] == ["ulaw", "ulaw"]


def test_what_is_open_is_told_as_far_as_it_is_durable(bench: Bench) -> None:
    bench.add()
    assert bench.recorder.open_segments(PORCH) == []
    bench.run(5)
    (segment,) = bench.recorder.open_segments(PORCH)
    assert segment.path.endswith(".main.open.mp4")
    assert len(bench.disk.files[segment.path]) == segment.size_bytes
    assert 0 <= bench.clock.now_ms() - segment.end_ms <= 1000
    status = bench.recorder.status(PORCH, MAIN)
    assert status.recording
    assert status.durable_ms == segment.end_ms


def test_a_run_that_ends_closes_its_file_at_once(bench: Bench) -> None:
    feed = bench.add()
    bench.run(5)
    bench.recorder.end_run(PORCH, MAIN, "closed")
    feed.begin_run()
    bench.run(5)
    assert [segment.run for segment in bench.closed] == ["run-1"]
    assert bench.closed[0].end_ms - bench.closed[0].start_ms == 5000
    bench.end()
    assert bench.recorded_s() == pytest.approx(10, abs=0.001)


@pytest.mark.parametrize(
    ("asked_s", "lengths_s"),
    [
        ([], [60, 20]),
        ([(30, 20)], [31, 5, 5, 5, 34]),  # the open file ends at once
        ([(12, 6), (13, 2)], [13, 5, 60, 2]),  # an earlier end doesn't count
        ([(12, 6), (17, 6)], [13, 5, 5, 57]),
    ],
)
def test_files_of_a_span_are_short(bench: Bench, asked_s: list[tuple[int, int]], lengths_s: list[int]) -> None:
    bench.add()
    bench.run(0.1)
    begin_ms, at_s = bench.clock.now_ms(), 0
    for begin_s, seconds in asked_s:
        bench.run(begin_s - at_s)
        at_s = begin_s
        bench.recorder.shorten(PORCH, Span(bench.clock.now_ms(), begin_ms + (begin_s + seconds) * 1000))
    bench.run(80 - at_s - 0.1)
    bench.end()
    assert [round(one.span.seconds) for one in bench.closed] == lengths_s
    assert len(bench.spans()) == 1


def test_a_span_of_short_files_does_not_come_again_when_the_clock_is_set_back(bench: Bench) -> None:
    feed = bench.add()
    bench.run(10)
    bench.recorder.shorten(PORCH, Span(bench.clock.now_ms(), bench.clock.now_ms() + 30_000))
    bench.clock.jump_utc(-3600)
    feed.begin_run()
    bench.run(30)
    bench.end()
    assert [round(one.span.seconds) for one in bench.closed] == [10, 30]


@pytest.mark.parametrize("how", ["length", "end of the run", "removed", "a disk that fails for a second"])
def test_a_recording_is_found_all_the_time_while_its_file_is_closed(bench: Bench, how: str) -> None:
    bench.add()
    bench.run(5)
    (first,) = bench.recorder.open_segments(PORCH)
    operations: list[str] = []
    missed: list[str] = []
    fails = how.startswith("a disk")

    def look(operation: str, path: str) -> None:
        operations.append(operation)
        found = [*(one.id for one in bench.recorder.open_segments(PORCH)), *(one.id for one in bench.closed)]
        if first.id not in found or len(set(found)) < len(found):
            missed.append(f"{operation} {path}")
        if fails and operation == "rename":
            raise StorageError("disk", "input/output error")

    bench.disk.before = look
    if how == "removed":
        bench.recorder.remove(PORCH, MAIN)
        bench.feeds.clear()
    elif how != "length":
        bench.recorder.end_run(PORCH, MAIN, "closed")
        bench.feeds.clear()
    bench.run(130 if how == "length" else 1)
    fails = False
    bench.run(30)
    bench.disk.before = _well
    assert "rename" in operations
    assert missed == []
    assert first.id in [one.id for one in bench.closed]


@pytest.mark.plain
@pytest.mark.parametrize("is_removed", [False, True])
def test_packets_and_an_end_that_come_while_the_recorder_reads_are_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, is_removed: bool
) -> None:
    """The thread that reads the camera goes on between two lines of the recorder's."""
    feed, take, is_over = bench.add(), HubReader.take, threading.Event()
    bench.run(5.2)

    def camera() -> None:
        for _ in range(5):
            feed.picture()
        if is_removed:
            bench.recorder.remove(PORCH, MAIN)
        else:
            bench.recorder.end_run(PORCH, MAIN, "closed")

    def taken(reader: HubReader) -> Batch:
        batch = take(reader)
        if not is_over.is_set():
            is_over.set()
            thread = threading.Thread(target=camera)
            thread.start()
            thread.join()
        return batch

    monkeypatch.setattr(HubReader, "take", taken)
    bench.engine.run_for(1.0)
    if not is_removed:
        feed.begin_run()
        bench.run(5)
    bench.end()
    assert bench.recorded_s() == pytest.approx(5.7 if is_removed else 10.7, abs=0.01)
    assert bench.losses == []


def test_a_stream_that_goes_away_leaves_no_other(bench: Bench) -> None:
    bench.add(PORCH)
    bench.add(YARD)
    bench.run(5)
    bench.recorder.remove(PORCH, MAIN)
    del bench.feeds[PORCH]
    bench.run(5)
    assert bench.recorder.open_segments(PORCH) == []
    assert bench.recorded_s(PORCH) == pytest.approx(5, abs=0.001)
    assert len(bench.recorder.open_segments(YARD)) == 1
    assert not bench.recorder.status(PORCH, MAIN).recording


@pytest.mark.shows("SC26")
def test_the_clock_set_back_gives_no_two_segments_the_same_name(bench: Bench) -> None:
    feed = bench.add()
    bench.run(5)
    bench.clock.jump_utc(-5)
    feed.begin_run()
    bench.run(5)
    bench.end()
    assert len({segment.id for segment in bench.closed}) == 2
    assert sum(segment.end_ms - segment.start_ms for segment in bench.closed) == pytest.approx(10_000, abs=5)


def test_a_full_disk_that_gets_room_again_loses_nothing(bench: Bench) -> None:
    bench.add()
    bench.run(5)
    bench.disk.total_bytes = bench.disk.used_bytes + 2000
    bench.run(10)
    status = bench.recorder.status(PORCH, MAIN)
    assert isinstance(status.problem, DiskFull)
    assert not status.recording
    assert bench.times_full >= 1
    bench.disk.total_bytes = 1 << 40
    bench.run(10)
    bench.end()
    assert bench.losses == []
    assert bench.recorded_s() == pytest.approx(25, abs=0.001)
    assert len(bench.closed) == 1


def test_a_clock_that_is_set_forward_while_data_waits_for_the_disk_loses_nothing(bench: Bench) -> None:
    feed = bench.add()
    bench.run(5)
    bench.disk.before = _failing(DiskFull("disk"), "append")
    bench.run(20)
    bench.recorder.end_run(PORCH, MAIN, "the clock was set")
    bench.clock.jump_utc(3600)
    feed.begin_run()
    bench.run(3)
    bench.disk.before = _well
    bench.run(10)
    bench.end()
    assert bench.losses == []
    assert bench.recorded_s() == pytest.approx(38, abs=0.01)


def test_data_that_waits_on_both_sides_of_a_clock_change_is_limited() -> None:
    made = Bench(waiting_s=20)
    feed = made.add()
    made.run(5)
    made.disk.before = _failing(DiskFull("disk"), "append")
    made.run(15)
    made.recorder.end_run(PORCH, MAIN, "the clock was set")
    made.clock.jump_utc(3600)
    feed.begin_run()
    made.run(12)
    made.disk.before = _well
    made.run(10)
    made.end()
    assert [loss.end_ms is None for loss in made.losses] == [True, False]
    assert [segment.run for segment in made.closed] == ["run-1", "run-1", "run-2"]
    before, kept, after = made.spans()
    assert before.seconds == pytest.approx(5, abs=1)
    assert 20 - 12 - 5 - 2 <= kept.seconds <= 20 - 12, "5 s: longest time until the disk is tried again"
    assert after.seconds == pytest.approx(22, abs=0.01)
    assert made.failed == []


def test_a_disk_full_for_too_long_loses_the_oldest_and_says_so() -> None:
    made = Bench(waiting_s=10)
    made.add()
    made.run(5)
    made.disk.total_bytes = made.disk.used_bytes + 100
    made.run(30)
    assert [(loss.reason, loss.end_ms) for loss in made.losses] == [(GapReason.DISK_FULL, None)]
    made.disk.total_bytes = 1 << 40
    made.run(10)
    made.end()
    begun, ended = made.losses
    assert begun.begin_ms == ended.begin_ms
    assert ended.end_ms is not None
    before, after = made.spans()
    assert before.end_ms == pytest.approx(begun.begin_ms, abs=1)
    assert after.begin_ms == ended.end_ms
    assert after.end_ms == made.clock.now_ms() - 8000
    assert made.failed == []


@pytest.mark.plain
@pytest.mark.parametrize("operation", ["append", "sync"])
def test_what_waits_is_bounded_however_long_the_disk_takes_nothing(
    operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings: list[StreamRecording] = []

    class Noted(StreamRecording):
        def __init__(self, *about: Any) -> None:
            super().__init__(*about)
            recordings.append(self)

    monkeypatch.setattr(recorder_module, "StreamRecording", Noted)
    bench = Bench(waiting_s=600.0, waiting_bytes=400_000)
    bench.add(size_bytes=2000)  # 26 kB a second
    bench.run(5)
    bench.disk.before = _failing(DiskFull("disk"), operation, path=".mp4")
    most = 0
    (recording,) = recordings
    for _ in range(240):
        bench.run(1)
        most = max(most, recording.waiting_bytes)
    assert 300_000 <= most <= 400_000 + 30_000  # what comes between two looks
    bench.disk.before = _well
    bench.run(10)
    bench.end()
    began, ended = bench.losses
    assert (began.reason, ended.begin_ms) == (GapReason.DISK_FULL, began.begin_ms)
    assert ended.end_ms is not None
    lost = Span(ended.begin_ms, ended.end_ms)
    first, last = bench.spans()[0], bench.spans()[-1]
    whole_s = (last.end_ms - first.begin_ms) / 1000
    assert bench.recorded_s() + lost.seconds == pytest.approx(whole_s, abs=0.2)
    assert 220 <= lost.seconds <= 240
    assert bench.failed == []


def test_a_failed_sync_ends_the_file_at_its_last_good_one(bench: Bench, tmp_path: Path) -> None:
    bench.add()
    bench.run(10.5)
    good = bench.recorder.open_segments(PORCH)[0]
    bench.disk.before = _failing(StorageError("disk", "input/output error"), "sync", path="open.mp4")
    bench.run(2)
    assert bench.recorder.status(PORCH, MAIN).problem is not None
    bench.disk.before = _well
    bench.run(10)
    bench.end()
    first, second = bench.closed
    assert first.end_ms == good.end_ms
    assert first.size_bytes == good.size_bytes
    assert second.start_ms - first.end_ms <= 1000
    assert [loss.reason for loss in bench.losses] == [GapReason.DISK_ERROR] * 2
    assert (bench.losses[-1].begin_ms, bench.losses[-1].end_ms) == (first.end_ms, second.start_ms)
    write_out(bench.disk.files, tmp_path)
    assert not read_segment(tmp_path / first.path).torn


def test_a_sync_that_failed_is_never_tried_again_on_the_same_file(bench: Bench) -> None:
    tried: list[str] = []

    def before(operation: str, path: str) -> None:
        if operation == "sync" and "mp4" in path and bench.clock.mono_s() > 1004:
            tried.append(path)
            raise StorageError("disk", "input/output error")

    bench.add()
    bench.disk.before = before
    bench.run(20)
    assert len(tried) >= 3
    assert tried.count(tried[0]) == 1


def test_a_file_that_cannot_be_made_is_tried_again(bench: Bench) -> None:
    bench.disk.before = _failing(DiskFull("disk"), "create")
    bench.add()
    bench.run(6)
    assert isinstance(bench.recorder.status(PORCH, MAIN).problem, DiskFull)
    bench.disk.before = _well
    bench.run(6)
    bench.end()
    assert bench.recorded_s() == pytest.approx(12, abs=0.001)
    assert bench.losses == []


def test_a_name_that_cannot_be_changed_now_is_changed_later(bench: Bench) -> None:
    bench.add()
    bench.disk.before = _failing(StorageError("disk", "no"), "rename", path="open.mp4")
    bench.run(65)
    assert bench.closed == []
    assert bench.recorder.status(PORCH, MAIN).recording
    bench.disk.before = _well
    bench.run(6)
    assert len(bench.closed) == 1
    bench.end()
    assert bench.recorded_s() == pytest.approx(71, abs=0.001)


def test_an_index_that_refuses_holds_nothing_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    add = bench.index.add_segment

    def refuse(segment: Segment) -> None:
        raise StorageError("tawny.db", "no")

    monkeypatch.setattr(bench.index, "add_segment", refuse)
    bench.add()
    bench.run(65)
    assert bench.closed == []
    assert bench.recorder.status(PORCH, MAIN).recording
    monkeypatch.setattr(bench.index, "add_segment", add)
    bench.run(6)
    assert bench.closed == bench.index.segments(PORCH, None, EVER) != []


def test_a_slow_reader_of_a_short_ring_says_what_it_missed(bench: Bench) -> None:
    feed = bench.add(keep_s=2.0)
    bench.run(5)
    for _ in range(100):
        feed.picture()
        bench.clock.advance(0.1)
    bench.run(5)
    bench.end()
    assert [loss.reason for loss in bench.losses] == [GapReason.OVERLOAD] * 2
    before, after = bench.spans()
    assert abs(bench.losses[1].begin_ms - before.end_ms) <= 100
    assert bench.losses[1].end_ms == after.begin_ms


def test_the_next_start_looks_into_an_hour_folder_before_a_segment_is_made_in_it(bench: Bench) -> None:
    def before(operation: str, path: str) -> None:
        if operation == "create" and "mp4" in path:
            listed = OpenFolders(bench.disk).left_over()
            assert listed is None or path.rpartition("/")[0] in listed

    bench.disk.before = before
    bench.clock.jump_utc(3590)
    bench.add()
    bench.run(70)
    bench.end()
    assert [segment.path.split("/")[4] for segment in bench.closed] == ["05", "06"]


def test_a_disk_that_stalls_for_twenty_seconds_loses_nothing() -> None:
    disk, clock = MemoryDisk(), SystemClock()
    gate = threading.Event()
    gate.set()
    stuck = threading.Event()

    def before(operation: str, path: str) -> None:
        if operation == "sync" and not gate.is_set():
            stuck.set()
            gate.wait(30)

    disk.before = before
    engine = ThreadEngine(clock, lambda name, error: pytest.fail(f"{name}: {error!r}"))
    index = MemoryIndex()
    losses: list[WriteLoss] = []
    recorder = SegmentRecorder(Volume(disk), index, clock, Bus(), DiskCallbacks(losses.append))
    recorder.start(engine)
    hub = Hub(keep_s=60)
    recorder.add(PORCH, MAIN, hub)
    feed = PacketFeed(hub, clock, fps=10, gop=10)
    for _ in range(20):
        feed.picture()
    until(lambda: recorder.status(PORCH, MAIN).durable_ms is not None)
    gate.clear()
    for _ in range(10):
        feed.picture()
    until(stuck.is_set)
    for _ in range(200):
        feed.picture()
    gate.set()
    assert recorder.stop(10)
    assert engine.stop() == []
    assert sum(span.seconds for span in index.spans(PORCH, None, EVER)) == pytest.approx(23, abs=0.001)
    assert losses == []


def test_recording_needs_neither_decoders_nor_arrays() -> None:
    script = (
        "import sys, tawny.recorder.recorder; sys.exit(any(name in sys.modules for name in ('av', 'numpy', 'cv2')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(("sync_s", "is_slow"), [(0.0, False), (0.2, False), (0.6, False), (2.5, True)])
def test_a_disk_too_slow_for_the_promise_is_known(bench: Bench, sync_s: float, *, is_slow: bool) -> None:
    """How long a sync takes, and whether a power cut would lose more than two seconds."""

    def before(operation: str, _path: str) -> None:
        if operation == "sync":
            bench.clock.advance(sync_s)

    bench.add()
    bench.disk.before = before
    bench.run(20)
    assert (bench.recorder.at_risk_s > MOST_LOST_S) is is_slow
    assert bool(bench.recorder.at_risk_s) is is_slow
    bench.disk.before = _failing(StorageError("", ""))
    bench.run(610)
    assert bench.recorder.at_risk_s == 0


class _RunningClock(FakeClock):
    """Goes on by itself whenever it is read."""

    def mono_s(self) -> float:
        self.advance(0.5)
        return super().mono_s()


@pytest.mark.parametrize(
    ("streams", "waits_s"),
    [
        ([], 0.0),
        (["durable"], 0.0),
        (["silent"], 2.0),
        (["waiting"], 6.0),
        (["durable", "silent"], 2.0),
        (["durable", "waiting", "silent"], 6.0),
    ],
)
def test_the_start_waits_for_pictures_on_their_way_to_the_disk(streams: list[str], waits_s: float) -> None:
    clock, engine_clock = _RunningClock(), FakeClock()
    volume = Volume(MemoryDisk())
    recorder = SegmentRecorder(volume, MemoryIndex(), clock, Bus())
    engine = InlineEngine(engine_clock, lambda name, error: None)
    for number, state in enumerate(streams):
        hub = Hub()
        recorder.add(CameraId(f"camera-{number}"), MAIN, hub)
        if state == "silent":
            continue
        PacketFeed(hub, engine_clock, fps=10, gop=10).picture()
        if state == "durable":
            recorder.start(engine)
            engine.run_for(3)
    before_s = FakeClock.mono_s(clock)
    recorder.await_first_pictures(6.0, 2.0)
    assert FakeClock.mono_s(clock) - before_s == pytest.approx(waits_s, abs=1.1)
