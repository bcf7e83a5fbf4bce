"""Notifier: protocol of services that send messages to users. Plug-ins use the entry point group `tawny.notifiers`.

A notifier is wrapped as a carrier of the outbox, so its messages are retried without limit and survive crashes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from tawny.delivery.delivery import Delivery, DeliveryContent, portions
from tawny.model.clock import Clock
from tawny.model.times import utc_text

# Messages to users: text, attachments and buttons, as values.


class Urgency(StrEnum):
    QUIET = "quiet"
    """Silent: a follow-up of a message."""
    NORMAL = "normal"
    HIGH = "high"
    """A problem of the recorder."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a message.

    url: page that confirms and executes the action; empty without a public URL. token: returned by services with
    callbacks; at most 64 bytes, includes our signature.
    """

    label: str
    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    """Stays the same when the message is sent again."""
    kind: str
    """event, digest, alarm, recap or test."""
    title: str
    text: str
    at_ms: int
    """Time of the event, ms UTC."""
    camera: str = ""
    event: str = ""
    urgency: Urgency = Urgency.NORMAL
    link: str = ""
    """Link to tawny; empty without a public URL."""
    clip_link: str = ""
    """Public link to the uploaded clip, valid for some hours."""
    buttons: tuple[Button, ...] = ()
    history: str = ""
    """Witness of the recorder's signed history (`sealed.witness`), in a hidden field or as a last line; or empty."""

    @property
    def words(self) -> str:
        """Title and text in one line: `Person. Front door, 20:46.`"""
        end = "" if not self.text or self.title.endswith((".", "!", "?", ":")) else "."
        return f"{self.title}{end} {self.text}".strip()


# JSON format of messages for webhook and MQTT.


def as_json(message: Message, changes: str) -> dict[str, Any]:
    """Return the message as JSON. changes: ID of the message it replaces; empty for none."""
    return {
        "type": f"message.{message.kind}",
        "id": message.id,
        "changes": changes or None,
        "title": message.title,
        "text": message.text,
        "time": utc_text(message.at_ms),
        "camera": message.camera or None,
        "event": message.event or None,
        "urgency": message.urgency.value,
        "link": message.link or None,
        "clip": message.clip_link or None,
        "history": message.history or None,
        "buttons": [{"label": one.label, "url": one.url} for one in message.buttons if one.url],
    }


# Addresses of notifiers: `kind://user:password@host:port/a/b`.


@dataclass(frozen=True, slots=True)
class NotifierAddress:
    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    parts: tuple[str, ...]
    """Parts of the path."""

    @property
    def at(self) -> str:
        """Host and port as in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def parse(url: str, example: str, least: int = 0) -> NotifierAddress:
    """Parse an address; the host keeps its case. least: minimum count of path parts. Raises ValueError."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise ValueError(f"url: an address such as {example}") from None
    parts = tuple(unquote(part) for part in split.path.split("/") if part)
    if len(parts) < least or not split.hostname or "#" in url or any(ord(one) < 32 for one in unquote(url)):
        raise ValueError(f"url: an address such as {example}")
    host = split.netloc.rpartition("@")[2]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return NotifierAddress(
        split.scheme, unquote(split.username or ""), unquote(split.password or ""), host, port, parts
    )


def filled(table: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table with defaults. Raises ValueError for unknown keys and values of another type."""
    for key, value in table.items():
        if key not in defaults:
            raise ValueError(f"{key}: found an unknown key; allowed: {', '.join(defaults) or 'none'}")
        if type(value) is not type(defaults[key]):
            raise ValueError(f"{key}: allowed: such as {defaults[key]!r}")
    return {**defaults, **table}


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
    """A notifier as a carrier (`delivery.delivery`).

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
