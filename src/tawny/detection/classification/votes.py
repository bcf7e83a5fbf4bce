"""Label votes of a track: it gets a label when several runs agree and the object has moved.

A branch swaying in place collects votes for any label, but it has no displacement.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from tawny.model.observations import Box

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
"""Number of boxes averaged at either end of the path."""
REMEMBERED = 40
CHANGES_BY = 0.1
"""Minimum score gain for a change of label."""


@dataclass(frozen=True, slots=True)
class VotedLabel:
    label: str
    score: float
    """Weighted mean score of the recent runs, 0..1."""


class LabelVotes:
    """Votes of one track.

    trigger: minimum mean score, for all labels or by label; labels not in the mapping are ignored.
    """

    def __init__(self, trigger: float | Mapping[str, float]) -> None:
        self._trigger = trigger
        self._looks: deque[tuple[float, Mapping[str, float]]] = deque(maxlen=LOOKS)
        self._boxes: list[Box] = []
        self._has_travelled = self._moved = False
        self._things: deque[Box] = deque(maxlen=LOOKS)
        """Recent boxes in which the model found the object."""
        self.name: VotedLabel | None = None

    def go(self, box: Box) -> None:
        """Register the track's current box."""
        self._boxes.append(box)
        if len(self._boxes) > REMEMBERED:
            del self._boxes[ENDS]  # keep the start of the path
        self._has_travelled = self._has_travelled or _travelled(self._boxes)

    def vote(self, box: Box, scores: Mapping[str, float], thing: Box | None = None) -> None:
        """Register a run.

        scores: 0..1 by label; empty: nothing recognized. thing: the model's box, if it gives one. An object behind the
        track that does not move with it gives no label.
        """
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
            if mean >= self._least(label) and sum(each) >= TOGETHER:
                made.append(VotedLabel(label, mean))
        return made

    def _least(self, label: str) -> float:
        return self._trigger if isinstance(self._trigger, float) else self._trigger.get(label, math.inf)


def side(box: Box) -> float:
    """Return the side of a square of the same area."""
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
