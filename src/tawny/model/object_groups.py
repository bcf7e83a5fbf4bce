"""Which objects of a camera are one event: those near each other, and those that follow at the same place. Pure.

An object that appears well apart from all others is an event of its own, also while another lasts. What counts is where
it was first seen, compared with where the others were in the last seconds: a group that walks together is one event,
and a person who comes to a waving flag is not part of it. An object of another type than the event it is in, as a
model names it, leaves it for an event of its own unless they touch or began together.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tawny.model.observations import Box, Look, Observation, kind_of

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
