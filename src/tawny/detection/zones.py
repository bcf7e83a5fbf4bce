"""A detector wrapper that applies motion masks, zones, lines and the camera's threshold.

It wraps any detector and is one itself. An object counts from the frame at which K of its last W frames reach the
threshold. With zones it must also be inside a zone and meet that zone's conditions. The position of an object is its
foot point (middle of the lower edge) or its center. Call from one thread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from tawny.config.settings import CameraSettings, DetectionSettings, RemovedCameraSettings, Settings
from tawny.detection.detector import Detector, EventTrigger, Glances
from tawny.model.geometry import Orientation, Point, Polygon, crossing, foot, middle
from tawny.model.ids import CameraId
from tawny.model.observations import Frame, Look, Measurement, Observation

# The region of the frame that is evaluated. Pixels outside get the mean brightness of the region.

_SHIFT = 4
"""Fixed-point bits of the polygon corners."""


class Region:
    """polygons: the evaluated area; empty means the whole frame. outside: evaluate everything except the polygons."""

    def __init__(self, polygons: Sequence[Polygon] = (), *, outside: bool = False) -> None:
        self._polygons, self._outside = tuple(polygons), outside
        self._counts: Any = None

    def of(self, picture: Any) -> Any:
        """Return the frame with ignored pixels painted over, uint8 [height, width].

        The input is returned if nothing changes.
        """
        if not self._polygons:
            return picture
        if self._counts is None or self._counts.shape != picture.shape:
            self._counts = self.counts(*picture.shape)
        counts = self._counts > 0
        level = round(float(picture[counts].mean())) if counts.any() else 0
        return np.where(counts, picture, np.uint8(level))

    @property
    def hidden(self) -> Any:
        """Ignored pixels of the last frame, bool [height, width]."""
        return self._counts == 0

    def counts(self, height: int, width: int) -> Any:
        """Return the evaluated pixels of a frame of this size, uint8 [height, width]: 255; 0: ignored."""
        import cv2  # not at module level: settings import this module even where OpenCV is not installed

        drawn = np.zeros((height, width), np.uint8)
        for polygon in self._polygons:
            scale = np.array([width, height], np.float64) * (1 << _SHIFT)
            corners = np.round(np.array(polygon.points) * scale - (1 << _SHIFT) / 2).astype(np.int32)
            cv2.fillPoly(drawn, [corners], (255,), shift=_SHIFT)
        return ~drawn if self._outside else drawn


@dataclass(frozen=True)
class MaskedFrame:
    """Another frame with some pixels hidden. hidden: bool [height, width]."""

    frame: Frame
    luma: Any
    hidden: Any

    @property
    def camera(self) -> CameraId:
        return self.frame.camera

    @property
    def at_ms(self) -> int:
        return self.frame.at_ms

    @property
    def rgb(self) -> Any:
        """The frame in RGB; hidden pixels are black."""
        rgb = self.frame.rgb.copy()
        rgb[self.hidden] = 0
        return rgb


# Zones, lines and the threshold of a camera.

LINE_SCORE = 50
"""Score from which a detector itself reports an event."""
EVERYWHERE = ""
"""Key of the only stay of an object when no zones are configured."""
LOITERS = "loitering"
GOES = 0.05
"""Minimum displacement, as a share of the frame, before an object has a direction."""
_NEVER = 0.001
"""Distance of level 100 to the highest score. 0 would divide by zero; no number reaches what this makes."""
FORGET_MS = 10_000
"""An object not seen for this time is dropped."""
_WAYS: Mapping[str, Point] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


@dataclass(frozen=True, slots=True)
class DetectionZone:
    """A zone.

    level: score from which an object counts; None: the camera's level. smallest: minimum area, as a share of the frame.
    stay_s: minimum time in the zone. direction: required direction of motion, or `any`. loiter_s: time after which an
    object is marked as loitering; 0: never. left_s: time after which an abandoned or removed object is reported
    (`detection.scene_changes`); 0: never.
    """

    name: str
    polygon: Polygon
    level: int | None = None
    smallest: float = 0.0
    stay_s: float = 0.0
    direction: str = "any"
    loiter_s: float = 0.0
    left_s: float = 0.0

    def has(self, thing: Observation) -> bool:
        return self.polygon.contains(*foot(thing.box)) or self.polygon.contains(*middle(thing.box))


@dataclass(frozen=True, slots=True)
class DetectionLine:
    name: str
    ends: tuple[Point, Point]
    direction: Literal["both", "left-to-right", "right-to-left"] = "both"

    def is_crossed(self, one: Point, two: Point) -> bool:
        way = crossing(self.ends, one, two)
        return way != 0 and (self.direction == "both" or (way > 0) == (self.direction == "left-to-right"))


@dataclass(frozen=True, slots=True)
class CameraZones:
    """Zones, lines and masks of one camera.

    mask: areas the detector ignores. level, frames, within: threshold and the K and W of `detection.detector`.
    """

    zones: tuple[DetectionZone, ...] = ()
    lines: tuple[DetectionLine, ...] = ()
    mask: tuple[Polygon, ...] = ()
    level: int = LINE_SCORE
    frames: int = 1
    within: int = 1

    def __bool__(self) -> bool:
        return bool(self.zones or self.lines or self.mask or self.level != LINE_SCORE or self.frames > 1)


@dataclass(slots=True)
class _Stay:
    """Stay of an object in a zone. entered_ms: start of the uninterrupted stay."""

    entered_ms: int
    trigger: EventTrigger = field(default_factory=EventTrigger)
    since_ms: int | None = None
    """Time from which the object counts; None while it does not."""


@dataclass(slots=True)
class _Thing:
    """A tracked object."""

    born: Point
    at: Point
    seen_ms: int
    is_new: bool = True
    stays: dict[str, _Stay] = field(default_factory=dict)
    crossed: tuple[str, ...] = ()
    loiters: bool = False

    @property
    def zones(self) -> tuple[str, ...]:
        inside = tuple(name for name, stay in self.stays.items() if name and stay.since_ms is not None)
        return (*inside, *self.crossed)


def in_places(detector: Detector, places: CameraZones) -> Detector:
    """Return the detector, wrapped if level, zones, lines or masks differ from the defaults."""
    if not places:
        return detector
    return GlancingZonedDetector(detector, places) if isinstance(detector, Glances) else ZonedDetector(detector, places)


class ZonedDetector:
    """Applies threshold and zones to the results of the inner detector."""

    name: ClassVar[str] = "zoned"

    def __init__(self, inner: Detector, places: CameraZones) -> None:
        self._inner, self._places = inner, places
        self._region = Region(places.mask, outside=True)
        self._things: dict[int, _Thing] = {}
        self._last_ms = 0
        self._reported: set[int] = set()
        self.looks_a_second = getattr(inner, "looks_a_second", 5.0)
        if hasattr(inner, "near_from"):  # a classic detector has one track: no zone may prolong it in the others
            inner.near_from = min(LINE_SCORE, places.level)

    @property
    def takes_frame(self) -> bool:
        return bool(getattr(self._inner, "takes_frame", True))

    def look(self, frame: Frame) -> Look:
        look = self._inner.look(self._shown(frame))
        at_ms = frame.at_ms
        if at_ms < self._last_ms:
            self._things.clear()
        self._last_ms = at_ms
        all_seen = (*look.seen, *look.near)
        strengths = [_strength(thing, is_event=n < len(look.seen)) for n, thing in enumerate(all_seen)]
        placed = [self._placed(thing, strength, at_ms) for thing, strength in zip(all_seen, strengths, strict=True)]
        seen = tuple(one for one in placed if one is not None)
        near = tuple(self._near(thing) for thing, one in zip(all_seen, placed, strict=True) if one is None)
        for track in [track for track, one in self._things.items() if at_ms - one.seen_ms > FORGET_MS]:
            del self._things[track]
        over = tuple(
            replace(thing, zones=self._zones_of(thing)) for thing in look.over if thing.track in self._reported
        )
        self._reported = (self._reported | {thing.track for thing in seen}) - {thing.track for thing in look.over}
        score = self._score(look, strengths)
        return Look(score, seen, over, near, look.grid, mask=look.mask, measured=_measured(look, self._places.level))

    def _near(self, thing: Observation) -> Observation:
        """Return an object that does not count yet, with its zones: its zone scores are stored anyway."""
        return replace(thing, zones=tuple(zone.name for zone in self._places.zones if zone.has(thing)))

    def _score(self, look: Look, strengths: list[int]) -> int:
        """Return the score of the frame. If zones exist, only objects inside a zone contribute."""
        if not self._places.zones:
            return look.score
        if not strengths:
            return min(look.score, LINE_SCORE - 1)
        inside = [
            strength
            for thing, strength in zip((*look.seen, *look.near), strengths, strict=True)
            if any(zone.has(thing) for zone in self._places.zones)
        ]
        return min(100, max(inside, default=0))

    def _zones_of(self, thing: Observation) -> tuple[str, ...]:
        known = self._things.get(thing.track)
        return known.zones if known else ()

    def _shown(self, frame: Frame) -> Frame:
        """Return the frame without masked areas; unchanged for a detector with `takes_frame = False`."""
        if not self.takes_frame:
            return frame
        luma = frame.luma
        shown = self._region.of(luma)
        return frame if shown is luma else MaskedFrame(frame, shown, self._region.hidden)

    def _placed(self, seen: Observation, strength: int, at_ms: int) -> Observation | None:
        """Return the object with its zones, or None if it counts in none."""
        at = foot(seen.box)
        thing = self._things.get(seen.track)
        if thing is None:
            thing = self._things[seen.track] = _Thing(at, at, at_ms)
        crossed = tuple(
            line.name for line in self._places.lines if line.name not in thing.crossed and line.is_crossed(thing.at, at)
        )
        thing.crossed += crossed
        since_ms = self._since_ms(thing, seen, strength, at_ms)
        thing.at, thing.seen_ms, thing.is_new = at, at_ms, False
        if since_ms is None and not (thing.crossed and strength >= self._places.level):
            return None
        if seen.since_ms is not None and since_ms is not None:
            since_ms = max(since_ms, seen.since_ms)
        signs = (*seen.signs, LOITERS) if thing.loiters else seen.signs
        return replace(seen, zones=thing.zones, since_ms=since_ms or seen.since_ms, signs=signs)

    def _since_ms(self, thing: _Thing, seen: Observation, strength: int, at_ms: int) -> int | None:
        """Return the time from which the object counts in any zone (or at all, without zones); None while it does
        not."""
        if not self._places.zones:
            stay = thing.stays.setdefault(EVERYWHERE, _Stay(at_ms if seen.since_ms is None else seen.since_ms))
            self._step(stay, self._places.level, strength, at_ms, demands=True)
            return stay.since_ms
        for zone in self._places.zones:
            self._stay_in(zone, thing, seen, strength, at_ms)
        counts = [stay.since_ms for stay in thing.stays.values() if stay.since_ms is not None]
        return min(counts, default=None)

    def _stay_in(self, zone: DetectionZone, thing: _Thing, seen: Observation, strength: int, at_ms: int) -> None:
        if not zone.has(seen):
            thing.stays.pop(zone.name, None)
            return
        first_ms = at_ms if seen.since_ms is None or not thing.is_new else min(at_ms, seen.since_ms)
        stay = thing.stays.setdefault(zone.name, _Stay(first_ms))
        x0, y0, x1, y1 = seen.box
        demands = (
            (x1 - x0) * (y1 - y0) >= zone.smallest
            and at_ms - stay.entered_ms >= zone.stay_s * 1000
            and _goes(zone.direction, thing.born, foot(seen.box))
        )
        level = self._places.level if zone.level is None else zone.level
        self._step(stay, level, strength, at_ms, demands=demands)
        if zone.loiter_s and stay.since_ms is not None and at_ms - stay.entered_ms >= zone.loiter_s * 1000:
            thing.loiters = True

    def _step(self, stay: _Stay, level: int, strength: int, at_ms: int, *, demands: bool) -> None:
        """Register one frame of a stay. An object that counts does so until it leaves the zone."""
        moves = strength >= level and demands
        begun_ms = stay.trigger.add(at_ms, moves=moves, k=self._places.frames, within=self._places.within)
        if stay.since_ms is None and begun_ms is not None:
            stay.since_ms = stay.entered_ms


class GlancingZonedDetector(ZonedDetector):
    """ZonedDetector for a detector that supports keyframe checks (`detection.detector.Glances`)."""

    def __init__(self, inner: Detector, places: CameraZones) -> None:
        super().__init__(inner, places)
        assert isinstance(inner, Glances)
        self._glances: Glances = inner

    def glance(self, frame: Frame) -> bool:
        return self._glances.glance(self._shown(frame))

    @property
    def is_following(self) -> bool:
        return self._glances.is_following


def _strength(thing: Observation, *, is_event: bool) -> int:
    """Return the object's score, 0..100: at least 50 if the detector reports it as an event, else at most 49."""
    own = round(thing.score * 100)
    return min(100, max(LINE_SCORE, own)) if is_event else max(0, min(LINE_SCORE - 1, own))


def _measured(look: Look, level: int) -> Measurement | None:
    """Return the measurement with the number whose score is this level (`classic.base`), instead of 50."""
    if look.measured is None:
        return None
    share = level / LINE_SCORE if level <= LINE_SCORE else LINE_SCORE / max(100 - level, _NEVER)
    return replace(look.measured, level=look.measured.level * share)


def _goes(direction: str, born: Point, now: Point) -> bool:
    if direction == "any":
        return True
    x, y = _WAYS[direction]
    return (now[0] - born[0]) * x + (now[1] - born[1]) * y >= GOES


# Zone mapping: converts thresholds, zones, lines and masks from settings for detectors.


def privacy_masks(camera: CameraSettings | RemovedCameraSettings) -> tuple[Polygon, ...]:
    """Return the camera's privacy masks as polygons of the image as sent.

    They are drawn on the image as shown. Recordings made with another orientation have them at the same things.
    """
    orientation = Orientation(camera.rotate, camera.mirror)
    return tuple(orientation.polygon_sent(Polygon(points)) for points in camera.privacy_masks)


def masks_of(settings: Settings, camera: str) -> tuple[Polygon, ...]:
    """Return the privacy masks of a camera, also of one that was removed, in its images as sent."""
    known = settings.cameras.get(camera) or settings.removed_cameras.get(camera)
    return privacy_masks(known) if known is not None else ()


def camera_zones(watch: DetectionSettings) -> CameraZones:
    """Return the zones, lines and masks. Points have been validated with the settings."""
    return CameraZones(
        zones=tuple(
            DetectionZone(
                name,
                Polygon(one.points),
                one.threshold,
                one.min_size,
                one.min_time,
                one.direction,
                one.loitering_after,
                one.object_left_after,
            )
            for name, one in watch.zones.items()
        ),
        lines=tuple(
            DetectionLine(name, (one.points[0], one.points[1]), one.direction) for name, one in watch.lines.items()
        ),
        mask=tuple(Polygon(points) for points in watch.motion_masks),
        level=watch.threshold,
        frames=watch.frames,
        within=watch.within,
    )
