"""What is known of parts of the picture, on a coarse grid: how long each has been at rest, and how often what began
there came to nothing (leaves, water, the corner where insects swarm). The sensitivity that learns by itself.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tawny.detection.motion.boxes import CellBox

ROWS, COLUMNS = 18, 32
MOST_REST_S = 60.0
SEEN_S = 0.5
"""One look says no more than this of how long a place was at rest."""
REST_HALF_S = 0.5
"""Seconds of candidates that came to nothing that halve a place's rest."""
RESTLESS_S = 2.0
"""Seconds of candidates that came to nothing that halve what a place is worth."""
RESTLESS_HALF_S = 900.0
"""A place's restlessness is half forgotten after this."""
FORGIVEN = 0.7
"""What is left of a place's restlessness after a true event there."""
FREE_RATE, STEP_RATE = 0.7, 1.5
"""So many candidates a second may come to nothing everywhere; for every so many more, as much again is asked."""
MOST_EXTRA = 5.0
RATE_S = 20.0
"""Time over which the rate is taken."""
FLIGHTS, FLIGHTS_S = 2.0, 60.0
"""From so many of late on that flew by, it is the weather of insects; and the time over which they are forgotten."""
EVENT_TAKES = 5.0
"""So many fewer came to nothing after a true event, so that dense traffic cannot lock itself out."""


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
    """A candidate was in these places for so long."""

    places: GridRect
    for_s: float


class GroundGrid:
    """shape: rows and columns of cells."""

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
        """How long they had been at rest. Something is there now: it does not grow on until the next look."""
        self._busy[places.part] = True
        rest_s = np.sort(self._rest_s[places.part], axis=None)  # np.median takes five times as long for so few
        return float(rest_s[(rest_s.size - 1) // 2] + rest_s[rest_s.size // 2]) / 2

    def worth(self, places: GridRect) -> float:
        """What evidence counts there, 0..1."""
        return 1.0 / (1.0 + float(self._restless_s[places.part].mean()) / RESTLESS_S)

    def asks_more(self, area: float) -> float:
        """How much more is asked of a thing of so many cells: much, while many as large come to nothing."""
        extra = min(MOST_EXTRA, max(0.0, self._vain / RATE_S - FREE_RATE) / STEP_RATE)
        return extra * min(1.0, 2 * self._vain_area / area)

    @property
    def flies(self) -> float:
        """0..1: how much flies by of late, sooner gone than anybody: insects, snow, drops."""
        return min(1.0, self._flights / FLIGHTS)

    def flew_by(self) -> None:
        """Something came fast and was soon gone."""
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
        """The end of a look."""
        self._rest_s[~self._busy] += min(dt, SEEN_S)
        np.minimum(self._rest_s, MOST_REST_S, out=self._rest_s)
        self._busy[:] = False
        self._vain *= float(np.exp(-dt / RATE_S))
        self._flights *= float(np.exp(-dt / FLIGHTS_S))
        self._restless_s *= 0.5 ** (dt / RESTLESS_HALF_S)
