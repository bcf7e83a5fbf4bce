"""API schemas of encryption.

Invariant: a private key is only transmitted sealed to the recorder, for one session.
"""

from typing import Annotated, Literal

from pydantic import Field

from tawny.api.schemas import ApiRequest, ApiResponse, Id, Name

Recipient = Annotated[str, Field(pattern=r"^age1[02-9ac-hj-np-z]{58}$")]
Base64 = Annotated[str, Field(max_length=12_000, pattern=r"^[A-Za-z0-9+/]+=*$")]


class SealedWay(ApiResponse):
    id: str
    kind: Literal["passphrase", "passkey", "other"]
    name: str
    made_ms: int


class SealedCamera(ApiResponse):
    id: str
    name: str
    sealed: bool


class UnlockedInfo(ApiResponse):
    way: str
    opens: str
    ends_ms: int
    """End if in use; earlier without use."""


class SealedInfo(ApiResponse):
    possible: bool
    """False in memory mode: nothing is stored that could be encrypted."""
    set_up: bool
    recipients: list[str]
    recovery: str | None
    everything: bool
    cameras: list[SealedCamera]
    recorder: str
    fingerprint: str
    ways: list[SealedWay]
    made_ms: int | None
    tested_ms: int | None
    asks_for_sheet: bool
    """The recovery sheet should be tested again."""
    can_change: bool
    can_hand_over: bool
    """The connection is safe for keys: TLS, or local."""
    unlocked: UnlockedInfo | None
    """Unlocked on the recorder for this session; null if locked."""


class WrappedKeyInfo(ApiResponse):
    wrapped: str
    """An age file, in Base64."""


class UnlockOffer(ApiResponse):
    key: str
    """A one-time X25519 public key in Base64, valid for one minute."""


class HandoverRequest(ApiRequest):
    """A private key, sealed as in `tawny.sealed.key_memory.KeyHandover`."""

    offer: Base64
    key: Base64
    sealed: Base64
    way: Literal["words", "passphrase", "passkey"]


class InBrowserRequest(ApiRequest):
    """A page starts or stops decrypting recordings itself."""

    way: Literal["words", "passphrase", "passkey"]
    recipient: Recipient
    open: bool


class SetUpSealing(ApiRequest):
    recipient: Recipient
    recovery: Recipient
    wrapped: Base64
    everything: bool
    cameras: Annotated[list[Id], Field(max_length=64)]


class NewWay(ApiRequest):
    name: Name
    wrapped: Base64


class SheetShown(ApiRequest):
    recovery: Recipient


class ChangedSealing(ApiRequest):
    everything: bool
    cameras: Annotated[list[Id], Field(max_length=64)]
    """Encrypted cameras, unless everything is encrypted."""
