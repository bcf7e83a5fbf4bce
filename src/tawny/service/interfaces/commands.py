"""Interface for the web layer: commands and integrations."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tawny.delivery.commands import CameraControls, CommandIssuer, CommandResult, Order
from tawny.model.ids import CameraId


class CommandApi(Protocol):
    """Executes commands. Thread-safe; may wait for disk and network. Raises CommandRefused."""

    def do(self, who: CommandIssuer, asked: Order) -> CommandResult: ...
    def sent(self, name: str, headers: Mapping[str, str], body: bytes, address: str) -> CommandIssuer:
        """Return the issuer of a body sent to this input. headers: by lower-case names."""
        ...

    def controls(self, camera: CameraId) -> CameraControls:
        """Return the camera's controls. Waits for the camera."""
        ...

    def told(self) -> Sequence[Mapping[str, Any]]:
        """Return the integrations that receive messages or send commands, without secrets."""
        ...
