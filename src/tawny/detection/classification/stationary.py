"""Things that stand where they stood: a parked car, a sign that looks like somebody. They say nothing of what moves.

A model sees them again and again in the same place. One that has not moved for some looks is standing, and a thing that
moves past it is not called by its name. Where one car after another comes by none of them stands: each is gone in the
look after.
"""

from dataclasses import dataclass

from tawny.detection.models.object_model import DetectedObject, shared_model
from tawny.model.observations import Box

SAME = 0.8
"""Intersection over union from which on it is the same thing in the same place."""
STANDS_MS = 4000
"""Seen there for so long at least, look after look..."""
STANDS_LOOKS = 3
"""...and so often, it stands."""
BETWEEN_MS = 2500
"""What passes between two looks counts for so much at most: who knows what was there."""
MISSED = 1
"""A model that is not sure misses it so often in a row..."""
AWAY = 0.5
"""...and while it does, half of the time is taken off again..."""
MOST_MS = 60_000
"""...of so much."""
FORGET_MS = 3_600_000
"""Not seen for so long, it is forgotten: it may have been hidden, or nobody looked."""
MOST = 60
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass
class _Place:
    label: str
    box: Box
    last_ms: int
    """When it was seen there."""
    looked_ms: int
    """When its place was looked at."""
    looks: int = 1
    stood_ms: float = 0.0
    missed: int = 0
    """Looks since it was seen."""

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
    """Of one camera, one way up."""

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def moving(self, at_ms: int, things: tuple[DetectedObject, ...], part: Box = WHOLE) -> list[DetectedObject]:
        """Those that do not stand; all are remembered. part: of the picture, which was looked at."""
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
