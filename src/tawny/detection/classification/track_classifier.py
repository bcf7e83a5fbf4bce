"""Between a camera's watcher and those who hear of what it saw: gives tracks their names.

It asks the desk about a part of the picture around what is followed, a few times a second at most, and takes the
answers when they come; nothing waits for them. One camera, the watcher's thread.
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
"""Between two questions; and once all that is followed has its name."""
BETWEEN_MS = 175
"""Where something upright got no name, other ways up are asked about in between."""
LIKELY = 0.25
"""What may yet become an event is asked about from this score on: its name is there when it does."""
TRIGGER = 0.4
"""Mean score from which on a track has a name; models say little below, and one more rule asks for several looks."""
MARGIN = 0.35
"""What is shown around what moves, of its own size at each side: a part of a person is not yet one..."""
LEAST = 0.3
"""...and so much of the picture at least, in both directions: context tells things apart."""
BELONGS = 0.5
"""Share of the smaller of two boxes that is in the other, for a thing to be what is followed."""
SIZES = 25.0
"""One is no more times as large as the other: a bird before a bus is not the bus."""


class TrackClassifier:
    """wanted: labels or kinds; other things get no name."""

    def __init__(
        self, camera: CameraId, desk: ClassificationQueue, sink: ObservationSink, wanted: Sequence[str]
    ) -> None:
        self._camera, self._desk, self._sink, self._wanted = camera, desk, sink, tuple(wanted)
        self._votes: dict[int, LabelVotes] = {}
        self._standing, self._turns = {turn: StationaryObjects() for turn in TURNS}, RotationCycle()
        self._turned: Counter[int] = Counter()
        """Looks by a quarter turn at each nameless track."""
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
        cut = np.ascontiguousarray(rgb[y0:y1, x0:x1])  # a copy: the frame's buffers are used again
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
        """Each thing votes for the track it fits best, each track hears one thing."""
        turn = answer.asked.turn
        moving = self._standing[turn].moving(answer.asked.at_ms, answer.things, answer.asked.part)
        wanted = self._wanted if turn == UPRIGHT else (PERSON,)  # who lies; vehicles stand on their wheels
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
    """What is shown to a model: all of these with some of what is around them, within the picture."""
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
    """How well a thing fits what moves: 0 if it is something else, else the share of both that they have in common."""
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
