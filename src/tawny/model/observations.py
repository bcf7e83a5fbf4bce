"""Input and output of detectors, and the paths of the objects that they see. Pure."""

import json
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol

from tawny.model.ids import CameraId

# Recognized texts and faces.


@dataclass(frozen=True, slots=True)
class RecognisedText:
    """Result of a recognizer for an object in an event.

    by: the recognizer's name, such as `plates`. score: 0..1. text: recognized text, such as a license plate; empty for
    a face. who: id of a known identity; empty if unknown. Its name is used only while it stays known.
    """

    by: str
    text: str
    score: float
    who: str = ""


def spoken(word: str) -> str:
    """Normalize a text: lower case, letters and digits only."""
    return "".join(one for one in word.lower() if one.isalnum())


Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 as shares 0..1 of the frame's width and height."""
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
"""Box of something whose place is not known."""
REPORTED = "reported"
"""Sign of what the camera itself reported."""


class Frame(Protocol):
    """A decoded frame. Pixels are converted on access; their buffers are reused, so do not keep them."""

    @property
    def camera(self) -> CameraId: ...
    @property
    def at_ms(self) -> int:
        """UTC of exposure. Frames of one camera are in order, at irregular intervals: 0.2 to 30 per second."""
        ...

    @property
    def luma(self) -> Any:
        """uint8 [height, width]: the decoded Y plane, not copied; rows may have padding."""
        ...

    @property
    def rgb(self) -> Any:
        """uint8 [height, width, 3]. Costs a conversion; use `luma` for motion detection."""
        ...


@dataclass(frozen=True, slots=True)
class Observation:
    """One object at one instant. track: same number for the same object over time; 0 if not tracked."""

    label: str
    score: float
    """0..1."""
    box: Box
    track: int = 0
    since_ms: int | None = None
    """Time of the first observation of this object, if earlier than now and known."""
    until_ms: int | None = None
    """Only in `Look.over`: time of the last observation or movement of this object, whichever ended it."""
    zones: tuple[str, ...] = ()
    """Zones that contain the object, and lines that it crossed."""
    signs: tuple[str, ...] = ()
    """Additional attributes: `loitering`."""
    sure: float = 0.0
    """Confidence of the label, 0..1; 0 if no model named it and the label is the detector's own."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A detector's own number of one frame, and the level that motion exceeds, both in its unit."""

    number: float
    level: float


@dataclass(frozen=True, slots=True)
class FigureThing:
    """An object in a frame, as people see it drawn. score: 0..100."""

    box: Box
    score: int
    label: str


@dataclass(frozen=True, slots=True)
class MotionFigure:
    """What a detector found in one frame, as stored and shown. number, level: as `Measurement`."""

    at_ms: int
    number: float
    level: float
    moves: bool = False
    """Whether the frame counts as motion."""
    things: tuple[FigureThing, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """Result of a detector for one frame.

    score: 0..100; an event from 50 on, at the camera's sensitivity; stored per second for the timeline. seen: objects
    that make it an event now; empty if none.
    """

    score: int
    seen: tuple[Observation, ...] = ()
    over: tuple[Observation, ...] = ()
    """Objects of earlier frames that ended, with `until_ms`, often some seconds ago. Optional."""
    near: tuple[Observation, ...] = ()
    """Candidates with scores below 50, which a lower threshold makes an event. Optional."""
    grid: int | None = None
    """Cells with motion (`model.geometry`). None if the detector knows only boxes."""
    reads: tuple[tuple[int, RecognisedText], ...] = ()
    """Recognized texts and faces so far, each with its track; also of ended tracks."""
    mask: Any = field(default=None, compare=False, repr=False)
    """bool [rows, columns], smaller than the frame: foreground cells. None if the detector knows only boxes.

    Do not modify or keep it.
    """
    measured: Measurement | None = field(default=None, compare=False)
    """None if the detector has no number of its own but the score."""


# Object types: the type of a label, and the type of an event from its labels.

MOTION = "motion"
"""Type of an event without an identified object."""
PERSON, VEHICLE, ANIMAL, OBJECT = "person", "vehicle", "animal", "object"
NOTHING = "nothing"
"""No object: set by a user, or by the built-in model for a shadow, a branch or a reflection."""
KINDS = (PERSON, VEHICLE, ANIMAL, OBJECT)
"""Types in priority order: an event gets the first one it contains."""
_MEMBERS = {
    VEHICLE: frozenset({"bicycle", "car", "motorcycle", "bus", "train", "truck", "boat"}),
    ANIMAL: frozenset({"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}),
}


def kind_of(label: str) -> str:
    """Return `person`, `vehicle`, `animal`, or `object` for all other labels. A type returns itself."""
    if label in KINDS:
        return label
    return next((kind for kind, members in _MEMBERS.items() if label in members), OBJECT)


def kind_of_all(labels: Iterable[str]) -> str:
    """Return the type of an event with these labels."""
    seen = {kind_of(label) for label in labels}
    return next((kind for kind in KINDS if kind in seen), MOTION)


def is_meant(label: str, wanted: Iterable[str]) -> bool:
    """Return whether `wanted` contains the label or its type."""
    return any(one in (label, kind_of(label)) for one in wanted)


# Paths of the objects of an event: boxes over time with type, label and score, as lines of text.
#
# A line is `[track, time, x0, y0, x1, y1]`, time in ms after the event's start (negative: before it) and edges in
# 1/10000 of the upright image, or `{"track": …, "label": …, "score": …}`, of which the last of a track counts. Lines
# are appended while the event lasts, so a crash loses at most the last second.

LEAST_APART_MS: Final = 180
"""Minimum interval of an object's points, ms: about five a second."""
WRITE_MS: Final = 900
"""Maximum age of points that are not written yet, ms, while frames arrive."""
TOLERANCE: Final = 0.004
"""Maximum error of each edge, as a share of the image, of a point that is left out on a straight path."""
SPARSER_AFTER: Final = 2000
"""After each such number of lines of an event the interval of points doubles."""
MOST_LINES: Final = 8000
"""Maximum number of lines of an event: some 250 kB."""
SCORE_STEP: Final = 0.05
LEAST_SIDE: Final = 0.02
"""Objects smaller than this share of the image count as this large: noise moves them by several of their sizes."""
MOST_TRAVEL: Final = 500.0
UNTRACKED_MS: Final = 1000
"""Time, ms, after which what a detector without tracks sees is another object."""
_MOST_BEFORE: Final = 50
_MOST_STRAIGHT: Final = 30
"""Number of points in a row that may be left out: each is compared again with every one that follows."""
_EDGE: Final = 10_000


class PathPoint(NamedTuple):
    at_ms: int
    box: Box


@dataclass(frozen=True, slots=True)
class ObjectPath:
    """An object of an event. kind: of the label; `motion` if no model named it. score: 0..1. path: in order of time."""

    track: int
    kind: str
    label: str
    score: float
    path: tuple[PathPoint, ...]


@dataclass(slots=True)
class _Followed:
    """An object of the open event. waiting: points after the last written one."""

    label: str = ""
    score: float = 0.0
    reported: tuple[str, float] = ("", 0.0)
    first: PathPoint | None = None
    """From where its travel counts."""
    seen_ms: int = 0
    last: PathPoint | None = None
    waiting: list[PathPoint] = field(default_factory=list)


class PathLines:
    """Turns the detections of one event into lines: at most about five points a second of each object, fewer where it
    moves straight or rests. start_ms: of the event.
    """

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms
        self._objects: dict[int, _Followed] = {}
        self._lines: list[str] = []
        self._count = 0
        self._written_ms = 0
        self.travel = 0.0
        """The longest way of its objects so far: from where one was first seen, in its own sizes."""

    def add(self, at_ms: int, seen: Iterable[Observation], before: "RecentBoxes | None" = None) -> None:
        """Add the objects of a frame. before: has their boxes before they were reported."""
        for thing in sorted(seen, key=lambda one: one.score):  # untracked objects share a number: the best one counts
            followed = self._objects.get(thing.track)
            if followed is None:
                followed = self._objects[thing.track] = _Followed()
                for point in before.of(thing) if before is not None else ():
                    self._follow(thing.track, followed, point)
            self._name(followed, thing)
            self._follow(thing.track, followed, PathPoint(at_ms, thing.box))

    def take(self, at_ms: int, *, is_last: bool = False) -> bytes:
        """Return the lines to be written now; empty until some are due."""
        if not is_last and self._written_ms and 0 <= at_ms - self._written_ms < WRITE_MS:
            return b""
        self._written_ms = at_ms
        for track, followed in self._objects.items():
            label, score = followed.reported
            is_news = followed.label != label or followed.score >= score + SCORE_STEP
            if is_news or (is_last and followed.score > score):
                followed.reported = followed.label, followed.score
                self._put({"track": track, "label": followed.label, "score": round(followed.score, 2)})
            if followed.waiting:
                self._write(track, followed, followed.waiting[-1])
        lines, self._lines = self._lines, []
        return "".join(lines).encode()

    def _name(self, followed: _Followed, thing: Observation) -> None:
        label = thing.label if thing.sure > 0 else MOTION
        sure = thing.sure if thing.sure > 0 else thing.score
        if followed.label in ("", MOTION) or label != MOTION:
            followed.score = sure if label != followed.label else max(sure, followed.score)
            followed.label = label

    def _follow(self, track: int, followed: _Followed, point: PathPoint) -> None:
        if followed.first is None or (track == 0 and point.at_ms - followed.seen_ms >= UNTRACKED_MS):
            followed.first = point
        followed.seen_ms = point.at_ms
        self.travel = min(MOST_TRAVEL, max(self.travel, _distance(followed.first.box, point.box)))
        newest = followed.waiting[-1] if followed.waiting else followed.last
        apart_ms = LEAST_APART_MS << self._count // SPARSER_AFTER
        if newest is None:
            self._write(track, followed, point)
        elif point.at_ms - newest.at_ms >= apart_ms:
            if followed.last is not None and not _is_straight(followed.last, followed.waiting, point):
                self._write(track, followed, newest)
            followed.waiting.append(point)

    def _write(self, track: int, followed: _Followed, point: PathPoint) -> None:
        followed.last, followed.waiting = point, []
        self._put([track, point.at_ms - self._start_ms, *(round(min(1.0, max(0.0, e)) * _EDGE) for e in point.box)])

    def _put(self, line: object) -> None:
        self._count += 1
        if self._count <= MOST_LINES:
            self._lines.append(json.dumps(line, separators=(",", ":")) + "\n")


def _distance(begin: Box, end: Box) -> float:
    """Return the distance of two boxes of one object, in its mean width and height."""
    (x0, y0, x1, y1), (a0, b0, a1, b1) = begin, end
    width, height = max((x1 - x0 + a1 - a0) / 2, LEAST_SIDE), max((y1 - y0 + b1 - b0) / 2, LEAST_SIDE)
    return math.hypot((a0 + a1 - x0 - x1) / 2 / width, (b0 + b1 - y0 - y1) / 2 / height)


class RecentBoxes:
    """Boxes of candidates, which become the beginning of their path once they are reported."""

    def __init__(self) -> None:
        self._of: dict[int, list[PathPoint]] = {}

    def look(self, at_ms: int, seen: Sequence[Observation], near: Sequence[Observation]) -> None:
        here = {thing.track for thing in chain(seen, near)}
        self._of = {track: points for track, points in self._of.items() if track in here}
        for thing in near:
            points = self._of.setdefault(thing.track, [])
            points.append(PathPoint(at_ms, thing.box))
            del points[:-_MOST_BEFORE]

    def of(self, thing: Observation) -> list[PathPoint]:
        """Return the boxes since the object's start."""
        points = self._of.pop(thing.track, []) if thing.track else []
        return [one for one in points if thing.since_ms is not None and one.at_ms >= thing.since_ms]


def read_paths(lines: bytes, start_ms: int) -> tuple[ObjectPath, ...]:
    """Return the objects in order of appearance. start_ms: of the event. Damaged lines are left out."""
    names: dict[int, tuple[str, float]] = {}
    points: dict[int, list[PathPoint]] = {}
    for line in lines.split(b"\n"):
        try:
            _read_line(json.loads(line), start_ms, names, points)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue  # cut off by a crash
    found = []
    for track, path in points.items():
        label, score = names.get(track, (MOTION, 0.0))
        path.sort(key=lambda point: point.at_ms)
        found.append(ObjectPath(track, MOTION if label == MOTION else kind_of(label), label, score, thinned(path)))
    return tuple(sorted(found, key=lambda one: (one.path[0].at_ms, one.track)))


def _read_line(
    data: Any, start_ms: int, names: dict[int, tuple[str, float]], points: dict[int, list[PathPoint]]
) -> None:
    """Raises ValueError, KeyError, TypeError, OverflowError."""
    if isinstance(data, dict):
        names[int(data["track"])] = str(data["label"]), min(1.0, max(0.0, float(data["score"])))
        return
    track, since_ms, *edges = map(int, data)
    x0, y0, x1, y1 = (edge / _EDGE for edge in edges)
    points.setdefault(track, []).append(PathPoint(start_ms + since_ms, (x0, y0, x1, y1)))


def thinned(path: Sequence[PathPoint]) -> tuple[PathPoint, ...]:
    """Return the path without points that lie on a straight line between others."""
    kept: list[PathPoint] = []
    waiting: list[PathPoint] = []
    for point in path:
        if waiting and (len(waiting) == _MOST_STRAIGHT or not _is_straight(kept[-1], waiting, point)):
            kept.append(waiting[-1])
            waiting = []
        if kept:
            waiting.append(point)
        else:
            kept.append(point)
    return (*kept, *waiting[-1:])


def _is_straight(begin: PathPoint, between: Sequence[PathPoint], end: PathPoint) -> bool:
    """Return whether the points between lie where a straight, even movement has them."""
    lasts_ms = max(1, end.at_ms - begin.at_ms)
    for point in between:
        share = (point.at_ms - begin.at_ms) / lasts_ms
        for a, b, edge in zip(begin.box, end.box, point.box, strict=True):
            if abs(a + (b - a) * share - edge) > TOLERANCE:
                return False
    return True


# Which objects of a camera are one event: those near each other, and those that follow at the same place. Pure.
#
# An object that appears well apart from all others is an event of its own, also while another lasts. What counts is
# where it was first seen, compared with where the others were in the last seconds: a group that walks together is one
# event, and a person who comes to a waving flag is not part of it. An object of another type than the event it is in,
# as a model names it, leaves it for an event of its own unless they touch or began together.

JOIN_MS: Final = 1000
"""An object belongs to an event that ended if it appears near it at most this many ms later."""
NEAR, LEAST_GAP = 2.0, 0.03
"""Maximum gap between objects of one event, in sizes of the smaller one, and at least so much of the image's height."""
AGAIN, EDGE = 3.0, 0.02
"""The same from where an object was lost: it may be the same one, further on, unless it left the image at the edge."""
TOUCHES: Final = 0.25
"""Gap up to which objects touch."""
TOGETHER_MS: Final = 2000
"""Objects that appear within this time are one event whatever their types, if they are near."""
TRAIL_MS: Final = 1500
MOST_OPEN: Final = 4
"""Number of events at once from which a further object belongs to the nearest one."""
BURST, REFILL_MS = 6, 10_000
"""Events that may begin while another lasts: so many at once, and a further one in this time. Leaves in the wind and
dense traffic would otherwise be hundreds."""
_ASPECT: Final = 16 / 9
"""Width of the image in its heights. Cameras that are higher than wide differ: their gaps count more."""


class TrailStep(NamedTuple):
    at_ms: int
    track: int
    box: Box


@dataclass(eq=False, slots=True)
class ObjectGroup:
    """The objects of one event."""

    number: int
    start_ms: int
    last_ms: int
    """End of the last object that ended, ms UTC."""
    present: dict[int, int] = field(default_factory=dict)
    """Time each current track was last seen, ms UTC."""
    tracks: set[int] = field(default_factory=set)
    """All tracks that were part of it."""
    trail: deque[TrailStep] = field(default_factory=deque)
    """Where its objects were in the last seconds."""
    names: dict[int, str] = field(default_factory=dict)
    """Named types of its tracks."""

    @property
    def end_ms(self) -> int:
        return max(self.last_ms, *self.present.values()) if self.present else self.last_ms


class GroupedLook(NamedTuple):
    group: ObjectGroup
    things: tuple[Observation, ...]


class ObjectGroups:
    """The groups of one camera. lost_ms: an object not seen for this time has ended, unless the detector reports it."""

    def __init__(self, join_ms: int = JOIN_MS, lost_ms: int = JOIN_MS) -> None:
        self._join_ms, self._lost_ms = join_ms, lost_ms
        self._groups: list[ObjectGroup] = []
        self._first: dict[int, Box] = {}
        """Where each track was first seen."""
        self._next_number = 1
        self._allowance, self._refilled_ms = float(BURST), 0

    @property
    def groups(self) -> tuple[ObjectGroup, ...]:
        return tuple(self._groups)

    def look(self, at_ms: int, look: Look) -> list[GroupedLook]:
        """Process the detections of a frame. Return the groups that have objects in it."""
        for group in self._groups:
            self._let_go(group, at_ms, look)
        self._remember(look)
        self._refill(at_ms)
        found: dict[int, list[Observation]] = {}
        for thing in sorted(look.seen, key=lambda one: not self._has(one.track)):  # known ones first
            group = self._group_of(thing, at_ms)
            group.present[thing.track] = at_ms
            group.tracks.add(thing.track)
            group.trail.append(TrailStep(at_ms, thing.track, thing.box))
            if thing.sure > 0:
                group.names[thing.track] = kind_of(thing.label)
            found.setdefault(group.number, []).append(thing)
        return [GroupedLook(one, tuple(found[one.number])) for one in self._groups if one.number in found]

    def end(self, group: ObjectGroup) -> None:
        self._groups.remove(group)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _let_go(self, group: ObjectGroup, at_ms: int, look: Look) -> None:
        """Remove the objects that ended, and old steps."""
        for thing in look.over:
            if group.present.pop(thing.track, None) is not None:
                group.last_ms = max(group.last_ms, at_ms if thing.until_ms is None else thing.until_ms)
        for track, seen_ms in list(group.present.items()):
            if at_ms - seen_ms > self._lost_ms:  # the detector did not report the end
                del group.present[track]
                group.last_ms = max(group.last_ms, seen_ms)
        newest_ms = group.trail[-1].at_ms if group.trail else at_ms
        while group.trail and newest_ms - group.trail[0].at_ms > TRAIL_MS:
            group.trail.popleft()

    def _remember(self, look: Look) -> None:
        here = {thing.track: thing.box for thing in (*look.near, *look.seen)}
        self._first = {track: self._first.get(track, box) for track, box in here.items()}

    def _refill(self, at_ms: int) -> None:
        passed_ms = max(0, at_ms - self._refilled_ms)
        self._allowance = min(float(BURST), self._allowance + passed_ms / REFILL_MS)
        self._refilled_ms = at_ms

    def _has(self, track: int) -> bool:
        return any(track in group.present for group in self._groups)

    def _group_of(self, thing: Observation, at_ms: int) -> ObjectGroup:
        since_ms = at_ms if thing.since_ms is None else thing.since_ms
        following = [group for group in self._groups if self._follows(group, since_ms)]
        own = next((group for group in following if thing.track in group.tracks), None)
        if own is not None:
            return self._begin(since_ms) if self._leaves(own, thing, since_ms) else own
        if not following:
            return self._begin(since_ms)
        gaps = [self._gap(group, thing) for group in following]
        nearest = following[gaps.index(min(gaps))]
        is_apart = min(gaps) > 1 or self._differs(nearest, thing, since_ms)
        if is_apart and thing.track and self._may_begin:
            self._allowance -= 1
            return self._begin(since_ms)
        return nearest

    def _begin(self, since_ms: int) -> ObjectGroup:
        group = ObjectGroup(self._next_number, since_ms, since_ms)
        self._next_number += 1
        self._groups.append(group)
        return group

    @property
    def _may_begin(self) -> bool:
        return self._allowance >= 1 and sum(bool(group.present) for group in self._groups) < MOST_OPEN

    def _follows(self, group: ObjectGroup, since_ms: int) -> bool:
        return bool(group.present) or since_ms <= group.last_ms + self._join_ms

    def _gap(self, group: ObjectGroup, thing: Observation) -> float:
        """Return the gap from where an object was first seen to the group; over 1: apart."""
        first = self._first.get(thing.track, thing.box)
        gaps = [gap(first, step.box, NEAR) for step in group.trail]
        last = {step.track: step.box for step in group.trail if step.track not in group.present}
        gaps += [gap(first, box, AGAIN) for box in last.values() if not _is_at_edge(box)]
        return min(gaps, default=0.0 if not thing.track else math.inf)

    def _differs(self, group: ObjectGroup, thing: Observation, since_ms: int) -> bool:
        """Return whether an object has another type than those of the group, that are here before it and apart."""
        if thing.sure <= 0 or since_ms < group.start_ms + TOGETHER_MS:
            return False
        others = {kind for track, kind in group.names.items() if track != thing.track}
        if kind_of(thing.label) in others or group.tracks == {thing.track}:
            return False
        newest = {step.track: step.box for step in group.trail if step.track != thing.track}
        return all(gap(thing.box, box, TOUCHES) > 1 for box in newest.values())

    def _leaves(self, group: ObjectGroup, thing: Observation, since_ms: int) -> bool:
        """Return whether an object that is named now begins a group of its own."""
        if thing.sure <= 0 or thing.track in group.names or not self._may_begin:
            return False
        if not self._differs(group, thing, since_ms):
            return False
        self._allowance -= 1
        group.present.pop(thing.track, None)
        group.tracks.discard(thing.track)
        group.last_ms = max(group.last_ms, since_ms)
        return True


def gap(a: Box, b: Box, most: float) -> float:
    """Return the gap between two boxes as a share of the largest one allowed, `most` sizes of the smaller object."""
    dx = max(0.0, a[0] - b[2], b[0] - a[2]) * _ASPECT
    dy = max(0.0, a[1] - b[3], b[1] - a[3])
    return math.hypot(dx, dy) / max(LEAST_GAP if most >= NEAR else LEAST_GAP / 4, most * min(_size(a), _size(b)))


def _is_at_edge(box: Box) -> bool:
    return min(box) <= EDGE or max(box) >= 1 - EDGE


def _size(box: Box) -> float:
    return math.sqrt(max(0.0, box[2] - box[0]) * _ASPECT * max(0.0, box[3] - box[1]))


def since_of(things: Iterable[Observation], at_ms: int) -> int:
    """Return the earliest first observation of objects seen now, ms UTC."""
    return min(at_ms if thing.since_ms is None else thing.since_ms for thing in things)
