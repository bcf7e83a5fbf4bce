"""Search by words over the events of all recorders of a hub, also of those that are offline."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from tawny.fleet.fleet_index import EVER, BoxEvent, EventQuestion, FleetIndex, PlacedCamera
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.observations import spoken
from tawny.model.times import Span
from tawny.playback.search.event_search import SearchableNames, search_in_words
from tawny.playback.search.query_parser import SearchableIdentity, SearchQuery
from tawny.storage.index.protocol import EventPage

ANYTHING = "anything"
"""Words without a condition."""


@dataclass(frozen=True, slots=True)
class FleetScope:
    """Where and when is searched. boxes: names by id. cameras: names. kinds: empty: all."""

    boxes: Mapping[str, str]
    cameras: Mapping[PlacedCamera, str]
    kinds: tuple[str, ...] = ()
    within: Span = EVER


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
                tuple(scope.boxes), places if is_narrowed else (), wanted, span, only,
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
    question, found = search_in_words(source, left or ANYTHING, known, zone, now_ms, most)
    return question, [_placed(event) for event in found]


def without_names(text: str, boxes: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the words without names of recorders, and the recorders that they name; all if they name none."""
    named = []
    for box, name in sorted(boxes.items(), key=lambda one: -len(one[1])):
        pattern = re.compile(rf"(?<!\w)(?:(?:at|in) )?{re.escape(name)}(?!\w)", re.IGNORECASE)
        if name and pattern.search(text):
            named.append(box)
            text = pattern.sub(" ", text)
    return " ".join(text.split()), named or list(boxes)


def _placed(event: Event) -> BoxEvent:
    box, _, camera = event.camera.partition("~")
    return BoxEvent(box, replace(event, camera=CameraId(camera)))


def _words(event: Event) -> frozenset[str]:
    """Return the plates and recognizers of an event as search words; names of people stay at their recorder."""
    return frozenset({spoken(word) for one in event.reads for word in (one.by, one.text)} - {""})
