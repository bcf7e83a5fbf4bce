"""Range reads of recordings in an archive, with a bounded cache in memory.

Each recording has an outline (`NAME.outline`): the file's headers, as they lie in it. With it, a recording is
opened by one request, and the first frame takes one more. Without it everything works, with more requests. Thread-safe.
"""

import json
import zlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Final, NamedTuple, Protocol

from tawny.media.mp4.byte_reader import StoredFile
from tawny.model.errors import ArchiveAway, FileDamaged, RecordingAway
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.file_reader import scan_file
from tawny.sealed.header import MAGIC

OUTLINE: Final = ".outline"
BLOCK_BYTES: Final = 1 << 16
_MOST_BLOCKS: Final = 32
"""Maximum blocks of one request: 2 MiB."""
_MOST_OUTLINE_BYTES: Final = 1 << 24
_BOX_BYTES: Final = 16
_NO_BLOCK: Final = -1
"""Place of the outline in the cache."""


class ObjectPart(NamedTuple):
    """Part of an object. size_bytes: of the whole object. tag: changes with its content."""

    data: bytes
    size_bytes: int
    tag: str


class ObjectBucket(Protocol):
    """Objects by key. Thread-safe. Every method raises ArchiveAway."""

    @property
    def name(self) -> str:
        """Address without credentials."""
        ...

    def read(self, key: str, offset: int, size_bytes: int) -> ObjectPart | None:
        """Return up to `size_bytes` bytes from `offset` on. None if the object does not exist."""
        ...

    def put(self, key: str, source: BinaryIO, size_bytes: int, sha256: str) -> None:
        """Store the object whole, or not at all. sha256: in hex, stored with it."""
        ...

    def holds(self, key: str, size_bytes: int, sha256: str) -> bool:
        """Return whether the object has this size and was stored with this SHA-256."""
        ...

    def remove(self, key: str) -> None:
        """Delete the object. No effect if it does not exist."""
        ...

    def sizes(self) -> Iterator[tuple[str, int]]:
        """Yield key and size of every object."""
        ...


class BlockCache:
    """Least recently used blocks, at most `most_bytes` of them."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self._bytes, self._lock = most_bytes, 0, Lock()
        self._blocks: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        return self._bytes

    def get(self, key: str, block: int) -> bytes | None:
        with self._lock:
            found = self._blocks.get((key, block))
            if found is not None:
                self._blocks.move_to_end((key, block))
            return found

    def put(self, key: str, block: int, data: bytes) -> None:
        with self._lock:
            self._bytes += len(data) - len(self._blocks.pop((key, block), b""))
            self._blocks[key, block] = data
            while self._bytes > self._most_bytes and len(self._blocks) > 1:
                self._bytes -= len(self._blocks.popitem(last=False)[1])

    def drop(self, key: str) -> None:
        """Forget an object."""
        with self._lock:
            for known in [one for one in self._blocks if one[0] == key]:
                self._bytes -= len(self._blocks.pop(known))


class Outline:
    """Some ranges of a file. Ranges are (offset, data), in order, and do not overlap."""

    def __init__(self, ranges: Sequence[tuple[int, bytes]] = ()) -> None:
        self._ranges, self._begins = ranges, [begin for begin, _ in ranges]

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes from `offset` on; empty if the outline lacks the first."""
        at = bisect_right(self._begins, offset) - 1
        if at < 0:
            return b""
        begin, data = self._ranges[at]
        return data[offset - begin : offset - begin + size]

    def packed(self) -> bytes:
        places = [(begin, len(data)) for begin, data in self._ranges]
        return zlib.compress(json.dumps(places).encode() + b"\n" + b"".join(data for _, data in self._ranges))

    @classmethod
    def unpacked(cls, packed: bytes) -> "Outline":
        """Return the outline; an empty one if it is damaged."""
        try:
            text = zlib.decompressobj().decompress(packed, _MOST_OUTLINE_BYTES)
            head, _, content = text.partition(b"\n")
            ranges, at = list[tuple[int, bytes]](), 0
            for begin, size in json.loads(head):
                ranges.append((int(begin), content[at : at + int(size)]))
                at += int(size)
        except (zlib.error, ValueError, TypeError, RecursionError):
            return cls()
        return cls(sorted(ranges))


def outline_of(file: BinaryIO, size_bytes: int) -> Outline:
    """Return the outline of a recording: what a reader needs to open it."""
    source = _Noting(file, size_bytes)
    if source.read(0, len(MAGIC)) == MAGIC:
        try:
            scan_file(source, deep=False)
        except SealedFileBroken:
            return Outline()
    else:
        _note_boxes(source)
    return Outline(_joined(source.noted))


class _Noting:
    """`sealed.file_reader.ByteSource` of an open file that notes what was read."""

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file, self.size = file, size_bytes
        self.noted: list[tuple[int, bytes]] = []

    def read(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(size)
        self.noted.append((offset, data))
        return data


def _note_boxes(source: _Noting) -> None:
    """Read all top-level boxes of an MP4 file except the content of `mdat`."""
    at = 0
    while at < source.size:
        head = source.read(at, _BOX_BYTES)
        size = int.from_bytes(head[:4], "big")
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size < 8 or at + size > source.size:
            return
        if head[4:8] not in (b"mdat", b"free") and size <= _MOST_OUTLINE_BYTES:
            source.read(at, size)
        at += size


def _joined(noted: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Return the ranges in order, without overlaps."""
    found: list[tuple[int, bytearray]] = []
    for begin, data in sorted(noted):
        if found and begin <= found[-1][0] + len(found[-1][1]):
            last_begin, last = found[-1]
            last += data[max(0, last_begin + len(last) - begin) :]
        else:
            found.append((begin, bytearray(data)))
    return [(begin, bytes(data)) for begin, data in found]


class RangeReader:
    """Opens objects of a bucket for reading."""

    def __init__(self, bucket: ObjectBucket, cache: BlockCache) -> None:
        self._bucket, self._cache = bucket, cache

    @contextmanager
    def opened(self, key: str, size_bytes: int, path: Path, *, outlined: bool) -> Iterator[StoredFile]:
        """Open an object of this size. outlined: read headers from the outline, not from the file itself.

        path: opens it again. Reading raises RecordingAway, and FileDamaged if it was deleted or changed.
        """
        yield _ArchivedFile(self._bucket, self._cache, (key, size_bytes, path), outlined=outlined)


class _ArchivedFile:
    """One open object. Reads ahead, more with each request that continues the last one."""

    def __init__(self, bucket: ObjectBucket, cache: BlockCache, what: tuple[str, int, Path], *, outlined: bool) -> None:
        self._bucket, self._cache = bucket, cache
        self._key, self._size, self._path = what
        self._outline = None if outlined else Outline()
        self._tag = ""
        self._next, self._count = -1, 1

    @property
    def size(self) -> int:
        return self._size

    @property
    def again(self) -> Path:
        return self._path

    def read(self, offset: int, size: int) -> bytes:
        size = min(size, self._size - offset)
        if size <= 0:
            return b""
        if self._outline is None:
            self._outline = self._read_outline()
        if known := self._outline.read(offset, size):
            return known
        first, last = offset // BLOCK_BYTES, (offset + size - 1) // BLOCK_BYTES
        found = b"".join(self._blocks(first, last))
        return found[offset - first * BLOCK_BYTES :][:size]

    def _read_outline(self) -> Outline:
        packed = self._cache.get(self._key, _NO_BLOCK)
        if packed is None:
            with self._playing():
                part = self._bucket.read(self._key + OUTLINE, 0, _MOST_OUTLINE_BYTES)
            packed = part.data if part is not None else b""
            self._cache.put(self._key, _NO_BLOCK, packed)
        return Outline.unpacked(packed)

    def _blocks(self, first: int, last: int) -> Iterator[bytes]:
        at = first
        while at <= last:
            block = self._cache.get(self._key, at)
            if block is not None:
                yield block
                at += 1
                continue
            fetched = self._fetch(at, last)
            yield from fetched[: last + 1 - at]
            at += len(fetched)

    def _fetch(self, first: int, last: int) -> list[bytes]:
        """Read blocks from `first` on that the cache lacks, `last` among them if they fit into one request."""
        self._count = min(_MOST_BLOCKS, 2 * self._count) if first == self._next else 1
        most = (self._size - 1) // BLOCK_BYTES + 1 - first
        count = 1
        while count < min(most, max(self._count, last + 1 - first), _MOST_BLOCKS):
            if self._cache.get(self._key, first + count) is not None:
                break
            count += 1
        data = self._part(first * BLOCK_BYTES, min(count * BLOCK_BYTES, self._size - first * BLOCK_BYTES))
        blocks = [data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES)]
        for number, block in enumerate(blocks, first):
            self._cache.put(self._key, number, block)
        self._next, self._count = first + count, max(self._count, count)
        return blocks

    def _part(self, offset: int, size: int) -> bytes:
        with self._playing():
            part = self._bucket.read(self._key, offset, size)
        if part is None:
            raise self._damaged("it was deleted from the archive")
        if part.size_bytes != self._size or len(part.data) != size:
            raise self._damaged("it was changed in the archive")
        if self._tag and part.tag != self._tag:
            raise self._damaged("it was changed in the archive while it was read")
        self._tag = part.tag
        return part.data

    def _damaged(self, detail: str) -> FileDamaged:
        self._cache.drop(self._key)
        return FileDamaged(f"{self._key} in {self._bucket.name}", detail)

    @contextmanager
    def _playing(self) -> Iterator[None]:
        try:
            yield
        except ArchiveAway as error:
            raise RecordingAway(error.where, error.detail) from error
