"""Protocols of actors and engines."""

from collections.abc import Callable
from typing import Protocol


class Actor(Protocol):
    """A piece of work that runs until it is stopped."""

    @property
    def name(self) -> str: ...

    def step(self) -> float:
        """Do the work that is due. Return the seconds until the next step (0: at once).

        Called from one thread at a time. May block for at most 3 s. An exception ends this actor; the supervisor closes
        it, waits, and creates a new one.
        """
        ...

    def close(self) -> None:
        """Release all resources. Called once, on the stepping thread, also after `step` raised."""
        ...


class Handle(Protocol):
    """A running actor."""

    def wake(self) -> None:
        """Step now instead of at the requested time. Cheap; call from any thread."""
        ...

    def stop(self) -> None:
        """Request the end. The actor's own thread closes it. Returns at once."""
        ...

    def join(self, timeout_s: float) -> bool:
        """Wait until it is closed. Return False on timeout."""
        ...


class Engine(Protocol):
    """Creates, steps, restarts and stops actors."""

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        """Create and run an actor. After a failure `make` is called again, with increasing delays."""
        ...

    def stop(self, timeout_s: float = 5.0) -> list[str]:
        """Stop all actors at once, the last started first.

        Return the names of those still running after the timeout.
        """
        ...
