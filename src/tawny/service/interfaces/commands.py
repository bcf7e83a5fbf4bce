"""What the web layer needs of who takes orders, and of the programs that give them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tawny.delivery.commands import CameraControls, CommandIssuer, CommandResult, Order
from tawny.model.ids import CameraId


class CommandApi(Protocol):
    """Any thread; may wait for the disk and the network. Raises OrderRefused."""

    def do(self, who: CommandIssuer, asked: Order) -> CommandResult: ...
    def sent(self, name: str, headers: Mapping[str, str], body: bytes, address: str) -> CommandIssuer:
        """Who sent this body to the input of this name. headers: by names in small letters."""
        ...

    def controls(self, camera: CameraId) -> CameraControls:
        """Waits for the camera."""
        ...

    def told(self) -> Sequence[Mapping[str, Any]]:
        """Programs that are told something, and that may ask for something. Without secrets."""
        ...
