"""A destination or notifier as people see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tawny.delivery.delivery import Delivery, ReceivedAccess
from tawny.delivery.outbox import OutboxBacklog
from tawny.model.ids import CameraId


@dataclass(frozen=True, slots=True)
class TargetView:
    """A destination or notifier. where: address without secrets; shows: what its messages display on a phone."""

    name: str
    kind: Literal["destination", "notifier"]
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
