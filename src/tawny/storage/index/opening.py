"""Opening the index: to look at it, also while a recorder writes there; or as the one recorder, whatever its state.

Of another version of tawny, or damaged, it is made again from the files: it has nothing that they and the history lack.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tawny.model.errors import IndexDamaged, NotDone
from tawny.model.ids import CameraId
from tawny.storage.disk.reserve import Reserve
from tawny.storage.disk.secondary_volumes import attach_all
from tawny.storage.disk.volume import Volume
from tawny.storage.history.journal import HistoryJournal
from tawny.storage.index.catalogue import Catalogue
from tawny.storage.index.sqlite_index import SqliteIndex
from tawny.storage.index.sqlite_schema import is_older
from tawny.storage.repair.rebuild import Rebuilt, rebuild

log = logging.getLogger(__name__)

INDEX_NAME = "tawny.db"
SUFFIXES = ("-wal", "-shm", "")
"""Of the files that are one SQLite database; its main one last, so that no part is taken for a whole."""


def index_to_write(volume: Volume, history: HistoryJournal) -> SqliteIndex:
    """The index for the recorder that holds the volume's lock; made again from the files if it is gone or damaged.

    A damaged one is kept beside it (`tawny.db.damaged`). Raises DiskFull, FolderUnwritable, StorageError.
    """
    path = volume.root / INDEX_NAME
    Reserve(volume.disk).give_up()  # on a full disk a start needs it; retention fills it again
    if path.is_dir():
        _put_aside(path)
    if path.exists() and is_older(path):
        log.warning("%s is of an earlier version of tawny. It is made again from the files now.", path)
    elif path.exists():
        try:
            return _undamaged(volume, path)
        except IndexDamaged as error:
            log.error("%s It is made again from the files now.", error.message)
            _put_aside(path)
    rebuild_index(volume, history)
    return SqliteIndex(path, Catalogue(volume))


def rebuild_index(volume: Volume, history: HistoryJournal, progress: Callable[[int], None] = lambda _: None) -> Rebuilt:
    """Make `tawny.db` from the files, in place of what there is. It gets its name only when it is complete, so that an
    interruption leaves none or the old one, never a part. Raises DiskFull, FolderUnwritable, StorageError.
    """
    path = volume.root / INDEX_NAME
    new = path.with_name(f"{INDEX_NAME}.new")
    _unlink(new)
    index = SqliteIndex(new, Catalogue(volume))
    try:
        rebuilt = rebuild(volume, index, history, progress)
    finally:
        index.close()  # all of it is in the one file then
    _unlink(path)
    volume.disk.rename(new.name, path.name)
    volume.disk.sync_folder("")
    return rebuilt


def _undamaged(volume: Volume, path: Path) -> SqliteIndex:
    """Read whole once: a page that a dying card has harmed would else be met in the middle of the night."""
    index = SqliteIndex(path, Catalogue(volume))
    try:
        found = index.integrity()
    except IndexDamaged:
        index.close()
        raise
    if found:
        index.close()
        raise IndexDamaged(str(path), found)
    return index


def _put_aside(path: Path) -> None:
    for suffix in SUFFIXES:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(path.with_name(f"{path.name}.damaged{suffix}"))


def _unlink(path: Path) -> None:
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def index_to_read(folder: Path) -> Iterator[SqliteIndex]:
    """The index, read-only. IndexDamaged when it is gone or cannot be used."""
    path = folder / INDEX_NAME
    if not path.exists():
        raise IndexDamaged(str(path), "it is gone")
    volume = Volume.at(folder)
    attach_all(volume)  # what is away is told by whoever looks for its files
    index = SqliteIndex(path, Catalogue(volume), read_only=True)
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
    raise NotDone(f"{folder} has no recordings of a camera {name!r}.", f"Available cameras: {there}.")
