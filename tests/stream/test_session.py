"""Runs and times: what a camera's clock may do, and what comes out."""

import random
from itertools import pairwise

import pytest

from tawny.model.geometry import UPRIGHT, Orientation
from tawny.model.ids import CameraId, StreamName
from tawny.model.messages import Message, RunEnded, RunStarted
from tawny.model.packets import AudioFormat, Packet, SourcePacket, VideoFormat
from tawny.stream.hub import Hub
from tawny.stream.session import CLOCK_SET, StreamSession
from tawny.testing.clock import FakeClock

VIDEO = VideoFormat("h264", 640, 360, (b"\x67", b"\x68"))
SOUND = AudioFormat("aac", 48_000, 1, b"\x11\x88")
FPS, GOP = 10, 20
TICKS = 90_000 // FPS


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.hub = Hub(keep_s=1e6, max_bytes=10**9)
        self.heard: list[Message] = []
        self.session = StreamSession(CameraId("door"), StreamName.MAIN, self.hub, self.clock, self.heard.append)
        self.sent = 0

    def send(self, count: int = 1, *, base: int = 0, every_s: float = 1 / FPS, step: int = TICKS) -> None:
        for _ in range(count):
            self.session.feed(picture(self.sent, base + self.sent * step))
            self.sent += 1
            self.clock.advance(every_s)

    def out(self) -> list[Packet]:
        self.session.settle()
        return self.hub.recent(back_s=1e9)

    def runs(self) -> list[str]:
        return [m.why for m in self.heard if isinstance(m, RunEnded)]


def picture(number: int, pts: int) -> SourcePacket:
    return SourcePacket(VIDEO, f"picture {number}".encode(), pts, is_keyframe=number % GOP == 0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_run_begins_with_a_keyframe_at_zero(bench: Bench) -> None:
    bench.session.feed(picture(1, 500))
    bench.send(30, base=12_345)
    out = bench.out()
    assert [p.pts for p in out] == [n * TICKS for n in range(30)]
    assert out[0].is_keyframe


def test_the_run_is_told_with_the_instant_of_its_first_picture(bench: Bench) -> None:
    start_ms = bench.clock.now_ms()
    bench.send(30)
    started = bench.heard[0]
    assert isinstance(started, RunStarted)
    assert started.at_ms == pytest.approx(start_ms, abs=2)
    assert started.at_ms == bench.out()[0].at_ms


def test_a_burst_from_the_cameras_buffer_is_not_taken_for_the_present(bench: Bench) -> None:
    start_ms = bench.clock.now_ms()
    bench.send(15, every_s=0.0)  # 1.5 s of pictures at once: they were taken before
    bench.send(30)
    assert bench.out()[14].at_ms == pytest.approx(start_ms, abs=110)
    assert bench.out()[0].at_ms == pytest.approx(start_ms - 1400, abs=110)


def test_a_picture_that_comes_twice_is_given_once(bench: Bench) -> None:
    bench.send(10)
    bench.session.feed(picture(9, 9 * TICKS))
    bench.send(5)
    assert [p.data for p in bench.out()] == [f"picture {n}".encode() for n in range(15)]


def test_b_frames_keep_their_times(bench: Bench) -> None:
    for number, place in enumerate([0, 3, 1, 2, 6, 4, 5, 9, 7, 8]):
        bench.session.feed(picture(number, place * TICKS))
        bench.clock.advance(1 / FPS)
    assert [p.pts // TICKS for p in bench.out()] == [0, 3, 1, 2, 6, 4, 5, 9, 7, 8]


@pytest.mark.parametrize("jump_s", [-5, 3600, -3600, 47_266])
def test_a_jump_of_the_cameras_clock_loses_nothing(bench: Bench, jump_s: int) -> None:
    bench.send(25)
    bench.send(25, base=jump_s * 90_000)
    out = bench.out()
    assert len(out) == 50
    assert out[25].pts - out[24].pts == pytest.approx(TICKS, abs=2)
    assert [p.at_ms for p in out] == sorted(p.at_ms for p in out)
    bench.session.end("closed")
    assert bench.session.jumps == 1


def test_a_standing_clock_is_replaced_by_arrival(bench: Bench) -> None:
    bench.send(10)
    for number in range(10, 20):
        bench.session.feed(picture(number, 9 * TICKS))
        bench.clock.advance(1 / FPS)
    times = [p.pts for p in bench.out()]
    assert len(times) == 20
    assert times == sorted(set(times))
    assert times[-1] == pytest.approx(19 * TICKS, abs=TICKS)


@pytest.mark.parametrize("back_s", [0.4, 0.43])
def test_sound_never_steps_back_and_stays_at_its_picture(bench: Bench, back_s: float) -> None:
    for number in range(40):
        off_s = -back_s if number >= 20 else 0.0  # after four pictures: they stand where others stood
        bench.session.feed(picture(number, 90_000 + number * TICKS + round(off_s * 90_000)))
        bench.session.feed(SourcePacket(SOUND, f"sound {number}".encode(), round((1 + number / FPS + off_s) * 48_000)))
        bench.clock.advance(1 / FPS)
    out = bench.out()
    sound, pictures = [p.pts for p in out if not p.is_video], [p.pts for p in out if p.is_video]
    assert all(before < after for before, after in pairwise(sound))
    assert len(set(pictures)) == len(pictures) == 40
    assert sound[-1] / 48_000 == pytest.approx(pictures[-1] / 90_000, abs=0.001)


def test_sound_shares_the_pictures_zero(bench: Bench) -> None:
    base_s = 100
    for number in range(20):
        bench.session.feed(picture(number, base_s * 90_000 + number * TICKS))
        bench.session.feed(SourcePacket(SOUND, f"sound {number}".encode(), base_s * 48_000 + number * 4800))
        bench.clock.advance(1 / FPS)
    sound = [p for p in bench.out() if not p.is_video]
    assert [p.pts for p in sound] == [n * 4800 for n in range(20)]


def test_sound_from_before_the_first_picture_is_left_out(bench: Bench) -> None:
    bench.session.feed(picture(0, 90_000))
    bench.session.feed(SourcePacket(SOUND, b"early", 40_000))
    bench.session.feed(SourcePacket(SOUND, b"in time", 50_000))
    bench.clock.advance(1)
    assert [p.data for p in bench.out()] == [b"picture 0", b"in time"]


def send_both(bench: Bench, seconds: float, ahead_s: float, late_s: float = 0.0, begin_s: float = 0.0) -> None:
    """Send video and sound in the order of their arrival. ahead_s: of the sound's stamps; late_s: of its arrival."""
    count = round(seconds * FPS)
    sounds = [(n / FPS + late_s, SourcePacket(SOUND, b"sound %d" % n, round((begin_s + n / FPS + ahead_s) * 48_000)))
              for n in range(count)]  # fmt: skip
    pictures = [(n / FPS, picture(n, round((begin_s + n / FPS) * 90_000))) for n in range(count)]
    begun_s = bench.clock.mono_s()
    for came_s, packet in sorted([*pictures, *sounds], key=lambda one: one[0]):
        bench.clock.advance(max(0.0, begun_s + came_s - bench.clock.mono_s()))
        bench.session.feed(packet)


def sound_behind_s(bench: Bench) -> float:
    """How far behind its picture the newest sound is."""
    newest = {packet.is_video: (int(packet.data.split()[1]), packet.at_ms) for packet in bench.out()}
    (picture_number, picture_ms), (sound_number, sound_ms) = newest[True], newest[False]
    return (sound_ms - picture_ms) / 1000 - (sound_number - picture_number) / FPS


@pytest.mark.parametrize("ahead_s", [3600, 45, 5, -5, -45])
def test_sound_with_another_zero_is_placed_by_its_arrival(bench: Bench, ahead_s: float) -> None:
    send_both(bench, 20, ahead_s)
    assert sound_behind_s(bench) == pytest.approx(0, abs=0.05)
    assert sum(not packet.is_video for packet in bench.out()) >= 185


@pytest.mark.parametrize("late_s", [0.3, 2.0])
def test_sound_that_is_sent_later_than_its_picture_stays_at_it(bench: Bench, late_s: float) -> None:
    send_both(bench, 20, 0.0, late_s)
    assert sound_behind_s(bench) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("first", [0, 30])
def test_sound_that_follows_the_pictures_of_its_fragment_stays_at_them(bench: Bench, first: int) -> None:
    """first: the picture with which the run begins."""
    for fragment in range(3):
        numbers = range(fragment * 40, fragment * 40 + 40)
        for number in (one for one in numbers if one >= first):
            bench.session.feed(SourcePacket(VIDEO, b"picture %d" % number, number * TICKS, number % 10 == 0))
        for number in numbers:
            bench.session.feed(SourcePacket(SOUND, b"sound %d" % number, number * 4800))
        bench.clock.advance(4)
    assert sound_behind_s(bench) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("begin_s", [0.0, 24.0])
def test_sound_after_a_fragment_of_twelve_seconds_stays_at_its_pictures(bench: Bench, begin_s: float) -> None:
    """begin_s: when the sound begins. It was moved by the length of the fragment, and then ignored."""
    for fragment in range(4):
        numbers = range(fragment * 120, fragment * 120 + 120)
        for number in numbers:
            bench.session.feed(SourcePacket(VIDEO, b"picture %d" % number, number * TICKS, number % 10 == 0))
        for number in (one for one in numbers if one >= begin_s * 10):
            bench.session.feed(SourcePacket(SOUND, b"sound %d" % number, number * 4800))
        bench.clock.advance(12)
    assert sound_behind_s(bench) == pytest.approx(0, abs=0.01)


def test_sound_between_a_key_frame_and_the_frames_of_a_buffer_stays_at_its_picture(bench: Bench) -> None:
    """The sound of now, 5 s ahead, comes before the frames between: it was moved to the key frame."""
    bench.session.feed(SourcePacket(VIDEO, b"picture 0", 0, is_keyframe=True))
    bench.session.feed(SourcePacket(SOUND, b"sound 50", 50 * 4800))
    for number in range(1, 51):
        bench.session.feed(SourcePacket(VIDEO, b"picture %d" % number, number * TICKS))
    for number in range(51, 71):
        bench.clock.advance(0.1)
        bench.session.feed(SourcePacket(VIDEO, b"picture %d" % number, number * TICKS))
        bench.session.feed(SourcePacket(SOUND, b"sound %d" % number, number * 4800))
    assert sound_behind_s(bench) == pytest.approx(0, abs=0.01)


def test_sound_that_begins_late_with_another_zero_is_placed_by_its_arrival(bench: Bench) -> None:
    for number in range(300):
        bench.session.feed(SourcePacket(VIDEO, b"picture %d" % number, number * TICKS, number % 10 == 0))
        if number >= 200:
            bench.session.feed(SourcePacket(SOUND, b"sound %d" % number, (number - 200) * 4800))
        bench.clock.advance(0.1)
    assert sound_behind_s(bench) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("ahead_s", [2.0, 3600.0])
def test_the_time_of_a_run_is_that_of_its_pictures(bench: Bench, ahead_s: float) -> None:
    start_ms = bench.clock.now_ms()
    send_both(bench, 5, ahead_s)
    assert next(packet for packet in bench.out() if packet.is_video).at_ms == pytest.approx(start_ms, abs=5)


@pytest.mark.parametrize("late_s", [0.4, -0.4])
def test_an_encoder_that_starts_again_leaves_the_sound_at_its_picture(bench: Bench, late_s: float) -> None:
    send_both(bench, 10, 0.0)
    for number in range(3):
        bench.clock.advance(1.0)
        send_both(bench, 10, 0.0, late_s, begin_s=5000.0 * (number + 1))
        assert sound_behind_s(bench) == pytest.approx(0, abs=0.02)


def test_setting_the_wall_clock_begins_a_new_run_at_the_next_keyframe_and_loses_nothing(bench: Bench) -> None:
    bench.send(25)
    bench.clock.jump_utc(3600)
    bench.send(35)
    out = bench.out()
    assert len(out) == 60
    assert bench.runs() == ["clock"]
    assert out[40].is_keyframe
    assert out[40].run != out[39].run
    assert out[40].at_ms - out[39].at_ms == pytest.approx(3_600_100, abs=20)


def test_the_end_of_a_connection_ends_the_run_at_its_last_picture(bench: Bench) -> None:
    bench.send(25)
    bench.session.end("closed")
    ended = bench.heard[-1]
    assert isinstance(ended, RunEnded)
    assert (ended.why, ended.at_ms) == ("closed", bench.out()[-1].at_ms)


def test_sound_that_goes_on_without_video_is_no_part_of_the_run(bench: Bench) -> None:
    """The time without video has its reason: the gap begins at the last picture."""
    bench.send(25)
    last_ms = bench.out()[-1].at_ms
    for number in range(50):
        bench.session.feed(SourcePacket(SOUND, b"sound", (number + 25) * 4800))
        bench.clock.advance(0.1)
    bench.session.end("stalled")
    ended = bench.heard[-1]
    assert isinstance(ended, RunEnded)
    assert ended.at_ms == last_ms


def test_nothing_is_lost_when_the_connection_ends_at_once(bench: Bench) -> None:
    bench.send(2, every_s=0.01)
    bench.session.end("closed")
    assert len(bench.out()) == 2


def test_numbers_go_on_over_runs(bench: Bench) -> None:
    bench.send(20)
    bench.session.end("closed")
    bench.send(20)
    assert [p.number for p in bench.out()] == list(range(40))


@pytest.mark.parametrize("ppm", [-200, 200])
def test_utc_follows_the_truth_over_two_hours_of_drift_and_jitter(bench: Bench, ppm: int) -> None:
    chance = random.Random(7)
    worst_ms = 0.0
    for number in range(7200):
        true_ms = bench.clock.now_ms()
        delay_s = 0.02 + chance.expovariate(1 / 0.03)
        bench.clock.advance(delay_s)
        bench.session.feed(picture(number * GOP, round(number * 90_000 * (1 + ppm / 1e6))))
        bench.clock.advance(1 - delay_s)
        if number > 30:
            newest = bench.hub.newest
            assert newest is not None
            worst_ms = max(worst_ms, abs(newest.at_ms - true_ms))
    assert worst_ms < 100


@pytest.mark.parametrize(("warm_up_s", "first"), [(0.0, 0), (2.0, 20), (2.5, 40)])
def test_of_the_warm_up_nothing_is_recorded_and_it_begins_with_each_connection(warm_up_s: float, first: int) -> None:
    bench = Bench()
    bench.session = StreamSession(
        CameraId("door"), StreamName.MAIN, bench.hub, bench.clock, bench.heard.append, warm_up_s
    )
    bench.send(60)
    assert [p.data for p in bench.out()] == [f"picture {n}".encode() for n in range(first, 60)]
    bench.session.end("source_lost")
    bench.send(60)
    assert len(bench.out()) == 2 * (60 - first)


def test_a_clock_that_is_set_begins_no_warm_up() -> None:
    bench = Bench()
    bench.session = StreamSession(CameraId("door"), StreamName.MAIN, bench.hub, bench.clock, bench.heard.append, 2.0)
    bench.send(40)
    bench.session.end(CLOCK_SET)
    bench.send(40)
    assert len(bench.out()) == 60


def test_a_new_orientation_begins_with_a_keyframe(bench: Bench) -> None:
    bench.send(GOP + 5)
    bench.session.orientation = Orientation(90, mirror=True)
    bench.send(GOP)
    shown = [packet.format.orientation for packet in bench.out() if isinstance(packet.format, VideoFormat)]
    assert shown == [UPRIGHT] * 2 * GOP + [Orientation(90, mirror=True)] * 5
    assert bench.runs() == []
