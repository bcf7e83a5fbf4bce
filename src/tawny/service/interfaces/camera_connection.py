"""What the web layer needs to tell and change where a camera is, and how it is logged into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tawny.model.ids import CameraId


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """Without the password. source, sub: addresses without a login; sub is empty where there is none."""

    source: str
    sub: str
    user: str
    has_password: bool


@dataclass(frozen=True, slots=True)
class CameraAddressChange:
    """password: None: as it is."""

    source: str
    sub: str
    user: str
    password: str | None = field(repr=False)


class CameraConnectionApi(Protocol):
    """Any thread; waits for the disk and for the camera."""

    def place(self, camera: CameraId) -> CameraAddress:
        """NotDone says why it cannot be changed here."""
        ...

    def change(self, camera: CameraId, wanted: CameraAddressChange, *, untried: bool) -> Mapping[str, str]:
        """Connect there first, unless untried; then it holds at once. What came, by stream.

        SourceError, SettingsError, NotDone, FolderUnwritable: nothing is changed.
        """
        ...
