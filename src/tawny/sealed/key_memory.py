"""Private key held in memory temporarily and wiped.

It is in one page that is excluded from dumps, and from swap if the system permits, and is never copied into text.

Implements age v1 X25519 unwrapping itself: `pyrage` takes a key as text, which Python cannot wipe.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from mmap import MADV_DONTDUMP, PAGESIZE, mmap
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tawny.sealed.age_file import FILE_KEY_BYTES, AgeFile, Stanza, decode
from tawny.sealed.keys import KEY_BYTES, hkdf
from tawny.sealed.mnemonics import encoded
from tawny.sealed.records import TAG_BYTES

HANDED_BYTES: Final = KEY_BYTES + TAG_BYTES
"""Size of a key in transfer: encrypted, with tag."""


class KeyMemory:
    """One private key in memory. Call from any thread; not after `wipe`."""

    def __init__(self) -> None:
        self._page = mmap(-1, PAGESIZE)
        with suppress(OSError):
            self._page.madvise(MADV_DONTDUMP)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        # if refused, the page may be swapped
        ctypes.CDLL(None).mlock(ctypes.c_void_p(address), ctypes.c_size_t(PAGESIZE))
        self._is_there = False

    @property
    def is_there(self) -> bool:
        return self._is_there

    @contextmanager
    def room(self) -> Iterator[memoryview]:
        """Yield 32 bytes for the key. They are wiped if the block fails."""
        try:
            yield memoryview(self._page)[:KEY_BYTES]
            self._is_there = True
        finally:
            if not self._is_there:
                self.wipe()

    def wipe(self) -> None:
        self._is_there = False
        memoryview(self._page)[:KEY_BYTES] = bytes(KEY_BYTES)

    @property
    def recipient(self) -> str:
        """The public key: `age1…`."""
        return encoded("age", _raw(self._key().public_key()))

    def unwrapped(self, wrapped: bytes) -> bytes | None:
        """Unwrap a key. Return None if it is for another recipient, damaged, or no key is held."""
        if not self._is_there:
            return None
        try:
            return self._opened(wrapped)
        except (ValueError, InvalidTag):
            return None

    def _key(self) -> X25519PrivateKey:
        """Return the key as an object. OpenSSL wipes its copy on release."""
        return X25519PrivateKey.from_private_bytes(memoryview(self._page)[:KEY_BYTES])

    def _opened(self, wrapped: bytes) -> bytes | None:
        file = AgeFile.parse(wrapped)
        file_key = bytearray(FILE_KEY_BYTES)
        key = self._key()
        if not any(_unwrap(key, stanza, file_key) for stanza in file.stanzas()):
            return None
        found = file.open(file_key)
        file_key[:] = bytes(FILE_KEY_BYTES)
        return found


class KeyHandover:
    """Transfer of one key without exposing it in a request: the page encrypts it to a one-time key. One use.

    The page makes an X25519 key and sends its public half (32 bytes) and the secret, encrypted with AES-256-GCM. The
    key is HKDF(shared secret, both public keys, "tawny.unlock/1"), the nonce is zero.
    """

    def __init__(self) -> None:
        self._own = X25519PrivateKey.generate()
        self.public = _raw(self._own.public_key())

    def take(self, theirs: bytes, sealed: bytes) -> KeyMemory:
        """Decrypt the key. Raises ValueError if it was not encrypted for this instance."""
        if len(theirs) != KEY_BYTES or len(sealed) != HANDED_BYTES:
            raise ValueError("no sealed key")
        key = hkdf(self._own.exchange(X25519PublicKey.from_public_bytes(theirs)), theirs + self.public,
                   b"tawny.unlock/1", KEY_BYTES)  # fmt: skip
        held = KeyMemory()
        try:
            with held.room() as room:
                AESGCM(key).decrypt_into(bytes(12), sealed, None, room)
        except InvalidTag:
            raise ValueError("it was not sealed for this recorder") from None
        return held


def _raw(key: X25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _unwrap(key: X25519PrivateKey, stanza: Stanza, into: bytearray) -> bool:
    words, body = stanza
    if len(words) != 2 or words[0] != b"X25519" or len(body) != FILE_KEY_BYTES + TAG_BYTES:
        return False
    share = decode(words[1])
    salt = share + _raw(key.public_key())
    shared = key.exchange(X25519PublicKey.from_public_bytes(share))
    try:
        ChaCha20Poly1305(hkdf(shared, salt, b"age-encryption.org/v1/X25519", KEY_BYTES)).decrypt_into(
            bytes(12), body, None, into
        )
    except InvalidTag:
        return False
    return True
