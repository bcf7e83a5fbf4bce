"""Event marks: users' marks (kept, reviewed, false alarm, actual type), applied to later updates of watchers.

Every event gets its level here: by the camera's settings when it is written, and again when a user says what it was.
Mutings are applied to watchers' events as well, with each update: an event may turn out to be a person.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from tawny.model.events import ANYWHERE, AlertRules, Event, SeenObject, level_of
from tawny.model.ids import CameraId, EventId
from tawny.model.messages import EventChanged
from tawny.service.detection.mutings import Mutings
from tawny.storage.history.ledger import HistoryLedger
from tawny.storage.index.protocol import Index

_Marked = tuple[bool, bool, str, str]
"""kept, reviewed, false_alarm, said."""


class EventMarks:
    """Ledger for events that preserves users' marks when a watcher updates an event. Thread-safe.

    alerts: returns what is an alert at a camera. mutings: None: nothing is muted.
    """

    def __init__(
        self,
        ledger: HistoryLedger,
        index: Index,
        alerts: Callable[[CameraId], AlertRules] = lambda _camera: ANYWHERE,
        mutings: Mutings | None = None,
    ) -> None:
        self._ledger, self._index, self._alerts, self._mutings = ledger, index, alerts, mutings
        self._lock = threading.Lock()
        self._of_open: dict[EventId, _Marked] = {}
        """Marks of running events."""

    def put_event(self, event: Event) -> bool:
        """Write a watcher's event with the users' marks. Return the ledger's result."""
        muted = self._muted(event)
        with self._lock:
            marked = self._laid_over(muted)
            if event.end_ms is not None:
                self._of_open.pop(event.id, None)
            is_durable = self._ledger.put_event(marked)
        if self._mutings is not None and muted.muted and event.end_ms is not None:
            self._mutings.counts(muted.muted, event)
        return is_durable

    def mark(
        self,
        event_id: EventId,
        *,
        kept: bool | None,
        reviewed: bool | None,
        false_alarm: str | None = None,
        said: str | None = None,
    ) -> Event | None:
        """Set marks of an event; None: unchanged. Return the event, or None if it does not exist."""
        with self._lock:
            event = self._index.event(event_id)
            if event is None:
                return None
            event = replace(
                event,
                kept=event.kept if kept is None else kept,
                reviewed=event.reviewed if reviewed is None else reviewed,
                false_alarm=event.false_alarm if false_alarm is None else false_alarm,
                said=event.said if said is None else said,
            )
            if false_alarm is not None or said is not None:
                event = self._with_level(event)
            if event.end_ms is None:
                self._of_open[event_id] = _marked(event)
            self._ledger.put_event(event)
            return event

    def classify(self, event_id: EventId, kind: str, objects: Sequence[SeenObject]) -> Event | None:
        """Set type and labels of an event that is over. None: it is gone, lasts, or a user said what it was."""
        with self._lock:
            event = self._index.event(event_id)
            if event is None or event.end_ms is None or event.said or event.false_alarm:
                return None
            event = replace(event, kind=kind, objects=tuple(objects))
            self._ledger.put_event(event)
            return event

    def shown(self, message: EventChanged) -> EventChanged:
        """Return the message with the users' marks."""
        return replace(message, event=self._laid_over(self._muted(message.event)))

    def _muted(self, event: Event) -> Event:
        return event if self._mutings is None else replace(event, muted=self._mutings.of(event))

    def _laid_over(self, event: Event) -> Event:
        kept, reviewed, false_alarm, said = self._of_open.get(event.id, _marked(event))
        return self._with_level(replace(event, kept=kept, reviewed=reviewed, false_alarm=false_alarm, said=said))

    def _with_level(self, event: Event) -> Event:
        return replace(event, level=level_of(event, self._alerts(event.camera)).value)


def _marked(event: Event) -> _Marked:
    return event.kept, event.reviewed, event.false_alarm, event.said
