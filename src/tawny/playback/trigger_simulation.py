"""Simulates another trigger level from stored scores, without decoding. Pure.

An event is still detected at a level if its score ever reached it. Above the current level events only disappear; up to
it all stay, also those that a zone with a lower level let through, and seconds with sufficient scores form new events.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tawny.model.events import Event
from tawny.model.observations import NOTHING
from tawny.model.times import Span
from tawny.playback.recordings import UNKNOWN_SCORE

LINE = 50
"""Default of the current level."""
JOIN_S = 5
"""Seconds below the level that do not end a new event."""
NEAR_MS = 3000
"""New events this close to an existing one belong to it, ms."""
MOST_NEW = 500
ENOUGH_FALSE = 3
"""Minimum number of false alarms for a proposal."""
MOST_LOST = 0.1
"""Maximum share of true events that a proposal may lose."""


@dataclass(frozen=True, slots=True)
class SimulatedEventInfo:
    start_ms: int
    end_ms: int
    score: int
    """Its maximum."""


@dataclass(frozen=True, slots=True)
class TriggerSimulation:
    """Results at another level. unknown: events without stored scores."""

    still: tuple[Event, ...]
    missed: tuple[Event, ...]
    newly: tuple[SimulatedEventInfo, ...]
    unknown: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class LevelProposal:
    """A proposed level with the events it removes and loses."""

    level: int
    removes: tuple[Event, ...]
    leaves: tuple[Event, ...]
    """False alarms that remain."""
    loses: tuple[Event, ...]
    """True events that would be lost."""


def simulate_trigger(
    events: Sequence[Event], scores: bytes, within: Span, level: int, in_use: int = LINE
) -> TriggerSimulation:
    """Return the effect of a level, 1..100.

    events: of one camera, started in `within`. scores: one byte per second of `within`.
    """
    still, missed, unknown = list[Event](), list[Event](), list[Event]()
    for event in events:
        peak = peak_of(event, scores, within)
        (unknown if peak is None else still if peak >= level or level <= in_use else missed).append(event)
    newly = _newly(events, scores, within, level) if level < in_use else []
    return TriggerSimulation(tuple(still), tuple(missed), tuple(newly), tuple(unknown))


def propose_level(
    events: Sequence[Event], scores: bytes, within: Span, reason: str, in_use: int = LINE
) -> LevelProposal | None:
    """Return the lowest level that removes the most false alarms of this reason with few losses.

    Only events that the level in use lets through count. None with too few false alarms or if no level helps.
    """
    peaks = let_through(events, scores, within, in_use)
    false = [(event, peak) for event, peak in peaks if event.false_alarm == reason]
    true = [(event, peak) for event, peak in peaks if not event.false_alarm and event.said != NOTHING]
    if len(false) < ENOUGH_FALSE:
        return None
    best: tuple[int, int] | None = None
    for level in sorted({peak + 1 for _, peak in false if peak < 100}):
        lost = sum(peak < level for _, peak in true)
        if lost > MOST_LOST * len(true):
            break
        worth = sum(peak < level for _, peak in false) - 2 * lost
        if worth > (best[0] if best else 0):
            best = worth, level
    if best is None:
        return None
    _, level = best
    return LevelProposal(
        level,
        removes=tuple(event for event, peak in false if peak < level),
        leaves=tuple(event for event, peak in false if peak >= level),
        loses=tuple(event for event, peak in true if peak < level),
    )


def let_through(events: Iterable[Event], scores: bytes, within: Span, in_use: int) -> list[tuple[Event, int]]:
    """Return the events that the level in use lets through, with their maximum scores."""
    return [(event, peak) for event in events if (peak := peak_of(event, scores, within) or 0) >= in_use]


def peak_of(event: Event, scores: bytes, within: Span) -> int | None:
    """Return the maximum score in the event's time within `within`, or None if unknown."""
    first_s = within.begin_ms // 1000
    begin = max(0, event.start_ms // 1000 - first_s)
    end_ms = within.end_ms if event.end_ms is None else event.end_ms
    known = [score for score in scores[begin : max(begin, end_ms // 1000 - first_s) + 1] if score != UNKNOWN_SCORE]
    return max(known, default=None)


def _newly(events: Sequence[Event], scores: bytes, within: Span, level: int) -> list[SimulatedEventInfo]:
    values = np.frombuffer(scores, np.uint8)
    reached = np.flatnonzero((values >= level) & (values != UNKNOWN_SCORE))
    first_s = within.begin_ms // 1000
    made: list[SimulatedEventInfo] = []
    for group in np.split(reached, np.flatnonzero(np.diff(reached) > JOIN_S) + 1):
        if not len(group) or len(made) >= MOST_NEW:
            continue
        span = Span((first_s + int(group[0])) * 1000, (first_s + int(group[-1]) + 1) * 1000)
        if not any(_touch(event, span) for event in events):
            made.append(SimulatedEventInfo(span.begin_ms, span.end_ms, int(values[group].max())))
    return made


def _touch(event: Event, span: Span) -> bool:
    end_ms = span.end_ms if event.end_ms is None else event.end_ms
    return event.start_ms <= span.end_ms + NEAR_MS and end_ms >= span.begin_ms - NEAR_MS
