"""Keeps one stream coming: opens the source, feeds the session, and tries again when it is over. One actor a stream."""

import logging
from collections.abc import Callable
from typing import Protocol

from tawny.engine.backoff import Backoff
from tawny.model.clock import Clock
from tawny.model.errors import SourceError, SourceFinished, SourceRefused
from tawny.sources.source import Connection, Idle
from tawny.stream.session import STOPPED, Session

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Who wants to know how the connection fares. Called from the reader's thread; returns at once."""

    def connected(self) -> None: ...
    def failed(self, error: SourceError) -> None:
        """It could not be opened, or is over. Called once a try."""
        ...


class StreamReader:
    """open: connects, or raises a SourceError. There is never more than one connection of a reader."""

    def __init__(
        self, name: str, open_source: Callable[[], Connection], session: Session, listener: Listener, clock: Clock
    ) -> None:
        self.name = name
        self._open, self._session, self._listener, self._clock = open_source, session, listener, clock
        self._connection: Connection | None = None
        self._opened_s = 0.0
        # A camera that comes back is recorded again within 5 s; one that refuses the password is not asked often,
        # because many lock the account after some tries.
        self._backoff = Backoff(first_s=0.5, most_s=2.5)
        self._refused = Backoff(first_s=4.0, most_s=30.0)

    def step(self) -> float:
        try:
            if self._connection is None:
                self._connection = self._open()
                self._opened_s = self._clock.mono_s()
                self._listener.connected()
                log.info("%s: connected", self.name)
            got = self._connection.read()
        except SourceError as error:
            return self._over(error)
        if isinstance(got, Idle):
            self._session.settle()
            return got.for_s
        self._session.feed(got)
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
        return self._backoff.next_s(held_s)
