"""Notifier: protocol of services that send messages to users. Plug-ins use the entry point group `tawny.notifiers`.

A notifier is wrapped as a carrier of the outbox, so its messages are retried without limit and survive crashes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from tawny.delivery.carrier import DeliveryContent, portions
from tawny.delivery.delivery import Delivery
from tawny.delivery.message import Message
from tawny.model.clock import Clock


@dataclass(frozen=True, slots=True)
class NotifierTraits:
    """Capabilities of a service."""

    shows: str
    """What phones and computers display, as a sentence for the user."""
    edits: bool = False
    """Sent messages can be edited: the clip replaces the snapshot."""
    picture: bool = False
    gif: bool = False
    video: bool = False
    buttons: Literal["", "links", "calls"] = ""
    """How buttons work: as links to tawny, or by callbacks from the service."""
    carries_history: bool = False
    """`Message.history` is in a field or in small print: every message has it. Otherwise one message a day shows it."""
    largest_bytes: int = 0
    """Maximum size of an attachment, bytes."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment in memory. name: with extension."""

    name: str
    media_type: str
    data: bytes


class NotifierConnection(Protocol):
    """An open connection. Use from one thread. Every method raises DeliveryError without secrets."""

    def send(self, message: Message, attached: Attachment | None) -> str:
        """Send a message and return the service's ID of it.

        A repeated message ID replaces the earlier message if the service supports it.
        """
        ...

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        """Replace a sent message. Called only if `NotifierTraits.edits`. Return the new receipt."""
        ...

    def close(self) -> None:
        """Close the connection. Never raises."""
        ...


class NotifierStore(Protocol):
    """Durable key-value store of a notifier. Thread-safe."""

    def marks(self) -> dict[str, str]: ...
    def mark(self, name: str, value: str) -> None:
        """Set a value; an empty one removes it."""
        ...


def everybody(person: str, camera: str) -> bool:
    return bool(person or camera)


@dataclass(frozen=True, slots=True)
class NotifierContext:
    """Parameters of a connection."""

    name: str
    """Name in the settings."""
    url: str
    """With secrets filled in."""
    options: Mapping[str, Any]
    """The type's own settings, validated by `settings`."""
    clock: Clock
    kept: NotifierStore | None = None
    may_see: Callable[[str, str], bool] = everybody
    """Whether the person of this name may see a camera."""


class Notifier(Protocol):
    """A type of notifier. One instance serves all targets of its type. Thread-safe."""

    schemes: ClassVar[tuple[str, ...]]
    """URL schemes: `("ntfy",)`."""

    def traits(self, url: str) -> NotifierTraits: ...
    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """Validate the table and add defaults. Raises ValueError with the key, its value and the allowed values."""
        ...

    def public(self, url: str) -> str:
        """Return the address without secrets, for logs, status and errors."""
        ...

    def open(self, telling: NotifierContext) -> NotifierConnection:
        """Connect. Raises DeliveryError."""
        ...


class ButtonPresses(Protocol):
    """Polls for pressed buttons. Use from one thread."""

    def wait(self, do: Callable[[str], str]) -> None:
        """Wait some seconds for pressed buttons. do: executes a button's token and returns the result as text.

        Raises DeliveryError.
        """
        ...


@runtime_checkable
class ButtonNotifier(Protocol):
    """Protocol of notifiers whose `NotifierTraits.buttons` is "calls"."""

    def presses(self, telling: NotifierContext) -> ButtonPresses: ...


class MessageCarrier:
    """A notifier as a carrier (`delivery.carrier`).

    compose: returns the message of a delivery in its current state; raises ContentGone if there is none.
    """

    def __init__(
        self, sender: NotifierConnection, traits: NotifierTraits, compose: Callable[[Delivery], Message]
    ) -> None:
        self._sender, self._traits, self._compose = sender, traits, compose

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        """Send or edit the message. The receipt identifies the message for edits."""
        message = self._compose(delivery)
        attached = self._attached(content)
        edited = str(delivery.content.get("edits", ""))
        if edited and self._traits.edits:
            return self._sender.edit(edited, message, attached)
        return self._sender.send(message, attached)

    def close(self) -> None:
        self._sender.close()

    def _attached(self, content: DeliveryContent) -> Attachment | None:
        if not 0 < content.size_bytes <= self._traits.largest_bytes:
            return None
        return Attachment(f"tawny.{ENDINGS[content.media_type]}", content.media_type, b"".join(portions(content)))


ENDINGS = {"image/jpeg": "jpg", "image/gif": "gif", "video/mp4": "mp4"}
