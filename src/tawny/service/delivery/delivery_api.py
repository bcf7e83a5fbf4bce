"""Interface for the web layer: destinations, notifiers and message actions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tawny.delivery.delivery import Delivery, ReceivedAccess
from tawny.delivery.destination import ConnectionTestStep
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


class DeliveryApi(Protocol):
    """Manages targets. Thread-safe; may wait for the disk. Raises KeyError for an unknown name."""

    def all_targets(self) -> Sequence[TargetView]: ...
    def test(self, name: str) -> Sequence[ConnectionTestStep]:
        """Test the target. Waits for the network."""
        ...

    def pause(self, name: str, *, paused: bool) -> None: ...
    def try_now(self, name: str) -> None: ...
    def mute(self, name: str, camera: CameraId, for_ms: int) -> None:
        """Mute a camera for this time; 0 unmutes."""
        ...

    def push_key(self) -> str:
        """Return the VAPID public key, Base64; empty without a Web Push notifier."""
        ...

    def tell_browser(self, person: str, endpoint: str, keys: tuple[str, str] | None) -> None:
        """Add or remove a browser subscription. keys: p256dh and auth; None removes it.

        Raises KeyError without a Web Push notifier and ValueError for invalid keys.
        """
        ...

    def act_words(self, name: str, token: str) -> str:
        """Return the question of a message action. Raises NotDone if the token is invalid or expired."""
        ...

    def act(self, name: str, token: str) -> str:
        """Execute a message action; return its confirmation. Raises NotDone like `act_words`."""
        ...
