"""Keeps one stream coming: opens the source, feeds the session, and tries again when it is over. One actor a stream,
which takes what has come all at once: who reads rarely reads cheaply, unless somebody watches."""

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tawny.engine.backoff import Backoff
from tawny.model.clock import Clock
from tawny.model.errors import SourceError, SourceFinished, SourceRefused
from tawny.sources.source import CameraConnection, IdleUntil
from tawny.stream.session import STOPPED, StreamSession

log = logging.getLogger(__name__)

_MOST_S, _MOST_PACKETS = 0.1, 1000
"""What one step takes at most."""
_WATCHED_S = 0.019
"""A stream that somebody watches is asked for packets so often."""
_NOTED_S = 5.0
_TAKEN = frozenset({"busy", "session"})
"""Words for a camera that has a place for few viewers, and frees it only some time after the last of them is gone."""
LINGER_S = 10.0
"""It stays so after the last of them left: a page that is loaded anew, or a look at another camera, comes back."""


class PacketDemand:
    """How soon packets are wanted. Told from any thread, asked by the reader's."""

    def __init__(self) -> None:
        self._viewers = 0
        self._until_s = -math.inf

    def watched_by(self, viewers: int, now_s: float) -> None:
        """So many watch from now on."""
        if self._viewers and not viewers:
            self._until_s = now_s + LINGER_S
        self._viewers = viewers

    def is_quick(self, now_s: float) -> bool:
        return self._viewers > 0 or now_s < self._until_s


class ConnectionListener(Protocol):
    """Who wants to know how the connection fares. Called from the reader's thread; returns at once."""

    def connected(self, notes: Mapping[str, Any]) -> None:
        """The first packet came. notes: the connection's."""
        ...

    def noted(self, notes: Mapping[str, Any]) -> None:
        """What the connection's notes have become; now and then while it lasts."""
        ...

    def failed(self, error: SourceError) -> None:
        """It could not be opened, or is over. Called once a try."""
        ...


class StreamReader:
    """open_source: connects, or begins to, or raises a SourceError. A reader never has more than one connection."""

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
        # A camera that comes back is recorded again within 5 s; one that refuses the password is not asked often,
        # because many lock the account after some tries.
        self._backoff = Backoff(first_s=0.5, most_s=2.5)
        self._refused = Backoff(first_s=4.0, most_s=30.0)
        self._busy = Backoff(first_s=5.0, most_s=30.0)

    def step(self) -> float:
        try:
            if self._connection is None:
                self._opened_s, self._is_new = self._clock.mono_s(), True
                self._connection = self._open()
            return self._take(self._connection)
        except SourceError as error:
            return self._over(error)

    def _take(self, connection: CameraConnection) -> float:
        """Feed what is there; in how many seconds to look again."""
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
                log.info("%s: connected", self.name)
            self._session.feed(got)
            if self._session.arrived_s > until_s:
                break
        return 0.0

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._session.end(STOPPED)

    def _over(self, error: SourceError) -> float:
        held_s = self._clock.mono_s() - self._opened_s if self._connection else 0.0
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._session.end(error.code)
        log.warning("%s: %s", self.name, error)
        self._listener.failed(error)
        if isinstance(error, SourceFinished):
            return 3600.0
        if isinstance(error, SourceRefused):
            return self._refused.next_s(held_s)
        self._refused.reset()
        if error.evidence is not None and error.evidence.word in _TAKEN:
            return self._busy.next_s(held_s)
        self._busy.reset()
        return self._backoff.next_s(held_s)
