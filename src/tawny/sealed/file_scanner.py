"""Scan of a sealed file without its key: records, digest, signature and ending. Used by mirrors, retention and `check`.

The file may be truncated anywhere, modified or still growing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol
from zlib import crc32

from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.header import HEADER_BYTES, SealedHeader
from tawny.sealed.key_wrapping import wrapped_in
from tawny.sealed.records import (
    BEGINS,
    END,
    FRAGMENTS,
    INIT,
    LEAD_BYTES,
    MAY_BE_EMPTIED,
    SIGNATURE,
    SIGNATURE_BYTES,
    Digest,
    Record,
    crc_in,
    record_at,
)

_MOST_RECORDS: Final = 400_000
_PIECE_BYTES: Final = 1 << 20


class FileEnding(StrEnum):
    SIGNED = "signed"
    CLOSED = "closed"
    """It has an end record, but no complete signature: only a statement's list can confirm it."""
    OPEN = "open"
    """It stops between records: being written, or ended by a power cut. Truncation turns any file into this."""
    TORN = "torn"
    """Its last record is incomplete."""
    DAMAGED = "damaged"


class ByteSource(Protocol):
    """Random access to a file's bytes."""

    @property
    def size(self) -> int: ...
    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes; fewer at the end of the file."""
        ...


@dataclass(frozen=True, slots=True)
class InMemorySource:
    """A file in memory."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, size: int) -> bytes:
        return self.data[offset : offset + size]


@dataclass(slots=True)
class FileScan:
    """Result of a scan. `records` are complete, in order, and end at `good_bytes`; the signature is not among them."""

    source: ByteSource
    header: SealedHeader
    packed: bytes
    """The header's bytes."""
    wrapped: bytes
    records: list[Record] = field(default_factory=list)
    digest: bytes = b""
    ends: FileEnding = FileEnding.OPEN
    good_bytes: int = 0
    reason: int | None = None
    """End reason as written."""
    statement: int | None = None
    """Number of the statement that its signature names."""
    signature: bytes = b""

    @property
    def last_ms(self) -> int:
        """Time of the last record, ms UTC."""
        return self.header.start_ms + (self.records[-1].time_ms if self.records else 0)

    @property
    def fragments(self) -> list[Record]:
        return [record for record in self.records if record.type in FRAGMENTS]

    @property
    def init(self) -> Record | None:
        return self.records[1] if len(self.records) > 1 and self.records[1].type == INIT else None

    @property
    def is_thinned(self) -> bool:
        return any(record.is_emptied for record in self.records)

    def begin_for(self, time_ms: int) -> Record | None:
        """Return the record from which `time_ms` after the start can be shown; the first keyframe if earlier."""
        begins = [record for record in self.records if record.type in BEGINS]
        before = [record for record in begins if record.time_ms <= time_ms]
        return before[-1] if before else next(iter(begins), None)


def scan_file(source: ByteSource, *, deep: bool = True) -> FileScan:
    """Scan a file. Raises SealedFileBroken without a valid header.

    deep: verify every CRC, which reads the whole file. Otherwise reads 48 bytes per record, and the last record.
    """
    packed = source.read(0, HEADER_BYTES)
    header = SealedHeader.read(packed)
    begin = HEADER_BYTES + header.wrap_bytes
    found = FileScan(source, header, packed, wrapped_in(source.read(HEADER_BYTES, header.wrap_bytes)))
    found.good_bytes = min(begin, source.size)
    digest = Digest(packed)
    for record in _records(found, begin, deep=deep):
        if record.type == SIGNATURE:
            _sign(found, record, digest.value)
        elif found.ends is not FileEnding.OPEN or (record.is_emptied and record.type not in MAY_BE_EMPTIED):
            found.ends = FileEnding.DAMAGED
        else:
            digest.add(record.head, record.leaf)
            found.records.append(record)
            if record.is_end:
                found.ends, found.reason = FileEnding.CLOSED, record.type - END
        if found.ends is FileEnding.DAMAGED:
            break
        found.good_bytes = record.end
    found.digest = digest.value
    return found


def _records(found: FileScan, at: int, *, deep: bool) -> Iterator[Record]:
    """Yield complete records. Sets `ends` if the next one is not complete."""
    source, size = found.source, found.source.size
    for seq in range(_MOST_RECORDS):
        if at >= size:
            return
        lead = source.read(at, LEAD_BYTES)
        if len(lead) < LEAD_BYTES:
            _not_whole(found, is_last=True)
            return
        record = record_at(at, lead)
        if not lead[0]:
            _not_whole(found, is_last=True)  # never written: zeros are data missing after a power cut
            return
        if record.end > size or ((deep or record.end == size) and not _is_intact(source, record, lead)):
            _not_whole(found, is_last=record.end >= size)
            return
        if record.seq != seq:
            found.ends = FileEnding.DAMAGED
            return
        yield record
        at = record.end
    found.ends = FileEnding.DAMAGED


def _not_whole(found: FileScan, *, is_last: bool) -> None:
    """Set how the file ends after its last complete record. After an end record, only the signature is lost."""
    if not is_last or found.ends is FileEnding.SIGNED:
        found.ends = FileEnding.DAMAGED
    elif found.ends is FileEnding.OPEN:
        found.ends = FileEnding.TORN


def _is_intact(source: ByteSource, record: Record, lead: bytes) -> bool:
    crc, at = crc32(lead[:44]), record.body_at
    while at < record.end:
        piece = source.read(at, min(_PIECE_BYTES, record.end - at))
        if not piece:
            return False
        crc, at = crc32(piece, crc), at + len(piece)
    return crc == crc_in(lead)


def _sign(found: FileScan, record: Record, digest: bytes) -> None:
    if (
        found.ends is not FileEnding.CLOSED
        or record.content_bytes != SIGNATURE_BYTES
        or record.is_emptied
        or record.leaf != digest
    ):
        found.ends = FileEnding.DAMAGED
        return
    body = found.source.read(record.body_at, SIGNATURE_BYTES)
    if len(body) != SIGNATURE_BYTES:
        raise SealedFileBroken("it became shorter while it was read")
    found.statement, found.signature, found.ends = int.from_bytes(body[:8], "big"), body[8:], FileEnding.SIGNED
