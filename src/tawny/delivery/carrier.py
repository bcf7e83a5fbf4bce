"""Carrier: protocol that transfers deliveries to a target. Destinations and notifiers are wrapped as carriers."""

from collections.abc import Callable, Iterator
from typing import Protocol

from tawny.delivery.delivery import Delivery

PORTION_BYTES = 256 * 1024


class DeliveryContent(Protocol):
    """Content of a delivery. Read from one thread."""

    @property
    def size_bytes(self) -> int: ...
    @property
    def media_type(self) -> str: ...
    @property
    def modified_ms(self) -> int:
        """End of the recorded time, for the file's modification time, ms UTC. 0: unknown."""
        ...

    @property
    def sha256(self) -> str:
        """SHA-256 in hex. May read the whole content."""
        ...

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return that range, or the part that exists.

        Raises CourierStopped on shutdown and ContentGone if it was deleted.
        """
        ...

    def close(self) -> None: ...


def portions(content: DeliveryContent, offset: int = 0, size_bytes: int = PORTION_BYTES) -> Iterator[bytes]:
    """Yield the content from `offset` on."""
    while offset < content.size_bytes:
        portion = content.read(offset, min(size_bytes, content.size_bytes - offset))
        if not portion:
            return
        yield portion
        offset += len(portion)


class Carrier(Protocol):
    """Transfers deliveries to one target. Use from one thread at a time, one delivery after the other."""

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        """Transfer a delivery and return its receipt. On return it is complete, under its name and verified.

        note: stores the progress (`Delivery.progress`) durably, so that a retry can resume. Raises DeliveryError.
        Idempotent.
        """
        ...

    def close(self) -> None:
        """Close the connection. Never raises."""
        ...
