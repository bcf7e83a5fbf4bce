"""What was seen, look after look, as events with begin and end. Pure."""

from dataclasses import dataclass, field

from tawny.detection.scan.passes import DecodedLook
from tawny.model.observations import Box, Observation

LOST_S = 3.0
"""What is not seen for so long is over, if the detector does not say so itself."""


@dataclass(slots=True)
class ScannedEvent:
    """An event of a file. best_s: when it was seen best, and where."""

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
    """Fed with every look; `close` gives all that was found. join_s: what follows so soon is the same event."""

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
    """In order of time; what overlaps or follows within join_s is one, called after the best of them."""
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
