"""Keys of sealed files: from the key of an epoch, by a step for every file, to the three keys of one file.

A step leads only forward: what is in memory now can make the keys of the next file, never those of a closed one.
HKDF is RFC 5869 with SHA-256.
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
"""Nobody steps further, whatever a header says: a flipped bit there would be two thousand million hashes."""


def hkdf(key: bytes | bytearray, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(SHA256(), size, salt or None, info).derive(key)


def commit_of(epoch_key: bytes) -> bytes:
    """Names an epoch's key, and binds a file to it."""
    return hkdf(epoch_key, b"", b"tawny.seal/1 commit", KEY_BYTES)


def stepped(epoch_key: bytes, steps: int = 1) -> bytes:
    """ValueError for more steps than anybody takes."""
    if not 0 <= steps <= MOST_STEPS:
        raise ValueError(f"{steps} steps")
    for _ in range(steps):
        epoch_key = hkdf(epoch_key, b"", b"tawny.seal/1 step", KEY_BYTES)
    return epoch_key


@dataclass(frozen=True, slots=True, repr=False)
class FileKeys:
    """Of one file."""

    seal: bytes
    nonce: bytes
    leaf: bytes

    @classmethod
    def of(cls, key: bytes, header: bytes) -> "FileKeys":
        """key: the epoch's, at the step that the header names. All of the header enters."""
        keys = hkdf(key, header[128:160], b"tawny.seal/1 file" + sha256(header).digest(), 3 * KEY_BYTES)
        return cls(keys[:32], keys[32:64], keys[64:])

    def nonce_of(self, head: bytes, leaf: bytes) -> bytes:
        """Of AES-GCM: another content has another leaf, so it has another nonce too, even in a machine that was put
        back to an earlier moment with its memory. Nothing is stored or counted for that."""
        return head[4:8] + hmac(self.nonce, head + leaf, "sha256")[:8]


class EpochKey:
    """A camera's key for at most ten minutes; it holds only what the next file needs. One thread."""

    def __init__(self, born_ms: int, key: bytes | None = None) -> None:
        """key: for tests; a new random one if None. `wrap` it before the first `next`."""
        self._key = key if key is not None else os.urandom(KEY_BYTES)
        self.born_ms, self.step, self.commit = born_ms, 0, commit_of(self._key)

    @property
    def is_used_up(self) -> bool:
        return self.step > MOST_STEPS

    def first(self) -> bytes:
        """To wrap it: the key itself, while no file was made with it."""
        assert self.step == 0, "what was stepped over is gone"
        return self._key

    def next(self) -> tuple[bytes, int]:
        """The key for one file, and its step."""
        assert not self.is_used_up
        key, step = self._key, self.step
        self._key, self.step = stepped(key), step + 1
        return key, step
