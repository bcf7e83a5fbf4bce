"""Finds events that match a query in the index."""

from collections.abc import Callable, Iterator
from itertools import islice

from tawny.model.events import Event
from tawny.model.kinds import is_meant
from tawny.playback.recordings import RecordingIndex
from tawny.playback.search.query import SearchQuery

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
