"""Space of a disk that files other than recordings may take: what is free above the share that retention keeps free.

Retention deletes recordings once less is free, so a file that goes below would push them out. A writer reserves its
whole size before it begins; reservations count as used, so that writers in parallel can't take the same space.
Thread-safe.
What happens when the disk is full: `storage.retention.runner.Retention.make_room`.
"""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

SPARE_SHARE: Final = 0.02
"""Share of the disk that stays free for the recorder, whatever retention keeps."""


class DiskHeadroom:
    """Reservations on one disk.

    folder: on that disk. keep_share: returns the share, 0..1, that retention keeps free.
    """

    def __init__(self, folder: Path, keep_share: Callable[[], float] = lambda: 0.0) -> None:
        self._folder, self._keep_share = folder, keep_share
        self._lock = threading.Lock()
        self._reserved: dict[int, int] = {}
        self._last = 0

    def reserve(self, size_bytes: int, *, may_use_kept: bool = False) -> int | None:
        """Reserve space. Return the reservation's number; None if there is not enough. Raises OSError.

        may_use_kept: leave only SPARE_SHARE free, so that retention makes room by deleting recordings.
        """
        with self._lock:
            if size_bytes > self._free_bytes(may_use_kept=may_use_kept):
                return None
            self._last += 1
            self._reserved[self._last] = size_bytes
            return self._last

    def resize(self, reservation: int, size_bytes: int) -> None:
        """Set what is still to be written of a reservation; 0 ends it."""
        with self._lock:
            if size_bytes > 0:
                self._reserved[reservation] = size_bytes
            else:
                self._reserved.pop(reservation, None)

    def free_bytes(self) -> int:
        """Return the space that can be reserved without retention making room for it. Raises OSError."""
        with self._lock:
            return max(0, self._free_bytes(may_use_kept=False))

    def _free_bytes(self, *, may_use_kept: bool) -> int:
        disk = shutil.disk_usage(self._folder)
        share = SPARE_SHARE if may_use_kept else max(SPARE_SHARE, self._keep_share())
        return disk.free - sum(self._reserved.values()) - round(disk.total * share)
