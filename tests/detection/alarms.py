"""A scene looked at by a detector: what it told, in seconds of the scene."""

from tawny.detection.detector import Detector
from tawny.model.observations import Observation
from tests.support.scenes import START_MS, SyntheticScene

JOIN_S = 1.0


def alarms(scene: SyntheticScene, detector: Detector) -> list[tuple[float, float]]:
    """From when to when something was an event; what overlaps or follows within a second is one."""
    now: dict[int, Observation] = {}
    spans: list[tuple[float, float]] = []
    at_ms = START_MS
    for frame in scene.frames():
        at_ms = frame.at_ms
        look = detector.look(frame)
        for thing in look.over:
            spans.append(_span(thing, at_ms))
            now.pop(thing.track)
        now |= {thing.track: thing for thing in look.seen}
    return _joined([*spans, *(_span(thing, at_ms) for thing in now.values())])


def _span(thing: Observation, at_ms: int) -> tuple[float, float]:
    begin_ms = at_ms if thing.since_ms is None else thing.since_ms
    end_ms = at_ms if thing.until_ms is None else thing.until_ms
    return (begin_ms - START_MS) / 1000, (end_ms - START_MS) / 1000


def _joined(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    whole: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if whole and begin - whole[-1][1] <= JOIN_S:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        else:
            whole.append((begin, end))
    return whole
