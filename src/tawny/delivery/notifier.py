"""The protocol of notifiers: who tells people. Ours come through the same door as anybody's (entry points
`tawny.notifiers`). A notifier is made into a carrier of the outbox, and so is tried for ever and survives kills.
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
    """What a service can do with a message."""

    shows: str
    """What people see of it on which phone; a sentence for who chooses."""
    edits: bool = False
    """What was told can be changed: then the clip takes the picture's place."""
    picture: bool = False
    gif: bool = False
    video: bool = False
    buttons: Literal["", "links", "calls"] = ""
    """How buttons come back: by opening an address of ours, or by the service handing over what was pressed."""
    largest_bytes: int = 0
    """Of what is sent along."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is sent along, in memory. name: with its ending."""

    name: str
    media_type: str
    data: bytes


class NotifierConnection(Protocol):
    """Open. Used from one thread. Every method raises a DeliveryError; none has a secret in it."""

    def send(self, message: Message, attached: Attachment | None) -> str:
        """Returns what the service calls it. A second time with the same id does as little harm as the service lets."""
        ...

    def edit(self, receipt: str, message: Message, attached: Attachment | None) -> str:
        """What was sent is now this. Asked only where `NotifierTraits.edits`. Returns the receipt that is good from
        now on."""
        ...

    def close(self) -> None:
        """Never raises."""
        ...


class NotifierStore(Protocol):
    """What a notifier keeps for itself, durably. Any thread."""

    def marks(self) -> dict[str, str]: ...
    def mark(self, name: str, value: str) -> None:
        """An empty value takes it away."""
        ...


def everybody(person: str, camera: str) -> bool:
    return bool(person or camera)


@dataclass(frozen=True, slots=True)
class NotifierContext:
    """What a notifier is opened with."""

    name: str
    """As in the settings, for people."""
    url: str
    """Secrets filled in."""
    options: Mapping[str, Any]
    """Its table's own settings, already checked by `settings`."""
    clock: Clock
    kept: NotifierStore | None = None
    may_see: Callable[[str, str], bool] = everybody
    """Whether the person of this name may see a camera."""


class Notifier(Protocol):
    """One instance serves all targets of its kind, from any thread."""

    schemes: ClassVar[tuple[str, ...]]
    """What its addresses begin with: `("ntfy",)`."""

    def traits(self, url: str) -> NotifierTraits: ...
    def settings(self, url: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
        """The table checked and completed with defaults. ValueError says which key, what was found, what is allowed."""
        ...

    def public(self, url: str) -> str:
        """The address without anything secret, for logs, status and errors."""
        ...

    def open(self, telling: NotifierContext) -> NotifierConnection:
        """Raises a DeliveryError."""
        ...


class ButtonPresses(Protocol):
    """Waits for buttons that were pressed. Used from one thread."""

    def wait(self, do: Callable[[str], str]) -> None:
        """Some seconds at most. do: does what a button's token stands for, and says what was done, or why not.

        Raises a DeliveryError.
        """
        ...


@runtime_checkable
class ButtonNotifier(Protocol):
    """A notifier with `NotifierTraits.buttons` of "calls" is one, too."""

    def presses(self, telling: NotifierContext) -> ButtonPresses: ...


class MessageCarrier:
    """A notifier as a carrier (`delivery.carrier`). compose: the words of a delivery, as of now;
    ContentGone if none.
    """

    def __init__(
        self, sender: NotifierConnection, traits: NotifierTraits, compose: Callable[[Delivery], Message]
    ) -> None:
        self._sender, self._traits, self._compose = sender, traits, compose

    def carry(self, delivery: Delivery, content: DeliveryContent, note: Callable[[str], None]) -> str:
        """The receipt is the message's, to change it by."""
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
