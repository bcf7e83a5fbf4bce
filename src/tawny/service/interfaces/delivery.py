"""What the web layer needs of what leaves this machine: destinations, notifiers, and what messages may have done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from tawny.delivery.connection_check import ConnectionTestStep
from tawny.delivery.delivery import Delivery, ReceivedAccess
from tawny.delivery.outbox import OutboxBacklog
from tawny.model.ids import CameraId


@dataclass(frozen=True, slots=True)
class TargetView:
    """A destination or a notifier. where: its address without secrets; shows: what people see of its messages."""

    name: str
    kind: Literal["destination", "notifier"]
    where: str
    shows: str
    gets: str
    """What of all that happens, in words."""
    waiting: OutboxBacklog
    trouble: str
    is_paused: bool
    last: Sequence[Delivery]
    """Newest first."""
    mutes: Mapping[CameraId, int]
    """Until when nothing is said of a camera."""
    receives: ReceivedAccess = ReceivedAccess.CLEAR


class DeliveryApi(Protocol):
    """Any thread may call; may wait for the disk. KeyError where there is no target of this name."""

    def all_targets(self) -> Sequence[TargetView]: ...
    def test(self, name: str) -> Sequence[ConnectionTestStep]:
        """Waits for the network."""
        ...

    def pause(self, name: str, *, paused: bool) -> None: ...
    def try_now(self, name: str) -> None: ...
    def mute(self, name: str, camera: CameraId, for_ms: int) -> None:
        """0 ends it."""
        ...

    def push_key(self) -> str:
        """What browsers subscribe to messages with, Base64; empty where none are told."""
        ...

    def tell_browser(self, person: str, endpoint: str, keys: tuple[str, str] | None) -> None:
        """keys: its p256dh and auth; None: no longer. KeyError where none are told; ValueError: they are none."""
        ...

    def act_words(self, name: str, token: str) -> str:
        """What a button of a message would do, as a question. NotDone when it is not ours, or no longer."""
        ...

    def act(self, name: str, token: str) -> str:
        """Do it; what was done. NotDone as above."""
        ...
