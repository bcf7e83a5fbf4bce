"""Visits: events that belong together, over cameras and minutes. Found again for each question.

A visit has events of one type: each begins soon after another of the same camera, or within a minute after one of a
neighboring camera. Neighbors are set, or learned: cameras that follow each other more often than chance explains.

Events are grouped in periods that begin where nothing happened for a while, or at least the fewest visits go on, so
that every period can be grouped by itself, and a late or changed event changes its own period only.
"""

import threading
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final, Literal

from tawny.model.events import RANKS, Event, Level, highest, shown_level
from tawny.model.ids import CameraId
from tawny.model.messages import EventChanged
from tawny.model.observations import ANIMAL, MOTION, PERSON, VEHICLE
from tawny.model.times import Clock, Span
from tawny.playback.recordings import RecordingIndex
from tawny.storage.index.protocol import all_events, page_place

Neighbors = Collection[frozenset[CameraId]]
"""Pairs of cameras."""
Scope = frozenset[CameraId] | None
"""Cameras that someone may see; None: all."""

SAME_MS: Final = 15_000
"""Longest pause, ms, between two events of a camera in one visit. In the demo world, one who waits out of sight for 8 s
is one visit, and who comes 20 s later is another.
"""
NEXT_MS: Final = 60_000
"""Longest way, ms, from one camera to the next."""
LONGEST_MS: Final = 30 * 60_000
"""A visit takes no event that begins later than this, ms."""
WALKING: Final = frozenset({PERSON, VEHICLE, ANIMAL})
"""Types that go from camera to camera."""
_HOUR_MS: Final = 3_600_000
_PAGE: Final = 1000
_LATEST_MS: Final = 1 << 45
_MOST_HOURS: Final = 100
"""Hours of events in memory at once: more than the day that the numbers of the page share."""


@dataclass(frozen=True, slots=True)
class EventVisit:
    """events: in order of their begin, at least one. The first gives the visit its ID."""

    events: tuple[Event, ...]

    @property
    def id(self) -> str:
        return self.events[0].id

    @property
    def kind(self) -> str:
        return self.best.shown_kind

    @property
    def start_ms(self) -> int:
        return self.events[0].start_ms

    @property
    def end_ms(self) -> int | None:
        """None while one of its events lasts."""
        ends = [one.end_ms for one in self.events]
        return None if None in ends else max(end for end in ends if end is not None)

    @property
    def cameras(self) -> tuple[CameraId, ...]:
        """In the order in which they were reached."""
        return tuple(dict.fromkeys(one.camera for one in self.events))

    @property
    def level(self) -> Level:
        return highest(map(shown_level, self.events))

    @property
    def best(self) -> Event:
        """The event whose image stands for the visit: named, of the highest level, with the largest object."""
        return max(self.events, key=_worth)


def _worth(event: Event) -> tuple[bool, int, bool, float, float]:
    x0, y0, x1, y1 = event.box or (0.0, 0.0, 0.0, 0.0)
    size = (x1 - x0) * (y1 - y0)
    return event.shown_kind != MOTION, RANKS[shown_level(event)], event.picture_ms is not None, size, event.score


# Grouping.


class _Group:
    """A visit that may go on. ends_ms: end of its events by camera, without motion that only goes along."""

    def __init__(self, first: Event) -> None:
        self.events = [first]
        self.kind = first.shown_kind
        self.ends_ms = {first.camera: _end_ms(first)}
        self.last_ms = self.ends_ms[first.camera]

    def gap_ms(self, event: Event, neighbors: Neighbors) -> int | None:
        """Return how long before this event its last one ended; None if the event does not belong to it."""
        if event.start_ms - self.events[0].start_ms > LONGEST_MS:
            return None
        here = event.start_ms - self.ends_ms[event.camera] if event.camera in self.ends_ms else None
        if event.shown_kind != self.kind:
            return here if event.shown_kind == MOTION and here is not None and here <= SAME_MS else None
        gaps = [here] if here is not None and here <= SAME_MS else []
        if self.kind in WALKING:
            near = (end for camera, end in self.ends_ms.items() if frozenset({camera, event.camera}) in neighbors)
            gaps += [event.start_ms - end for end in near if event.start_ms - end <= NEXT_MS]
        return min(gaps, default=None)

    def add(self, event: Event) -> None:
        self.events.append(event)
        if event.shown_kind == self.kind:
            self.ends_ms[event.camera] = max(self.ends_ms.get(event.camera, 0), _end_ms(event))
            self.last_ms = max(self.last_ms, self.ends_ms[event.camera])


def _end_ms(event: Event) -> int:
    """Return its end; of one that lasts, or lasts long, when it joins nothing any more."""
    latest_ms = event.start_ms + LONGEST_MS
    return latest_ms if event.end_ms is None else min(event.end_ms, latest_ms)


def group(events: Iterable[Event], neighbors: Neighbors) -> list[EventVisit]:
    """Return the visits in order of their begin. Every event is in exactly one."""
    visits: list[_Group] = []
    going: list[_Group] = []
    for event in sorted(events, key=lambda one: (one.start_ms, one.id)):
        going = [one for one in going if one.last_ms + NEXT_MS >= event.start_ms]
        fitting = [(gap, -at, one) for at, one in enumerate(going) if (gap := one.gap_ms(event, neighbors)) is not None]
        if fitting:
            min(fitting, key=lambda found: (found[2].kind != event.shown_kind, *found[:2]))[2].add(event)
            continue
        made = _Group(event)
        visits.append(made)
        going.append(made)
    return [EventVisit(tuple(one.events)) for one in visits]


# Periods.


class _Hours:
    """The events of an index by hour, each hour read and each period grouped at most once. For one question."""

    def __init__(self, index: RecordingIndex, neighbors: Neighbors, cuts: dict[int, int] | None = None) -> None:
        """cuts: begin of periods by hour, as known from an earlier question; completed."""
        self._index, self._neighbors = index, neighbors
        self._visits: dict[int, list[EventVisit]] = {}
        self._begun: dict[int, list[Event]] = {}
        self._cuts = {} if cuts is None else cuts

    def period(self, at_ms: int) -> Span:
        """Return the period that holds this time."""
        hour_ms = at_ms - at_ms % _HOUR_MS
        begin_ms, until_ms = self._cut_ms(hour_ms), self._cut_ms(hour_ms + _HOUR_MS)
        if at_ms >= until_ms:
            return Span(until_ms, self._cut_ms(hour_ms + 2 * _HOUR_MS))
        return Span(begin_ms, until_ms)

    def visits(self, period: Span) -> list[EventVisit]:
        """Return the visits of a period, in order of their begin."""
        if period.begin_ms not in self._visits:
            if len(self._visits) >= _MOST_HOURS:
                del self._visits[next(iter(self._visits))]
            self._visits[period.begin_ms] = group(self.begun_in(period), self._neighbors)
        return self._visits[period.begin_ms]

    def fitting(self, query: "VisitQuery", period: Span) -> list[EventVisit]:
        """Return the visits of a period that are asked for, newest first."""
        return [one for one in reversed(self.visits(period)) if query.fits(one)]

    def begun_in(self, span: Span) -> list[Event]:
        first_ms = span.begin_ms - span.begin_ms % _HOUR_MS
        hours = (self._begun_in_hour(hour_ms) for hour_ms in range(first_ms, span.end_ms, _HOUR_MS))
        return [one for hour in hours for one in hour if span.begin_ms <= one.start_ms < span.end_ms]

    def _cut_ms(self, hour_ms: int) -> int:
        """Return where this hour's period begins: the last time before it at which nothing went on for a minute.

        Where there is none, the last one at which the fewest visits go on, mostly none: on a street with a car every
        minute, one who is at the door at the full hour is still one visit.
        """
        if hour_ms not in self._cuts:
            since_ms = hour_ms - LONGEST_MS
            over_ms, cut_ms = 0, None
            for event in self.begun_in(Span(since_ms - LONGEST_MS - NEXT_MS, hour_ms)):
                if event.start_ms > max(over_ms, since_ms):
                    cut_ms = event.start_ms
                over_ms = max(over_ms, _end_ms(event) + NEXT_MS)
            if over_ms < hour_ms:
                cut_ms = hour_ms
            self._cuts[hour_ms] = self._busy_cut_ms(hour_ms) if cut_ms is None else cut_ms
        return self._cuts[hour_ms]

    def _busy_cut_ms(self, hour_ms: int) -> int:
        since_ms = hour_ms - LONGEST_MS
        around = self.begun_in(Span(since_ms - LONGEST_MS - NEXT_MS, hour_ms + LONGEST_MS))
        found = group(around, self._neighbors)
        begun = [one.start_ms for one in found]
        over = sorted(one.events[-1].start_ms for one in found)
        at_ms = [hour_ms, *(one.start_ms for one in around if since_ms < one.start_ms < hour_ms)]
        return min(at_ms, key=lambda cut_ms: (bisect_left(begun, cut_ms) - bisect_left(over, cut_ms), -cut_ms))

    def _begun_in_hour(self, hour_ms: int) -> list[Event]:
        """Return the events that begin in this hour, in order of their begin."""
        if hour_ms not in self._begun:
            hour = Span(hour_ms, hour_ms + _HOUR_MS)
            newest_first = all_events(lambda after: self._index.events(hour, after=after, limit=_PAGE))
            found = takewhile(lambda one: one.start_ms >= hour_ms, newest_first)
            if len(self._begun) >= _MOST_HOURS:
                del self._begun[next(iter(self._begun))]  # the one read first
            self._begun[hour_ms] = sorted(found, key=lambda one: (one.start_ms, one.id))
        return self._begun[hour_ms]


@dataclass(frozen=True, slots=True)
class VisitQuery:
    """within: visits that overlap it. cameras, kinds, levels: None for all. after: `next` of a page.

    only: as for events; `new` and `kept`: with such an event of the visit's level.
    """

    within: Span
    cameras: frozenset[CameraId] | None = None
    kinds: frozenset[str] | None = None
    levels: frozenset[str] | None = None
    only: Literal["new", "kept", "all"] = "all"
    after: str | None = None
    limit: int = 60

    def fits(self, visit: EventVisit) -> bool:
        level, end_ms = visit.level, visit.end_ms
        return (
            (self.levels is None or level in self.levels)
            and (self.only == "all" or self._is_meant(visit, level))
            and visit.start_ms < self.within.end_ms
            and (end_ms is None or end_ms >= self.within.begin_ms)
            and (self.cameras is None or not self.cameras.isdisjoint(visit.cameras))
            and (self.kinds is None or visit.kind in self.kinds)
            and (self.after is None or (visit.start_ms, visit.id) < page_place(self.after))
        )

    def _is_meant(self, visit: EventVisit, level: Level) -> bool:
        leading = (one for one in visit.events if shown_level(one) == level)
        return any(one.kept if self.only == "kept" else not one.reviewed for one in leading)


def find_visits(index: RecordingIndex, query: VisitQuery, neighbors: Neighbors) -> tuple[list[EventVisit], str | None]:
    """Return the visits among the events of this index, newest first, and `next` of the page."""
    return _find(_Hours(index, neighbors), index, query)


def _find(hours: _Hours, index: RecordingIndex, query: VisitQuery) -> tuple[list[EventVisit], str | None]:
    found, end_ms = list[EventVisit](), query.within.end_ms
    if query.after is not None:  # what makes a visit of this period match may begin after the last page's end
        period = hours.period(page_place(query.after)[0])
        found, end_ms = hours.fitting(query, period), period.begin_ms
    while len(found) <= query.limit:
        span = Span(min(query.within.begin_ms, end_ms), end_ms)
        newest = index.events(
            span, cameras=query.cameras, kinds=query.kinds, levels=query.levels, only=query.only, limit=1
        ).events
        if not newest:
            break
        period = hours.period(newest[0].start_ms)
        found += hours.fitting(query, period)
        end_ms = period.begin_ms
    page = found[: query.limit]
    return page, f"{page[-1].start_ms}~{page[-1].id}" if len(found) > query.limit else None


def visit_of(index: RecordingIndex, event: Event, neighbors: Neighbors) -> EventVisit:
    """Return the visit that an event of this index belongs to."""
    hours = _Hours(index, neighbors)
    found = hours.visits(hours.period(event.start_ms))
    return next((one for one in found if any(each.id == event.id for each in one.events)), EventVisit((event,)))


MOST_COUNTED: Final = 100
COUNTED_MS: Final = 24 * _HOUR_MS


_TOUCHED_MS: Final = 4 * _HOUR_MS
"""An event changes no period that begins further away from it."""


class _NewVisits:
    """The visits of some cameras that are not reviewed, by period. What was found is kept until it is forgotten."""

    def __init__(self, neighbors: Neighbors) -> None:
        self.neighbors = neighbors
        self._cuts: dict[int, int] = {}
        self._found: dict[Span, list[tuple[Level, int | None]]] = {}
        """Level and end of each."""

    def forget(self, at_ms: int) -> None:
        """Forget what an event that begins then may change."""
        for hour_ms in [one for one in self._cuts if abs(one - at_ms) <= _TOUCHED_MS]:
            del self._cuts[hour_ms]
        for period in [one for one in self._found if abs(one.begin_ms - at_ms) <= _TOUCHED_MS]:
            del self._found[period]

    def count(self, index: RecordingIndex, now_ms: int) -> Mapping[Level, int]:
        """Return the number of visits of each level.

        Alerts: of all time, at most MOST_COUNTED. Others: of the last COUNTED_MS, at most ten times as many, because
        what is not an alert may never be reviewed, and to find old ones every hour would have to be read.
        """
        hours, counts = _Hours(index, self.neighbors, self._cuts), dict[Level, int]()
        for level in Level:
            is_alert = level is Level.ALERT
            since_ms = 0 if is_alert else max(0, now_ms - COUNTED_MS)
            most, count, end_ms = MOST_COUNTED if is_alert else 10 * MOST_COUNTED, 0, _LATEST_MS
            while count <= most:
                span = Span(min(since_ms, end_ms), end_ms)
                newest = index.events(span, levels=frozenset({level}), only="new", limit=1).events
                if not newest:
                    break
                period = hours.period(newest[0].start_ms)
                ends = [ended for found, ended in self._new_in(hours, period) if found == level]
                count += sum(ended is None or ended >= since_ms for ended in ends)
                end_ms = period.begin_ms
            counts[level] = min(most, count)
        return counts

    def _new_in(self, hours: _Hours, period: Span) -> list[tuple[Level, int | None]]:
        if period not in self._found:
            new = VisitQuery(Span(0, _LATEST_MS), only="new")
            self._found[period] = [(one.level, one.end_ms) for one in hours.fitting(new, period)]
        return self._found[period]


_KEPT_S: Final = 60.0
"""How long the result is kept, s: deletions by retention aren't reported."""
_MOST_SCOPES: Final = 50


class OngoingEvents:
    """Events that go on now. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ongoing: dict[str, Event] = {}

    def at(self, cameras: Collection[CameraId]) -> list[Event]:
        with self._lock:
            return [event for event in self._ongoing.values() if event.camera in cameras]

    def on_event(self, message: EventChanged) -> None:
        with self._lock:
            if message.event.end_ms is not None or message.what == "ended":
                self._ongoing.pop(message.event.id, None)
            elif message.what == "started":  # an update may come after the end
                self._ongoing[message.event.id] = message.event


class NewVisitCounter:
    """Counts visits that are not reviewed. Between questions, finds again only what events changed. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock, self._changed_lock = clock, threading.Lock(), threading.Lock()
        self._changed: set[int] = set()
        self._kept: dict[Scope, _NewVisits] = {}
        self._counts: dict[Scope, Mapping[Level, int]] = {}
        self._since_s = clock.mono_s()

    def on_event(self, message: EventChanged) -> None:
        with self._changed_lock:
            self._changed.add(message.event.start_ms)

    def count(self, index: RecordingIndex, scope: Scope, neighbors: Neighbors) -> Mapping[Level, int]:
        """Return the number of visits of each level that are not reviewed. index: restricted to the scope."""
        with self._lock:
            self._forget()
            kept = self._kept.get(scope)
            if kept is None or kept.neighbors != neighbors:
                self._counts.pop(scope, None)
                kept = self._kept[scope] = _NewVisits(neighbors)
            if scope not in self._counts:
                self._counts[scope] = kept.count(index, self._clock.now_ms())
            return self._counts[scope]

    def _forget(self) -> None:
        with self._changed_lock:
            changed, self._changed = self._changed, set()
        now_s = self._clock.mono_s()
        if now_s - self._since_s >= _KEPT_S or len(self._kept) > _MOST_SCOPES:
            self._since_s = now_s
            self._kept.clear()
            self._counts.clear()
        if changed:
            self._counts.clear()
        for at_ms in changed:
            for kept in self._kept.values():
                kept.forget(at_ms)


# Neighbors.

LEARNED_MS: Final = 14 * 86_400_000
MOST_LEARNED: Final = 5000
LEAST_WAYS: Final = 4
"""Fewest ways between two cameras that make them neighbors."""
MORE_THAN_CHANCE: Final = 3.0
_OFFSETS_MS: Final = tuple(minutes * 60_000 for minutes in (-15, -10, -5, 5, 10, 15))
"""Where chance is measured: the same way, so much earlier or later."""


def learn_neighbors(index: RecordingIndex, now_ms: int) -> Neighbors:
    """Return the pairs of cameras between which people, vehicles or animals went in the last two weeks."""
    starts: dict[str, dict[CameraId, list[int]]] = defaultdict(lambda: defaultdict(list))
    span = Span(now_ms - LEARNED_MS, now_ms + 1)
    newest_first = all_events(lambda after: index.events(span, kinds=WALKING, after=after, limit=_PAGE))
    read = list(islice(newest_first, MOST_LEARNED))
    for event in reversed(read):
        starts[event.shown_kind][event.camera].append(event.start_ms)
    ways: Counter[frozenset[CameraId]] = Counter()
    by_chance: defaultdict[frozenset[CameraId], float] = defaultdict(float)
    known = Span(read[-1].start_ms, read[0].start_ms + 1) if read else span
    for event in read:
        end_ms = _end_ms(event)
        offsets_ms = [by_ms for by_ms in _OFFSETS_MS if known.begin_ms <= event.start_ms + by_ms < known.end_ms]
        if not offsets_ms:
            continue  # nothing is known of the time before and after it
        for camera, begun in starts[event.shown_kind].items():
            if camera == event.camera:
                continue
            pair = frozenset({camera, event.camera})
            ways[pair] += _begins_within(begun, event.start_ms, end_ms + NEXT_MS)
            shifted = (_begins_within(begun, event.start_ms + by, end_ms + NEXT_MS + by) for by in offsets_ms)
            by_chance[pair] += sum(shifted) / len(offsets_ms)
    return frozenset(
        pair
        for pair, count in ways.items()
        if count >= LEAST_WAYS and count >= MORE_THAN_CHANCE * (by_chance[pair] + 0.5)
    )


def _begins_within(begun: Sequence[int], from_ms: int, to_ms: int) -> bool:
    return bisect_left(begun, from_ms) < bisect_right(begun, to_ms)


def neighbors_of(learned: Neighbors, chosen: Mapping[CameraId, Sequence[str] | None]) -> Neighbors:
    """Return the pairs that count. chosen: neighbors in the settings of each camera; None where they are learned."""
    named = {frozenset({camera, CameraId(other)}) for camera, others in chosen.items() for other in others or ()}
    is_set = {camera for camera, others in chosen.items() if others is not None}
    return frozenset(named | {pair for pair in learned if pair.isdisjoint(is_set)})
