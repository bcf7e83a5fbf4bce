"""Supervisor: closes an actor that raises, reports the error, and restarts the actor after a delay.

The only place that catches all exceptions.
"""

import logging
from collections.abc import Callable

from tawny.engine.actor import Actor
from tawny.engine.backoff import Backoff
from tawny.model.clock import Clock

log = logging.getLogger(__name__)
Tell = Callable[[str, BaseException], None]


class Supervised:
    """One actor with its restarts. Engines step this instead of the actor."""

    def __init__(self, name: str, make: Callable[[], Actor], clock: Clock, tell: Tell) -> None:
        self.name = name
        self._make, self._clock, self._tell = make, clock, tell
        self._actor: Actor | None = None
        self._begun_s = 0.0
        self._said = ""  # last failure logged with traceback; repetitions take one line
        self._backoff = Backoff(forget_s=300)

    def step(self) -> float:
        """Like an actor's step, but never raises: a failure returns the restart delay."""
        try:
            if self._actor is None:
                self._begun_s = self._clock.mono_s()
                self._actor = self._make()
            return self._actor.step()
        except Exception as error:
            held_s = self._clock.mono_s() - self._begun_s
            is_new = repr(error) != self._said
            self._said = repr(error)
            log.error("%s failed after %.0f s and restarts: %r", self.name, held_s, error, exc_info=is_new)
            self._tell(self.name, error)
            self.close()
            return self._backoff.next_s(held_s)

    def close(self) -> None:
        actor, self._actor = self._actor, None
        if actor is not None:
            try:
                actor.close()
            except Exception as error:
                log.exception("%s failed while closing", self.name)
                self._tell(self.name, error)
