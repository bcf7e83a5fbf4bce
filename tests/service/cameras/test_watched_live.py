"""Who is watched live is read more often, and only they: from the browser's socket to the connection, on a clock that
stands until it is told to go on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tawny.app.running import RecorderRuntime
from tawny.engine import InlineEngine
from tawny.live.viewer import ViewerCounts
from tawny.model.errors import SourceError, SourceFinished, SourceRefused, SourceStalled, SourceUnreachable
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import GapChanged
from tawny.model.segments import GapReason, gap_text
from tawny.model.states import CameraState
from tawny.model.times import Clock
from tawny.service.cameras.camera import RunningCamera
from tawny.service.cameras.duty import CameraDuty
from tawny.service.plugin_registry import PluginRegistry
from tawny.sources.source import IdleUntil, SourceContext
from tawny.stream.session import LINGER_S
from tawny.testing.clock import FakeClock
from tests.app.rig import settings
from tests.live.cameras import numbered, video

SLOW_S, QUICK_S = 0.1, 0.02
DOOR, YARD = CameraId("door"), CameraId("yard")


class _Asked:
    """A camera that has nothing to give, and writes down when it is asked."""

    notes: Mapping[str, Any] = {}

    def __init__(self, times: list[float], clock: Clock, is_refused: Callable[[], bool]) -> None:
        self._times, self._clock, self._is_refused = times, clock, is_refused

    def read(self) -> IdleUntil:
        self._times.append(self._clock.mono_s())
        if self._is_refused():
            raise SourceRefused("asked://door/sub")
        return IdleUntil(SLOW_S)

    def close(self) -> None: ...


class _Source:
    """A source whose connections share a thread."""

    scheme: ClassVar[str] = "asked"

    def __init__(self) -> None:
        self.times: dict[tuple[CameraId, StreamName], list[float]] = {}
        self.refused: StreamName | None = None

    def settings(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        return table

    def claims(self, address: str) -> bool:
        return address.startswith("asked:")

    def public(self, address: str) -> str:
        return address

    def open(self, opening: SourceContext) -> _Asked:
        raise AssertionError("it shares a thread")

    def shares(self, options: Mapping[str, Any]) -> bool:
        return True

    def begin(self, opening: SourceContext) -> _Asked:
        times = self.times.setdefault((opening.camera, opening.stream), [])
        return _Asked(times, opening.clock, lambda: opening.stream is self.refused)


class _Bench:
    """Two cameras of two streams each, and people who come and go."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.source = FakeClock(), _Source()
        text = "".join(
            f'[cameras.{name}]\nsource = "asked://door/main"\nsub = "asked://{name}/sub"\ndetection.detector = "off"\n'
            for name in (DOOR, YARD)
        )
        chosen = settings(text)
        self.running = RecorderRuntime.open(chosen, folder, self.clock, PluginRegistry({"asked": self.source}, {}))
        self.engine = InlineEngine(self.clock, lambda part, error: None)
        self.running.parts.recorder.start(self.running.parts.engine)
        parts = replace(self.running.parts.services, engine=self.engine, ingest=self.engine)
        self.running.parts.cameras.now = {
            CameraId(name): RunningCamera(CameraId(name), camera, parts, 0) for name, camera in chosen.cameras.items()
        }
        self.viewers = ViewerCounts(self.running.watched)

    def pause_s(self, camera: CameraId, stream: StreamName, over_s: float = 2.0) -> float:
        """The longest between two looks at it from now on."""
        times = self.source.times[(camera, stream)]
        self.engine.run_for(SLOW_S)  # what it was told of has been taken up
        times.clear()
        self.engine.run_for(over_s)
        return max(later - earlier for earlier, later in pairwise(times))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[_Bench]:
    made = _Bench(tmp_path)
    made.engine.run_for(1.0)
    yield made
    made.running.close("person")


def pauses(bench: _Bench) -> list[float]:
    return [round(bench.pause_s(name, stream), 3) for name in (DOOR, YARD) for stream in StreamName]


def test_nobody_watches(bench: _Bench) -> None:
    assert pauses(bench) == [SLOW_S] * 4


def test_only_the_stream_that_is_watched_is_read_every_twenty_milliseconds_or_sooner(bench: _Bench) -> None:
    with bench.viewers.one_more(YARD, StreamName.MAIN):
        told = pauses(bench)
    assert 0.01 <= told[2] <= QUICK_S
    assert [told[0], told[1], told[3]] == [SLOW_S] * 3


@pytest.mark.parametrize("leave", [lambda bench: None, lambda bench: bench.engine.run_for(LINGER_S / 2)])
def test_who_leaves_and_comes_back_changes_nothing(bench: _Bench, leave: Callable[[_Bench], None]) -> None:
    for _ in range(3):
        with bench.viewers.one_more(DOOR, StreamName.SUB):
            bench.engine.run_for(0.5)
        leave(bench)
    assert bench.pause_s(DOOR, StreamName.SUB) <= QUICK_S


def test_some_time_after_the_last_has_left_it_is_read_rarely_again(bench: _Bench) -> None:
    with bench.viewers.one_more(DOOR, StreamName.MAIN):
        with bench.viewers.one_more(DOOR, StreamName.MAIN):
            bench.engine.run_for(1.0)
        bench.engine.run_for(2 * LINGER_S)
        assert bench.pause_s(DOOR, StreamName.MAIN) <= QUICK_S
    bench.engine.run_for(LINGER_S)
    assert bench.pause_s(DOOR, StreamName.MAIN) == pytest.approx(SLOW_S)


def test_a_camera_that_gives_nothing_is_offline_in_the_end(bench: _Bench) -> None:
    """No error comes of a source that hangs."""
    camera = bench.running.parts.cameras.now[DOOR]
    bench.clock.advance(41)
    camera.look_after()
    assert camera.status.state is CameraState.OFFLINE


@pytest.fixture
def told(bench: _Bench) -> dict[int, str]:
    """Gaps of the yard, which delivers, by their begin: ms since then."""
    gaps, camera, begin_ms = dict[int, str](), bench.running.parts.cameras.now[YARD], bench.clock.now_ms()
    for packet in numbered(video(count=3)):
        camera.hubs[StreamName.MAIN].append(replace(packet, at_ms=begin_ms))
    camera.coverage.begun(begin_ms)

    def put(message: GapChanged) -> None:
        end_ms = message.gap.end_ms
        ends = "" if end_ms is None else f", {end_ms - message.gap.begin_ms} ms"
        gaps[message.gap.begin_ms - begin_ms] = f"{gap_text(message.gap)}{ends}"

    bench.running.parts.services.bus.subscribe(GapChanged, put)
    return gaps


STOOD_STILL = "tawny wasn't running: computer asleep or overloaded"


@pytest.mark.parametrize(
    ("steps", "why"),
    [([60.0], STOOD_STILL), ([1.0] * 6, "Video stopped (no video for more than 5 s)")],
    ids=["the computer slept", "the camera stopped"],
)
def test_a_pause_of_the_computer_is_not_said_to_be_the_cameras(
    bench: _Bench, told: dict[int, str], steps: list[float], why: str
) -> None:
    camera = bench.running.parts.cameras.now[YARD]
    camera.look_after()
    for step_s in steps:
        bench.clock.advance(step_s)
        camera.look_after()
    assert told == {0: why}


def test_a_camera_that_does_not_answer_after_a_pause_of_the_computer_is_said_to_from_then_on(
    bench: _Bench, told: dict[int, str]
) -> None:
    camera = bench.running.parts.cameras.now[YARD]
    camera.look_after()
    begin_ms = bench.clock.now_ms()
    bench.clock.advance(60)
    camera.coverage.over(begin_ms)
    camera.failed(StreamName.MAIN, SourceStalled("yard", "no data"))
    assert told == {0: f"{STOOD_STILL}, 60000 ms", 60_000: "Video stopped (no data)"}


UNRECORDED = CameraDuty(record="off", state=CameraState.MODE_OFF, reason=GapReason.MODE, detail="away")


@pytest.mark.parametrize("came", [0, 20])
def test_a_video_file_that_ended_is_said_to_have_when_a_mode_records_it_again(bench: _Bench, came: int) -> None:
    """Also if its last pictures came just before."""
    camera = bench.running.parts.cameras.now[DOOR]
    was = camera.duty
    camera.take_duty(UNRECORDED)
    for packet in numbered(video(count=came)):
        camera.hubs[StreamName.MAIN].append(packet)
    camera.failed(StreamName.MAIN, SourceFinished("clip.mp4"))
    camera.take_duty(was)
    assert camera.status.state is CameraState.ENDED


def test_why_a_camera_failed_before_it_connected_again_is_not_said(bench: _Bench) -> None:
    camera = bench.running.parts.cameras.now[DOOR]
    was = camera.duty
    camera.take_duty(UNRECORDED)
    camera.failed(StreamName.MAIN, SourceUnreachable("door"))
    camera.connected(StreamName.MAIN, {})
    camera.take_duty(was)
    assert camera.status.state is CameraState.STARTING


REFUSED = SourceRefused("asked://door/main")


@pytest.mark.parametrize(
    ("name", "main", "waits"),
    [(DOOR, REFUSED, True), (DOOR, SourceUnreachable("door"), False), (YARD, REFUSED, False)],
    ids=["as its main stream", "the main stream isn't refused", "at another host"],
)
def test_a_refused_sub_stream_is_not_tried_while_its_main_stream_is_refused(
    bench: _Bench, name: CameraId, main: SourceError, *, waits: bool
) -> None:
    bench.running.parts.cameras.now[name].failed(StreamName.MAIN, main)
    bench.source.refused = StreamName.SUB
    tries = bench.source.times[(name, StreamName.SUB)]
    tries.clear()
    bench.engine.run_for(60)
    assert (len(tries) == 1) == waits


def test_a_main_stream_is_tried_while_its_sub_stream_is_refused(bench: _Bench) -> None:
    bench.running.parts.cameras.now[DOOR].failed(StreamName.SUB, REFUSED)
    bench.source.refused = StreamName.MAIN
    tries = bench.source.times[(DOOR, StreamName.MAIN)]
    tries.clear()
    bench.engine.run_for(60)
    assert len(tries) > 1


def test_a_refused_sub_stream_is_tried_at_once_when_its_main_stream_plays(bench: _Bench) -> None:
    camera = bench.running.parts.cameras.now[DOOR]
    camera.failed(StreamName.MAIN, REFUSED)
    bench.source.refused = StreamName.SUB
    bench.engine.run_for(1.0)
    tries = bench.source.times[(DOOR, StreamName.SUB)]
    tries.clear()
    camera.connected(StreamName.MAIN, {})
    bench.engine.run_for(SLOW_S)
    assert len(tries) == 1
