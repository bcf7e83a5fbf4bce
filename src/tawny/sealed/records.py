"""Records after a file's header: each encrypted separately, hashed to a leaf, and numbered.

48 bytes precede each record: type 1 (bit 7: emptied), content length 3, number 4, time in ms after the file's start 4,
leaf 32, CRC-32 4. The CRC covers the previous fields and the body. It detects accidental errors; leaf and encryption
detect attacks.
"""

from dataclasses import dataclass
from hashlib import sha256
from struct import pack, unpack
from typing import Final
from zlib import crc32

LEAD_BYTES: Final = 48
TAG_BYTES: Final = 16
MOST_CONTENT_BYTES: Final = (1 << 24) - 1
EMPTIED: Final = 0x80

INFO, INIT = 0x01, 0x02
KEY, REST = 0x10, 0x11
"""A fragment that begins with a keyframe, and one that does not."""
KEY_ALONE, AFTER_KEY = 0x12, 0x13
"""The keyframe of a fragment, and the rest of it."""
BLOB: Final = 0x20
END: Final = 0x70
"""Plus the reason, 0 to 14."""
SIGNATURE: Final = 0x7F
SIGNATURE_BYTES: Final = 72

FRAGMENTS: Final = frozenset({KEY, REST, KEY_ALONE, AFTER_KEY})
BEGINS: Final = frozenset({KEY, KEY_ALONE})
MAY_BE_EMPTIED: Final = frozenset({REST, AFTER_KEY})


Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Record:
    """A record. at: offset in its file. head: first 12 bytes as originally written, before emptying."""

    at: int
    head: bytes
    leaf: bytes
    is_emptied: bool = False

    @property
    def type(self) -> int:
        return self.head[0]

    @property
    def content_bytes(self) -> int:
        return int.from_bytes(self.head[1:4], "big")

    @property
    def seq(self) -> int:
        return int.from_bytes(self.head[4:8], "big")

    @property
    def time_ms(self) -> int:
        """Time after the file's start."""
        return int.from_bytes(self.head[8:12], "big")

    @property
    def body_at(self) -> int:
        return self.at + LEAD_BYTES

    @property
    def body_bytes(self) -> int:
        if self.is_emptied:
            return 0
        return self.content_bytes + (0 if self.type == SIGNATURE else TAG_BYTES)

    @property
    def end(self) -> int:
        """Offset of the next record."""
        return self.body_at + self.body_bytes

    @property
    def is_end(self) -> bool:
        return END <= self.type < SIGNATURE


def head_of(type_: int, size: int, seq: int, time_ms: int) -> bytes:
    """Return a record's first 12 bytes. Raises ValueError for content larger than a record."""
    if size > MOST_CONTENT_BYTES:
        raise ValueError(f"a record of {size} bytes is too large")
    return pack(">III", type_ << 24 | size, seq, time_ms)


def lead_of(head: bytes, leaf: bytes, body: Buffer) -> bytes:
    lead = head + leaf
    return lead + pack(">I", crc32(body, crc32(lead)))


def emptied(record: Record) -> bytes:
    """Return the record without its body. The file's digest stays the same."""
    lead = bytes([record.type | EMPTIED]) + record.head[1:] + record.leaf
    return lead + pack(">I", crc32(lead))


def leaf_of(leaf_key: bytes, head: bytes, *parts: Buffer) -> bytes:
    """Return a record's hash.

    The key prevents guessing the content, and can be published without revealing the encryption key.
    """
    found = sha256(b"tawny.leaf/1" + leaf_key + head)
    for part in parts:
        found.update(part)
    return found.digest()


def record_at(at: int, lead: bytes) -> Record:
    """Parse the 48 bytes before a body."""
    return Record(at, bytes([lead[0] & ~EMPTIED]) + lead[1:12], lead[12:44], bool(lead[0] & EMPTIED))


def crc_in(lead: bytes) -> int:
    return int(unpack(">I", lead[44:48])[0])


class Digest:
    """Digest of a file: its header, and head and leaf of each record except the signature. Needs no key."""

    def __init__(self, header: bytes) -> None:
        self._hash = sha256(b"tawny.file/1" + header)

    def add(self, head: bytes, leaf: bytes) -> None:
        self._hash.update(head + leaf)

    @property
    def value(self) -> bytes:
        return self._hash.digest()
