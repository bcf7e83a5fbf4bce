"""What can be run, and what runs it."""

from collections.abc import Callable
from typing import Protocol


class Actor(Protocol):
    """One piece of work that never ends by itself."""

    @property
    def name(self) -> str: ...

    def step(self) -> float:
        """Do what is due now; return in how many seconds there is something to do again (0: at once).

        Called from one thread at a time. May block for at most 3 s. What it raises ends this actor; the supervisor
        closes it, waits, and makes a new one.
        """
        ...

    def close(self) -> None:
        """Let go of everything. Called once, from the thread that steps, also after `step` raised."""
        ...


class Handle(Protocol):
    """A running actor."""

    def wake(self) -> None:
        """Step now instead of when it asked for. From any thread, costs next to nothing."""
        ...

    def stop(self) -> None:
        """Ask it to end; it is closed by its own thread. Returns at once."""
        ...

    def join(self, timeout_s: float) -> bool:
        """Wait until it is closed. False when it was not within the time."""
        ...


class Engine(Protocol):
    """Runs actors: makes each from its maker, steps it, begins it again after a failure, stops it."""

    def start(self, name: str, make: Callable[[], Actor]) -> Handle:
        """Make and run an actor. `make` is called again after a failure, with a growing pause between."""
        ...

    def stop(self, timeout_s: float = 5.0) -> list[str]:
        """Stop all, last started first, in one go. Returns the names of those still busy after the time."""
        ...
