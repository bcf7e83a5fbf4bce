"""Interface for the web layer: address and login of a camera."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tawny.model.ids import CameraId


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """A camera's addresses, without login and password. sub: empty without a sub stream."""

    source: str
    sub: str
    user: str
    has_password: bool


@dataclass(frozen=True, slots=True)
class CameraAddressChange:
    """A change of address. password: None: unchanged."""

    source: str
    sub: str
    user: str
    password: str | None = field(repr=False)


class CameraConnectionApi(Protocol):
    """Reads and changes camera addresses. Thread-safe; waits for the disk and for the camera."""

    def place(self, camera: CameraId) -> CameraAddress:
        """Return the camera's address. Raises NotDone if it cannot be changed here."""
        ...

    def change(self, camera: CameraId, wanted: CameraAddressChange, *, untried: bool) -> Mapping[str, str]:
        """Change the address, after a test connection unless untried. Return the video format by stream.

        Takes effect at once. Raises SourceError, SettingsError, NotDone and FolderUnwritable; nothing is changed then.
        """
        ...
