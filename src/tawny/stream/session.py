"""Reading of one stream: opens the source, turns the packets of its connections into runs in the hub, and reconnects.

A run has monotonic times and UTC, and begins with a keyframe. It ends with the connection, or without loss at the next
keyframe after the recorder's wall clock was set. One actor per stream: it reads all that arrived at once, because
frequent reads cost more. Watched streams are read more often.
"""

import logging
import math
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

from tawny.engine.backoff import Backoff, spread_s
from tawny.model.damage import DamagedSpan
from tawny.model.errors import SourceError, SourceFinished, SourceRefused
from tawny.model.geometry import UPRIGHT
from tawny.model.ids import CameraId, RunId, StreamName
from tawny.model.messages import DamageFound, HoleFound, Message, RunEnded, RunStarted
from tawny.model.packets import VIDEO_RATE, Format, Packet, SourcePacket, VideoFormat
from tawny.model.times import Clock, UtcMap, stamp
from tawny.sources.source import CameraConnection, IdleUntil, is_password_refused
from tawny.stream.hub import Hub

# Damage tracker: detects damaged frames and gaps without a complete frame in a stream that keeps sending.

HOLE_MS = 1000
"""Minimum time without a complete frame, although the camera sent data, that counts as not recorded."""
_HOLE_STEPS = 3
"""The same as a multiple of the usual interval: some cameras send a frame only every few seconds."""
_SOON_MS, _AGAIN_MS = 1000, 10_000
"""Lasting damage is reported after the first interval and repeated at the second; otherwise at its end."""


class Damages:
    """Detects damage and gaps. publish: receives the messages."""

    def __init__(self, camera: CameraId, stream: StreamName, publish: Callable[[Message], None]) -> None:
        self._camera, self._stream, self._publish = camera, stream, publish
        self._newest_ms: int | None = None
        self._whole_ms = 0  # newest complete frame
        self._came = False  # since then, data arrived that gave no complete frame
        self._usual_ms = 0.0
        self._dropped = ""  # since the newest complete frame, the recorder dropped frames for this reason
        self._missing = 0  # missing packets not yet counted as damage
        self._open: DamagedSpan | None = None
        self._publish_ms = 0

    def picture(
        self,
        at_ms: int,
        *,
        is_keyframe: bool,
        is_damaged: bool,
        missing: int,
        after_waste: bool,
        dropped: str = "",
    ) -> None:
        """Process the next frame. missing, after_waste, dropped: as in `SourcePacket`."""
        newest_ms = at_ms if self._newest_ms is None else self._newest_ms
        step_ms = at_ms - newest_ms
        self._missing += missing
        usual_ms = round(self._usual_ms)
        longest_ms = max(HOLE_MS, _HOLE_STEPS * usual_ms)
        if 0 < step_ms <= longest_ms or not usual_ms:
            self._usual_ms += (step_ms - self._usual_ms) / (8 if usual_ms else 1)
        self._dropped = dropped or self._dropped
        self._came = self._came or is_damaged or after_waste or missing > 0 or bool(dropped)
        if not is_damaged:
            if usual_ms and self._came and at_ms - self._whole_ms > longest_ms:
                self._hole(self._whole_ms + usual_ms, at_ms)
            self._whole_ms, self._came, self._dropped = max(self._whole_ms, at_ms), False, ""
        if self._open is not None:
            self._go_on(self._open, at_ms, is_over=is_keyframe and not is_damaged, is_damaged=is_damaged)
        elif is_damaged:
            # lost frames preceded this one
            begin_ms = min(at_ms, newest_ms + usual_ms) if self._missing and self._newest_ms is not None else at_ms
            self._open = DamagedSpan(self._camera, self._stream, begin_ms, at_ms + max(1, usual_ms), 1, self._missing)
            self._missing, self._publish_ms = 0, begin_ms + _SOON_MS
        self._newest_ms = max(newest_ms, at_ms)

    def end(self) -> None:
        """End the run and any open damage."""
        if self._open is not None:
            end_ms = max(self._open.begin_ms + 1, self._newest_ms or 0)
            self._publish(DamageFound(replace(self._open, end_ms=end_ms)))
        self._open, self._newest_ms, self._usual_ms, self._missing = None, None, 0.0, 0
        self._whole_ms, self._came, self._dropped = 0, False, ""

    def _hole(self, begin_ms: int, end_ms: int) -> None:
        missing = self._missing + (self._open.packets if self._open is not None else 0)
        self._publish(HoleFound(self._camera, self._stream, begin_ms, end_ms, missing, self._dropped))

    def _go_on(self, damage: DamagedSpan, at_ms: int, *, is_over: bool, is_damaged: bool) -> None:
        end_ms = max(damage.begin_ms + 1, at_ms) if is_over else max(damage.end_ms, at_ms + round(self._usual_ms))
        damage = replace(damage, end_ms=end_ms, units=damage.units + is_damaged, packets=damage.packets + self._missing)
        self._missing = 0
        self._open = None if is_over else damage
        if is_over or at_ms >= self._publish_ms:
            self._publish_ms = at_ms + _AGAIN_MS
            self._publish(DamageFound(damage))


# Track times: monotonic times of each track of a run, without jumps or duplicates.

BACK_S, AHEAD_S = 1.0, 10.0
"""A step outside these limits, in s, is a clock jump; smaller steps back are B-frames."""
APART_S = 2.5
"""Sound that stays this far ahead of its video, in s, or this far behind its video and zero, has another zero."""
BURST_S = 1.0
"""For this time, in s, sound may be apart: an old keyframe comes first, the sound of now, then the frames between.

It may also be behind by up to AHEAD_S, and by what its video came too early: a fragment brings the frames of seconds,
then their sound.
"""
TOGETHER_S = 2.0
"""Clock jumps of both tracks within this time, in s, and of the same length but for BACK_S, are one."""
_LOOKED_AT = 64
"""Number of bytes at each end of a packet that are compared to detect a duplicate."""


@dataclass(slots=True)
class TrackTimes:
    """Times of one track: converts camera ticks to ticks since the run's start."""

    rate: int
    zero: int
    """Camera tick at which the run begins."""
    is_sound: bool = False
    """Audio never steps back."""
    _pts: int | None = None
    """Camera ticks of the packet before."""
    _recent: deque[tuple[int, bytes]] = field(default_factory=lambda: deque(maxlen=16))
    newest: int = -1
    """Newest time, in ticks since the run's start; -1 before the first."""
    arrived_s: float = 0.0
    """When that arrived, in s monotonic."""
    jumps: int = 0
    jumped_s: float = -math.inf
    """Arrival of the newest clock jump, in s monotonic."""
    jump_s: float = 0.0
    """Its length, in s."""
    first_s: float = math.inf
    """Arrival of the first packet, in s monotonic."""

    def place(self, pts: int, data: bytes, arrived_s: float, other: "TrackTimes | None" = None) -> int | None:
        """Return ticks since the run's start. None for a duplicate, a packet before the start, or sound apart at first.

        arrived_s: s monotonic. A packet with the time and bytes of a recent one is a duplicate.
        other: the run's other track. Sound with another zero than its video is placed by its arrival; when the clock
        of both jumps, sound takes the length from its video.
        """
        self.first_s = min(self.first_s, arrived_s)
        if self.newest < 0 and self.is_sound and other is not None and not self._align(pts, arrived_s, other):
            return None
        at = pts - self.zero
        if self.newest >= 0:
            same = [earlier for when, earlier in self._recent if when == at] if at <= self.newest else []
            if any(_are_alike(data, earlier) for earlier in same):
                return None
            passed_s = arrived_s - self.arrived_s
            step_s = (at - self.newest) / self.rate
            stands = pts == self._pts
            if stands or step_s < -BACK_S or step_s > AHEAD_S + passed_s:
                by_s = step_s - passed_s
                if not stands:
                    by_s = self._jump_length_s(by_s, arrived_s, other)
                self.zero += round(by_s * self.rate)
                at = max(pts - self.zero, self.newest + 1)
            elif self.is_sound:
                at = max(at, self.newest + 1)
            else:
                while at <= self.newest and any(when == at for when, _ in self._recent):
                    at += 1
        if at < 0:
            return None
        self._pts = pts
        self._recent.append((at, data))
        if at > self.newest:
            self.newest, self.arrived_s = at, arrived_s
        return at

    def _align(self, pts: int, arrived_s: float, video: "TrackTimes") -> bool:
        """Correct the zero before sound begins, if it isn't that of the video. Return False while that is unknown."""
        position_s = video.newest / video.rate + arrived_s - video.arrived_s
        earliest_s = min(position_s, arrived_s - video.first_s) - AHEAD_S
        at_s = (pts - self.zero) / self.rate
        ahead_s = at_s - position_s
        is_apart = ahead_s > APART_S or (at_s < 0 and ahead_s < -APART_S)
        if at_s < earliest_s or (is_apart and arrived_s - self.first_s >= BURST_S):
            self.zero += round(ahead_s * self.rate)
            return True
        return not is_apart

    def _jump_length_s(self, by_s: float, now_s: float, other: "TrackTimes | None") -> float:
        """Note a clock jump that is of this length by its arrival. Return the length to use."""
        self.jumps += 1
        is_same = other is not None and now_s - other.jumped_s <= TOGETHER_S and abs(by_s - other.jump_s) <= BACK_S
        if other is not None and is_same:
            if self.is_sound:
                by_s = other.jump_s
            else:  # the sound jumped first
                other.zero += round((by_s - other.jump_s) * other.rate)
        self.jumped_s, self.jump_s = now_s, by_s
        return by_s


def _are_alike(one: bytes, other: bytes) -> bool:
    return (
        len(one) == len(other) and one[:_LOOKED_AT] == other[:_LOOKED_AT] and one[-_LOOKED_AT:] == other[-_LOOKED_AT:]
    )


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
    """Session of one stream. publish: receives the start and end of runs, and damage.

    warm_up_s: time after a connection begins whose packets are dropped, s.
    """

    def __init__(
        self,
        camera: CameraId,
        stream: StreamName,
        hub: Hub,
        clock: Clock,
        publish: Callable[[Message], None],
        warm_up_s: float = 0.0,
    ) -> None:
        self._camera, self._stream, self._hub, self._clock, self._publish = camera, stream, hub, clock, publish
        self._damages = Damages(camera, stream, publish)
        self._number = 0
        self._run: _Run | None = None
        self._warm_up_s = warm_up_s
        self._warm_s: float | None = None
        """End of the warm-up of this connection, in s monotonic; None before its first packet."""
        self._orientation = UPRIGHT
        self.orientation = UPRIGHT
        """How the video is shown, from the next keyframe on. Set from any thread."""
        self._shown: tuple[VideoFormat, VideoFormat] | None = None
        """The newest format as it came, and with how it is shown."""
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
            if self._warm_s is None:
                self._warm_s = arrived_s + self._warm_up_s
            if arrived_s < self._warm_s or not packet.is_keyframe:
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
        if why != CLOCK_SET:
            self._warm_s = None
        if run is None:
            return
        for placed in run.let_go():
            self._give(run, placed)
        self.jumps += run.jumps
        self._damages.end()
        self._publish(RunEnded(self._camera, self._stream, run.id, run.newest_ms, why))

    def _give(self, run: "_Run", placed: _Placed) -> None:
        came, pts, _ = placed
        at_ms = run.utc.at_ms(pts / came.format.rate)
        if not run.id:
            run.id = RunId(f"{stamp(at_ms)}-{secrets.token_hex(3)}")
            self._publish(RunStarted(self._camera, self._stream, run.id, at_ms))
        stored = self._oriented(came)
        self._hub.append(Packet(run.id, self._number, stored, came.data, pts, at_ms, came.is_keyframe, came.is_damaged))
        self._number += 1
        if came.is_video:
            run.newest_ms = max(run.newest_ms, at_ms)  # sound that goes on without video fills no gap
            self._damages.picture(
                at_ms,
                is_keyframe=came.is_keyframe,
                is_damaged=came.is_damaged,
                missing=came.missing,
                after_waste=came.after_waste,
                dropped=came.dropped,
            )

    def _oriented(self, packet: SourcePacket) -> Format:
        """Return the packet's format, with how it is shown. A keyframe and those that depend on it are shown alike."""
        came = packet.format
        if not isinstance(came, VideoFormat):
            return came
        if packet.is_keyframe and self._orientation is not self.orientation:
            self._orientation, self._shown = self.orientation, None
        if self._shown is None or self._shown[0] is not came:
            is_shown_so = came.orientation == self._orientation
            self._shown = came, came if is_shown_so else replace(came, orientation=self._orientation)
        return self._shown[1]


class _Run:
    """One run: timestamps of its tracks and their mapping to UTC."""

    def __init__(self, first: SourcePacket, arrived_s: float, wall_s: float) -> None:
        self.id = RunId("")
        self.begun_s, self.newest_ms = arrived_s, 0
        self.wall_minus_mono_s = wall_s - arrived_s
        self._video = TrackTimes(VIDEO_RATE, first.pts)
        self._sound: TrackTimes | None = None
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
        if packet.is_video:
            pts = self._video.place(packet.pts, packet.data, arrived_s, self._sound)
        else:
            pts = self._sound_track(packet).place(packet.pts, packet.data, arrived_s, self._video)
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
            video = [one for one in held if one.packet.is_video]
            self.utc.settle([one.arrived_s + self.wall_minus_mono_s - one.pts / VIDEO_RATE for one in video])
        return held

    @property
    def jumps(self) -> int:
        return self._video.jumps + (self._sound.jumps if self._sound else 0)

    def _sound_track(self, packet: SourcePacket) -> TrackTimes:
        rate = packet.format.rate
        if self._sound is None or self._sound.rate != rate:
            self._sound = TrackTimes(rate, round(self._video.zero / VIDEO_RATE * rate), is_sound=True)
        return self._sound


# Stream reader: opens the source, feeds the session and reconnects.

log = logging.getLogger(__name__)

_MOST_S, _MOST_PACKETS = 0.1, 1000
"""Limits of one step: seconds and packets."""
_WATCHED_S = 0.019
"""Maximum read interval of a watched stream, in s."""
_NOTED_S = 5.0
_TAKEN = frozenset({"busy", "session"})
"""Errors of a camera with a client limit, which frees a place only some time after the client disconnects."""
_OWN_PLACE_RETRY_S = 2.5
OWN_PLACE_S = 60.0
"""Time in s after a lost connection, and after the start, in which such a camera is retried every 2 to 3 s.

The occupied place is then probably that of the lost connection, or of a process that was killed.
"""
_REFUSED_S = (4.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
"""Pauses after each refused password, in s. The first are short: some cameras refuse every login while they start."""
_NOT_SENT_S = _REFUSED_S[:4]
"""The same where no password was sent: nothing is locked then."""
STEADY_S = 60.0
"""Duration of a connection, in s, from which its end is logged although the same error was logged before."""
_SILENCE_S = 600.0
"""Time in s in which an error that returns is not logged again."""
LINGER_S = 10.0
"""Time in s a stream stays watched after the last viewer left: page reloads and camera changes return quickly."""


RESTS_S = 1.0
"""Time in s after which a stream that isn't wanted now looks whether it is."""


class PacketDemand:
    """Reports whether and how soon packets are needed. Thread-safe.

    refusal: returns why the camera must not be connected to now, None if it may be.
    holds: returns whether a refused stream waits the longest, as another one is refused the same login.
    """

    def __init__(
        self,
        refusal: Callable[[], SourceError | None] = lambda: None,
        holds: Callable[[], bool] = lambda: False,
    ) -> None:
        self.refusal, self.holds = refusal, holds
        self._viewers = 0
        self._until_s = -math.inf

    def watched_by(self, viewers: int, now_s: float) -> None:
        """Set the number of viewers."""
        if self._viewers and not viewers:
            self._until_s = now_s + LINGER_S
        self._viewers = viewers

    def is_quick(self, now_s: float) -> bool:
        return self._viewers > 0 or now_s < self._until_s


class ConnectionListener(Protocol):
    """Listener for connection state. Called on the reader's thread; must return at once."""

    def connected(self, notes: Mapping[str, Any]) -> None:
        """The first packet arrived. notes: connection details."""
        ...

    def noted(self, notes: Mapping[str, Any]) -> None:
        """The connection details changed. Called at intervals."""
        ...

    def failed(self, error: SourceError) -> None:
        """The connection failed or ended. Called once per attempt."""
        ...


class _ConnectionLog:
    """Logs when a stream's error changes and when the stream recovers; retries that fail alike are counted."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failed = 0
        self._is_announced = False
        self._seen_s: dict[tuple[str, str], float] = {}
        """Last occurrence of each error, in s monotonic."""

    def connected(self) -> None:
        """Log the first packet of a connection, unless short connections alternate with errors logged before."""
        if not self._is_announced:
            after = f" after {self._failed} failed attempt{'s' * (self._failed != 1)}" if self._failed else ""
            log.info("%s: connected%s", self._name, after)
            self._is_announced, self._failed = True, 0

    def failed(self, error: SourceError, now_s: float, held_s: float) -> None:
        """Log an error that differs from those logged. held_s: how long the connection delivered, in s."""
        if held_s >= STEADY_S:
            self._seen_s.clear()
        self._failed += 1
        # The details stay out of the key: they may contain any text of the camera.
        key = type(error).__name__, error.evidence.word if error.evidence else ""
        if now_s - self._seen_s.get(key, -math.inf) >= _SILENCE_S:
            log.warning("%s: %s", self._name, error)
            self._is_announced = False
        self._seen_s[key] = now_s


class StreamReader:
    """Reads one stream. open_source: connects, or begins to connect; raises SourceError. At most one connection."""

    def __init__(
        self,
        name: str,
        open_source: Callable[[], CameraConnection],
        session: StreamSession,
        listener: ConnectionListener,
        clock: Clock,
        pace: PacketDemand | None = None,
    ) -> None:
        self.name = name
        self._open, self._session, self._listener, self._clock = open_source, session, listener, clock
        self._pace = pace or PacketDemand()
        self._connection: CameraConnection | None = None
        self._opened_s, self._is_new, self._noted_s = 0.0, True, 0.0
        # A camera that returns is recorded again within 5 s. After a rejected password, retries are slow, because many
        # cameras lock the account after some attempts.
        self._backoff = Backoff(first_s=0.5, most_s=2.5)
        self._refusals = 0
        self._busy = Backoff(first_s=5.0, most_s=30.0)
        self._lost_s = clock.mono_s()
        self._log = _ConnectionLog(name)
        self._is_resting = False

    def step(self) -> float:
        if (refusal := self._pace.refusal()) is not None:
            return self._rest(refusal)
        self._is_resting = False
        try:
            if self._connection is None:
                self._opened_s, self._is_new = self._clock.mono_s(), True
                self._connection = self._open()
            return self._take(self._connection)
        except SourceError as error:
            return self._over(error)

    def _take(self, connection: CameraConnection) -> float:
        """Feed available packets. Return the seconds until the next read."""
        until_s = self._clock.mono_s() + _MOST_S
        for _ in range(_MOST_PACKETS):
            got = connection.read()
            if isinstance(got, IdleUntil):
                self._session.settle()
                if until_s > self._noted_s and not self._is_new:
                    self._noted_s = until_s + _NOTED_S
                    self._listener.noted(connection.notes)
                return min(got.for_s, _WATCHED_S) if self._pace.is_quick(self._clock.mono_s()) else got.for_s
            if self._is_new:
                self._is_new = False
                self._listener.connected(connection.notes)
                self._log.connected()
            self._session.feed(got)
            if self._session.arrived_s > until_s:
                break
        return 0.0

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._session.end(STOPPED)

    def _rest(self, why: SourceError) -> float:
        """Disconnect, and report it once."""
        if not self._is_resting:
            self._is_resting = True
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()
            self._session.end(why.code)
            self._backoff.reset()
            self._listener.failed(why)
        return RESTS_S

    def _over(self, error: SourceError) -> float:
        now_s = self._clock.mono_s()
        held_s = now_s - self._opened_s if self._connection else 0.0
        if self._connection is not None and not self._is_new:
            self._lost_s = now_s
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._session.end(error.code)
        self._log.failed(error, now_s, 0.0 if self._is_new else held_s)
        self._listener.failed(error)
        if isinstance(error, SourceFinished):
            return 3600.0
        if isinstance(error, SourceRefused):
            return self._refused_s(error, held_s)
        self._refusals = 0
        if error.evidence is not None and error.evidence.word in _TAKEN:
            if now_s - self._lost_s < OWN_PLACE_S:
                return spread_s(0, _OWN_PLACE_RETRY_S, _OWN_PLACE_RETRY_S)
            return self._busy.next_s(held_s)
        self._busy.reset()
        return self._backoff.next_s(held_s)

    def _refused_s(self, error: SourceRefused, held_s: float) -> float:
        self._refusals = 1 if held_s >= STEADY_S else self._refusals + 1
        pauses_s = _REFUSED_S if is_password_refused(error) else _NOT_SENT_S
        pause_s = _REFUSED_S[-1] if self._pace.holds() else pauses_s[min(self._refusals, len(pauses_s)) - 1]
        return spread_s(0, pause_s, pause_s)
