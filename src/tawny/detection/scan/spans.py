"""Converts detections of successive frames to events with start and end. Pure."""

from dataclasses import dataclass, field

from tawny.detection.scan.passes import DecodedLook
from tawny.model.observations import Box, Observation

LOST_S = 3.0
"""An object not seen for this time, s, has ended, unless the detector reports it."""


@dataclass(slots=True)
class ScannedEvent:
    """An event in a file. best_s: time of the best frame. box: the object in it."""

    start_s: float
    end_s: float
    kind: str
    score: int
    best_s: float = 0.0
    box: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(slots=True)
class _Thing:
    found: ScannedEvent
    seen_s: float
    labels: dict[str, float] = field(default_factory=dict)


class EventSpans:
    """Collects detections; `close` returns the events. join_s: merge events with a shorter gap."""

    def __init__(self, join_s: float) -> None:
        self._join_s = join_s
        self._now: dict[int, _Thing] = {}
        self._done: list[ScannedEvent] = []

    def add(self, looked: DecodedLook) -> None:
        at_s, look = looked.at_s, looked.look
        for over in look.over:
            if (thing := self._now.pop(over.track, None)) is not None:
                thing.found.end_s = at_s if over.until_ms is None else max(over.until_ms / 1000, thing.found.start_s)
                self._done.append(thing.found)
        for seen in look.seen:
            self._see(at_s, look.score, seen)
        for track, thing in list(self._now.items()):
            if at_s - thing.seen_s > LOST_S:
                thing.found.end_s = thing.seen_s
                self._done.append(self._now.pop(track).found)

    def close(self) -> list[ScannedEvent]:
        for thing in self._now.values():
            thing.found.end_s = thing.seen_s
            self._done.append(thing.found)
        self._now.clear()
        return joined(self._done, self._join_s)

    def _see(self, at_s: float, score: int, seen: Observation) -> None:
        thing = self._now.get(seen.track)
        if thing is None:
            begin_s = at_s if seen.since_ms is None else seen.since_ms / 1000
            thing = self._now[seen.track] = _Thing(ScannedEvent(begin_s, at_s, seen.label, 0), at_s)
        thing.seen_s = at_s
        found = thing.found
        area = (seen.box[2] - seen.box[0]) * (seen.box[3] - seen.box[1])
        if score > found.score or area > (found.box[2] - found.box[0]) * (found.box[3] - found.box[1]) * (
            score >= found.score
        ):
            found.best_s, found.box, found.kind = at_s, seen.box, seen.label
        found.score = max(found.score, score)


def joined(events: list[ScannedEvent], join_s: float) -> list[ScannedEvent]:
    """Return the events in order of time; those that overlap or follow within join_s are merged and take the best one's
    type."""
    whole: list[ScannedEvent] = []
    for found in sorted(events, key=lambda one: one.start_s):
        last = whole[-1] if whole else None
        if last is None or found.start_s - last.end_s > join_s:
            whole.append(found)
            continue
        last.end_s = max(last.end_s, found.end_s)
        if found.score > last.score:
            last.score, last.kind, last.best_s, last.box = found.score, found.kind, found.best_s, found.box
    return whole
