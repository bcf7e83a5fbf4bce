"""Destination: protocol of places files are uploaded to. Plug-ins use the entry point group `tawny.destinations`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from tawny.delivery.carrier import DeliveryContent
from tawny.delivery.delivery import Delivery, DeliveryKind
from tawny.model.clock import Clock
from tawny.model.errors import TargetLied, TargetRefused


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a destination."""

    name: str
    size_bytes: int
    modified_ms: int
    """Modification time, ms UTC; 0 if the destination does not report it."""


class DestinationConnection(Protocol):
    """An open connection. Use from one thread.

    Names are relative, with `/` as separator; folders are created as needed. Every method raises DeliveryError:
    unreachable, refused, full, missing or changed.
    """

    is_sure: ClassVar[bool]
    """Whether `put` verifies the content: the server compared a checksum. Then nothing is read back."""

    def find(self, name: str) -> RemoteFile | None: ...
    def put(self, name: str, content: DeliveryContent, progress: str, note: Callable[[str], None]) -> None:
        """Write a file. It appears under its name only when complete, and replaces an older one.

        progress: last value noted by an earlier attempt, empty at first; used to resume if possible. If the noted part
        is gone or has other content, the upload starts again.
        """
        ...

    def sha256(self, name: str) -> str | None:
        """Return the file's hash as computed by the destination; None if not supported."""
        ...

    def read(self, name: str) -> Iterator[bytes]: ...
    def remove(self, name: str) -> None:
        """One that is not there is no fault."""
        ...

    def files(self, prefix: str = "") -> Iterator[RemoteFile]:
        """Yield the files in this folder and below, except incomplete ones (`.part`)."""
        ...

    def link(self, name: str, lasts_s: float) -> str:
        """Return a public URL of the file, valid for lasts_s; empty if not supported."""
        ...

    def close(self) -> None:
        """Close the connection. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class DestinationContext:
    """Parameters of a connection."""

    name: str
    """Name in the settings."""
    url: str
    """With secrets filled in."""
    options: Mapping[str, Any]
    """The type's own settings, validated by `settings`."""
    clock: Clock
    write_only: bool = False
    """Whether the login may only write: make no call that lists, reads or deletes."""


class Destination(Protocol):
    """A type of destination. One instance serves all targets of its type. Thread-safe."""

    schemes: ClassVar[tuple[str, ...]]
    """URL schemes: `("s3",)`."""

    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """Validate the table and add defaults. Raises ValueError with the key, its value and the allowed values."""
        ...

    def public(self, url: str) -> str:
        """Return the address without user and password, for logs, status and errors."""
        ...

    def connect(self, opening: DestinationContext) -> DestinationConnection:
        """Connect and log in within 15 s. Raises DeliveryError."""
        ...


class FileCarrier:
    """A connection as a carrier (`delivery.carrier`): uploads and verifies."""

    def __init__(self, connection: DestinationConnection, public: str, *, write_only: bool = False) -> None:
        """public: the target's name and host, for errors. write_only: neither verify nor remove files."""
        self._connection, self._public, self._write_only = connection, public, write_only

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        """Upload or remove a file. The receipt is its name."""
        if delivery.what is DeliveryKind.REMOVAL:
            if self._write_only:
                raise TargetRefused(self._public, "`write_only` is set, so nothing is deleted there")
            self._connection.remove(delivery.name)
            return delivery.name
        if self._connection.is_sure or self._write_only:
            self._connection.put(delivery.name, content, delivery.progress, note)
        elif not self._is_there(delivery.name, content):
            self._connection.put(delivery.name, content, delivery.progress, note)
            self._verify(delivery.name, content)
        return delivery.name

    def close(self) -> None:
        self._connection.close()

    def _is_there(self, name: str, content: DeliveryContent) -> bool:
        """Return whether an earlier attempt was complete and only its response was lost."""
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
