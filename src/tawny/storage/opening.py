"""Opening the index: to look at it, also while a recorder writes there; or as the one recorder, whatever its state."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tawny.model.errors import IndexDamaged, NotDone
from tawny.model.ids import CameraId
from tawny.storage.history import History
from tawny.storage.rebuild import rebuild
from tawny.storage.sqlite_index import SqliteIndex
from tawny.storage.volume import Volume

log = logging.getLogger(__name__)

INDEX_NAME = "tawny.db"


def index_to_write(volume: Volume, history: History) -> SqliteIndex:
    """The index for the recorder that holds the volume's lock. One that is gone or damaged is made again from the files.

    A damaged one is kept beside it (`tawny.db.damaged`). Raises DiskFull, FolderUnwritable, StorageError.
    """
    path = volume.root / INDEX_NAME
    was_there = path.exists()
    try:
        index = SqliteIndex(path)
        if was_there:
            return index
    except IndexDamaged as error:
        log.error("%s It is made again from the files now.", error.message)
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.replace(part.with_name(f"{part.name}.damaged"))
        index = SqliteIndex(path)
    rebuild(volume, index, history)
    return index


@contextmanager
def index_to_read(folder: Path) -> Iterator[SqliteIndex]:
    """The index, read-only. IndexDamaged when it is gone or cannot be used."""
    path = folder / INDEX_NAME
    if not path.exists():
        raise IndexDamaged(str(path), "it is gone")
    index = SqliteIndex(path, read_only=True)
    try:
        yield index
    finally:
        index.close()


def known_camera(folder: Path, name: str) -> CameraId:
    """A camera that has recordings here. NotDone names those that have."""
    known = Volume.at(folder).cameras()
    if name in known:
        return CameraId(name)
    there = ", ".join(sorted(known)) or "none yet"
    raise NotDone(f"{folder} has no recordings of a camera {name!r}.", f"Cameras there: {there}.")
