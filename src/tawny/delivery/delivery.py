"""Delivery: what is sent to which target under which name, its state, and its content."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

from tawny.model.ids import CameraId, EventId
from tawny.model.times import Span, stamp


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


def portions(content: DeliveryContent, offset: int = 0, size_bytes: int = PORTION_BYTES) -> Iterator[bytes]:
    """Yield the content from `offset` on."""
    while offset < content.size_bytes:
        portion = content.read(offset, min(size_bytes, content.size_bytes - offset))
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


# File names at destinations, from a pattern, with times in a time zone. The same input gives the same name.

PRESETS = {
    "tawny": "{camera}/{year}/{month}/{day}/{year}{month}{day}T{hour}{minute}{second}-{code}.{type}",
    "rom-cam": "{type}/{camera}/{unix}.{type}",
    "diycam": "{year}{month}{day}/cam{camera}/{camera}_{stamp}.{type}",
    "pancake": "{year}/{month}/{day}/{year}{month}{day}-{hour}{minute}{second}-{camera}.{type}",
}
"""tawny's own layout and those of systems users migrate from."""
FORMER_PRESETS = {"tawny": "{camera}/{year}/{month}/{day}/{id}.{type}"}
"""Layouts that a preset stood for in earlier versions; cleanup still finds their files."""
FIELDS = ("camera", "id", "code", "kind", "stamp", "unix", "year", "month", "day", "hour", "minute", "second", "type")
CODE_LETTERS = 8
"""Length of `{code}`, the end of the ID, which is random."""
_FIELD = re.compile(r"\{([^{}]*)\}")
_NOT_EVERYWHERE = '\\:*?"<>|#'
_UNIQUE = {"id", "stamp", "unix", "second"}


def checked(pattern: str) -> str:
    """Return the pattern of a preset, or the validated pattern. Raises ValueError."""
    pattern = PRESETS.get(pattern, pattern)
    named = set(_FIELD.findall(pattern))
    if unknown := sorted(named - set(FIELDS)):
        raise ValueError(f"{{{unknown[0]}}} isn't a field; use {', '.join(FIELDS)}, or a preset: {_presets()}")
    if "{type}" not in pattern or not named & _UNIQUE or ("camera" not in named and "id" not in named):
        raise ValueError("it must contain {type}, {camera} or {id}, and one of {id}, {stamp}, {unix}, {second}")
    if pattern.startswith("/") or any(part in ("", ".", "..") for part in pattern.split("/")):
        raise ValueError("folders and a file name separated by /, not starting with /")
    if odd := sorted(set(pattern) & set(_NOT_EVERYWHERE)):
        raise ValueError(f"without {' '.join(odd)}, which not every system allows in file names")
    return pattern


def name(pattern: str, camera: CameraId, at_ms: int, key: str, kind: str, file_type: str, zone: tzinfo = UTC) -> str:
    """Return a file name.

    pattern: validated. at_ms: start, ms UTC. key: ID of the event or segment. file_type: `mp4`, `jpg`. zone: of dates
    and times in the name.
    """
    at = datetime.fromtimestamp(at_ms // 1000, zone)
    offset = at.strftime("%z")
    values = {
        "camera": camera,
        "id": key,
        "code": key[-CODE_LETTERS:],
        "kind": kind,
        "stamp": stamp(at_ms) if at.utcoffset() == timedelta(0) else f"{at:%Y%m%dT%H%M%S}.{at_ms % 1000:03d}{offset}",
        "unix": str(at_ms // 1000),
        "type": file_type,
        **{field: f"{getattr(at, field):02d}" for field in ("year", "month", "day", "hour", "minute", "second")},
    }
    values["hour"] += "B" if at.fold else ""
    return _FIELD.sub(lambda found: values[found[1]], pattern)


def piece_name(whole: str, number: int) -> str:
    """Return the name of a part of a running clip: `….mp4` becomes `….003.mp4`."""
    stem, dot, file_type = whole.rpartition(".")
    return f"{stem}.{number:03d}{dot}{file_type}"


def file_type(what: DeliveryKind) -> str:
    return "jpg" if what is DeliveryKind.PICTURE else "mp4"


def _presets() -> str:
    return ", ".join(PRESETS)
