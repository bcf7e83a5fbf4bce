"""Labels for tracks: classifies tracked objects between a camera's watcher and its sink.

It submits a region around the tracked objects to the classification queue, a few times a second at most, and applies
results as they arrive; nothing waits for them. One instance per camera; call from the watcher's thread.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tawny.detection.classification.queue import ClassificationJob, ClassificationQueue, ClassificationResult
from tawny.detection.classification.rotation import FIRST, MOST, TURNS, UPRIGHT, RotationCycle
from tawny.detection.classification.stationary import StationaryObjects
from tawny.detection.classification.votes import LabelVotes
from tawny.detection.models.object_model import DetectedObject
from tawny.detection.watcher import ObservationSink
from tawny.model.ids import CameraId
from tawny.model.kinds import PERSON, is_meant
from tawny.model.observations import Box, Frame, Look, Observation

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
