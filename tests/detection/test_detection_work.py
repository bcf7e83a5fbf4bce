"""Whether detection works is known from what the watcher does, with the reason if it does not."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import ClassVar

import pytest

from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.motion import MotionDetector
from tawny.detection.watcher import FAULT_S, RECENT_S, DetectionWork
from tawny.model.observations import Frame, Look
from tawny.model.packets import SourcePacket
from tawny.model.states import DetectionFault
from tawny.testing.clock import FakeClock
from tests.detection.bench import Bench, Counting
from tests.detection.camera import Camera, encoded
from tests.support.scenes import SyntheticScene


@cache
def quiet() -> tuple[SourcePacket, ...]:
    """Four minutes in which nothing happens."""
    return encoded(SyntheticScene(1, 240.0))


class Slow(Counting):
    """Takes 12 s for each frame while `is_slow`."""

    name: ClassVar[str] = "slow"

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock, self.is_slow = clock, True

    def look(self, frame: Frame) -> Look:
        if self.is_slow:
            self._clock.advance(12)
        return super().look(frame)


def damaged(begin_s: float, end_s: float) -> list[SourcePacket]:
    def of(packet: SourcePacket) -> SourcePacket:
        return replace(packet, data=b"") if begin_s <= packet.pts / 90_000 < end_s else packet

    return [of(one) for one in quiet()]


@pytest.mark.parametrize("mode", GateMode)
def test_a_quiet_camera_is_watched(mode: GateMode) -> None:
    """Also while the gate sleeps, and skips keyframes."""
    clock = FakeClock()
    work = DetectionWork(clock)
    bench = Bench(
        MotionDetector({}), Camera(clock, quiet(), keep_s=20.0), clock=clock, gate=DecodeGate(mode), work=work
    )
    while clock.now_ms() < bench.begun_ms + 200_000:
        bench.run(1)
        assert work.fault() is None


def test_video_that_cannot_be_decoded_is_a_fault_until_it_can() -> None:
    clock = FakeClock()
    work = DetectionWork(clock)
    bench = Bench(Counting(), Camera(clock, damaged(20, 100), keep_s=20.0), clock=clock, work=work)
    bench.run(19 + FAULT_S)
    assert work.fault() is None
    bench.run(5)
    assert work.fault() is DetectionFault.UNDECODABLE
    bench.run(100 - 24 - FAULT_S + 5)
    assert work.fault() is None


def test_no_video_at_all_is_another_fault() -> None:
    clock = FakeClock()
    work = DetectionWork(clock)
    bench = Bench(Counting(), Camera(clock, quiet()[:100], keep_s=20.0), clock=clock, work=work)
    bench.run(FAULT_S)
    assert work.fault() is None
    bench.run(30)
    assert work.fault() is DetectionFault.NO_FRAMES


def test_a_detector_that_skips_most_of_the_video_is_too_slow_until_it_keeps_up() -> None:
    clock = FakeClock()
    work = DetectionWork(clock)
    slow = Slow(clock)
    bench = Bench(slow, Camera(clock, quiet(), keep_s=20.0), clock=clock, work=work)
    bench.run(RECENT_S + 20)
    assert bench.watcher.notes["skipped"] > 0
    assert work.fault() is DetectionFault.TOO_SLOW
    slow.is_slow = False
    bench.run(RECENT_S + 5)
    assert work.fault() is None


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        (lambda work: None, DetectionFault.STARVED),
        (lambda work: work.steps(), DetectionFault.NO_FRAMES),
        (lambda work: (work.steps(), work.takes(10, 0)), DetectionFault.UNDECODABLE),
        (lambda work: (work.steps(), work.works()), None),
        (lambda work: (work.restarted(), work.restarted()), DetectionFault.CRASHED),
    ],
)
def test_each_fault_has_its_sign(what: Callable[[DetectionWork], object], fault: DetectionFault | None) -> None:
    clock = FakeClock()
    work = DetectionWork(clock)
    clock.advance(FAULT_S + 1)
    what(work)
    assert work.fault() is fault


def test_one_restart_is_no_fault_and_two_are_forgotten() -> None:
    clock = FakeClock()
    work = DetectionWork(clock)
    work.restarted()
    assert work.fault() is None
    work.restarted()
    assert work.fault() is DetectionFault.CRASHED
    for _ in range(round(RECENT_S) + 1):
        clock.advance(1)
        work.steps()
        work.works()
    assert work.fault() is None


def test_a_detector_that_looks_once_a_minute_gets_its_time() -> None:
    clock = FakeClock()
    work = DetectionWork(clock)
    work.begins(1 / 60)
    clock.advance(3 * FAULT_S)
    assert work.fault() is None
    clock.advance(2 * FAULT_S)
    assert work.fault() is DetectionFault.STARVED
