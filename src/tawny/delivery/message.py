"""What is told to people, as values: words, what is looked at with them, and what can be done about it."""

from dataclasses import dataclass
from enum import StrEnum


class Urgency(StrEnum):
    QUIET = "quiet"
    """No sound: it follows something that was told already."""
    NORMAL = "normal"
    HIGH = "high"
    """Trouble with the recorder itself."""


@dataclass(frozen=True, slots=True)
class Button:
    """url: a page that asks once more and then does it; empty where this tawny has no address that phones know.

    token: what a service that calls back hands over; at most 64 bytes, worth nothing without our signature in it.
    """

    label: str
    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    """The same whenever it is sent again."""
    kind: str
    """event, digest, alarm, recap or test."""
    title: str
    text: str
    at_ms: int
    """When it happened."""
    camera: str = ""
    event: str = ""
    urgency: Urgency = Urgency.NORMAL
    link: str = ""
    """Where it is seen in tawny; empty where that is not known."""
    clip_link: str = ""
    """Where whoever has it can fetch the clip, for some hours."""
    buttons: tuple[Button, ...] = ()

    @property
    def words(self) -> str:
        """Title and text in one line: `Person. Front door, 20:46.`"""
        end = "" if not self.text or self.title.endswith((".", "!", "?", ":")) else "."
        return f"{self.title}{end} {self.text}".strip()
