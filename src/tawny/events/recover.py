"""Closes events that were open when the recorder stopped unexpectedly."""

from collections.abc import Callable, Iterable

from tawny.events.event_log import EventLog
from tawny.model.events import Event
from tawny.model.times import Span
from tawny.storage.index.protocol import Index


def close_left_open(events: Iterable[Event], ledger: EventLog, last_ms: Callable[[Event], int | None]) -> list[Event]:
    """End all open events and return them. Call before the first watcher starts.

    last_ms: returns the end of the recording in or after the event, ms UTC. With None the event ends at its best image,
    or at its start.
    """
    closed = []
    for event in events:
        if event.end_ms is None:
            known_ms = last_ms(event)
            end_ms = known_ms if known_ms is not None else event.picture_ms or event.start_ms
            closed.append(event.ended(end_ms))
            ledger.put_event(closed[-1])
    return closed


def close_all_left_open(index: Index, ledger: EventLog, now_ms: int) -> None:
    """End all events that the last run left open, at the end of their recording."""

    def last_ms(event: Event) -> int | None:
        recorded = index.spans(event.camera, None, Span(event.start_ms, now_ms))
        return recorded[0].end_ms if recorded else None

    close_left_open(index.events(Span(0, now_ms), limit=200).events, ledger, last_ms)
