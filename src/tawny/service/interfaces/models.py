"""What the web layer needs of the models that name what moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """One that can be fetched: what is shown before it is."""

    name: str
    origin: str
    address: str
    sha256: str
    bytes: int
    licence: str


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """One that is there. is_used: by it things are named now."""

    name: str
    family: str
    origin: str
    licence: str
    bytes: int
    labels: int
    is_used: bool


class ModelApi(Protocol):
    """Any thread may call; waits for the disk and the network. Raises NotDone."""

    @property
    def trouble(self) -> str:
        """Why nothing is named though it should be, and what to do."""
        ...

    @property
    def suggests(self) -> str:
        """What suggests kinds while nothing names what moves, where it comes from and how good it is, in lines; or why
        nothing does; empty where that is not wanted."""
        ...

    def offer(self) -> ModelOffer: ...
    def there(self) -> Sequence[InstalledModel]: ...
    def fetch(self) -> None:
        """The one that is offered."""
        ...

    def remove(self, name: str) -> None: ...
