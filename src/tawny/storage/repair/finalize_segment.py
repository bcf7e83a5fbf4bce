"""Finalization of abandoned open segments: truncate to complete data, rename, and return the index row.

No playable data is discarded. A file without a usable header never held durable data, because the header is synced
alone before anything else. If such a file is larger than a header, it is renamed instead of removed.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from tawny.media.mp4.fragment_writer import aligned_boxes, end_box
from tawny.media.mp4.leaf_proof import end_leaf, holds, leaf_box, proof_keys, rebuild_proof, stored_proof
from tawny.media.mp4.segment_reader import SegmentReader, read_segment
from tawny.model.errors import DiskFull, FileDamaged, StorageError, StorageUnavailable
from tawny.model.packets import VIDEO_RATE
from tawny.model.segments import Segment
from tawny.sealed.file_reader import FileEnding, FileScan
from tawny.sealed.header import SealedHeader
from tawny.storage.disk.disk import OpenFile, sync_together
from tawny.storage.disk.layout import SegmentName
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.signed_history import SignedRow
from tawny.storage.segments.content_writer import ending_reason
from tawny.storage.segments.metadata import SegmentMetadata, SegmentTrailer, about_of, read_about

log = logging.getLogger(__name__)

DAMAGED: Final = ".damaged"
"""Suffix of files that were set aside."""
_MOST_HEADER_BYTES: Final = 64 * 1024
_USUAL_MS: Final = 500
"""Assumed duration of a sealed file's last fragment if it has no predecessor."""
_MOST_MS: Final = 2000
_MOST_TORN_BYTES: Final = 16 << 20
"""Maximum torn bytes: a power cut tears only the last write, one or two seconds. More was changed otherwise."""


@dataclass(frozen=True, slots=True)
class Reclosed:
    """Result. segment: the row to add; None if nothing is playable. cut_bytes: torn bytes that were removed."""

    path: str
    segment: Segment | None
    cut_bytes: int


@dataclass(frozen=True, slots=True)
class _Completed:
    """A file with its end written, to be synced and renamed. file: open; None if nothing is to be synced."""

    name: SegmentName
    closed: SegmentName
    file: OpenFile | None
    result: Reclosed


def finalize_segments(volume: Volume, names: Iterable[SegmentName], why: str) -> list[Reclosed]:
    """Finalize open files, with one sync of all files and one of each folder. Raises StorageError.

    A file that the disk cannot read or change is set aside, so that it does not keep the others from being finalized.
    """
    done: list[Reclosed] = []
    completed: list[_Completed] = []
    folders: dict[str, None] = {}
    try:
        for name in names:
            folders[name.folder] = None
            try:
                one = _complete(volume, name, why)
            except StorageUnavailable:
                raise
            except StorageError as error:
                one = _unreadable(volume, name.path, error)
            if isinstance(one, Reclosed):
                done.append(one)
            else:
                completed.append(one)
        sync_together([one.file for one in completed if one.file is not None])
    finally:
        for one in completed:
            if one.file is not None:
                one.file.close()
    for one in completed:
        volume.disk.rename(one.name.path, one.closed.path)
    for folder in folders:
        volume.disk.sync_folder(folder)
    return [*done, *(one.result for one in completed)]


def _complete(volume: Volume, name: SegmentName, why: str) -> Reclosed | _Completed:
    path = name.path
    size_bytes = _size(volume, path)
    if name.is_sealed:
        return _reclose_sealed(volume, name, size_bytes)
    try:
        read = read_segment(volume.path(path))
    except FileDamaged:
        return _without_header(volume, path, size_bytes)
    metadata = about_of(read.about)
    if metadata is None or metadata.name != name:
        return _set_aside(volume, path, size_bytes)
    if not read.fragments:
        volume.disk.unlink(path)
        return Reclosed(path, None, size_bytes)  # it holds no picture yet
    return _closed(volume, metadata, read, size_bytes, why)


def _closed(volume: Volume, metadata: SegmentMetadata, read: SegmentReader, size_bytes: int, why: str) -> _Completed:
    name = metadata.name
    last = read.fragments[-1]
    if last.offset + last.size < read.intact_bytes and not _is_whole(volume, read):
        read = replace(read, end=None, intact_bytes=last.offset + last.size, reason="its end is torn")
    end = _end(metadata, read, why)
    file = volume.disk.extend(name.path)
    try:
        if size_bytes != read.intact_bytes:
            file.cut(read.intact_bytes)
        if read.end is None:
            _append_end(file, read, end)
    except StorageError:
        file.close()
        raise
    closed = name.closed(end.end_ms)
    segment = metadata.segment(closed, file.size_bytes)
    return _Completed(name, closed, file, Reclosed(name.path, segment, size_bytes - read.intact_bytes))


def _is_whole(volume: Volume, read: SegmentReader) -> bool:
    """Return whether the end of an MP4 segment is complete.

    After a power cut the disk may have the last sector of a write without the previous ones, which hold proof and
    signature.
    """
    keys, proof = proof_keys(read.about), stored_proof(read)
    if keys is None:
        return True  # from before the signed history
    if proof is None or not holds(read, proof):
        return False
    header, history = SealedHeader.read(proof.header), volume.signed
    if not proof.signature or history is None or header.recorder != history.recorder:
        return True
    row = SignedRow(header.camera, header.kind, header.stream)
    is_ours = history.has_signed(proof.statement, proof.digest, proof.signature)
    return is_ours or history.is_stated(row, header.number)


def _reclose_sealed(volume: Volume, name: SegmentName, size_bytes: int) -> Reclosed | _Completed:
    """Finalize a sealed file without its key: truncate to the last complete record.

    Only the key's owner can write an end record, so the file has none. The signed history lists the file.
    """
    path = name.path
    try:
        read, metadata = read_sealed(volume.disk, path, deep=True), read_about(volume.disk, path)
    except FileDamaged:
        return _without_header(volume, path, size_bytes)
    if metadata is None or metadata.name != name:
        return _set_aside(volume, path, size_bytes)
    if read.ends is FileEnding.DAMAGED and size_bytes - read.good_bytes > _MOST_TORN_BYTES:
        return _set_aside(volume, path, size_bytes)  # it was changed
    if not read.fragments:
        volume.disk.unlink(path)
        return Reclosed(path, None, size_bytes)  # it holds no picture yet
    closed, cut_bytes = name.closed(_sealed_end_ms(read)), size_bytes - read.good_bytes
    result = Reclosed(path, metadata.segment(closed, read.good_bytes), cut_bytes)
    return _Completed(name, closed, _cut(volume, path, read.good_bytes) if cut_bytes else None, result)


def _cut(volume: Volume, path: str, size_bytes: int) -> OpenFile:
    """Return the open file, truncated but not synced."""
    file = volume.disk.extend(path)
    try:
        file.cut(size_bytes)
    except StorageError:
        file.close()
        raise
    return file


def _sealed_end_ms(read: FileScan) -> int:
    """Return the end stated in the file. Without one, the last fragment is assumed as long as the previous one."""
    times = [record.time_ms for record in read.fragments]
    if read.ends in (FileEnding.CLOSED, FileEnding.SIGNED):
        return read.last_ms
    length_ms = times[-1] - times[-2] if len(times) > 1 and times[-1] > times[-2] else _USUAL_MS
    return read.header.start_ms + times[-1] + min(length_ms, _MOST_MS)


def _append_end(file: OpenFile, read: SegmentReader, end: SegmentTrailer) -> None:
    """Append the unsigned proof of the fragments and the end box.

    On a full disk the file is closed without them: its name states the end too.
    """
    leaves, keys, boxes = rebuild_proof(read), proof_keys(read.about), list[bytes]()
    try:
        if leaves is not None and keys is not None:
            time_ms = max(0, read.duration_ticks) // 90
            leaves.append(end_leaf(keys[1], len(leaves), time_ms, ending_reason(end.why), end.record()))
            boxes.append(leaf_box(leaves))
        file.append(aligned_boxes([*boxes, end_box(end.record())], file.size_bytes))
    except DiskFull:
        file.cut(read.intact_bytes)


def _end(metadata: SegmentMetadata, read: SegmentReader, why: str) -> SegmentTrailer:
    """Return the stored end if plausible, else the end of the last frame."""
    plays_until_ms = metadata.start_ms + round(read.duration_ticks * 1000 / VIDEO_RATE)
    if read.end is not None and isinstance(read.end.get("end_ms"), int):
        end_ms = read.end["end_ms"]
        assert isinstance(end_ms, int)
        if abs(end_ms - plays_until_ms) < 1000:
            return SegmentTrailer(end_ms, why)
    return SegmentTrailer(max(plays_until_ms, metadata.start_ms), why)


def _without_header(volume: Volume, path: str, size_bytes: int) -> Reclosed:
    is_begun = size_bytes <= _MOST_HEADER_BYTES or not volume.disk.read(path, 0, size_bytes).strip(b"\0")
    if not is_begun:
        return _set_aside(volume, path, size_bytes)
    volume.disk.unlink(path)
    return Reclosed(path, None, size_bytes)


def set_aside(volume: Volume, path: str) -> str:
    """Rename a file in which nothing can be played, so that checks, rebuilds and starts read it no more.

    It is never deleted, as other programs may find something in it. Return its new path. Raises StorageError.
    """
    kept = path + DAMAGED
    while volume.disk.entry(kept) is not None:  # of the same name, set aside before
        kept += DAMAGED
    volume.disk.rename(path, kept)
    return kept


def _set_aside(volume: Volume, path: str, size_bytes: int) -> Reclosed:
    set_aside(volume, path)
    return Reclosed(path, None, size_bytes)


def _unreadable(volume: Volume, path: str, error: StorageError) -> Reclosed:
    """Set aside a file after an error of the disk. If that fails too, the file keeps its name."""
    log.warning("cannot finalize %s: %s", path, error)
    try:
        return _set_aside(volume, path, 0)
    except StorageError as refusal:
        log.warning("cannot set %s aside: %s", path, refusal)
        return Reclosed(path, None, 0)


def _size(volume: Volume, path: str) -> int:
    entry = volume.disk.entry(path)
    return entry.size_bytes if entry is not None else 0
