"""Labels for tracks: classifies tracked objects between a camera's watcher and its sink.

It submits a region around the tracked objects to the classification queue, a few times a second at most, and applies
results as they arrive; nothing waits for them. One instance per camera; call from the watcher's thread.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tawny.detection.classification.queue import (
    FIRST,
    MOST,
    TURNS,
    UPRIGHT,
    ClassificationJob,
    ClassificationQueue,
    ClassificationResult,
    RotationCycle,
)
from tawny.detection.classification.votes import LabelVotes
from tawny.detection.models.object_model import DetectedObject, shared_model
from tawny.detection.watcher import ObservationSink
from tawny.model.ids import CameraId
from tawny.model.observations import PERSON, Box, Frame, Look, Observation, is_meant

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
            self.stood_ms = min(MOST_MS, self.stood_ms + min(at_ms - self.last_ms, STANDING_BETWEEN_MS))
        self.last_ms, self.looked_ms, self.looks, self.missed = at_ms, at_ms, self.looks + 1, 0

    def not_seen(self, at_ms: int) -> None:
        self.stood_ms = max(0.0, self.stood_ms - AWAY * min(at_ms - self.looked_ms, STANDING_BETWEEN_MS))
        self.looked_ms, self.missed = at_ms, self.missed + 1


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

    def __init__(
        self, camera: CameraId, desk: ClassificationQueue, sink: ObservationSink, wanted: Sequence[str]
    ) -> None:
        self._camera, self._desk, self._sink, self._wanted = camera, desk, sink, tuple(wanted)
        self._votes: dict[int, LabelVotes] = {}
        self._standing, self._turns = {turn: StationaryObjects() for turn in TURNS}, RotationCycle()
        self._turned: Counter[int] = Counter()
        """Number of rotated runs per track without a label."""
        self._knows_people = is_meant(PERSON, self._wanted)
        self._asked_ms = 0

    def look(self, frame: Frame, look: Look) -> None:
        for answer in self._desk.answers(self._camera):
            self._take(answer)
        followed = (*look.seen, *(thing for thing in look.near if thing.score >= LIKELY))
        here = {thing.track for thing in (*look.seen, *look.near)}
        self._votes = {track: votes for track, votes in self._votes.items() if track in here}
        self._turned = Counter({track: count for track, count in self._turned.items() if track in here})
        for thing in followed:
            self._votes.setdefault(thing.track, LabelVotes(TRIGGER)).go(thing.box)
        if followed and self._desk.is_open:
            self._ask(frame, followed)
        self._sink.look(frame, replace(look, seen=self._named(look.seen), near=self._named(look.near)))

    def idle(self, now_ms: int) -> None:
        self._sink.idle(now_ms)

    def close(self) -> None:
        self._sink.close()

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
        self._desk.ask(ClassificationJob(self._camera, frame.at_ms, cut, exact, boxes, turn))

    def _needs_turning(self, track: int) -> bool:
        votes = self._votes[track]
        is_due = votes.count >= FIRST and self._turned[track] < MOST
        return self._knows_people and is_due and votes.name is None

    def _take(self, answer: ClassificationResult) -> None:
        """Apply a result: each detection votes for its best matching track, each track gets at most one detection."""
        turn = answer.asked.turn
        moving = self._standing[turn].moving(answer.asked.at_ms, answer.things, answer.asked.part)
        wanted = self._wanted if turn == UPRIGHT else (PERSON,)  # people may lie; vehicles are always upright
        free = [thing for thing in moving if is_meant(thing.label, wanted)]
        pairs = [
            (fits, n, track) for n, thing in enumerate(free) for track, box in answer.asked.tracks
            if (fits := how_well(thing.box, box)) > 0
        ]  # fmt: skip
        heard: dict[int, DetectedObject] = {}
        spent: set[int] = set()
        for _, n, track in sorted(pairs, reverse=True):
            if n not in spent and track not in heard:
                heard[track] = free[n]
                spent.add(n)
        nameless = {track for track, votes in self._votes.items() if votes.name is None}
        self._turns.told(turn, saw=any(track in nameless and heard[track].score >= TRIGGER for track in heard))
        for track, box in answer.asked.tracks:
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
    wide = min(thing[2], moving[2]) - max(thing[0], moving[0])
    high = min(thing[3], moving[3]) - max(thing[1], moving[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both, a, b = wide * high, _area(thing), _area(moving)
    if both < BELONGS * min(a, b) or max(a, b) > SIZES * min(a, b):
        return 0.0
    return both / (a + b - both)


def _area(box: Box) -> float:
    return max(1e-9, (box[2] - box[0]) * (box[3] - box[1]))
