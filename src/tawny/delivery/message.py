"""Messages to users: text, attachments and buttons, as values."""

from dataclasses import dataclass
from enum import StrEnum


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
