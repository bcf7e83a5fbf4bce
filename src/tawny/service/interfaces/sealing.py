"""What the web layer needs of whoever knows what is sealed, to whom, and which ways there are to a key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from tawny.model.ids import CameraId


@dataclass(frozen=True, slots=True)
class UnlockMethod:
    """A private key, locked by a passphrase or a passkey."""

    id: str
    kind: Literal["passphrase", "passkey", "other"]
    name: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class SealingStatus:
    """recipients: public keys of all who can open what is sealed, the recovery sheet's apart. fingerprint: of the
    recorder's first key. tested_ms: when somebody last showed that they have the sheet."""

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
"""Where nothing can be sealed."""


class SealingApi(Protocol):
    """Any thread may call; calls wait for the disk. Raises NotDone, SettingsError, FolderUnwritable, StorageError; then
    nothing has changed."""

    def now(self) -> SealingStatus: ...
    def opens(self, recipient: str) -> str:
        """What a key opens here, in words; empty when it opens nothing."""
        ...

    def set_up(self, recipient: str, recovery: str, wrapped: bytes) -> None:
        """Who can open what is sealed from now on. wrapped: the private key, locked with a passphrase."""
        ...

    def wrapped(self, way: str) -> bytes | None: ...
    def add_way(self, name: str, wrapped: bytes) -> UnlockMethod: ...
    def remove_way(self, way: str) -> None: ...
    def tested(self, recovery: str) -> bool:
        """Somebody has the sheet of this public key. Returns whether it is ours."""
        ...

    def seal(self, *, everything: bool, cameras: Mapping[CameraId, bool]) -> None:
        """What is sealed from now on. cameras: those that differ from `everything`."""
        ...
