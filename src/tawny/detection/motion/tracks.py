"""Tracks: one thing over time, and which blob of a new look is which thing."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

from tawny.detection.motion.blobs import Blob
from tawny.detection.motion.boxes import CellBox, apart, way
from tawny.detection.motion.ground import CandidateStay, GridRect

REACH = 0.8
"""Sides from where it is expected within which a blob is the same thing; twice that for the second look..."""
REACH_CELLS = 2.0
"""...and so many cells."""
FACTOR = 8.0
"""Its area changes by no more than this from look to look."""
RESTS = 0.06
"""Share of its cells that move in themselves, up to which it rests."""
TRAVELS, TRAVEL_S = 1.2, 0.5
"""Sizes: what goes so far, in so long at least, has left its place..."""
SLOWLY = 0.6
"""...and what goes so far is on its way..."""
STRAIGHT = 0.6
"""...both if so much of the path that it walked was way."""
FAST_S, SLOW_S = 1.1, 3.2
"""Lately: so long for what leaves its place, so long for what is on its way..."""
LATE_STEPS, JUMPS = 5, 0.6
"""...in so many steps at least, none of which is so much of the way: a blob that merges jumps."""
COVERED, CORE = 0.65, 0.25
"""A thing covers its ground: so much of its area differed for so much of the last seconds. Leaves and snow do not."""
PEAK_S = 5.0
"""Time constant of the largest area of late."""
HINTED, HINTED_FALL = 1.4, 3.0
"""Somebody who is hardly to be seen: of so many least sizes at most. Hints do to follow them, of a third of their size
at least..."""
CALM_S, CALM_WORTH = 10.0, 0.8
"""...and only on ground that was at rest so long and is worth so much: leaves give hints all the time."""
_STEPS, _STAYS = 60, 300
"""Most steps and stays that are kept of a track."""


class TrackState(Enum):
    CANDIDATE = auto()
    MOVING = auto()
    HELD = auto()
    """An event that does not move in itself."""
    GONE = auto()
    """A candidate that came to nothing, or was none."""
    ENDED = auto()


class TrackStep(NamedTuple):
    t: float
    box: CellBox


@dataclass(eq=False)
class MotionTrack:
    """Times are seconds of the detector's own clock, lengths are own sizes, areas cells."""

    number: int
    born_t: float
    box: CellBox
    area: float
    path: list[TrackStep]
    """The first step, and the last ones."""
    anchor: TrackStep
    """Where it last travelled from."""
    seen_t: float
    moved_t: float
    """When it last moved in itself."""
    start_t: float
    """When the first evidence came: where the event begins."""
    in_sight_s: float = 0.0
    """How long it was seen, gaps not counted."""
    state: TrackState = TrackState.CANDIDATE
    stays: list[CandidateStay] = field(default_factory=list)
    end_t: float = 0.0
    evidence: float = 0.0
    far: float = 0.0
    """Its longest way from its birthplace."""
    walked: float = 0.0
    """Its whole path as a candidate."""
    grown: float = 0.0
    """How far one of its sides has come."""
    trust_s: float = 0.0
    """How long its places had been at rest when it came."""
    worth: float = 0.0
    """What its places were worth when it was last seen."""
    alone: float = 0.0
    looks: int = 0
    """Sum over so many looks of its share in all that differed."""
    peak: float = 0.0
    """Its largest area of late, while it moved."""
    anchor_walked: float = 0.0
    """Its whole path since the anchor."""
    covered_t: float = 0.0
    """When it last covered its ground."""

    @classmethod
    def begun(cls, number: int, t: float, blob: Blob) -> "MotionTrack":
        step = TrackStep(t, blob.box)
        return cls(number, t, blob.box, blob.area, path=[step], anchor=step, seen_t=t, moved_t=t, start_t=t)

    @property
    def is_event(self) -> bool:
        return self.state in (TrackState.MOVING, TrackState.HELD)

    @property
    def is_on_calm_ground(self) -> bool:
        return self.trust_s >= CALM_S and self.worth >= CALM_WORTH

    @property
    def is_over(self) -> bool:
        return self.state in (TrackState.GONE, TrackState.ENDED)

    @property
    def boxes(self) -> list[CellBox]:
        return [step.box for step in self.path]

    @property
    def displacement_from_birth(self) -> float:
        """How far it is from where it was first seen."""
        path = self.path
        return way([path[0].box, path[1].box], [path[-2].box, path[-1].box]) if len(path) > 1 else 0.0

    def expected(self, t: float) -> tuple[float, float, float, float]:
        """Its box, moved on at the speed of its last two steps."""
        if len(self.path) < 2:
            return self.box
        (t0, a), (t1, b) = self.path[-2:]
        steps = min(t - t1, 0.5) / max(t1 - t0, 0.05)
        dx = (b.x0 + b.x1 - a.x0 - a.x1) / 2 * steps
        dy = (b.y0 + b.y1 - a.y0 - a.y1) / 2 * steps
        return b.x0 + dx, b.y0 + dy, b.x1 + dx, b.y1 + dy

    def step(self, t: float, dt: float, blob: Blob, *, moves: bool) -> None:
        """It was seen again. moves: in itself, as far as can be told."""
        self.seen_t = t
        self.in_sight_s += dt
        if moves:
            self.moved_t = t
        self.path.append(TrackStep(t, blob.box))
        self.box = blob.box
        self.area += 0.3 * (blob.area - self.area)
        if len(self.path) > _STEPS:
            del self.path[1:20]
        if self.state is TrackState.MOVING:
            self.peak = max(blob.area, self.peak * math.exp(-dt / PEAK_S))
        self._travel(t)

    @property
    def gone(self) -> float:
        """How far it is from its anchor."""
        return way([self.anchor.box], [self.box])

    def is_travelling(self, t: float) -> bool:
        """It goes slowly, but straight, since it last travelled or of late."""
        return (self.gone > SLOWLY and self._is_straight) or self._gone_of_late(t, SLOW_S, 3) > SLOWLY

    @property
    def _is_straight(self) -> bool:
        return self.gone > STRAIGHT * self.anchor_walked

    def _travel(self, t: float) -> None:
        self.anchor_walked += way([self.path[-2].box], [self.box])
        has_left = self.gone > TRAVELS and self._is_straight and t - self.anchor.t > TRAVEL_S
        if has_left or (self.is_event and self._gone_of_late(t, FAST_S, 1) > TRAVELS):
            self.set_anchor(t)

    def _gone_of_late(self, t: float, within_s: float, every: int) -> float:
        """How far it has come lately, if straight and step by step: it may have lingered before, or been another."""
        late = [step.box for step in self.path if t - step.t <= within_s][::every]
        if len(late) < LATE_STEPS:
            return 0.0
        steps = [way([a], [b]) for a, b in pairwise(late)]
        far = way(late[:1], late[-1:])
        return far if far > STRAIGHT * sum(steps) and max(steps) < JUMPS * far else 0.0

    def set_anchor(self, t: float) -> None:
        self.anchor, self.anchor_walked = TrackStep(t, self.box), 0.0

    def begin_again(self, t: float) -> None:
        """What spoke for a candidate so far may have been another's."""
        self.start_t, self.evidence = t, 0.0

    def stay(self, places: GridRect, dt: float) -> None:
        self.stays.append(CandidateStay(places, dt))
        del self.stays[:-_STAYS]

    def end(self, end_t: float) -> None:
        self.state, self.end_t = TrackState.ENDED, end_t


def assign(
    t: float, tracks: Iterable[MotionTrack], blobs: Sequence[Blob], least_cells: int
) -> tuple[list[tuple[MotionTrack, Blob]], list[Blob]]:
    """Which blob each track goes on with, and the sure ones that are nobody's. Two events may share one: they merged.

    least_cells: of a sure blob.
    """
    pairs: list[tuple[MotionTrack, Blob]] = []
    used: set[int] = set()
    for track in sorted(tracks, key=lambda k: (not k.is_event, k.born_t)):  # the sure ones choose first
        free = blobs if track.is_event else [blob for blob in blobs if blob.number not in used]
        best = _nearest(t, track, [blob for blob in free if blob.is_sure])
        if best is None and track.area <= HINTED * least_cells and track.is_on_calm_ground:
            best = _nearest(t, track, [b for b in free if not b.is_sure and HINTED_FALL * b.area >= track.area])
        if best is not None:
            used.add(best.number)
            pairs.append((track, best))
    return pairs, [blob for blob in blobs if blob.is_sure and blob.number not in used]


def _nearest(t: float, track: MotionTrack, blobs: Iterable[Blob]) -> Blob | None:
    best, least = None, math.inf
    expected = track.expected(t)
    reach = (REACH if len(track.path) > 1 else 2 * REACH) * max(3.0, track.area**0.5) + REACH_CELLS
    for blob in blobs:
        gap = apart(expected, blob.box)
        if gap > reach or not 1 / FACTOR < (blob.area + 10) / (track.area + 10) < FACTOR:
            continue
        rank = gap + 3 * abs(math.log((blob.area + 5) / (track.area + 5)))
        if rank < least:
            best, least = blob, rank
    return best
