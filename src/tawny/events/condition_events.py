"""Events other than motion: a sound, an abandoned object, camera tampering. Each is an event of its own.

One instance per camera and type; one thread at a time.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from tawny.events.event_log import EventLog, SavePicture
from tawny.model.errors import StorageError
from tawny.model.events import Event, SeenObject, new_event_id, rounded
from tawny.model.ids import CameraId
from tawny.model.messages import EventChanged, Message
from tawny.model.observations import Box

log = logging.getLogger(__name__)


class ConditionEvents:
    """Writes events of one type. At most one is open at a time."""

    def __init__(
        self, camera: CameraId, ledger: EventLog, tell: Callable[[Message], None], save_picture: SavePicture
    ) -> None:
        self._camera, self._ledger, self._tell, self._save_picture = camera, ledger, tell, save_picture
        self._open: Event | None = None

    @property
    def lasts(self) -> bool:
        return self._open is not None

    def begin(
        self,
        kind: str,
        start_ms: int,
        score: float,
        what: tuple[SeenObject, ...] = (),
        *,
        jpeg: bytes | None = None,
        box: Box | None = None,
        zones: tuple[str, ...] = (),
        at_ms: int | None = None,
    ) -> None:
        """Start an event; ends the open one. at_ms: time of the image if not the event's start."""
        if self._open is not None:
            self.end(start_ms)
        event = rounded(Event(new_event_id(start_ms), self._camera, kind, start_ms, None, score, box, zones, what))
        if jpeg is not None:
            pictured = replace(event, picture_ms=start_ms if at_ms is None else at_ms)
            try:
                self._save_picture(pictured, jpeg)
                event = pictured
            except StorageError as error:
                log.warning("%s: event image could not be stored: %s", self._camera, error)
        self._open = event
        self._put("started", event)

    def grow(self, score: float, what: tuple[SeenObject, ...] = ()) -> None:
        """Raise the score or add objects of the open event."""
        if self._open is not None and (score > self._open.score or what):
            known = {one.label for one in self._open.objects}
            more = tuple(one for one in what if one.label not in known)
            self._open = replace(self._open, score=max(score, self._open.score), objects=(*self._open.objects, *more))
            self._put("updated", self._open)

    def end(self, end_ms: int) -> None:
        event, self._open = self._open, None
        if event is not None:
            self._put("ended", event.ended(end_ms))

    def _put(self, what: str, event: Event) -> None:
        self._ledger.put_event(event)
        self._tell(EventChanged(what, event))
