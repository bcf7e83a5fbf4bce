"""Reserved disk space, released when the disk is full: removal needs space to record what it removes.

The file `history/reserve` holds zeros. It is removed before space is freed and written again when enough is free.
"""

from typing import Final

from tawny.model.errors import StorageError
from tawny.storage.disk.disk import DiskAccess

_PATH: Final = "history/reserve"
_LEAST_BYTES: Final = 256 * 1024
_MOST_BYTES: Final = 16 * 1024 * 1024


class Reserve:
    """The reserve of one disk. Call from one thread at a time."""

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk

    @property
    def size_bytes(self) -> int:
        return max(_LEAST_BYTES, min(_MOST_BYTES, self._disk.space().total_bytes // 200))

    def fill(self) -> None:
        """Write the reserve file if twice its size is free. Raises StorageError."""
        size_bytes = self.size_bytes
        if self._disk.entry(_PATH) is not None or self._disk.space().free_bytes < 2 * size_bytes:
            return
        self._disk.make_folder("history")
        file = self._disk.create(_PATH)
        try:
            for begin in range(0, size_bytes, _LEAST_BYTES):
                file.append([bytes(min(_LEAST_BYTES, size_bytes - begin))])
            file.sync()
        except StorageError:
            self.give_up()
            raise
        finally:
            file.close()

    def give_up(self) -> None:
        """Release the reserved space."""
        self._disk.unlink(_PATH)
