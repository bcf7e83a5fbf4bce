"""Interface for the web layer: encryption settings, recipients and unlock methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from tawny.model.ids import CameraId


@dataclass(frozen=True, slots=True)
class UnlockMethod:
    """A private key, encrypted with a passphrase or a passkey."""

    id: str
    kind: Literal["passphrase", "passkey", "other"]
    name: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class SealingStatus:
    """State of encryption.

    recipients: public keys that can open sealed files, except the recovery sheet's. fingerprint: of the recorder's
    first signing key. tested_ms: when a user last proved possession of the sheet, ms UTC.
    """

    recipients: Sequence[str]
    recovery: str | None
    is_everything: bool
    cameras: Mapping[CameraId, bool]
    fingerprint: str
    ways: Sequence[UnlockMethod]
    made_ms: int | None
    tested_ms: int | None
    is_in_file: bool


NOTHING: Final = SealingStatus(
    (), None, is_everything=False, cameras={}, fingerprint="", ways=(), made_ms=None, tested_ms=None, is_in_file=False
)
"""Used where encryption is not available."""


class SealingApi(Protocol):
    """Manages encryption. Thread-safe; calls wait for the disk.

    Raises NotDone, SettingsError, FolderUnwritable and StorageError; nothing is changed then.
    """

    def now(self) -> SealingStatus: ...
    def opens(self, recipient: str) -> str:
        """Return what a key opens here, as text; empty if nothing."""
        ...

    def set_up(self, recipient: str, recovery: str, wrapped: bytes) -> None:
        """Set the recipients of future recordings. wrapped: the private key, encrypted with a passphrase."""
        ...

    def wrapped(self, way: str) -> bytes | None: ...
    def add_way(self, name: str, wrapped: bytes) -> UnlockMethod: ...
    def remove_way(self, way: str) -> None: ...
    def tested(self, recovery: str) -> bool:
        """Record that a user proved possession of a recovery sheet. Return whether its public key is ours."""
        ...

    def seal(self, *, everything: bool, cameras: Mapping[CameraId, bool]) -> None:
        """Select the cameras to encrypt from now on. cameras: exceptions from `everything`."""
        ...
