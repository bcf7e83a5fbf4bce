"""Times of pictures and sound: on one scale, without jumps, sound where its picture is, whatever the clocks do."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from tawny.protocols.rtp import SenderReport
from tawny.sources.rtsp.client.timestamp_aligner import TimestampAligner, TrackTimeline

RATE, SAMPLES, FPS = 16_000, 1024, 15
UTC_S = 1_790_000_000.0


@dataclass
class Camera:
    """Two clocks of its own, and one on the wall that may be set. All times are seconds of the true clock."""

    placing: TimestampAligner
    video_ppm: float = 0.0
    sound_ppm: float = 0.0
    first_time: int = 0xFFFF0000
    """RTP's, of both tracks: it goes round soon."""
    wall_off_s: float = 0.0
    reports: bool = True
    delay_s: float = 0.0
    jitter_s: float = 0.0
    sound_late_s: float = 0.0
    sound_report: Callable[[SenderReport], SenderReport] = lambda report: report
    """What its reports of sound say instead."""
    set_s: float = 0.0
    """By how much the clock of its stamps was set, of both tracks."""
    tick_s: float = 0.0
    """What comes is only noticed so often."""

    def __post_init__(self) -> None:
        self._luck = random.Random(7)
        self.off_s: list[tuple[float, float]] = []
        """By how much sound was placed late against the pictures, and when."""
        self.video_off_s: list[float] = []
        self.sounds: list[int] = []

    def run(self, begin_s: float, end_s: float) -> None:
        """Events of both tracks in the order of their arrival."""
        frame_s = SAMPLES / RATE
        events = [(self._arrival(at_s), "picture", at_s) for at_s in _every(1 / FPS, begin_s, end_s)]
        events += [(self._arrival(at_s) + self.sound_late_s, "sound", at_s) for at_s in _every(frame_s, begin_s, end_s)]
        for at_s in _every(5.0, begin_s, end_s) if self.reports else ():
            events.append((self._arrival(at_s), "video report", at_s))
            events.append((self._arrival(at_s + 0.4), "sound report", at_s + 0.4))
        for arrival_s, what, at_s in sorted(events):
            self._event(arrival_s, what, at_s)

    def _arrival(self, at_s: float) -> float:
        arrival_s = at_s + self.delay_s + self._luck.random() * self.jitter_s
        return math.ceil(arrival_s / self.tick_s) * self.tick_s if self.tick_s else arrival_s

    def _event(self, arrival_s: float, what: str, at_s: float) -> None:
        video = round((at_s + self.set_s) * 90_000 * (1 + self.video_ppm / 1e6))
        sound = round((at_s + self.set_s) * RATE * (1 + self.sound_ppm / 1e6))
        if what == "picture":
            at = self.placing.picture_at(video, self._time(video), arrival_s, is_anew=False)
            self._video_line = at / 90_000 - at_s  # where the scale is against the truth
            self.video_off_s.append(self._video_line)
        elif what == "sound":
            placed = self.placing.sound_at(sound, self._time(sound), SAMPLES, arrival_s, is_anew=False)
            if placed is not None:
                self.off_s.append((at_s, placed / RATE - at_s - self._video_line))
                self.sounds.append(placed)
        elif what == "video report":
            self._report(arrival_s, at_s, video, is_video=True)
        else:
            self._report(arrival_s, at_s, sound, is_video=False)

    def _report(self, arrival_s: float, at_s: float, ticks: int, *, is_video: bool) -> None:
        report = SenderReport(1, UTC_S + at_s + self.wall_off_s, self._time(ticks))
        self.placing.report(report if is_video else self.sound_report(report), arrival_s, is_video=is_video)

    def _time(self, ticks: int) -> int:
        return (self.first_time + ticks) & 0xFFFFFFFF

    def worst_off_s(self, after_s: float = 0.0) -> float:
        return max(abs(off_s) for at_s, off_s in self.off_s if at_s >= after_s)


def _every(step_s: float, begin_s: float, end_s: float) -> list[float]:
    return [number * step_s for number in range(math.ceil(begin_s / step_s), math.ceil(end_s / step_s))]


@pytest.mark.parametrize("ppm", [(0.0, 0.0), (200.0, -200.0), (-200.0, 200.0)])
@pytest.mark.parametrize("tick_s", [0.0, 0.097])
def test_two_hours_keep_sound_at_its_picture(ppm: tuple[float, float], tick_s: float) -> None:
    camera = Camera(TimestampAligner(RATE), *ppm, jitter_s=0.03, delay_s=0.01, tick_s=tick_s)
    luck = random.Random(2)
    for minute in range(0, 120, 20):  # its clock is set now and then
        camera.run(minute * 60.0, minute * 60.0 + 1200)
        camera.wall_off_s += luck.choice((-5.0, -0.4, 0.3, 2.0, 3600.0))
    assert camera.worst_off_s(after_s=20.0) < 0.04
    assert camera.placing.cut + camera.placing.padded <= 2
    assert camera.placing.video.jumps == camera.placing.sound.jumps == 0


def test_without_reports_sound_stays_within_what_arrivals_tell() -> None:
    camera = Camera(TimestampAligner(RATE), 200.0, -200.0, reports=False, jitter_s=0.02, tick_s=0.019)
    camera.run(0, 3600)
    assert camera.worst_off_s() < 0.3


@pytest.mark.parametrize("late_s", [0.5, 1.5, 1.9])
def test_sound_that_comes_late_is_put_right_by_the_reports(late_s: float) -> None:
    camera = Camera(TimestampAligner(RATE), sound_late_s=late_s)
    camera.run(0, 60)
    assert camera.worst_off_s(after_s=20.0) < 0.04
    assert camera.placing.cut == 0, "none of it is lost"


def test_silence_that_reports_demand_is_no_jump() -> None:
    camera = Camera(TimestampAligner(RATE))
    camera.sound_report = lambda report: replace(report, time=(report.time - round(0.8 * RATE)) & 0xFFFFFFFF)
    camera.run(0, 60)
    assert (camera.placing.padded, camera.placing.sound.jumps) == (1, 0)
    assert camera.off_s[-1][1] == pytest.approx(0.8, abs=0.02)
    assert all(before < after for before, after in pairwise(camera.sounds))


def test_reports_of_another_world_are_not_believed() -> None:
    camera = Camera(TimestampAligner(RATE))
    camera.run(0, 20)
    for at_s in range(20, 60, 5):
        camera.placing.report(SenderReport(1, UTC_S + at_s, 12345), float(at_s), is_video=True)
        camera.placing.report(SenderReport(1, UTC_S + at_s, 99999999), float(at_s), is_video=False)
        camera.reports = False
        camera.run(at_s, at_s + 5)
    assert camera.worst_off_s() < 0.1
    assert camera.placing.cut == 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda report: replace(report, utc_s=report.utc_s + 3600),  # of another clock
        lambda report: replace(report, time=(report.time + 5 * RATE) & 0xFFFFFFFF),
        lambda report: replace(report, time=0),
    ],
)
def test_wrong_reports_are_no_worse_than_none(wrong: Callable[[SenderReport], SenderReport]) -> None:
    camera = Camera(TimestampAligner(RATE), sound_ppm=-1000.0, jitter_s=0.02, sound_report=wrong)
    camera.run(0, 1800)
    assert camera.worst_off_s(after_s=60.0) < 0.3


def test_where_reports_end_sound_stays_where_they_put_it() -> None:
    camera = Camera(TimestampAligner(RATE), sound_late_s=0.5, sound_ppm=-200.0)
    camera.run(0, 300)
    camera.reports = False
    camera.run(300, 3600)
    assert camera.worst_off_s(after_s=20.0) < 0.3


@pytest.mark.parametrize("tick_s", [0.0, 0.173])
@pytest.mark.parametrize("set_s", [5.0, 0.8, -0.8, -5.0, 3600.0])
def test_a_clock_that_is_set_moves_neither_pictures_nor_sound(set_s: float, tick_s: float) -> None:
    camera = Camera(TimestampAligner(RATE), reports=False, jitter_s=0.02, sound_late_s=0.03, tick_s=tick_s)
    camera.run(0, 20)
    camera.set_s = set_s
    camera.run(20, 60)
    assert max(map(abs, camera.video_off_s)) < 0.05
    assert camera.worst_off_s() < 0.25, "what is known without reports"
    assert abs(camera.off_s[-1][1] - camera.off_s[0][1]) < 0.05
    assert all(before < after for before, after in pairwise(camera.sounds))


@pytest.mark.parametrize("set_s", [-0.4, -0.3, 0.3])
def test_a_clock_that_is_set_a_little_keeps_sound_at_its_picture(set_s: float) -> None:
    camera = Camera(TimestampAligner(RATE))
    camera.run(0, 20)
    camera.set_s = set_s
    camera.run(20, 120)
    assert camera.worst_off_s(after_s=20.5) < 0.35, "the reports of the two come one after the other"
    assert camera.worst_off_s(after_s=30.0) < 0.15
    assert camera.worst_off_s(after_s=85.0) < 0.04
    assert all(before < after for before, after in pairwise(camera.sounds))


def test_a_network_that_stands_is_no_jump() -> None:
    """Nothing for four seconds; then what the camera still had, without the middle of it."""
    camera = Camera(TimestampAligner(RATE), jitter_s=0.02, sound_late_s=0.03)
    camera.run(0, 20)
    camera.delay_s = 4.0
    camera.run(20, 20.5)
    camera.delay_s = 0.01
    camera.run(24.45, 60)
    assert camera.placing.video.jumps == camera.placing.sound.jumps == 0
    assert max(map(abs, camera.video_off_s)) < 0.001
    assert camera.worst_off_s() < 0.04


def test_uneven_stamps_of_sound_stay_in_order_and_at_their_pictures() -> None:
    camera, luck = Camera(TimestampAligner(RATE)), random.Random(3)
    for at_s in _every(SAMPLES / RATE, 0, 120):
        video, sound = round(at_s * 90_000), round((at_s + luck.random() * 0.09) * RATE)
        camera.placing.picture_at(video, video, at_s, is_anew=False)
        camera.sounds.append(camera.placing.sound_at(sound, sound, SAMPLES, at_s, is_anew=False) or 0)
    assert all(before < after for before, after in pairwise(camera.sounds))
    assert camera.placing.sound.jumps == camera.placing.cut == 0
    assert camera.sounds[-1] / RATE == pytest.approx(120, abs=0.2)


def test_b_frames_that_come_later_are_believed_from_the_second_time_on() -> None:
    """At five pictures a second, three of them step back by 0.6 s."""
    steps, at = [(n * 18_000, n * 0.2) for n in range(30)], 30
    for _ in range(40):
        steps += [((at + place) * 18_000, (at + n) * 0.2) for n, place in enumerate((3, 1, 0, 2))]
        at += 4
    assert placed(steps)[-1] - steps[-1][0] <= 90_000


def placed(steps: list[tuple[int, float]], *, is_anew: bool = False) -> list[int]:
    """Places of pictures with these ticks and arrivals."""
    placing = TimestampAligner()
    return [placing.picture_at(ticks, ticks & 0xFFFFFFFF, at_s, is_anew=is_anew) for ticks, at_s in steps]


def test_pictures_keep_their_distances() -> None:
    assert placed([(0, 0.0), (6000, 0.3), (12_000, 0.301)]) == [0, 6000, 12_000]


def test_steps_back_of_b_frames_are_kept() -> None:
    assert placed([(0, 0.0), (18_000, 0.07), (6000, 0.13), (12_000, 0.2)]) == [0, 18_000, 6000, 12_000]


@pytest.mark.parametrize("jump", [-5 * 90_000, 3600 * 90_000])
def test_after_a_jump_a_picture_stands_where_it_arrived(jump: int) -> None:
    assert placed([(0, 0.0), (jump, 0.1), (jump + 6000, 0.15)]) == [0, 9000, 15_000]


def test_a_clock_that_stands_is_replaced_by_arrivals() -> None:
    assert placed([(0, 0.0), (0, 0.1), (0, 0.1), (0, 0.3)]) == [0, 9000, 9001, 27_001]


def test_a_slow_camera_that_catches_up_does_not_jump() -> None:
    """A frame a second, six seconds late at first: each step is long, and none is of its clock."""
    line = TrackTimeline(90_000)
    arrivals = [(second, min(6.0 + second, max(9.8 + second / 20, second + 0.1))) for second in range(30)]
    placed = [line.place(second * 90_000, at_s, is_anew=False) for second, at_s in arrivals]
    assert [b - a for a, b in pairwise(placed)] == [90_000] * 29
    assert line.jumps == 0


def test_a_long_silence_is_no_jump() -> None:
    assert placed([(0, 0.0), (60 * 90_000, 60.0)]) == [0, 60 * 90_000]


Times = Callable[[float], float]


def leads(
    stamp: Times,
    arrival: Times = lambda at_s: at_s + 0.02,
    *,
    seconds: int = 60,
    fps: int = 15,
    poll_s: float = 0.4,
    has_reports: bool = True,
) -> list[float]:
    """By how much frames were placed late, in s, with these stamps and arrivals of what was taken at a time."""
    placing, found, comes_s = TimestampAligner(), [], 0.0
    for number in range(seconds * fps):
        at_s = number / fps
        comes_s = max(comes_s, arrival(at_s))
        ticks, now_s = round(stamp(at_s) * 90_000), math.ceil(comes_s / poll_s) * poll_s
        at = placing.picture_at(ticks, ticks, now_s, is_anew=False)
        if has_reports and number % (5 * fps) == 0:
            placing.report(SenderReport(1, 1_700_000_000 + at_s, ticks), now_s, is_video=True)
        found.append(at / 90_000 - at_s)
    return found


@pytest.mark.parametrize("step_s", [2 / 15, 0.5, 1.0])
def test_stamps_that_several_frames_share_run_no_faster(step_s: float) -> None:
    found = leads(lambda at_s: math.floor(at_s / step_s + 1e-6) * step_s, poll_s=0.373)
    assert max(map(abs, found[30:])) < 0.2, "the first seconds teach it the interval"


def test_a_stall_moves_no_stamps_that_frames_share() -> None:
    found = leads(lambda at_s: math.floor(at_s), lambda at_s: 40.0 if 20.5 < at_s < 40 else at_s + 0.02)
    assert max(map(abs, found[30:])) < 0.3


def test_a_single_stamp_far_ahead_moves_nothing_from_the_second_second_on() -> None:
    found = leads(lambda at_s: at_s + 5 * (round(at_s * 15) % 30 == 29))
    assert max(found) < 0.1


@pytest.mark.parametrize("rate", [1.2, 2.0, 3.0])
def test_stamps_faster_than_time_lead_by_a_backlog_at_most(rate: float) -> None:
    found = leads(lambda at_s: rate * at_s, seconds=240)
    assert max(found) < 20 * rate
    assert max(found[-15:]) < 3


@pytest.mark.parametrize("rate", [0.04, 0.5, 0.8, 0.9])
def test_stamps_slower_than_time_lag_by_a_backlog_at_most(rate: float) -> None:
    found = leads(lambda at_s: rate * at_s, seconds=400)
    assert min(found) > min(-22.0, -26 * (1 - rate))
    assert min(found[-15:]) > -0.4


@pytest.mark.parametrize("rate", [0.5, 2.0])
def test_without_reports_wrong_stamps_are_seen_a_minute_later(rate: float) -> None:
    found = leads(lambda at_s: rate * at_s, seconds=400, has_reports=False)
    assert max(map(abs, found)) < 65 * max(1, rate)
    assert max(map(abs, found[-15:])) < 3


def test_stamps_that_become_right_again_are_used_as_they_are() -> None:
    found = leads(lambda at_s: at_s / 2 if at_s < 100 else at_s - 50, seconds=240)
    assert found[-1] == pytest.approx(found[-300], abs=1e-4)
    assert abs(found[-1]) < 0.3


@pytest.mark.parametrize(
    "late_s",
    [
        lambda at_s: 8.0 if at_s < 20 else max(0.0, 8.0 - (at_s - 20) / 2),  # a backlog at the beginning
        lambda at_s: min(9.0, max(0.0, at_s - 20) / 4),  # a network that is too slow, and fills what a camera keeps
        lambda at_s: max(0.0, 60.0 - at_s) if 5 < at_s < 60 else 0.0,  # a minute comes at once
        lambda at_s: max(0.0, 30 - (at_s - 10) / 2) if at_s > 10 else 0.0,  # a stall, and what it left comes slowly
        lambda at_s: max(0.0, 20.0 - at_s / 2),  # a backlog of 20 s at the beginning, that comes twice as fast
        lambda at_s: min(25.0, max(0.0, (at_s - 20) / 4)) if at_s < 110 else 0.0,  # too slow for long, then all at once
    ],
)
@pytest.mark.parametrize("has_reports", [True, False])
def test_a_slow_network_changes_no_stamp(late_s: Times, has_reports: bool) -> None:
    found = leads(lambda at_s: at_s, lambda at_s: at_s + late_s(at_s), seconds=120, has_reports=has_reports)
    assert max(map(abs, found)) < 1e-4


def test_reports_between_few_frames_contradict_nothing() -> None:
    """A frame every 4 s, over a line that is too slow for it."""
    placing, found = TimestampAligner(), []
    for number in range(100):
        at_s = 4.0 * number
        ticks, now_s = round(at_s * 90_000), at_s + min(30.0, max(0.0, at_s - 20) / 4)
        found.append(placing.picture_at(ticks, ticks, now_s, is_anew=False) - ticks)
        placing.report(SenderReport(1, 1_700_000_000 + at_s + 2.5 * (number % 2), ticks), now_s, is_video=True)
    assert set(found) == {0}


def test_b_frames_keep_their_order_while_stamps_run_at_another_rate() -> None:
    placing, found = TimestampAligner(), []
    for number in range(200 * 15):
        shown = number + (2, -1, -1)[number % 3]  # I P B B in the order in which they come
        at_s = number / 15
        ticks, now_s = round(shown * 3000), math.ceil(at_s / 0.4) * 0.4
        found.append((ticks, placing.picture_at(ticks, ticks, now_s, is_anew=False)))
        if number % 75 == 0:
            placing.report(SenderReport(1, 1_700_000_000 + at_s, ticks), now_s, is_video=True)
    places = [place for _, place in sorted(found)]
    assert all(earlier < later for earlier, later in pairwise(places))
    assert abs(places[-1] / 90_000 - 200) < 1


def test_what_comes_at_once_after_a_line_that_was_too_slow_is_not_placed_in_the_future() -> None:
    """Longer than relays buffer, and without reports: it looks as if the stamps ran slower."""

    def arrival(at_s: float) -> float:
        return at_s + 0.02 if at_s < 20 else min(20 + (at_s - 20) / 0.3, max(at_s, 160.0)) + 0.02

    placing, ahead_s = TimestampAligner(), []
    for number in range(240 * 15):
        at_s = number / 15
        now_s = math.ceil(arrival(at_s) / 0.4) * 0.4
        at = placing.picture_at(round(at_s * 90_000), round(at_s * 90_000), now_s, is_anew=False)
        ahead_s.append(at / 90_000 - now_s)
    assert max(ahead_s) < 1


def sound_offs(rate: float, *, is_heard: Callable[[float], bool] = lambda at_s: True) -> list[float]:
    """By how much sound whose stamps run at this rate was placed late, in s, over a minute."""
    placing, found = TimestampAligner(8000), []
    for number in range(60 * 15):
        at_s = number / 15
        now_s = math.ceil(at_s / 0.1) * 0.1
        placing.picture_at(number * 6000, number * 6000, now_s, is_anew=False)
        if is_heard(at_s):
            ticks = round(number * 533 * rate)
            placed = placing.sound_at(ticks, ticks, 533, now_s, is_anew=False)
            if placed is not None:
                found.append(placed / 8000 - number * 533 / 8000)
    return found


@pytest.mark.parametrize("rate", [0.5, 0.9, 2.0, 90 / 8])
def test_sound_stamped_at_another_rate_is_counted_by_its_samples(rate: float) -> None:
    found = sound_offs(rate)
    assert max(map(abs, found[-300:])) < 0.35
    assert len(found) > 700, "most of it is kept"


def test_silence_that_is_not_sent_is_no_wrong_rate() -> None:
    assert max(map(abs, sound_offs(1.0, is_heard=lambda at_s: at_s % 4 < 2))) < 0.05
