"""Finalization of segments: final name and index row, with retries after disk errors. Thread-safe."""

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
    """Closes segments. `retry` adds all closed segments in one index transaction, because cameras' files end together.

    Invariant: a file leaves `OpenFolders` only when it is in the index or removed.
    """

    def __init__(self, index: Index, bus: Bus, history: SignedHistory | None = None) -> None:
        """history: signed history that lists closed files; None if not signed."""
        self._index, self._bus, self._history = index, bus, history
        self._lock = threading.Lock()
        self._unnamed: deque[tuple[OpenSegment, SegmentTrailer]] = deque()
        self._unlisted: dict[SegmentId, tuple[Segment, Volume]] = {}
        self.is_due = False
        """Closed segments wait for their first attempt to be added to the index."""

    def finish(self, file: OpenSegment, end: SegmentTrailer) -> None:
        """Finalize a segment. After a disk error, `retry` continues."""
        try:
            segment = file.close(end)
        except StorageError as error:
            log.warning("cannot close %s, retrying later: %s", file.about.name.path, error)
            with self._lock:
                self._unnamed.append((file, end))
            return
        if segment is None:
            file.volume.open_folders.leave(file.about.name.folder)
            return
        with self._lock:
            self._unlisted[segment.id] = segment, file.volume
            self.is_due = True

    def _write_items(self, history: SignedHistory) -> bool:
        try:
            history.write_items()
        except StorageError as error:
            log.warning("cannot write the signed history, retrying later: %s", error)
            return False
        return True

    def unlisted(self) -> list[Segment]:
        """Return closed segments that are not yet in the index."""
        with self._lock:
            return [segment for segment, _ in self._unlisted.values()]

    def has(self, segment_id: SegmentId) -> bool:
        """Return whether the segment is closed but not yet in the index."""
        return segment_id in self._unlisted

    @property
    def left(self) -> int:
        """Number of files waiting for a retry."""
        return len(self._unnamed) + len(self._unlisted)

    def retry(self) -> None:
        """Retry all waiting files. Call from a thread that may block on the main volume."""
        with self._lock:
            self.is_due = False
            unnamed = list(self._unnamed)
            self._unnamed.clear()
        for file, end in unnamed:
            self.finish(file, end)
        with self._lock:
            waiting = list(self._unlisted.values())
        is_signed = self._history is None or self._write_items(self._history)
        try:
            with self._index.together():
                for segment, _ in waiting:
                    self._index.add_segment(segment)
        except StorageError as error:
            log.warning("cannot add %d files to the index, retrying later: %s", len(waiting), error)
            return
        for segment, volume in waiting:
            with self._lock:
                del self._unlisted[segment.id]
            volume.open_folders.leave(parent_of(segment.path))
            self._bus.publish(SegmentClosed(segment))
        for volume in {volume for _, volume in waiting} if is_signed else ():
            volume.open_folders.save()
