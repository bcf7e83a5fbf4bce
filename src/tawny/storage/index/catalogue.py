"""Catalogue: closed segments in the folders of an hour on all volumes, by file name and size; and one file's row.

The index stores only counts of settled hours and reads their segments from here. Listings are cached. A caller whose
count differs requests a new listing (`fresh`). Thread-safe.
"""

import threading
from collections import OrderedDict
from typing import Final, NamedTuple

from tawny.model.errors import FileDamaged, StorageError
from tawny.model.ids import CameraId, StreamName
from tawny.model.segments import Segment
from tawny.storage.disk.layout import HOUR_MS, SegmentName, hour_folder, segment_name
from tawny.storage.disk.secondary_volumes import any_away
from tawny.storage.disk.volume import Volume
from tawny.storage.segments.metadata import SegmentMetadata, read_about

MOST_FILES: Final = 2000
"""Maximum files per hour. An hour with more is neither cached nor settled, because no recorder produces it."""
_MOST_HOURS: Final = 96
"""Maximum cached hours, each of one camera; usually about 15 KB."""


class ListedSegment(NamedTuple):
    stream: StreamName
    start_ms: int
    end_ms: int
    size_bytes: int
    path: str
    is_thinned: bool


class CatalogueHour(NamedTuple):
    """Files in order of names. is_whole: every volume that may hold files of the hour was read."""

    files: tuple[ListedSegment, ...]
    is_whole: bool


class Catalogue:
    """Lists the hour folders.

    volume: the main volume, which knows the others. None: no folders exist.
    """

    def __init__(self, volume: Volume | None) -> None:
        self._volume = volume
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[CameraId, int], CatalogueHour] = OrderedDict()

    def hour(self, camera: CameraId, hour: int) -> CatalogueHour:
        """Return the cached listing. hour: hours since 1970."""
        with self._lock:
            known = self._known.get((camera, hour))
            if known is not None:
                self._known.move_to_end((camera, hour))
                return known
        return self.fresh(camera, hour)

    def fresh(self, camera: CameraId, hour: int) -> CatalogueHour:
        """Read the folders and return a new listing."""
        found = self._look(camera, hour)
        with self._lock:
            self._known.pop((camera, hour), None)
            if len(found.files) <= MOST_FILES:
                self._known[camera, hour] = found
            while len(self._known) > _MOST_HOURS:
                self._known.popitem(last=False)
        return found

    def about(self, path: str) -> SegmentMetadata | None:
        """Return the metadata of a file. None if it cannot be read."""
        for volume in self._everywhere:
            try:
                if volume.disk.entry(path) is not None:
                    return read_about(volume.disk, path)
            except StorageError:
                continue
        return None

    def _look(self, camera: CameraId, hour: int) -> CatalogueHour:
        folder, found = hour_folder(camera, hour * HOUR_MS), dict[str, ListedSegment]()
        is_whole = not self._may_be_away()
        for volume in self._everywhere:
            try:
                files = list(volume.files(folder))
            except StorageError:
                is_whole = False
                continue
            for path, entry in files:
                name = segment_name(path) if entry.kind == "file" else None
                if name is not None and name.end_ms is not None:
                    found.setdefault(
                        path,
                        ListedSegment(name.stream, name.start_ms, name.end_ms, entry.size_bytes, path, name.is_thinned),
                    )
        return CatalogueHour(tuple(found[path] for path in sorted(found)), is_whole)

    @property
    def _everywhere(self) -> tuple[Volume, ...]:
        return self._volume.everywhere if self._volume is not None else ()

    def _may_be_away(self) -> bool:
        try:
            return self._volume is None or any_away(self._volume)
        except StorageError:
            return True


def row_of(volume: Volume, name: SegmentName, size_bytes: int) -> Segment:
    """Return the row of a closed file. Reads the file's header.

    Raises FileDamaged if the header is unreadable or belongs to another camera, stream or time.
    """
    metadata = read_about(volume.disk, name.path)
    if metadata is None:
        raise FileDamaged(str(volume.root / name.path), "it does not say what it is")
    if metadata.name != SegmentName(name.camera, name.stream, name.start_ms, None, is_sealed=name.is_sealed):
        raise FileDamaged(
            str(volume.root / name.path),
            f"it says that it is {metadata.stream} of {metadata.camera} from {metadata.start_ms} on",
        )
    return metadata.segment(name, size_bytes)
