"""Stationary objects, such as a parked car or a sign that resembles a person. They must not name moving objects.

An object seen at the same place in several runs is stationary, and an object moving past it does not get its label.
Successive passing cars do not count: each is gone in the next run.
"""

from dataclasses import dataclass

from tawny.detection.models.object_model import DetectedObject, shared_model
from tawny.model.observations import Box

SAME = 0.8
"""Minimum intersection over union of the same object at the same place."""
STANDS_MS = 4000
"""Minimum time at the place, ms, for a stationary object."""
STANDS_LOOKS = 3
"""Minimum number of runs that saw it."""
BETWEEN_MS = 2500
"""Maximum time credited between two runs, ms: the place was not observed in between."""
MISSED = 1
"""Number of consecutive misses after which time at the place still accumulates."""
AWAY = 0.5
"""Share of the elapsed time subtracted during misses."""
MOST_MS = 60_000
"""Maximum accumulated time, ms."""
FORGET_MS = 3_600_000
"""An object not seen for this time, ms, is dropped. It may have been hidden or not inspected."""
MOST = 60
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
            self.stood_ms = min(MOST_MS, self.stood_ms + min(at_ms - self.last_ms, BETWEEN_MS))
        self.last_ms, self.looked_ms, self.looks, self.missed = at_ms, at_ms, self.looks + 1, 0

    def not_seen(self, at_ms: int) -> None:
        self.stood_ms = max(0.0, self.stood_ms - AWAY * min(at_ms - self.looked_ms, BETWEEN_MS))
        self.looked_ms, self.missed = at_ms, self.missed + 1


class StationaryObjects:
    """Stationary objects of one camera in one rotation."""

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def moving(self, at_ms: int, things: tuple[DetectedObject, ...], part: Box = WHOLE) -> list[DetectedObject]:
        """Return the objects that are not stationary; register all of them. part: inspected region of the frame."""
        self._places = [place for place in self._places if at_ms - place.last_ms < FORGET_MS][-MOST:]
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
