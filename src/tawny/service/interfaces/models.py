"""Interface for the web layer: object detection models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """A model offered for download."""

    name: str
    origin: str
    address: str
    sha256: str
    bytes: int
    licence: str


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """An installed model. is_used: whether it is in use now."""

    name: str
    family: str
    origin: str
    licence: str
    bytes: int
    labels: int
    is_used: bool


class ModelApi(Protocol):
    """Manages models. Thread-safe; waits for disk and network. Raises NotDone."""

    @property
    def trouble(self) -> str:
        """Why object detection does not work, and the remedy; empty if it does."""
        ...

    @property
    def suggests(self) -> str:
        """Description of the fallback classifier with origin and accuracy; or why it does not run; empty if off."""
        ...

    def offer(self) -> ModelOffer: ...
    def there(self) -> Sequence[InstalledModel]: ...
    def fetch(self) -> None:
        """Download and install the offered model."""
        ...

    def remove(self, name: str) -> None: ...
