"""Timestamp alignment: puts a connection's video and audio on one continuous timeline.

RTP timestamps define distances. After a jump, the arrival time decides. Where they run at another rate than the
arrivals, video follows the arrivals, and audio the number of its samples. Video and audio timestamps are related by
sender reports, and by arrival times without those.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from tawny.model.packets import VIDEO_RATE
from tawny.protocols.rtp import ReplayMark, SenderReport, read_replay_mark, signed_step

BACK_S, AHEAD_S = 1.0, 10.0
"""A step outside these limits is a jump of the camera's clock; smaller backward steps are B-frames."""
_JUMP_S = 0.5
"""The same once the delays of a track are known.

A step ahead is then a jump if the unit's delay would be smaller than any before, which no stall of the network causes.
A step back is one unless B-frames step back half as far.
"""
_RISE = 0.0005
"""Rate at which the smallest delay seen rises, as a share of elapsed time: clocks drift."""
_PAIR_S = 0.12
"""Tolerance between report distance and arrival distance for two reports of one clock.

A camera's clock may have been set between them, and arrivals are only seen at polls.
"""
_REPORT_S = 30.0
"""Validity of a report, in seconds."""
_SLIDE = 0.002
"""Rate of gradual audio correction, as a share of elapsed time; inaudible."""
_FINE_S = 0.004
"""Smaller audio offsets are not corrected."""
_STEP_S = 0.15
"""Larger audio offsets are corrected in one step if that inserts silence; otherwise audio speeds up first."""
_HURRY, _HURRY_S = 0.05, 0.6
"""Rate of faster correction, as a share of elapsed time; and the delay in seconds above which audio is cut."""
_ARRIVALS_OFF_S = 0.2
"""Arrival times are imprecise: only larger offsets are corrected by them."""
_ABSURD_S = 2.0
"""Reports that contradict the arrival times by more are ignored."""
_LEARN = 0.001
"""Share of a difference between reports and arrival times that counts for later, at each audio frame."""
_SETTLED_S, _WINDOW_S = 3.0, 20.0
_BURST_S = 1.0
"""A connection may begin with buffered frames in this time, whose steps prove nothing."""
_STANDS_S = 2.0
"""A timestamp that stands for longer is a stopped clock; cameras stamp pairs of frames, or whole seconds."""


@dataclass(slots=True)
class TrackTimeline:
    """One track: maps unwrapped RTP ticks to ticks of the connection."""

    rate: int
    is_sound: bool = False
    """Audio never steps back."""
    shift: int = 0
    newest: int | None = None
    """The latest timestamp assigned."""
    arrived_s: float = 0.0
    jumps: int = 0
    _begun_s: float = 0.0
    _ticks: int = 0
    """Of the unit before."""
    _usual: int = 0
    """Ticks between the newest units; 0: unknown."""
    _least_s: float = 0.0
    """Smallest delay: arrival time minus position."""
    _deepest_s: float = 0.0
    """Largest step back."""
    _stood: int = 0
    """Number of units since the timestamp last moved on."""
    _moved: int = 0
    """Place of the unit that it moved on with."""

    def place(self, ticks: int, now_s: float, *, is_anew: bool) -> int:
        """Return the unit's timestamp; its arrival time if the camera's clock jumped or stopped.

        Never repeats a value.
        """
        at = ticks + self.shift
        if self.newest is None:
            self.newest, self.arrived_s, self._begun_s, self._ticks = at, now_s, now_s, ticks
            self._least_s = now_s - at / self.rate
            return at
        passed_s = max(0.0, now_s - self.arrived_s)
        stands, self._ticks = ticks == self._ticks, ticks
        is_behind = self._stood > 0 and self._moved < at <= self.newest and at >= self.newest - _JUMP_S * self.rate
        if (stands or is_behind) and not (is_anew or self.is_sound):
            at = self._stand(passed_s, now_s) if stands else self.newest + 1
            self._stood += 1
            self.newest, self.arrived_s = at, now_s
            return at
        if is_anew or stands or self._is_jump(at, now_s, passed_s):
            self.jumps += not stands
            here = self.newest + max(1, round(passed_s * self.rate))
            if self._usual and not (is_anew or stands) and passed_s < self._usual / self.rate + _JUMP_S:
                here = self.newest + self._usual  # arrivals are less precise
            self.shift += here - at
            at = here
        elif at == self.newest or (self.is_sound and at < self.newest):
            at = self.newest + 1
        elif 0 < at - self.newest < AHEAD_S * self.rate:
            self._usual = (at - self._moved) // (1 + self._stood) if self._stood else at - self.newest
        self._least_s = min(self._least_s + _RISE * passed_s, now_s - at / self.rate)
        if at > self.newest:
            self.newest, self.arrived_s, self._stood = at, now_s, 0
        return at

    def _stand(self, passed_s: float, now_s: float) -> int:
        """Return the place of a unit with the timestamp of the one before. The timestamp probably moves on soon."""
        assert self.newest is not None
        if not self._stood:
            self._moved = self.newest
        if not self._usual or self._stood * self._usual > _STANDS_S * self.rate:
            return self.newest + max(1, round(passed_s * self.rate))
        latest = round((now_s - self._least_s) * self.rate) + self._usual
        return max(self.newest + 1, min(self.newest + self._usual, latest))

    def move(self, ticks: int) -> None:
        """Shift later timestamps. A shift ahead is no step of the camera's clock."""
        assert self.newest is not None
        self.shift += ticks
        self.newest += max(0, ticks)
        self._least_s -= ticks / self.rate

    def _is_jump(self, at: int, now_s: float, passed_s: float) -> bool:
        """Return whether this timestamp follows a step of the camera's clock. passed_s: since the newest unit."""
        assert self.newest is not None
        step_s = (at - self.newest) / self.rate
        is_settled = now_s - self._begun_s >= _SETTLED_S
        if step_s < 0:
            most_s = min(BACK_S, max(_JUMP_S, 2 * self._deepest_s)) if is_settled else BACK_S
            self._deepest_s = max(self._deepest_s, -step_s if step_s >= -BACK_S else 0.0)
            return step_s < -most_s
        if step_s > AHEAD_S + passed_s:
            return True
        is_early = now_s - at / self.rate < self._least_s - _JUMP_S
        is_known = is_settled or (self._usual > 0 and now_s - self._begun_s >= _BURST_S)
        most_s = _JUMP_S if is_settled else _SETTLED_S  # on a slow network, cameras skip frames after the first ones
        return is_known and is_early and step_s > max(most_s + passed_s, 1.5 * self._usual / self.rate)


_MARK_S, _KEPT_S = 1.0, 60.0
"""Delays are compared by the smallest of each second of the last minute."""
_OFF_S = 1.0
"""Change of the delay, in a straight line, from which timestamps count as running at another rate."""
_CROOKED, _CROOKED_S = 0.1, 0.25
"""Largest distance from that line, as a share of the change, or in seconds if that is more."""
_LEAD_MARKS, _LAG_MARKS = 5, 20
"""Minimum number of delays, and of seconds, on that line. No network makes frames earlier, but a backlog may end."""
_BUFFERED_S = 60.0
"""A smaller lag may be that of a slow line; a smaller lead, a backlog with which the connection began."""
_REFUTED_S = 20.0
"""The same where sender reports say that the timestamps are wrong: a line delays both alike, but some relays, and
cameras that send reports first, don't."""
_REPORTED_S, _WRONG = 9.0, 0.03
"""Minimum distance of two reports, in s by the camera's clock, and the deviation of the rate that counts as wrong."""
_LEAST_TICKS = 16
"""Distance of frames that are squeezed: leaves room for B-frames."""
_FALL = 0.02
"""Rate at which the usual delay follows a smaller one, as in `UtcMap`."""
_RETURN_S = 20.0
"""Time constant of the return to the delay before."""
_RIGHT = 0.01
"""Deviation of the rate, within which timestamps are used again."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """The frame with the smallest delay of about a second."""

    begun_s: float
    arrived_s: float
    delay_s: float
    """By the timestamps: arrival time minus position."""
    placed_s: float
    """By the place that it was given."""


class _Pace:
    """Video whose timestamps run faster or slower than time: follows the arrivals, smoothly. Others stay as they are.

    Timestamps are wrong if they move away from the arrivals evenly, and further than cameras and relays buffer.
    """

    def __init__(self) -> None:
        self.pace = 1.0
        """Seconds in a second of the timestamps."""
        self._at: int | None = None
        self._placed = 0
        self._before = 0, 0
        """Timestamp and place of the frame that was the newest before."""
        self._reports: deque[tuple[float, int]] = deque()
        """Times of the last minute by the camera's clock, and the newest timestamp then."""
        self._usual_s = 0.0
        """Delay of frames that came without a backlog, as far as known; that to return to."""
        self._since_s = 0.0
        self._marks: deque[_Mark] = deque()

    def place(self, at: int, now_s: float, *, is_anew: bool) -> int:
        """Return the place of a frame that its timestamp puts at `at`."""
        if self._at is None:
            self._at = self._placed = at
            self._before = at - 1, at - 1
        if is_anew:
            self.pace = 1.0
            self._marks.clear()
            self._reports.clear()
        if at > self._at:
            placed = self._placed + round((at - self._at) * self.pace)
            if self.pace > 1.0:  # if a slow line was the reason, the rest comes at once
                placed = min(placed, round((now_s - self._usual_s + _JUMP_S) * VIDEO_RATE))
            placed = max(placed, self._placed + (1 if self.pace == 1.0 else _LEAST_TICKS))
            self._before = self._at, self._placed
            self._at, self._placed = at, placed
        else:  # a B-frame keeps its order between the two
            from_at, from_placed = self._before
            placed = from_placed + round((at - from_at) * (self._placed - from_placed) / (self._at - from_at))
        self._mark(now_s, now_s - at / VIDEO_RATE, now_s - placed / VIDEO_RATE)
        return placed

    def report(self, utc_s: float) -> None:
        """Take the time by the camera's clock of a sender report."""
        if self._at is None:
            return
        if self._reports and not 0 < utc_s - self._reports[-1][0] < _KEPT_S:
            self._reports.clear()  # its clock was set
        self._reports.append((utc_s, self._at))
        while self._reports[0][0] < utc_s - _KEPT_S:
            self._reports.popleft()

    def _is_refuted(self) -> bool:
        """Return whether the camera's own clock says that its timestamps run at another rate."""
        if not self._reports:
            return False
        (first_s, first), (last_s, last) = self._reports[0], self._reports[-1]
        passed_s, apart_s = last_s - first_s, ((self._at or 0) - self._before[0]) / VIDEO_RATE
        wrong_by_s = abs((last - first) / VIDEO_RATE - passed_s)
        return passed_s >= _REPORTED_S and wrong_by_s > _WRONG * passed_s + 2 * apart_s  # they come between frames

    def _mark(self, now_s: float, delay_s: float, placed_s: float) -> None:
        marks = self._marks
        if not marks or now_s >= marks[-1].begun_s + _MARK_S:
            if marks:
                self._judge()
            marks.append(_Mark(now_s, now_s, delay_s, placed_s))
            while marks[0].begun_s < now_s - _KEPT_S and len(marks) > _LAG_MARKS + 1:
                marks.popleft()
        elif placed_s <= marks[-1].placed_s:
            marks[-1] = _Mark(marks[-1].begun_s, now_s, delay_s, placed_s)

    def _judge(self) -> None:
        """Set the pace, at each new second."""
        marks = list(self._marks)
        if len(marks) == 1:
            self._usual_s = marks[0].placed_s
        off_s = marks[-1].placed_s - self._usual_s
        if self.pace == 1.0:
            passed_s = marks[-1].arrived_s - marks[-2 % len(marks)].arrived_s
            self._usual_s += max(-_FALL * passed_s, min(_RISE * passed_s, off_s))
            least_s = _REFUTED_S if self._is_refuted() else _BUFFERED_S
            if abs(off_s) < least_s or off_s * self._change_s(marks) <= 0:
                return
            self._since_s = marks[-1].arrived_s
        is_long = marks[-1].arrived_s - self._since_s > _LAG_MARKS and len(marks) > _LAG_MARKS
        if is_long and abs(off_s) < _JUMP_S / 2 and abs(_pace_of(marks[-1 - _LAG_MARKS :]) - 1) < _RIGHT:
            self.pace = 1.0
            return
        newest = median(_pace_of(list(pair)) for pair in pairwise(marks[-1 - _LEAD_MARKS :]))  # leaves out a stall
        self.pace = newest * max(0.5, min(1.5, 1 + off_s / _RETURN_S))

    @staticmethod
    def _change_s(marks: list[_Mark]) -> float:
        """Return by how much the delay has just changed, if in a straight line by _OFF_S at least; otherwise 0."""
        last = marks[-1]
        for begun in range(len(marks) - 1 - _LEAD_MARKS, -1, -1):
            change_s = last.delay_s - marks[begun].delay_s
            passed_s = last.arrived_s - marks[begun].arrived_s
            least = _LAG_MARKS if change_s > 0 else _LEAD_MARKS
            if abs(change_s) < _OFF_S or min(passed_s, len(marks) - 1 - begun) < least - _MARK_S / 2:
                continue
            slope, most_s = change_s / passed_s, max(_CROOKED_S, _CROOKED * abs(change_s))
            line = ((mark.delay_s - last.delay_s) - slope * (mark.arrived_s - last.arrived_s) for mark in marks[begun:])
            return change_s if all(abs(off_s) <= most_s for off_s in line) else 0.0
        return 0.0


def _pace_of(marks: list[_Mark]) -> float:
    """Return the seconds in a second of the timestamps, over these marks."""
    passed_s = marks[-1].arrived_s - marks[0].arrived_s
    stated_s = passed_s - (marks[-1].delay_s - marks[0].delay_s)
    return passed_s / max(stated_s, passed_s / 1000)


_FEW_STEPS, _STEPS, _ALIKE = 8, 31, 0.03
"""Least and largest number of audio steps that are compared, and the deviation within which they are alike."""
_MISCOUNT_S = 1.0
"""Difference between timestamps and samples from which the rate of the timestamps may be wrong."""


class _SampleClock:
    """Audio whose timestamps run at another rate than its samples: counts samples. Other ticks stay as they are."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.scale = 1.0
        """Samples of a tick."""
        self._ticks: int | None = None
        self._samples = self._counted = 0
        self._steps: deque[float] = deque(maxlen=_STEPS)
        self._begun: tuple[float, int, int] = 0.0, 0, 0
        """Arrival of the first frame that is compared, its ticks, and the number of samples after it."""

    def count(self, ticks: int, samples: int, now_s: float, *, is_anew: bool) -> int:
        """Return the frame's ticks."""
        if self._ticks is None or is_anew:
            self._counted += ticks - (self._ticks or 0)
            self.scale, self._begun = 1.0, (now_s, ticks, 0)
            self._steps.clear()
        else:
            step = ticks - self._ticks
            self._counted += step if self.scale == 1.0 else round(step * self.scale)
            self._steps.append(step / max(1, self._samples))
            begun_s, first, counted = self._begun
            self._begun = begun_s, first, counted + self._samples
            self._judge(ticks, now_s)
        self._ticks, self._samples = ticks, samples
        return self._counted

    def _judge(self, ticks: int, now_s: float) -> None:
        begun_s, first, counted = self._begun
        wrong_by = abs(ticks - first - counted)
        if self.scale == 1.0 and wrong_by > _MISCOUNT_S * self._rate and len(self._steps) >= _FEW_STEPS:
            step = median(self._steps)
            alike = sum(abs(one - step) <= _ALIKE * step for one in self._steps)
            arrived = (now_s - begun_s) * self._rate
            is_even = step > 0 and abs(step - 1) > _ALIKE and alike > 3 * len(self._steps) / 4
            if is_even and abs(arrived - counted) < wrong_by / 4:  # silence that isn't sent arrives as stated
                self.scale = 1 / step
        elif self.scale != 1.0 and abs(median(self._steps) * self.scale - 1) > _ALIKE:
            self.scale, self._begun = 1.0, (now_s, ticks, 0)
        if now_s - begun_s > _KEPT_S:
            self._begun = now_s, ticks, 0


@dataclass(slots=True)
class _Reported:
    """A track's newest sender report, and the timestamps of its newest unit."""

    rate: int
    utc_s: float = 0.0
    time: int = 0
    arrived_s: float | None = None
    unit_time: int = 0
    unit_at_s: float = 0.0
    """Position on the connection's timeline, in seconds."""

    def utc_of(self, time: int) -> float:
        """Return the camera's UTC at this RTP timestamp, in seconds."""
        return self.utc_s + signed_step(self.time, time) / self.rate


@dataclass(slots=True)
class _Least:
    """Sliding minimum of the delay: arrival time minus position."""

    begun_s: float = 0.0
    _moved_s: float = 0.0
    _delays: deque[tuple[float, float]] = field(default_factory=deque)

    def feed(self, arrived_s: float, at_s: float, window_s: float) -> None:
        delays, delay_s = self._delays, arrived_s - at_s + self._moved_s
        if not delays:
            self.begun_s = arrived_s
        while delays and delays[-1][1] >= delay_s:
            delays.pop()
        delays.append((arrived_s, delay_s))
        while delays[0][0] < arrived_s - window_s:
            delays.popleft()

    def moved(self, by_s: float) -> None:
        """Shift all positions, including earlier ones, by `by_s`."""
        self._moved_s += by_s

    @property
    def delay_s(self) -> float | None:
        return self._delays[0][1] - self._moved_s if self._delays else None


class TimestampAligner:
    """Fed with every unit in order of arrival. now_s: s monotonic. sound_rate: 0 without audio."""

    def __init__(self, sound_rate: int = 0) -> None:
        self._has_sound = sound_rate > 0
        self.video = TrackTimeline(VIDEO_RATE)
        self.sound = TrackTimeline(sound_rate or 8000, is_sound=True)
        self._reports = _Reported(VIDEO_RATE), _Reported(self.sound.rate)
        self._least = _Least(), _Least()
        self._pace, self._samples = _Pace(), _SampleClock(self.sound.rate)
        self._is_begun = False
        self._apart_s = 0.0
        """How much later than by arrival times audio belongs by the reports, if those were right for long."""
        self.cut = self.padded = 0
        """Number of audio cuts and of inserted silences for synchronization."""

    def picture_at(self, ticks: int, time: int, now_s: float, *, is_anew: bool) -> int:
        """Return a frame's timestamp, in 90 kHz ticks. time: RTP timestamp."""
        jumps = self.video.jumps
        at = self._pace.place(self.video.place(ticks, now_s, is_anew=is_anew), now_s, is_anew=is_anew)
        if not self._has_sound:
            return at
        if self.video.jumps != jumps or self._pace.pace != 1.0:
            self._reports[0].arrived_s = None
        self._note(0, time, at, now_s)
        return at

    def begin_sound(self, heard: Iterable[tuple[int, float]]) -> None:
        """Align audio to video by arrival times, using the smallest delay of each track.

        heard: ticks and arrival times of the first audio frames. Requires an earlier video frame.
        """
        picture_s = self._least[0].delay_s
        assert picture_s is not None
        sound_s = min(arrived_s - ticks / self.sound.rate for ticks, arrived_s in heard)
        self.sound.shift = round((sound_s - picture_s) * self.sound.rate)
        self._is_begun = True

    def sound_at(self, ticks: int, time: int, samples: int, now_s: float, *, is_anew: bool) -> int | None:
        """Return an audio frame's timestamp in ticks of its rate; None to drop the frame.

        Requires an earlier video frame.
        """
        line, scale = self.sound, self._samples.scale
        ticks = self._samples.count(ticks, samples, now_s, is_anew=is_anew)
        if self._samples.scale != scale:
            self._least = self._least[0], _Least()  # the delays so far followed from a wrong rate
        if line.newest is None:
            if not self._is_begun:
                self.begin_sound([(ticks, now_s)])
            line.shift += round((self._off_s(time, ticks + line.shift, now_s) or 0.0) * line.rate)
        jumps = line.jumps
        at = line.place(ticks, now_s, is_anew=is_anew)
        if line.jumps != jumps or self._samples.scale != 1.0:
            self._reports[1].arrived_s = None
        self._note(1, time, at, now_s)
        is_held = at != ticks + line.shift  # by a step back
        off_s = None if is_held else self._off_s(time, at, now_s)
        if off_s is None:
            return at
        if off_s > _STEP_S:
            self._move_sound(round(off_s * line.rate))
            self.padded += 1
        elif off_s < -_HURRY_S:
            self._move_sound(-samples)
            line.newest = at - samples
            self.cut += 1
            return None
        elif abs(off_s) > _FINE_S:
            most = max(1, round(samples * (_HURRY if off_s < -_STEP_S else _SLIDE)))
            self._move_sound(max(-most, min(most, round(off_s * line.rate))))
        return at

    def _move_sound(self, ticks: int) -> None:
        self.sound.move(ticks)
        self._least[1].moved(ticks / self.sound.rate)

    def report(self, report: SenderReport, now_s: float, *, is_video: bool) -> None:
        if report.utc_s is None:
            return
        reported = self._reports[0 if is_video else 1]
        if reported.arrived_s is not None and report.utc_s < reported.utc_s - BACK_S:
            reported.arrived_s = None  # its clock was set: earlier reports are invalid
            return
        reported.utc_s, reported.time, reported.arrived_s = report.utc_s, report.time, now_s
        if is_video:
            self._pace.report(report.utc_s)

    def _note(self, which: int, time: int, at: int, now_s: float) -> None:
        reported = self._reports[which]
        at_s = at / reported.rate
        reported.unit_time, reported.unit_at_s = time, at_s
        window_s = _WINDOW_S if self._pace.pace == 1.0 else _SETTLED_S  # older delays are of another pace
        self._least[which].feed(now_s, at_s, window_s)

    def _off_s(self, time: int, at: int, now_s: float) -> float | None:
        """Return how much later than `at` an audio frame belongs, in seconds; None if unknown."""
        by_arrivals_s = self._off_by_arrivals_s(now_s)
        reported_s = self._off_by_reports_s(time, at, now_s)
        if reported_s is not None and by_arrivals_s is None:
            return reported_s
        if reported_s is not None and by_arrivals_s is not None and abs(reported_s - by_arrivals_s) <= _ABSURD_S:
            self._apart_s += (reported_s - by_arrivals_s - self._apart_s) * _LEARN
            return reported_s
        if by_arrivals_s is None or abs(by_arrivals_s + self._apart_s) <= _ARRIVALS_OFF_S:
            return None
        return by_arrivals_s + self._apart_s

    def _off_by_reports_s(self, time: int, at: int, now_s: float) -> float | None:
        video, sound = self._reports
        if video.arrived_s is None or sound.arrived_s is None:
            return None
        if now_s - min(video.arrived_s, sound.arrived_s) > _REPORT_S or not self._is_pair():
            return None
        return video.unit_at_s + sound.utc_of(time) - video.utc_of(video.unit_time) - at / sound.rate

    def _off_by_arrivals_s(self, now_s: float) -> float | None:
        video_s, sound_s = self._least[0].delay_s, self._least[1].delay_s
        if video_s is None or sound_s is None or now_s - self._least[1].begun_s < _SETTLED_S:
            return None
        return sound_s - video_s

    def _is_pair(self) -> bool:
        video, sound = self._reports
        assert video.arrived_s is not None
        assert sound.arrived_s is not None
        return abs((video.utc_s - sound.utc_s) - (video.arrived_s - sound.arrived_s)) < _PAIR_S


# Times of a replay: each frame carries the time at which it was recorded.

_MOST_MARKS = 512


class ReplayTimes:
    """Timestamps of a replay, in the place of `TimestampAligner`: since 1970, by the camera's clock.

    Video and audio share their zero. A frame without a time of its own continues from the last one that has it.
    """

    def __init__(self) -> None:
        self.sound_rate = 8000
        self.video, self.sound = TrackTimeline(VIDEO_RATE), TrackTimeline(8000)
        self.cut = self.padded = 0
        self.newest: ReplayMark | None = None
        """Of the newest frame of the video."""
        self.unmarked = 0
        """Number of frames before the first time."""
        self._marks: tuple[dict[int, ReplayMark], dict[int, ReplayMark]] = {}, {}
        self._last: list[tuple[int, int] | None] = [None, None]
        """Of each track: RTP timestamp and ticks of the last frame with a time."""

    def mark(self, track: int, time: int, view: memoryview, begin: int, end: int) -> None:
        """Process a header extension. track: 0 for video, 1 for audio. time: RTP timestamp."""
        found = read_replay_mark(view, begin, end)
        if found is None:
            return
        marks = self._marks[track]
        marks[time] = found
        while len(marks) > _MOST_MARKS:
            del marks[next(iter(marks))]
        if track == 0:
            self.newest = found

    def picture_at(self, ticks: int, time: int, now_s: float, *, is_anew: bool) -> int:
        """Return the frame's ticks since 1970. time: RTP timestamp."""
        return self._at(0, time, VIDEO_RATE)

    def begin_sound(self, heard: Iterable[tuple[int, float]]) -> None:
        """Do nothing: audio frames carry their times."""

    def sound_at(self, ticks: int, time: int, samples: int, now_s: float, *, is_anew: bool) -> int | None:
        """Return an audio frame's ticks of its rate since 1970; None to drop a frame before the first time."""
        return self._at(1, time, self.sound_rate) if self._last[1] or time in self._marks[1] else None

    def report(self, report: SenderReport, now_s: float, *, is_video: bool) -> None:
        """Do nothing: reports of a replay have no meaning."""

    def _at(self, track: int, time: int, rate: int) -> int:
        found = self._marks[track].pop(time, None)
        if found is not None:
            at = found.ticks * rate // VIDEO_RATE
            self._last[track] = time, at
            return at
        last = self._last[track]
        if last is None:
            self.unmarked += 1
            return 0
        return last[1] + signed_step(last[0], time)
