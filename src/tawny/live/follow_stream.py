"""Follow view: one stream that switches to the camera with current activity. A regular hub for HLS and RTSP.

The stream switches at a keyframe without delay: the next camera's backlog since its last keyframe plays in an instant.
Always H.264, because a running connection cannot change its codec and most TVs support no other. No audio: some cameras
have none, others use different codecs. Each camera starts a new run and may have its own resolution.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Protocol

from tawny.live.stream_choice import StreamChoice
from tawny.live.wakeup import Wakeup
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.packets import VIDEO_RATE, Packet
from tawny.model.times import Clock
from tawny.stream.hub import Hub, HubReader

CODEC = "h264"
KEEP_S = 12.0
BACK_S = 6.0
"""Backlog of the first camera, in seconds. HLS players without support for parts need whole segments."""
LOOK_S = 0.25
"""Interval for querying the follow target, in seconds."""
_MS = VIDEO_RATE // 1000
log = logging.getLogger(__name__)


class FollowTarget(Protocol):
    """Selects the camera to show."""

    def camera(self) -> CameraId | None: ...


class _ShownCamera:
    """One camera that is shown or is about to be shown."""

    def __init__(
        self,
        camera: CameraId,
        choice: StreamChoice,
        counted: AbstractContextManager[None],
        wakeup: Wakeup,
        back_s: float,
    ) -> None:
        self.camera, self.choice = camera, choice
        self._open = ExitStack()
        self.hub = self._open.enter_context(choice.opened())
        self._open.enter_context(counted)
        self.reader: HubReader = self.hub.reader(back_s=back_s, wake=wakeup)
        self._open.callback(self.reader.close)

    def is_of(self, camera: CameraId, choice: StreamChoice) -> bool:
        return self.camera == camera and self.choice == choice

    def close(self) -> None:
        self._open.close()


def _unless_bare(camera: _ShownCamera | None) -> _ShownCamera | None:
    """Return the camera; close it and return None if its stream has privacy masks that are not applied."""
    if camera is None or not camera.choice.is_bare:
        return camera
    camera.close()
    return None


class _Line:
    """Maps one run's timestamps to the stream: compresses the backlog, keeps the pace of later packets."""

    def __init__(self, backlog: Sequence[Packet], after_ms: int | None) -> None:
        """backlog: packets from a keyframe on.

        after_ms: time of the last packet sent, ms UTC; None for the first run.
        """
        times = [packet.pts for packet in backlog]
        self.run, self._first, self._newest = backlog[0].run, min(times), max(times)
        begin_ms = backlog[0].at_ms - (backlog[0].pts - self._first) // _MS
        self.start_ms = begin_ms if after_ms is None else max(begin_ms, after_ms + 1)
        long = self._newest - self._first
        now_ms = begin_ms + long // _MS
        room = max(now_ms - self.start_ms, len(backlog)) * _MS
        self._squeeze = min(1.0, room / long) if long else 1.0

    def pts(self, packet: Packet) -> int:
        """Return ticks since `start_ms`; preserves the packet order."""
        within, beyond = min(packet.pts, self._newest), max(0, packet.pts - self._newest)
        return round((within - self._first) * self._squeeze) + beyond


class FollowStream:
    """Serves any number of `opened` contexts; runs from the first to the last. Event loop only."""

    def __init__(
        self,
        look: Callable[[], FollowTarget],
        choose: Callable[[CameraId], StreamChoice | None],
        counted: Callable[[CameraId, StreamName], AbstractContextManager[None]],
        clock: Clock,
    ) -> None:
        """choose: returns the camera's stream in `CODEC`, with its masks applied.

        counted: context that counts one viewer of the stream.
        """
        self.hub = Hub(keep_s=KEEP_S)
        self._look, self._choose, self._counted, self._clock = look, choose, counted, clock
        self._wakeup = Wakeup()
        self._holders = 0
        self._task: asyncio.Task[None] | None = None
        self._line: _Line | None = None
        self._run = RunId("")
        self._last_ms: int | None = None
        self._number = self._runs = 0

    @property
    def source(self) -> Hub:
        return self.hub

    @contextmanager
    def opened(self) -> Iterator[Hub]:
        self._holders += 1
        if self._task is None:
            self._task = asyncio.create_task(self._follow())
            self._task.add_done_callback(self._ended)
        try:
            yield self.hub
        finally:
            self._holders -= 1
            if not self._holders and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _follow(self) -> None:
        where = self._look()
        shown: _ShownCamera | None = None
        coming: _ShownCamera | None = None
        looked_s = float("-inf")
        try:
            while True:
                # a camera that got a mask is no longer shown as it is, even if the encoder delivers nothing
                shown, coming = _unless_bare(shown), _unless_bare(coming)
                if self._clock.mono_s() - looked_s >= LOOK_S:
                    looked_s = self._clock.mono_s()
                    coming = self._coming(where.camera(), shown, coming)
                if coming is not None and coming.hub.newest is not None:
                    if shown is not None:
                        shown.close()
                    shown, coming, self._line = coming, None, None
                if shown is not None:
                    self._take([each for each in shown.reader.take().packets if each.is_video])
                await self._wakeup.wait(LOOK_S)
        finally:
            for each in (shown, coming):
                if each is not None:
                    each.close()

    def _coming(
        self, camera: CameraId | None, shown: _ShownCamera | None, coming: _ShownCamera | None
    ) -> _ShownCamera | None:
        """Return the next camera to show, or None. It is opened now and shown once its hub has a packet."""
        choice = None if camera is None else self._choose(camera)
        if camera is None or choice is None:
            return coming
        if coming is not None and coming.is_of(camera, choice):
            return coming
        if coming is not None:
            coming.close()
        if shown is not None and shown.is_of(camera, choice):
            return None
        back_s = BACK_S if shown is None else 0.0
        return _ShownCamera(camera, choice, self._counted(camera, choice.name), self._wakeup, back_s)

    def _take(self, packets: Sequence[Packet]) -> None:
        for at, packet in enumerate(packets):
            if self._line is None or packet.run != self._line.run:
                if not packet.is_keyframe:
                    continue
                self._line = _Line([each for each in packets[at:] if each.run == packet.run], self._last_ms)
                self._run, self._runs = RunId(f"followed-{self._runs}"), self._runs + 1
            pts = self._line.pts(packet)
            at_ms = self._line.start_ms + pts // _MS
            self._last_ms = at_ms if self._last_ms is None else max(self._last_ms, at_ms)
            self.hub.append(replace(packet, run=self._run, number=self._number, pts=pts, at_ms=at_ms))
            self._number += 1

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if self._task is task:
            self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("The follow stream ended with an internal error", exc_info=error)
