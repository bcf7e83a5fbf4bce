"""Stream reader: opens the source, feeds the session and reconnects.

One actor per stream. It reads everything that arrived at once, because frequent reads cost more. Watched streams are
read more often.
"""

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tawny.engine.backoff import Backoff, spread_s
from tawny.model.errors import SourceError, SourceFinished, SourceRefused
from tawny.model.times import Clock
from tawny.sources.source import CameraConnection, IdleUntil
from tawny.stream.session import STOPPED, StreamSession

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
    """

    def __init__(self, refusal: Callable[[], SourceError | None] = lambda: None) -> None:
        self.refusal = refusal
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
        key = error.code, error.evidence.word if error.evidence else ""
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
        self._refused = Backoff(first_s=4.0, most_s=30.0)
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
            return self._refused.next_s(held_s)
        self._refused.reset()
        if error.evidence is not None and error.evidence.word in _TAKEN:
            if now_s - self._lost_s < OWN_PLACE_S:
                return spread_s(0, _OWN_PLACE_RETRY_S, _OWN_PLACE_RETRY_S)
            return self._busy.next_s(held_s)
        self._busy.reset()
        return self._backoff.next_s(held_s)
