"""The protocol of destinations: where files are brought. Ours come through the same door as anybody's (entry points
`tawny.destinations`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from tawny.delivery.carrier import DeliveryContent
from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.model.clock import Clock
from tawny.model.errors import TargetLied


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a destination."""

    name: str
    size_bytes: int
    modified_ms: int
    """When it was written, as far as the destination tells; 0 if it does not."""


class DestinationConnection(Protocol):
    """Open. Used from one thread. Names are relative, with `/` between their parts; folders are made as needed.

    Every method raises a DeliveryError that says what is wrong: unreachable, refused, full, missing, changed.
    """

    is_sure: ClassVar[bool]
    """Whether `put` alone is proof: the server compared a checksum of what it took. Then nothing needs to be read."""

    def find(self, name: str) -> RemoteFile | None: ...
    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        """Write a file: it appears under its name only when it is whole, in place of an older one.

        progress: what an earlier try noted last, empty at first: where the destination can, it goes on from there. What
        was noted and is no longer true there (the part is gone, or is of other content) begins anew.
        """
        ...

    def sha256(self, name: str) -> str | None:
        """Of the file that is there, as the destination itself computes it; None where it cannot."""
        ...

    def read(self, name: str) -> Iterator[bytes]: ...
    def remove(self, name: str) -> None:
        """One that is not there is no fault."""
        ...

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        """Those in this folder, and below it. Begun ones (`.part`) are left out."""
        ...

    def link(self, name: str, lasts_s: float) -> str:
        """An address at which whoever has it can fetch the file for so long; empty where there is no such thing."""
        ...

    def close(self) -> None:
        """Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class DestinationContext:
    """What a destination is connected with."""

    name: str
    """As in the settings, for people."""
    url: str
    """Secrets filled in."""
    options: Mapping[str, Any]
    """Its table's own settings, already checked by `settings`."""
    clock: Clock


class Destination(Protocol):
    """One instance serves all targets of its kind, from any thread."""

    schemes: ClassVar[tuple[str, ...]]
    """What its addresses begin with: `("s3",)`."""

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """The table checked and completed with defaults. ValueError says which key, what was found, what is allowed."""
        ...

    def public(self, url: str) -> str:
        """The address without user and password, for logs, status and errors."""
        ...

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        """Connect and log in, within 15 s. Raises a DeliveryError."""
        ...


class FileCarrier:
    """A connection as a carrier (`delivery.carrier`): puts, and looks whether what is there is what was sent."""

    def __init__(self, connection: DestinationConnection, public: str) -> None:
        """public: the target's name and host, for errors."""
        self._connection, self._public = connection, public

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        """The receipt is the file's name."""
        if delivery.what is DeliveryKind.REMOVAL:
            self._connection.remove(delivery.name)
            return delivery.name
        if self._connection.is_sure:
            self._connection.put(delivery.name, content, delivery.progress, note)
        elif not self._is_there(delivery.name, content):
            self._connection.put(delivery.name, content, delivery.progress, note)
            self._verify(delivery.name, content)
        return delivery.name

    def close(self) -> None:
        self._connection.close()

    def _is_there(self, name: str, content: DeliveryContent) -> bool:
        """A try before this one got through, and only its answer was lost."""
        there = self._connection.find(name)
        if there is None or there.size_bytes != content.size_bytes:
            return False
        return self._connection.sha256(name) == content.sha256

    def _verify(self, name: str, content: DeliveryContent) -> None:
        there = self._connection.find(name)
        if there is None:
            raise TargetLied(self._public, f"{name} is missing there")
        if there.size_bytes != content.size_bytes:
            raise TargetLied(self._public, f"{name} has {there.size_bytes} bytes there, expected {content.size_bytes}")
        said = self._connection.sha256(name)
        if said is not None and said != content.sha256:
            raise TargetLied(self._public, f"{name} is damaged there")
