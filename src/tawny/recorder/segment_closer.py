"""How a segment gets its last name and is listed; what the disk refuses is tried again later. Any thread may call."""

import logging
import threading
from collections import deque

from tawny.engine import Bus
from tawny.model.errors import StorageError
from tawny.model.ids import SegmentId
from tawny.model.messages import SegmentClosed
from tawny.model.segments import Segment
from tawny.storage.disk.disk import parent_of
from tawny.storage.disk.volume import Volume
from tawny.storage.history.signed_history import SignedHistory
from tawny.storage.index.protocol import Index
from tawny.storage.segments.metadata import SegmentTrailer
from tawny.storage.segments.open_segment import OpenSegment

log = logging.getLogger(__name__)


class SegmentCloser:
    """What is closed waits for `retry`, which lists all of it in one change of the index: cameras' files end together.

    Always true: a file's folder is left in `OpenFolders` only when it is listed in the index, or gone.
    """

    def __init__(self, index: Index, bus: Bus, history: SignedHistory | None = None) -> None:
        """history: lists what is closed, too."""
        self._index, self._bus, self._history = index, bus, history
        self._lock = threading.Lock()
        self._unnamed: deque[tuple[OpenSegment, SegmentTrailer]] = deque()
        self._unlisted: dict[SegmentId, tuple[Segment, Volume]] = {}
        self.is_due = False
        """Something was closed that was not tried to be listed yet."""

    def finish(self, file: OpenSegment, end: SegmentTrailer) -> None:
        """Name it; if the disk does not let us, `retry` goes on from there."""
        try:
            segment = file.close(end)
        except StorageError as error:
            log.warning("%s could not be closed and will be later: %s", file.about.name.path, error)
            with self._lock:
                self._unnamed.append((file, end))
            return
        if segment is None:
            file.volume.open_folders.leave(file.about.name.folder)
            return
        with self._lock:
            self._unlisted[segment.id] = segment, file.volume
            self.is_due = True

    def _write_items(self, history: SignedHistory) -> None:
        try:
            history.write_items()
        except StorageError as error:
            log.warning("the signed history is not written yet: %s", error)

    def unlisted(self) -> list[Segment]:
        """Closed, and not in the index yet."""
        with self._lock:
            return [segment for segment, _ in self._unlisted.values()]

    def has(self, segment_id: SegmentId) -> bool:
        """Whether it is one of those."""
        return segment_id in self._unlisted

    @property
    def left(self) -> int:
        """How many wait for another try."""
        return len(self._unnamed) + len(self._unlisted)

    def retry(self) -> None:
        """Try each that waits once more. By a thread that may wait for the first volume."""
        with self._lock:
            self.is_due = False
            unnamed = list(self._unnamed)
            self._unnamed.clear()
        for file, end in unnamed:
            self.finish(file, end)
        with self._lock:
            waiting = list(self._unlisted.values())
        if self._history is not None:
            self._write_items(self._history)
        try:
            with self._index.together():
                for segment, _ in waiting:
                    self._index.add_segment(segment)
        except StorageError as error:
            log.warning("%d files are not in the index yet: %s", len(waiting), error)
            return
        for segment, volume in waiting:
            with self._lock:
                del self._unlisted[segment.id]
            volume.open_folders.leave(parent_of(segment.path))
            self._bus.publish(SegmentClosed(segment))
