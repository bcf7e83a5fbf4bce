"""Ground grid: history of the parts of the frame on a coarse grid.

Holds how long each part was at rest and how often candidates there were dismissed (leaves, water, swarming insects).
Adapts the sensitivity by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tawny.detection.motion.background_model import BackgroundModel, FrameDifference, Sensitivity
from tawny.detection.motion.blobs import CellBox

ROWS, COLUMNS = 18, 32
MOST_REST_S = 60.0
SEEN_S = 0.5
"""Maximum rest time credited to one frame, s."""
REST_HALF_S = 0.5
"""Seconds of dismissed candidates that halve a place's rest time."""
RESTLESS_S = 2.0
"""Seconds of dismissed candidates that halve a place's worth."""
RESTLESS_HALF_S = 900.0
"""Half-life of a place's restlessness, s."""
FORGIVEN = 0.7
"""Share of a place's restlessness that remains after a true event."""
FREE_RATE, STEP_RATE = 0.7, 1.5
"""Dismissed candidates per second that are tolerated; each further STEP_RATE requires as much evidence again."""
MOST_EXTRA = 5.0
RATE_S = 20.0
"""Averaging time of the rate, s."""
FLIGHTS, FLIGHTS_S = 2.0, 60.0
"""Number of recent fly-bys that indicates insects, and their decay time, s."""
EVENT_TAKES = 5.0
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
        self._vain = 0.0
        self._vain_area = 50.0
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
        extra = min(MOST_EXTRA, max(0.0, self._vain / RATE_S - FREE_RATE) / STEP_RATE)
        return extra * min(1.0, 2 * self._vain_area / area)

    @property
    def flies(self) -> float:
        """0..1: rate of recent fly-bys of insects, snow or drops."""
        return min(1.0, self._flights / FLIGHTS)

    def flew_by(self) -> None:
        """Register a fast object that left soon."""
        self._flights = min(2 * FLIGHTS, self._flights + 1)

    def came_to_nothing(self, area: float, stays: Iterable[CandidateStay]) -> None:
        self._vain += 1
        self._vain_area += (area - self._vain_area) * 0.05
        for places, for_s in stays:
            self._restless_s[places.part] += for_s
            self._rest_s[places.part] *= 0.5 ** (for_s / REST_HALF_S)

    def was_real(self, stays: Iterable[CandidateStay]) -> None:
        self._vain = max(0.0, self._vain - EVENT_TAKES)
        for places in {stay.places for stay in stays}:
            self._restless_s[places.part] *= FORGIVEN

    def pass_time(self, dt: float) -> None:
        """Advance the time at the end of a frame."""
        self._rest_s[~self._busy] += min(dt, SEEN_S)
        np.minimum(self._rest_s, MOST_REST_S, out=self._rest_s)
        self._busy[:] = False
        self._vain *= float(np.exp(-dt / RATE_S))
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

    @property
    def cells(self) -> int:
        return self.seen.now.size

    def need(self, area: float) -> float:
        return need(self.sensitivity, self.ground, area)


def need(sensitivity: Sensitivity, ground: GroundGrid, area: float) -> float:
    """Return the evidence that a candidate of this area (cells) needs to become an event."""
    return sensitivity.need * (1 + ground.asks_more(area))
