"""The protocol of what brings a delivery to its target: destinations and notifiers are made into carriers."""

from collections.abc import Callable, Iterator
from typing import Protocol

from tawny.delivery.delivery import Delivery

PORTION_BYTES = 256 * 1024


class DeliveryContent(Protocol):
    """The bytes of a delivery. One thread reads."""

    @property
    def size_bytes(self) -> int: ...
    @property
    def media_type(self) -> str: ...
    @property
    def modified_ms(self) -> int:
        """When what it shows was over: what a file's age is to say. 0: not known."""
        ...

    @property
    def sha256(self) -> str:
        """In hex. May read all of it."""
        ...

    def read(self, offset: int, size_bytes: int) -> bytes:
        """That part, or what there is of it. Raises Stopping when the program ends, ContentGone when it was removed."""
        ...

    def close(self) -> None: ...


def portions(content: DeliveryContent, offset: int = 0, size_bytes: int = PORTION_BYTES) -> Iterator[bytes]:
    """All of it from `offset` on."""
    while offset < content.size_bytes:
        portion = content.read(offset, min(size_bytes, content.size_bytes - offset))
        if not portion:
            return
        yield portion
        offset += len(portion)


class Carrier(Protocol):
    """Made for one target; used from one thread at a time, and for one delivery after the other."""

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        """Bring it there; returns the receipt. When it returns, it is there whole, under its name, and was verified.

        note: keeps, durably, how far it has come (`Delivery.progress`), so that another try goes on from there.
        Raises a DeliveryError that says why not. Carrying what is there already does no harm.
        """
        ...

    def close(self) -> None:
        """Let go of the connection. Never raises."""
        ...
