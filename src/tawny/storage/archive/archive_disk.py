"""An archive as a disk: recordings as objects of a bucket, listed on the main disk, read by ranges.

A file becomes an object when it is closed, or when it loses the suffix `.new`; until then it is unnamed on the main
disk. An object is written whole or not at all, so nothing is ever half there. Names and sizes come from the list
(`stored_objects`) and need no request. Thread-safe, except open files.
"""

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from tawny.media.mp4.byte_reader import ArchivedPath
from tawny.model.errors import FileDamaged, StorageError
from tawny.storage.archive.range_reader import OUTLINE, BlockCache, ObjectBucket, RangeReader, outline_of
from tawny.storage.archive.stored_objects import StoredObject, StoredObjects
from tawny.storage.disk.disk import Bytes, DiskCapacity, FolderEntry, OpenFile, parts_of, turned
from tawny.storage.disk.layout import segment_name

_NEW: Final = ".new"
_PIECE_BYTES: Final = 1 << 20


class ArchiveSettings(NamedTuple):
    """cache_bytes: memory for parts of recordings that were read."""

    bucket: ObjectBucket
    cache_bytes: int


class ArchiveDifference(NamedTuple):
    """An object that is not as listed. size_bytes: None: it is missing. listed_bytes: None: it is not listed."""

    path: str
    size_bytes: int | None
    listed_bytes: int | None


class ArchiveDisk:
    """`DiskAccess` to a bucket. Raises ArchiveAway if a call needs the bucket and it can't be reached.

    scratch: folder on the main disk for files that are being written.
    """

    def __init__(self, chosen: ArchiveSettings, objects: StoredObjects, scratch: Path, *, is_new: bool = False) -> None:
        self.bucket, self.objects, self._scratch = chosen.bucket, objects, scratch
        self.is_new = is_new
        """Whether the list was just made, so that the index may lack what is in it."""
        self._cache = BlockCache(chosen.cache_bytes)
        self._reader = RangeReader(chosen.bucket, self._cache)
        self._root = Path(self.bucket.name)
        self._written: dict[str, _SpooledFile] = {}

    @property
    def root(self) -> Path:
        """The bucket's name, for messages: no folder has it."""
        return self._root

    @property
    def name(self) -> str:
        return self.bucket.name

    def expect(self, path: str, mark: bytes) -> None:
        """Ask the bucket whether this object has this content. Raises ArchiveAway, StorageError if it has not."""
        part = self.bucket.read(path, 0, len(mark) + 1)
        if part is None or part.data.strip() != mark:
            raise StorageError(self.name, "it doesn't hold this recorder's archive")

    def store(self, path: str, source: Path) -> None:
        """Store a file and verify it, unless the same content is there already. Raises ArchiveAway, StorageError."""
        try:
            with source.open("rb") as file:
                size_bytes, sha256 = _measured(file)
                known = self.objects.get(path)
                if known == StoredObject(size_bytes, sha256) and self.bucket.holds(path, *known):
                    return
                self._publish(path, file, StoredObject(size_bytes, sha256))
        except OSError as error:
            raise turned(error, str(source)) from error

    def differences(self) -> Iterator[ArchiveDifference]:
        """Compare the list with the bucket. Raises ArchiveAway."""
        listed = dict(self.objects.all())
        for key, size_bytes in self.bucket.sizes():
            if key.endswith(OUTLINE):
                continue
            listed_bytes = listed.pop(key, None)
            if listed_bytes != size_bytes:
                yield ArchiveDifference(key, size_bytes, listed_bytes)
        for path, size_bytes in listed.items():
            now = self.objects.get(path)
            if now is not None and not self.bucket.holds(path, *now):  # it may have been removed meanwhile
                yield ArchiveDifference(path, None, size_bytes)

    def create(self, path: str) -> OpenFile:
        parts_of(path)
        if self.entry(path) is not None:
            raise StorageError(f"{path} in {self.name}", "it exists already")
        return self._spooled(path)

    def extend(self, path: str) -> OpenFile:
        return self._spooled(path, self.read(path))

    def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        stored = self._get(path)
        left = max(0, stored.size_bytes - offset) if size is None else size
        pieces: list[bytes] = []
        with self._reader.opened(path, stored.size_bytes, self._root / path, outlined=False) as file:
            while left > 0 and (piece := file.read(offset, min(left, _PIECE_BYTES))):
                pieces.append(piece)
                offset, left = offset + len(piece), left - len(piece)
        return b"".join(pieces)

    def write_at(self, path: str, offset: int, data: Bytes) -> None:
        content = bytearray(self.read(path))
        content[offset : offset + len(data)] = data
        self._spooled(path, content).close()

    def rename(self, old: str, new: str) -> None:
        spooled = self._written.pop(old, None)
        if spooled is not None:
            spooled.publish(new)
            return
        self._spooled(new, self.read(old)).close()
        self.unlink(old)

    def unlink(self, path: str) -> None:
        spooled = self._written.pop(path, None)
        if spooled is not None:
            spooled.discard()
        if self.objects.knows(path):
            self.bucket.remove(path)
            self.bucket.remove(path + OUTLINE)
            self._cache.drop(path)
            self.objects.drop(path)

    def make_folder(self, folder: str, *, sync: bool = True) -> None:
        """No effect: a bucket has no folders."""

    def remove_folder(self, folder: str) -> bool:
        return False

    def sync_folder(self, folder: str) -> None:
        """No effect: an object is durable once it is stored."""

    def sync_parents(self, folder: str) -> None:
        """No effect."""

    def entries(self, folder: str) -> list[FolderEntry]:
        return self.objects.entries(folder)

    def entry(self, path: str) -> FolderEntry | None:
        stored, name = self.objects.get(path), path.rpartition("/")[2]
        if stored is not None:
            return FolderEntry(name, "file", stored.size_bytes)
        return FolderEntry(name, "folder", 0) if self.objects.has_folder(path) else None

    def space(self) -> DiskCapacity:
        """Return zeros: a bucket states no capacity."""
        return DiskCapacity(0, 0)

    def place(self, path: str) -> Path:
        """Return a path for `open_stored` that reads everything from the object itself."""
        return self._path(path, outlined=False)

    def outlined_place(self, path: str) -> ArchivedPath:
        """Return a path for `open_stored` that needs few requests, because headers come from the outline."""
        return self._path(path, outlined=True)

    def publish(self, path: str, file: BinaryIO) -> None:
        """Store the content of an open file."""
        self._publish(path, file, StoredObject(*_measured(file)))

    def _path(self, path: str, *, outlined: bool) -> ArchivedPath:
        made = ArchivedPath(self._root / path)
        made.opens = lambda: self._reader.opened(path, self._get(path).size_bytes, made, outlined=outlined)
        return made

    def _get(self, path: str) -> StoredObject:
        stored = self.objects.get(path)
        if stored is None:
            raise FileDamaged(f"{path} in {self.name}", "it isn't in the archive")
        return stored

    def _publish(self, path: str, file: BinaryIO, stored: StoredObject) -> None:
        if self.objects.get(path) is None:
            self.objects.begin(path)
        self._cache.drop(path)
        if segment_name(path) is not None:
            packed = outline_of(file, stored.size_bytes).packed()
            self.bucket.put(path + OUTLINE, io.BytesIO(packed), len(packed), hashlib.sha256(packed).hexdigest())
        file.seek(0)
        self.bucket.put(path, file, *stored)
        if not self.bucket.holds(path, *stored):
            raise StorageError(f"{path} in {self.name}", "the archive holds something else than was sent")
        self.objects.put(path, stored)
        self._cache.drop(path)

    def _spooled(self, path: str, content: Bytes = b"") -> "_SpooledFile":
        made = _SpooledFile(self, path, self._scratch)
        if content:
            made.append([content])
        if path.endswith(_NEW):
            self._written[path] = made
        return made


class _SpooledFile:
    """`OpenFile` without a name on the main disk."""

    def __init__(self, disk: ArchiveDisk, path: str, scratch: Path) -> None:
        self._disk, self._path = disk, path
        self._file: BinaryIO | None = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        return self._size_bytes

    def append(self, parts: Sequence[Bytes]) -> None:
        file = self._open()
        try:
            file.seek(self._size_bytes)
            for part in parts:
                file.write(part)
                self._size_bytes += len(part)
            file.flush()
        except OSError as error:
            raise turned(error, str(self._path)) from error

    def sync(self) -> None:
        """No effect: the object is durable once it is stored."""

    def cut(self, size_bytes: int) -> None:
        os.ftruncate(self._open().fileno(), size_bytes)
        self._size_bytes = size_bytes

    def close(self) -> None:
        if self._file is not None and not self._path.endswith(_NEW):
            self.publish(self._path)

    def publish(self, path: str) -> None:
        """Store the content under this name and close the file."""
        try:
            self._disk.publish(path, self._open())
        finally:
            self.discard()

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        assert self._file is not None, "it is closed"
        return self._file


def _measured(file: BinaryIO) -> tuple[int, str]:
    """Return size in bytes and SHA-256 in hex."""
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    return file.tell(), digest.hexdigest()
