"""What goes over the wire about sealed recordings. No private key does, but sealed to the recorder for one session."""

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
    """If it is used on; earlier without use."""


class SealedInfo(ApiResponse):
    possible: bool
    """In memory nothing is kept that could be sealed."""
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
    """It is time that somebody shows once more that the sheet is there."""
    can_change: bool
    can_hand_over: bool
    """The way here is safe enough for a key: TLS, or the same machine."""
    unlocked: UnlockedInfo | None
    """For this session, on the recorder."""


class WrappedKeyInfo(ApiResponse):
    wrapped: str
    """An age file, in Base64."""


class UnlockOffer(ApiResponse):
    key: str
    """A public key for X25519, in Base64, for one use within a minute."""


class HandoverRequest(ApiRequest):
    """How the key is sealed: `tawny.sealed.key_memory.KeyHandover`."""

    offer: Base64
    key: Base64
    sealed: Base64
    way: Literal["words", "passphrase", "passkey"]


class InBrowserRequest(ApiRequest):
    """A page opens what is sealed by itself, or no longer does."""

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
    """Those that are sealed, where not everything is."""
