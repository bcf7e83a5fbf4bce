"""Finds events that match a query in the index, also by what their objects looked like."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import merge
from itertools import islice
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from tawny.detection.appearance import LOWER, UPPER, Appearance, AppearanceTable, colours_shown
from tawny.detection.models.labels import COCO
from tawny.model.events import SOUND, Event
from tawny.model.geometry import COLUMNS, ROWS, grid_of
from tawny.model.ids import CameraId, EventId
from tawny.model.observations import KINDS, MOTION, OBJECT, Box, is_meant, kind_of
from tawny.model.times import Span
from tawny.playback.search.query_parser import (
    FALSE_ALARM,
    KEPT,
    NEW,
    NOBODY,
    SearchableIdentity,
    SearchQuery,
    SearchVocabulary,
    parse_query,
)
from tawny.playback.search.search_words import EVENT_KINDS
from tawny.storage.index.protocol import EventPage, all_events

PAGE = 200

Words = Callable[[Event], frozenset[str]]


class EventSource(Protocol):
    """What a search by words reads: an index, or what a hub knows of other recorders."""

    def events(
        self,
        within: Span,
        *,
        cameras: Iterable[CameraId] | None = None,
        kinds: Iterable[str] | None = None,
        only: str = "all",
        after: str | None = None,
        limit: int = 60,
    ) -> EventPage:
        """See `storage.index.protocol.Index.events`."""
        ...


class EventIndex(EventSource, Protocol):
    """A source that also knows each event by its ID: an index, or the results of scans."""

    def event(self, event: EventId) -> Event | None: ...


def find_events(index: EventSource, request: SearchQuery, limit: int, now_ms: int, words: Words) -> list[Event]:
    """Return the events in the requested order. words: recognition results by which an event can be found."""
    most = limit if request.count is None else min(request.count, limit)
    if request.order == "newest":
        return list(islice(_fitting(index, request, now_ms, words), most))
    every = list(_fitting(index, request, now_ms, words))
    if request.order == "oldest":
        every.reverse()
    else:
        every.sort(key=lambda event: _length_s(event, now_ms), reverse=request.order == "longest")
    return every[:most]


def _fitting(index: EventSource, request: SearchQuery, now_ms: int, words: Words) -> Iterator[Event]:
    """Yield matching events, newest first, each once: one that lasts may be in several spans."""
    kinds = None if not request.kinds or request.labels else request.kinds
    only = request.only
    if only == "all":  # pre-filter in the index
        needs_label = request.labels and not request.kinds and all(kind_of(one) == OBJECT for one in request.labels)
        only = "false_alarms" if request.false_alarms else "named" if needs_label else "all"

    def newest_first(span: Span) -> Iterator[Event]:
        return all_events(
            lambda after: index.events(
                span, cameras=request.cameras or None, kinds=kinds, only=only, after=after, limit=PAGE
            )
        )

    begun_before, seen = list[Event](), set[EventId]()
    for span in reversed(request.spans):
        found = merge(begun_before, newest_first(span), key=lambda one: one.start_ms, reverse=True)
        begun_before = []
        for event in found:
            if event.id in seen:
                continue
            if event.start_ms < span.begin_ms and span is not request.spans[0]:
                begun_before.append(event)
            elif _fits(event, request, now_ms) and _is_read(request, words(event)):
                seen.add(event.id)
                yield event


def _fits(event: Event, request: SearchQuery, now_ms: int) -> bool:
    labels = _labels(event)
    if request.labels and not _is_one_of(event, request.kinds, request.labels):
        return False
    if event.shown_kind in request.but or any(is_meant(one, request.but) for one in labels):
        return False
    if request.but_marks & _marks(event) or request.but_places & {event.camera, *event.zones}:
        return False
    if request.zones and not request.zones & set(event.zones):
        return False
    if request.false_alarms and not event.false_alarm:
        return False
    return request.least_s <= _length_s(event, now_ms) <= request.most_s


def _labels(event: Event) -> list[str]:
    """Return what a model named. Once a user has set the type, only labels of that type still count."""
    is_corrected = event.said and event.kind != SOUND
    return [one.label for one in event.objects if not is_corrected or kind_of(one.label) == event.said]


def _is_one_of(event: Event, kinds: Iterable[str], labels: Iterable[str]) -> bool:
    """Return whether it has such a type or label. Where no model named it, the label's type is enough."""
    named = _labels(event)
    if event.shown_kind in kinds or any(is_meant(one, labels) for one in named):
        return True
    is_named = any(one not in (*KINDS, MOTION) for one in named)
    return not is_named and event.shown_kind in {kind_of(label) for label in labels} - {OBJECT}


def _marks(event: Event) -> frozenset[str]:
    marks = {KEPT: event.kept, NEW: not event.reviewed, FALSE_ALARM: bool(event.false_alarm)}
    return frozenset(mark for mark, has in marks.items() if has)


def _is_read(request: SearchQuery, words: frozenset[str]) -> bool:
    if not request.read_so <= words or request.but_read & words:
        return False
    if not request.people and not request.read:
        return True
    return bool(request.people & words) or any(one in word for one in request.read for word in words)


def _length_s(event: Event, now_ms: int) -> float:
    return ((now_ms if event.end_ms is None else event.end_ms) - event.start_ms) / 1000


# Motion search in an area and heat map, from stored motion grids. Pure.

JOIN_MS = 5000
"""Motion after a shorter pause is merged, ms."""
SECOND_MS = 1000

Moved = Iterable[tuple[int, int]]
"""Seconds (ms UTC) with their motion grid (`model.geometry`), in order."""


def motion_in_spot(moved: Moved, box: Box) -> list[Span]:
    """Return the times of motion in the box, newest first."""
    spot, found = grid_of(box), list[Span]()
    for at_ms, grid in moved:
        if not grid & spot:
            continue
        begin_ms = found.pop().begin_ms if found and at_ms - found[-1].end_ms < JOIN_MS else at_ms
        found.append(Span(begin_ms, at_ms + SECOND_MS))
    return found[::-1]


def heat(moved: Moved) -> list[int]:
    """Return the seconds of motion per grid position: ROWS x COLUMNS numbers, row by row from the upper left."""
    counts = [0] * (COLUMNS * ROWS)
    for _, grid in moved:
        left = grid
        while left:
            highest = left.bit_length()
            counts[COLUMNS * ROWS - highest] += 1
            left ^= 1 << (highest - 1)
    return counts


# Text search of events, for the command line and the web.

RECENT = 200
"""Number of recent events of each kind whose labels and zones extend the vocabulary..."""
SOME = 5000
"""...and number of labeled events searched if a word is still unknown."""


@dataclass(frozen=True, slots=True)
class SearchableNames:
    """Names that a query may contain. cameras: with their names. zones: from the settings.

    removed: removed cameras with recordings, with their names.
    """

    cameras: Mapping[CameraId, str]
    zones: Iterable[str] = ()
    recognised: SearchableIdentity = NOBODY
    removed: Mapping[CameraId, str] = field(default_factory=dict)


def search_in_words(
    index: EventSource, text: str, names: SearchableNames, zone: ZoneInfo, now_ms: int, most: int
) -> tuple[SearchQuery, list[Event]]:
    """Return the parsed query and the matching events. zone: local time zone. most: maximum number of events."""
    question = understand(index, text, names, zone, now_ms)
    return question, find_events(index, question, most, now_ms, names.recognised.words)


def understand(index: EventSource, text: str, names: SearchableNames, zone: ZoneInfo, now_ms: int) -> SearchQuery:
    """Return the parsed query. Labels and zones of stored events extend the vocabulary."""
    ever = Span(0, now_ms + 1)
    recent = index.events(ever, limit=RECENT).events + index.events(ever, only="named", limit=RECENT).events
    question = parse_query(text, _known(recent, names), zone, now_ms)
    if question.unknown:
        older = index.events(ever, only="named", limit=SOME).events
        question = parse_query(text, _known(recent + older, names), zone, now_ms)
    return question


def _known(events: Sequence[Event], names: SearchableNames) -> SearchVocabulary:
    labels = {one.label for event in events for one in event.objects}
    places = {name for event in events for name in event.zones}
    readers = {"plates", *(read.by for event in events for read in event.reads)}
    kinds = {event.kind for event in events} - {*EVENT_KINDS}
    return SearchVocabulary(
        names.cameras, {*names.zones, *places}, {*COCO, *labels}, tuple(names.recognised.names), readers, kinds,
        names.removed,
    )  # fmt: skip


# Search by look: colours, sizes and likeness to another event.

SURE_Z = 6.0
"""Standard score of a model's answer that counts as certain."""
LEAST_LIKE = 0.72
"""Minimum likeness of colours."""
_PART_WORDS = {"": "{}", UPPER: "{} top", LOWER: "{} trousers"}


@dataclass(frozen=True, slots=True)
class LookedEvents:
    """Events, their starts, and what their objects looked like, packed (`detection.appearance`)."""

    events: Sequence[EventId] = ()
    starts_ms: Sequence[int] = ()
    packed: Sequence[bytes] = ()


Looks = Callable[[Span], LookedEvents]
"""Returns what objects of events that start in a time looked like, as far as it is stored."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """why: in words; empty where only words of the index matched. score: 0..1, how well it matches."""

    event: Event
    why: str = ""
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class LookSearch:
    """looks: stored appearances. like: an event that the results shall resemble. since_ms, until_ms: replace its time.

    similar: returns events that look like a text or an event, the best first, each with its standard score; None if
    there is no model for that. are_readable: False where stored appearances can't be read: colours and sizes then leave
    nothing out.
    """

    looks: Looks
    like: Event | None = None
    since_ms: int | None = None
    similar: Callable[[str | Event, Sequence[Span]], list[tuple[EventId, float]] | None] = lambda _what, _spans: None
    until_ms: int | None = None
    are_readable: bool = True


def search_hits(
    index: EventIndex, text: str, names: SearchableNames, zone: ZoneInfo, now_ms: int, most: int, by: LookSearch
) -> tuple[SearchQuery, list[SearchHit]]:
    """Return the parsed query and the matching events; those by look with the best first. See search_in_words."""
    question = understand(index, text, names, zone, now_ms)
    if by.since_ms is not None or by.until_ms is not None:
        begin_ms, end_ms = by.since_ms or 0, now_ms + 1 if by.until_ms is None else by.until_ms
        words = "since then" if by.until_ms is None else "then"
        question = replace(question, spans=(Span(begin_ms, max(begin_ms, end_ms)),), time_words=words)
    elif by.like is not None and not question.has_time:
        question = replace(question, spans=(Span(0, now_ms + 1),), time_words="any time")
    phrases = tuple(one for one in question.unknown if " " in one)  # exclusions, which no model understands
    is_described = question.is_of_look or len(phrases) < len(question.unknown)
    answers = by.similar(by.like or question.text, question.spans) if by.like or is_described else None
    if answers is not None:
        question = replace(question, unknown=phrases)
    is_of_look = question.is_of_look and by.are_readable
    if not is_of_look and by.like is None and answers is None:
        found = find_events(index, question, most, now_ms, names.recognised.words)
        return question, [SearchHit(event) for event in found]
    fits = partial(_is_answer, request=question, like=by.like, now_ms=now_ms, words=names.recognised.words)
    hits = _seen_by_model(index, question, by, answers or (), fits, most)
    for hit in _of_colours(index, question, by, fits, most):
        other = hits.get(hit.event.id)
        both = 0.0 if other is None else min(hit.score, other.score) / 2
        score = min(1.0, max(hit.score, other.score if other else 0.0) + both)
        hits[hit.event.id] = replace(hit, score=score)
    return question, _ranked(list(hits.values()), question, now_ms)[:most]


def _seen_by_model(
    index: EventIndex,
    request: SearchQuery,
    by: LookSearch,
    answers: Iterable[tuple[EventId, float]],
    fits: Callable[[Event], bool],
    most: int,
) -> dict[EventId, SearchHit]:
    """Return the answers of the model that meet the other conditions."""
    hits: dict[EventId, SearchHit] = {}
    why = "similar" if by.like is not None else f"looks like “{request.text}”"
    for found, score in answers:
        event = index.event(found)
        if event is not None and fits(event):
            hits[found] = SearchHit(event, f"{why}, {_called(event)}", min(1.0, max(0.05, score / SURE_Z)))
            if len(hits) == most:
                break
    return hits


def _of_colours(
    index: EventIndex, request: SearchQuery, by: LookSearch, fits: Callable[[Event], bool], most: int
) -> Iterator[SearchHit]:
    """Yield the events whose colours and size match; without another order only the best."""
    if not request.is_of_look and by.like is None:
        return
    example = _example(by)
    names, starts_ms, packed, scores = list[EventId](), list[int](), list[bytes](), [np.zeros(0)]
    for looked in map(by.looks, request.spans):
        names += looked.events
        starts_ms += looked.starts_ms
        packed += looked.packed
        scores.append(_scores(AppearanceTable(looked.packed), request, example, is_like=by.like is not None))
    every = np.concatenate(scores)
    order = np.lexsort((-np.array(starts_ms, np.int64), -np.round(every, 1)))
    left = most if request.order == "newest" and request.count is None else len(order)
    for n in order:
        if not left or not every[n]:
            return
        event = index.event(names[n])
        if event is not None and fits(event):
            left -= 1
            why = _why(event, request, packed[n], is_like=by.like is not None)
            yield SearchHit(event, why, float(every[n]))


def _example(by: LookSearch) -> Appearance | None:
    """Return what the event looked like that the results shall resemble; None if that is not stored."""
    if by.like is None:
        return None
    looked = by.looks(Span(by.like.start_ms, by.like.start_ms + 1))
    there = dict(zip(looked.events, looked.packed, strict=True)).get(by.like.id)
    return Appearance.unpacked(there) if there is not None else None


def _scores(table: AppearanceTable, request: SearchQuery, example: Appearance | None, *, is_like: bool) -> Any:
    """Return 0..1 for each event: how well colours and size match."""
    scores = table.are_of_size(request.size).astype(float) if request.size else table.all_match()
    for either in request.colours:
        scores = np.minimum(scores, np.max([table.colour_scores(*one) for one in either], axis=0))
    if is_like:
        alike = table.likeness(example or Appearance())
        scores = np.where(alike >= LEAST_LIKE, alike, 0.0) * (scores > 0)
    return scores


def _why(event: Event, request: SearchQuery, looks: bytes, *, is_like: bool) -> str:
    words = ["similar", *colours_shown(Appearance.unpacked(looks))] if is_like else []
    table = AppearanceTable([looks])
    best = [max(either, key=lambda one: float(table.colour_scores(*one)[0])) for either in request.colours]
    words += [_PART_WORDS[part].format(colour) for colour, part in best]
    return ", ".join([*dict.fromkeys(words), *([request.size] if request.size else []), _called(event)])


def _is_answer(event: Event, request: SearchQuery, like: Event | None, now_ms: int, words: Words) -> bool:
    """Return whether the event has the type, camera, marks, zones and length that were asked for."""
    if (like is not None and event.id == like.id) or not _is_of_kind(event, request, like):
        return False
    if request.cameras and event.camera not in request.cameras:
        return False
    if (request.only == "kept" and not event.kept) or (request.only == "new" and event.reviewed):
        return False
    any_kind = replace(request, kinds=frozenset(), labels=frozenset())
    return _fits(event, any_kind, now_ms) and _is_read(request, words(event))


def _is_of_kind(event: Event, request: SearchQuery, like: Event | None) -> bool:
    """Return whether the event has the type or label that was asked for, and the type of the similar event."""
    if like is not None and like.shown_kind != MOTION and event.shown_kind != like.shown_kind:
        return False
    wanted = request.labels | request.kinds
    return not wanted or _is_one_of(event, request.kinds, wanted)


def _called(event: Event) -> str:
    """Return the best label a model gave, else the type."""
    named = [one for one in event.objects if kind_of(one.label) == event.shown_kind]
    return max(named, key=lambda one: one.score).label if named else event.shown_kind


def _ranked(hits: list[SearchHit], request: SearchQuery, now_ms: int) -> list[SearchHit]:
    """Sort in the requested order; without one, the best first, and the newest of equally good ones."""
    hits.sort(key=lambda hit: hit.event.start_ms, reverse=request.order != "oldest")
    if request.order in ("longest", "shortest"):
        hits.sort(key=lambda hit: _length_s(hit.event, now_ms), reverse=request.order == "longest")
    elif request.order == "newest" and request.count is None:
        hits.sort(key=lambda hit: -round(hit.score, 1))
    return hits if request.count is None else hits[: request.count]
