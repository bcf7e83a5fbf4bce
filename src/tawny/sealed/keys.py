"""Keys of sealed files: an epoch key, one step per file, and three keys per file.

Steps lead only forward: the key in memory derives the keys of later files, never those of closed ones. HKDF is RFC 5869
with SHA-256.
"""

import os
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest as hmac
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
MOST_STEPS: Final = 4095
"""Maximum steps, whatever a header states: a flipped bit could otherwise cost two billion hashes."""


def hkdf(key: bytes | bytearray, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt or None, info).derive(key)


def commit_of(epoch_key: bytes) -> bytes:
    """Return the commitment that identifies an epoch key and binds a file to it."""
    return hkdf(epoch_key, b"", b"tawny.seal/1 commit", KEY_BYTES)


def stepped(epoch_key: bytes, steps: int = 1) -> bytes:
    """Advance a key. Raises ValueError if `steps` exceeds MOST_STEPS."""
    if not 0 <= steps <= MOST_STEPS:
        raise ValueError(f"{steps} steps")
    for _ in range(steps):
        epoch_key = hkdf(epoch_key, b"", b"tawny.seal/1 step", KEY_BYTES)
    return epoch_key


@dataclass(frozen=True, slots=True, repr=False)
class FileKeys:
    """The three keys of one file."""

    seal: bytes
    nonce: bytes
    leaf: bytes

    @classmethod
    def of(cls, key: bytes, header: bytes) -> "FileKeys":
        """Derive the keys of a file. key: the epoch key at the header's step. All header bytes enter."""
        keys = hkdf(key, header[128:160], b"tawny.seal/1 file" + sha256(header).digest(), 3 * KEY_BYTES)
        return cls(keys[:32], keys[32:64], keys[64:])

    def nonce_of(self, head: bytes, leaf: bytes) -> bytes:
        """Return the AES-GCM nonce of a record, derived from its content.

        Different content has a different leaf, and therefore another nonce, even in a virtual machine restored from a
        snapshot. No counter is stored.
        """
        return head[4:8] + hmac(self.nonce, head + leaf, "sha256")[:8]


class EpochKey:
    """A camera's key for at most ten minutes. It holds only what later files need. One thread."""

    def __init__(self, born_ms: int, key: bytes | None = None) -> None:
        """key: for tests; None creates a random one. Wrap it before the first `next`."""
        self._key = key if key is not None else os.urandom(KEY_BYTES)
        self.born_ms, self.step, self.commit = born_ms, 0, commit_of(self._key)

    @property
    def is_used_up(self) -> bool:
        return self.step > MOST_STEPS

    def first(self) -> bytes:
        """Return the initial key for wrapping, before any file uses it."""
        assert self.step == 0, "what was stepped over is gone"
        return self._key

    def next(self) -> tuple[bytes, int]:
        """Return the key for one file, and its step."""
        assert not self.is_used_up
        key, step = self._key, self.step
        self._key, self.step = stepped(key), step + 1
        return key, step
