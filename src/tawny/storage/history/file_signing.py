"""Signing of one file: from its number to the statement that lists it."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tawny.media.mp4.leaf_proof import LeafProof, proof_keys, rebuild_proof, stored_proof
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import DiskFull, FileDamaged, StorageError, StorageUnavailable
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.file_reader import FileEnding, FileScan, scan_file
from tawny.sealed.header import SealedHeader
from tawny.sealed.signing import Signer
from tawny.sealed.statements import Item
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import is_sealed, segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_files import BETTER_PICTURE
from tawny.storage.history.signed_history import SignedHistory, SignedRow
from tawny.storage.segments.metadata import read_header

log = logging.getLogger(__name__)


@contextmanager
def skipping_unreadable(path: str) -> Iterator[None]:
    """Log an error of reading one file instead of raising it, so that a bad sector does not end a pass over many."""
    try:
        yield
    except StorageUnavailable:
        raise
    except StorageError as error:
        log.warning("skipped %s: %s", path, error)


@dataclass(slots=True)
class FileSigning:
    """Signing state of a file that is being written. One thread at a time."""

    history: SignedHistory
    row: SignedRow
    number: int
    is_done: bool = field(default=False, init=False)
    """The next statement lists the file."""

    @contextmanager
    def signer(self) -> Iterator[Signer]:
        """Yield the signer of the next statement, which is delayed until the file's end is written."""
        with self.history.signing() as signer:
            yield signer

    def done(self, digest: bytes) -> None:
        self._add(digest, FileEnding.SIGNED)

    def found(self, volume: Volume, path: str) -> None:
        """Add a file without an end record: its existing content counts. Raises StorageError."""
        digest, ends = digest_of(volume, path)
        self._add(digest, ends)

    def give_back(self) -> None:
        """Return the number of a file that held no data and was removed."""
        self.history.give_back(self.row, self.number)
        self.is_done = True

    def _add(self, digest: bytes, ends: FileEnding) -> None:
        self.history.add_file(self.row, self.number, digest, ends)
        self.is_done = True


@dataclass(frozen=True, slots=True)
class SealedFileOnDisk:
    """A sealed file on a disk, read on demand."""

    disk: DiskAccess
    path: str
    size: int

    def read(self, offset: int, size: int) -> bytes:
        return self.disk.read(self.path, offset, size)


def read_sealed(disk: DiskAccess, path: str, *, deep: bool = False) -> FileScan:
    """Scan a sealed file without its key. Raises FileDamaged if it is not readable, StorageError."""
    entry = disk.entry(path)
    try:
        return scan_file(SealedFileOnDisk(disk, path, entry.size_bytes if entry is not None else 0), deep=deep)
    except SealedFileBroken as problem:
        raise FileDamaged(str(disk.root / path), str(problem)) from problem


def digest_of(volume: Volume, path: str) -> tuple[bytes, FileEnding]:
    """Return the digest of a closed file and how it ends. Raises FileDamaged if it has none, StorageError."""
    if is_sealed(path):
        file = read_sealed(volume.disk, path)
        return file.digest, file.ends
    read = read_segment(volume.own_path(path))
    proof = stored_proof(read)
    if proof is not None:
        return proof.digest, FileEnding.SIGNED if proof.signature else FileEnding.CLOSED
    keys, leaves = proof_keys(read.about), rebuild_proof(read)
    if keys is None or leaves is None:
        raise FileDamaged(str(volume.root / path), "it is not in the signed history")
    return LeafProof(*keys, leaves).digest, FileEnding.OPEN


def store_picture(volume: Volume, path: str, data: bytes, history: SignedHistory) -> None:
    """Store a sealed picture durably, and then list it and the removal of the one it replaces. Call while signing it.

    Raises StorageError. Whatever is then at `path` is what the history lists.
    """
    old = read_header(volume.disk, path) if volume.disk.entry(path) is not None else None
    history.announce_picture(path, identity_of(old) if old is not None else [])
    try:
        volume.write_whole(path, data)
    finally:
        settle_picture(volume, history, path)


def settle_picture(volume: Volume, history: SignedHistory, path: str) -> None:
    """Add the picture that is at an announced path to the next statement, and the removal of the one it replaced."""
    old = history.announced.get(path, [])
    volume.disk.unlink(f"{path}.new")  # left by a power cut
    header = read_header(volume.disk, path) if volume.disk.entry(path) is not None else None
    if header is not None and header.recorder == history.recorder:
        row = SignedRow(header.camera, header.kind, header.stream)
        if not history.is_stated(row, header.number):
            digest, ends = digest_of(volume, path)
            history.add_file(row, header.number, digest, ends)
        if old and list(old) != identity_of(header):
            history.add(["removed", *old, old[3], BETTER_PICTURE])
        with suppress(DiskFull):  # written with the next statement
            history.write_items()
    history.settle_picture(path)


def identity_of(header: SealedHeader) -> Item:
    """Return camera, kind, stream and number of a file, as items list them."""
    return [header.camera.hex(), header.kind, header.stream, header.number]


def sign_found(volume: Volume, history: SignedHistory, folders: Sequence[str] = ()) -> None:
    """Add files that were closed after the last statement, or by recovery, to the next one, and announced pictures.

    Searches `folders`, and from the newest hour backwards until an hour has none. An unreadable file is logged and
    stays unstated. Raises StorageError.

    folders: those that held open segments, which may belong to an hour before files that are stated already.
    """
    for path in history.announced:
        with skipping_unreadable(path):
            settle_picture(volume, history, path)
    for folder in folders:
        _sign_folder(volume, history, folder)
    for camera in volume.cameras():
        for folder in reversed(list(volume.hour_folders(camera))):
            if not _sign_folder(volume, history, folder):
                break


def _sign_folder(volume: Volume, history: SignedHistory, folder: str) -> bool:
    """Add the files of one hour. Return whether the previous hour may have unsigned files too.

    The search ends at a file that is older than the history, from another recorder or thinned. The duration of a start
    therefore does not depend on the amount of recordings.
    """
    may_have_more = True
    for path, entry in volume.files(folder):
        name = segment_name(path)
        if entry.kind != "file" or (name is None and not is_sealed(path)) or (name is not None and name.end_ms is None):
            continue
        with skipping_unreadable(path):
            header = read_header(volume.disk, path)
            if header is None or header.recorder != history.recorder or (name is not None and name.is_thinned):
                may_have_more = False
                continue
            row = SignedRow(header.camera, header.kind, header.stream)
            if history.is_stated(row, header.number):
                may_have_more = False
                continue
            digest, ends = digest_of(volume, path)
            history.add_file(row, header.number, digest, ends)
    return may_have_more
