"""Thinning: reduces a segment to its keyframes as written, without decoding and without audio.

Each keyframe lasts until the next one, the last until the segment's end, so that the time stays recorded.

The thinned file gets its own name in the same folder. It is complete and durable before the row points to it, and the
full file is removed last. After an interruption one of them is playable. `finish_thinning` completes it at the next
start, because `OpenFolders` lists the folder.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Final

from tawny.media.mp4.fragment_writer import Sample, end_box, fragment, init_segment
from tawny.media.mp4.leaf_proof import hash_box, hashes_of
from tawny.media.mp4.segment_reader import SamplePlace, SegmentReader, places, read_segment
from tawny.model.errors import DiskFull, FileDamaged, StorageError, StorageUnavailable
from tawny.model.packets import VIDEO_RATE
from tawny.model.segments import Segment
from tawny.sealed.file_reader import FileEnding, can_be_thinned, thin_file
from tawny.sealed.header import SealedHeader
from tawny.storage.disk.layout import SegmentName, segment_name
from tawny.storage.disk.volume import FileUnreadable, Volume, read_source
from tawny.storage.history.file_signing import read_sealed
from tawny.storage.index.catalogue import row_of
from tawny.storage.index.protocol import Index
from tawny.storage.retention.removal import forget_damage
from tawny.storage.segments.metadata import THINNED_FROM, SegmentMetadata, SegmentTrailer, about_of, read_header

NEW: Final = ".new"
"""Suffix of an incomplete thinned file."""
WHY: Final = "thinned"


def thin(volume: Volume, index: Index, segment: Segment) -> Segment | None:
    """Reduce a segment to keyframes. Return None if it has none, is already thinned or no longer exists.

    Raises FileDamaged or FileUnreadable for this file, and StorageError. The segment is then unchanged, or
    `finish_thinning` completes it.
    """
    full, holding = segment_name(segment.path), volume.holding(segment.path)
    if full is None or full.is_thinned or full.end_ms is None or holding is None:
        return None
    volume = holding
    if full.is_sealed:
        return _thin_sealed(volume, index, segment, full)
    read = read_segment(volume.path(segment.path))
    metadata = about_of(read.about)
    kept = _keyframes(read, round((full.end_ms - full.start_ms) * VIDEO_RATE / 1000))
    if metadata is None or not kept:
        return None
    name, header = replace(full, is_thinned=True), read_header(volume.disk, full.path)
    volume.open_folders.enter(name.folder)
    try:
        size_bytes = _write(volume, name, replace(metadata, audio=""), read, kept, full.path, header)
    except (FileDamaged, FileUnreadable):
        volume.disk.unlink(name.path + NEW)
        volume.open_folders.leave(name.folder)
        raise
    return _replace(volume, index, full, replace(segment, path=name.path, size_bytes=size_bytes, audio=""))


def _state(volume: Volume, header: SealedHeader | None) -> None:
    """Record the thinning in the signed history, durably before the file appears: a power cut leaves it explained."""
    if volume.signed is None or header is None:
        return
    volume.signed.add_thinned(header)
    with suppress(DiskFull):  # written once thinning has freed the space
        volume.signed.write_items()


def _thin_sealed(volume: Volume, index: Index, segment: Segment, full: SegmentName) -> Segment | None:
    """Thin a sealed file without its key: remove data between keyframes, keep its hashes. The signature stays valid."""
    read = read_sealed(volume.disk, full.path, deep=True)
    if read.ends is FileEnding.DAMAGED:
        raise FileDamaged(str(volume.root / full.path), "it was changed")
    if not can_be_thinned(read):
        return None
    name = replace(full, is_thinned=True)
    volume.open_folders.enter(name.folder)
    disk, new = volume.disk, name.path + NEW
    disk.unlink(new)
    file = disk.create(new)
    try:
        for piece in thin_file(read):
            file.append([piece])
        file.sync()
        size_bytes = file.size_bytes
    finally:
        file.close()
    _state(volume, read.header)
    disk.rename(new, name.path)
    disk.sync_folder(name.folder)
    return _replace(volume, index, full, replace(segment, path=name.path, size_bytes=size_bytes))


def _replace(volume: Volume, index: Index, full: SegmentName, row: Segment) -> Segment:
    """Point the row to the durable thinned file, and remove the full file."""
    _lead_to(index, row)
    volume.disk.unlink(full.path)
    volume.disk.sync_folder(full.folder)
    volume.open_folders.leave(full.folder)
    return row


def finish_thinning(volume: Volume, index: Index, folder: str) -> int:
    """Complete interrupted thinning in a folder. Return the number of segments."""
    there = {path: entry for path, entry in volume.files(folder) if entry.kind == "file"}
    count = 0
    for path, entry in there.items():
        begun = segment_name(path.removesuffix(NEW))
        if path.endswith(NEW) and begun is not None:
            volume.disk.unlink(path)
            count += 1
        elif begun is not None and begun.is_thinned:
            count += _finish(volume, index, begun, entry.size_bytes, there)
    if count:
        volume.disk.sync_folder(folder)
    return count


def _finish(volume: Volume, index: Index, name: SegmentName, size_bytes: int, there: Iterable[str]) -> bool:
    full = replace(name, is_thinned=False).path
    try:
        row = row_of(volume, name, size_bytes)
    except StorageUnavailable:
        raise
    except StorageError:
        return False  # reported by recovery and `check`; the full file stays
    listed = index.segment(row.id)
    if listed is not None and listed.path == full:
        _lead_to(index, replace(row, run=listed.run))
    if full not in there:
        return False
    volume.disk.unlink(full)
    return True


def _lead_to(index: Index, row: Segment) -> None:
    with index.together():
        index.drop_segments([row])
        index.add_segment(row)
        forget_damage(index, row)


def _keyframes(read: SegmentReader, end_ticks: int) -> list[tuple[SamplePlace, int]]:
    """Return each keyframe and its duration in 90 kHz ticks, in order."""
    found = [place for place in places(read, read.fragments) if place.is_video and place.is_keyframe]
    if not found:
        return []
    ends = [*(after.pts for _, after in pairwise(found)), max(end_ticks, found[-1].pts + 1)]
    return [(place, max(1, end - place.pts)) for place, end in zip(found, ends, strict=True)]


def _write(
    volume: Volume,
    name: SegmentName,
    metadata: SegmentMetadata,
    read: SegmentReader,
    kept: list[tuple[SamplePlace, int]],
    source: str,
    header: SealedHeader | None,
) -> int:
    """Write and state the thinned file durably. Return its size in bytes."""
    assert name.end_ms is not None
    disk, new = volume.disk, name.path + NEW
    disk.unlink(new)
    file = disk.create(new)
    known_as = {} if header is None else {THINNED_FROM: header.packed().hex()}
    hashes: list[bytes] = []
    try:
        file.append([init_segment(read.video, None, {**metadata.record(), **known_as})])
        for number, (place, duration) in enumerate(kept, 1):
            data = read_source(volume, source, place.offset, place.size)
            if len(data) != place.size:
                raise FileDamaged(source, "it became shorter while it was thinned")
            parts = fragment(number, [Sample(data, place.pts, duration, is_keyframe=True)], (), place.pts)
            hashes += hashes_of(parts)
            file.append(parts)
        file.append([hash_box(hashes), end_box(SegmentTrailer(name.end_ms, WHY).record())])
        file.sync()
        size_bytes = file.size_bytes
    finally:
        file.close()
    _state(volume, header)
    disk.rename(new, name.path)
    disk.sync_folder(name.folder)
    return size_bytes
