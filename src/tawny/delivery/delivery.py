"""Delivery: what is sent to which target under which name, its state, and its content."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

from tawny.model.errors import ContentGone, DeliveryError
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
    FILE = "file"
    """A finished file, or its snapshot, for an export folder."""

    @property
    def rank(self) -> int:
        """Return the rank; lower is more important. That of a message can be lower (`Delivery.rank`)."""
        return list(DeliveryKind).index(self)


URGENT_RANK = -2
"""Rank of problems, the most important messages. Earlier versions stored -1."""
RING_RANK = -1
"""Rank of rings at the door, which come first among messages that are not late, and among late ones."""
RESENT_RANK = DeliveryKind.FILE.rank
"""Rank of uploads that are sent again: the lowest one that earlier versions send, too."""
LATE_MS = 600_000
"""Delay, ms, from which a message is late."""
REST = "rest"
"""`kind` of a delivery to those recipients of a message who were refused it for now (`rest_of`)."""
REST_MS = 6 * 3_600_000
"""How long, ms, it is tried at least: longer than greylisting lasts."""
REST_TRIES = 8
"""How often in a row it is refused before it ends: some 20 min, as nothing may have been tried in the hours before."""
REST_GAP_S = 3600.0
"""Time, s, without a try after which the refusals are counted from 0: it was held, or the channel paused."""
_REST_WAIT_MS = 300_000
"""Time, ms, until its first attempt."""


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

    @property
    def rank(self) -> int:
        """Return the rank, as of its kind, but a lower one for messages about problems and rings at the door.

        What is left of a message comes after all messages. Recordings of an encrypted camera's event have the rank of
        parts: they also leave while it goes on.
        """
        if self.is_rest:
            return DeliveryKind.CLIP.rank
        if self.content.get("kind") == "alarm":
            return URGENT_RANK
        if self.what is DeliveryKind.CLIP and "segment" in self.content:
            return DeliveryKind.PIECE.rank
        return RING_RANK if "ring" in self.content else self.what.rank

    @property
    def is_rest(self) -> bool:
        return self.content.get("kind") == REST

    @property
    def whole(self) -> "Delivery":
        """Return the delivery that this one is the rest of, as it is to be sent now; itself if it is none."""
        return replace(self, **self.content["of"]) if self.is_rest else self


class NoRecipient(ContentGone):
    """The target is there, and has none to send to. Its entry says so by itself: no delivery needs a warning."""


class NoLongerSo(ContentGone):
    """The problem that a message is about is over or forgotten: it is left out, which is no failure."""

    says = "It isn't so any more."


@dataclass(eq=False)
class PartlySent(DeliveryError):
    """Some of the recipients have the message. left: those that the service refuses for now (`Message.only`)."""

    left: Sequence[str] = ()
    receipt: str = ""


def rest_of(delivery: Delivery, left: Sequence[str], now_ms: int) -> Delivery:
    """Return a delivery of its own for the recipients that are left.

    It has no event by itself: it isn't what follow-ups and digests are about, and what others say about the event.
    """
    whole = delivery.whole
    of = {
        "name": whole.name,
        "content": {"due_ms": now_ms, **whole.content},
        "event": whole.event,
        "id": whole.id,  # messages about problems are compared by it
    }
    return Delivery(
        whole.to,
        f"rest/{whole.name}",
        DeliveryKind.MESSAGE,
        {"kind": REST, "to": list(left), "of": of},
        now_ms,
        whole.at_ms,
        whole.camera,
        needs=whole.needs,
        next_ms=now_ms + _REST_WAIT_MS,
    )


# Carrier: protocol that transfers deliveries to a target. Destinations and notifiers are wrapped as carriers.

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


def portions(content: DeliveryContent, offset: int = 0) -> Iterator[bytes]:
    """Yield the content from `offset` on."""
    while offset < content.size_bytes:
        portion = content.read(offset, min(PORTION_BYTES, content.size_bytes - offset))
        if not portion:
            return
        yield portion
        offset += len(portion)


@dataclass(frozen=True)
class StoredContent:
    """Content that is read while it is sent, as `DeliveryContent`.

    source: returns a range of it. wait: called with the size before each read for sending; it may raise CourierStopped.
    """

    source: Callable[[int, int], bytes]
    size_bytes: int
    media_type: str
    modified_ms: int
    wait: Callable[[int], None] = lambda _: None

    @cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for offset in range(0, self.size_bytes, PORTION_BYTES):
            digest.update(self.source(offset, min(PORTION_BYTES, self.size_bytes - offset)))
        return digest.hexdigest()

    def read(self, offset: int, size_bytes: int) -> bytes:
        self.wait(size_bytes)
        return self.source(offset, size_bytes)


def in_memory(data: bytes, media_type: str, modified_ms: int) -> StoredContent:
    return StoredContent(
        lambda offset, size_bytes: data[offset : offset + size_bytes], len(data), media_type, modified_ms
    )


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
