"""The watcher: packets of a camera to looks, scores and skips."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from tawny.detection.motion import MotionDetector
from tawny.model.geometry import Orientation
from tawny.model.ids import RunId
from tawny.model.messages import Scored
from tawny.model.observations import Frame, Look
from tawny.testing.clips import ClipSpec, made_clip
from tawny.testing.clock import FakeClock
from tests.detection.bench import PORCH, Bench, Counting
from tests.detection.camera import Camera, walker


def test_somebody_who_walks_by_is_seen_while_they_are_there() -> None:
    bench = Bench(MotionDetector({}))
    bench.run(40)
    seen_ms = [at_ms - bench.begun_ms for at_ms, look in bench.looks if look.seen]
    assert seen_ms[0] == pytest.approx(21_000, abs=1000)
    since_ms = next(look.seen[0].since_ms for _, look in bench.looks if look.seen)
    assert since_ms is not None
    assert since_ms - bench.begun_ms == pytest.approx(20_000, abs=600)


def test_it_looks_five_times_a_second_at_the_times_of_the_pictures() -> None:
    bench = Bench()
    bench.run(10)
    assert [at_ms - bench.begun_ms for at_ms, _ in bench.looks][:25] == [200 * n for n in range(25)]


def test_it_tells_the_greatest_score_of_each_second() -> None:
    bench = Bench()
    bench.run(10)
    scored = [message for message in bench.told if isinstance(message, Scored)]
    assert scored[:3] == [Scored(PORCH, bench.begun_ms + 1000 * n, 5 * n + 5) for n in range(3)]
    assert bench.scores[:2] == [(bench.begun_ms, 1), (bench.begun_ms + 200, 2)]


def test_it_wakes_up_at_most_five_times_a_second() -> None:
    assert Bench().watcher.step() >= 0.2


def test_when_it_is_late_it_goes_on_at_the_newest_keyframe_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.run(2)
    bench.clock.advance(9.1)
    with caplog.at_level(logging.WARNING):
        bench.run(2)
    late = [at_ms - bench.begun_ms for at_ms, _ in bench.looks if at_ms > bench.begun_ms + 2200]
    assert late[0] == 10_000
    assert bench.watcher.notes["skipped"] >= 35
    assert "too busy" in caplog.text


def test_what_fell_out_of_the_ring_is_counted() -> None:
    clock = FakeClock()
    bench = Bench(None, Camera(clock, keep_s=4.0), clock=clock)
    bench.run(2)
    bench.clock.advance(20)
    bench.run(1)
    assert bench.watcher.notes["skipped"] >= 70  # the ring still has the last keyframes, and those are looked at
    assert bench.looks[-1][0] > bench.begun_ms + 20_000


def test_a_new_run_and_a_new_format_go_on_with_the_same_detector() -> None:
    clock = FakeClock()
    counting = Counting()
    bench = Bench(counting, Camera(clock, [*walker(4), *_later(walker(4, scale=3), 6)]), clock=clock)
    bench.run(5)
    bench.cameras[0].run = RunId("second")
    bench.run(7)
    assert [shape for _, shape in counting.frames] == [(216, 384)] * 20 + [(324, 576)] * 20


def test_a_reconnect_keeps_what_the_detector_knows() -> None:
    bench = Bench(MotionDetector({}))
    camera = bench.cameras[0]
    bench.run(14)
    camera.sends = False
    bench.run(4)
    camera.sends, camera.run = True, RunId("second")
    bench.run(14)
    assert any(look.seen for _, look in bench.looks)


def test_damaged_packets_are_counted_and_watching_goes_on_at_the_next_keyframe() -> None:
    clock = FakeClock()
    packets = [replace(p, data=p.data[:-7]) if 12 <= n < 18 else p for n, p in enumerate(walker(10))]
    bench = Bench(None, Camera(clock, packets), clock=clock)
    bench.run(10)
    assert bench.watcher.notes["errors"] >= 1
    looked = {(at_ms - bench.begun_ms) // 200 for at_ms, _ in bench.looks}
    assert looked >= {*range(12), *range(20, 45)}


def test_when_the_small_stream_is_silent_the_large_one_is_watched_until_it_is_back() -> None:
    clock = FakeClock()
    small, large = Camera(clock, walker(40)), Camera(clock, walker(40, scale=3))
    counting = Counting()
    bench = Bench(counting, small, large, clock=clock)
    bench.run(5)
    small.sends = False
    bench.run(15)
    assert counting.frames[-1][1] == (324, 576)
    small.sends, small.run = True, RunId("second")
    bench.run(5)
    assert counting.frames[-1][1] == (216, 384)


def test_while_nothing_comes_its_sink_is_told_the_time() -> None:
    clock = FakeClock()
    bench = Bench(None, Camera(clock, []), clock=clock)
    bench.run(1)
    assert bench.idle_ms[-1] == pytest.approx(bench.clock.now_ms(), abs=500)


def test_closing_lets_go_of_the_ring_and_tells_the_last_second() -> None:
    bench = Bench()
    bench.run(3)
    bench.watcher.close()
    assert bench.closed
    assert isinstance(bench.told[-1], Scored)


class Failing(Counting):
    """Raises at every look from the tenth on."""

    def look(self, frame: Frame) -> Look:
        look = super().look(frame)
        if look.score >= 10:
            raise ValueError("out of memory")
        return look


def test_closing_after_an_error_of_the_detector_ends_everything_although_it_fails_again() -> None:
    """The decoder holds back frames, which the detector gets on closing."""
    clock = FakeClock()
    packets = made_clip(ClipSpec(b_frames=2)).packets
    bench = Bench(Failing(), Camera(clock, [one for one in packets if one.is_video]), clock=clock)
    with pytest.raises(ValueError, match="out of memory"):
        bench.run(4)
    with pytest.raises(ValueError, match="out of memory"):
        bench.watcher.close()
    assert bench.closed
    assert isinstance(bench.told[-1], Scored)


def _later(packets: tuple[Any, ...], by_s: int) -> list[Any]:
    return [replace(packet, pts=packet.pts + by_s * 90_000) for packet in packets]


def _turned(packets: Any, orientation: Orientation, from_s: float = 0.0) -> list[Any]:
    return [
        replace(one, format=replace(one.format, orientation=orientation)) if one.pts >= from_s * 90_000 else one
        for one in packets
    ]


@pytest.mark.parametrize(
    ("orientation", "grows"),
    [
        (Orientation(0), (1, 0)),
        (Orientation(90), (0, 1)),
        (Orientation(270), (0, -1)),
        (Orientation(0, mirror=True), (-1, 0)),
    ],
    ids=str,
)
def test_boxes_are_where_things_are_shown(orientation: Orientation, grows: tuple[int, int]) -> None:
    """Somebody walks from left to right in the image as the camera sends it."""
    clock = FakeClock()
    camera = Camera(clock, _turned(walker(), orientation))
    bench = Bench(MotionDetector({}), camera, clock=clock, orientation=orientation)
    bench.run(40)
    boxes = [look.seen[0].box for _, look in bench.looks if look.seen]
    first, last = boxes[3], boxes[-4]
    moved = [(last[axis] + last[axis + 2] - first[axis] - first[axis + 2]) / 2 for axis in (0, 1)]
    assert [round(each) for each in moved] == [round(0.8 * each) for each in grows]


def test_what_is_not_turned_yet_is_not_looked_at() -> None:
    clock, upside_down = FakeClock(), Orientation(180)
    camera = Camera(clock, _turned(walker(10), upside_down, from_s=4.0))
    bench = Bench(None, camera, clock=clock, orientation=upside_down)
    bench.run(10)
    assert bench.looks[0][0] - bench.begun_ms == 4000
