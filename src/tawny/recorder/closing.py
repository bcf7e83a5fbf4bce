"""How a segment gets its last name and its row; what the disk refuses now is tried again later. Any thread may call."""

import logging
import threading
from collections import deque

from tawny.engine import Bus
from tawny.model.errors import StorageError
from tawny.model.messages import SegmentClosed
from tawny.model.segments import Segment
from tawny.storage.about import End
from tawny.storage.index import Index
from tawny.storage.segment_file import SegmentFile
from tawny.storage.volume import Volume

log = logging.getLogger(__name__)


class Closing:
    """home: the volume that has the index. What is closed on another one gets its row by `retry`, from a thread that
    may wait for the first disk.

    Always true: a file's folder is left in `OpenFolders` only when its row is in the index, or the file is gone.
    """

    def __init__(self, index: Index, bus: Bus, home: Volume) -> None:
        self._index, self._bus, self._home = index, bus, home
        self._lock = threading.Lock()
        self._unnamed: deque[tuple[SegmentFile, End]] = deque()
        self._unlisted: deque[tuple[Segment, Volume]] = deque()
        self.is_due = False
        """Something was closed on another volume that `retry` can list at once."""

    def finish(self, file: SegmentFile, end: End) -> None:
        """Name and list it; if the disk does not let us, `retry` goes on from there."""
        try:
            segment = file.close(end)
        except StorageError as error:
            log.warning("%s could not be closed and will be later: %s", file.about.name.path, error)
            with self._lock:
                self._unnamed.append((file, end))
            return
        if segment is None:
            file.volume.open_folders.leave(file.about.name.folder)
        elif file.volume is self._home:
            self._list(segment, file.volume)
        else:
            with self._lock:
                self._unlisted.append((segment, file.volume))
                self.is_due = True

    def _list(self, segment: Segment, volume: Volume) -> None:
        try:
            self._index.add_segment(segment)
        except StorageError as error:
            log.warning("%s is not in the index yet: %s", segment.path, error)
            with self._lock:
                self._unlisted.append((segment, volume))
            return
        volume.open_folders.leave(segment.path.rpartition("/")[0])
        self._bus.publish(SegmentClosed(segment))

    @property
    def left(self) -> int:
        """How many wait for another try."""
        return len(self._unnamed) + len(self._unlisted)

    def retry(self) -> None:
        """Try each that waits once more. By a thread of the first volume's."""
        with self._lock:
            self.is_due = False
            unnamed, unlisted = list(self._unnamed), list(self._unlisted)
            self._unnamed.clear()
            self._unlisted.clear()
        for file, end in unnamed:
            self.finish(file, end)
        for segment, volume in unlisted:
            self._list(segment, volume)
