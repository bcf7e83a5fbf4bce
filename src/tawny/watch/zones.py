"""A detector that knows the picture's zones: it does not see what is masked, and says where things are.

It stands in front of any other detector and is one itself. With zones, only what is in one of them is an event, from
the look on at which its zone's demands are met. Things are judged by where they stand, the middle of their lower edge,
and by where their middle is. One thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from tawny.model.observations import Frame, Look, Observation
from tawny.model.polygon import Point, Polygon, crossing, foot, middle
from tawny.watch.detector import Detector, Glances
from tawny.watch.frames import Masked
from tawny.watch.region import Region

LINE_SCORE = 50
GOES = 0.05
"""Share of the picture that something goes before it has a direction."""
FORGET_MS = 10_000
"""A thing not seen for so long is forgotten."""
_WAYS: Mapping[str, Point] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


@dataclass(frozen=True, slots=True)
class Zone:
    """level: score from which on something counts. smallest: share of the picture. direction: where it goes."""

    name: str
    polygon: Polygon
    level: int = LINE_SCORE
    smallest: float = 0.0
    stay_s: float = 0.0
    direction: str = "any"

    def has(self, thing: Observation) -> bool:
        return self.polygon.contains(*foot(thing.box)) or self.polygon.contains(*middle(thing.box))


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    ends: tuple[Point, Point]
    direction: Literal["both", "left-to-right", "right-to-left"] = "both"

    def is_crossed(self, one: Point, two: Point) -> bool:
        way = crossing(self.ends, one, two)
        return way != 0 and (self.direction == "both" or (way > 0) == (self.direction == "left-to-right"))


@dataclass(frozen=True, slots=True)
class Places:
    """Of one camera. mask: what detectors do not see."""

    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    mask: tuple[Polygon, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.zones or self.lines or self.mask)


@dataclass(slots=True)
class _Thing:
    """One that is followed. entered_ms: by zone, since when it is there without a break."""

    born: Point
    at: Point
    seen_ms: int
    is_new: bool = True
    entered_ms: dict[str, int] = field(default_factory=dict)
    crossed: tuple[str, ...] = ()


def in_places(detector: Detector, places: Places) -> Detector:
    """The detector, with zones, lines and masks if there are any."""
    if not places:
        return detector
    return GlancingZoned(detector, places) if isinstance(detector, Glances) else Zoned(detector, places)


class Zoned:
    """What the inner detector says, told by zones."""

    name: ClassVar[str] = "zoned"

    def __init__(self, inner: Detector, places: Places) -> None:
        self._inner, self._places = inner, places
        self._region = Region(places.mask, outside=True)
        self._things: dict[int, _Thing] = {}
        self._last_ms = 0
        self._told: set[int] = set()
        self.looks_a_second = getattr(inner, "looks_a_second", 5.0)

    def look(self, frame: Frame) -> Look:
        look = self._inner.look(self._shown(frame))
        at_ms = frame.at_ms
        if at_ms < self._last_ms:
            self._things.clear()
        self._last_ms = at_ms
        seen = tuple(found for thing in look.seen if (found := self._placed(thing, look.score, at_ms)) is not None)
        for track in [track for track, one in self._things.items() if at_ms - one.seen_ms > FORGET_MS]:
            del self._things[track]
        score = look.score if seen or not self._places.zones else min(look.score, LINE_SCORE - 1)
        over = tuple(replace(thing, zones=self._zones_of(thing)) for thing in look.over if thing.track in self._told)
        self._told = (self._told | {thing.track for thing in seen}) - {thing.track for thing in look.over}
        return Look(score, seen, over)

    def _zones_of(self, thing: Observation) -> tuple[str, ...]:
        known = self._things.get(thing.track)
        return (*known.entered_ms, *known.crossed) if known else ()

    def _shown(self, frame: Frame) -> Frame:
        """The frame without what is masked."""
        luma = frame.luma
        shown = self._region.of(luma)
        return frame if shown is luma else Masked(frame, shown, self._region.hidden)

    def _placed(self, seen: Observation, score: int, at_ms: int) -> Observation | None:
        """The thing with its zones; None if it is in none of them."""
        at = foot(seen.box)
        thing = self._things.get(seen.track)
        if thing is None:
            thing = self._things[seen.track] = _Thing(at, at, at_ms)
        thing.crossed += tuple(
            line.name for line in self._places.lines if line.name not in thing.crossed and line.is_crossed(thing.at, at)
        )
        inside = [zone for zone in self._places.zones if self._counts(zone, thing, seen, score, at_ms)]
        thing.at, thing.seen_ms, thing.is_new = at, at_ms, False
        names = (*(zone.name for zone in inside), *thing.crossed)
        if self._places.zones and not names:
            return None
        since_ms = seen.since_ms
        if inside and since_ms is not None:
            since_ms = max(since_ms, min(thing.entered_ms[zone.name] for zone in inside))
        return replace(seen, zones=names, since_ms=since_ms)

    def _counts(self, zone: Zone, thing: _Thing, seen: Observation, score: int, at_ms: int) -> bool:
        if not zone.has(seen):
            thing.entered_ms.pop(zone.name, None)
            return False
        first_ms = at_ms if seen.since_ms is None or not thing.is_new else min(at_ms, seen.since_ms)
        entered_ms = thing.entered_ms.setdefault(zone.name, first_ms)
        x0, y0, x1, y1 = seen.box
        return (
            score >= zone.level
            and (x1 - x0) * (y1 - y0) >= zone.smallest
            and at_ms - entered_ms >= zone.stay_s * 1000
            and _goes(zone.direction, thing.born, foot(seen.box))
        )


class GlancingZoned(Zoned):
    """Of a detector that can be woken (`watch.detector.Glances`)."""

    def __init__(self, inner: Detector, places: Places) -> None:
        super().__init__(inner, places)
        assert isinstance(inner, Glances)
        self._glances: Glances = inner

    def glance(self, frame: Frame) -> bool:
        return self._glances.glance(self._shown(frame))

    @property
    def is_following(self) -> bool:
        return self._glances.is_following


def _goes(direction: str, born: Point, now: Point) -> bool:
    if direction == "any":
        return True
    x, y = _WAYS[direction]
    return (now[0] - born[0]) * x + (now[1] - born[1]) * y >= GOES
