"""The watcher behind the gate: what it decodes, and that nothing is lost by it."""

import itertools
import random
from typing import Any, cast

import pytest

from tawny.detection.decode_pipeline import MISSED, DecodeGate, GateMode
from tawny.detection.motion import MotionDetector
from tawny.detection.watcher import LATE_S
from tawny.media.codec.decoder import DecodedFrame, Decoder
from tawny.model.messages import Scored
from tawny.model.observations import Frame
from tawny.model.packets import Packet, SourcePacket
from tawny.testing.clock import FakeClock
from tests.detection.bench import Bench, Counting
from tests.detection.camera import Camera, encoded, walker
from tests.support.scenes import SyntheticScene, person


class Deaf:
    """A gate set wrong on purpose: at a glance it sees nothing, ever, after the first half minute."""

    def __init__(self) -> None:
        self._inner, self._glances = MotionDetector({}), 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def glance(self, frame: Frame) -> bool:
        self._glances += 1
        return self._glances < 8 and self._inner.glance(frame)


def watched(
    packets: tuple[SourcePacket, ...], seconds: float, gate: DecodeGate, detector: MotionDetector | None = None
) -> Bench:
    clock = FakeClock()
    bench = Bench(detector or MotionDetector({}), Camera(clock, packets, keep_s=20.0), clock=clock, gate=gate)
    bench.run(seconds)
    bench.watcher.close()
    return bench


def starts_s(bench: Bench) -> list[float]:
    """When what it saw began."""
    since_ms = {thing.since_ms for _, look in bench.looks for thing in look.seen}
    return sorted((ms - bench.begun_ms) / 1000 for ms in since_ms if ms is not None)


def balanced(seed: int = 1) -> DecodeGate:
    return DecodeGate(GateMode.BALANCED, random.Random(seed))


def test_while_nothing_happens_only_keyframes_are_decoded() -> None:
    bench = watched(walker(), 19, balanced())
    asleep = [ms for at_ms, _ in bench.looks if 12_000 < (ms := at_ms - bench.begun_ms) < 18_100]
    assert asleep == [14_000, 16_000, 18_000]


def test_keyframes_that_come_often_are_not_all_decoded() -> None:
    bench = watched(walker(gop_s=1.0), 19, balanced())
    asleep = [ms for at_ms, _ in bench.looks if 12_000 < (ms := at_ms - bench.begun_ms) < 18_100]
    assert [b - a for a, b in itertools.pairwise(asleep)] == [2000] * (len(asleep) - 1)
    assert bench.watcher.notes["slept"] >= 5


def test_who_comes_between_keyframes_that_are_passed_over_is_seen_from_the_same_moment() -> None:
    packets = walker(gop_s=1.0)
    whole, gated = (
        watched(packets, 41, DecodeGate(GateMode.THOROUGH)),
        watched(packets, 41, DecodeGate(GateMode.FRUGAL, random.Random(1))),
    )
    assert starts_s(gated) == pytest.approx(starts_s(whole), abs=0.2)


def test_who_walks_by_is_seen_from_the_same_moment_as_when_all_is_decoded() -> None:
    whole, gated = watched(walker(), 41, DecodeGate(GateMode.THOROUGH)), watched(walker(), 41, balanced())
    assert starts_s(gated) == pytest.approx(starts_s(whole), abs=0.2)
    assert gated.watcher.notes["looks"] < 0.75 * whole.watcher.notes["looks"]


@pytest.mark.parametrize("at_s", [19.0, 21.5, 25.0])
def test_a_watcher_without_time_for_some_seconds_loses_nobody_who_came_meanwhile(at_s: float) -> None:
    clock = FakeClock()
    bench = Bench(MotionDetector({}), Camera(clock, walker(), keep_s=20.0), clock=clock, gate=balanced())
    bench.run(at_s)
    clock.advance(LATE_S - 2)
    bench.run(41 - LATE_S + 2 - at_s)
    assert starts_s(bench) == pytest.approx([20.0], abs=0.3)
    assert bench.watcher.notes["skipped"] == 0


def test_asleep_a_longer_pause_costs_nothing_either() -> None:
    clock = FakeClock()
    bench = Bench(MotionDetector({}), Camera(clock, walker(), keep_s=20.0), clock=clock, gate=balanced())
    bench.run(19.0)
    clock.advance(LATE_S + 5)  # somebody comes, and is gone again
    bench.run(10)
    assert starts_s(bench) == pytest.approx([20.0], abs=0.3)
    assert bench.watcher.notes["skipped"] == 0


def test_looks_come_in_order_also_when_it_goes_back_through_the_ring() -> None:
    bench = watched(walker(), 41, balanced())
    times_ms = [at_ms for at_ms, _ in bench.looks]
    assert times_ms == sorted(set(times_ms))


def test_who_goes_back_through_the_ring_decodes_no_keyframe_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    decode = Decoder.decode

    def noted(self: Decoder, packet: Packet) -> list[DecodedFrame]:
        decoded.append(packet.number)
        return decode(self, packet)

    monkeypatch.setattr(Decoder, "decode", noted)
    bench = watched(walker(), 41, balanced())
    assert starts_s(bench) == pytest.approx([20.0], abs=0.3)
    assert len(decoded) == len(set(decoded))


def test_every_second_asleep_has_its_score() -> None:
    bench = watched(walker(), 20, balanced())
    seconds = [m.second_ms for m in bench.told if isinstance(m, Scored)]
    assert seconds == list(range(seconds[0], seconds[0] + 1000 * len(seconds), 1000))
    assert len(seconds) >= 19


def test_a_detector_that_cannot_glance_gets_every_picture() -> None:
    counting = Counting()
    Bench(counting).run(20)
    assert len(counting.frames) == pytest.approx(100, abs=3)


@pytest.mark.parametrize(("asks", "gets"), [(2.5, 50), (0.0, 100)])
def test_a_detector_gets_as_many_looks_as_it_asks_for(asks: float, gets: int) -> None:
    counting = Counting()
    counting.looks_a_second = asks
    Bench(counting).run(20)
    assert len(counting.frames) == pytest.approx(gets, abs=3)


def test_with_keyframes_far_apart_every_picture_is_looked_at() -> None:
    bench = watched(walker(gop_s=8.0), 20, balanced())
    assert bench.watcher.notes["looks"] == pytest.approx(100, abs=3)


def test_who_passes_between_two_keyframes_wakes_it_by_the_size_of_packets() -> None:
    scene = SyntheticScene(1, 56)
    scene.walk([(50.2, 20, 95, 60), (51.8, 160, 95, 60)], person, 60)
    bench = watched(encoded(scene), 57, DecodeGate(GateMode.BALANCED, _Never()))
    assert starts_s(bench) == pytest.approx([50.2], abs=0.5)


def test_when_the_camera_falls_silent_its_last_pictures_are_looked_at() -> None:
    scene = SyntheticScene(1, 31.6)
    scene.walk([(30.2, 20, 95, 60), (31.8, 160, 95, 60)], person, 25)
    clock = FakeClock()
    bench = Bench(MotionDetector({}), Camera(clock, encoded(scene)), clock=clock, gate=balanced())
    bench.run(36)
    assert bench.looks[-1][0] - bench.begun_ms == 31_400


def test_what_a_gate_set_wrong_misses_is_found_by_the_audit_and_told() -> None:
    scene = SyntheticScene(1, 150)
    for begin_s in range(30, 140, 16):
        scene.walk([(begin_s, 20, 90, 45), (begin_s + 10, 170, 90, 45)], person, 45)
    gate = DecodeGate(GateMode.BALANCED, _Often())
    bench = watched(encoded(scene), 151, gate, cast(MotionDetector, Deaf()))
    assert bench.watcher.notes["misses"] == 2
    assert bench.troubles == [MISSED]
    last_ms = [at_ms for at_ms, _ in bench.looks][-50:]
    assert last_ms[-1] - last_ms[0] == 49 * 200  # awake for good


def test_a_gate_that_misses_nothing_stays_trusted() -> None:
    gate = DecodeGate(GateMode.BALANCED, _Often())
    bench = watched(walker(), 41, gate)
    assert bench.watcher.notes["audits"] > 0
    assert bench.troubles == []


class _Never(random.Random):
    def random(self) -> float:
        return 1.0


class _Often(random.Random):
    """One group in three."""

    asked = 0

    def random(self) -> float:
        self.asked += 1
        return 1.0 if self.asked % 3 else 0.0
