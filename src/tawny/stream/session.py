"""Stream session: turns the packets of successive connections into runs with monotonic times and UTC, in the hub.

Used on the thread that reads the source. A run begins with a keyframe. It ends with the connection, or without loss at
the next keyframe after the recorder's wall clock was set.
"""

import secrets
from collections.abc import Callable
from typing import NamedTuple

from tawny.model.clock import Clock
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.messages import Message, RunEnded, RunStarted
from tawny.model.packets import VIDEO_RATE, Packet, SourcePacket
from tawny.model.times import stamp
from tawny.stream.damage_tracker import Damages
from tawny.stream.hub import Hub
from tawny.stream.timekeeper import TrackTimes, UtcMap

STOPPED, CLOCK_SET = "stopped", "clock"
"""End reasons of a run that do not come from the connection."""
SETTLE_S = 0.25
"""Time in s for which the first packets are held, to find the one with the smallest delay."""
SET_BY_S = 1.0
"""A step of the wall clock of at least this, in s, counts as set; smaller ones are gradual corrections."""


class _Placed(NamedTuple):
    packet: SourcePacket
    pts: int
    """Ticks since the run's start."""
    arrived_s: float


class StreamSession:
    """Session of one stream. tell: receives the start and end of runs, and damage."""

    def __init__(
        self, camera: CameraId, stream: StreamName, hub: Hub, clock: Clock, tell: Callable[[Message], None]
    ) -> None:
        self._camera, self._stream, self._hub, self._clock, self._tell = camera, stream, hub, clock, tell
        self._damages = Damages(camera, stream, tell)
        self._number = 0
        self._run: _Run | None = None
        self.jumps = 0
        self.arrived_s = clock.mono_s()
        """Arrival of the newest packet, in s monotonic."""

    def feed(self, packet: SourcePacket) -> None:
        """Process a packet, in the order of the source."""
        arrived_s, wall_s = self._clock.mono_s(), self._clock.now_ms() / 1000
        self.arrived_s = arrived_s
        run = self._run
        if run is not None and not run.keeps(wall_s - arrived_s) and packet.is_keyframe:
            self.end(CLOCK_SET)
            run = None
        if run is None:
            if not packet.is_keyframe:
                return  # packets before a keyframe cannot be decoded
            run = self._run = _Run(packet, arrived_s - packet.waited_s, wall_s - packet.waited_s)
        for placed in run.place(packet, arrived_s - packet.waited_s):
            self._give(run, placed)

    def settle(self) -> None:
        """Publish the first packets if they were held long enough. Call while no packets arrive."""
        run = self._run
        if run is not None and run.held and self._clock.mono_s() - run.begun_s >= SETTLE_S:
            for placed in run.let_go():
                self._give(run, placed)

    def end(self, why: str) -> None:
        """End the run, publishing held packets first."""
        run, self._run = self._run, None
        if run is None:
            return
        for placed in run.let_go():
            self._give(run, placed)
        self.jumps += run.jumps
        self._damages.end()
        self._tell(RunEnded(self._camera, self._stream, run.id, run.newest_ms, why))

    def _give(self, run: "_Run", placed: _Placed) -> None:
        came, pts, _ = placed
        at_ms = run.utc.at_ms(pts / came.format.rate)
        if not run.id:
            run.id = RunId(f"{stamp(at_ms)}-{secrets.token_hex(3)}")
            self._tell(RunStarted(self._camera, self._stream, run.id, at_ms))
        run.newest_ms = max(run.newest_ms, at_ms)
        self._hub.append(
            Packet(run.id, self._number, came.format, came.data, pts, at_ms, came.is_keyframe, came.is_damaged)
        )
        self._number += 1
        if came.is_video:
            self._damages.picture(
                at_ms,
                is_keyframe=came.is_keyframe,
                is_damaged=came.is_damaged,
                missing=came.missing,
                after_waste=came.after_waste,
            )


class _Run:
    """One run: timestamps of its tracks and their mapping to UTC."""

    def __init__(self, first: SourcePacket, arrived_s: float, wall_s: float) -> None:
        self.id = RunId("")
        self.begun_s, self.newest_ms = arrived_s, 0
        self.wall_minus_mono_s = wall_s - arrived_s
        self._video = TrackTimes(VIDEO_RATE, first.pts)
        self._sound: TrackTimes | None = None
        self._video_zero_s = first.pts / VIDEO_RATE
        self.utc = UtcMap(0.0, wall_s)
        self.held: list[_Placed] = []
        self._settled = False

    def keeps(self, wall_minus_mono_s: float) -> bool:
        """Return whether the run continues under this wall clock: not if it was set.

        Corrections are followed slowly.
        """
        if abs(wall_minus_mono_s - self.wall_minus_mono_s) > SET_BY_S:
            return False
        self.wall_minus_mono_s = wall_minus_mono_s
        return True

    def place(self, packet: SourcePacket, arrived_s: float) -> list[_Placed]:
        """Align a packet's time. Return it with packets held before; empty while the run settles."""
        track = self._video if packet.is_video else self._sound_track(packet)
        pts = track.place(packet.pts, packet.data, arrived_s)
        if pts is None:
            return []
        placed = _Placed(packet, pts, arrived_s)
        if self._settled:
            if packet.is_video:
                self.utc.feed(pts / VIDEO_RATE, arrived_s + self.wall_minus_mono_s)
            return [placed]
        self.held.append(placed)
        return self.let_go() if arrived_s - self.begun_s >= SETTLE_S else []

    def let_go(self) -> list[_Placed]:
        held, self.held = self.held, []
        if not self._settled and held:
            self._settled = True
            self.utc.settle([h.arrived_s + self.wall_minus_mono_s - h.pts / h.packet.format.rate for h in held])
        return held

    @property
    def jumps(self) -> int:
        return self._video.jumps + (self._sound.jumps if self._sound else 0)

    def _sound_track(self, packet: SourcePacket) -> TrackTimes:
        rate = packet.format.rate
        if self._sound is None or self._sound.rate != rate:
            self._sound = TrackTimes(rate, round(self._video_zero_s * rate))
        return self._sound
