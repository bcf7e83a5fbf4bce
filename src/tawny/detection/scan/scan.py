"""Scan of a video file: two passes if the detector supports keyframe checks, else one; long files in parallel parts.

A part starts before the range it reports, so that its detector learns the background. Call from any thread.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Event as Flag
from typing import Any, ClassVar, NamedTuple

from tawny.detection.decode_pipeline import GreyFrame
from tawny.detection.detector import Detector, DetectorKind, Glances, scan_look
from tawny.detection.scan.wake import KeyframeGlance, glances
from tawny.detection.watcher import LookStage
from tawny.detection.zones import MaskedFrame, Region
from tawny.media.codec.decoder import DecodedFrame
from tawny.media.codec.video_file import FileVideo
from tawny.media.image.mask import mask_picture
from tawny.model.geometry import Polygon
from tawny.model.observations import (
    ANIMAL,
    PERSON,
    VEHICLE,
    Box,
    Frame,
    Look,
    ObjectGroup,
    ObjectGroups,
    Observation,
    kind_of_all,
    since_of,
)
from tawny.model.times import thread_cpu_s

# The second pass of a scan: detection on keyframes, and on five frames a second where the first pass found changes.

LOOKS_A_SECOND = 5.0
LEARNS_S = 10.0
"""Time at the beginning that is fully decoded, s, so that the detector learns the background."""
NEAR_S, NEAR, MOST_IDLE = 14.0, 30, 100
"""Within this distance, s, of a decoded stretch every keyframe is processed; number of keyframes held back until that
is known."""
SELDOM_S = 3.5
"""Interval elsewhere, s; shorter than the detector's limit for a changed scene."""
MOST_AWAKE_S = 60.0
"""Maximum length, s, of a range that is decoded at once: by night that is everything."""
LIKELY = 20
"""Score of a candidate from which everything is decoded until it is an event or gone."""
UNWATCHED_S, MOST_UNWATCHED_S = 6.0, 4.2
"""Who stays is decoded again after at most this time, s, so that the detector knows that they move; and maximum length
of a group that is skipped, s: the detector follows an object over it."""
_SAME_S = 0.002
NAMED_AT_FIRST, NAMED_EVERY = 12, 4
"""Number of an object's first frames that are all named; of later ones, one of so many is."""
ENOUGH_FPS = 9.5
"""Frame rate from which non-reference frames are skipped: at least every second frame remains."""


class DecodedLook(NamedTuple):
    """Result of one frame. source: the decoded frame; None for a keyframe of the first pass."""

    at_s: float
    look: Look
    source: DecodedFrame | None


class TwoPasses:
    """Scans in two passes. decoded_s: seconds of video fully decoded.

    Who stays is watched until they go: a group of pictures is skipped only if nothing is followed, or if every event is
    still at its place in the next keyframe, and not for longer than UNWATCHED_S. glance: that of the detector.
    """

    def __init__(
        self,
        video: FileVideo,
        detector: Detector,
        region: Region,
        wanted: "ScanOptions",
        glance: Callable[[Frame], bool],
    ) -> None:
        self._video, self._detector, self._region, self._glance = video, detector, region, glance
        self._sensitivity, self._phase_s, self._private = wanted.sensitivity, wanted.phase_s, wanted.private
        self.decoded_s = 0.0
        self._looked_s = self._watched_s = float("-inf")
        """Time of the last processed frame, and end of the last decoded group."""
        self._learnt_s = 0.0
        self._last = Look(0)

    def looks(self, begin_s: float, end_s: float) -> Iterator[DecodedLook]:
        self._learnt_s = begin_s + LEARNS_S
        awake: list[KeyframeGlance] = []
        idle: list[KeyframeGlance] = []
        woke_s = begin_s
        for glance in glances(self._video.keyframes(begin_s, end_s), self._region, self._sensitivity, self._private):
            if glance.is_awake or glance.at_s < self._learnt_s:
                if not awake:
                    yield from self._asleep(idle, woke_s, glance.at_s)
                    idle = []
                elif glance.at_s - awake[0].at_s >= MOST_AWAKE_S:
                    yield from self._awake(awake, glance.at_s, glance)
                    awake = []
                awake.append(glance)
                continue
            if awake:
                yield from self._awake(awake, glance.at_s, glance)
                awake, woke_s = [], glance.at_s
            idle.append(glance)
            if len(idle) == MOST_IDLE:
                yield from self._asleep(idle[:-NEAR], woke_s, float("inf"), idle[-NEAR].at_s)
                idle = idle[-NEAR:]
        last_s = min(end_s, self._video.duration_s + 1.0)
        if awake:
            yield from self._awake(awake, last_s, None)
        yield from self._asleep(idle, woke_s, float("inf"), last_s)

    def _asleep(
        self, idle: list[KeyframeGlance], woke_s: float, wakes_s: float, end_s: float | None = None
    ) -> Iterator[DecodedLook]:
        """Yield the results of keyframes: all near a decoded stretch, few elsewhere; and what they wake.

        end_s: time of the keyframe after the last one; None: wakes_s.
        """
        ends = [*(glance.at_s for glance in idle[1:]), wakes_s if end_s is None else end_s]
        for glance, after, next_s in zip(idle, [*idle[1:], None], ends, strict=False):
            if not self._is_following:
                far = glance.at_s - woke_s > NEAR_S and wakes_s - glance.at_s > NEAR_S
                if far and glance.at_s - self._looked_s < SELDOM_S:
                    continue
                yield self._look_at(glance)
            if self._is_following:
                yield from self._awake([glance], next_s, after)

    @property
    def _is_following(self) -> bool:
        """Whether the last processed frame had an event, or a candidate that may become one."""
        return bool(self._last.seen) or self._last.score >= LIKELY

    def _may_skip(self, one: KeyframeGlance, after: KeyframeGlance | None, end_s: float) -> bool:
        """Return whether the group of `one` needs no decoding: nothing differs from the background around it, or who is
        followed is still there after it."""
        if one.is_large or one.is_night or after is None or after.is_night or end_s <= self._learnt_s:
            return False
        if not self._is_following:
            return not (self._glance(_small(one)) or self._glance(_small(after)))
        last = self._last
        if not last.seen or any(thing.score * 100 >= LIKELY for thing in last.near):
            return False
        if end_s - one.at_s > MOST_UNWATCHED_S or end_s - self._watched_s > UNWATCHED_S:
            return False
        return after.shows_all([thing.box for thing in last.seen])

    def _look(self, at_s: float, frame: Frame, source: DecodedFrame | None) -> DecodedLook:
        self._last = look = scan_look(self._detector, frame)
        self._looked_s = at_s
        return DecodedLook(at_s, look, source)

    def _look_at(self, glance: KeyframeGlance) -> DecodedLook:
        return self._look(glance.at_s, _small(glance), None)

    def _awake(
        self, stretch: list[KeyframeGlance], end_s: float, after: KeyframeGlance | None
    ) -> Iterator[DecodedLook]:
        """Decode a stretch, except for groups that may be skipped. after: the keyframe at end_s, if it is known."""
        nexts = [*stretch[1:], after]
        ends = [*(glance.at_s for glance in stretch[1:]), end_s]
        number = 0
        while number < len(stretch):
            one = stretch[number]
            if self._may_skip(one, nexts[number], ends[number]):
                if one.at_s > self._looked_s:
                    yield self._look_at(one)
                if self._may_skip(one, nexts[number], ends[number]):
                    number += 1
                    continue
            pace = FramePace(one.at_s + self._phase_s, self._video.fps)
            self._phase_s %= 1 / LOOKS_A_SECOND
            for frame in self._video.pictures(one.at_s, end_s, only_referenced=self._video.fps >= ENOUGH_FPS):
                at_s = frame.at_ms / 1000
                if at_s > ends[number] - _SAME_S:
                    number = self._passed(stretch, ends, number, at_s)
                    if number == len(stretch) or self._may_skip(stretch[number], nexts[number], ends[number]):
                        break
                if at_s >= one.at_s and at_s > self._looked_s and pace.is_due(at_s):
                    shown = mask_picture(frame, self._private)
                    yield self._look(at_s, counted(shown, self._region), shown)
            else:
                number = self._passed(stretch, ends, number, end_s)

    def _passed(self, stretch: list[KeyframeGlance], ends: list[float], number: int, at_s: float) -> int:
        """Count the decoded groups up to at_s. Return the number of the next one."""
        while number < len(stretch) and ends[number] < at_s + _SAME_S:
            self.decoded_s += ends[number] - stretch[number].at_s
            self._watched_s = ends[number]
            number += 1
        return number


def _small(glance: KeyframeGlance) -> GreyFrame:
    return GreyFrame(glance.picture, round(glance.at_s * 1000))


class OnePass:
    """Decodes every frame. looks_a_second: detection rate, fps; 0: every frame."""

    def __init__(
        self, video: FileVideo, detector: Detector, region: Region, looks_a_second: float, wanted: "ScanOptions"
    ) -> None:
        self._video, self._detector, self._region, self._rate = video, detector, region, looks_a_second
        self._phase_s, self._private = wanted.phase_s, wanted.private
        self.decoded_s = 0.0

    def looks(self, begin_s: float, end_s: float) -> Iterator[DecodedLook]:
        self.decoded_s += min(end_s, self._video.duration_s) - begin_s
        few = 0 < self._rate <= LOOKS_A_SECOND and self._video.fps >= ENOUGH_FPS
        pace = FramePace(begin_s + self._phase_s, self._video.fps, self._rate) if self._rate else None
        for frame in self._video.pictures(begin_s, end_s, only_referenced=few):
            at_s = frame.at_ms / 1000
            if begin_s <= at_s < end_s and (pace is None or pace.is_due(at_s)):
                shown = mask_picture(frame, self._private)
                yield DecodedLook(at_s, scan_look(self._detector, counted(shown, self._region)), shown)


def counted(frame: DecodedFrame, region: Region) -> Frame:
    """Return the frame with ignored areas painted over."""
    luma = frame.luma
    seen = region.of(luma)
    return frame if seen is luma else MaskedFrame(frame, seen, region.hidden)


class FramePace:
    """Selects frames at an even rate; up to half a frame early counts as in time."""

    def __init__(self, begin_s: float, fps: float, looks_a_second: float = LOOKS_A_SECOND) -> None:
        self._due_s, self._apart_s, self._slack_s = begin_s, 1 / looks_a_second, 0.5 / fps

    def is_due(self, at_s: float) -> bool:
        if at_s < self._due_s - self._slack_s:
            return False
        self._due_s = max(self._due_s + self._apart_s, at_s + self._apart_s / 2)
        return True


# Converts detections of successive frames to events with start and end. Pure.

NAMED = frozenset({PERSON, VEHICLE, ANIMAL})
"""Types that models give. An event takes the first of them in order of priority, as in live detection."""
LOST_S = 3.0
"""An object not seen for this time, s, has ended, unless the detector reports it."""


@dataclass(slots=True)
class ScannedEvent:
    """An event in a file. best_s: time of the best frame. box: the object in it. label: class of a sound.

    looks, vector: what the object looked like there (`scan.looks`), packed; empty: not measured.
    """

    start_s: float
    end_s: float
    kind: str
    score: int
    best_s: float = 0.0
    box: Box = (0.0, 0.0, 1.0, 1.0)
    label: str = ""
    looks: bytes = b""
    vector: bytes = b""


class EventSpans:
    """Collects detections; `close` returns the events. join_s: objects that follow sooner at a place are one event."""

    def __init__(self, join_s: float) -> None:
        self._settle_ms = round(max(join_s, LOST_S) * 1000)
        self._groups = ObjectGroups(round(join_s * 1000), round(LOST_S * 1000))
        self._now: dict[int, ScannedEvent] = {}
        self._done: list[ScannedEvent] = []

    def add(self, looked: DecodedLook) -> None:
        at_s, look = looked.at_s, looked.look
        at_ms = round(at_s * 1000)
        for group, things in self._groups.look(at_ms, look):
            best = max(things, key=lambda thing: thing.score)
            found = self._now.get(group.number)
            if found is None:
                found = self._now[group.number] = ScannedEvent(at_s, at_s, best.label, 0)
            found.start_s = min(found.start_s, since_of(things, at_ms) / 1000)
            is_all = len(things) == len(look.seen)
            score = look.score if is_all else min(look.score, round(100 * best.score))
            for thing in things:
                _see(found, at_s, score, thing)
        for group in self._groups.groups:
            if not group.present and at_ms - group.last_ms > self._settle_ms:
                self._end(group)

    def close(self) -> list[ScannedEvent]:
        for group in self._groups.groups:
            self._end(group)
        return sorted(self._done, key=lambda one: one.start_s)

    def _end(self, group: ObjectGroup) -> None:
        self._groups.end(group)
        found = self._now.pop(group.number)
        found.end_s = max(found.start_s, group.end_ms / 1000)
        self._done.append(found)


def _see(found: ScannedEvent, at_s: float, score: int, seen: Observation) -> None:
    area = (seen.box[2] - seen.box[0]) * (seen.box[3] - seen.box[1])
    known = (found.box[2] - found.box[0]) * (found.box[3] - found.box[1])
    if score > found.score or (score == found.score and area > known):
        found.best_s, found.box = at_s, seen.box
        found.kind = found.kind if found.kind in NAMED else seen.label
    if seen.sure > 0:
        kind = kind_of_all([seen.label, *([found.kind] if found.kind in NAMED else [])])
        found.kind = kind if kind in NAMED else found.kind
    found.score = max(found.score, score)


def continued(before: list[ScannedEvent], after: list[ScannedEvent], join_s: float) -> list[ScannedEvent]:
    """Return the events of two consecutive parts in order of time. Of those that overlap, or follow within join_s, each
    one before continues in at most one after, with which it overlaps longest.
    """
    pairs = sorted(
        ((min(a.end_s, b.end_s) - max(a.start_s, b.start_s), m, n)
         for m, a in enumerate(before) for n, b in enumerate(after)),
        reverse=True,
    )  # fmt: skip
    taken: set[tuple[str, int]] = set()
    for overlap_s, m, n in pairs:
        if overlap_s < -join_s or {("before", m), ("after", n)} & taken:
            continue
        taken |= {("before", m), ("after", n)}
        whole, more = before[m], after[n]
        whole.start_s, whole.end_s = min(whole.start_s, more.start_s), max(whole.end_s, more.end_s)
        named = [one.kind for one in (whole, more) if one.kind in NAMED]
        if more.score > whole.score:
            whole.score, whole.kind, whole.best_s, whole.box = more.score, more.kind, more.best_s, more.box
            whole.looks, whole.vector = more.looks, more.vector
        whole.kind = kind_of_all(named) if named else whole.kind
    left = [one for n, one in enumerate(after) if ("after", n) not in taken]
    return sorted([*before, *left], key=lambda one: one.start_s)


WARM_S = 60.0
"""Lead time of a part, s."""
PART_S = 600.0
"""Minimum length of a part, s."""
RESUME_S = 900.0
"""Length of resumable parts, s: an interrupted scan resumes at the next one."""
SHORT_S = 60.0
"""Files shorter than this, s, are fully decoded: too few keyframes show the usual scene."""
MOST_GAP_S = 4.0
"""Maximum distance of keyframes, s, for two passes; with longer gaps too much is missed."""
TELL_S = 10.0
"""Interval of progress reports, s of video."""

Progress = Callable[[float], None]
"""Receives the seconds of video processed since the last call. Called from the scanning thread."""


@dataclass(frozen=True)
class ScanOptions:
    """Options of a scan.

    make: creates the detector. thorough: decode every frame. join_s: merge events with a shorter gap. regions:
    evaluated areas; empty: the whole frame. phase_s: how much later than at its beginning the first frame is processed;
    a sound result doesn't depend on it. private: privacy masks, in the image as sent; the detector gets them black.
    """

    make: DetectorKind
    settings: Mapping[str, Any] = field(default_factory=dict)
    thorough: bool = False
    join_s: float = 1.0
    regions: tuple[Polygon, ...] = ()
    phase_s: float = 0.0
    private: tuple[Polygon, ...] = ()
    name: Callable[[], LookStage] | None = None
    """Makes what names the objects of a part, as live detection does; None: nothing does."""
    measure: Callable[[FileVideo, Sequence[ScannedEvent]], list[ScannedEvent]] | None = None
    """Returns the events of a part with what their objects looked like; None: that is not stored."""

    @property
    def sensitivity(self) -> int:
        return int(self.settings.get("sensitivity", 50))


@dataclass(slots=True)
class ScanResult:
    """Result of a file or a part. scores: maximum score by second, where frames were processed.

    model: ID of the search model that the vectors are of; empty: there are none.
    """

    duration_s: float
    events: list[ScannedEvent]
    cpu_s: float
    decoded_s: float
    scores: dict[int, int]
    model: str = ""


Opened = Callable[[], FileVideo]


@dataclass(frozen=True, slots=True)
class VideoPart:
    """A part of a file. opened: opens the video, called by the scanning thread. length_s: length of a part."""

    opened: Opened
    begin_s: float
    end_s: float
    length_s: float


def parts(opened: Opened, workers: int, *, resumes: bool = False) -> list[VideoPart]:
    """Return a file in at most `workers` parts.

    resumes: use parts of RESUME_S instead, whose results are stored separately. Raises SourceError: if the file cannot
    be read.
    """
    video = opened()
    most = int(video.duration_s / RESUME_S) if resumes else min(workers, int(video.duration_s / PART_S))
    count = most if most > 1 and video.can_seek else 1
    length_s = video.duration_s / count
    ends = [length_s * (n + 1) for n in range(count - 1)]
    return [
        VideoPart(opened, begin, end, length_s) for begin, end in zip([0.0, *ends], [*ends, float("inf")], strict=True)
    ]


def scan_part(part: VideoPart, wanted: ScanOptions, progress: Progress, stop: Flag) -> ScanResult:
    """Scan a part. Raises SourceError: if the video cannot be read; also any exception of the detector."""
    begun_s = thread_cpu_s()
    video = part.opened()
    passes = _passes(video, wanted.make(wanted.settings), wanted)
    spans, scores = EventSpans(wanted.join_s), dict[int, int]()
    reported_s = at_s = part.begin_s
    for looked in passes.looks(max(0.0, part.begin_s - WARM_S), part.end_s):
        spans.add(looked)
        at_s = max(at_s, looked.at_s)
        if looked.at_s >= part.begin_s:
            second = int(looked.at_s)
            scores[second] = max(scores.get(second, 0), looked.look.score)
        if at_s - reported_s >= TELL_S:
            progress(at_s - reported_s)
            reported_s = at_s
            if stop.is_set():
                break
    video.duration_s = max(video.duration_s, at_s)  # unknown, or the times of the file begin again
    progress(min(part.end_s, video.duration_s) - reported_s)
    events = [found for found in spans.close() if found.end_s >= part.begin_s]
    if wanted.measure is not None and not stop.is_set():
        events = wanted.measure(video, events)
    return ScanResult(video.duration_s, events, thread_cpu_s() - begun_s, passes.decoded_s, scores)


def merged(results: list[ScanResult], join_s: float) -> ScanResult:
    """Return the results of the parts of one file as one."""
    whole = results[0]
    for part in results[1:]:
        whole.events = continued(whole.events, part.events, join_s)
        whole.cpu_s += part.cpu_s
        whole.decoded_s += part.decoded_s
        whole.scores |= part.scores
    return whole


class _Naming:
    """A detector whose objects get names: each object's first frames are named, later ones seldom."""

    name: ClassVar[str] = "naming"

    def __init__(self, detector: Detector, stage: LookStage) -> None:
        self._detector, self._stage = detector, stage
        self._named: dict[int, _Named] = {}
        self._left_out = 0

    def look(self, frame: Frame) -> Look:
        look = scan_look(self._detector, frame)
        followed = [thing for thing in (*look.seen, *look.near) if thing.score * 100 >= LIKELY]
        known = {thing.track: self._named.get(thing.track, _Named()) for thing in followed if thing.track is not None}
        self._named = known
        if self._left_out < NAMED_EVERY - 1 and all(one.frames >= NAMED_AT_FIRST for one in known.values()):
            self._left_out += 1
            return replace(look, seen=self._by_name(look.seen), near=self._by_name(look.near))
        self._left_out = 0
        look = self._stage.look(frame, look)
        for thing in (*look.seen, *look.near):
            if thing.track in known:
                known[thing.track] = _Named(known[thing.track].frames + 1, thing.label, thing.sure)
        return look

    def _by_name(self, things: tuple[Observation, ...]) -> tuple[Observation, ...]:
        return tuple(
            replace(thing, label=one.label, sure=one.sure) if (one := self._named.get(thing.track)) else thing
            for thing in things
        )


class _Named(NamedTuple):
    """In how many frames an object was named, and how it was named last."""

    frames: int = 0
    label: str = ""
    sure: float = 0.0


def _passes(video: FileVideo, made: Detector, wanted: ScanOptions) -> TwoPasses | OnePass:
    region = Region(wanted.regions)
    detector = _Naming(made, wanted.name()) if wanted.name is not None else made
    is_long = not wanted.thorough and video.duration_s >= SHORT_S
    if is_long and isinstance(made, Glances) and video.can_seek and video.has_keyframes_within(MOST_GAP_S):
        return TwoPasses(video, detector, region, wanted, made.glance)
    rate = float(getattr(made, "looks_a_second", LOOKS_A_SECOND))
    return OnePass(video, detector, region, rate, wanted)
