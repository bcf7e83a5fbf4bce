"""Selection of the camera with current activity."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from tawny.live.follow_stream import CODEC, FollowStream
from tawny.live.stream_choice import StreamChoice, choose_stream
from tawny.model.ids import CameraId
from tawny.model.times import Clock
from tawny.service.visits import OngoingEvents
from tawny.stream.hub import live_hubs

if TYPE_CHECKING:
    from tawny.api.context import AppContext

STAYS_S = 4.0
"""Minimum time in s on one camera, whatever happens elsewhere."""


class FollowSelector:
    """Selects a camera. Starts with the active one, or else the first, and stays on the last active one."""

    def __init__(self, ongoing: OngoingEvents, clock: Clock, showing: Callable[[], Sequence[CameraId]]) -> None:
        """showing: returns the cameras with live video, in their order."""
        self._ongoing, self._clock, self._showing = ongoing, clock, showing
        self._camera: CameraId | None = None
        self._since_s = float("-inf")

    def camera(self) -> CameraId | None:
        """Return the camera to show now; None if none has live video."""
        showing, now_s = self._showing(), self._clock.mono_s()
        if self._camera in showing and now_s - self._since_s < STAYS_S:
            return self._camera
        newest = max(self._ongoing.at(showing), key=lambda event: event.start_ms, default=None)
        stays = self._camera if self._camera in showing else next(iter(showing), None)
        wanted = newest.camera if newest else stays
        if wanted != self._camera:
            self._camera, self._since_s = wanted, now_s
        return wanted


def showing(context: "AppContext") -> list[CameraId]:
    """Return the cameras with live video; while all are offline, those that had it last."""
    cameras = context.recorder.camera_names()
    hubs = {(camera, stream): hub for camera in cameras for stream, hub in context.hubs(camera).items()}
    return list(dict.fromkeys(camera for camera, _ in live_hubs(hubs, context.recorder.clock.now_ms())))


class FollowSelectors:
    """Follow streams, shared by users who may see the same cameras. Event loop only."""

    def __init__(self, ongoing: OngoingEvents) -> None:
        self._ongoing = ongoing
        self._known: WeakValueDictionary[frozenset[CameraId] | None, FollowStream] = WeakValueDictionary()

    def of(self, context: "AppContext") -> FollowStream:
        """Return the stream for this context. Shared while a reference to it exists."""
        found = self._known.get(context.seen)
        if found is None:
            found = self._known[context.seen] = self._followed(context)
        return found

    def selector(self, context: "AppContext") -> FollowSelector:
        """Return a selector of this context's cameras."""
        return FollowSelector(self._ongoing, context.recorder.clock, lambda: showing(context))

    def _followed(self, context: "AppContext") -> FollowStream:
        clock = context.recorder.clock

        def choice(camera: CameraId) -> StreamChoice | None:
            found = choose_stream(context.hubs(camera), "auto", [CODEC], clock.now_ms())
            return found.covered() if found else None  # TVs cannot draw masks

        return FollowStream(lambda: self.selector(context), choice, context.viewers.one_more, clock)
