"""A little room that is kept for the moment when the disk is full: removing needs some, to write down what goes.

The file `history/reserve` holds nothing. It is given up before room is made, and filled again when there is enough.
"""

from typing import Final

from tawny.model.errors import StorageError
from tawny.storage.disk.disk import DiskAccess

_PATH: Final = "history/reserve"
_LEAST_BYTES: Final = 256 * 1024
_MOST_BYTES: Final = 16 * 1024 * 1024


class Reserve:
    """One thread at a time."""

    def __init__(self, disk: DiskAccess) -> None:
        self._disk = disk

    @property
    def size_bytes(self) -> int:
        return max(_LEAST_BYTES, min(_MOST_BYTES, self._disk.space().total_bytes // 200))

    def fill(self) -> None:
        """Have the room reserved, if there is twice as much free. Raises StorageError."""
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
        """Let others have the room."""
        self._disk.unlink(_PATH)
