"""Ed25519 signatures, and canonical JSON for signed data: RFC 8785 without fractions."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tawny.sealed.broken import SealedFileBroken

_MOST_LINE_BYTES: Final = 64 << 20
SignedContent = dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """The key of the next statement."""

    key: Ed25519PrivateKey
    statement: int

    @property
    def public(self) -> str:
        return public_of(self.key)

    def sign(self, what: bytes, message: bytes) -> bytes:
        return sign(self.key, what, message)


def signed_digest(signer: Signer, digest: bytes) -> bytes:
    """Return the signature of a file: the statement's number, 8 bytes, and the signature."""
    return signer.statement.to_bytes(8, "big") + signer.sign(b"file", digest)


def new_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def public_of(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def private_of(key: Ed25519PrivateKey) -> str:
    """Return the private key as stored in `state.json`."""
    return key.private_bytes_raw().hex()


def key_from(private: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))


def sign(key: Ed25519PrivateKey, what: bytes, message: bytes) -> bytes:
    """Sign a message. what: file, day, statement or export, so that a signature is valid for one purpose only."""
    return key.sign(b"tawny.sign/1 " + what + b"\0" + message)


def is_signed(public: str, what: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature is valid. public: hexadecimal; invalid keys return False."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        key.verify(signature, b"tawny.sign/1 " + what + b"\0" + message)
    except (InvalidSignature, ValueError):
        return False
    return True


def canonical(content: object) -> bytes:
    """Return canonical JSON. Names are ASCII and numbers are integers, so that this matches RFC 8785."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def hash_of(line: bytes) -> str:
    """Return the hexadecimal hash of a line without its newline."""
    return sha256(line).hexdigest()


def signed(content: SignedContent, what: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the signed line without newline."""
    return canonical(content | {"sig": sign(key, what, canonical(content)).hex()})


@dataclass(frozen=True, slots=True)
class SignedLine:
    """Parsed content, the line itself, and its unverified signature."""

    content: SignedContent
    line: bytes
    signature: bytes

    def is_by(self, public: str, what: bytes) -> bool:
        return is_signed(public, what, canonical(self.content), self.signature)

    @property
    def hash(self) -> str:
        return hash_of(self.line)


def read_signed(line: bytes) -> SignedLine:
    """Parse a signed line.

    Raises SealedFileBroken unless it is canonical: otherwise one text could be read in two ways.
    """
    content = read_canonical(line)
    if not isinstance(content, dict) or not isinstance(content.get("sig"), str):
        raise SealedFileBroken("a line that is not signed")
    try:
        signature = bytes.fromhex(content["sig"])
    except ValueError:
        raise SealedFileBroken("a signature that is not hexadecimal") from None
    if signature.hex() != content["sig"]:
        raise SealedFileBroken("a signature in another notation than tawny's")
    return SignedLine({name: value for name, value in content.items() if name != "sig"}, line, signature)


def read_canonical(line: bytes) -> Any:
    """Parse canonical JSON. Raises SealedFileBroken if invalid or not canonical."""
    try:
        content = json.loads(line) if len(line) <= _MOST_LINE_BYTES else None
        if content is not None and canonical(content) == line:
            return content
    except (ValueError, RecursionError):
        pass
    raise SealedFileBroken("a signature in another notation than tawny's")
