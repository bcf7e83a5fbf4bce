"""Wrapping of an epoch key with age (X25519) to each recipient. Any age program can unwrap it."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from struct import pack, unpack_from
from typing import Any, Final, Protocol

import pyrage

from tawny.sealed.broken import SealedFileBroken, WrongKey
from tawny.sealed.keys import KEY_BYTES, commit_of

MOST_WRAPPED_BYTES: Final = 8192
_ONE_RECIPIENT: Final = 98
"""Bytes per additional recipient, reserved so that one can be added in place."""
_UNIT: Final = 256


class KeyUnwrapper(Protocol):
    """Holder of a private key."""

    def unwrapped(self, wrapped: bytes) -> bytes | None:
        """Unwrap a key. Return None if it is for another recipient or damaged."""
        ...


class Identity:
    """A private key: `AGE-SECRET-KEY-1…` as text. Its `repr` does not show it."""

    def __init__(self, key: Any) -> None:
        self._key = key

    @classmethod
    def new(cls) -> "Identity":
        return cls(pyrage.x25519.Identity.generate())

    @classmethod
    def read(cls, text: str) -> "Identity":
        """Parse a private key. Raises ValueError if invalid; the error does not contain the text."""
        try:
            return cls(pyrage.x25519.Identity.from_str(text.strip()))
        except pyrage.IdentityError:
            raise ValueError("no age private key (AGE-SECRET-KEY-1 and 58 letters and digits)") from None

    @property
    def text(self) -> str:
        return str(self._key)

    @property
    def recipient(self) -> str:
        """The public key: `age1…`."""
        return str(self._key.to_public())

    def unwrapped(self, wrapped: bytes) -> bytes | None:
        """Unwrap a key. Return None if it is for another recipient or damaged."""
        try:
            return bytes(pyrage.decrypt(wrapped, [self._key]))
        except pyrage.DecryptError:
            return None


def recipient(text: str) -> str:
    """Return a public key in canonical form. Raises ValueError if it is not an `age1…` key."""
    try:
        return str(pyrage.x25519.Recipient.from_str(text.strip()))
    except pyrage.RecipientError:
        raise ValueError("an age public key (age1 and 58 letters and digits)") from None


def short_name(text: str) -> str:
    """Return the short name of a recipient in the signed history: 16 hexadecimal digits."""
    return sha256(text.encode()).hexdigest()[:16]


def wrap(key: bytes, recipients: Iterable[str]) -> bytes:
    """Return an age file with the key. Raises ValueError for no, too many or invalid recipients."""
    to = [pyrage.x25519.Recipient.from_str(one) for one in dict.fromkeys(map(recipient, recipients))]
    if not to:
        raise ValueError("no recipients: no key could open it")
    wrapped = bytes(pyrage.encrypt(key, to))
    if area_bytes(wrapped) > MOST_WRAPPED_BYTES:
        raise ValueError(f"{len(to)} recipients are too many")
    return wrapped


def unwrap(wrapped: bytes, identities: Sequence[KeyUnwrapper], commit: bytes) -> bytes:
    """Return the epoch key.

    Raises WrongKey if none of the identities opens it, SealedFileBroken if it does not match `commit`.
    """
    if not wrapped or len(wrapped) > MOST_WRAPPED_BYTES:
        raise WrongKey("the file has no wrapped key")
    found = (key for one in identities if (key := one.unwrapped(wrapped)) is not None)
    if (key := next(found, None)) is None:
        raise WrongKey("it wasn't encrypted for this key")
    if len(key) != KEY_BYTES or commit_of(key) != commit:
        raise SealedFileBroken("the wrapped key is another file's")
    return key


def area_bytes(wrapped: bytes) -> int:
    """Return the size of the file area after the header that holds the wrapped key."""
    return -(-(2 + len(wrapped) + _ONE_RECIPIENT) // _UNIT) * _UNIT


def area(wrapped: bytes, size: int) -> bytes:
    """Return that area. A wrapped key that does not fit is omitted; the key ring then has it."""
    found = pack(">H", len(wrapped)) + wrapped if 2 + len(wrapped) <= size else b"\0\0"
    return found.ljust(size, b"\0")[:size]


def wrapped_in(stored: bytes) -> bytes:
    """Return the wrapped key in an area. Empty if missing or truncated."""
    size = unpack_from(">H", stored)[0] if len(stored) >= 2 else 0
    return stored[2 : 2 + size] if 2 + size <= len(stored) else b""


def text_of(wrapped: bytes) -> str:
    return b64encode(wrapped).decode()


def from_text(text: str) -> bytes:
    """Decode Base64. Raises ValueError if invalid."""
    return b64decode(text, validate=True)
