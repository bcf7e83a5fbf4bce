"""A detector that gets no pictures for a minute says so in the camera's state; one that gets them never does."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from tawny.detection.decode_pipeline import DecodeGate, GateMode
from tawny.detection.detector import Detector
from tawny.detection.motion import MotionDetector
from tawny.detection.watcher import BLIND
from tawny.model.observations import Frame, Look
from tawny.model.packets import SourcePacket
from tawny.testing.clock import FakeClock
from tests.detection.bench import Bench, Counting
from tests.detection.camera import Camera, encoded
from tests.support.scenes import SyntheticScene


@cache
def quiet() -> tuple[SourcePacket, ...]:
    """Three minutes in which nothing happens."""
    return encoded(SyntheticScene(1, 180.0))


Damage = Callable[[SourcePacket], SourcePacket]


class Slow(Counting):
    looks_a_second = 1 / 45


def unreadable(packet: SourcePacket) -> SourcePacket:
    """Slices of another picture type and size: the decoder takes none of them."""
    return replace(packet, data=b"\x00\x00\x00\x10\x65" + b"\xff" * 15)


def empty(packet: SourcePacket) -> SourcePacket:
    return replace(packet, data=b"")


def packets(damage: Damage, begin_s: float, end_s: float) -> list[SourcePacket]:
    """Ruined from begin_s to end_s."""
    return [damage(one) if begin_s <= one.pts / 90_000 < end_s else one for one in quiet()]


@pytest.mark.parametrize("damage", [unreadable, empty])
@pytest.mark.parametrize("detector", [MotionDetector, Counting])
@pytest.mark.parametrize("mode", GateMode)
def test_a_minute_without_a_picture_is_said_and_its_end_too(
    damage: Damage, detector: type[MotionDetector | Counting], mode: GateMode
) -> None:
    clock = FakeClock()
    made: Detector = MotionDetector({}) if detector is MotionDetector else Counting()
    bench = Bench(made, Camera(clock, packets(damage, 0, 100), keep_s=20.0), clock=clock, gate=DecodeGate(mode))
    bench.run(58)
    assert (bench.looks, bench.troubles) == ([], [])
    bench.run(10)
    assert bench.troubles == [BLIND]
    bench.run(40)
    assert bench.looks
    assert bench.troubles == [BLIND, ""]


@pytest.mark.parametrize("detector", [MotionDetector({}), Counting(), Slow()])
@pytest.mark.parametrize("mode", GateMode)
def test_who_gets_pictures_says_nothing(detector: Detector, mode: GateMode) -> None:
    clock = FakeClock()
    bench = Bench(detector, Camera(clock, quiet(), keep_s=20.0), clock=clock, gate=DecodeGate(mode))
    bench.run(180)
    assert bench.looks
    assert bench.troubles == []
    assert bench.idle_ms == []


@pytest.mark.parametrize("damage", [unreadable, empty])
@pytest.mark.parametrize("detector", [MotionDetector, Counting])
@pytest.mark.parametrize("mode", GateMode)
def test_the_sink_is_told_the_time_soon_after_the_last_picture(
    damage: Damage, detector: type[MotionDetector | Counting], mode: GateMode
) -> None:
    """An event that is open then ends, although packets arrive."""
    clock = FakeClock()
    made: Detector = MotionDetector({}) if detector is MotionDetector else Counting()
    bench = Bench(made, Camera(clock, packets(damage, 20, 100), keep_s=20.0), clock=clock, gate=DecodeGate(mode))
    bench.run(40)
    assert 28_000 <= bench.idle_ms[0] - bench.begun_ms <= 32_000
    assert bench.idle_ms[-1] == pytest.approx(clock.now_ms(), abs=1000)
    bench.run(62)
    result = len(bench.idle_ms)
    bench.run(20)
    assert len(bench.idle_ms) == result


class Late(Counting):
    """Takes 3 s for each picture."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def look(self, frame: Frame) -> Look:
        self._clock.advance(3.0)
        return super().look(frame)


def test_a_detector_that_is_only_late_is_not_one_without_pictures() -> None:
    clock = FakeClock()
    bench = Bench(Late(clock), Camera(clock, quiet(), keep_s=20.0), clock=clock)
    bench.run(170)
    assert bench.watcher.notes["skipped"] > 0
    assert bench.idle_ms == []


def test_a_camera_that_is_offline_for_an_hour_is_not_a_detector_without_pictures() -> None:
    clock = FakeClock()
    late = [replace(one, pts=one.pts + 3600 * 90_000 * (one.pts >= 60 * 90_000)) for one in quiet()]
    bench = Bench(None, Camera(clock, late, keep_s=20.0), clock=clock)
    bench.run(3600 + 120)
    assert bench.troubles == []
