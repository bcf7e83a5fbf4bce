"""What the web layer needs of who is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tawny.model.events import Event


@dataclass(frozen=True, slots=True)
class IdentityView:
    """by: the recogniser that knows them. text: a plate; empty of a face. prints: how many pictures of the face."""

    id: str
    name: str
    by: str
    text: str
    prints: int


class IdentityApi(Protocol):
    """Any thread may call; waits for the disk, and for a recogniser. Raises NotDone."""

    @property
    def words(self) -> Callable[[Event], frozenset[str]]:
        """By which an event may be found because they were read."""
        ...

    @property
    def trouble(self) -> str: ...
    def readers(self) -> Sequence[str]:
        """The recognisers that may know faces."""
        ...

    def all(self) -> Sequence[IdentityView]: ...
    def add_plate(self, name: str, plate: str) -> None: ...
    def add_of(self, name: str, by: str, event: Event, picture: bytes) -> None:
        """Who is on an event's picture."""
        ...

    def forget(self, who: str) -> None:
        """By id."""
        ...

    def forget_all(self) -> None: ...
