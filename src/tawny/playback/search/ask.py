"""Text search of events, for the command line and the web."""

from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

from tawny.detection.models.labels import COCO
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.times import Span
from tawny.playback.recordings import RecordingIndex
from tawny.playback.search.event_search import find_events
from tawny.playback.search.query import NOBODY, SearchableIdentity, SearchQuery
from tawny.playback.search.query_parser import SearchVocabulary, parse_query

RECENT = 200
"""Number of recent events of each kind whose labels and zones extend the vocabulary..."""
SOME = 5000
"""...and number of labeled events searched if a word is still unknown."""


def search_in_words(
    index: RecordingIndex,
    text: str,
    cameras: Mapping[CameraId, str],
    zones: Iterable[str],
    zone: ZoneInfo,
    now_ms: int,
    most: int,
    recognised: SearchableIdentity = NOBODY,
) -> tuple[SearchQuery, list[Event]]:
    """Return the parsed query and the matching events.

    cameras: with their names. zones: from the settings. zone: local time zone. most: maximum number of events.
    """
    ever = Span(0, now_ms + 1)
    recent = index.events(ever, limit=RECENT).events + index.events(ever, only="named", limit=RECENT).events
    question = parse_query(text, _known(recent, cameras, zones, recognised), zone, now_ms)
    if question.unknown:
        older = index.events(ever, only="named", limit=SOME).events
        question = parse_query(text, _known(recent + older, cameras, zones, recognised), zone, now_ms)
    return question, find_events(index, question, most, now_ms, recognised.words)


def _known(
    events: Sequence[Event], cameras: Mapping[CameraId, str], zones: Iterable[str], recognised: SearchableIdentity
) -> SearchVocabulary:
    labels = {one.label for event in events for one in event.objects}
    places = {name for event in events for name in event.zones}
    readers = {"plates", *(read.by for event in events for read in event.reads)}
    return SearchVocabulary(cameras, {*zones, *places}, {*COCO, *labels}, tuple(recognised.names), readers)
