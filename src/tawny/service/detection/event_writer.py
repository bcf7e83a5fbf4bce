"""Event writer: writes events and their images, so that detection never waits for the disk. One actor.

An event is published when it is in the history and the index, with its image. An image that cannot be written is
logged, and the event keeps the one before, or none.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from tawny.engine import ActorHandle, Engine
from tawny.events.event_builder import EventLog
from tawny.model.errors import StorageError
from tawny.model.events import Event
from tawny.model.ids import EventId
from tawny.model.messages import EventChanged
from tawny.model.observations import Box
from tawny.storage.segments.detection_files import EventFiles

log = logging.getLogger(__name__)

IDLE_S: Final = 60.0
MOST_WAITING: Final = 1000
MOST_WAITING_BYTES: Final = 16_000_000
"""Limits of what waits for a stalled disk; then detection waits as well."""


class EventWriter:
    """Writes in order of arrival. Call all methods but `step` and `close` from any thread."""

    name = "events"

    def __init__(self, ledger: EventLog, files: EventFiles) -> None:
        self._ledger, self._files = ledger, files
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Callable[[], None], int]] = deque()
        """What writes each, and its size in bytes."""
        self._waiting_bytes = 0
        self._shown: dict[EventId, tuple[int | None, Box | None]] = {}
        """Time and box of the image of each open event that is on the disk."""
        self._failed: set[EventId] = set()
        """Open events whose last image could not be written."""
        self._followed: set[EventId] = set()
        """Open events with stored paths of objects."""
        self._cut: set[EventId] = set()
        """Open events whose paths end early, as the disk took no more."""
        self.handle = ActorHandle()

    def start(self, engine: Engine) -> None:
        self.handle.start(engine, self.name, lambda: self)

    def put_event(self, event: Event) -> bool:
        """Queue the event. Return False: it is not durable yet."""
        self._put(partial(self._write_event, event))
        return False

    def write_picture(self, event: Event, jpeg: bytes) -> None:
        """Queue the event's image, to be written before what is put later."""
        self._put(partial(self._write_picture, event, jpeg), len(jpeg))

    def write_loop(self, event: Event, jpeg: bytes) -> None:
        """Queue the event's preview."""
        self._put(partial(self._write_loop, event, jpeg), len(jpeg))

    def write_objects(self, event: Event, lines: bytes) -> None:
        """Queue lines of the paths of the event's objects."""
        self._put(partial(self._write_objects, event, lines), len(lines))

    def publisher(self, publish: Callable[[EventChanged], None]) -> Callable[[EventChanged], None]:
        """Return a function that calls `publish` once all that was queued before is written."""

        def publish_stored(message: EventChanged) -> None:
            self._put(partial(self._publish_stored, publish, message))

        return publish_stored

    def step(self) -> float:
        while self._waiting:
            write, size_bytes = self._waiting.popleft()
            try:
                write()
            finally:
                with self._changed:
                    self._waiting_bytes -= size_bytes
                    self._changed.notify_all()
        return IDLE_S

    def close(self) -> None:
        """Write what is queued."""
        self.step()

    def _put(self, write: Callable[[], None], size_bytes: int = 0) -> None:
        with self._changed:
            self._changed.wait_for(self._has_room)
            self._waiting.append((write, size_bytes))
            self._waiting_bytes += size_bytes
        self.handle.wake()

    def _has_room(self) -> bool:
        return len(self._waiting) < MOST_WAITING and self._waiting_bytes < MOST_WAITING_BYTES

    def _write_picture(self, event: Event, jpeg: bytes) -> None:
        try:
            self._files.write_picture(event, jpeg)
        except StorageError as error:
            log.warning("%s: event image could not be stored: %s", event.camera, error)
            self._failed.add(event.id)
        else:
            self._failed.discard(event.id)
            self._shown[event.id] = event.picture_ms, event.box

    def _write_loop(self, event: Event, jpeg: bytes) -> None:
        try:
            self._files.write_loop(event, jpeg)
        except StorageError as error:
            log.warning("%s: event thumbnails could not be stored: %s", event.camera, error)

    def _write_objects(self, event: Event, lines: bytes) -> None:
        if event.id in self._cut:
            return
        self._followed.add(event.id)
        try:
            self._files.add_objects(event, lines)
        except StorageError as error:
            log.warning("%s: the paths of an event's objects could not be stored: %s", event.camera, error)
            self._cut.add(event.id)

    def _end_objects(self, event: Event) -> None:
        self._cut.discard(event.id)
        if event.id not in self._followed:
            return
        self._followed.discard(event.id)
        try:
            self._files.end_objects(event)
        except StorageError as error:
            log.warning("%s: the paths of an event's objects may not be durable: %s", event.camera, error)

    def _write_event(self, event: Event) -> None:
        if event.end_ms is not None:
            self._end_objects(event)
        self._ledger.put_event(self._with_stored_picture(event))

    def _publish_stored(self, publish: Callable[[EventChanged], None], message: EventChanged) -> None:
        publish(replace(message, event=self._with_stored_picture(message.event)))
        if message.event.end_ms is not None:
            self._shown.pop(message.event.id, None)
            self._failed.discard(message.event.id)

    def _with_stored_picture(self, event: Event) -> Event:
        if event.id not in self._failed:
            return event
        picture_ms, box = self._shown.get(event.id, (None, event.box))
        return replace(event, picture_ms=picture_ms, box=box)
