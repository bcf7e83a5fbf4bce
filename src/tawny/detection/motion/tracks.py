"""Tracks: one object over time, the assignment of blobs to tracks, and what the ground under them is known for."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tawny.detection.motion.background_model import BackgroundModel, FrameDifference, Sensitivity
from tawny.detection.motion.cells import Blob, CellBox, apart, way

# Detector time in seconds: monotonic, whatever the times of the frames.

LONGEST_S = 2.0
"""Maximum time credited to one frame, s."""
BREAK_S = 10.0
"""A longer pause, s, or a backward step breaks all tracks."""
FORGET_S = 300.0
"""After a longer pause, s, the lighting counts as changed too."""
BACK_STEP_S = 0.2


class Tick(NamedTuple):
    t: float
    dt: float
    """Seconds since the previous frame, 0..2."""
    forget: bool
    """Whether the frame must be adopted as the background."""


class DetectorClock:
    """Converts frame times to detector time; 0 at the first frame."""

    def __init__(self, at_ms: int) -> None:
        self._zero_ms = self._last_ms = at_ms
        self.t = 0.0

    def breaks(self, at_ms: int) -> bool:
        """Return whether tracks cannot continue at this frame. Call before `tick`."""
        return not 0 <= at_ms - self._last_ms <= BREAK_S * 1000

    def after(self, at_ms: int) -> float:
        """Return the detector time of a coming frame that does not break."""
        return (at_ms - self._zero_ms) / 1000

    def tick(self, at_ms: int) -> Tick:
        """Advance to this frame."""
        passed_s = (at_ms - self._last_ms) / 1000
        if self.breaks(at_ms):
            own_s = LONGEST_S if passed_s > 0 else BACK_STEP_S
            self._zero_ms = at_ms - round((self.t + own_s) * 1000)
        t = (at_ms - self._zero_ms) / 1000
        dt = min(max(t - self.t, 0.0), LONGEST_S)
        self.t, self._last_ms = t, at_ms
        return Tick(t, dt, forget=passed_s > FORGET_S)

    def at_ms(self, t: float) -> int:
        """Return a detector time since the last break as ms UTC."""
        return self._zero_ms + round(t * 1000)


# Ground grid: the history of the parts of the frame, how long each was at rest and how often candidates there were
# dismissed (leaves, water, swarming insects). It adapts the sensitivity by itself.


ROWS, COLUMNS = 18, 32
MOST_REST_S = 60.0
SEEN_S = 2.0
"""Maximum rest time credited to one frame, s."""
REST_HALF_S = 0.5
"""Seconds of dismissed candidates that halve a place's rest time."""
RESTLESS_S = 2.0
"""Seconds of dismissed candidates that halve a place's worth."""
RESTLESS_HALF_S = 900.0
"""Half-life of a place's restlessness, s."""
FORGIVEN = 0.7
"""Share of a place's restlessness that remains after a true event."""
FOLLOWED_S = 0.3
"""Minimum observed time, s, of a dismissed candidate that counts. Insects that one frame catches say nothing about an
object that is followed: counted, a few a second hide a person in the lamp's light."""
FREE_RATE, STEP_RATE = 0.23, 0.5
"""Dismissed candidates per second that are tolerated; each further STEP_RATE requires as much evidence again."""
MOST_EXTRA = 5.0
MOST_DISMISSED = 3.0
"""Recent dismissed candidates from which less noise is taken for objects."""
RATE_S = 20.0
"""Averaging time of the rate, s."""
FLIGHTS, FLIGHTS_S = 2.0, 60.0
"""Number of recent fly-bys that indicates insects, and their decay time, s."""
EVENT_TAKES = 1.7
"""Reduction of dismissed candidates after a true event, so that dense traffic is not suppressed."""


class GridRect(NamedTuple):
    """A rectangle of the grid."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def part(self) -> tuple[slice, slice]:
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


class CandidateStay(NamedTuple):
    """Time a candidate spent in a rectangle of the grid."""

    places: GridRect
    for_s: float


class GroundGrid:
    """The ground grid of one camera. shape: rows and columns of cells."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._rest_s: npt.NDArray[np.float32] = np.zeros((ROWS, COLUMNS), np.float32)
        self._restless_s = np.zeros((ROWS, COLUMNS), np.float32)
        self._busy = np.zeros((ROWS, COLUMNS), np.bool_)
        self._dismissed = 0.0
        self._dismissed_area = 50.0
        self._flights = 0.0

    def places(self, box: CellBox) -> GridRect:
        height, width = self._shape
        return GridRect(
            box.y0 * ROWS // height, (box.y1 - 1) * ROWS // height + 1,
            box.x0 * COLUMNS // width, (box.x1 - 1) * COLUMNS // width + 1,
        )  # fmt: skip

    def rest_s(self, places: GridRect) -> float:
        """Return the rest time of these places and mark them busy, so that it does not grow at this frame."""
        self._busy[places.part] = True
        rest_s = np.sort(self._rest_s[places.part], axis=None)  # np.median takes five times as long for this size
        return float(rest_s[(rest_s.size - 1) // 2] + rest_s[rest_s.size // 2]) / 2

    def worth(self, places: GridRect) -> float:
        """Return the weight of evidence at these places, 0..1."""
        return 1.0 / (1.0 + float(self._restless_s[places.part].mean()) / RESTLESS_S)

    def asks_more(self, area: float) -> float:
        """Return the additional evidence required, as a factor, for an object of this area (cells).

        High while similar ones are dismissed.
        """
        extra = min(MOST_EXTRA, max(0.0, self._dismissed / RATE_S - FREE_RATE) / STEP_RATE)
        return extra * min(1.0, 2 * self._dismissed_area / area)

    @property
    def dismissal_rate(self) -> float:
        """0..1: rate of dismissed candidates."""
        return min(1.0, self._dismissed / MOST_DISMISSED)

    @property
    def flies(self) -> float:
        """0..1: rate of recent fly-bys of insects, snow or drops."""
        return min(1.0, self._flights / FLIGHTS)

    def flew_by(self) -> None:
        """Register a fast object that left soon."""
        self._flights = min(2 * FLIGHTS, self._flights + 1)

    def note_dismissed(self, area: float, in_sight_s: float, stays: Iterable[CandidateStay]) -> None:
        """Register a dismissed candidate. in_sight_s: its observed time."""
        self._dismissed += in_sight_s >= FOLLOWED_S
        self._dismissed_area += (area - self._dismissed_area) * 0.05
        for places, for_s in stays:
            self._restless_s[places.part] += for_s
            self._rest_s[places.part] *= 0.5 ** (for_s / REST_HALF_S)

    def was_real(self, stays: Iterable[CandidateStay]) -> None:
        self._dismissed = max(0.0, self._dismissed - EVENT_TAKES)
        for places in {stay.places for stay in stays}:
            self._restless_s[places.part] *= FORGIVEN

    def pass_time(self, dt: float) -> None:
        """Advance the time at the end of a frame."""
        self._rest_s[~self._busy] += min(dt, SEEN_S)
        np.minimum(self._rest_s, MOST_REST_S, out=self._rest_s)
        self._busy[:] = False
        self._dismissed *= float(np.exp(-dt / RATE_S))
        self._flights *= float(np.exp(-dt / FLIGHTS_S))
        self._restless_s *= 0.5 ** (dt / RESTLESS_HALF_S)


# State of the detector while it processes one frame.


@dataclass(slots=True)
class MotionScene:
    sensitivity: Sensitivity
    memory: BackgroundModel
    ground: GroundGrid
    seen: FrameDifference
    is_young: bool
    """Whether the learning phase is not over."""
    whole: float
    """Number of cells in all blobs of this frame."""


def need(sensitivity: Sensitivity, ground: GroundGrid, area: float) -> float:
    """Return the evidence that a candidate of this area (cells) needs to become an event."""
    return sensitivity.need * (1 + ground.asks_more(area))


# Tracks and their blobs.

REACH = 0.8
"""Maximum distance between predicted position and blob, in object sides; doubled for a track's second step. REACH_CELLS
is added."""
REACH_CELLS = 2.0
"""Additional distance in cells."""
FACTOR = 8.0
"""Maximum factor by which the area changes between two frames."""
RESTS = 0.06
"""Maximum share of internally moving cells of an object at rest."""
TRAVELS, TRAVEL_S = 1.2, 0.5
"""Displacement in object sizes, and minimum time, s, after which an object has left its place."""
SLOWLY = 0.6
"""Displacement in object sizes from which an object is moving."""
STRAIGHT = 0.6
"""Minimum ratio of displacement to path length for both."""
FAST_S, SLOW_S = 1.1, 3.2
"""Time windows, s: for an object that left its place, and for a slowly moving one."""
LATE_STEPS, JUMPS = 5, 0.6
"""Minimum number of steps in the window, and maximum share of the displacement in one step: merging blobs jump."""
COVERED, CORE = 0.65, 0.25
"""An object covers its ground if this share of its area differed for this share of recent seconds. Leaves and snow do
not."""
PEAK_S = 5.0
"""Time constant of the recent maximum area, s."""
HINTED, HINTED_FALL = 1.4, 3.0
"""Maximum area of a faint object, in minimum sizes, that hints may continue; hints have at least a third of its
area."""
CALM_S, CALM_WORTH = 10.0, 0.8
"""Minimum rest time, s, and worth of the ground for hints: leaves give hints all the time."""
_STEPS, _STAYS = 60, 300
"""Maximum number of steps and stays stored per track."""


class TrackState(Enum):
    CANDIDATE = auto()
    MOVING = auto()
    HELD = auto()
    """An event without internal motion."""
    GONE = auto()
    """A dismissed candidate."""
    ENDED = auto()


class TrackStep(NamedTuple):
    t: float
    box: CellBox


@dataclass(eq=False)
class MotionTrack:
    """A tracked object. Times are detector time (s), lengths are in object sizes, areas in cells."""

    number: int
    born_t: float
    box: CellBox
    area: float
    path: list[TrackStep]
    """The first step and the most recent ones."""
    anchor: TrackStep
    """Position and time of the last displacement."""
    seen_t: float
    moved_t: float
    """Time of the last internal motion."""
    start_t: float
    """Time of the first evidence: start of the event."""
    in_sight_s: float = 0.0
    """Time observed, s, without gaps."""
    state: TrackState = TrackState.CANDIDATE
    stays: list[CandidateStay] = field(default_factory=list)
    end_t: float = 0.0
    evidence: float = 0.0
    far: float = 0.0
    """Maximum displacement from the start."""
    walked: float = 0.0
    """Path length as a candidate."""
    grown: float = 0.0
    """Maximum displacement of one side."""
    excess: float = 1.0
    """Recent mean difference as a multiple of the limits."""
    trust_s: float = 0.0
    """Rest time of its places before it came, s."""
    worth: float = 0.0
    """Worth of its places when last seen."""
    alone: float = 0.0
    looks: int = 0
    """Number of frames over which `alone` sums its share of all differing cells."""
    peak: float = 0.0
    """Recent maximum area while moving."""
    anchor_walked: float = 0.0
    """Path length since the anchor."""
    covered_t: float = 0.0
    """Time at which it last covered its ground."""

    @classmethod
    def begun(cls, number: int, t: float, blob: Blob) -> "MotionTrack":
        step = TrackStep(t, blob.box)
        return cls(
            number, t, blob.box, blob.area, path=[step], anchor=step, seen_t=t, moved_t=t, start_t=t, excess=blob.excess
        )

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
        """Displacement from the first position."""
        path = self.path
        return way([path[0].box, path[1].box], [path[-2].box, path[-1].box]) if len(path) > 1 else 0.0

    def expected(self, t: float) -> tuple[float, float, float, float]:
        """Return the predicted box at the speed of the last two steps."""
        if len(self.path) < 2:
            return self.box
        (t0, a), (t1, b) = self.path[-2:]
        steps = min(t - t1, 0.5) / max(t1 - t0, 0.05)
        dx = (b.x0 + b.x1 - a.x0 - a.x1) / 2 * steps
        dy = (b.y0 + b.y1 - a.y0 - a.y1) / 2 * steps
        return b.x0 + dx, b.y0 + dy, b.x1 + dx, b.y1 + dy

    def step(self, t: float, dt: float, blob: Blob, *, moves: bool) -> None:
        """Register a new observation. moves: internal motion, as far as known."""
        self.seen_t = t
        self.in_sight_s += dt
        if moves:
            self.moved_t = t
        self.path.append(TrackStep(t, blob.box))
        self.box = blob.box
        self.area += 0.3 * (blob.area - self.area)
        self.excess += 0.3 * (blob.excess - self.excess)
        if len(self.path) > _STEPS:
            del self.path[1:20]
        if self.state is TrackState.MOVING:
            self.peak = max(blob.area, self.peak * math.exp(-dt / PEAK_S))
        self._travel(t)

    @property
    def gone(self) -> float:
        """Displacement from the anchor."""
        return way([self.anchor.box], [self.box])

    def is_travelling(self, t: float) -> bool:
        """Return whether it moves slowly but straight, from the anchor or within the recent window."""
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
        """Return the recent displacement if straight and in even steps, else 0: it may have lingered or been another
        object."""
        late = [step.box for step in self.path if t - step.t <= within_s][::every]
        if len(late) < LATE_STEPS:
            return 0.0
        steps = [way([a], [b]) for a, b in pairwise(late)]
        far = way(late[:1], late[-1:])
        return far if far > STRAIGHT * sum(steps) and max(steps) < JUMPS * far else 0.0

    def set_anchor(self, t: float) -> None:
        self.anchor, self.anchor_walked = TrackStep(t, self.box), 0.0

    def begin_again(self, t: float) -> None:
        """Discard the evidence of a candidate, which may belong to another object."""
        self.start_t, self.evidence = t, 0.0

    def stay(self, places: GridRect, dt: float) -> None:
        self.stays.append(CandidateStay(places, dt))
        del self.stays[:-_STAYS]

    def end(self, end_t: float) -> None:
        self.state, self.end_t = TrackState.ENDED, end_t


def assign(
    t: float, tracks: Iterable[MotionTrack], blobs: Sequence[Blob], least_cells: int
) -> tuple[list[tuple[MotionTrack, Blob]], list[Blob]]:
    """Return the blob of each continued track, and the sure blobs without a track. Merged events may share a blob.

    least_cells: minimum size of a sure blob.
    """
    pairs: list[tuple[MotionTrack, Blob]] = []
    used: set[int] = set()
    for track in sorted(tracks, key=lambda k: (not k.is_event, k.born_t)):  # events choose first
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
