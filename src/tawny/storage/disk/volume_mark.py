"""The mark of a volume, which says which disk is mounted in its place."""

from contextlib import suppress
from pathlib import Path
from typing import Final

MARK: Final = "history/volume"
OTHER_DISK: Final = "the disk that should be there is not"


def disk_mark(file: Path) -> bytes:
    """Return the mark of the volume that has this file in its main folder or in `history`; empty without one.

    Raises OSError: no descriptor is free, or the disk can't read it, which says nothing about which disk it is.
    """
    for folder in file.parents[:2]:
        with suppress(FileNotFoundError, NotADirectoryError):
            return (folder / MARK).read_bytes().strip()
    return b""
