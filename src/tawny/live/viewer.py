"""One viewer's live stream: hub reader, fragmenter, and recovery when the viewer falls behind.

Runs in the event loop; packets arrive from another thread. A viewer slower than the camera skips to the newest
keyframe: no backlog builds up.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

from tawny.live.fragmenter import Fragmenter, NewInitSegment
from tawny.live.wakeup import Wakeup
from tawny.model.ids import CameraId, StreamName
from tawny.model.packets import Packet
from tawny.model.times import Clock
from tawny.stream.hub import Hub

BEHIND_MS = 2_000
SILENT_S = 5.0


class NothingYet:
    """No packet for at least SILENT_S."""


class LiveViewer:
    """Live stream of one viewer; starts with the newest keyframe.

    gather_s: interval for joining fragments, in seconds, aligned over all viewers. Many small messages cost server and
    browser more than few large ones.
    """

    def __init__(self, hub: Hub, clock: Clock, gather_s: float = 0.0) -> None:
        self._hub, self._clock, self._gather_s = hub, clock, gather_s
        self._wakeup = Wakeup()
        self._reader = hub.reader(wake=self._wakeup)
        self._fragmenter = Fragmenter(hub, at_once=True)
        self._last_number = -1  # of the packets that were not skipped
        self._from_number = 0
        self._is_paused = self._needs_keyframe = False

    def pause(self, *, paused: bool) -> None:
        """Pause or resume. After a pause the stream continues with the newest keyframe not yet sent."""
        if self._is_paused and not paused:
            self._read_anew()
        self._is_paused = paused
        self._wakeup()

    def _read_anew(self) -> None:
        self._reader.close()
        self._reader = self._hub.reader(wake=self._wakeup)
        self._needs_keyframe = True

    def close(self) -> None:
        self._reader.close()

    async def messages(self) -> AsyncGenerator[NewInitSegment | bytes | NothingYet]:
        """Yield messages until closed. While idle: NothingYet every SILENT_S, then a NewInitSegment."""
        while True:
            if self._is_silent() and not self._is_paused:
                async for waiting in self._silence():
                    yield waiting
            for message in self._joined(self._new()):
                yield message
            await self._wakeup.wait(SILENT_S)
            if self._gather_s:
                await asyncio.sleep(self._gather_s - self._clock.mono_s() % self._gather_s)

    def _new(self) -> Iterator[NewInitSegment | bytes]:
        for packet in [] if self._is_paused else self._reader.take().packets:
            if not self._is_left_out(packet):
                self._last_number = packet.number
                yield from self._fragmenter.take(packet)

    def _joined(self, messages: Iterator[NewInitSegment | bytes]) -> Iterator[NewInitSegment | bytes]:
        gathered = bytearray()
        for message in messages:
            if isinstance(message, bytes) and self._gather_s:
                gathered += message
                continue
            if gathered:
                yield bytes(gathered)
                gathered.clear()
            yield message
        if gathered:
            yield bytes(gathered)

    async def _silence(self) -> AsyncGenerator[NothingYet]:
        """Yield NothingYet until packets arrive, then restart, so that old frames are not shown as live."""
        while self._is_silent():
            yield NothingYet()
            await self._wakeup.wait(SILENT_S)
        self._read_anew()
        self._fragmenter, self._last_number = Fragmenter(self._hub, at_once=True), -1

    def _is_silent(self) -> bool:
        newest = self._hub.newest
        return newest is None or self._clock.now_ms() - newest.at_ms > SILENT_S * 1000

    def _is_left_out(self, packet: Packet) -> bool:
        newest = self._hub.newest
        if newest is not None and newest.at_ms - packet.at_ms > BEHIND_MS:
            keyframe = self._hub.begin_at(0.0)
            if keyframe > max(packet.number, self._from_number):
                self._from_number, self._needs_keyframe = keyframe, True
        if self._is_paused or packet.number < self._from_number or packet.number <= self._last_number:
            return True
        if self._needs_keyframe and packet.is_keyframe:
            self._needs_keyframe = False
            self._fragmenter.skip()
        return self._needs_keyframe


class ViewerCounts:
    """Current viewer count of each stream. report: called in the event loop with every change."""

    def __init__(self, report: Callable[[CameraId, StreamName, int], None]) -> None:
        self._report = report
        self._counts: dict[tuple[CameraId, StreamName], int] = {}

    def count(self, camera: CameraId, stream: StreamName) -> int:
        return self._counts.get((camera, stream), 0)

    @contextmanager
    def one_more(self, camera: CameraId, stream: StreamName) -> Iterator[None]:
        self._add(camera, stream, 1)
        try:
            yield
        finally:
            self._add(camera, stream, -1)

    def _add(self, camera: CameraId, stream: StreamName, change: int) -> None:
        count = self.count(camera, stream) + change
        self._counts[(camera, stream)] = count
        self._report(camera, stream, count)


# Pacing for viewers on slow connections, based on their acknowledgments. Event loop only.

LATE_S = 1.0
"""Maximum age of an unacknowledged message, in seconds."""
MOST_KEPT = 1000
"""Number of messages whose time is kept for a viewer that has not acknowledged any."""


class ViewerPacing:
    """Pauses one viewer when too much data is in flight; resumes with the newest keyframe once all is acknowledged.

    Viewers that never acknowledge are not paused. set_paused: pauses or resumes the viewer.
    """

    def __init__(self, set_paused: Callable[[bool], None], clock: Clock) -> None:
        self._set_paused, self._clock = set_paused, clock
        self._on_way: deque[float] = deque()
        self._got = 0
        self._says_so = self._wants_pause = self._holds_up = False

    def sent(self) -> None:
        """Count one more message in flight."""
        now_s = self._clock.mono_s()
        self._on_way.append(now_s)
        if not self._says_so and len(self._on_way) > MOST_KEPT:
            self._on_way.popleft()
            self._got += 1  # counted as received, so that a late first acknowledgment fits
        if self._says_so and not self._holds_up and now_s - self._on_way[0] > LATE_S:
            self._holds_up = True
            self._apply()

    def got(self, count: int) -> None:
        """Process an acknowledgment. count: messages received in total."""
        self._says_so = True
        while self._on_way and self._got < count:
            self._on_way.popleft()
            self._got += 1
        if self._holds_up and not self._on_way:
            self._holds_up = False
            self._apply()

    def pause(self, *, paused: bool) -> None:
        """Pause or resume on behalf of the viewer."""
        self._wants_pause = paused
        self._apply()

    def _apply(self) -> None:
        self._set_paused(self._wants_pause or self._holds_up)
