"""A track's votes: it is called something when several looks agree, and only if it has travelled.

A branch that sways in place collects votes for anything; it has gone nowhere.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from tawny.model.observations import Box

LOOKS = 6
"""The last so many looks count..."""
TOGETHER = 1.5
"""...whose scores must add up to this much at least: never one look alone."""
TRAVELLED = 0.3
"""How far its middle must have come, of its own side, at some time of its life."""
MOVED = 0.15
"""How far an edge of what a model named must have gone, of its side, and the edge across from it a quarter of that."""
GREW = 1.5
"""Who comes straight at the lens grows instead."""
ENDS = 3
"""Boxes at either end that are averaged."""
REMEMBERED = 40
CHANGES_BY = 0.1
"""It is called something else only if that is surer by so much."""


@dataclass(frozen=True, slots=True)
class VotedLabel:
    label: str
    score: float
    """0..1: the weighted mean of its last looks."""


class LabelVotes:
    """Of one track. trigger: the mean score from which on a label is said; of each label that may be, or of all."""

    def __init__(self, trigger: float | Mapping[str, float]) -> None:
        self._trigger = trigger
        self._looks: deque[tuple[float, Mapping[str, float]]] = deque(maxlen=LOOKS)
        self._boxes: list[Box] = []
        self._has_travelled = self._moved = False
        self._things: deque[Box] = deque(maxlen=LOOKS)
        """Where a model saw what it named."""
        self.name: VotedLabel | None = None

    def go(self, box: Box) -> None:
        """It is there now."""
        self._boxes.append(box)
        if len(self._boxes) > REMEMBERED:
            del self._boxes[ENDS]  # where it came from stays
        self._has_travelled = self._has_travelled or _travelled(self._boxes)

    def vote(self, box: Box, scores: Mapping[str, float], thing: Box | None = None) -> None:
        """A model looked at it. scores: 0..1 by label; none: it saw nothing it knows. thing: where it saw one, if it
        says so: what is behind a track, and does not move with it, gives it no name."""
        self._looks.append((side(box), scores))
        if thing is not None:
            self._things.append(thing)
            self._moved = self._moved or _moved(self._things)
        if not self._has_travelled or (self._things and not self._moved):
            return
        best = max(self._means(), key=lambda name: name.score, default=None)
        if best is None or (self.name and best.label != self.name.label and best.score < self.name.score + CHANGES_BY):
            return
        if self.name is None or best.label != self.name.label or best.score > self.name.score:
            self.name = best

    @property
    def count(self) -> int:
        """How many looks there were of late."""
        return len(self._looks)

    def _means(self) -> list[VotedLabel]:
        """What may be said: a look at something larger weighs more."""
        largest = max((size for size, _ in self._looks), default=0.0) or 1.0
        weights = [size / largest for size, _ in self._looks]
        labels = {label for _, scores in self._looks for label in scores}
        made = []
        for label in labels:
            each = [scores.get(label, 0.0) for _, scores in self._looks]
            mean = sum(w * score for w, score in zip(weights, each, strict=True)) / sum(weights)
            if mean >= self._least(label) and sum(each) >= TOGETHER:
                made.append(VotedLabel(label, mean))
        return made

    def _least(self, label: str) -> float:
        return self._trigger if isinstance(self._trigger, float) else self._trigger.get(label, math.inf)


def side(box: Box) -> float:
    """Of a square as large."""
    return math.sqrt(max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]))


def _travelled(boxes: list[Box]) -> bool:
    if len(boxes) < 2 * ENDS:
        return False
    first, last = boxes[:ENDS], boxes[-ENDS:]
    (x0, y0), (x1, y1) = _middle(first), _middle(last)
    sizes = [side(box) for box in boxes]
    grown = median(sizes[-ENDS:]) >= GREW * max(median(sizes[:ENDS]), 1e-6)
    return grown or math.hypot(x1 - x0, y1 - y0) >= TRAVELLED * median(sizes)


def _moved(things: Sequence[Box]) -> bool:
    """Whether what was named has itself gone somewhere, or grown."""
    least = MOVED * median(side(thing) for thing in things)
    return any(
        (max(abs(a[0] - b[0]), abs(a[2] - b[2])) >= least and min(abs(a[0] - b[0]), abs(a[2] - b[2])) >= least / 4)
        or (max(abs(a[1] - b[1]), abs(a[3] - b[3])) >= least and min(abs(a[1] - b[1]), abs(a[3] - b[3])) >= least / 4)
        for a, b in combinations(things, 2)
    )


def _middle(boxes: list[Box]) -> tuple[float, float]:
    n = 2 * len(boxes)
    return sum(b[0] + b[2] for b in boxes) / n, sum(b[1] + b[3] for b in boxes) / n
