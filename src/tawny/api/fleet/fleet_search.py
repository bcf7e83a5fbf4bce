"""Search by words over the events of all recorders of a hub, also of those that are offline.

What objects looked like is known to the recorders alone: a search for that asks those that are connected.
"""

import asyncio
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from tawny.api.fleet.box_search import BoxFound, BoxHit, BoxQuestion, Reason, ask_boxes
from tawny.fleet.fleet_index import EVER, BoxEvent, EventQuestion, FleetIndex, PlacedCamera, cut
from tawny.fleet.hub import FleetHub
from tawny.model.events import Event, event_title, shown_level
from tawny.model.ids import CameraId
from tawny.model.observations import spoken
from tawny.model.times import LATEST_MS, Span
from tawny.playback.search.event_search import SearchableNames, find_events, understand
from tawny.playback.search.query_parser import SearchableIdentity, SearchQuery
from tawny.storage.index.protocol import EventPage

ANYTHING = "anything"
"""Words without a condition."""


@dataclass(frozen=True, slots=True)
class FleetScope:
    """Where and when is searched. boxes: names by id. cameras: names. kinds: empty: all.

    closed: boxes whose owner doesn't allow events, or no longer: what the hub knows of them isn't shown. away: those
    that are offline, with when they were seen last. both: names of boxes that among the words may mean a camera, too.
    """

    boxes: Mapping[str, str]
    cameras: Mapping[PlacedCamera, str]
    kinds: tuple[str, ...] = ()
    within: Span = EVER
    closed: frozenset[str] = frozenset()
    away: Mapping[str, int] = field(default_factory=dict)
    both: frozenset[str] = frozenset()

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(one for one in self.boxes if one not in self.closed)

    def is_named(self, place: PlacedCamera, names: Collection[str]) -> bool:
        """Return whether a camera has one of these names, in lower case, or its box has."""
        box = self.boxes.get(place.box, "")
        return self.cameras.get(place, "").lower() in names or (box in self.both and box.lower() in names)


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event of a recorder. why, match: of one by look, in words, and 0..1 how well it matches; else empty, None."""

    box: str
    id: str
    camera: CameraId
    title: str
    kind: str
    level: str
    start_ms: int
    end_ms: int | None
    has_picture: bool
    why: str = ""
    match: float | None = None

    @classmethod
    def known(cls, found: BoxEvent) -> "FoundEvent":
        event = found.event
        return cls(
            found.box, event.id, event.camera, event_title(event), event.shown_kind, shown_level(event).value,
            event.start_ms, event.end_ms, event.picture_ms is not None,
        )  # fmt: skip

    @classmethod
    def seen(cls, found: BoxFound, hit: BoxHit) -> "FoundEvent":
        return cls(
            found.box, hit.id, CameraId(hit.camera), hit.title, hit.display_type, hit.level, hit.start_ms, hit.end_ms,
            hit.snapshot is not None, found.why[hit.id], found.scores.get(hit.id, 0.0),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FleetFinding:
    """unknown: words without a meaning. missing: recorders that did not search by look, with the reason.

    is_by_look: recorders were asked what objects looked like. has_more: there are more events, or may be.
    """

    query: SearchQuery
    events: list[FoundEvent]
    unknown: tuple[str, ...] = ()
    missing: tuple[tuple[str, Reason], ...] = ()
    is_by_look: bool = False
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class FleetWords:
    """A search. chosen: cameras; empty: all. zone: of the hub. person, role: of the user who searches."""

    text: str
    scope: FleetScope
    chosen: tuple[PlacedCamera, ...]
    zone: ZoneInfo
    now_ms: int
    most: int
    person: str
    role: str


class FleetEventSource:
    """The events of a scope as an `EventSource`. A camera of an event is `box~camera`; one that is asked for, a name.

    Cameras of several houses often have the same name: its words mean all of them.
    """

    def __init__(self, index: FleetIndex, scope: FleetScope, chosen: Sequence[PlacedCamera] = ()) -> None:
        self._index, self._scope, self._chosen = index, scope, tuple(chosen)
        self._lasting = set[tuple[str, str]]()
        """Events that lasted when their box was seen last."""

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
        scope = self._scope
        span = within.cut_to(scope.within)
        wanted = tuple(set(kinds) & set(scope.kinds) if kinds and scope.kinds else kinds or scope.kinds)
        names = None if cameras is None else set(cameras)
        places = self._chosen or tuple(scope.cameras)
        if names is not None:
            places = tuple(one for one in places if scope.is_named(one, names))
        is_narrowed = names is not None or bool(self._chosen)
        if span is None or (is_narrowed and not places) or (kinds and scope.kinds and not wanted):
            return EventPage([], None)
        start, _, rest = (after or "").partition("~")
        box, _, event = rest.partition("~")
        found = self._index.find(
            EventQuestion(
                scope.open, places if is_narrowed else (), wanted, span, only,
                (int(start), box, event) if after else None, limit,
            )
        )  # fmt: skip
        last = found[-1] if len(found) == limit else None
        mark = f"{last.event.start_ms}~{last.box}~{last.event.id}" if last else None
        return EventPage([self._placed(one) for one in found], mark)

    def stored(self, event: Event) -> BoxEvent:
        """Return an event of this source as the index has it."""
        box, _, camera = event.camera.partition("~")
        end_ms = None if (box, event.id) in self._lasting else event.end_ms
        return BoxEvent(box, replace(event, camera=CameraId(camera), end_ms=end_ms))

    def _placed(self, one: BoxEvent) -> Event:
        event, away_ms = one.event, self._scope.away.get(one.box)
        if event.end_ms is None and away_ms is not None:
            self._lasting.add((one.box, event.id))
        end_ms = seen_end_ms(event.start_ms, event.end_ms, away_ms)
        return replace(event, end_ms=end_ms, camera=CameraId(f"{one.box}~{event.camera}"))


def seen_end_ms(begin_ms: int, end_ms: int | None, away_ms: int | None) -> int | None:
    """Return the end of what lasted when its box was seen last, at `away_ms`: it may be over. None: it lasts."""
    return max(begin_ms, away_ms) if end_ms is None and away_ms is not None else end_ms


def search_fleet(
    index: FleetIndex,
    text: str,
    scope: FleetScope,
    chosen: Sequence[PlacedCamera],
    zone: ZoneInfo,
    now_ms: int,
    most: int,
) -> tuple[SearchQuery, list[BoxEvent]]:
    """Return the parsed query and the matching events. chosen: cameras; empty: all. zone: of the hub.

    Names of recorders may be among the words.
    """
    left, boxes = without_names(text, scope.boxes, scope.both)
    scope = replace(scope, boxes={box: scope.boxes[box] for box in boxes})
    names = {CameraId(name.lower()): name for name in scope.cameras.values()}
    known = SearchableNames(names, recognised=SearchableIdentity(words=_words))
    source = FleetEventSource(index, scope, chosen)
    question = understand(source, left or ANYTHING, known, zone, now_ms)
    if question.but_places & {*names}:  # events of the source have other IDs of cameras
        question = replace(question, cameras=(question.cameras or frozenset(names)) - question.but_places)
        if not question.cameras:
            return question, []
    found = find_events(source, question, most, now_ms, known.recognised.words)
    return question, [source.stored(event) for event in found]


async def search_with_boxes(hub: FleetHub, asked: FleetWords) -> FleetFinding:
    """Return what matches. Colours, sizes, and words that only a search model may know are asked of the recorders."""
    scope = replace(asked.scope, both=_names_of_cameras(asked.text, asked.scope))
    query, known = await asyncio.to_thread(
        search_fleet, hub.index, asked.text, scope, asked.chosen, asked.zone, asked.now_ms, asked.most + 1
    )
    events = [FoundEvent.known(one) for one in known[: asked.most]]
    context = FleetFinding(query, events, query.unknown, has_more=len(known) > asked.most)
    if not query.is_of_look and not query.unknown:
        return context
    text, boxes = without_names(asked.text, scope.boxes, scope.both)
    places = _places(query, scope, asked.chosen)
    if places is not None:
        boxes = [box for box in boxes if any(place.box == box for place in places)]
    own = {
        box: without_names(text, {box: name})[0]
        for box, name in scope.boxes.items()
        if name in scope.both and name.lower() in query.cameras
    }
    answers = await ask_boxes(hub, boxes, _timed(BoxQuestion(text, asked.person, asked.role, own=own), query, scope))
    hits = [FoundEvent.seen(found, hit) for found in answers for hit in found.hits if hit.id in found.why]
    hits = [one for one in hits if _is_in(one, query, scope, places)]
    if not query.is_of_look and not any(found.why for found in answers):
        return context  # no recorder has a search model: the words mean nothing
    understood = [found.unknown for found in answers if found.reason is None]
    unknown = tuple(one for one in query.unknown if all(one in words for words in understood))
    missing = tuple((found.box, reason) for found in answers if (reason := _why_not(found, query)))
    ranked = _ranked(hits, query, asked.now_ms)
    has_more = len(ranked) > asked.most or any(found.has_more for found in answers if not _why_not(found, query))
    return FleetFinding(query, ranked[: asked.most], unknown, missing, is_by_look=True, has_more=has_more)


def _timed(question: BoxQuestion, query: SearchQuery, scope: FleetScope) -> BoxQuestion:
    """Return a question with the time that was chosen, and in it, that of the words: a box answers the best of it."""
    if scope.within == EVER:
        return question
    parts = (cut(query.spans, scope.within) if query.has_time else []) or [scope.within]
    end_ms = max(one.end_ms for one in parts)
    begin_ms = min(one.begin_ms for one in parts)
    return replace(question, from_ms=begin_ms, to_ms=end_ms if end_ms < LATEST_MS else None)


def _places(query: SearchQuery, scope: FleetScope, chosen: Sequence[PlacedCamera]) -> frozenset[PlacedCamera] | None:
    """Return the cameras that were chosen, or named in the words; None: all."""
    if not chosen and not query.cameras:
        return None
    every = chosen or tuple(scope.cameras)
    return frozenset(one for one in every if not query.cameras or scope.is_named(one, query.cameras))


def _is_in(one: FoundEvent, query: SearchQuery, scope: FleetScope, places: frozenset[PlacedCamera] | None) -> bool:
    if places is not None and PlacedCamera(one.box, one.camera) not in places:
        return False
    if scope.kinds and one.kind not in scope.kinds:
        return False
    spans = (scope.within, *(query.spans if scope.within != EVER and query.has_time else ()))
    is_within, *are_in = (span.begin_ms <= one.start_ms < span.end_ms for span in spans)
    return is_within and (not are_in or any(are_in))


def _why_not(found: BoxFound, query: SearchQuery) -> Reason | None:
    """Return why a recorder has not searched by look; None: it has."""
    is_plain = not query.is_of_look and found.unknown and not found.why
    return "no_model" if found.reason is None and is_plain else found.reason


def _ranked(found: list[FoundEvent], query: SearchQuery, now_ms: int) -> list[FoundEvent]:
    """Sort as `event_search` does: the best first, the newest of equally good ones, unless the words say otherwise."""
    found.sort(key=lambda one: one.start_ms, reverse=query.order != "oldest")
    if query.order in ("longest", "shortest"):
        lengths = {one: (now_ms if one.end_ms is None else one.end_ms) - one.start_ms for one in found}
        found.sort(key=lambda one: lengths[one], reverse=query.order == "longest")
    elif query.order == "newest" and query.count is None:
        found.sort(key=lambda one: -round(one.match or 0.0, 1))
    return found if query.count is None else found[: query.count]


def without_names(text: str, boxes: Mapping[str, str], both: Collection[str] = ()) -> tuple[str, list[str]]:
    """Return the words without names of recorders, and the recorders that they name; all if they name none.

    both: names that stay, because they are of cameras as well.
    """
    named = list[str]()
    for name in sorted({*boxes.values()} - {"", *both}, key=lambda one: -len(one)):
        pattern = _pattern_of(name)
        if pattern.search(text):
            named += [box for box, own in boxes.items() if own == name]
            text = pattern.sub(" ", text)
    return " ".join(text.split()), named or list(boxes)


def _names_of_cameras(text: str, scope: FleetScope) -> frozenset[str]:
    """Return the names of recorders that are among the words as the name of another one's camera, or in it."""
    words = text.lower()
    cameras = {(scope.boxes[one.box], name) for one, name in scope.cameras.items() if name and name.lower() in words}
    found = [(box, name) for box, name in cameras if _pattern_of(name).search(text)]
    names = {*scope.boxes.values()} - {""}
    return frozenset(one for one in names if any(box != one and _pattern_of(one).search(name) for box, name in found))


def _pattern_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:(?:at|in) )?{re.escape(name)}(?!\w)", re.IGNORECASE)


def _words(event: Event) -> frozenset[str]:
    """Return the plates and recognizers of an event as search words; names of people stay at their recorder."""
    return frozenset({spoken(word) for one in event.reads for word in (one.by, one.text)} - {""})
