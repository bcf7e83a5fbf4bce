"""Sealer of one file, record by record. Returns bytes, no I/O. One thread at a time.

A record is sealed once: data that could not be written is written again unchanged, or the file ends before it.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tawny.sealed.header import SealedHeader
from tawny.sealed.key_wrapping import area, from_text, text_of
from tawny.sealed.keys import FileKeys
from tawny.sealed.records import END, INFO, INIT, SIGNATURE, SIGNATURE_BYTES, Buffer, Digest, head_of, lead_of, leaf_of
from tawny.sealed.signing import Signer, signed_digest


def new_salt() -> bytes:
    return os.urandom(32)


def compact(values: Mapping[str, object]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def read_compact(content: bytes) -> dict[str, object]:
    """Parse a JSON object. Empty if invalid."""
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


class Sealer:
    def __init__(self, header: SealedHeader, key: bytes, wrapped: bytes) -> None:
        """key: the epoch key at the header's step; it is not stored."""
        self.header, packed = header, header.packed()
        self._keys = FileKeys.of(key, packed)
        self._gcm = AESGCM(self._keys.seal)
        self._digest = Digest(packed)
        self._seq = 0
        self._lead = [packed, area(wrapped, header.wrap_bytes)]

    def begin(self, info: Mapping[str, object], init: bytes = b"") -> list[bytes]:
        """Return the file's beginning, before the first fragment or blob. Write it together with that."""
        parts = [*self._lead, *self.record(INFO, 0, [compact(info)])]
        return [*parts, *self.record(INIT, 0, [init])] if init else parts

    def record(self, type_: int, time_ms: int, parts: Sequence[Buffer]) -> list[bytes]:
        """Seal one record. Raises ValueError for content of 16 MiB or more."""
        content = parts[0] if len(parts) == 1 else b"".join(parts)
        head = head_of(type_, len(content), self._seq, time_ms)
        leaf = leaf_of(self._keys.leaf, head, content)
        body = self._gcm.encrypt(self._keys.nonce_of(head, leaf), content, head + leaf)
        self._digest.add(head, leaf)
        self._seq += 1
        return [lead_of(head, leaf, body), body]

    def end(self, reason: int, time_ms: int, totals: Mapping[str, object], signer: Signer | None = None) -> list[bytes]:
        """Return the last records. signer: signs the digest; None leaves that to the next statement's list."""
        parts = self.record(END + reason, time_ms, [compact(totals)])
        if signer is None:
            return parts
        head = head_of(SIGNATURE, SIGNATURE_BYTES, self._seq, time_ms)
        body = signed_digest(signer, self.digest)
        return [*parts, lead_of(head, self.digest, body), body]

    @property
    def digest(self) -> bytes:
        """Digest of all records so far."""
        return self._digest.value


# Key ring of a camera's day: one JSON line per wrapped epoch key. Opens files whose own wrapped key is outdated.


@dataclass(frozen=True, slots=True)
class RingLine:
    """short: wrapped for the first recipients only, for files without room for all; empty until the key is rewrapped.
    made_for: short names of all recipients, in their order; earlier versions wrote none when they made the key."""

    commit: bytes
    born_ms: int
    wrapped: bytes
    short: bytes = b""
    made_for: tuple[str, ...] = ()

    def text(self) -> bytes:
        values = {"age": text_of(self.wrapped), "born": self.born_ms, "commit": self.commit.hex()}
        values |= {"short": text_of(self.short)} if self.short else {}
        return compact(values | ({"for": self.made_for} if self.made_for else {})) + b"\n"


def read_ring(text: bytes) -> dict[bytes, RingLine]:
    """Parse a ring. Return lines by commit; the last line of a key counts."""
    lines = (_line(line) for line in text.split(b"\n"))
    return {line.commit: line for line in lines if line is not None}


def _line(text: bytes) -> RingLine | None:
    try:
        entry = json.loads(text)
        commit, wrapped = bytes.fromhex(entry["commit"]), from_text(entry["age"])
        short, made_for = from_text(entry.get("short", "")), tuple(map(str, entry.get("for", ())))
        line = RingLine(commit, int(entry["born"]), wrapped, short, made_for)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return line if len(line.commit) == 32 else None
