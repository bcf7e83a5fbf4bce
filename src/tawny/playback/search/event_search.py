"""Finds events that match a query in the index."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

from tawny.detection.models.labels import COCO
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.observations import Box, is_meant
from tawny.model.polygon import COLUMNS, ROWS, grid_of
from tawny.model.times import Span
from tawny.playback.recordings import RecordingIndex
from tawny.playback.search.query_parser import NOBODY, SearchableIdentity, SearchQuery, SearchVocabulary, parse_query

PAGE = 200

Words = Callable[[Event], frozenset[str]]


def find_events(index: RecordingIndex, asked: SearchQuery, limit: int, now_ms: int, words: Words) -> list[Event]:
    """Return the events in the requested order. words: recognition results by which an event can be found."""
    most = limit if asked.count is None else min(asked.count, limit)
    if asked.order == "newest":
        return list(islice(_fitting(index, asked, now_ms, words), most))
    every = list(_fitting(index, asked, now_ms, words))
    if asked.order == "oldest":
        every.reverse()
    else:
        every.sort(key=lambda event: _length_s(event, now_ms), reverse=asked.order == "longest")
    return every[:most]


def _fitting(index: RecordingIndex, asked: SearchQuery, now_ms: int, words: Words) -> Iterator[Event]:
    """Yield matching events, newest first."""
    kinds = None if not asked.kinds or asked.labels else asked.kinds
    only = asked.only
    if only == "all":  # pre-filter in the index
        only = "false_alarms" if asked.false_alarms else "named" if asked.labels and not asked.kinds else "all"
    for span in reversed(asked.spans):
        after: str | None = None
        while True:
            page = index.events(span, cameras=asked.cameras or None, kinds=kinds, only=only, after=after, limit=PAGE)
            yield from (event for event in page.events if _fits(event, asked, now_ms) and _is_read(asked, words(event)))
            after = page.next
            if after is None:
                break


def _fits(event: Event, asked: SearchQuery, now_ms: int) -> bool:
    if asked.labels and not (
        event.shown_kind in asked.kinds or any(is_meant(one.label, asked.labels) for one in event.objects)
    ):
        return False
    if event.shown_kind in asked.but or any(is_meant(one.label, asked.but) for one in event.objects):
        return False
    if asked.zones and not asked.zones & set(event.zones):
        return False
    if asked.false_alarms and not event.false_alarm:
        return False
    return asked.least_s <= _length_s(event, now_ms) <= asked.most_s


def _is_read(asked: SearchQuery, words: frozenset[str]) -> bool:
    if not asked.read_so <= words:
        return False
    return not asked.read or any(one in word for one in asked.read for word in words)


def _length_s(event: Event, now_ms: int) -> float:
    return ((now_ms if event.end_ms is None else event.end_ms) - event.start_ms) / 1000


# Motion search in an area and heat map, from stored motion grids. Pure.

JOIN_MS = 5000
"""Motion after a shorter pause is merged, ms."""
SECOND_MS = 1000

Moved = Iterable[tuple[int, int]]
"""Seconds (ms UTC) with their motion grid (`model.polygon`), in order."""


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
    """Names that a query may contain. cameras: with their names. zones: from the settings."""

    cameras: Mapping[CameraId, str]
    zones: Iterable[str] = ()
    recognised: SearchableIdentity = NOBODY


def search_in_words(
    index: RecordingIndex, text: str, names: SearchableNames, zone: ZoneInfo, now_ms: int, most: int
) -> tuple[SearchQuery, list[Event]]:
    """Return the parsed query and the matching events. zone: local time zone. most: maximum number of events."""
    ever = Span(0, now_ms + 1)
    recent = index.events(ever, limit=RECENT).events + index.events(ever, only="named", limit=RECENT).events
    question = parse_query(text, _known(recent, names), zone, now_ms)
    if question.unknown:
        older = index.events(ever, only="named", limit=SOME).events
        question = parse_query(text, _known(recent + older, names), zone, now_ms)
    return question, find_events(index, question, most, now_ms, names.recognised.words)


def _known(events: Sequence[Event], names: SearchableNames) -> SearchVocabulary:
    labels = {one.label for event in events for one in event.objects}
    places = {name for event in events for name in event.zones}
    readers = {"plates", *(read.by for event in events for read in event.reads)}
    return SearchVocabulary(
        names.cameras, {*names.zones, *places}, {*COCO, *labels}, tuple(names.recognised.names), readers
    )
