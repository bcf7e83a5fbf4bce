"""Things that stand where they stood: a parked car, a sign that looks like somebody. They say nothing of what moves.

A model sees them again and again in the same place. One that has not moved for some looks is standing, and a thing that
moves past it is not called by its name.
"""

from dataclasses import dataclass

from tawny.model.observations import Box
from tawny.watch.objects.model import Thing, shared

SAME = 0.8
"""Intersection over union from which on it is the same thing in the same place."""
STANDS_MS = 4000
"""Seen there for so long at least..."""
STANDS_LOOKS = 3
"""...and so often, it stands."""
FORGET_MS = 3_600_000
"""Not seen for so long, it is forgotten: it may have been hidden, or nobody looked."""
MOST = 60


@dataclass
class _Place:
    label: str
    box: Box
    first_ms: int
    last_ms: int
    looks: int = 1

    @property
    def stands(self) -> bool:
        return self.looks >= STANDS_LOOKS and self.last_ms - self.first_ms >= STANDS_MS


class Standing:
    """Of one camera."""

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def moving(self, at_ms: int, things: tuple[Thing, ...]) -> list[Thing]:
        """Those that do not stand; all are remembered."""
        self._places = [place for place in self._places if at_ms - place.last_ms < FORGET_MS][-MOST:]
        return [thing for thing in things if not self._remember(at_ms, thing)]

    def _remember(self, at_ms: int, thing: Thing) -> bool:
        for place in self._places:
            if place.label == thing.label and shared(place.box, thing.box) >= SAME:
                place.last_ms, place.looks = at_ms, place.looks + 1
                return place.stands
        self._places.append(_Place(thing.label, thing.box, at_ms, at_ms))
        return False
