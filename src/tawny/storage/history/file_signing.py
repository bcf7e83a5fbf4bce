"""Signing of one file: from its number to the statement that lists it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tawny.media.mp4.leaf_proof import LeafProof, proof_keys, rebuild_proof, stored_proof
from tawny.media.mp4.segment_reader import read_segment
from tawny.model.errors import FileDamaged
from tawny.sealed.broken import SealedFileBroken
from tawny.sealed.file_scanner import FileEnding, FileScan, scan_file
from tawny.sealed.signing import Signer
from tawny.storage.disk.disk import DiskAccess
from tawny.storage.disk.layout import is_sealed, segment_name
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_history import SignedHistory, SignedRow
from tawny.storage.segments.metadata import read_header


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


def sign_found(volume: Volume, history: SignedHistory) -> None:
    """Add files that were closed after the last statement, or by recovery, to the next one.

    Searches from the newest hour backwards until an hour has none. Raises StorageError.
    """
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
