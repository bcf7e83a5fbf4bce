"""An open file that nobody writes any more gets its end: cut to what is whole, closed under its name, listed.

Nothing that can be played is thrown away. A file without a usable header holds nothing that was ever durable, because
the header is synced alone, before all else; if it is larger than that, it is set aside and not removed.
"""

from dataclasses import dataclass, replace
from typing import Final

from tawny.media.mp4.fragment_writer import end_box
from tawny.media.mp4.leaf_proof import end_leaf, holds, leaf_box, proof_keys, rebuild_proof, stored_proof
from tawny.media.mp4.segment_reader import SegmentReader, read_segment
from tawny.model.errors import DiskFull, FileDamaged
from tawny.model.packets import VIDEO_RATE
from tawny.model.segments import Segment
from tawny.sealed.file_scanner import FileEnding, FileScan
from tawny.sealed.header import SealedHeader
from tawny.storage.disk.disk import OpenFile
from tawny.storage.disk.layout import SegmentName
from tawny.storage.disk.volume import Volume
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.history.signed_history import SignedRow
from tawny.storage.segments.content_writer import ending_reason
from tawny.storage.segments.metadata import SegmentMetadata, SegmentTrailer, about_of, read_about

DAMAGED: Final = ".damaged"
"""Behind the name of a file that was set aside."""
_MOST_HEADER_BYTES: Final = 64 * 1024
_USUAL_MS: Final = 500
"""Of a sealed file's last fragment, where nothing tells."""
_MOST_MS: Final = 2000
_MOST_TORN_BYTES: Final = 16 << 20
"""A power cut tears no more than the last write, a second or two. More than this was changed by something else."""


@dataclass(frozen=True, slots=True)
class Reclosed:
    """segment: the row it has to get; None when nothing could be played. cut_bytes: how much was torn."""

    path: str
    segment: Segment | None
    cut_bytes: int
    why_cut: str = ""


def finalize_segment(volume: Volume, name: SegmentName, why: str) -> Reclosed:
    """Close an open file. Raises StorageError."""
    path = name.path
    size_bytes = _size(volume, path)
    if name.is_sealed:
        return _reclose_sealed(volume, name, size_bytes)
    try:
        read = read_segment(volume.path(path))
    except FileDamaged as error:
        return _without_header(volume, path, size_bytes, error.detail)
    said = about_of(read.about)
    if said is None or said.name != name:
        return _set_aside(volume, path, size_bytes, "it does not say what it is")
    if not read.fragments:
        volume.disk.unlink(path)
        volume.disk.sync_folder(name.folder)
        return Reclosed(path, None, size_bytes, "it holds no picture yet")
    return _closed(volume, said, read, size_bytes, why)


def _closed(volume: Volume, said: SegmentMetadata, read: SegmentReader, size_bytes: int, why: str) -> Reclosed:
    name = said.name
    last = read.fragments[-1]
    if last.offset + last.size < read.intact_bytes and not _is_whole(volume, read):
        read = replace(read, end=None, intact_bytes=last.offset + last.size, reason="its end is torn")
    end = _end(said, read, why)
    file = volume.disk.extend(name.path)
    try:
        if size_bytes != read.intact_bytes:
            file.cut(read.intact_bytes)
        if read.end is None:
            _append_end(file, read, end)
        file.sync()
        size_bytes, cut_bytes = file.size_bytes, size_bytes - read.intact_bytes
    finally:
        file.close()
    closed = name.closed(end.end_ms)
    volume.disk.rename(name.path, closed.path)
    volume.disk.sync_folder(name.folder)
    return Reclosed(name.path, said.segment(closed, size_bytes), cut_bytes, read.reason)


def _is_whole(volume: Volume, read: SegmentReader) -> bool:
    """Whether the end of a plain file is all there. It was written at once: a disk that lost power may have its last
    sector, and not those before with what proves the file, and its signature."""
    keys, proof = proof_keys(read.about), stored_proof(read)
    if keys is None:
        return True  # of before there was a signed history
    if proof is None or not holds(read, proof):
        return False
    header, history = SealedHeader.read(proof.header), volume.signed
    if not proof.signature or history is None or header.recorder != history.recorder:
        return True
    row = SignedRow(header.camera, header.kind, header.stream)
    is_ours = history.has_signed(proof.statement, proof.digest, proof.signature)
    return is_ours or history.is_stated(row, header.number)


def _reclose_sealed(volume: Volume, name: SegmentName, size_bytes: int) -> Reclosed:
    """Without its key: cut to its last whole record. What ends it can only be written by who has the key, so it stays
    without; the signed history vouches for it."""
    path = name.path
    try:
        read, said = read_sealed(volume.disk, path, deep=True), read_about(volume.disk, path)
    except FileDamaged as error:
        return _without_header(volume, path, size_bytes, error.detail)
    if said is None or said.name != name:
        return _set_aside(volume, path, size_bytes, "it does not say what it is")
    if read.ends is FileEnding.DAMAGED and size_bytes - read.good_bytes > _MOST_TORN_BYTES:
        return _set_aside(volume, path, size_bytes, "it was changed")
    if not read.fragments:
        volume.disk.unlink(path)
        volume.disk.sync_folder(name.folder)
        return Reclosed(path, None, size_bytes, "it holds no picture yet")
    if size_bytes != read.good_bytes:
        file = volume.disk.extend(path)
        try:
            file.cut(read.good_bytes)
            file.sync()
        finally:
            file.close()
    closed = name.closed(_sealed_end_ms(read))
    volume.disk.rename(path, closed.path)
    volume.disk.sync_folder(name.folder)
    cut_bytes = size_bytes - read.good_bytes
    return Reclosed(path, said.segment(closed, read.good_bytes), cut_bytes, "torn" if cut_bytes else "")


def _sealed_end_ms(read: FileScan) -> int:
    """Where its end says; else its last fragment is taken to be as long as the one before."""
    times = [record.time_ms for record in read.fragments]
    if read.ends in (FileEnding.CLOSED, FileEnding.SIGNED):
        return read.last_ms
    length_ms = times[-1] - times[-2] if len(times) > 1 and times[-1] > times[-2] else _USUAL_MS
    return read.header.start_ms + times[-1] + min(length_ms, _MOST_MS)


def _append_end(file: OpenFile, read: SegmentReader, end: SegmentTrailer) -> None:
    """With what proves its fragments, unsigned. A full disk is no reason to leave the file open: its name tells its end
    as well."""
    leaves, keys = rebuild_proof(read), proof_keys(read.about)
    try:
        if leaves is not None and keys is not None:
            time_ms = max(0, read.duration_ticks) // 90
            leaves.append(end_leaf(keys[1], len(leaves), time_ms, ending_reason(end.why), end.record()))
            file.append([leaf_box(leaves)])
        file.append([end_box(end.record())])
    except DiskFull:
        file.cut(read.intact_bytes)


def _end(said: SegmentMetadata, read: SegmentReader, why: str) -> SegmentTrailer:
    """What its recorder wrote as its end, else where its last picture ends."""
    plays_until_ms = said.start_ms + round(read.duration_ticks * 1000 / VIDEO_RATE)
    if read.end is not None and isinstance(read.end.get("end_ms"), int):
        end_ms = read.end["end_ms"]
        assert isinstance(end_ms, int)
        if abs(end_ms - plays_until_ms) < 1000:
            return SegmentTrailer(end_ms, why)
    return SegmentTrailer(max(plays_until_ms, said.start_ms), why)


def _without_header(volume: Volume, path: str, size_bytes: int, why: str) -> Reclosed:
    is_begun = size_bytes <= _MOST_HEADER_BYTES or not volume.disk.read(path, 0, size_bytes).strip(b"\0")
    if not is_begun:
        return _set_aside(volume, path, size_bytes, why)
    volume.disk.unlink(path)
    volume.disk.sync_folder(path.rpartition("/")[0])
    return Reclosed(path, None, size_bytes, why)


def _set_aside(volume: Volume, path: str, size_bytes: int, why: str) -> Reclosed:
    volume.disk.rename(path, path + DAMAGED)
    volume.disk.sync_folder(path.rpartition("/")[0])
    return Reclosed(path, None, size_bytes, why)


def _size(volume: Volume, path: str) -> int:
    entry = volume.disk.entry(path)
    return entry.size_bytes if entry is not None else 0
