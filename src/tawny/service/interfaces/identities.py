"""Interface for the web layer: known identities."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tawny.model.events import Event


@dataclass(frozen=True, slots=True)
class IdentityView:
    """A known identity. by: its recognizer. text: a plate; empty for a face. prints: count of face embeddings."""

    id: str
    name: str
    by: str
    text: str
    prints: int


class IdentityApi(Protocol):
    """Manages known identities. Thread-safe; waits for the disk and for a recognizer. Raises NotDone."""

    @property
    def words(self) -> Callable[[Event], frozenset[str]]:
        """Returns the search words of an event's recognized identities."""
        ...

    @property
    def trouble(self) -> str: ...
    def readers(self) -> Sequence[str]:
        """Return the recognizers that can identify faces."""
        ...

    def all(self) -> Sequence[IdentityView]: ...
    def add_plate(self, name: str, plate: str) -> None: ...
    def add_of(self, name: str, by: str, event: Event, picture: bytes) -> None:
        """Add the face in an event's snapshot."""
        ...

    def forget(self, who: str) -> None:
        """Delete by ID."""
        ...

    def forget_all(self) -> None: ...
