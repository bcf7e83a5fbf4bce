"""Selection of the camera with current activity."""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from tawny.live.follow_stream import CODEC, FollowStream
from tawny.live.stream_choice import StreamChoice, choose_stream
from tawny.model.events import Event
from tawny.model.ids import CameraId
from tawny.model.messages import EventChanged
from tawny.model.times import Clock
from tawny.service.recorder import Subscribable

if TYPE_CHECKING:
    from tawny.api.context import AppContext

STAYS_S = 4.0
"""Minimum time in s on one camera, whatever happens elsewhere."""


class FollowSelector:
    """Selects a camera from its creation until `close`.

    Starts with the first camera and stays on the last active one.
    """

    def __init__(self, bus: Subscribable, clock: Clock, showing: Callable[[], Sequence[CameraId]]) -> None:
        """showing: returns the cameras with live video, in their order."""
        self._clock, self._showing = clock, showing
        self._lock = threading.Lock()
        self._ongoing: dict[str, Event] = {}
        self._camera: CameraId | None = None
        self._since_s = float("-inf")
        self.close = bus.subscribe(EventChanged, self._on_event)

    def camera(self) -> CameraId | None:
        """Return the camera to show now; None if none has live video."""
        showing, now_s = self._showing(), self._clock.mono_s()
        if self._camera in showing and now_s - self._since_s < STAYS_S:
            return self._camera
        with self._lock:
            there = [event for event in self._ongoing.values() if event.camera in showing]
        newest = max(there, key=lambda event: event.start_ms, default=None)
        stays = self._camera if self._camera in showing else next(iter(showing), None)
        wanted = newest.camera if newest else stays
        if wanted != self._camera:
            self._camera, self._since_s = wanted, now_s
        return wanted

    def _on_event(self, message: EventChanged) -> None:
        with self._lock:
            if message.event.end_ms is None and message.what != "ended":
                self._ongoing[message.event.id] = message.event
            else:
                self._ongoing.pop(message.event.id, None)


def showing(here: "AppContext") -> list[CameraId]:
    """Return the cameras with live video."""
    return [
        camera
        for camera in here.recorder.camera_names()
        if any(hub.newest is not None for hub in here.hubs(camera).values())
    ]


class FollowSelectors:
    """Follow streams, shared by users who may see the same cameras. Event loop only."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[frozenset[CameraId] | None, FollowStream] = WeakValueDictionary()

    def of(self, here: "AppContext") -> FollowStream:
        """Return the stream for this context. Shared while a reference to it exists."""
        found = self._known.get(here.seen)
        if found is None:
            found = self._known[here.seen] = _followed(here)
        return found


def _followed(here: "AppContext") -> FollowStream:
    clock = here.recorder.clock

    def look() -> FollowSelector:
        return FollowSelector(here.recorder.bus, clock, lambda: showing(here))

    def choice(camera: CameraId) -> StreamChoice | None:
        found = choose_stream(here.hubs(camera), "auto", [CODEC])
        return found.covered() if found else None  # TVs cannot draw masks

    return FollowStream(look, choice, here.viewers.one_more, clock)
