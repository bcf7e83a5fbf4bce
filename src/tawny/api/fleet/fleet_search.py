"""Search by words over the events of all recorders of a hub, also of those that are offline.

What objects looked like is known to the recorders alone: a search for that asks those that are connected.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from tawny.api.fleet.box_search import BoxFound, BoxHit, BoxQuestion, Reason, ask_boxes
from tawny.fleet.fleet_index import EVER, BoxEvent, EventQuestion, FleetIndex, PlacedCamera
from tawny.fleet.hub import FleetHub
from tawny.model.events import Event, event_title, shown_level
from tawny.model.ids import CameraId
from tawny.model.observations import spoken
from tawny.model.times import Span
from tawny.playback.search.event_search import SearchableNames, find_events, understand
from tawny.playback.search.query_parser import SearchableIdentity, SearchQuery
from tawny.storage.index.protocol import EventPage

ANYTHING = "anything"
"""Words without a condition."""


@dataclass(frozen=True, slots=True)
class FleetScope:
    """Where and when is searched. boxes: names by id. cameras: names. kinds: empty: all.

    closed: boxes whose owner doesn't allow events, or no longer: what the hub knows of them isn't shown.
    """

    boxes: Mapping[str, str]
    cameras: Mapping[PlacedCamera, str]
    kinds: tuple[str, ...] = ()
    within: Span = EVER
    closed: frozenset[str] = frozenset()

    @property
    def open(self) -> tuple[str, ...]:
        return tuple(one for one in self.boxes if one not in self.closed)


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

    is_by_look: recorders were asked what objects looked like.
    """

    query: SearchQuery
    events: list[FoundEvent]
    unknown: tuple[str, ...] = ()
    missing: tuple[tuple[str, Reason], ...] = ()
    is_by_look: bool = False


@dataclass(frozen=True, slots=True)
class FleetWords:
    """A search. chosen: cameras; empty: all. zone: of the hub. person, role: of whom asks."""

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
            places = tuple(one for one in places if scope.cameras.get(one, "").lower() in names)
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
        named = [replace(one.event, camera=CameraId(f"{one.box}~{one.event.camera}")) for one in found]
        return EventPage(named, mark)


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
    left, boxes = without_names(text, scope.boxes)
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
    return question, [_placed(event) for event in found]


async def search_with_boxes(hub: FleetHub, asked: FleetWords) -> FleetFinding:
    """Return what matches. Colours, sizes, and words that only a search model may know are asked of the recorders."""
    scope = asked.scope
    query, known = await asyncio.to_thread(
        search_fleet, hub.index, asked.text, scope, asked.chosen, asked.zone, asked.now_ms, asked.most
    )
    here = FleetFinding(query, list(map(FoundEvent.known, known)), query.unknown)
    if not query.is_of_look and not query.unknown:
        return here
    text, boxes = without_names(asked.text, scope.boxes)
    places = _places(query, asked)
    if places is not None:
        boxes = [box for box in boxes if any(place.box == box for place in places)]
    is_bounded = scope.within != EVER
    question = BoxQuestion(text, asked.person, asked.role, scope.within.begin_ms if is_bounded else None)
    answers = await ask_boxes(hub, boxes, question)
    hits = [FoundEvent.seen(found, hit) for found in answers for hit in found.hits if hit.id in found.why]
    hits = [one for one in hits if _is_in(one, query, scope, places)]
    if not query.is_of_look and not any(found.why for found in answers):
        return here  # no recorder has a search model: the words mean nothing
    understood = [found.unknown for found in answers if found.reason is None]
    unknown = tuple(one for one in query.unknown if all(one in words for words in understood))
    missing = tuple((found.box, reason) for found in answers if (reason := _why_not(found, query)))
    return FleetFinding(query, _ranked(hits, query, asked.now_ms)[: asked.most], unknown, missing, is_by_look=True)


def _places(query: SearchQuery, asked: FleetWords) -> frozenset[PlacedCamera] | None:
    """Return the cameras that were chosen, or named in the words; None: all."""
    if not asked.chosen and not query.cameras:
        return None
    cameras = asked.scope.cameras
    every = asked.chosen or tuple(cameras)
    return frozenset(one for one in every if not query.cameras or cameras.get(one, "").lower() in query.cameras)


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


def without_names(text: str, boxes: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the words without names of recorders, and the recorders that they name; all if they name none."""
    named = list[str]()
    for name in sorted(set(boxes.values()), key=lambda one: -len(one)):
        pattern = re.compile(rf"(?<!\w)(?:(?:at|in) )?{re.escape(name)}(?!\w)", re.IGNORECASE)
        if name and pattern.search(text):
            named += [box for box, own in boxes.items() if own == name]
            text = pattern.sub(" ", text)
    return " ".join(text.split()), named or list(boxes)


def _placed(event: Event) -> BoxEvent:
    box, _, camera = event.camera.partition("~")
    return BoxEvent(box, replace(event, camera=CameraId(camera)))


def _words(event: Event) -> frozenset[str]:
    """Return the plates and recognizers of an event as search words; names of people stay at their recorder."""
    return frozenset({spoken(word) for one in event.reads for word in (one.by, one.text)} - {""})
