"""Structure of a sealed file, read without a key, and its content, read with one. Verifies each record twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hmac import compare_digest
from typing import Final, Protocol
from zlib import crc32

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tawny.sealed.broken import SealedFileBroken, WrongKey
from tawny.sealed.header import HEADER_BYTES, SealedHeader
from tawny.sealed.key_wrapping import KeyUnwrapper, unwrap, wrapped_in
from tawny.sealed.keys import FileKeys, commit_of, stepped
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
    emptied,
    leaf_of,
    record_at,
)

# Scan of a sealed file without its key: records, digest, signature and ending. Used by mirrors, retention and
# `check`.

_MOST_RECORDS: Final = 400_000


class FileEnding(StrEnum):
    SIGNED = "signed"
    CLOSED = "closed"
    """It has an end record, but no complete signature: only a statement's list can confirm it."""
    OPEN = "open"
    """It stops between records: being written, or ended by a power cut. Truncation turns any file into this."""
    TORN = "torn"
    """Its last record is incomplete."""
    DAMAGED = "damaged"


_PIECE_BYTES: Final = 1 << 20


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


class SealedFileReader:
    def __init__(self, file: FileScan, epoch_key: bytes) -> None:
        """Raises WrongKey if the key belongs to another epoch."""
        if not compare_digest(commit_of(epoch_key), file.header.commit):
            raise WrongKey("the file was encrypted with another key")
        self.file = file
        self._keys = FileKeys.of(stepped(epoch_key, file.header.step), file.packed)
        self._gcm = AESGCM(self._keys.seal)

    @property
    def leaf_key(self) -> bytes:
        """Key that proves what was recorded, and decrypts nothing."""
        return self._keys.leaf

    def content(self, record: Record) -> bytes:
        """Return the content of a record. Raises SealedFileBroken if it was modified or thinned.

        The leaf is verified in addition to the encryption. A holder of the key could encrypt other content, but cannot
        match the signed leaf.
        """
        if record.is_emptied:
            raise SealedFileBroken("it was reduced to keyframes")
        body = self.file.source.read(record.body_at, record.body_bytes)
        try:
            nonce = self._keys.nonce_of(record.head, record.leaf)
            content = self._gcm.decrypt(nonce, body, record.head + record.leaf)
        except (InvalidTag, ValueError):
            raise SealedFileBroken(f"record {record.seq} was modified") from None
        if not compare_digest(leaf_of(self._keys.leaf, record.head, content), record.leaf):
            raise SealedFileBroken(f"record {record.seq} doesn't match the recording")
        return content

    def contents(self) -> Iterator[tuple[Record, bytes]]:
        """Yield records that were not thinned, and their content, in order."""
        for record in self.file.records:
            if not record.is_emptied:
                yield record, self.content(record)


def open_sealed(file: FileScan, identities: Sequence[KeyUnwrapper], wrapped_besides: bytes = b"") -> SealedFileReader:
    """Open a file with its own wrapped key or the one of a key ring.

    wrapped_besides: the wrapped key of the key ring, possibly for other recipients. Raises WrongKey if none fits.
    """
    error: SealedFileBroken = WrongKey("it wasn't encrypted for this key")
    for wrapped in filter(None, (file.wrapped, wrapped_besides)):
        try:
            return SealedFileReader(file, unwrap(wrapped, identities, file.header.commit))
        except SealedFileBroken as problem:
            error = problem
    raise error


# Thinning: removes data between keyframes. Needs no key; digest and signature stay valid.


def thin_file(file: FileScan) -> Iterator[bytes]:
    """Yield the new file in chunks, up to the complete part of the old one."""
    source = file.source
    begin = file.records[0].at if file.records else file.good_bytes
    yield from _copied(source, 0, begin)
    for record in file.records:
        if record.type in MAY_BE_EMPTIED and not record.is_emptied:
            yield emptied(record)
        else:
            yield from _copied(source, record.at, record.end)
    if file.records:
        yield from _copied(source, file.records[-1].end, file.good_bytes)


def can_be_thinned(file: FileScan) -> bool:
    """Return whether there is data to remove, and data that remains."""
    kept = any(record.type not in MAY_BE_EMPTIED for record in file.fragments)
    return kept and any(record.type in MAY_BE_EMPTIED and not record.is_emptied for record in file.records)


def _copied(source: ByteSource, begin: int, end: int) -> Iterator[bytes]:
    for at in range(begin, end, _PIECE_BYTES):
        yield source.read(at, min(_PIECE_BYTES, end - at))
