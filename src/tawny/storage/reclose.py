"""An open file that nobody writes any more gets its end: cut to what is whole, closed under its name, listed.

Nothing that can be played is thrown away. A file without a usable header holds nothing that was ever durable, because
the header is synced alone, before all else; if it is larger than that, it is set aside and not removed.
"""

from dataclasses import dataclass
from typing import Final

from tawny.media.fmp4 import end_box
from tawny.media.fmp4_file import SegmentFile, read_segment
from tawny.model.errors import DiskFull, FileDamaged
from tawny.model.packets import VIDEO_RATE
from tawny.model.segments import Segment
from tawny.storage.about import About, End, about_of
from tawny.storage.disk import OpenFile
from tawny.storage.layout import SegmentName
from tawny.storage.volume import Volume

DAMAGED: Final = ".damaged"
"""Behind the name of a file that was set aside."""
_MOST_HEADER_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reclosed:
    """segment: the row it has to get; None when nothing could be played. cut_bytes: how much was torn."""

    path: str
    segment: Segment | None
    cut_bytes: int
    why_cut: str = ""


def reclose(volume: Volume, name: SegmentName, why: str) -> Reclosed:
    """Close an open file. Raises StorageError."""
    path = name.path
    size_bytes = _size(volume, path)
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


def _closed(volume: Volume, said: About, read: SegmentFile, size_bytes: int, why: str) -> Reclosed:
    name = said.name
    end = _end(said, read, why)
    file = volume.disk.extend(name.path)
    try:
        if size_bytes != read.intact_bytes:
            file.cut(read.intact_bytes)
        if read.end is None:
            _append_end(file, read.intact_bytes, end)
        file.sync()
        size_bytes, cut_bytes = file.size_bytes, size_bytes - read.intact_bytes
    finally:
        file.close()
    closed = name.closed(end.end_ms)
    volume.disk.rename(name.path, closed.path)
    volume.disk.sync_folder(name.folder)
    return Reclosed(name.path, said.segment(closed, size_bytes), cut_bytes, read.reason)


def _append_end(file: OpenFile, good_bytes: int, end: End) -> None:
    """A full disk is no reason to leave the file open: its name tells its end as well."""
    try:
        file.append([end_box(end.record())])
    except DiskFull:
        file.cut(good_bytes)


def _end(said: About, read: SegmentFile, why: str) -> End:
    """What its recorder wrote as its end, else where its last picture ends."""
    plays_until_ms = said.start_ms + round(read.duration_ticks * 1000 / VIDEO_RATE)
    if read.end is not None and isinstance(read.end.get("end_ms"), int):
        end_ms = read.end["end_ms"]
        assert isinstance(end_ms, int)
        if abs(end_ms - plays_until_ms) < 1000:
            return End(end_ms, why)
    return End(max(plays_until_ms, said.start_ms), why)


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
