"""What is to be brought somewhere: a value that says what, where to, under which name, and how that is going."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span


class DeliveryKind(StrEnum):
    """In order of importance: what tells and proves most, in the fewest bytes, goes first and is dropped last."""

    MESSAGE = "message"
    PICTURE = "picture"
    PIECE = "piece"
    """A few seconds of an event that goes on."""
    CLIP = "clip"
    RECAP = "recap"
    FOOTAGE = "footage"
    REMOVAL = "removal"
    """Take away there what is no longer to be kept."""

    @property
    def rank(self) -> int:
        """0 is the most important."""
        return list(DeliveryKind).index(self)


class ReceivedAccess(StrEnum):
    """What who runs a target could look at."""

    SEALED = "sealed"
    """Video and pictures that only holders of a key can open."""
    CLEAR = "clear"
    """Video and pictures as they are."""
    LINK = "link"
    """Words, and where it is seen."""


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Delivery:
    to: str
    """The target's name in the settings."""
    name: str
    """What it is called there: together with `to` its identity, so that a second time does no harm."""
    what: DeliveryKind
    content: Mapping[str, Any]
    """What it is made from, as JSON has it: an event, a span of a camera, words. Never the bytes themselves."""
    made_ms: int
    at_ms: int
    """When it happened."""
    camera: CameraId | None = None
    event: EventId | None = None
    needs: Span | None = None
    """The recording that it is cut from, which retention leaves alone while it waits."""
    size_bytes: int = 0
    """As far as it is known."""
    state: DeliveryState = DeliveryState.WAITING
    tries: int = 0
    next_ms: int = 0
    """Not before."""
    why: str = ""
    """Why the last try failed, or why it was dropped; a sentence without secrets."""
    progress: str = ""
    """The target's own word of how far it has come, to go on from."""
    receipt: str = ""
    """What the target calls it, once it is there."""
    done_ms: int | None = None
    id: int = field(default=0, compare=False)
    """Its row; 0 while it has none."""
