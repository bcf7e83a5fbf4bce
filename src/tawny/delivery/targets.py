"""Targets of deliveries: what is shown of them, and what those of export folders are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tawny.delivery.delivery import Delivery, ReceivedAccess
from tawny.model.ids import CameraId

FOLDERS: Final = "files "
"""What the targets of export folders begin with. No destination has such a name."""


@dataclass(frozen=True, slots=True)
class OutboxBacklog:
    """Waiting deliveries of one target."""

    count: int = 0
    size_bytes: int = 0
    oldest_ms: int | None = None
    """Creation time of the oldest one, ms UTC; None if none."""
    removals: int = 0
    """How many of them delete a file there."""
    resent_bytes: int = 0
    """Size of those that are sent again."""


@dataclass(frozen=True, slots=True)
class TargetView:
    """A destination or notifier. where: address without secrets; shows: what its messages display on a phone."""

    name: str
    kind: Literal["destination", "files", "notifier"]
    where: str
    shows: str
    gets: str
    """Summary of what it receives."""
    waiting: OutboxBacklog
    trouble: str
    is_paused: bool
    last: Sequence[Delivery]
    """Newest first."""
    mutes: Mapping[CameraId, int]
    """End of the mute by camera, ms UTC."""
    receives: ReceivedAccess = ReceivedAccess.CLEAR
    unswept: str = ""
    """Why expired files stay there; empty if they don't."""
