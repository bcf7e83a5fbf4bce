"""age files (age-encryption.org/v1), as far as tawny needs them: key files in one payload part, and long ones.

`pyrage` derives the cost of a passphrase from the speed of the moment: it writes a work factor that it measured, and
refuses a file whose factor is far above what it measures then, with the error of a wrong passphrase. Here the factor is
fixed, a limit decides what is refused, and each failure has its own reason.
"""

import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac
from itertools import chain
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tawny.sealed.broken import NotEnoughMemory, SealedFileBroken, WorkFactorRefused, WrongPassphrase
from tawny.sealed.keys import KEY_BYTES, hkdf
from tawny.sealed.records import TAG_BYTES

WORK_FACTOR: Final = 16
"""log2 of the scrypt cost of files written here: 64 MiB, so that a small computer opens them beside a recorder.

The passphrases are generated and have 77 bits, so the cost need not make up for weak ones. The browser writes the same.
"""
MAX_WORK_FACTOR: Final = 22
"""Highest factor that is opened, as in `age`: 4 GiB. `pyrage` measured 17 to 21, depending on the machine."""
VERSION: Final = b"age-encryption.org/v1"
FILE_KEY_BYTES: Final = 16
_NONCE_BYTES: Final = 16
_SALT_BYTES: Final = 16
_SCRYPT: Final = b"age-encryption.org/v1/scrypt"
_R: Final = 8
PART_BYTES: Final = 64 * 1024
_SEALED_PART: Final = PART_BYTES + TAG_BYTES
_MOST_HEAD: Final = 4096
"""More than tawny and `age` write before the first part, in bytes."""
_ONLY_PART: Final = bytes(11) + b"\x01"
"""Nonce of the first payload part, which is also the last."""

Stanza = tuple[list[bytes], bytes]
"""Arguments and body of one recipient."""


@dataclass(frozen=True, slots=True)
class AgeFile:
    """A parsed file. head: up to the header's authentication code, which is `mac`."""

    head: bytes
    mac: bytes
    body: bytes

    @classmethod
    def parse(cls, data: bytes) -> "AgeFile":
        """Raises ValueError if it is not an age file."""
        head, mark, rest = data.partition(b"\n--- ")
        mac, _, body = rest.partition(b"\n")
        if not mark or not head.startswith(VERSION + b"\n") or len(body) < _NONCE_BYTES + TAG_BYTES:
            raise ValueError("no age file")
        return cls(head, decode(mac), body)

    def stanzas(self) -> Iterator[Stanza]:
        """Yield the recipients. Raises ValueError if one is malformed."""
        for part in self.head.split(b"\n-> ")[1:]:
            words, _, body = part.partition(b"\n")
            yield words.split(b" "), decode(body.replace(b"\n", b""))

    def open(self, file_key: bytes | bytearray) -> bytes:
        """Return the content of a file of one part. Raises InvalidTag if the file was changed."""
        key = self.payload_key(file_key)
        return ChaCha20Poly1305(key).decrypt(_ONLY_PART, self.body[_NONCE_BYTES:], None)

    def payload_key(self, file_key: bytes | bytearray) -> bytes:
        """Return the key of the parts. Raises InvalidTag if the header was changed."""
        expected = hmac(hkdf(file_key, b"", b"header", KEY_BYTES), self.head + b"\n---", sha256)
        if not compare_digest(expected, self.mac):
            raise InvalidTag
        return hkdf(file_key, self.body[:_NONCE_BYTES], b"payload", KEY_BYTES)


def lock_with_passphrase(content: bytes, passphrase: str, work_factor: int = WORK_FACTOR) -> bytes:
    """Return an age file of one part that the passphrase opens. Raises NotEnoughMemory."""
    head, key = _new_head(passphrase, work_factor)
    return head + ChaCha20Poly1305(key).encrypt(_ONLY_PART, content, None)


def lock_parts(parts: Iterable[bytes], passphrase: str) -> Iterator[bytes]:
    """Yield an age file of any length that the passphrase opens. Raises NotEnoughMemory."""
    head, key = _new_head(passphrase, WORK_FACTOR)
    yield head
    cipher, held, number = ChaCha20Poly1305(key), bytearray(), 0
    for part in parts:
        held += part
        while len(held) > PART_BYTES:  # the last one may be full, and must not be empty
            yield cipher.encrypt(_part_nonce(number, is_last=False), bytes(held[:PART_BYTES]), None)
            del held[:PART_BYTES]
            number += 1
    yield cipher.encrypt(_part_nonce(number, is_last=True), bytes(held), None)


def open_parts(data: Iterable[bytes], passphrase: str) -> Iterator[bytes]:
    """Yield the content of a file that `lock_parts` or `age -p` made. It is whole only when no error came to the end.

    Raises WrongPassphrase, WorkFactorRefused, NotEnoughMemory; SealedFileBroken if it is damaged or cut.
    """
    given, held = iter(data), bytearray()
    while len(held) < _MOST_HEAD and (part := next(given, None)) is not None:
        held += part
    file, file_key = _unlocked(bytes(held), passphrase)
    try:
        cipher, number = ChaCha20Poly1305(file.payload_key(file_key)), 0
        held = bytearray(file.body[_NONCE_BYTES:])
        for part in chain((b"",), given):
            held += part
            while len(held) > _SEALED_PART:
                yield cipher.decrypt(_part_nonce(number, is_last=False), bytes(held[:_SEALED_PART]), None)
                del held[:_SEALED_PART]
                number += 1
        yield cipher.decrypt(_part_nonce(number, is_last=True), bytes(held), None)
    except InvalidTag:
        raise SealedFileBroken("it is damaged or not complete") from None


def _part_nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _new_head(passphrase: str, work_factor: int) -> tuple[bytes, bytes]:
    """Return the beginning of a file up to its first part, and the key of its parts."""
    salt, file_key, nonce = os.urandom(_SALT_BYTES), os.urandom(FILE_KEY_BYTES), os.urandom(_NONCE_BYTES)
    wrapped = ChaCha20Poly1305(_scrypt_key(passphrase, salt, work_factor)).encrypt(bytes(12), file_key, None)
    head = b"%s\n-> scrypt %s %d\n%s\n---" % (VERSION, encode(salt), work_factor, encode(wrapped))
    mac = hmac(hkdf(file_key, b"", b"header", KEY_BYTES), head, sha256)
    return b"%s %s\n%s" % (head, encode(mac), nonce), hkdf(file_key, nonce, b"payload", KEY_BYTES)


def open_with_passphrase(data: bytes, passphrase: str) -> bytes:
    """Return the content of an age file, whatever its work factor up to MAX_WORK_FACTOR.

    Raises WrongPassphrase, WorkFactorRefused, NotEnoughMemory; SealedFileBroken if it is damaged or has no passphrase.
    """
    file, file_key = _unlocked(data, passphrase)
    try:
        return file.open(file_key)
    except InvalidTag:
        raise SealedFileBroken("it is damaged: the passphrase is right, but the content was changed") from None


def _unlocked(data: bytes, passphrase: str) -> tuple[AgeFile, bytes]:
    """Return the parsed file and its key. data: at least up to the first part."""
    try:
        file = AgeFile.parse(data)
        stanzas = list(file.stanzas())
        if stanzas and all(words[0] != b"scrypt" for words, _ in stanzas):
            raise SealedFileBroken("it isn't protected by a passphrase")
        ((_, salt, factor_text), wrapped) = stanzas[0]
        factor = int(factor_text)
        if len(stanzas) != 1 or len(decode(salt)) != _SALT_BYTES or len(wrapped) != FILE_KEY_BYTES + TAG_BYTES:
            raise SealedFileBroken("it is damaged")
    except (ValueError, IndexError) as problem:
        if isinstance(problem, SealedFileBroken):
            raise
        raise SealedFileBroken("it is damaged") from None
    if not 1 <= factor <= MAX_WORK_FACTOR:
        raise WorkFactorRefused(f"its scrypt work factor is {factor}, and at most {MAX_WORK_FACTOR} is accepted")
    try:
        return file, ChaCha20Poly1305(_scrypt_key(passphrase, decode(salt), factor)).decrypt(bytes(12), wrapped, None)
    except InvalidTag:
        raise WrongPassphrase("wrong passphrase") from None


def _scrypt_key(passphrase: str, salt: bytes, factor: int) -> bytes:
    try:
        return Scrypt(_SCRYPT + salt, KEY_BYTES, 1 << factor, _R, 1).derive(passphrase.encode())
    except MemoryError:
        needed = (128 * _R << factor) >> 20
        raise NotEnoughMemory(f"opening it needs {needed} MiB of memory, and less is free") from None


def encode(data: bytes) -> bytes:
    """Return canonical Base64 without padding."""
    return b64encode(data).rstrip(b"=")


def decode(text: bytes) -> bytes:
    """Decode canonical Base64 without padding. Raises ValueError."""
    found = b64decode(text + b"=" * (-len(text) % 4), validate=True)
    if encode(found) != text:
        raise ValueError("other Base64")
    return found
