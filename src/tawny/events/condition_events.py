"""Events that are not movements: a sound, a thing left behind, a camera that no longer sees. Each stands for itself.

One maker a camera and kind; any one thread at a time.
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
    """At most one of them lasts at a time."""

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
        """Ends what lasts. at_ms: when the picture was taken, if that was not at its start."""
        if self._open is not None:
            self.end(start_ms)
        event = rounded(Event(new_event_id(start_ms), self._camera, kind, start_ms, None, score, box, zones, what))
        if jpeg is not None:
            pictured = replace(event, picture_ms=start_ms if at_ms is None else at_ms)
            try:
                self._save_picture(pictured, jpeg)
                event = pictured
            except StorageError as error:
                log.warning("%s: the picture of an event could not be kept: %s", self._camera, error)
        self._open = event
        self._put("started", event)

    def grow(self, score: float, what: tuple[SeenObject, ...] = ()) -> None:
        """It is more than was told."""
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
