"""Delivery: what is sent to which target under which name, and its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span


class DeliveryKind(StrEnum):
    """Kinds of deliveries in order of importance. More important ones are sent first and dropped last."""

    MESSAGE = "message"
    PICTURE = "picture"
    PIECE = "piece"
    """Some seconds of a running event."""
    CLIP = "clip"
    RECAP = "recap"
    FOOTAGE = "footage"
    REMOVAL = "removal"
    """Delete a file at the destination."""

    @property
    def rank(self) -> int:
        """Return the rank; 0 is the most important."""
        return list(DeliveryKind).index(self)


class ReceivedAccess(StrEnum):
    """What the operator of a target can see."""

    SEALED = "sealed"
    """Encrypted video and images, readable only with a key."""
    CLEAR = "clear"
    """Unencrypted video and images."""
    LINK = "link"
    """Text and links only."""


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Delivery:
    to: str
    """Name of the target in the settings."""
    name: str
    """Name at the target. Identifies the delivery together with `to`, so that repeating it is harmless."""
    what: DeliveryKind
    content: Mapping[str, Any]
    """What to send, as JSON: an event, a camera's span, text. Never the content itself."""
    made_ms: int
    at_ms: int
    """Time of the event, ms UTC."""
    camera: CameraId | None = None
    event: EventId | None = None
    needs: Span | None = None
    """Recording required for it; retention keeps it while the delivery waits."""
    size_bytes: int = 0
    """Size if known."""
    state: DeliveryState = DeliveryState.WAITING
    tries: int = 0
    next_ms: int = 0
    """Earliest time of the next attempt, ms UTC."""
    why: str = ""
    """Why the last attempt failed or it was dropped; a sentence without secrets."""
    progress: str = ""
    """Progress in the target's own format, to resume from."""
    receipt: str = ""
    """ID at the target after delivery."""
    done_ms: int | None = None
    id: int = field(default=0, compare=False)
    """Row ID; 0 before it is stored."""
