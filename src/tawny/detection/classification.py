"""Labels for tracks: classifies tracked objects between a camera's watcher and its sink.

It submits a region around the tracked objects to the classification queue, a few times a second at most, and applies
results as they arrive; nothing waits for them. One instance per camera; call from the watcher's thread.
"""

import math
import threading
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import median
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from tawny.detection.models.families import within
from tawny.detection.models.object_model import DetectedObject, shared_model
from tawny.engine import ActorHandle
from tawny.model.ids import CameraId
from tawny.model.observations import PERSON, Box, Frame, Look, Observation, is_meant

# A queue for slow work of all cameras: one worker thread, at most one waiting job of each camera, its newest.


IDLE_S = 30.0
"""Delay of an idle `step`, s; `add` ends it early through `wake`."""


class CameraQueue(Protocol):
    @property
    def camera(self) -> CameraId: ...


Job = TypeVar("Job", bound=CameraQueue)
Result = TypeVar("Result")


class JobQueue(ABC, Generic[Job, Result]):
    """Call `step` from one thread, all other methods from any thread. handle: of the actor that calls `step`."""

    def __init__(self, *, is_inline: bool = False) -> None:
        """is_inline: jobs are done in the thread that asks, as for files, where every second counts."""
        self._is_inline, self.handle = is_inline, ActorHandle()
        self._lock = threading.Lock()
        self._waiting: dict[CameraId, Job] = {}
        self._results: dict[CameraId, list[Result]] = {}
        self.replaced = 0
        """Number of jobs that a newer one of the same camera replaced."""

    def add(self, job: Job) -> None:
        with self._lock:
            self.replaced += job.camera in self._waiting
            self._waiting[job.camera] = job  # keeps its place: else who asks often has no turn
        self._wake()

    def _wake(self) -> None:
        if self._is_inline:
            self.step()
        else:
            self.handle.wake()

    def results(self, camera: CameraId) -> list[Result]:
        """Return and remove the results since the last call."""
        with self._lock:
            return self._results.pop(camera, [])

    def step(self) -> float:
        with self._lock:
            jobs = [self._waiting.pop(camera) for camera in list(self._waiting)[: self._batch_size()]]
        if not jobs:
            return IDLE_S
        results = self._process_all(jobs)
        with self._lock:
            for one, found in zip(jobs, results, strict=True):
                self._results.setdefault(one.camera, []).extend(found)
        return 0.0

    def close(self) -> None:
        with self._lock:
            self._waiting.clear()

    def _batch_size(self) -> int:
        """Return the maximum number of jobs processed in one step."""
        return 1

    def _process_all(self, jobs: Sequence[Job]) -> list[list[Result]]:
        return [self._process(one) for one in jobs]

    @abstractmethod
    def _process(self, job: Job) -> list[Result]: ...


# Votes of a track: it gets a label when several runs agree and the object has moved. A branch that sways in place
# collects votes for any label, but it has no displacement.


LOOKS = 6
"""Number of recent runs that count."""
TOGETHER = 1.5
"""Minimum sum of their scores, so a single run never suffices."""
TRAVELLED = 0.3
"""Minimum displacement of the track's center at any time, relative to its side."""
MOVED = 0.15
"""Minimum displacement of one edge of the model's box, relative to its side; the opposite edge needs a quarter of
it."""
GREW = 1.5
"""Growth of the side that counts as displacement: objects that approach the lens."""
ENDS = 3
"""Number of boxes averaged at either end of the path, at most half of all."""
FAR = 0.5
"""Minimum displacement of a track that is shorter than both ends, relative to its side: few boxes jump further."""
REMEMBERED = 40
CHANGES_BY = 0.1
"""Minimum score gain for a change of label."""


@dataclass(frozen=True, slots=True)
class VotedLabel:
    label: str
    score: float
    """Weighted mean score of the recent runs, 0..1."""


class TrackPath:
    """Whether the object of a track has moved from its place.

    least: number of boxes from which that is reliable.
    """

    def __init__(self, least: int = 2 * ENDS) -> None:
        self._least = least
        self._boxes: list[Box] = []
        self.has_travelled = False

    def go(self, box: Box) -> None:
        """Register the track's current box."""
        self._boxes.append(box)
        if len(self._boxes) > REMEMBERED:
            del self._boxes[ENDS]  # keep the start of the path
        self.has_travelled = self.has_travelled or (len(self._boxes) >= self._least and _travelled(self._boxes))


class LabelVotes:
    """Votes of one track.

    trigger: minimum mean score.
    """

    def __init__(self, trigger: float) -> None:
        self._trigger = trigger
        self._looks: deque[tuple[float, Mapping[str, float]]] = deque(maxlen=LOOKS)
        self._path, self._moved = TrackPath(), False
        self._things: deque[Box] = deque(maxlen=LOOKS)
        """Recent boxes in which the model found the object."""
        self.name: VotedLabel | None = None

    def go(self, box: Box) -> None:
        """Register the track's current box."""
        self._path.go(box)

    def vote(self, box: Box, scores: Mapping[str, float], thing: Box | None = None) -> None:
        """Register a run.

        scores: 0..1 by label; empty: nothing recognized. thing: the model's box, if it gives one. An object behind the
        track that does not move with it gives no label.
        """
        self._looks.append((side(box), scores))
        if thing is not None:
            self._things.append(thing)
            self._moved = self._moved or _moved(self._things)
        if not self._path.has_travelled or (self._things and not self._moved):
            return
        best = max(self._means(), key=lambda name: name.score, default=None)
        if best is None or (self.name and best.label != self.name.label and best.score < self.name.score + CHANGES_BY):
            return
        if self.name is None or best.label != self.name.label or best.score > self.name.score:
            self.name = best

    @property
    def count(self) -> int:
        """Number of recent runs."""
        return len(self._looks)

    def _means(self) -> list[VotedLabel]:
        """Return the labels above their thresholds. Runs with a larger object weigh more."""
        largest = max((size for size, _ in self._looks), default=0.0) or 1.0
        weights = [size / largest for size, _ in self._looks]
        labels = {label for _, scores in self._looks for label in scores}
        made = []
        for label in labels:
            each = [scores.get(label, 0.0) for _, scores in self._looks]
            mean = sum(w * score for w, score in zip(weights, each, strict=True)) / sum(weights)
            if mean >= self._trigger and sum(each) >= TOGETHER:
                made.append(VotedLabel(label, mean))
        return made


def side(box: Box) -> float:
    """Return the side of a square of the same area."""
    return math.sqrt(max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]))


def _travelled(boxes: list[Box]) -> bool:
    ends = min(ENDS, len(boxes) // 2)
    (x0, y0), (x1, y1) = _middle(boxes[:ends]), _middle(boxes[-ends:])
    sizes = [side(box) for box in boxes]
    far = math.hypot(x1 - x0, y1 - y0)
    if ends < ENDS:
        return far >= FAR * median(sizes)
    grown = median(sizes[-ENDS:]) >= GREW * max(median(sizes[:ENDS]), 1e-6)
    return grown or far >= TRAVELLED * median(sizes)


def _moved(things: Sequence[Box]) -> bool:
    """Return whether the detected object itself has moved or grown."""
    least = MOVED * median(side(thing) for thing in things)
    return any(
        (max(abs(a[0] - b[0]), abs(a[2] - b[2])) >= least and min(abs(a[0] - b[0]), abs(a[2] - b[2])) >= least / 4)
        or (max(abs(a[1] - b[1]), abs(a[3] - b[3])) >= least and min(abs(a[1] - b[1]), abs(a[3] - b[3])) >= least / 4)
        for a, b in combinations(things, 2)
    )


def _middle(boxes: list[Box]) -> tuple[float, float]:
    n = 2 * len(boxes)
    return sum(b[0] + b[2] for b in boxes) / n, sum(b[1] + b[3] for b in boxes) / n


# The queue in which one model inspects frames of all cameras.


# Image rotation for classification: a downward camera shows people lying, but models know standing people.

UPRIGHT: Final = 0
LYING: Final = (1, 3)
TURNS: Final = (UPRIGHT, *LYING)
"""Quarter turns, counterclockwise."""
FIRST: Final = 2
"""Number of upright runs before the first rotated one."""
MOST = 40
"""Maximum number of rotated runs per track: swaying branches move for hours."""


def rotate_picture(rgb: Any, turn: int) -> Any:
    """Return the image, uint8 [height, width, 3], rotated by this number of quarter turns counterclockwise."""
    if turn == UPRIGHT:
        return rgb
    import cv2  # not at module level: recording works without OpenCV

    return cv2.rotate(rgb, (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)[turn - 1])


def upright(box: Box, turn: int) -> Box:
    """Return a box of the rotated image in coordinates of the original."""
    x0, y0, x1, y1 = box
    for _ in range(turn):
        x0, y0, x1, y1 = 1 - y1, x0, 1 - y0, x1
    return (x0, y0, x1, y1)


class RotationCycle:
    """Selects the rotation of each run for one camera; every other run is upright."""

    def __init__(self) -> None:
        self._n = 0
        self._side = 0
        self._stays = False

    def next(self) -> int:
        self._n += 1
        if self._n % 2:
            return UPRIGHT
        if not self._stays:
            self._side = 1 - self._side
        return LYING[self._side]

    def take_result(self, turn: int, *, saw: bool) -> None:
        """Register the result of a run.

        saw: whether a person without a label was found; the next rotated run then uses the same side.
        """
        if turn != UPRIGHT:
            self._side, self._stays = LYING.index(turn), saw


class ObjectClassifier(Protocol):
    """A classifier (`detection.models.object_model.ObjectModel`)."""

    def look(self, rgb: Any, wanted: Sequence[str] = ()) -> list[DetectedObject]: ...


@runtime_checkable
class BatchObjectClassifier(ObjectClassifier, Protocol):
    """A classifier that is faster with several images at once."""

    @property
    def together(self) -> int:
        """Preferred batch size."""
        ...

    def look_at_all(self, pictures: Sequence[Any]) -> list[list[DetectedObject]]: ...


@dataclass(frozen=True, slots=True)
class ClassificationJob:
    """One region of a frame to classify.

    rgb: uint8 [height, width, 3]. part: the region in the frame. tracks: tracks and boxes at that time. turn: number of
    quarter turns applied before classification.
    """

    camera: CameraId
    at_ms: int
    rgb: Any
    part: Box
    tracks: tuple[tuple[int, Box], ...]
    turn: int = UPRIGHT


@dataclass(frozen=True, slots=True)
class ClassificationResult:
    """The result of a job. things: detected objects; boxes in shares of the whole frame."""

    job: ClassificationJob
    things: tuple[DetectedObject, ...]


class ClassificationQueue(JobQueue[ClassificationJob, ClassificationResult]):
    """Classifies jobs with one model. Call `use` from the thread of `step`."""

    def __init__(self, model: ObjectClassifier | None = None, *, is_inline: bool = False) -> None:
        super().__init__(is_inline=is_inline)
        self._model = model
        self.looks = 0
        """Number of images classified."""

    @property
    def is_open(self) -> bool:
        """Whether a model is loaded; without one no jobs are needed."""
        return self._model is not None

    def use(self, model: ObjectClassifier | None) -> None:
        """Replace the model. None discards the waiting jobs."""
        self._model = model
        if model is None:
            self.close()

    def look_at(self, rgb: Any) -> Sequence[DetectedObject]:
        """Classify one image at once, in the thread of `step`. Empty without a model."""
        return [] if self._model is None else self._model.look(rgb)

    def _batch_size(self) -> int:
        return self._model.together if isinstance(self._model, BatchObjectClassifier) else 1

    def _process_all(self, jobs: Sequence[ClassificationJob]) -> list[list[ClassificationResult]]:
        if len(jobs) == 1 or not isinstance(self._model, BatchObjectClassifier):
            return super()._process_all(jobs)
        seen = self._model.look_at_all([rotate_picture(one.rgb, one.turn) for one in jobs])
        return [[self._result(one, things)] for one, things in zip(jobs, seen, strict=True)]

    def _process(self, job: ClassificationJob) -> list[ClassificationResult]:
        if self._model is None:
            return []
        return [self._result(job, self._model.look(rotate_picture(job.rgb, job.turn)))]

    def _result(self, job: ClassificationJob, seen: Sequence[DetectedObject]) -> ClassificationResult:
        self.looks += 1
        return ClassificationResult(
            job,
            tuple(DetectedObject(one.label, one.score, within(upright(one.box, job.turn), job.part)) for one in seen),
        )


# Stationary objects, such as a parked car or a sign that resembles a person. They must not name moving objects.

SAME = 0.8
"""Minimum intersection over union of the same object at the same place."""
STANDS_MS = 4000
"""Minimum time at the place, ms, for a stationary object."""
STANDS_LOOKS = 3
"""Minimum number of runs that saw it."""
STANDING_BETWEEN_MS = 2500
"""Maximum time credited between two runs, ms: the place was not observed in between."""
MISSED = 1
"""Number of consecutive misses after which time at the place still accumulates."""
AWAY = 0.5
"""Share of the elapsed time subtracted during misses."""
MOST_MS = 60_000
"""Maximum accumulated time, ms."""
FORGET_MS = 3_600_000
"""An object not seen for this time, ms, is dropped. It may have been hidden or not inspected."""
MAX_STATIONARY = 60
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass
class _Place:
    label: str
    box: Box
    last_ms: int
    """Time the object was last seen, ms UTC."""
    looked_ms: int
    """Time its place was last inspected, ms UTC."""
    looks: int = 1
    stood_ms: float = 0.0
    missed: int = 0
    """Number of runs since it was seen."""

    @property
    def stands(self) -> bool:
        return self.looks >= STANDS_LOOKS and self.stood_ms >= STANDS_MS

    def seen(self, at_ms: int) -> None:
        if self.missed <= MISSED:
            self.stood_ms = min(MOST_MS, self.stood_ms + _between_ms(self.last_ms, at_ms))
        self.last_ms, self.looked_ms, self.looks, self.missed = at_ms, at_ms, self.looks + 1, 0

    def not_seen(self, at_ms: int) -> None:
        self.stood_ms = max(0.0, self.stood_ms - AWAY * _between_ms(self.looked_ms, at_ms))
        self.looked_ms, self.missed = at_ms, self.missed + 1


def _between_ms(last_ms: int, at_ms: int) -> int:
    """Return the time that is credited between two runs, ms; 0 if the clock was set back in between."""
    return min(max(0, at_ms - last_ms), STANDING_BETWEEN_MS)


class StationaryObjects:
    """Stationary objects of one camera in one rotation."""

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def moving(self, at_ms: int, things: tuple[DetectedObject, ...], part: Box = WHOLE) -> list[DetectedObject]:
        """Return the objects that are not stationary; register all of them. part: inspected region of the frame."""
        self._places = [place for place in self._places if at_ms - place.last_ms < FORGET_MS][-MAX_STATIONARY:]
        shown = [place for place in self._places if _is_in(place.box, part)]
        moving = [thing for thing in things if not self._remember(at_ms, thing)]
        for place in shown:
            if place.looked_ms != at_ms:
                place.not_seen(at_ms)
        return moving

    def _remember(self, at_ms: int, thing: DetectedObject) -> bool:
        for place in self._places:
            if place.label == thing.label and shared_model(place.box, thing.box) >= SAME:
                place.seen(at_ms)
                return place.stands
        self._places.append(_Place(thing.label, thing.box, at_ms, at_ms))
        return False


def _is_in(box: Box, part: Box) -> bool:
    return box[0] >= part[0] and box[1] >= part[1] and box[2] <= part[2] and box[3] <= part[3]


EVERY_MS, KNOWN_EVERY_MS = 350, 2000
"""Interval between two jobs, ms; the second applies once all tracked objects have a label."""
BETWEEN_MS = 175
"""Interval, ms, while an object has no label after upright runs: rotated runs come in between."""
LIKELY = 0.25
"""Objects below the event threshold are classified from this score on, so the label is known when the event starts."""
TRIGGER = 0.4
"""Mean score from which a track gets a label. It can be low because several runs must agree."""
MARGIN = 0.35
"""Margin around the tracked objects on each side, relative to their size: part of a person is hard to recognize."""
LEAST = 0.3
"""Minimum width and height of the region, as a share of the frame: context helps classification."""
BELONGS = 0.5
"""Share of the smaller box that must overlap the other for a detection to match a track."""
SIZES = 25.0
"""Maximum ratio of the two areas: a bird in front of a bus is not the bus."""


class TrackClassifier:
    """Assigns labels to the tracks of one camera. wanted: labels or types; other objects get no label."""

    def __init__(self, camera: CameraId, queue: ClassificationQueue, wanted: Sequence[str]) -> None:
        self._camera, self._queue, self._wanted = camera, queue, tuple(wanted)
        self._votes: dict[int, LabelVotes] = {}
        self._standing, self._turns = {turn: StationaryObjects() for turn in TURNS}, RotationCycle()
        self._turned: Counter[int] = Counter()
        """Number of rotated runs per track without a label."""
        self._knows_people = is_meant(PERSON, self._wanted)
        self._asked_ms = 0

    def look(self, frame: Frame, look: Look) -> Look:
        for result in self._queue.results(self._camera):
            self._take(result)
        followed = (*look.seen, *(thing for thing in look.near if thing.score >= LIKELY))
        here = {thing.track for thing in (*look.seen, *look.near)}
        self._votes = {track: votes for track, votes in self._votes.items() if track in here}
        self._turned = Counter({track: count for track, count in self._turned.items() if track in here})
        for thing in followed:
            self._votes.setdefault(thing.track, LabelVotes(TRIGGER)).go(thing.box)
        if followed and self._queue.is_open:
            self._ask(frame, followed)
        return replace(look, seen=self._named(look.seen), near=self._named(look.near))

    def _named(self, things: tuple[Observation, ...]) -> tuple[Observation, ...]:
        names = [votes.name if (votes := self._votes.get(thing.track)) else None for thing in things]
        return tuple(
            thing if name is None else replace(thing, label=name.label, sure=name.score)
            for thing, name in zip(things, names, strict=True)
        )

    def _ask(self, frame: Frame, followed: Sequence[Observation]) -> None:
        all_known = all((votes := self._votes[thing.track]).name and votes.count > 2 for thing in followed)
        nameless = [thing.track for thing in followed if self._needs_turning(thing.track)]
        since_ms = frame.at_ms - self._asked_ms
        if 0 <= since_ms < (KNOWN_EVERY_MS if all_known else BETWEEN_MS if nameless else EVERY_MS):
            return
        self._asked_ms = frame.at_ms
        part, rgb = part_around([thing.box for thing in followed]), frame.rgb
        height, width = rgb.shape[:2]
        x0, y0, x1, y1 = (round(share * size) for share, size in zip(part, (width, height) * 2, strict=True))
        cut = np.ascontiguousarray(rgb[y0:y1, x0:x1])  # a copy: the frame's buffers are reused
        exact = (x0 / width, y0 / height, x1 / width, y1 / height)
        boxes = tuple((thing.track, thing.box) for thing in followed)
        turn = self._turns.next() if nameless else UPRIGHT
        if turn != UPRIGHT:
            self._turned.update(nameless)
        self._queue.add(ClassificationJob(self._camera, frame.at_ms, cut, exact, boxes, turn))

    def _needs_turning(self, track: int) -> bool:
        votes = self._votes[track]
        is_due = votes.count >= FIRST and self._turned[track] < MOST
        return self._knows_people and is_due and votes.name is None

    def _take(self, result: ClassificationResult) -> None:
        """Apply a result: each detection votes for its best matching track, each track gets at most one detection."""
        turn = result.job.turn
        moving = self._standing[turn].moving(result.job.at_ms, result.things, result.job.part)
        wanted = self._wanted if turn == UPRIGHT else (PERSON,)  # people may lie; vehicles are always upright
        free = [thing for thing in moving if is_meant(thing.label, wanted)]
        pairs = [
            (fits, n, track) for n, thing in enumerate(free) for track, box in result.job.tracks
            if (fits := how_well(thing.box, box)) > 0
        ]  # fmt: skip
        heard: dict[int, DetectedObject] = {}
        spent: set[int] = set()
        for _, n, track in sorted(pairs, reverse=True):
            if n not in spent and track not in heard:
                heard[track] = free[n]
                spent.add(n)
        nameless = {track for track, votes in self._votes.items() if votes.name is None}
        self._turns.take_result(turn, saw=any(track in nameless and heard[track].score >= TRIGGER for track in heard))
        for track, box in result.job.tracks:
            if track in self._votes:
                thing = heard.get(track)
                if thing is not None:
                    self._votes[track].vote(box, {thing.label: thing.score}, thing.box)
                elif turn == UPRIGHT:
                    self._votes[track].vote(box, {})


def part_around(boxes: Sequence[Box]) -> Box:
    """Return the region to classify: all boxes plus a margin, within the frame."""
    x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
    x1, y1 = max(box[2] for box in boxes), max(box[3] for box in boxes)
    left, right = _widened(x0, x1)
    top, bottom = _widened(y0, y1)
    return (left, top, right, bottom)


def _widened(low: float, high: float) -> tuple[float, float]:
    extent = min(1.0, max(LEAST, (high - low) * (1 + 2 * MARGIN)))
    middle = min(max((low + high) / 2, extent / 2), 1 - extent / 2)
    return max(0.0, middle - extent / 2), min(1.0, middle + extent / 2)


def how_well(thing: Box, moving: Box) -> float:
    """Return how well a detection fits a track: 0 if it does not match, else the intersection over union."""
    width = min(thing[2], moving[2]) - max(thing[0], moving[0])
    height = min(thing[3], moving[3]) - max(thing[1], moving[1])
    if width <= 0 or height <= 0:
        return 0.0
    both, a, b = width * height, _area(thing), _area(moving)
    if both < BELONGS * min(a, b) or max(a, b) > SIZES * min(a, b):
        return 0.0
    return both / (a + b - both)


def _area(box: Box) -> float:
    return max(1e-9, (box[2] - box[0]) * (box[3] - box[1]))
