"""Wanted time: which time of a camera is written, by its recording mode and its events. Thread-safe, no I/O.

An event is wanted from its pre-roll to its post-roll; in the mode `transitions` only its start and its end are, each
with both. A recording (`recorder.stream_recording`) begins at the last keyframe before a wanted time and ends at the
first one after it.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from tawny.model.events import Event
from tawny.model.ids import EventId, StreamName
from tawny.model.segments import Recording
from tawny.model.times import Span, merge_spans

_STATES: Final = frozenset({"tamper"})
"""Types of events that are states of the camera, such as a covered lens. They may last for days."""
_FOREVER_MS: Final = 1 << 52
_REMEMBERED_MS: Final = 120_000
"""Time after which what is over is forgotten. The ring buffer of a stream holds less."""
_BEFORE_SWITCH_MS: Final = 10_000
"""Before a change of mode, what the recorder did not read yet is still wanted."""


class WritingChange(NamedTuple):
    """From this time on, ms UTC, a stream is written, or not."""

    stream: StreamName
    at_ms: int
    is_written: bool


class _Times(NamedTuple):
    """Begin and end of an event, ms UTC. end_ms: None while it lasts. is_state: only its begin and its end matter."""

    start_ms: int
    end_ms: int | None
    is_state: bool


class RecordingTimes:
    """changed: called on the recorder's thread when a stream begins or ceases to be written."""

    def __init__(
        self, record: Recording, pre_s: float, post_s: float, changed: Callable[[WritingChange], None] | None = None
    ) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._record: Recording = record
        self._pre_ms, self._post_ms = round(pre_s * 1000), round(post_s * 1000)
        self._events: dict[EventId, _Times] = {}
        self._always_from_ms = 0
        self._last: list[Span] = []
        """What was wanted before the last change of mode."""

    def changed(self, change: WritingChange) -> None:
        """Report that a recording begins or ceases to write."""
        if self._changed is not None:
            self._changed(change)

    @property
    def is_always(self) -> bool:
        """Whether everything is wanted now."""
        return self._record == "continuous"

    def switch(self, record: Recording, pre_s: float, post_s: float, at_ms: int, *, back_s: float = 0.0) -> None:
        """Apply another recording mode from this time on. back_s: `continuous` begins this much earlier, if it can."""
        before = Span(at_ms - _BEFORE_SWITCH_MS, at_ms)
        with self._lock:
            self._last = [cut for span in self._spans() if (cut := span.cut_to(before)) is not None]
            if record == "continuous" != self._record:
                self._always_from_ms = at_ms - round(back_s * 1000)
            self._record = record
            self._pre_ms, self._post_ms = round(pre_s * 1000), round(post_s * 1000)

    def hand_over(self, to: "RecordingTimes") -> None:
        """Give all events to those of the same camera after it was connected again."""
        with self._lock:
            events = dict(self._events)
        to.take_over(events)

    def take_over(self, events: Mapping[EventId, "_Times"]) -> None:
        """Note these events, unless something newer is known of them."""
        with self._lock:
            self._events = {**events, **self._events}

    def on_event(self, event: Event, now_ms: int) -> None:
        """Note an event that began, changed or ended. Repeated calls are harmless."""
        with self._lock:
            over_ms = now_ms - _REMEMBERED_MS
            self._events = {
                key: one
                for key, one in self._events.items()
                if one.end_ms is None or one.end_ms + self._post_ms > over_ms
            }
            if event.end_ms is None or event.end_ms + self._post_ms > over_ms:
                self._events[event.id] = _Times(event.start_ms, event.end_ms, event.kind in _STATES)

    def spans(self) -> list[Span]:
        """Return the wanted time, in order. What lasts ends in the far future."""
        with self._lock:
            return self._spans()

    def _spans(self) -> list[Span]:
        if self._record == "continuous":
            return [Span(self._always_from_ms, _FOREVER_MS)]
        events = self._events.values() if self._record != "off" else ()
        return merge_spans([*self._last, *(span for one in events for span in self._around(one))])

    def _around(self, event: _Times) -> list[Span]:
        begin_ms = event.start_ms - self._pre_ms
        if self._record == "events" and not event.is_state:
            return [Span(begin_ms, _FOREVER_MS if event.end_ms is None else event.end_ms + self._post_ms)]
        begun = Span(begin_ms, event.start_ms + self._post_ms)
        if event.end_ms is None:
            return [begun]
        return [begun, Span(event.end_ms - self._pre_ms, event.end_ms + self._post_ms)]


def is_wanted(spans: list[Span], at_ms: int) -> bool:
    return any(span.begin_ms <= at_ms < span.end_ms for span in spans)
